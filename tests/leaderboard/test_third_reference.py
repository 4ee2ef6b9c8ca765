"""Submissions with a third reference, and records of schema 1 beside newer ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from salmubench.leaderboard.build import build
from salmubench.leaderboard.check import check
from salmubench.leaderboard.submission import submit
from salmubench.metrics import descriptions
from salmubench.scoring.record_files import read_record
from submission_world import edit_items, edit_json, mend, of_schema_1, write_submittable_run

pytestmark = pytest.mark.stage

MODEL = "cliperase-5x"
METRICS = descriptions()


@pytest.fixture(scope="module")
def with_retrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_submittable_run(tmp_path_factory.mktemp("three") / "run", names=(MODEL,), retrained="finetuning-5x")


@pytest.fixture
def folder(with_retrained: Path, tmp_path: Path) -> Path:
    return submit(with_retrained, model=MODEL, out=tmp_path / "board" / "one")


def test_retrained_travels_with_the_model(folder: Path) -> None:
    assert {"retrained.json", "retrained.items.parquet"} <= {path.name for path in folder.iterdir()}
    checked = check(folder, metrics=METRICS)
    assert not checked.findings
    assert checked.loaded is not None
    assert set(checked.loaded.records) == {"record", "clean", "compromised", "retrained"}


@pytest.mark.parametrize("name", ["retrained.json", "retrained.items.parquet"])
def test_half_a_reference_is_a_finding(folder: Path, name: str) -> None:
    (folder / name).unlink()
    mend(folder)
    assert any(finding.file == name for finding in check(folder, metrics=METRICS).findings)


def test_a_reference_left_out_is_a_finding(folder: Path) -> None:
    for name in ("retrained.json", "retrained.items.parquet"):
        (folder / name).unlink()
    mend(folder)
    assert "references" in {finding.code for finding in check(folder, metrics=METRICS).findings}


def test_without_retrained_a_model_is_judged_on_a_board_of_its_own(folder: Path, tmp_path: Path) -> None:
    """There it is held to less: people of whom some facts had to go aren't judged."""
    submit(write_submittable_run(tmp_path / "run", names=("delete-5x",)), model="delete-5x", out=folder.parent / "two")
    assert build(folder.parent, out=tmp_path / "site", metrics=METRICS).refused == {}
    feed = json.loads((tmp_path / "site" / "leaderboard.json").read_text(encoding="utf-8"))
    boards = [(one["against_retrained"], [row["submission"] for row in one["submissions"]]) for one in feed["boards"]]
    assert boards == [(True, ["one"]), (False, ["two"])]
    page = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert page.count("judged without Retrained") >= 1
    assert "aren't judged by retrieval" in page.replace("’", "'").replace("&#39;", "'")


def test_altered_values_of_retrained_are_findings(folder: Path) -> None:
    edit_items(folder / "record.items.parquet", "AssocStr", lambda values: values * 0.5, column="retrained")
    mend(folder)
    assert any("retrained" in finding.message for finding in check(folder, metrics=METRICS).findings)


def test_its_page_shows_retrained_with_a_verdict_of_its_own(folder: Path, tmp_path: Path) -> None:
    built = build(folder.parent, out=tmp_path / "site", metrics=METRICS)
    assert (built.shown, built.refused) == (1, {})
    page = (tmp_path / "site" / "submissions" / "one.html").read_text(encoding="utf-8")
    assert "Retrained" in page
    assert "Reveals no fact" in page


def test_records_of_schema_1_are_shown_apart_with_three_modes(submittable: Path, tmp_path: Path) -> None:
    board = tmp_path / "board"
    of_schema_1(submit(submittable, model=MODEL, out=board / "before"))
    new = submit(submittable, model="finetuning-5x", out=board / "after")
    assert read_record(new / "record.json").schema_version == 2
    built = build(board, out=tmp_path / "site", metrics=METRICS)
    assert built.refused == {}
    feed = json.loads((tmp_path / "site" / "leaderboard.json").read_text(encoding="utf-8"))
    assert [(one["record_schema"], len(one["submissions"])) for one in feed["boards"]] == [(2, 1), (1, 1)]
    assert feed["boards"][1]["submissions"][0]["verdict"]["hollow"] is None
    page = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert "records of schema 1" in page
    assert "judged by L of all rows against Clean" in page
    alone = (tmp_path / "site" / "submissions" / "before.html").read_text(encoding="utf-8")
    assert "some of whose facts stay, against Retrained" not in alone
    assert "some of whose facts stay, against Retrained" in page


def test_a_verdict_of_schema_1_is_never_taken_on_trust(submittable: Path, tmp_path: Path) -> None:
    folder = submit(submittable, model="finetuning-5x", out=tmp_path / "board" / "before")
    of_schema_1(folder)
    edit_json(folder / "record.json", lambda data: data["verdict"].update(ineffective="no"))
    mend(folder)
    checked = check(folder, metrics=METRICS)
    assert checked.loaded is not None
    assert checked.loaded.record.verdict is not None
    assert checked.loaded.record.verdict.ineffective == "yes"
