"""The failure modes judged by intervals: what straddles its threshold is undecided.

Each mode rests on numbers that their metrics declare by role (`failure_modes`). A number that a model lacks (no
Retrained, no holdouts, no paraphrases, nothing learnt) is left out of its mode, and the verdict says which; a mode with
no number at all is undecided.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from salmubench.scoring.failure_modes import LIMITS, MODES, FailureMode, Ground, ground_on
from salmubench.scoring.intervals import Interval
from salmubench.scoring.metric import PEOPLE, Metric, Role, label, part_of
from salmubench.scoring.record import (
    SCHEMA_VERSION,
    Answer,
    MetricInfo,
    Normalised,
    RunRecord,
    Thresholds,
    Verdict,
    against,
)
from salmubench.scoring.references import is_judged_reference
from salmubench.scoring.roles import Held, Scores, by_holdout, in_role, of_group

THRESHOLDS = Thresholds(**{limit.name: limit.value for limit in LIMITS})
OLD_THRESHOLDS = Thresholds(**{limit.name: limit.value for limit in LIMITS if limit.since == 1})
"""Those of records of schema 1."""


@dataclass(frozen=True)
class View:
    """A number that a mode rests on."""

    held: Held
    view: Normalised
    limit: float
    role: Role

    @property
    def name(self) -> str:
        """For readers: the number, and the reference where it is not the number's own."""
        beside = "" if self.view is self.held.score.normalised else " against Retrained"
        return label(self.held.metric, self.held.part) + beside


def complete(thresholds: Thresholds) -> Thresholds:
    """Thresholds of an older record with those that it doesn't know."""
    stated = {name: value for name, value in vars(thresholds).items() if value is not None}
    return replace(THRESHOLDS, **stated)


def limit_of(thresholds: Thresholds, role: str, against: str | None = None) -> float:
    """Where the mode that rests on a role, against its own reference or another, begins."""
    limit: float = getattr(complete(thresholds), ground_on(role, against).limit.name)
    return limit


def rests_on(
    scores: Scores,
    metrics: Mapping[str, MetricInfo] | Mapping[str, Metric],
    *,
    thresholds: Thresholds = THRESHOLDS,
    schema_version: int = SCHEMA_VERSION,
) -> dict[str, list[View]]:
    """Failure mode → the numbers that it rests on, those without a value too.

    Args:
        schema_version: of the record: 1 has three modes, and no groups of people.
    """
    limits = complete(thresholds)
    views: dict[str, list[View]] = {}
    for mode in MODES:
        if mode.since > schema_version:
            continue
        views[mode.name] = [
            View(held, view, getattr(limits, ground.limit.name), ground.role)
            for ground in mode.grounds
            for one in in_role(scores, metrics, ground.role)[: None if ground.each else 1]
            for held, view in _numbers(ground, one, scores, whole=schema_version == 1)
        ]
    return views


def _numbers(ground: Ground, held: Held, scores: Scores, *, whole: bool) -> Iterator[tuple[Held, Normalised]]:
    """A number of a ground's role as it is taken there: whole, by holdout or over a group of people."""
    groups = {group: of_group(held, scores, group) for group in PEOPLE}
    if ground.each and not whole:
        yield from ((one, one.score.normalised) for one in by_holdout(held, scores))
    elif ground.group is None or whole or None in groups.values():
        if ground.against is None:  # the other ground is another group of the same number
            yield held, held.score.normalised
    elif (one := groups[ground.group]) is not None:
        beside = (ground.against and against(one.score, ground.against)) or Normalised(None, None, None, None)
        yield one, one.score.normalised if ground.against is None else beside


def lost_alone(mode: FailureMode, main: View, scores: Scores) -> View | None:
    """The number of a mode's group alone, where its whole interval lies beyond the limit of all items.

    It makes a verdict `yes`; being of few items, it never makes one undecided.
    """
    if mode.alone is None:
        return None
    part = part_of(main.held.part, mode.alone)
    score = scores[main.held.metric].get(part)
    if score is None or answer(mode, score.normalised.ci95, main.limit) != "yes":
        return None
    return replace(main, held=Held(main.held.metric, part, main.held.split, score), view=score.normalised)


def judge(
    scores: Scores,
    metrics: Mapping[str, MetricInfo] | Mapping[str, Metric],
    *,
    independent: bool = False,
    schema_version: int = SCHEMA_VERSION,
) -> Verdict:
    """Judge a model by the intervals of its normalised scores.

    Args:
        independent: whether the model was pretrained apart from Compromised (Retrained): what it lacks of general
            knowledge is the noise between two trainings, so that it can't be judged.
        schema_version: of the record: 1 has three modes, by the paper's rules.

    Examples:
        >>> set(answers_of(judge({}, {})).values())  # nothing was measured
        {'undecided'}
    """
    views = rests_on(scores, metrics, schema_version=schema_version)
    answers, ignored = {}, {}
    for mode in MODES:
        rests = views.get(mode.name)
        if rests is None:
            continue
        exempt = independent and mode.from_compromised
        ignored[mode.name] = tuple(one.name for one in rests if exempt or one.view.ci95 is None)
        judged = [] if exempt else rests
        alone = schema_version > 1 and any(lost_alone(mode, one, scores) for one in judged)
        answers[mode.name] = "yes" if alone else _any(mode, judged)
    if schema_version == 1:
        return Verdict(**answers)
    paper = rests_on(scores, metrics, schema_version=1)[MODES[0].name]
    return Verdict(
        **answers,
        ineffective_paper=_any(MODES[0], paper),
        ignored={mode: names for mode, names in ignored.items() if names},
    )


def answers_of(verdict: Verdict | None) -> dict[str, Answer]:
    """Failure mode → answer, of those modes that the verdict tells; without one all are undecided."""
    states: dict[str, Answer | None] = {
        mode.name: "undecided" if verdict is None else getattr(verdict, mode.name) for mode in MODES
    }
    return {mode: state for mode, state in states.items() if state is not None}


def answers(record: RunRecord) -> dict[str, Answer]:
    """The same of a record: one of schema 1 has three modes, any newer one all."""
    return answers_of(record.verdict)


def applying(record: RunRecord) -> dict[str, Answer]:
    """The same without what can't be asked of the exact answer: it was not made from Compromised."""
    exempt = {mode.name for mode in MODES if mode.from_compromised and is_judged_reference(record)}
    return {mode: answer for mode, answer in answers(record).items() if mode not in exempt}


def worst(states: Collection[Answer]) -> Answer:
    """The worst of several answers: `no` is good; of none it is `no`.

    Examples:
        >>> worst(["no", "undecided"]), worst(["no", "yes", "undecided"])
        ('undecided', 'yes')
    """
    return "yes" if "yes" in states else "undecided" if "undecided" in states else "no"


def passes(verdict: Verdict) -> bool:
    """Whether a model has none of the failure modes, each of them decided."""
    return all(getattr(verdict, mode.name) == "no" for mode in MODES)


def answer(mode: FailureMode, interval: Interval | None, limit: float) -> Answer:
    """Whether a mode holds for a number: `yes` or `no` where its whole interval says so."""
    if interval is None:
        return "undecided"
    low, high = interval
    if mode.direction == "below":
        return "yes" if high < limit else "no" if low >= limit else "undecided"
    if low > limit or (mode.direction == "beyond" and high < -limit):
        return "yes"
    within = high <= limit and (mode.direction == "above" or low >= -limit)
    return "no" if within else "undecided"


def _any(mode: FailureMode, views: Sequence[View]) -> Answer:
    """`yes` where any number is beyond its limit, `no` where none is; missing numbers are left out."""
    answers_of_views = [answer(mode, one.view.ci95, one.limit) for one in views if one.view.ci95 is not None]
    if "yes" in answers_of_views:
        return "yes"
    return "no" if answers_of_views and set(answers_of_views) == {"no"} else "undecided"
