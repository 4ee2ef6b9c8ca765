"""Attacks in submissions: packed, computed again from their rows, shown on the board; every cheat is a finding."""

from __future__ import annotations

import csv
import json
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from attack_world import INFOS, section, write_attacks
from report_world import METRICS
from salmubench.core import writing
from salmubench.core.errors import RecordError
from salmubench.dataset import layout
from salmubench.leaderboard import intake
from salmubench.leaderboard.build import build
from salmubench.leaderboard.check import check
from salmubench.leaderboard.peers import conflicts, fingerprint
from salmubench.leaderboard.submission import submit
from salmubench.scoring.attacks.groups import with_breakdowns
from salmubench.scoring.attacks.table import SCHEMA, read_rows
from salmubench.scoring.record_files import read_record
from submission_world import edit_json, mend, write_submittable_run

pytestmark = pytest.mark.stage

NAMES = ("clean", "compromised", "cliperase-5x", "delete-5x", "finetuning-5x")
ROWS = "record.attacks.parquet"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_submittable_run(tmp_path_factory.mktemp("attacked") / "run", names=NAMES, identities=16)
    write_attacks(folder, {"cliperase-5x": dict.fromkeys(INFOS, 0.6), "delete-5x": {"asked": 0.2, "picked": 0.1}})
    return folder


@pytest.fixture(scope="module")
def packed(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return submit(run, model="cliperase-5x", out=tmp_path_factory.mktemp("packed") / "submission")


@pytest.fixture
def folder(packed: Path, tmp_path: Path) -> Path:
    return shutil.copytree(packed, tmp_path / "submission")


def told(folder: Path) -> list[str]:
    return [f"{one.code} {one.file}: {one.message}" for one in check(folder, metrics=METRICS).findings]


def edit_rows(folder: Path, change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> None:
    """Change or drop rows, then mend all hashes."""
    kept = [row for one in pq.read_table(folder / ROWS).to_pylist() if (row := change(dict(one))) is not None]
    pq.write_table(pa.Table.from_pylist(kept, SCHEMA), folder / ROWS)
    mend(folder)


def computed(folder: Path) -> None:
    """Compute the section from the (changed) rows and mend all hashes: the best a cheat can do."""
    record = read_record(folder / "record.json")
    assert record.attacks is not None
    again = section(read_rows(folder / ROWS), list(record.attacks.scores), record.attacks.references)
    writing.write_json(folder / "record.json", replace(record, attacks=again))
    mend(folder)


def test_a_submission_with_attacks_passes(packed: Path, run: Path) -> None:
    assert told(packed) == []
    assert (packed / ROWS).read_bytes() == (run / "records" / "cliperase-5x.attacks.parquet").read_bytes()
    bare = submit(run, model="finetuning-5x", out=packed.parent / "bare")
    assert told(bare) == []
    assert not (bare / ROWS).exists()


def test_rows_must_be_there_to_be_packed(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / "records" / "cliperase-5x.attacks.parquet").unlink()
    with pytest.raises(RecordError, match="Expected the rows of the attacks that .* speaks of"):
        submit(tmp_path / "run", model="cliperase-5x", out=tmp_path / "out")


def test_breakdowns_are_left_at_home(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    path = tmp_path / "run" / "records" / "cliperase-5x.json"
    record, rows = read_record(path), read_rows(path.with_name("cliperase-5x.attacks.parquet"))
    assert record.attacks is not None
    more = with_breakdowns(record.attacks, rows, layout.Dataset(run / "dataset"), ("kind",))
    writing.write_json(path, replace(record, attacks=more))
    folder = submit(tmp_path / "run", model="cliperase-5x", out=tmp_path / "out")
    assert told(folder) == []
    shutil.copyfile(path, folder / "record.json")
    mend(folder)
    assert any("Expected no breakdowns of attacks" in text for text in told(folder))


def test_the_section_alone_or_the_rows_alone(folder: Path, tmp_path: Path) -> None:
    other = shutil.copytree(folder, tmp_path / "other")
    (folder / ROWS).unlink()
    mend(folder)
    assert told(folder) == [
        f"attacks {ROWS}: Expected the record's section attacks with its rows, got the section alone."
    ]
    edit_json(other / "record.json", lambda record: record.update(attacks=None))
    mend(other)
    assert told(other) == [f"attacks {ROWS}: Expected the record's section attacks with its rows, got the rows alone."]


CLAIMS: dict[str, tuple[Callable[[Any], None], str]] = {
    "smaller number": (
        lambda one: one["scores"]["trained"]["numbers"]["leakage"].update(value=0.01), "numbers.leakage.value 0.5"
    ),
    "smaller interval": (
        lambda one: one["scores"]["trained"]["numbers"]["leakage"].update(ci95=[0.0, 0.01]), "numbers.leakage.ci95"
    ),
    "a control hidden": (lambda one: one["scores"]["asked"].update(controls={}), "controls."),
    "a variant hidden": (lambda one: one["scores"]["trained"].update(variants={}), "variants."),
    "answer": (lambda one: one.update(recoverable="no"), "attacks, recoverable yes, got no."),
    "strongest": (lambda one: one.update(strongest="asked"), "answer that follows"),
    "numbers hidden": (
        lambda one: one["scores"]["trained"].update(numbers={}, reason="the attack raised"), "whose rows are there"
    ),
    "attack hidden": (lambda one: one["scores"].pop("trained"), "rows of the record's attacks only, got trained"),
    "threshold": (lambda one: one.update(threshold=0.9), "Expected the threshold 0.05"),
    "resamples": (lambda one: one.update(bootstraps=2), "Expected attacks with 100 to 10,000 resamples"),
    "seeds": (lambda one: one.update(seeds=[0, 7]), "rows of the record's seeds only"),
    "no seeds": (lambda one: one.update(seeds=[]), "Expected 1 to 10 different seeds"),
    "other Clean": (lambda one: one["references"].update(clean="a" * 64), "attacks on the clean that the submission"),
    "no Clean": (lambda one: one["references"].pop("clean"), "attacks on Clean and Compromised too"),
    "other headline": (
        lambda one: one["scores"]["trained"]["info"].update(headline="leakage_all"), "Expected trained as its rows give"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CLAIMS)
def test_what_the_record_claims_must_follow_from_the_rows(folder: Path, name: str) -> None:
    change, expected = CLAIMS[name]
    edit_json(folder / "record.json", lambda record: change(record["attacks"]))
    mend(folder)
    found = told(folder)
    assert any(text.startswith("attacks ") for text in found)
    assert any(expected in text for text in found), found


def test_an_attack_of_the_package_is_what_it_is(folder: Path) -> None:
    def rename(record: dict[str, Any]) -> None:
        record["attacks"]["scores"]["fewshot"] = record["attacks"]["scores"].pop("asked")
        record["attacks"]["scores"]["<b>"] = record["attacks"]["scores"].pop("picked")

    edit_json(folder / "record.json", rename)
    edit_rows(
        folder, lambda row: {**row, "attack": {"asked": "fewshot", "picked": "<b>"}.get(row["attack"], row["attack"])}
    )
    found = told(folder)
    assert any("Expected fewshot described as it is" in text for text in found)
    assert any("Expected the built-in code of fewshot (SHA-256 " in text for text in found)
    assert any("called by letters, digits and _" in text for text in found)


def test_a_name_that_is_taken_for_an_attack_of_the_package(folder: Path) -> None:
    def rename(record: dict[str, Any]) -> None:
        record["attacks"]["scores"]["FewShot"] = record["attacks"]["scores"].pop("asked")

    edit_json(folder / "record.json", rename)
    edit_rows(folder, lambda row: {**row, "attack": "FewShot" if row["attack"] == "asked" else row["attack"]})
    assert any("takes for the attack fewshot, which is built in, got FewShot" in text for text in told(folder))


def test_a_board_has_its_own_options_of_attacks(run: Path, tmp_path: Path) -> None:
    """The same attack with a rate of 0 brings nothing back."""
    prints = []
    for name, model in (("a", "cliperase-5x"), ("b", "delete-5x"), ("c", "cliperase-5x")):
        loaded = check(submit(run, model=model, out=tmp_path / name), metrics=METRICS).loaded
        assert loaded is not None
        assert loaded.record.attacks is not None
        scores = dict(loaded.record.attacks.scores)
        scores["fewshot"] = replace(scores["asked"], info=replace(scores["asked"].info, config={"lr": name != "c"}))
        records = {
            **loaded.records,
            "record": replace(loaded.record, attacks=replace(loaded.record.attacks, scores=scores)),
        }
        prints.append(fingerprint(name, replace(loaded, records=records), METRICS, content="2026-01-01"))
    found = conflicts(prints)["c"]
    assert any("the options of the attack fewshot of the other submissions" in one.message for one in found)


def first_of(part: str) -> Callable[[dict[str, Any]], bool]:
    return lambda row: (row["part"], row["seed"], row["variant"]) == (part, 0, "asked")


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], dict[str, Any] | None], str]] = {
    "rank 0": (lambda row: {**row, "rank": 0.0} if row["rank"] == 1 else row, "Expected ranks from 1 to"),
    "beyond the gallery": (lambda row: {**row, "rank": 1e6} if row["part"] == "leakage" else row, "got 1e+06"),
    "a third of a rank": (lambda row: {**row, "rank": 1.3} if row["rank"] else row, "in halves"),
    "score of 2": (lambda row: {**row, "score": 2.0} if row["part"] == "pick" else row, "scores from −1 to 1"),
    "infinite reference": (lambda row: {**row, "compromised": float("inf")}, "Expected ranks from 1 to"),
    "both": (lambda row: {**row, "rank": 1.0, "score": 1.0}, "Expected a rank or a score in every row"),
    "neither": (lambda row: {**row, "rank": None, "score": None}, "Expected a rank or a score in every row"),
    "no file name": (lambda row: {**row, "file_name": None}, "something in every row of column file_name"),
    "a stranger's picture": (lambda row: {**row, "file_name": "x.jpg"}, "Expected pairs of forget that the items have"),
    "the wrong group": (
        lambda row: {**row, "group": "association" if row["group"] == "identity" else row["group"]},
        "in the group of its person",
    ),
    "nobody": (lambda row: {**row, "identity": None}, "Expected "),
    "some rows of one variant": (
        lambda row: None if row["variant"] == "lr 0.3, 20 steps" and row["file_name"] < "00000003" else row,
        "Expected the same pairs, each once, in every variant of trained",
    ),
    "Clean in some": (
        lambda row: {**row, "clean": None} if row["seed"] else row, "Expected clean in all rows of asked or in none"
    ),
    "no false world": (
        lambda row: None if row["part"].startswith("false") else row, "Expected true and false facts in relearnt"
    ),
    "false facts about others": (
        lambda row: None if row["part"] == "true" and row["file_name"] < "00000003" else row,
        "true and false facts of relearnt about the same pairs",
    ),
    "another seed": (lambda row: {**row, "seed": row["seed"] + 1}, "rows of the record's seeds only"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_rows_that_cannot_be(folder: Path, name: str) -> None:
    change, expected = CHANGES[name]
    edit_rows(folder, change)
    found = told(folder)
    assert found
    assert all(text.startswith("attacks ") for text in found)
    assert any(expected in text for text in found), found


def test_rows_twice_or_in_another_order(folder: Path, tmp_path: Path) -> None:
    other = shutil.copytree(folder, tmp_path / "other")
    table = pq.read_table(folder / ROWS)
    pq.write_table(pa.concat_tables([table, table]), folder / ROWS)
    mend(folder)
    assert any("each once" in text for text in told(folder))
    order = np.random.default_rng(0).permutation(table.num_rows)
    pq.write_table(table.take(pa.array(order)), other / ROWS)
    mend(other)
    assert any("Expected the same pairs, each once" in text for text in told(other))


def test_changed_rows_are_found_whatever_the_hashes_say(folder: Path) -> None:
    edit_rows(folder, lambda row: {**row, "rank": row["clean"]} if row["rank"] is not None else row)
    found = told(folder)
    assert any("Expected trained as its rows give it" in text for text in found)
    computed(folder)
    assert told(folder) == []  # rows made up as a whole are found by a rerun alone


def rewritten(path: Path, change: Callable[[pa.Table, pa.Array], pa.Table]) -> None:
    table = pq.read_table(path)
    pq.write_table(change(table, pa.array(["x"] * table.num_rows)), path)


FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no table": (lambda path: path.write_bytes(b"PAR1 no table"), "format"),
    "cut": (lambda path: path.write_bytes(path.read_bytes()[:200]), "format"),
    "a column missing": (lambda path: pq.write_table(pq.read_table(path).drop(["variant"]), path), "format"),
    "a column more": (lambda path: rewritten(path, lambda table, words: table.append_column("x", words)), "format"),
    "ranks as texts": (lambda path: rewritten(path, lambda table, words: table.set_column(7, "rank", words)), "format"),
    "a link": (lambda path: (path.unlink(), path.symlink_to(path.with_name("record.items.parquet"))), "files"),
    "no rows": (lambda path: pq.write_table(SCHEMA.empty_table(), path), "attacks"),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_damaged_files_are_findings(folder: Path, name: str) -> None:
    change, code = FILES[name]
    change(folder / ROWS)
    if code != "files":
        mend(folder)
    assert {text.partition(" ")[0] for text in told(folder)} == {code}


def test_rows_of_an_attack_without_numbers(folder: Path) -> None:
    edit_json(
        folder / "record.json", lambda data: data["attacks"]["scores"]["asked"].update(numbers={}, reason="it failed")
    )
    edit_rows(folder, lambda row: row | ({"clean": None, "compromised": None} if row["attack"] == "asked" else {}))
    assert any("Expected the numbers of asked, whose rows are there, got none" in text for text in told(folder))


def test_limits(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from salmubench.leaderboard import check as checking
    from salmubench.leaderboard import check_attacks

    small = replace(intake.LIMITS, attack_rows=replace(intake.LIMITS.attack_rows, rows=100))
    monkeypatch.setattr(checking, "LIMITS", small)
    assert any("Expected at most 100 rows" in text for text in told(folder))
    monkeypatch.undo()
    monkeypatch.setattr(check_attacks, "LIMITS", replace(intake.LIMITS, work=1000, variants=2))
    found = told(folder)
    assert any("people × resamples × numbers of attacks" in text for text in found)
    assert any("Expected at most 2 variants" in text for text in found)


@pytest.mark.night
def test_no_change_of_a_row_or_a_claim_stops_a_check(packed: Path, tmp_path: Path) -> None:
    """A hundred damaged submissions: each has findings or passes, none raises."""
    rng = random.Random(5)
    table = pq.read_table(packed / ROWS)
    values = (None, "", "x" * 300, 0, -1, 10**9, float("nan"), float("inf"), "identity", "leakage", "true", "trained")
    for number in range(100):
        folder = shutil.copytree(packed, tmp_path / str(number))
        rows = table.to_pylist()
        for _ in range(rng.choice((1, 3, 500))):
            row, name = rng.choice(rows), rng.choice(SCHEMA.names)
            value = rng.choice(values)
            text = pa.types.is_string(SCHEMA.field(name).type)
            if value is None or isinstance(value, str) == text:
                row[name] = value if name != "seed" or value is None else rng.choice((0, 1, 2))
        if rng.random() < 0.3:
            rows = rng.sample(rows, len(rows) // 2)
        pq.write_table(pa.Table.from_pylist(rows, SCHEMA), folder / ROWS)
        mend(folder)
        told(folder)
        shutil.rmtree(folder)


def test_board_and_feeds_show_what_comes_back(run: Path, tmp_path: Path) -> None:
    for name in ("cliperase-5x", "delete-5x", "finetuning-5x"):
        submit(run, model=name, out=tmp_path / "results" / name)
    built = build(tmp_path / "results", out=tmp_path / "site", metrics=METRICS)
    assert built.refused == {}
    index = built.index.read_text(encoding="utf-8")
    assert index.count("<summary>What can be brought back</summary>") == 1
    row = index[index.index("heat-table") :]
    assert "cliperase-5x</th>" in row
    assert "finetuning-5x</th>" not in row
    pages = {
        name: (tmp_path / "site" / "submissions" / f"{name}.html").read_text()
        for name in ("cliperase-5x", "finetuning-5x")
    }
    assert 'id="recovery-title"' in pages["cliperase-5x"]
    assert 'id="recovery-title"' not in pages["finetuning-5x"]
    feed = json.loads((tmp_path / "site" / "leaderboard.json").read_text())
    rows = {one["submission"]: one for board in feed["boards"] for one in board["submissions"]}
    record = read_record(run / "records" / "cliperase-5x.json").attacks
    assert record is not None
    assert rows["cliperase-5x"]["recoverable"] == record.recoverable == "yes"
    assert rows["cliperase-5x"]["recovered"]["trained"] == record.scores["trained"].numbers["leakage"].value
    assert (rows["finetuning-5x"]["recoverable"], rows["finetuning-5x"]["recovered"]) == (None, {})
    table = (tmp_path / "site" / "leaderboard.csv").read_text().splitlines()
    lines = {one["submission"]: one for one in csv.DictReader(table)}
    assert lines["cliperase-5x"]["strongest_attack"] == record.strongest
    assert lines["finetuning-5x"]["recoverable"] == ""
    again = build(tmp_path / "results", out=tmp_path / "site", metrics=METRICS)  # from receipts
    assert again.index.read_text(encoding="utf-8") == index


def test_a_board_without_attacks_says_nothing_of_them(run: Path, tmp_path: Path) -> None:
    submit(run, model="finetuning-5x", out=tmp_path / "results" / "one")
    built = build(tmp_path / "results", out=tmp_path / "site", metrics=METRICS)
    assert "What can be brought back" not in built.index.read_text(encoding="utf-8")
