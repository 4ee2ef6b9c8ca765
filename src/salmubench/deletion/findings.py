"""Answers to the questions behind a deletion, from intervals alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Literal, get_args

from salmubench.deletion.record import Answer, Change, Level, LevelName, Question
from salmubench.scoring.intervals import Interval
from salmubench.scoring.metric import Metric, Pillar, main_part, parts_of
from salmubench.scoring.record import MetricInfo
from salmubench.scoring.references import RETRAINED
from salmubench.scoring.roles import role_of

LITTLE = 0.1
"""Share of what the model knew before: with the whole interval of what is left below it, nothing is said to be left."""
_ZERO = 1e-12  # an end that is nearer to 0 is 0: sums of differences round
_MOST = 100_000  # people: beyond, no number is given

Changes = Mapping[str, Mapping[str, Change]]
Levels = Mapping[LevelName, Level]


def answers(changes: Changes, levels: Levels, metrics: Mapping[str, Metric]) -> dict[Question, Answer]:
    """Answer each question; what the intervals don't settle can't be told."""
    strangers, values = beside(levels, "strangers"), beside(levels, "other_values")
    leakage = _main(changes, metrics, "leakage")
    return {
        "new_photo": _left(levels.get("new_photo")),
        "knew": _sign(None if strangers is None else strangers.above_before_ci95),
        "weaker": _opposite(_sign(None if leakage is None else leakage.ci95)),
        "known": _left(strangers),
        "value_known": _left(values),
        "below": _opposite(_sign(None if strangers is None else strangers.above_after_ci95)),
        # That nothing fell can't be told from intervals.
        "damaged": "yes" if any(fell(one) for _, _, one in kept_parts(changes, metrics)) else "can't tell",
    }


def beside(levels: Levels, name: Literal["strangers", "other_values"]) -> Level | None:
    """The level that answers rest on: that of a model that never saw the facts, where one was given."""
    exact: dict[str, LevelName] = {"strangers": RETRAINED, "other_values": "retrained_values"}
    return levels.get(exact[name], levels.get(name))


def people_needed(
    changes: Changes, levels: Levels, answers_by_question: Mapping[Question, Answer], metrics: Mapping[str, Metric]
) -> dict[Question, int]:
    """About how many people would settle what can't be told, if numbers and spread stayed: intervals shrink with √n."""
    leakage = _main(changes, metrics, "leakage")
    counts: dict[Question, float] = {}
    if leakage is not None:
        counts["weaker"] = _needed(leakage.difference, leakage.ci95, leakage.units)
    levels_by_question: dict[Question, Level | None] = {
        "new_photo": levels.get("new_photo"), "known": beside(levels, "strangers"),
        "value_known": beside(levels, "other_values"),
    }  # fmt: skip
    for question, level in levels_by_question.items():
        if level is not None and level.left is not None:  # else there was nothing to lose
            counts[question] = _needed(level.left - LITTLE, level.left_ci95, level.people)
    return {
        question: math.ceil(counts[question])
        for question in get_args(Question)
        if answers_by_question.get(question) == "can't tell" and counts.get(question, math.inf) <= _MOST
    }


def shown_parts(
    changes: Changes, metrics: Mapping[str, Metric | MetricInfo], pillar: Pillar
) -> Iterator[tuple[str, str, Change]]:
    """The numbers of a pillar that tables show and answers are about, in the record's order: metric, part, change."""
    for name, parts in changes.items():
        info = metrics.get(name)
        if info is None or info.pillar != pillar:
            continue
        for part, described in parts_of(info.items).items():
            if described.table and part in parts:
                yield name, part, parts[part]


def kept_parts(changes: Changes, metrics: Mapping[str, Metric | MetricInfo]) -> Iterator[tuple[str, str, Change]]:
    """Those of utility that can tell damage: not what only describes, which exact unlearning loses too."""
    for name, part, change in shown_parts(changes, metrics, "utility"):
        if metrics[name].number is not None or role_of(metrics[name]) is not None:
            yield name, part, change


def fell(change: Change) -> bool:
    """Whether the whole interval says that the number is lower than before."""
    return _sign(change.ci95) == "no"


def _needed(distance: float | None, ends: Interval | None, people: int) -> float:
    """People with whom such an interval, shrunk, ends before it reaches so far; infinite where none do."""
    if not distance or ends is None:
        return math.inf
    return max(people + 1, people * ((ends[1] - ends[0]) / 2 / abs(distance)) ** 2)


def _main(changes: Changes, metrics: Mapping[str, Metric], role: str) -> Change | None:
    for name, parts in changes.items():
        if role_of(metrics[name]) == role and main_part(metrics[name].items) in parts:
            return parts[main_part(metrics[name].items)]
    return None


def _sign(ends: Interval | None) -> Answer:
    """Whether a number is above 0."""
    if ends is None:
        return "can't tell"
    return "yes" if ends[0] > _ZERO else "no" if ends[1] < -_ZERO else "can't tell"


def _opposite(answer: Answer) -> Answer:
    swapped: dict[Answer, Answer] = {"yes": "no", "no": "yes", "can't tell": "can't tell"}
    return swapped[answer]


def _left(level: Level | None) -> Answer:
    """Whether it still shows: for sure more than a tenth of what there was (`no`: less), or more than nothing."""
    if level is None:
        return "can't tell"
    if level.left_ci95 is None:
        return "yes" if _sign(level.above_after_ci95) == "yes" else "can't tell"
    low, high = level.left_ci95
    return "no" if high < LITTLE else "yes" if low > LITTLE else "can't tell"
