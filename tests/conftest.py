"""Fixtures that several parts share. Having this file also puts `tests/` on the path: `from tiny import …`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tiny import tiny_dataset


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny valid dataset; read only."""
    return tiny_dataset(tmp_path_factory.mktemp("tiny") / "dataset")
