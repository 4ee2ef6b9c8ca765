"""Committed contests decided again: what it says, the packed records, and another plan."""

from __future__ import annotations

import io
import json
import lzma
import os
import shutil
import statistics
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from salmubench.contest.again import LATER, NOT_RECOMPUTED, PACKED, UNPACKED, checked, decide_again
from salmubench.contest.power import last, power, spreads_of
from salmubench.core.errors import ConfigError, RecordError
from salmubench.scoring.contest_record import read_contest

RESULTS = Path(__file__).parents[2] / "results"
LEVEL = RESULTS / "contest-level"
SECOND = RESULTS / "contest-2"


def test_the_committed_result_follows_from_the_committed_records() -> None:
    found, committed = decide_again(LEVEL / "contest.yaml", LEVEL), read_contest(LEVEL / "contest.json")
    assert replace(found, provenance=committed.provenance) == committed
    assert (found.plan.standing, found.notes[0]) == ("exploratory", LATER)


def test_retrained_passes_in_both_contests_and_all_candidates_of_the_first_fail() -> None:
    for name in ("contest", "contest-level"):
        row = read_contest(RESULTS / name / "contest.json").exact
        assert row is not None
        assert row.decision is not None
        assert (row.decision.answer, row.decision.without_one, len(row.views)) == ("passes", {"passes": 6}, 8)
    rows = read_contest(RESULTS / "contest" / "contest.json").rows
    assert {row.decision.answer for row in rows if row.decision is not None} == {"fails"}


def test_another_plan_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Expected the plan that the contest in .* ran by"):
        decide_again(RESULTS / "contest" / "contest.yaml", LEVEL)
    with pytest.raises(RecordError, match="Run it first"):
        decide_again(LEVEL / "contest.yaml", tmp_path)
    shutil.copy(LEVEL / "contest.json", tmp_path)
    whole = (tmp_path / "contest.json").read_text()
    for change, message in (
        (lambda data: data.update(plan=1), "plan"),
        (lambda data: data.update(rows=data["rows"][:1]), "Expected rows of the plan's"),
        (lambda data: data["leagues"][0].update(title=None), r"leagues\[0\].title, got None"),
    ):
        data = json.loads(whole)
        change(data)
        (tmp_path / "contest.json").write_text(json.dumps(data))
        with pytest.raises(RecordError, match=message):
            decide_again(LEVEL / "contest.yaml", tmp_path)


def first_ranked(data: dict[str, Any]) -> dict[str, Any]:
    return next(row for row in data["rows"] if row["decision"]["answer"] == "fails")


def test_numbers_whose_squares_are_infinite_are_refused(tmp_path: Path) -> None:
    data = json.loads((LEVEL / "contest.json").read_text())
    next(iter(data["rows"][0]["worlds"].values()))["numbers"]["leakage"] = 1e200
    (tmp_path / "contest.json").write_text(json.dumps(data))
    with pytest.raises(RecordError, match="leakage"):
        checked(tmp_path / "contest.json")


LIES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "a mean": (lambda data: data["rows"][0]["numbers"]["leakage"].update(mean=0.0), "its worlds give, .*got 0"),
    "Retrained's mean": (lambda data: data["retrained"]["numbers"]["fact"].update(mean=9.0), "got 9"),
    "how often it passes": (lambda data: data["rows"][0].update(outcomes={"passes": 6}), "what its worlds give"),
    "a failure mode": (lambda data: data["rows"][0]["modes"].update(hollow={"no": 6}), "what its worlds give"),
    "an outcome": (
        lambda data: next(iter(data["rows"][0]["worlds"].values())).update(outcome="passes"), "what its worlds give"
    ),
    "a p value": (lambda data: data["differences"][0].update(p=1e-9, p_holm=1e-9), "got 1e-09"),
    "a reversed interval": (lambda data: data["differences"][0]["ci95"].reverse(), "what its worlds give"),
    "a reversed interval of a view": (lambda data: data["rows"][0]["views"][0]["ci90"].reverse(), "an interval of"),
    "ranks": (lambda data: data["rankings"][0]["groups"].reverse(), "what its worlds give"),
    "thresholds": (lambda data: data["thresholds"].update(catastrophic=0.5), "thresholds of this version"),
    "a decision": (lambda data: first_ranked(data)["decision"].update(answer="passes"), "the decision that its views"),
    "a view's answer": (
        lambda data: next(
            view for view in first_ranked(data)["views"] if view["answer"] == "beyond"
        ).update(answer="inside"),
        "that its interval gives|the decision that",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LIES)
def test_a_result_for_a_board_says_what_follows_from_its_worlds(name: str, tmp_path: Path) -> None:
    change, message = LIES[name]
    data = json.loads((LEVEL / "contest.json").read_text())
    change(data)
    (tmp_path / "contest.json").write_text(json.dumps(data))
    with pytest.raises(RecordError, match=message):
        checked(tmp_path / "contest.json")


def test_what_cannot_be_recomputed_is_said_and_records_are_judged_anew(tmp_path: Path) -> None:
    """A world's number, with all that follows from it changed alike, is told by the records only."""
    copy = Path(shutil.copytree(LEVEL, tmp_path / "level"))
    assert NOT_RECOMPUTED not in checked(copy / "contest.json").notes
    data = json.loads((copy / "contest.json").read_text())
    seconds = 123.0
    row = data["rows"][0]
    for world in row["worlds"].values():
        world["numbers"]["processor_seconds"] = seconds
    row["numbers"]["processor_seconds"] = {"mean": seconds, "ci95": [seconds, seconds], "worlds": len(row["worlds"])}
    (copy / "contest.json").write_text(json.dumps(data))
    with pytest.raises(RecordError, match="what its worlds give"):
        checked(copy / "contest.json")
    shutil.rmtree(copy / "worlds")
    assert checked(copy / "contest.json").notes[0] == NOT_RECOMPUTED


@pytest.mark.stage
def test_packed_records_that_are_damaged_or_unpack_to_much_are_refused(tmp_path: Path) -> None:
    """A contest for a board comes from anybody."""
    copy = Path(shutil.copytree(LEVEL, tmp_path / "level"))
    archive = next(copy.glob(f"worlds/*/records/{PACKED}"))
    whole = archive.read_bytes()
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        large = tarfile.TarInfo("a.json")
        large.size = UNPACKED
        tar.addfile(large, io.BytesIO(bytes(UNPACKED)))
    bomb = lzma.compress(stream.getvalue(), preset=0)
    assert len(bomb) < 100_000
    for data in (whole[: len(whole) // 2], b"no archive", bomb, lzma.compress(b"no archive in it")):
        archive.write_bytes(data)
        with pytest.raises(RecordError, match=f"Expected packed records in .*{PACKED}, got: .*Pack them again"):
            checked(copy / "contest.json")
    archive.write_bytes(whole)
    os.mkfifo(archive.with_name("pipe.json"))  # a reader that opened it would wait for ever
    with pytest.raises(RecordError, match="got: a pipe or device"):
        checked(copy / "contest.json")


@pytest.mark.stage
def test_power_by_the_spreads_of_the_last_contest() -> None:
    found = spreads_of(read_contest(SECOND / "contest.json"))
    assert list(found) == list(last())
    for name, spread in last().items():
        assert spread.method == pytest.approx(found[name].method, abs=1e-4)
        assert spread.exact == pytest.approx(found[name].exact, abs=1e-4)
    four, ten = power(4), power(10)
    assert four.method < 0.8 < 0.9 < ten.method
    assert min(four.exact, ten.exact) > 0.95
    assert (ten.enough, four.enough, power(2).enough) == (True, False, False)


def test_what_destroys_models_says_nothing_of_how_a_good_method_spreads() -> None:
    contest = read_contest(SECOND / "contest.json")
    found = spreads_of(contest)
    for name, spread in found.items():
        views = [view for row in contest.rows for view in row.views if view.name == name]
        near = sorted((max(0, (view.low or -9) - view.mean, view.mean - (view.high or 9)), view.sd) for view in views)
        inside = [sd for beyond, sd in near if beyond == 0]
        taken = sorted(inside if len(inside) > 5 else [sd for _, sd in near[:5]])
        assert spread.method == pytest.approx((taken[(len(taken) - 1) // 2] + taken[len(taken) // 2]) / 2)
    assert (
        found["InterIdSim value"].method
        < 0.03
        < 0.1
        < statistics.median(view.sd for row in contest.rows for view in row.views if view.name == "InterIdSim value")
    )
