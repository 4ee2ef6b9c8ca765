"""A small model that has learnt the tiny dataset's forget pairs, and how to run a method on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from salmubench.dataset.layout import open_dataset
from salmubench.unlearn import unlearn
from taught import one_thread, teach  # noqa: F401
from tiny import tiny_dataset
from tiny_model import tiny_model
from unlearn_runs import FAST, Runner


@pytest.fixture(scope="session")
def leaking_model(stage: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model trained on forget and retain pairs until the pairs are clearly similar."""
    root = tmp_path_factory.mktemp("leaking")
    dataset = open_dataset(tiny_dataset(root / "dataset"))
    teach(tiny_model(root / "random"), dataset, ("forget", "retain_synth"), root / "leaking", batch=24)
    return root / "leaking"


@pytest.fixture
def run(leaking_model: Path, tiny_folder: Path, tmp_path: Path) -> Runner:
    """Run a method on the leaking model: `run(method, name=…, **arguments of unlearn)`."""

    def runner(method: str, *, name: str = "out", **given: Any) -> Path:
        defaults: dict[str, Any] = {
            "model": leaking_model, "dataset": tiny_folder, "seed": 0, "settings": FAST, "budget": 5,
            "precision": "fp32", "device": "cpu",
        }  # fmt: skip
        return unlearn(method, out=tmp_path / name, **{**defaults, **given})

    return runner
