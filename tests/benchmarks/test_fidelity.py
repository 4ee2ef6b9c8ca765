"""The fidelity study's statistics: against slow versions, and on hand-made tables whose answer is known."""

from __future__ import annotations

import importlib
import itertools
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import fidelity_statistics as fidelity
import numpy as np
import pyarrow.parquet as pq
import pytest
from agreement import spearman
from fidelity_statistics import Sums, attainable, chance, classes, compare, concordance

from salmubench.core.errors import RecordError
from salmubench.metrics import descriptions
from salmubench.official.result_file import published

TABLE = published()
TOLD = fidelity.columns(list(descriptions().values()))
COLUMNS = [one.column for one in TOLD]
METHODS = sorted(set(TABLE) - {"clean", "compromised"})


def world(numbers: dict[str, dict[str, float]], rng: np.random.Generator, noise: float = 0.0) -> fidelity.World:
    """A world in which each method has its numbers, of eight groups of three rows."""
    count = np.full(8, 3.0)
    return {
        method: {
            column: Sums(count * (row[column] + noise * rng.normal(size=8)), count) for column in COLUMNS
        }
        for method, row in numbers.items()
    }  # fmt: skip


def test_the_published_table_predicts_itself() -> None:
    rng = np.random.default_rng(0)
    found = compare([world(TABLE, rng), world(TABLE, rng)], TOLD, TABLE, resamples=50)
    assert [column.column for column in found] == COLUMNS == ["RetFail_MRR", "GenKnow", "InterIdSim", "IntraIdSim"]
    for column in found:
        assert (column.concordance, column.ci95, column.methods) == (1.0, (1.0, 1.0), 7)
        assert column.rho == pytest.approx(1.0)
        assert column.p_holm is not None
        assert column.p <= column.p_holm <= 4 * column.p
    assert {column.column: column.pairs for column in found}["RetFail_MRR"] == slow_pairs("RetFail_MRR")


def slow_pairs(column: str) -> int:
    pairs, gap = 0, 0.001 if column == "RetFail_MRR" else 0.004
    for first in METHODS:
        for second in METHODS:
            if first < second and abs(TABLE[first][column] - TABLE[second][column]) > gap:
                pairs += 1
    return pairs


def test_a_table_turned_over_agrees_in_nothing() -> None:
    turned = {method: {name: -value for name, value in row.items()} for method, row in TABLE.items()}
    found = compare([world(turned, np.random.default_rng(0))], TOLD, TABLE, resamples=20)
    assert all(column.concordance == 0 and column.p == 1 and column.rho == pytest.approx(-1) for column in found)


def test_equal_numbers_are_chance() -> None:
    theirs = np.array([0.1, 0.2, 0.3, 0.4])
    assert concordance(np.zeros(4), theirs, 0.05) == 0.5
    assert chance(np.zeros(4), theirs, 0.05) == 1.0
    assert spearman(np.zeros(4), theirs) is None


@pytest.mark.parametrize("seed", range(5))
def test_concordance_and_its_chance_by_hand(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ours, theirs, gap = rng.integers(0, 4, 5) / 4, rng.integers(0, 5, 5) / 5, 0.21

    def slow(values: tuple[float, ...]) -> float:
        points, pairs = 0.0, 0
        for a in range(5):
            for b in range(a):
                if abs(theirs[a] - theirs[b]) > gap:
                    pairs += 1
                    if values[a] == values[b]:
                        points += 0.5
                    elif (values[a] > values[b]) == (theirs[a] > theirs[b]):
                        points += 1
        return points / pairs

    mine = slow(tuple(ours))
    assert concordance(ours, theirs, gap) == pytest.approx(mine)
    orders = list(itertools.permutations(ours))
    assert chance(ours, theirs, gap) == pytest.approx(sum(slow(order) >= mine - 1e-9 for order in orders) / 120)


def test_ties_in_the_table_bound_the_correlation() -> None:
    theirs = np.array([0.001, 0.001, 0.001, 0.001, 0.003, 0.004, 0.009])  # the published RetFail
    best = max(spearman(np.array(order, float), theirs) or 0 for order in itertools.permutations(range(7)))
    assert attainable(theirs) == pytest.approx(best)
    assert 0.9 < attainable(theirs) < 0.95
    assert attainable(np.arange(4.0)) == pytest.approx(1)


def test_intervals_hold_what_worlds_and_people_vary() -> None:
    rng = np.random.default_rng(1)
    worlds = [world(TABLE, rng, noise=0.3) for _ in range(4)]
    found = compare(worlds, TOLD, TABLE, resamples=400)
    for column in found:
        assert column.ci95[0] <= column.concordance <= column.ci95[1]
        assert column.ci95[0] < column.ci95[1]
    assert compare(worlds, TOLD, TABLE, resamples=400) == found
    # a group counted twice is the group twice as heavy, whichever way
    sums = worlds[0]["delete"]["GenKnow"]
    double = Sums(np.append(sums.total, sums.total[0]), np.append(sums.count, sums.count[0]))
    heavy = np.array([2.0, *np.ones(7)])
    assert double.mean(np.ones(9)) == pytest.approx(sums.mean(heavy))


def test_methods_by_which_a_rate_was_chosen_are_left_out() -> None:
    found = compare([world(TABLE, np.random.default_rng(0))], TOLD, TABLE, left_out=["cliperase"], resamples=5)
    assert {column.methods for column in found} == {6}
    assert all("cliperase" not in column.ours for column in found)
    few = {name: TABLE[name] for name in ("delete", "clean", "compromised", "vlunlearn")}
    with pytest.raises(ValueError, match="got delete, vlunlearn"):
        compare([world(few, np.random.default_rng(0))], TOLD, TABLE)
    with pytest.raises(ValueError, match="three methods or more"):
        compare([], TOLD, TABLE)


def test_classes_of_the_published_table() -> None:
    own = classes(TABLE, TABLE, TOLD)
    for mode in (mode.name for mode in fidelity.MODES if mode.since == 1):
        assert own[mode].agree == 7 >= own[mode].majority
    assert own["catastrophic"].published["shuffled_captions"]  # 54.8 of 63.8
    assert not own["catastrophic"].published["vlunlearn"]
    assert own["over_generalised"].published["cliperase"]  # K = −.67
    perfect = {**TABLE, **dict.fromkeys(METHODS, TABLE["compromised"])}
    assert not any(classes(perfect, TABLE, TOLD)["over_generalised"].ours.values())
    assert all(classes(perfect, TABLE, TOLD)["ineffective"].ours.values())


def test_records_of_a_world(tmp_path: Path) -> None:
    folder = Path(__file__).resolve().parents[2] / "results" / "mini" / "records"
    found = fidelity.read_world(folder, {"cliperase": "cliperase-5x", "clean": "clean"}, TOLD)
    record = fidelity.read_record(folder / "cliperase-5x.json")
    for column, sums in found["cliperase"].items():
        ((metric, part),) = [(one.metric, one.part) for one in TOLD if one.column == column]
        assert sums.whole == pytest.approx(record.scores[metric][part].value)
    people = pq.read_table(folder / "cliperase-5x.items.parquet", filters=[("metric", "==", "RetFail")])
    assert len(found["cliperase"]["RetFail_MRR"].count) == len(set(people.column("identity_id").to_pylist()))
    path = tmp_path / "cliperase-5x.json"
    content = json.loads((folder / path.name).read_text())
    content["scores"]["GenKnow"]["value"]["value"] /= 2
    path.write_text(json.dumps(content))
    path.with_suffix(".items.parquet").write_bytes((folder / "cliperase-5x.items.parquet").read_bytes())
    with pytest.raises(RecordError, match="Expected GenKnow in"):
        fidelity.read_world(tmp_path, {"cliperase": "cliperase-5x"}, TOLD)


def test_the_study_reads_three_contests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Contests of invented records, all of them copies of committed ones: rates that differ by the anchor alone."""
    study = importlib.import_module("fidelity")
    records = Path(__file__).resolve().parents[2] / "results" / "mini" / "records"
    plans: dict[str, tuple[list[str], int]] = {
        "anchor": (["cliperase"], 1),
        "study": (METHODS, 2),
        "share": (METHODS, 1),
    }
    for contest, (methods, several) in plans.items():
        for seed in range(several):
            folder = tmp_path / contest / "worlds" / str(seed) / "records"
            folder.mkdir(parents=True)
            for name in study.ENDS:
                copy_record(records / name, folder / name)
            for rate, source in (("2e-6", None), ("4e-5", "delete")):
                for method in methods:
                    copy_record(records / f"{source or method}-5x", folder / f"{method}_{rate}-5x")
    monkeypatch.setattr(
        study, "read_contest", lambda path: SimpleNamespace(plan=SimpleNamespace(sha256=path.parts[-2]))
    )
    monkeypatch.setattr(
        "sys.argv",
        ["fidelity", *(part for name in plans for part in (f"--{name}", str(tmp_path / name))),
         "--out", str(tmp_path / "found.json"), "--resamples", "40"],
    )  # fmt: skip
    study.main()
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["anchor"]["published"] == pytest.approx(-0.67, abs=0.01)
    assert list(found["study"]["rates"]) == list(found["share"]["rates"]) == ["2e-6", "4e-5"]
    assert (found["study"]["rates"]["2e-6"]["worlds"], found["share"]["rates"]["2e-6"]["worlds"]) == (2, 1)
    assert found["anchor"]["chosen"] == min(
        found["anchor"]["kept"], key=lambda rate: abs(found["anchor"]["kept"][rate] + 0.67)
    )
    same = found["study"]["rates"]["4e-5"]["columns"]  # everybody's record is DELETE's: chance
    assert [(one["concordance"], one["ci95"], one["rho"]) for one in same] == [(0.5, [0.5, 0.5], None)] * 4
    for name in ("study", "share"):
        assert set(found[name]["answers"].values()) <= {"supported", "refuted", "open"}
    assert found["plans"] == {name: name for name in plans}


def copy_record(source: Path, target: Path) -> None:
    for ending in (".json", ".items.parquet"):
        shutil.copyfile(f"{source}{ending}", f"{target}{ending}")
