"""The recipe tiny with two references, trained for two epochs: for tests that need a run, not what it finds."""

from __future__ import annotations

from pathlib import Path

import yaml

from salmubench import recipe as recipes


def write_short_recipe(path: Path) -> Path:
    """Write it."""
    given = recipes.load("tiny").given
    given["pretrain"] = {**given["pretrain"], "keep_epochs": [], "epochs": 2, "retrained": False}
    path.write_text(yaml.safe_dump(given))
    return path
