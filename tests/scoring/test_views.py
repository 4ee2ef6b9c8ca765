"""Views between the references and the verdict, on tables of items made by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from salmubench.core.errors import RecordError
from salmubench.metrics import descriptions
from salmubench.scoring.breakdown import breakdown
from salmubench.scoring.failure_modes import MODES
from salmubench.scoring.items import ITEM_SCHEMA, item_table, with_references
from salmubench.scoring.metric import Items, Metric
from salmubench.scoring.record import Normalised, Score
from salmubench.scoring.verdict import THRESHOLDS, judge
from salmubench.scoring.views import score_items

LEAKAGE = Metric("AssocStr", "efficacy", "clean", view="leakage")
KEPT = Metric("InterIdSim", "utility", "compromised", view="kept")
DROP = Metric("GenKnow", "utility", "compromised", view="drop", resample="class")
CLASSES = Metric("GenKnow", "utility", "compromised", view="drop", resample="class", groups=("shown", "hidden"))
PLAIN = Metric("FragSim", "utility", "compromised")


def items(
    metric: Metric,
    value: list[float],
    clean: list[float] | None,
    compromised: list[float] | None,
    retrained: list[float] | None = None,
) -> pa.Table:
    n = len(value)
    names = np.array([f"p{number:03d}" for number in range(n)], object)
    classes = np.array([f"class {number % 2}" for number in range(n)], object)
    people = np.array([f"{number // 2:08d}" for number in range(n)], object)
    table = item_table(metric, Items("forget", names, classes, people, np.array(value)))
    for name, column in (("clean", clean), ("compromised", compromised), ("retrained", retrained)):
        if column is not None:
            table = table.set_column(ITEM_SCHEMA.get_field_index(name), name, pa.array(column, pa.float64()))
    return table


def one(metric: Metric, *columns: list[float] | None) -> Score:
    return score_items(items(metric, *columns), metrics={metric.name: metric}, bootstraps=300)[metric.name]["value"]


def spread(mean: float, n: int = 40, width: float = 0.1) -> list[float]:
    return (mean + width * np.linspace(-1, 1, n)).tolist()


@pytest.mark.parametrize("metric", [LEAKAGE, KEPT])
def test_views_at_their_landmarks(metric: Metric) -> None:
    clean, compromised = spread(0.1), spread(0.5)
    at = {value: one(metric, spread(value), clean, compromised).normalised.value for value in (0.5, 0.1, 0.3, 0.0)}
    assert at == pytest.approx({0.5: 1.0, 0.1: 0.0, 0.3: 0.5, 0.0: -0.25})


def test_leakage_against_retrained_stands_beside_that_against_clean() -> None:
    found = one(LEAKAGE, spread(0.3), spread(0.1), spread(0.5), spread(0.2))
    assert (found.goal, found.retrained, found.normalised.against) == ("clean", pytest.approx(0.2), "clean")
    assert found.normalised.value == pytest.approx(0.5)
    assert found.against_retrained is not None
    assert found.against_retrained.value == pytest.approx(1 / 3)
    assert found.against_retrained.against == "retrained"
    assert one(LEAKAGE, spread(0.3), spread(0.1), spread(0.5)).against_retrained is None
    assert one(KEPT, spread(0.3), spread(0.1), spread(0.5), spread(0.2)).against_retrained is None


def test_a_goal_of_retrained_falls_back_to_clean() -> None:
    metric = replace(LEAKAGE, goal="retrained")
    found = one(metric, spread(0.3), spread(0.1), spread(0.5), spread(0.2))
    assert (found.goal, found.normalised.against, found.against_retrained) == ("retrained", "retrained", None)
    assert found.normalised.value == pytest.approx(1 / 3)
    without = one(metric, spread(0.3), spread(0.1), spread(0.5))
    assert (without.goal, without.normalised.against) == ("clean", "clean")
    assert without.normalised.value == pytest.approx(0.5)


def test_retrained_that_knows_as_much_as_compromised_has_no_view() -> None:
    found = one(LEAKAGE, spread(0.3), spread(0.1), spread(0.5), spread(0.6)).against_retrained
    assert found is not None
    assert (found.value, found.reason) == (None, "references don't differ")


def test_view_interval_pairs_the_three_models() -> None:
    """The candidate's items are exactly half-way between the references': no resample can see anything else."""
    rng = np.random.default_rng(0)
    clean, compromised = rng.normal(0.1, 0.1, 40), rng.normal(0.5, 0.1, 40)
    found = one(LEAKAGE, ((clean + compromised) / 2).tolist(), clean.tolist(), compromised.tolist()).normalised
    assert found.value == pytest.approx(0.5)
    assert found.ci95 == pytest.approx((0.5, 0.5))


def test_view_interval_is_of_identities() -> None:
    """The interval of the ratio of sums over identities, two items each; `test_intervals` has the slow version."""
    from salmubench.scoring.bootstrap import Units
    from salmubench.scoring.intervals import Ratio, intervals

    rng = np.random.default_rng(1)
    u, c, p = rng.normal(0.2, 0.1, 40), rng.normal(0.1, 0.1, 40), rng.normal(0.5, 0.1, 40)
    found = one(LEAKAGE, u.tolist(), c.tolist(), p.tolist())
    left, whole, value = ((side[::2] + side[1::2]) for side in (u - c, p - c, u))
    ratios = [Ratio(left, whole, left=True), Ratio(value, np.full(20, 2.0))]
    expected = intervals(ratios, Units(np.arange(20), 20), bootstraps=300)
    assert [found.normalised.ci95, found.ci95] == [pytest.approx(interval) for interval in expected]
    assert (found.n, found.units) == (40, 20)


@pytest.mark.parametrize("compromised", [spread(0.1), spread(0.0), spread(0.101, width=0.0)])
def test_references_that_do_not_differ_have_no_view(compromised: list[float]) -> None:
    found = one(LEAKAGE, spread(0.3), spread(0.1, width=0.5), compromised)
    assert found.value is not None
    assert found.normalised == Normalised("leakage", None, None, "references don't differ", "clean")


@pytest.mark.parametrize("metric", [LEAKAGE, KEPT])
@pytest.mark.parametrize(("learnt", "reason"), [(0.2, None), (0.1, "not learnt"), (0.03, "references don't differ")])
def test_what_was_hardly_learnt_has_no_view(metric: Metric, learnt: float, reason: str | None) -> None:
    """The difference of each of 20 people is `learnt` ± 0.15: 95 % of their mean is about ± 0.07, widened ± 0.08."""
    clean, compromised = spread(0.1), (np.tile([-0.15, -0.15, 0.15, 0.15], 10) + 0.1 + learnt).tolist()
    compromised = (np.array(compromised) + np.array(clean) - 0.1).tolist()
    found = one(metric, spread(0.3), clean, compromised)
    assert found.value == pytest.approx(0.3)
    assert found.normalised.reason == reason
    assert (found.normalised.value is None) == (found.normalised.ci95 is None) == (reason is not None)


@pytest.mark.parametrize("metric", [LEAKAGE, KEPT])
@pytest.mark.parametrize("value", [0.5, 0.3, 0.1, 0.7])
def test_references_in_the_other_order_have_no_view(metric: Metric, value: float) -> None:
    """Compromised wholly below Clean: a share of a negative gap would turn good into bad."""
    found = one(metric, spread(value), spread(0.5, width=0.01), spread(0.1, width=0.01))
    assert found.value == pytest.approx(value)
    assert found.clean is not None
    assert found.compromised is not None
    assert found.clean > found.compromised
    assert (found.normalised.value, found.normalised.ci95) == (None, None)
    assert found.normalised.reason


def test_drop_of_general_knowledge() -> None:
    right, wrong = [1.0] * 30 + [0.0] * 10, [0.0] * 40
    found = one(DROP, [1.0] * 24 + [0.0] * 16, wrong, right)
    assert found.normalised.value == pytest.approx((0.75 - 0.6) / 0.75)
    assert found.units == 2  # classes
    assert one(DROP, wrong, wrong, right).normalised.value == 1.0
    assert one(DROP, right, wrong, right).normalised.ci95 == (0.0, 0.0)
    at_chance = one(DROP, right, wrong, [1.0, 1.0, 0.0, 0.0] * 10)  # two classes: chance is a half
    assert at_chance.normalised.reason == "references don't differ"


def labelled(right: dict[str, float], hidden: tuple[str, ...], per: int = 10, compromised: float = 1.0) -> pa.Table:
    """Ten pictures of each class, of which a share is right, another of Compromised's."""
    captions = np.array([name for name in right for _ in range(per)], object)
    value = np.array([float(number < per * share) for share in right.values() for number in range(per)])
    known = np.array([float(number < per * compromised) for _ in right for number in range(per)])
    names = np.array([f"p{number}" for number in range(len(value))], object)
    flags = np.isin(captions.astype(str), hidden) if hidden else None
    nobody = np.full(len(value), None, object)
    table = item_table(CLASSES, Items("general_knowledge", names, captions, nobody, value, hidden=flags))
    return with_references(table, {"compromised": table.set_column(7, "value", pa.array(known))})


def test_shown_and_hidden_classes_by_hand() -> None:
    items = labelled({"cat": 1.0, "car": 0.8, "cup": 0.2, "key": 0.4}, hidden=("cup", "key"))
    found = score_items(items, metrics={"GenKnow": CLASSES}, bootstraps=300)["GenKnow"]
    assert {part: one.value for part, one in found.items()} == pytest.approx(
        {"value": 0.6, "shown": 0.9, "hidden": 0.3}
    )
    assert {part: (one.n, one.units) for part, one in found.items()} == {
        "value": (40, 4), "shown": (20, 2), "hidden": (20, 2),  # classes are drawn
    }  # fmt: skip
    assert found["hidden"].normalised.value == pytest.approx(0.7)
    low, high = found["hidden"].normalised.ci95 or (0, 0)
    assert 0.4 < low < 0.7 < high < 0.95


def test_pictures_of_hidden_classes_compete_with_all_classes() -> None:
    """Were chance that of the hidden classes alone, 1 of 2, their part could have no view."""
    items = labelled({"cat": 1.0, "car": 0.8, "cup": 0.2, "key": 0.2}, ("cup", "key"), per=200, compromised=0.4)
    found = score_items(items, metrics={"GenKnow": CLASSES}, bootstraps=300)["GenKnow"]
    assert found["hidden"].normalised.value == pytest.approx(0.5)


def test_pictures_of_a_group_compete_with_all_classes() -> None:
    """The same of a breakdown: a group with pictures of two of four classes is above chance at .4."""
    items = labelled({"cat": 1.0, "car": 0.8, "cup": 0.2, "key": 0.2}, (), per=200, compromised=0.4)
    labels = ["animal or car" if name in ("cat", "car") else "thing" for name in items.column("caption").to_pylist()]
    groups = {group.label: group.scores["value"] for group in breakdown(items, labels, metric=DROP, bootstraps=300)}
    assert groups["thing"].normalised.value == pytest.approx(0.5)
    (alone,) = breakdown(items.slice(400), labels[400:], metric=DROP, bootstraps=300)
    assert alone.scores["value"].normalised.reason == "references don't differ"  # of two names, .4 is below chance


def test_without_hidden_classes_these_parts_have_a_reason() -> None:
    items = labelled({"cat": 1.0, "car": 0.8}, hidden=())
    assert items.column("hidden").null_count == items.num_rows
    found = score_items(items, metrics={"GenKnow": CLASSES}, bootstraps=300)["GenKnow"]
    assert found["value"].value == pytest.approx(0.9)
    for part in ("shown", "hidden"):
        assert (found[part].value, found[part].n) == (None, 0)
        assert found[part].reason == "the dataset hides no classes from methods"
        assert found[part].normalised.reason == found[part].reason


@pytest.mark.parametrize("column", ["value", "clean", "compromised"])
@pytest.mark.parametrize("rank", [0.0, 5e-324, -1.0])
def test_nothing_is_divided_by_a_rank_below_1(column: str, rank: float) -> None:
    metric = Metric("RetFail", "efficacy", "clean", items="rank")
    columns = {name: [rank if name == column else 3.0, 1.0] for name in ("value", "clean", "compromised")}
    with pytest.raises(RecordError, match=rf"1 or more in column {column} of the items of RetFail, got {rank:g}"):
        score_items(items(metric, **columns), metrics={metric.name: metric}, bootstraps=300)


def test_no_view_is_defined_or_no_reference_is_there() -> None:
    assert one(PLAIN, spread(0.1), spread(0.1), spread(0.5)).normalised.reason == "not defined"
    assert one(LEAKAGE, spread(0.1), None, None).normalised.reason == "a reference's own record"
    assert one(LEAKAGE, spread(0.1), None, spread(0.1)).normalised.reason == "clean has no such number"


def test_one_identity_has_no_interval_and_no_view() -> None:
    found = one(LEAKAGE, [0.2, 0.3], [0.0, 0.0], [1.0, 1.0])
    assert (found.value, found.ci95) == (0.25, None)
    assert found.normalised.value is None
    assert found.normalised.reason == "fewer than two units to resample"


def test_missing_metric_keeps_its_reason() -> None:
    from salmubench.scoring.views import Missing

    found = score_items(
        ITEM_SCHEMA.empty_table(), metrics={"GenKnow": DROP}, missing={"GenKnow": Missing("no general_knowledge")}
    )["GenKnow"]["value"]
    assert (found.value, found.reason, found.n, found.ci95) == (None, "no general_knowledge", 0, None)
    assert found.normalised.reason == "no general_knowledge"


def test_rows_without_identity_are_units_of_their_own() -> None:
    names = np.array(["a", "b", "b", "c"], object)
    people = np.array([None, None, None, "00000001"], object)
    table = item_table(PLAIN, Items("retain_synth", names, names, people, np.ones(4)))
    assert table.column("cluster").to_pylist() == ["retain_synth/a", "retain_synth/b", "retain_synth/b#2", "00000001"]


def test_reference_items_must_be_the_same() -> None:
    table = items(LEAKAGE, spread(0.1), None, None)
    other = table.set_column(3, "file_name", pa.array(["x"] * 40))
    with pytest.raises(RecordError, match="first difference in row 0"):
        with_references(table, {"clean": other})


def score_with(metric: str, interval: tuple[float, float] | None) -> Score:
    normalised = Normalised("leakage", None if interval is None else sum(interval) / 2, interval, None)
    return Score(0.5, None, 10, 5, 0, (0.4, 0.6), "clean", 0.1, 0.9, normalised)


def verdict(
    *, leak: tuple[float, float] | None = (0.0, 0.0), drop: tuple[float, float] | None = (0.0, 0.0),
    inter: tuple[float, float] | None = (1.0, 1.0), intra: tuple[float, float] | None = (1.0, 1.0),
) -> tuple[str, str, str]:  # fmt: skip
    found = judge({
        "RetFail": {"mrr": score_with("RetFail", leak)},
        "GenKnow": {"value": score_with("GenKnow", drop)},
        "InterIdSim": {"value": score_with("InterIdSim", inter)},
        "IntraIdSim": {"value": score_with("IntraIdSim", intra)},
    }, descriptions())  # fmt: skip
    return found.ineffective, found.catastrophic, found.over_generalised


@pytest.mark.parametrize(
    ("interval", "answer"),
    [((0.0101, 0.02), "yes"), ((0.01, 0.02), "undecided"), ((0.0, 0.01), "no"), ((0.0, 0.0101), "undecided"),
     ((-0.5, -0.1), "no"), (None, "undecided")],
)  # fmt: skip
def test_leakage_and_drop_at_their_thresholds(interval: tuple[float, float] | None, answer: str) -> None:
    assert verdict(leak=interval) == (answer, "no", "no")
    assert verdict(drop=interval) == ("no", answer, "no")


@pytest.mark.parametrize(
    ("inter", "intra", "answer"),
    [
        ((0.9, 1.0), (0.9, 1.1), "no"),
        ((0.89, 1.0), (0.9, 1.1), "undecided"),
        ((0.8, 0.899), (0.95, 1.1), "yes"),
        ((0.95, 1.0), (-3.0, 0.5), "yes"),
        ((0.8, 0.9), (0.95, 1.1), "undecided"),
        (None, (0.95, 1.1), "no"),  # what is missing is left out, and named
        (None, (0.1, 0.2), "yes"),
        (None, None, "undecided"),
    ],
)
def test_kept_at_its_threshold(
    inter: tuple[float, float] | None, intra: tuple[float, float] | None, answer: str
) -> None:
    assert verdict(inter=inter, intra=intra) == ("no", "no", answer)


def test_a_verdict_without_scores_is_undecided() -> None:
    empty = judge({}, {})
    assert {getattr(empty, mode) for mode in (*(mode.name for mode in MODES), "ineffective_paper")} == {"undecided"}
    assert empty.ignored == {}
    assert (THRESHOLDS.ineffective, THRESHOLDS.catastrophic, THRESHOLDS.over_generalised) == (0.01, 0.01, 0.9)
