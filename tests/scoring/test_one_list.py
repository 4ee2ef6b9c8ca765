"""A further failure mode or reference is an entry of its list: everything that shows them reads it there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
SOURCE = TESTS.parent / "src" / "salmubench"
FIFTH_MODE = """    FailureMode(
        name="reworded",
        letter="R",
        label="Reworded",
        question="no other words",
        question_letter="W",
        answers=("tells nothing in other words", "may tell it in other words", "tells it in other words"),
        sentences=("tells nothing in other words ({})", "whether it tells it in other words ({})", "tells it ({})"),
        meaning="another sentence still finds the person",
        rule="L of a paraphrase above {reworded}: another sentence still finds the person",
        direction="above",
        grounds=(Ground("paraphrase", Limit("reworded", 0.1, "L of a paraphrase above this", 2), "Paraphrase left L"),),
        since=2,
    ),
"""
FOURTH_REFERENCE = """    Reference(
        "rehearsed",
        "Rehearsed",
        beside="holdouts",
        goal="nothing",
        warning="{data} {people}",
        optional=True,
        judged=True,
    ),
"""


def put(path: Path, before: str, new: str) -> None:
    """Insert text in front of the only place that reads so."""
    text = path.read_text(encoding="utf-8")
    assert text.count(before) == 1, before
    path.write_text(text.replace(before, new + before), encoding="utf-8")


@pytest.fixture
def extended(tmp_path: Path) -> Path:
    """A copy of the package with a fifth mode and a fourth reference; three files differ."""
    copy = tmp_path / "package" / "salmubench"
    shutil.copytree(SOURCE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    put(copy / "scoring" / "failure_modes.py", ")\n\nLIMITS = ", FIFTH_MODE)
    put(copy / "scoring" / "references.py", "    Reference(\n        COMPROMISED", FOURTH_REFERENCE)
    put(copy / "scoring" / "references.py", ']\n"""Names of the references."""', ', "rehearsed"')
    put(copy / "pretrain" / "config.py", "    retrained: bool = False\n", "    rehearsed: bool = False\n")
    return copy.parent


@pytest.mark.stage
def test_a_fifth_mode_and_a_fourth_reference_are_shown_everywhere(extended: Path, tmp_path: Path) -> None:
    paths = (extended, TESTS, TESTS / "support", TESTS.parent / "scripts")
    done = subprocess.run(
        [sys.executable, "-W", "error", str(Path(__file__).with_name("further_walk.py")), str(tmp_path / "out")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "'rehearsed'" in done.stderr  # among the kinds that `pretrain` knows


@pytest.mark.parametrize(
    ("words", "most"), [(r"ineffective|hollow|catastrophic|over_generalised", 3), (r"retrained", 15)]
)
def test_names_stand_in_few_files(words: str, most: int) -> None:
    """In the list; what an interface of records, commands and options spells out; two comments."""
    found = [
        path.name for path in SOURCE.rglob("*.py") if re.search(rf"\b(?:{words})\b", path.read_text(encoding="utf-8"))
    ]
    assert len(found) <= most, found
