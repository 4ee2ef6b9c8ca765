"""Recovery from rows: against known answers, and against a slow version in plain Python."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from salmubench.core.errors import RecordError
from salmubench.scoring.attacks.record import AttackInfo
from salmubench.scoring.attacks.recovery import attack_score, verdict
from salmubench.scoring.attacks.table import GENERAL, SCHEMA, read_rows, with_references

INFO = AttackInfo("mine", "none", "clean", "leakage", "0" * 64, {})
PEOPLE = [f"{number:02d}" for number in range(24)]


def rows(
    number: Callable[[str, str, int, str], float],
    *,
    variants: Sequence[str] = ("a",),
    seeds: Sequence[int] = (0, 1),
    parts: Sequence[str] = ("leakage",),
    columns: Sequence[str] = ("own", "clean", "compromised"),
    ranks: bool = True,
) -> pa.Table:
    """Rows whose numbers a function gives: (column, variant, seed, file name) → rank or score."""
    found = []
    for variant in variants:
        for part in parts:
            for seed in seeds:
                for person in PEOPLE:
                    for fact in range(3):
                        name = f"{person}-{fact}.jpg"
                        row = dict.fromkeys(SCHEMA.names)
                        row |= {"attack": "mine", "variant": variant, "seed": seed, "file_name": name, "part": part}
                        row |= {"identity": person, "group": "identity" if int(person) % 2 else "association"}
                        for column in columns:
                            key = ("rank" if ranks else "score") if column == "own" else column
                            row[key] = float(number(column, f"{variant}/{part}", seed, name))
                        found.append(row)
    return pa.Table.from_pylist(found, SCHEMA)


def noise(*key: object) -> float:
    return random.Random(repr(key)).random()


def rank(level: float, *key: object) -> float:
    return 1 + round((10 if noise(*key) < level else 200) * noise("r", *key))


LEVELS = {"own": 0.5, "clean": 0.0, "compromised": 1.0, "retrained": 0.0, "second_clean": 0.0}


def leaking(column: str, variant: str, seed: int, name: str) -> float:
    return rank(LEVELS[column], column, variant, seed, name)


def as_column(which: str) -> Callable[[str, str, int, str], float]:
    return lambda column, *rest: leaking(which if column == "own" else column, *rest)


def test_compromised_is_a_hundred_per_cent_and_clean_nothing() -> None:
    for which, expected in (("compromised", 1.0), ("clean", 0.0)):
        score = attack_score(rows(as_column(which)), INFO, bootstraps=300)
        assert score.reason is None
        for part in ("leakage", "leakage_association", "leakage_all"):
            assert score.numbers[part].value == pytest.approx(expected)
            assert score.numbers[part].ci95 == pytest.approx((expected, expected))
        assert score.numbers["leakage"].people == 12
        assert score.numbers["leakage_all"].people == 24


def test_another_clean_is_nothing_within_its_interval() -> None:
    def other(column: str, variant: str, seed: int, name: str) -> float:
        return rank(0.0, "again", seed, name) if column == "own" else leaking(column, variant, seed, name)

    found = attack_score(rows(other), INFO, bootstraps=500).numbers["leakage_all"]
    assert found.value is not None
    assert found.ci95 is not None
    assert found.ci95[0] <= 0 <= found.ci95[1]


def test_agrees_with_a_slow_version() -> None:
    variants = ("weak", "strong", "odd")

    def number(column: str, variant: str, seed: int, name: str) -> float:
        name_of, person = variant.split("/")[0], int(name[:2])
        level = LEVELS[column]
        if column == "own":
            level = {"weak": 0.1, "strong": 0.6, "odd": 0.9 if person % 3 else 0.0}[name_of]
        return rank(level, column, variant, seed, name)

    table = rows(number, variants=variants)
    score = attack_score(table, INFO, bootstraps=100)
    for group, part in (("identity", "leakage"), ("association", "leakage_association"), (None, "leakage_all")):
        assert score.numbers[part].value == pytest.approx(_slow(table, group), rel=1e-12)
    assert set(score.numbers["leakage"].chosen) <= set(variants)
    assert len(score.numbers["leakage"].chosen) == 4  # two seeds, two halves


def _slow(table: pa.Table, group: str | None) -> float:
    from salmubench.scoring.attacks import recovery

    listed = [row for row in table.to_pylist() if group is None or row["group"] == group]
    people = sorted({row["identity"] for row in listed})
    first = set(np.random.default_rng(recovery._SEED).permutation(people)[: len(people) // 2].tolist())
    top = bottom = 0.0
    for seed in (0, 1):
        for half in (True, False):
            gains = {}
            for variant in dict.fromkeys(row["variant"] for row in listed):
                above = below = 0.0
                for row in listed:
                    if row["variant"] == variant and row["seed"] == seed and (row["identity"] in first) != half:
                        above += 1 / row["rank"] - 1 / row["clean"]
                        below += 1 / row["compromised"] - 1 / row["clean"]
                gains[variant] = above / below
            best = max(gains, key=lambda name: gains[name])
            for row in listed:
                if row["variant"] == best and row["seed"] == seed and (row["identity"] in first) == half:
                    top += 1 / row["rank"] - 1 / row["clean"]
                    bottom += 1 / row["compromised"] - 1 / row["clean"]
    return top / bottom


@pytest.mark.parametrize("control", ["retrained", "second_clean"])
def test_a_failed_control_takes_the_number_away(control: str) -> None:
    columns = ("own", "clean", "compromised", control)
    assert attack_score(rows(leaking, columns=columns), INFO, bootstraps=300).reason is None

    def shows(column: str, variant: str, seed: int, name: str) -> float:
        return leaking("compromised" if column == control else column, variant, seed, name)

    score = attack_score(rows(shows, columns=columns), INFO, bootstraps=300)
    assert f"the control {control}, which never saw the facts, shows 100.0 %" in str(score.reason)
    assert score.numbers["leakage"].value is None
    assert score.numbers["leakage"].reason == score.reason
    assert score.controls[control].value == pytest.approx(1.0)


def test_references_that_do_not_differ_give_no_number() -> None:
    score = attack_score(rows(lambda column, *rest: rank(0.0, column, *rest)), INFO, bootstraps=300)
    assert score.reason == "references don't differ under this attack"
    assert score.numbers["leakage"].value is None


def test_too_few_people_give_no_number() -> None:
    table = rows(leaking)
    few = table.filter(pa.array([row["identity"] in ("01", "03", "05") for row in table.to_pylist()]))
    assert attack_score(few, INFO, bootstraps=300).reason == "fewer than 4 people outside T"


def test_the_truth_ranked_last_is_as_well_known_as_ranked_first() -> None:
    """A model with its similarities negated: a hundred per cent by the lowest pick, minus a hundred plainly."""
    info = AttackInfo("asked", "none", "clean", "pick", "0" * 64, {})

    def number(column: str, variant: str, seed: int, name: str) -> float:
        label, part = variant.split("/")
        if column == "clean":
            return 1 / 9 if part == "pick" else 0.0
        true = noise(seed, name) < 0.9
        if part == "pick":
            direction = "asked: lowest" if column == "own" else "asked: top"
            return float(true and label == direction)
        return (-1 if column == "own" else 1) * (2 * true - 1)

    table = rows(number, variants=("asked: top", "asked: lowest"), parts=("pick", "auc_value"), ranks=False)
    score = attack_score(table, info, bootstraps=300)
    assert score.numbers["pick"].value == pytest.approx(1.0)
    assert set(score.numbers["pick"].chosen) == {"asked: lowest"}
    assert score.numbers["auc_value"].value == pytest.approx(-1.0)


def test_savings_are_true_facts_above_the_better_learnt_false_ones() -> None:
    info = AttackInfo("relearnt", "all", "false_facts", "relearnt", "0" * 64, {})
    level = {  # column → true, invented, swapped
        "own": (0.5, 0.1, 0.3), "compromised": (0.9, 0.2, 0.1), "clean": (0.2, 0.2, 0.1), "retrained": (0.3, 0.1, 0.3),
    }  # fmt: skip

    def number(column: str, variant: str, seed: int, name: str) -> float:
        part = variant.split("/")[1]
        return level[column][("true", "false_invented", "false_swapped").index(part)] + 0.01 * noise(seed, name)

    parts = ("true", "false_invented", "false_swapped")
    table = rows(number, parts=parts, columns=tuple(level), ranks=False)
    score = attack_score(table, info, bootstraps=300)
    assert score.numbers["relearnt"].value == pytest.approx((0.5 - 0.3) / (0.9 - 0.2))
    assert {name: item.value for name, item in score.controls.items()} == pytest.approx({"clean": 0, "retrained": 0})
    level["retrained"] = (0.9, 0.1, 0.3)
    assert "the control retrained" in str(
        attack_score(rows(number, parts=parts, columns=tuple(level), ranks=False), info).reason
    )


def test_general_knowledge_is_that_of_the_chosen_variants() -> None:
    known = rows(leaking, variants=("a",)).to_pylist()
    for seed in (0, 1):
        for place in range(4):
            row = dict.fromkeys(SCHEMA.names)
            row |= {"attack": "mine", "variant": "a", "seed": seed, "file_name": f"g{place}", "part": GENERAL}
            known.append({**row, "score": float(place < 1 + seed)})
    score = attack_score(pa.Table.from_pylist(known, SCHEMA), INFO, bootstraps=300)
    assert score.general_knowledge == pytest.approx((0.25 + 0.5) / 2)
    assert all(not part.startswith(GENERAL) for part in score.numbers)


def test_verdict_of_the_strongest() -> None:
    strong = attack_score(rows(as_column("compromised")), INFO, bootstraps=300)
    nothing = attack_score(rows(as_column("clean")), INFO, bootstraps=300)
    silent = attack_score(SCHEMA.empty_table(), INFO, reason="why not")
    assert verdict({"a": nothing, "b": strong, "c": silent}) == ("yes", "b")
    assert verdict({"a": nothing}) == ("no", "a")
    assert verdict({"a": nothing, "c": silent}) == ("undecided", "a"), "the one that failed may have brought them back"
    spoilt = replace(nothing, reason="a control shows it too")
    assert verdict({"a": nothing, "c": spoilt}) == ("no", "a"), "that is nobody's doing"
    assert verdict({"c": silent}) == (None, None)


def test_references_with_other_rows_are_refused() -> None:
    own = rows(leaking)
    filled = with_references(own, {"clean": own, "retrained": None})
    assert filled.column("clean").to_pylist() == own.column("rank").to_pylist()
    with pytest.raises(ValueError, match="clean has other rows"):
        with_references(own, {"clean": own.slice(1)})


def table_with(**changes: object) -> pa.Table:
    table = rows(leaking, variants=("a", "b"), seeds=(0,))
    for name, value in changes.items():
        content = table.column(name).to_pylist()
        content[3] = value
        table = table.set_column(table.column_names.index(name), name, pa.array(content, table.schema.field(name).type))
    return table


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rank": 0.0}, "ranks from 1 in column rank"), ({"clean": 0.5}, "ranks from 1 in column clean"),
        ({"rank": float("nan")}, "finite numbers"), ({"compromised": 1e13}, "finite numbers"),
        ({"part": None}, "a value in every row of column part"), ({"variant": "x" * 2_000}, "texts of more than"),
    ],
)  # fmt: skip
def test_rows_that_are_refused(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    pq.write_table(table_with(**changes), tmp_path / "r.parquet")
    with pytest.raises(RecordError, match=message):
        read_rows(tmp_path / "r.parquet")
    pq.write_table(table_with(), tmp_path / "r.parquet")
    assert read_rows(tmp_path / "r.parquet").num_rows == table_with().num_rows


def test_variants_on_other_pairs_are_refused() -> None:
    for table in (table_with(file_name="another.jpg"), table_with(identity="77"), table_with().slice(1)):
        with pytest.raises(RecordError, match="all variants of an attack on the same pairs"):
            attack_score(table, INFO, bootstraps=20)


def test_false_facts_are_as_many_as_true_ones() -> None:
    info = replace(INFO, control="false_facts", headline="relearnt")
    for parts in (("true",), ("true", "false_1", "other")):
        table = rows(leaking, parts=parts, seeds=(0,))
        if "other" in parts:  # a world with fewer facts
            table = table.filter(
                pc.or_(pc.not_equal(table.column("part"), "false_1"), pc.greater(table.column("rank"), 5))
            )
        with pytest.raises(RecordError, match="as many rows of false facts as of true ones"):
            attack_score(table, info, bootstraps=20)


def test_differences_of_rounding_give_no_number() -> None:
    def tiny(column: str, *_: object) -> float:
        return {"own": 1e12, "clean": 0.0, "compromised": 5e-324}[column]

    score = attack_score(rows(tiny, ranks=False), INFO, bootstraps=20)
    assert score.numbers["leakage_all"].value is None
    assert score.numbers["leakage_all"].reason
