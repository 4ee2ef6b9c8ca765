"""Models to compare the attacked ones with."""

from __future__ import annotations

from pathlib import Path

import pytest

from salmubench.dataset.layout import open_dataset
from taught import Attacked, one_thread, teach, world  # noqa: F401
from tiny_model import tiny_model


@pytest.fixture(scope="session")
def retrained(world: Attacked, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: F811
    """What exact unlearning gives: the holdouts learnt, `forget` never seen."""
    out = tmp_path_factory.mktemp("retrained") / "retrained"
    splits = ("holdout_identity", "holdout_association")
    teach(world.clean, open_dataset(world.dataset), splits, out, steps=240, batch=48)
    return out


@pytest.fixture(scope="session")
def second_clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has learnt nothing either, of other random weights."""
    return tiny_model(tmp_path_factory.mktemp("second") / "second", seed=1)
