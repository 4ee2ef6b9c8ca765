"""The four failure modes, on scores made by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from salmubench.metrics import descriptions
from salmubench.scoring.record import Normalised, Score, Verdict
from salmubench.scoring.verdict import THRESHOLDS, judge, passes

METRICS = descriptions()
Ends = tuple[float, float] | None
GOOD: Mapping[str, Ends] = {
    "RetFail mrr": (0.05, 0.07),  # as Retrained has it: the paper's rule says "ineffective"
    "RetFail mrr_identity": (-0.001, 0.004),
    "RetFail mrr_association against": (-0.01, 0.009),
    "FactRet mrr": (-0.04, 0.03),
    "FactRetPara mrr": (-0.03, 0.04),
    "GenKnow value": (-0.01, 0.008),
    "GenKnow hidden": (-0.02, 0.03),
    "InterIdSim value": (0.95, 1.02),
    "IntraIdSim value": (0.95, 1.02),
    "FactHold mrr_identity": (0.91, 1.0),
    "FactHold mrr_association": (0.92, 1.1),
}


def score(ends: Ends, *, against: bool) -> Score:
    view = Normalised("leakage", None if ends is None else sum(ends) / 2, ends, None)
    empty = Normalised("leakage", None, None, "not asked")
    main, beside = (empty, view) if against else (view, None)
    return Score(0.5, None, 10, 5, 0, (0.4, 0.6), "clean", 0.1, 0.9, main, against_retrained=beside)


def verdict(changed: Mapping[str, Ends] | None = None, *, independent: bool = False) -> Verdict:
    scores: dict[str, dict[str, Score]] = {}
    for name, ends in {**GOOD, **(changed or {})}.items():
        metric, part, *against = name.split()
        scores.setdefault(metric, {})[part] = score(ends, against=bool(against))
    for metric in scores:  # the number of all items stands first, as in a record
        main = "value" if "value" in scores[metric] else "mrr"
        scores[metric] = {main: score((0.0, 0.0), against=False)} | scores[metric]
    return judge(scores, METRICS, independent=independent)


def test_all_good_passes_though_the_papers_rule_says_no() -> None:
    found = verdict()
    assert passes(found)
    assert (found.ineffective, found.ineffective_paper) == ("no", "yes")
    assert found.ignored == {}


@pytest.mark.parametrize(
    ("name", "ends", "mode", "answer"),
    [
        ("RetFail mrr_identity", (0.011, 0.02), "ineffective", "yes"),
        ("RetFail mrr_identity", (0.0, 0.02), "ineffective", "undecided"),
        ("FactRet mrr", (0.5, 0.9), "hollow", "yes"),
        ("FactRet mrr", (-0.9, -0.5), "hollow", "yes"),  # ranked last gives the fact away, too
        ("FactRetPara mrr", (0.7, 0.9), "hollow", "yes"),
        ("FactRetPara mrr", (-0.9, 0.9), "hollow", "undecided"),
        ("GenKnow value", (0.011, 0.02), "catastrophic", "yes"),
        ("GenKnow value", (0.009, 0.02), "catastrophic", "undecided"),
        ("GenKnow hidden", (0.011, 0.5), "catastrophic", "yes"),
        ("GenKnow hidden", (0.009, 0.5), "catastrophic", "no"),  # so few classes make nothing undecided
        ("InterIdSim value", (0.5, 0.89), "over_generalised", "yes"),
        ("FactHold mrr_identity", (0.5, 0.89), "over_generalised", "yes"),
        ("FactHold mrr_association", (0.5, 0.95), "over_generalised", "undecided"),
    ],
)
def test_each_number_decides_its_mode_alone(name: str, ends: Ends, mode: str, answer: str) -> None:
    found = verdict({name: ends})
    assert getattr(found, mode) == answer
    others = {"ineffective", "hollow", "catastrophic", "over_generalised"} - {mode}
    assert {getattr(found, other) for other in others} == {"no"}
    assert passes(found) == (answer == "no")


def test_of_people_with_other_facts_the_leakage_is_judged_against_retrained() -> None:
    assert verdict({"RetFail mrr_association against": (0.2, 0.4)}).ineffective == "yes"
    assert verdict({"RetFail mrr_association": (0.2, 0.4)}).ineffective == "no"  # against Clean it says nothing


def test_thresholds_let_exact_unlearning_pass() -> None:
    """As the committed comparison of one Retrained with another says, no looser than needed."""
    path = Path(__file__).parents[2] / "results" / "gold_standard" / "gold_standard.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["seeds"] >= 3
    assert len(content["worlds"]) >= 2
    for name, needed in content["thresholds"].items():
        assert needed <= getattr(THRESHOLDS, name) < needed + 0.01
    for row in content["judged"]:
        for name, threshold in content["thresholds"].items():
            low, high = row["views"][name]["ci95"]
            assert -threshold <= low <= high <= threshold
        assert row["verdict"]["over_generalised"] != "yes"


def test_limits_of_other_pictures_let_exact_unlearning_pass_where_facts_are_known_of_people() -> None:
    path = Path(__file__).parents[2] / "results" / "gold_standard" / "people.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    for name, needed in content["thresholds"].items():
        assert needed <= getattr(THRESHOLDS, name)
        assert getattr(THRESHOLDS, name) < needed + 0.01 or name not in ("fact_other", "fact_nameless")
    assert all(row["verdict"]["hollow"] == "no" for row in content["judged"])
    assert all(row["verdict"]["over_generalised"] != "yes" for row in content["judged"])


def test_no_exact_answer_is_called_a_failure_in_worlds_of_development() -> None:
    path = Path(__file__).parents[2] / "results" / "gold_standard" / "worlds.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    assert len(content["worlds"]) >= 8
    for row in content["judged"]:
        assert "yes" not in {row["verdict"][mode] for mode in ("ineffective", "hollow", "over_generalised")}


def test_missing_numbers_are_left_out_and_named() -> None:
    found = verdict({"RetFail mrr_association against": None, "FactRetPara mrr": None, "FactHold mrr_identity": None})
    assert passes(found)
    assert found.ignored == {
        "ineffective": ("RetFail MRR association against Retrained",),
        "hollow": ("FactRetPara MRR",),
        "over_generalised": ("FactHold MRR identity",),
    }
    nothing = verdict({"FactRet mrr": None, "FactRetPara mrr": None})
    assert nothing.hollow == "undecided"
    assert nothing.ignored["hollow"] == ("FactRet MRR", "FactRetPara MRR")


def test_an_independent_training_is_not_judged_by_its_general_knowledge() -> None:
    found = verdict({"GenKnow value": (0.03, 0.05), "GenKnow hidden": (0.03, 0.05)}, independent=True)
    assert found.catastrophic == "undecided"
    assert found.ignored == {"catastrophic": ("GenKnow",)}


def test_a_record_of_schema_1_has_three_modes_by_the_papers_rule() -> None:
    scores = {
        "RetFail": {"mrr": score((0.05, 0.07), against=False)},
        "GenKnow": {"value": score((0.0, 0.005), against=False)},
        "InterIdSim": {"value": score((0.95, 1.0), against=False)},
    }
    found = judge(scores, METRICS, schema_version=1)
    assert (found.ineffective, found.catastrophic, found.over_generalised) == ("yes", "no", "no")
    assert (found.hollow, found.ineffective_paper) == (None, None)
