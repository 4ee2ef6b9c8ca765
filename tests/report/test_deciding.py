"""The number that a sentence quotes is one that the verdict goes by: against `scoring.verdict`, and by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from report_world import METRICS
from salmubench.report import sentences
from salmubench.report.collect import read_run
from salmubench.report.damage import damage, plots
from salmubench.report.sentences import deciding, judged
from salmubench.scoring.failure_modes import MODES
from salmubench.scoring.record import Normalised, RunRecord, Score
from salmubench.scoring.references import Kind
from salmubench.scoring.verdict import OLD_THRESHOLDS, THRESHOLDS, answers, judge

Ends = tuple[float, float]
GOOD: Mapping[str, Ends] = {
    "RetFail mrr": (0.02, 0.05),
    "RetFail mrr_identity": (-0.001, 0.004),
    "RetFail mrr_association against": (-0.01, 0.009),
    "FactRet mrr": (-0.04, 0.03),
    "FactRetPara mrr": (-0.03, 0.04),
    "GenKnow value": (-0.01, 0.008),
    "GenKnow hidden": (-0.02, 0.03),
    "InterIdSim value": (0.95, 1.02),
    "IntraIdSim value": (0.95, 1.02),
    "FactHold mrr": (0.95, 1.0),
    "FactHold mrr_identity": (0.91, 1.0),
    "FactHold mrr_association": (0.92, 1.1),
}


@pytest.fixture(scope="module")
def base(run_folder: Path) -> RunRecord:
    return next(record for record in read_run(run_folder, METRICS).records if record.model.name == "delete-5x")


def score(ends: Ends | None, against: Kind | None = None, *, beside: bool = False) -> Score:
    view = Normalised("leakage", None if ends is None else sum(ends) / 2, ends, None if ends else "none", against)
    empty = Normalised("leakage", None, None, "not asked", "clean")
    main, other = (empty, view) if beside else (view, None)
    return Score(0.5, None, 10, 5, 0, (0.4, 0.6), "clean", 0.1, 0.9, main, 0.2, other)


def record(base: RunRecord, changed: Mapping[str, Ends | None] | None = None, *, kind: str | None = None) -> RunRecord:
    """A record whose views are these intervals, the good ones but for some, judged by the rules.

    Args:
        kind: a reference's.
    """
    scores: dict[str, dict[str, Score]] = {}
    for name, ends in {**GOOD, **(changed or {})}.items():
        metric, part, *beside = name.split()
        zero: Kind = "retrained" if beside or metric.startswith("FactRet") else "clean"
        scores.setdefault(metric, {})[part] = score(ends, zero, beside=bool(beside))
    model = base.model if kind is None else replace(base.model, name=kind, kind=kind, method=None, budget=None)
    return replace(base, model=model, scores=scores, verdict=judge(scores, METRICS, independent=kind is not None))


def said(record: RunRecord) -> str:
    return sentences.sentence(record, THRESHOLDS).replace("\u202f", " ")


def answer(mode: str, ends: Ends, limit: float) -> str:
    low, high = ends
    if mode == "over_generalised":
        return "yes" if high < limit else "no" if low >= limit else "undecided"
    if mode == "hollow":
        return "yes" if low > limit or high < -limit else "no" if -limit <= low and high <= limit else "undecided"
    return "yes" if low > limit else "no" if high <= limit else "undecided"


@pytest.mark.parametrize("seed", range(60))
def test_what_is_quoted_answers_as_the_verdict_does(base: RunRecord, seed: int) -> None:
    rng = np.random.default_rng(seed)
    centre = {"InterIdSim": 0.9, "IntraIdSim": 0.9, "FactHold": 0.9, "FactRet": 0.19, "FactRetPara": -0.26}

    def around(name: str) -> Ends | None:
        if rng.random() < 0.1:
            return None
        middle, half = rng.normal(centre.get(name.split()[0], 0.02), 0.03), rng.uniform(0.0, 0.03)
        return middle - half, middle + half

    found = record(base, {name: around(name) for name in GOOD})
    check_place(found)
    for mode in MODES:
        state = getattr(found.verdict, mode.name)
        one = deciding(found, mode, state, THRESHOLDS)
        if one is None:
            assert state == "undecided"
            continue
        assert one.view.ci95 is not None
        assert answer(mode.name, one.view.ci95, one.limit) == state, mode
        assert one in judged(found, mode, THRESHOLDS)


def check_place(found: RunRecord) -> None:
    """A model stands in the field at the goal where it is shown to pass, and with all of its bars outside if it fails.

    By the thresholds of each interval, as `answer` has them.
    """
    (shown,) = damage([found], {found.model.name: "it"}, THRESHOLDS).points or [None]
    known = [judged(found, mode, THRESHOLDS) for mode in MODES]
    if shown is None or not all(any(one.view.ci95 is not None for one in views) for views in known):
        return
    states = set(answers(found).values())
    assert (max(shown.left, shown.lost) <= 1) == (states == {"no"})
    assert (max(shown.left_low, shown.lost_low) > 1) == ("yes" in states)
    assert shown.outcome == ("yes" if "yes" in states else "undecided" if "undecided" in states else "no")


def test_retrained_stands_where_models_pass_and_an_undecided_one_does_not(base: RunRecord) -> None:
    """The exact answer leaves 3.5 % of all leakage and is another training, which its general knowledge shows."""
    exact = record(base, {"GenKnow value": (0.05, 0.12)}, kind="retrained")
    unsure = record(base, {"InterIdSim value": (0.88, 0.97)})
    shown = damage([exact, unsure], {"retrained": "Retrained", base.model.name: "Unsure"}, THRESHOLDS)
    places = {point.label: (point.left <= 1, point.lost <= 1) for point in (*shown.references, *shown.points)}
    assert places == {
        "Clean": (True, False), "Compromised": (False, True), "Retrained": (True, True), "Unsure": (True, False),
    }  # fmt: skip
    (point,) = shown.points
    assert point.outcome == "undecided"
    assert point.lost == pytest.approx((1 - 0.88) / (1 - 0.9))
    assert point.lost_low == pytest.approx((1 - 0.97) / (1 - 0.9))
    assert point.left == pytest.approx(0.004 / 0.01)  # of people all of whose facts must go: nearer than the others


def test_what_nobody_measured_is_told_beside_the_plot(base: RunRecord) -> None:
    shown = damage([record(base, {"GenKnow value": None, "GenKnow hidden": None})], {base.model.name: "it"}, THRESHOLDS)
    assert [mode.name for mode in shown.unjudged] == ["catastrophic"]
    assert [point.outcome for point in shown.points] == ["undecided"]
    assert "passes what is judged" in plots(shown)[0]


def test_the_papers_number_is_not_quoted_where_people_are_judged(base: RunRecord) -> None:
    """All rows leave 3.5 %, above the paper's 1 %, and the verdict is still "no"."""
    found = record(base)
    assert found.verdict is not None
    assert (found.verdict.ineffective, found.verdict.ineffective_paper) == ("no", "yes")
    text = said(found)
    assert text.startswith("forgets (0.15 % of the leakage left, of people all of whose facts must go; at most 1 % ")
    assert "3.5 %" not in text


def test_people_who_keep_facts_are_judged_against_retrained_by_their_own_limit(base: RunRecord) -> None:
    text = said(record(base, {"RetFail mrr_association against": (0.06, 0.1)}))
    assert "but does not forget enough (8.0 % of the leakage left against Retrained, of people some " in text
    assert "of whose facts stay; at most 5 % passes)" in text
    text = said(record(base, {"RetFail mrr_association against": (0.01, 0.06)}))
    assert "undecided: whether it forgets (3.5 % of the leakage left against Retrained, of people some" in text
    below = {"RetFail mrr_association against": (-0.02, -0.01), "RetFail mrr_identity": None}
    assert "forgets (pushed below Retrained, L −1.5 % of people some of whose facts stay;" in said(record(base, below))


def test_hidden_classes_are_quoted_where_they_alone_decide(base: RunRecord) -> None:
    alone = said(record(base, {"GenKnow hidden": (0.02, 0.06)}))
    assert "loses general knowledge (GenKnow falls by 4.0 % on classes that only pretraining saw)" in alone
    both = said(record(base, {"GenKnow hidden": (0.02, 0.06), "GenKnow value": (0.02, 0.03)}))
    assert "loses general knowledge (GenKnow falls by 2.5 %)" in both
    neither = said(record(base, {"GenKnow hidden": (0.0, 0.06)}))
    assert "keeps general knowledge (GenKnow rises by 0.10 %)" in neither


def test_the_sure_number_is_quoted_and_not_the_extreme_one(base: RunRecord) -> None:
    unsure = {"FactHold mrr_identity": (0.1, 1.1), "InterIdSim value": (0.8, 0.84), "FactRet mrr": (-0.1, 0.6)}
    text = said(record(base, {**unsure, "FactRetPara mrr": (-0.31, -0.27)}))
    assert "over-generalises (keeps only 82 % of other people’s associations)" in text
    assert (
        "reveals the fact (the true value pushed below Retrained among other values when paraphrased, L −29 %)" in text
    )


def test_of_two_sure_numbers_the_worse_is_quoted(base: RunRecord) -> None:
    text = said(record(base, {"InterIdSim value": (0.79, 0.81), "FactHold mrr_identity": (0.5, 0.85)}))
    assert "over-generalises (keeps only 68 % of other people’s associations among other values)" in text


def test_a_record_of_schema_1_quotes_the_papers_number(base: RunRecord) -> None:
    scores = {
        "RetFail": {"mrr": score((0.05, 0.07), "clean")},
        "GenKnow": {"value": score((0.0, 0.004)), "hidden": score((0.02, 0.06))},
        "InterIdSim": {"value": score((0.95, 1.0))},
    }
    verdict = judge(scores, METRICS, schema_version=1)
    old = replace(base, schema_version=1, scores=scores, verdict=verdict)
    text = sentences.sentence(old, OLD_THRESHOLDS).replace("\u202f", " ")
    assert "does not forget enough (6.0 % of the leakage left; at most 1 % passes)" in text
    assert "keeps general knowledge (GenKnow falls by 0.20 %)" in text


def test_without_any_number_the_reason_is_said(base: RunRecord) -> None:
    missing = {"RetFail mrr_identity": None, "RetFail mrr_association against": None}
    assert "undecided: whether it forgets (none)" in said(record(base, missing))
