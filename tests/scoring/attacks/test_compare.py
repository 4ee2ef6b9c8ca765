"""Attacks on two models compared, and broken down by group: against known answers and plain sums."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from attack_world import INFOS, attack_rows, section, write_attacks
from report_world import METRICS, write_run
from salmubench.cli.main import main
from salmubench.core import writing
from salmubench.core.errors import RecordError
from salmubench.dataset import layout
from salmubench.scoring.attacks.compare import _linear
from salmubench.scoring.attacks.groups import with_breakdowns
from salmubench.scoring.attacks.table import read_rows
from salmubench.scoring.bootstrap import find_units
from salmubench.scoring.compare import asked, compare, compare_with_each
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.intervals import Ratio, intervals
from salmubench.scoring.record_files import read_record
from salmubench.scoring.score_again import score_again

LEVELS = {
    "cliperase-5x": {"asked": 0.1, "trained": 0.9, "relearnt": 0.9},
    "delete-5x": {"asked": 0.1, "trained": 0.2, "relearnt": 0.9, "picked": 0.5},
    "my_method-5x": {"asked": 0.0},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = write_run(tmp_path_factory.mktemp("compared") / "mini", identities=24, broken=None)
    write_attacks(made, LEVELS)
    return made


def record_at(folder: Path, name: str) -> Path:
    return folder / "records" / f"{name}.json"


def test_difference_is_that_of_the_records(folder: Path) -> None:
    paths = [record_at(folder, name) for name in ("cliperase-5x", "delete-5x")]
    found = compare(*paths, bootstraps=300)
    sections = [read_record(path).attacks for path in paths]
    assert set(found.attacks) == {"asked", "trained", "relearnt"}
    for attack, parts in found.attacks.items():
        numbers = [one.scores[attack].numbers for one in sections if one is not None]
        assert set(parts) == set(numbers[0])
        for part, row in parts.items():
            assert (row.first, row.second) == (numbers[0][part].value, numbers[1][part].value)
            assert row.ci95 is not None
            assert row.ci95[0] <= row.difference <= row.ci95[1]  # type: ignore[operator]
    strong = found.attacks["trained"]["leakage"]
    assert strong.answer == "worse"
    assert strong.difference == pytest.approx(0.7, abs=0.25)
    assert found.attacks["asked"]["leakage"].answer == "can't tell"
    assert found.attacks["relearnt"]["relearnt"].answer == "can't tell"


def test_a_model_is_as_recoverable_as_itself_and_less_than_compromised(folder: Path, tmp_path: Path) -> None:
    path = record_at(folder, "cliperase-5x")
    for row in compare(path, path, bootstraps=100).attacks["trained"].values():
        assert (row.difference, row.ci95, row.answer) == (0.0, (0.0, 0.0), "can't tell")


def test_beside_a_model_of_which_nothing_comes_back_the_interval_is_that_of_its_own_number() -> None:
    """Both are made alike: no interval of a difference ends earlier than those of the records."""
    rng = np.random.default_rng(5)
    units = find_units(np.array([f"{number:03d}" for number in range(60)], object))
    bottom = rng.uniform(3, 6, 60)
    top, nothing = bottom * rng.beta(0.4, 0.6, 60), np.zeros(60)
    own, beside = intervals(
        [Ratio(top, bottom), _linear(np.stack([top, bottom, nothing, bottom], axis=1))], units, bootstraps=4000
    )
    assert own is not None
    assert beside == pytest.approx(own, abs=0.01)
    (alike,) = intervals([_linear(np.stack([top, bottom, top, bottom], axis=1))], units, bootstraps=100)
    assert alike == (0.0, 0.0)


def test_below_clean_is_as_far_from_it_as_above(folder: Path) -> None:
    """Recovery of −40 % isn't better than one of 40 %."""
    from salmubench.scoring.difference import Difference, answered

    row = Difference(-0.4, 0.1, -0.5, (-0.6, -0.4), 9, None)
    below, above = np.random.default_rng(0).normal((-0.4, 0.1), 0.02, (500, 2)).T
    assert answered(row, np.abs(below) - np.abs(above)).answer == "worse"


def test_numbers_of_attacks_count_among_those_compared(folder: Path) -> None:
    paths = [record_at(folder, name) for name in ("cliperase-5x", "delete-5x")]
    with_attacks = compare_with_each(paths[0], paths[1:], bootstraps=100)
    attacks = sum(row.p is not None for parts in with_attacks[0].attacks.values() for row in parts.values())
    assert attacks == 6 + 6 + 1
    bare = replace(with_attacks[0], attacks={})
    assert asked(with_attacks) == asked([bare]) + attacks
    assert with_attacks[0].attacks["trained"]["leakage_all"].certain


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda one: replace(one, references={**one.references, "clean": "0" * 64}), "between other references"),
        (lambda one: replace(one, seeds=(4, 5)), "other seeds"),
    ],
)
def test_other_references_or_seeds_give_no_difference(
    folder: Path, tmp_path: Path, change: object, reason: str
) -> None:
    shutil.copytree(folder / "records", tmp_path / "records")
    paths = [tmp_path / "records" / f"{name}.json" for name in ("cliperase-5x", "delete-5x")]
    record = read_record(paths[1])
    assert record.attacks is not None
    writing.write_json(paths[1], replace(record, attacks=change(record.attacks)))
    row = compare(*paths, bootstraps=100).attacks["asked"]["leakage"]
    assert reason in str(row.reason)
    assert (row.difference, row.answer) == (None, "can't tell")
    assert row.first is not None


def test_other_rows_or_options_give_no_difference(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "records", tmp_path / "records")
    paths = [tmp_path / "records" / f"{name}.json" for name in ("cliperase-5x", "delete-5x")]
    rows = tmp_path / "records" / "delete-5x.attacks.parquet"
    table = pq.read_table(rows)
    pq.write_table(pa.concat_tables([table.slice(1), table.slice(0, 1)]), rows)
    assert "judged on other pairs" in str(compare(*paths, bootstraps=100).attacks["asked"]["leakage"].reason)
    record = read_record(paths[1])
    assert record.attacks is not None
    asked_ = record.attacks.scores["asked"]
    scores = {**record.attacks.scores, "asked": replace(asked_, info=replace(asked_.info, config={"n": 1}))}
    writing.write_json(paths[1], replace(record, attacks=replace(record.attacks, scores=scores)))
    assert "other options" in str(compare(*paths, bootstraps=100).attacks["asked"]["leakage"].reason)
    rows.unlink()
    with pytest.raises(RecordError, match="Expected the rows of attacks in .*delete-5x.attacks.parquet"):
        compare(*paths, bootstraps=100)


def test_records_without_attacks_compare_as_before(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [str(record_at(folder, name)) for name in ("cliperase-5x", "vlunlearn-5x")]
    assert compare(*map(Path, paths), bootstraps=100).attacks == {}
    assert main(["compare", *paths]) == 0
    assert "recovered by" not in capsys.readouterr().out
    paths[1] = str(record_at(folder, "delete-5x"))
    assert main(["compare", *paths]) == 0
    shown = capsys.readouterr().out
    assert "recovered by" in shown
    assert "trained leakage_all" in shown
    assert main(["compare", *paths, "--json"]) == 0
    (content,) = json.loads(capsys.readouterr().out)
    assert content["attacks"]["trained"]["leakage"]["answer"] == "worse"


# --- by group -----------------------------------------------------------------------------------------------------


def test_groups_are_the_attack_on_these_pairs_alone(folder: Path) -> None:
    dataset = layout.Dataset(folder / "dataset")
    table = attack_rows(dataset, {"asked": 0.5, "relearnt": 0.5}, who="x")
    made = section(table, ("asked", "relearnt"), {"clean": None, "compromised": None})
    found = with_breakdowns(made, table, dataset, ("attribute", "kind", "country"))
    assert list(found.breakdowns) == ["attribute", "kind", "country"]
    kinds = found.breakdowns["kind"]["asked"]
    numbers = made.scores["asked"].numbers
    assert kinds["forget_identity"] == numbers["leakage"]
    assert kinds["forget_association"] == numbers["leakage_association"]
    assert found.breakdowns["kind"]["relearnt"]["forget_identity"] == made.scores["relearnt"].numbers["relearnt"]
    field = {(pair.file_name, pair.identity): pair.field for pair in dataset.rows("forget")}
    for name, recovered in found.breakdowns["attribute"]["asked"].items():
        rows = [
            row for row in table.to_pylist()
            if (row["attack"], row["part"], row["group"]) == ("asked", "leakage", "identity")
            and field[row["file_name"], row["identity"]] == name
        ]  # fmt: skip
        top, bottom = (sum(1 / row[column] - 1 / row["clean"] for row in rows) for column in ("rank", "compromised"))
        if recovered.value is None:
            assert "fewer than 4 people" in str(recovered.reason) or "differ" in str(recovered.reason)
        else:
            assert recovered.value == pytest.approx(top / bottom)
            assert recovered.n == len(rows)
    assert sum(one.n for one in found.breakdowns["country"]["asked"].values()) in range(numbers["leakage"].n + 1)


def test_score_of_stored_items_breaks_attacks_down(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    items = folder / "records" / "cliperase-5x.items.parquet"
    out = tmp_path / "again" / "cliperase-5x.json"
    given = ["score", "--items", str(items), "--dataset", str(folder / "dataset"), "--by", "kind", "--out", str(out)]
    assert main(given) == 0
    assert "recovered by attacks, in %, by kind" in capsys.readouterr().out
    before, again = read_record(record_at(folder, "cliperase-5x")).attacks, read_record(out).attacks
    assert before is not None
    assert again is not None
    assert set(again.breakdowns["kind"]["trained"]) == {"forget_identity", "forget_association"}
    assert replace(again, breakdowns={}) == before
    assert read_rows(out.with_name("cliperase-5x.attacks.parquet")).num_rows
    with pytest.raises(RecordError, match="Expected --dataset beside --items and --by"):
        score_again(items, out=out, metrics=METRICS, config=ScoreConfig(by=("kind",)))
    assert set(INFOS) >= set(again.scores)
