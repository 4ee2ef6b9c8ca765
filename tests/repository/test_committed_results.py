"""What is committed under `results/`: clean, small, and the gold standard passes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from packed import packed

from salmubench.contest.rows import judged, numbers_of, outcome_of
from salmubench.contest.table import SECOND
from salmubench.core import manifest
from salmubench.metrics import descriptions
from salmubench.scoring.contest_record import read_contest
from salmubench.scoring.record_files import items_path, read_items, read_record
from salmubench.scoring.roles import with_descriptions
from salmubench.scoring.verdict import answers_of
from salmubench.scoring.views import rescore

pytestmark = pytest.mark.stage

RESULTS = Path(__file__).resolve().parents[2] / "results"
CONTESTS = sorted(RESULTS.rglob("contest.json"))
RETRAINED = sorted(RESULTS.rglob("records/retrained*.json"))
EXEMPT = "catastrophic"
"""An independent training differs in general knowledge by more than a damage of one per cent."""


def test_no_result_is_of_changed_code() -> None:
    for path in RESULTS.rglob("*.json"):
        assert '"dirty": true' not in path.read_text(encoding="utf-8"), path


def test_results_are_small() -> None:
    assert sum(path.stat().st_size for path in RESULTS.rglob("*") if path.is_file()) < 200e6


def test_there_are_worlds_with_an_exact_answer() -> None:
    assert RETRAINED


@pytest.mark.parametrize("path", RETRAINED, ids=lambda path: str(path.relative_to(RESULTS).with_suffix("")))
def test_the_exact_answer_fails_no_mode(path: Path) -> None:
    record = with_descriptions(read_record(path), descriptions())
    again = rescore(record, read_items(path))
    assert again.verdict is not None
    failed = [mode for mode, answer in answers_of(again.verdict).items() if mode != EXEMPT and answer == "yes"]
    assert not failed
    assert getattr(again.verdict, EXEMPT) != "yes"


@pytest.mark.parametrize("name", ["mini", *sorted(path.name for path in RESULTS.glob("mini-*"))])
def test_what_headlines_rest_on_is_committed_with_items(name: str) -> None:
    folder = RESULTS / name
    models = json.loads((folder / "run.json").read_text(encoding="utf-8"))["models"]
    assert (folder / "records" / "gallery.parquet").is_file()
    for model in models:
        path = folder / "records" / f"{model}.json"
        record = read_record(path)
        if record.status == "complete":
            assert record.scores
            assert items_path(path).is_file(), f"{model} has no items"


@pytest.mark.parametrize("path", CONTESTS, ids=lambda path: str(path.parent.relative_to(RESULTS)))
def test_a_contest_says_what_its_records_say(path: Path, tmp_path: Path) -> None:
    contest = read_contest(path)
    beside, above = path.with_name(contest.plan.file), path.parent.with_name(contest.plan.file)
    assert contest.plan.sha256 == manifest.sha256_file(beside if beside.is_file() else above)
    assert contest.retrained is not None
    for row in (*contest.rows, contest.retrained):
        for seed, one in row.worlds.items():
            records = path.parent / "worlds" / seed / "records"
            second = row is contest.retrained and (records / f"{SECOND}.json").is_file()
            file = record_file(records, SECOND if second else row.name, tmp_path)
            assert manifest.sha256_file(file) == one.record
            record = read_record(file)
            assert (record.provenance.plan, record.provenance.dirty) == (contest.plan.sha256, False)
            assert (numbers_of(record), outcome_of(record), judged(record)) == (one.numbers, one.outcome, one.modes)


def record_file(records: Path, name: str, scratch: Path) -> Path:
    """A record of a world, unpacked where the contest's records are packed."""
    if (path := records / f"{name}.json").is_file():
        return path
    (scratch / path.name).write_bytes(packed(records)[path.name])
    return scratch / path.name


@pytest.mark.parametrize(("name", "counted", "least"), [("fuzz", "cases", 100_000), ("soak", "rounds", 300)])
def test_nothing_broke_in_the_long_runs(name: str, counted: str, least: int) -> None:
    counts = json.loads((RESULTS / name / "counts.json").read_text(encoding="utf-8"))
    assert counts[counted] >= least
    assert counts["failed"] == 0
    assert not counts.get("failures")
    assert counts["provenance"]["dirty"] is False
    tried = counts["readers"] if name == "fuzz" else counts["codes"]
    assert all(re.fullmatch(r"[0-9a-f]{40}", part["commit"]) for part in tried.values())


def test_every_reader_was_tried() -> None:
    from fuzz.readers import READERS

    readers = json.loads((RESULTS / "fuzz" / "counts.json").read_text(encoding="utf-8"))["readers"]
    assert set(readers) == {reader.name for reader in READERS}
    for name, count in readers.items():
        assert count["read"] + count["refused"] == count["done"] > 0, name
        assert count["refused"] > 0 or name == "stream", "what is broken is passed over while streaming"


def test_odd_places_leave_nothing_half_done() -> None:
    seen = json.loads((RESULTS / "soak" / "places.json").read_text(encoding="utf-8"))
    assert (seen["failed"], seen["provenance"]["dirty"]) == (0, False)
    assert all(place["commands"] and not place["problems"] for place in seen["places"])
    assert len(seen["places"]) == 10


def test_every_command_was_disturbed() -> None:
    counts = json.loads((RESULTS / "soak" / "counts.json").read_text(encoding="utf-8"))
    assert sum(count["rounds"] for count in counts["counts"].values()) == counts["rounds"]
    assert counts["kills"] >= 300
