"""What the docs say of a contest, against one of invented records."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import contest_blocks
import pytest

from contest_world import INVENTED, base_record, summed, worlds
from salmubench.contest.statistics import over_worlds
from salmubench.scoring.contest_record import ContestRecord, OverWorlds


@pytest.fixture
def invented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ContestRecord:
    made = summed(tmp_path / "plan", worlds(base_record(tmp_path)))
    monkeypatch.setattr(contest_blocks, "contest", lambda _: made)
    return made


def test_findings_begin_with_who_passes(invented: ContestRecord) -> None:
    first, *notes, beyond = contest_blocks.findings("any").splitlines()
    assert first.startswith("- **Exploratory: of 2 candidates over 6 worlds 0 pass, 2 fail and 0 are open.**")
    assert notes == [f"- {note}" for note in invented.notes]
    names = [view.name for row in invented.rows for view in row.views if view.answer == "beyond"]
    assert all(f"{name} {names.count(name)}" in beyond for name in names)


def test_views_have_a_row_each(invented: ContestRecord) -> None:
    _, _, *rows, last = contest_blocks.views("any", "pairs-1x").splitlines()
    assert len(rows) == len({view.name for row in invented.rows for view in row.views})
    assert last.endswith("| **fails** | **fails** |")


def test_a_table_has_a_row_a_candidate_and_no_empty_column(invented: ContestRecord) -> None:
    head, _, *rows = contest_blocks.table("any", "pairs-1x").splitlines()
    assert "Leakage left L" in head
    assert "Recovered" not in head, "nothing was attacked"
    titles = [invented.retrained.title if invented.retrained else "", *(row.title for row in invented.rows)]
    assert [row.split(" | ")[0].strip("| ") for row in rows] == titles
    assert all(row.count(" | ") == head.count(" | ") for row in rows)
    assert "budget" not in head, "all have one"
    assert "| fails<br>in" in rows[1]
    assert "5\u00a0of\u00a06\u00a0worlds" in rows[2], "one world has no L of that method"


def test_certain_differences_alone_are_told(invented: ContestRecord) -> None:
    certain = [pair for pair in invented.differences if pair.p_holm is not None and pair.p_holm <= 0.05]
    first, *lines = contest_blocks.differences("any").splitlines()
    assert first.startswith(f"Of {len(invented.differences)} paired differences {len(certain)} hold")
    assert len(lines[3:]) == len(certain) > 0


def test_what_comes_back_is_compared_in_the_same_worlds(invented: ContestRecord) -> None:
    (_, row), exact = invented.rows, invented.retrained
    assert exact is not None
    for one, first in ((row, 0.3), (exact, 0.0)):
        values = [first + place / 50 for place in range(len(INVENTED))]
        for seed, value in zip(INVENTED, values, strict=True):
            one.worlds[str(seed)].numbers["recovered"] = value
        over = over_worlds(values)
        one.numbers["recovered"] = OverWorlds(over.mean, over.ci95, over.worlds)
    _, _, retrained, *others = contest_blocks.recovered("any").splitlines()
    assert retrained == "| Retrained | 5.0\u202f% [1.1, 8.9]\u202f% |  |"
    told = "35\u202f% [31, 39]\u202f% | 30\u202f% [30, 30]\u202f%"
    assert others == [f"| {row.title} {row.budget:g}× | {told} |"], "the other row was not attacked"


def test_costs_are_those_of_the_worlds_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    committed = [SimpleNamespace(seed=seed, status="scored") for seed in (431, 432)]
    failed = SimpleNamespace(seed=433, status="failed")
    monkeypatch.setattr(contest_blocks, "contest", lambda _: SimpleNamespace(worlds=[*committed, failed]))
    told = contest_blocks.costs("contest-level")
    drawn, encoded = [], []
    for world in committed:
        run = contest_blocks.ROOT / "results" / "contest-level" / "worlds" / str(world.seed) / "run.json"
        stages = json.loads(run.read_text())["stages"]
        drawn += [stage["seconds"] for stage in stages if stage["name"] == "dataset"]
        encoded.append(sum(stage["seconds"] for stage in stages if stage["name"].startswith("encode ")))
    assert f"dataset {sum(drawn) / 2:,.0f} s" in told
    assert f"encode {sum(encoded) / 2:,.0f} s" in told
    assert "median of 2" in told
