"""One contest that is done, for all tests of its folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from contest_world import SEEDS, begin, write_plan, write_references
from salmubench.cli.main import main


@pytest.fixture(scope="session")
def references(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`worlds/` with dataset and references of each seed; read only."""
    root = tmp_path_factory.mktemp("references")
    for seed in (*SEEDS, 1000, 1001):
        write_references(root / str(seed), seed)
    return root


@pytest.fixture(scope="session")
def done(references: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Plan and folder of a contest of three worlds; read only."""
    plan = write_plan(tmp_path_factory.mktemp("plan"))
    out = begin(references, tmp_path_factory.mktemp("contest") / "out")
    assert main(["contest", str(plan), "--out", str(out), "--precision", "fp32"]) == 0
    return plan, out
