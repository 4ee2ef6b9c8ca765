"""Committed contests decided again: what it says, the packed records, and another plan."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from salmubench.contest.again import LATER, decide_again
from salmubench.contest.power import last, power, spreads_of
from salmubench.core.errors import ConfigError, RecordError
from salmubench.scoring.contest_record import read_contest

RESULTS = Path(__file__).parents[2] / "results"
LEVEL = RESULTS / "contest-level"


def test_the_committed_result_follows_from_the_committed_records() -> None:
    found, committed = decide_again(LEVEL / "contest.yaml", LEVEL), read_contest(LEVEL / "contest.json")
    assert replace(found, provenance=committed.provenance) == committed
    assert (found.plan.standing, found.notes[0]) == ("exploratory", LATER)


def test_retrained_passes_in_both_contests_and_all_candidates_of_the_first_fail() -> None:
    for name in ("contest", "contest-level"):
        row = read_contest(RESULTS / name / "contest.json").retrained
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
    (tmp_path / "contest.json").write_text('{"plan": 1}')
    with pytest.raises(RecordError, match="got something else"):
        decide_again(LEVEL / "contest.yaml", tmp_path)


def test_power_by_the_spreads_of_the_last_contest() -> None:
    found = spreads_of(read_contest(LEVEL / "contest.json"))
    assert list(found) == list(last())
    for name, spread in last().items():
        assert spread.method == pytest.approx(found[name].method, abs=1e-4)
        assert spread.exact == pytest.approx(found[name].exact, abs=1e-4)
    six, ten = power(6), power(10)
    assert six.method < 0.8 < ten.method
    assert min(six.retrained, ten.retrained) > 0.95
    assert (ten.enough, six.enough, power(2).enough) == (True, False, False)
