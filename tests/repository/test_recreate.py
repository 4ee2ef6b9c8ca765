"""The script of the image that makes a committed record again, on a record of the recipe tiny."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import recreate

from salmubench.scoring.record_files import read_record
from submission_world import edit_items, edit_json

pytestmark = pytest.mark.stage

MODEL = "cliperase-5x"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def committed(tiny_run: Path, tmp_path: Path) -> Path:
    """What `collect.py` keeps of a run: `run.json`, records, items, gallery."""
    kept = tmp_path / "results" / "tiny"
    shutil.copytree(tiny_run / "records", kept / "records")
    shutil.copy(tiny_run / "run.json", kept / "run.json")
    return kept


@pytest.mark.night
def test_a_record_is_recreated_digit_by_digit(
    committed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record, out = committed / "records" / f"{MODEL}.json", tmp_path / "again"
    assert recreate.main([str(record), "--out", str(out)]) == 0
    told = capsys.readouterr().out
    assert told.rstrip().endswith("recreated")
    assert "✕" not in told
    assert told.count("every digit must agree") == 5  # from the items, the three references, the model
    assert read_record(out / "records" / record.name).scores == read_record(record).scores
    spoilt = shutil.copytree(committed, tmp_path / "spoilt")  # a number that isn't its items'
    edit_json(spoilt / "records" / record.name, lambda data: data["scores"]["GenKnow"]["value"].update(value=0.123))
    assert recreate.main([str(spoilt / "records" / record.name), "--out", str(out)]) == 1
    told = capsys.readouterr().out
    assert "✕ GenKnow value" in told
    assert "not recreated" in told
    other = shutil.copytree(committed, tmp_path / "other")
    edit_json(other / "records" / record.name, lambda data: data["dataset"].update(fingerprint="0" * 64))
    assert recreate.main([str(other / "records" / record.name), "--out", str(out)]) == 1
    assert "became" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("committed", "recreated", "exact", "digits", "holds"),
    [
        (0.5, 0.5, True, 17, True), (0.5, 0.5 + 1e-12, True, 11, True), (0.5, 0.5001, True, 3, False),
        (0.5, 0.5001, False, 3, True), (0.5, 0.7, False, 0, False), (None, None, True, 17, True),
        (None, 0.1, False, 0, False), (0.1, None, False, 0, False), (0.0, 0.01, False, 0, False),
    ],
)  # fmt: skip
def test_digits(committed: float | None, recreated: float | None, exact: bool, digits: int, holds: bool) -> None:
    number = recreate.Number("m", "x", committed, recreated, (0.45, 0.55), exact)
    assert (number.digits, number.holds) == (digits, holds)


def test_numbers_of_the_committed_records_follow_from_their_items(tmp_path: Path) -> None:
    """What the image shows without training anything."""
    record = ROOT / "results" / "mini" / "records" / "cliperase-5x.json"
    read = read_record(record)
    numbers = list(recreate.from_items(record, read))
    assert len(numbers) > 20
    assert all(one.exact and one.holds for one in numbers)
    copy = shutil.copytree(record.parent, tmp_path / "records")
    edit_items(copy / "cliperase-5x.items.parquet", "GenKnow", lambda values: 1 - values)
    assert not all(one.holds for one in recreate.from_items(copy / record.name, read))


def test_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clean = ROOT / "results" / "mini" / "records" / "clean.json"
    assert recreate.main([str(clean), "--out", str(tmp_path)]) == 1
    assert "a model that has unlearned" in capsys.readouterr().err
    lonely = tmp_path / "records"
    shutil.copytree(clean.parent, lonely)
    assert recreate.main([str(lonely / "cliperase-5x.json"), "--out", str(tmp_path / "out")]) == 1
    assert "recipe, seed and precision" in capsys.readouterr().err
    assert json.loads((clean.parent.parent / "run.json").read_text())["recipe"] == "mini"
