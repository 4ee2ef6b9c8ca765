"""What the docs say of a contest, against one of invented records."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import contest_blocks
import pytest

from contest_world import INVENTED, base_record, summed, worlds
from salmubench.scoring.contest_record import ContestRecord, OverWorlds


@pytest.fixture
def invented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ContestRecord:
    made = summed(tmp_path / "plan", worlds(base_record(tmp_path)))
    monkeypatch.setattr(contest_blocks, "contest", lambda _: made)
    return made


def test_findings_begin_with_who_passes(invented: ContestRecord) -> None:
    first, *notes, beyond = contest_blocks.findings("any").splitlines()
    assert first.startswith("- **Exploratory: of 2 methods over 6 worlds 0 pass, 2 fail and 0 are open.**")
    assert notes == [f"- {note}" for note in invented.notes]
    names = [view.name for row in invented.rows for view in row.views if view.answer == "beyond"]
    assert all(f"{contest_blocks._HEADS[name]} {names.count(name)}" in beyond for name in names)


def test_a_table_has_a_row_a_candidate_and_a_column_a_view(invented: ContestRecord) -> None:
    head, _, limits, *rows = contest_blocks.table("any", "pairs-1x").splitlines()
    exact = invented.retrained
    assert exact is not None
    assert [row.split(" | ")[0].strip("| ") for row in rows] == [exact.title, *(row.title for row in invented.rows)]
    assert " R |" not in head, "nothing was attacked"
    views = {view.name for row in (exact, *invented.rows) for view in row.views}
    assert {row.count("|") for row in (head, limits, *rows)} == {len(views) + 3}
    for row, shown in zip(invented.rows, rows[1:], strict=True):
        answers = [view.answer for view in row.views]
        for answer, mark in (("inside", "✓"), ("beyond", "✕"), ("open", "?")):
            assert shown.count(f"| {mark}") == answers.count(answer)


def test_what_comes_back_is_a_column_where_anything_was_attacked(invented: ContestRecord) -> None:
    invented.rows[1].numbers["recovered"] = OverWorlds(0.35, (0.31, 0.39), 6)
    head, *_, spared, attacked = contest_blocks.table("any", "pairs-1x").splitlines()
    assert " | R | " in head
    assert attacked.split(" | ")[-2] == "35"
    assert spared.split(" | ")[-2] == "–"


def test_plans_are_named_by_their_hashes(invented: ContestRecord) -> None:
    _, _, line = contest_blocks.plans("any").splitlines()
    assert invented.plan.sha256[:16] in line
    assert f"{INVENTED[0]} to {INVENTED[-1]}" in line


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
