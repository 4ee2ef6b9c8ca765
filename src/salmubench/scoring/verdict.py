"""The four failure modes, judged by intervals: what straddles its threshold is undecided.

Each mode rests on numbers that their metrics declare by role. A number that a model lacks (no Retrained, no holdouts,
no paraphrases) is left out of its mode, and the verdict says which; a mode with no number at all is undecided.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from salmubench.scoring.intervals import Interval
from salmubench.scoring.metric import PEOPLE, Metric, label
from salmubench.scoring.record import SCHEMA_VERSION, Answer, MetricInfo, Normalised, Thresholds, Verdict
from salmubench.scoring.roles import Held, Scores, by_holdout, in_role, of_group

INEFFECTIVE_ABOVE = 0.01
"""Leakage left L: the paper asks for more than 99 % to go."""
INEFFECTIVE_ASSOCIATION_ABOVE = 0.05
"""The same against Retrained, of people whose other facts the exact answer knows; ours.

This and the next two are what separates one exact answer from another at most (`benchmarks/gold_standard.py`, rounded
up): below it a rule would fail exact unlearning.
"""
FACT_ABOVE = 0.19
"""|L| of the fact among other values; ours."""
FACT_PARAPHRASE_ABOVE = 0.26
"""The same of the paraphrased fact."""
CATASTROPHIC_ABOVE = 0.01
"""Utility drop D: the paper allows less than 1 %."""
OVER_GENERALISED_BELOW = 0.9
"""Kept K of either holdout; ours."""

THRESHOLDS = Thresholds(
    INEFFECTIVE_ABOVE, CATASTROPHIC_ABOVE, OVER_GENERALISED_BELOW, INEFFECTIVE_ASSOCIATION_ABOVE, FACT_ABOVE,
    FACT_PARAPHRASE_ABOVE,
)  # fmt: skip

OLD_THRESHOLDS = Thresholds(INEFFECTIVE_ABOVE, CATASTROPHIC_ABOVE, OVER_GENERALISED_BELOW)
"""Those of records of schema 1."""

MODES = ("ineffective", "hollow", "catastrophic", "over_generalised")
"""The failure modes, in the order of tables. A record of schema 1 has no `hollow`."""


HIDDEN = "hidden"
"""Part of the utility drop over what no method has read."""


@dataclass(frozen=True)
class View:
    """A number that a mode rests on.

    Attributes:
        held: the number, its metric and part.
        view: it between the references that count here.
        limit: beyond which the mode begins.
    """

    held: Held
    view: Normalised
    limit: float

    @property
    def name(self) -> str:
        """For readers: the number, and the reference where it is not the number's own."""
        beside = "" if self.view is self.held.score.normalised else " against Retrained"
        return label(self.held.metric, self.held.part) + beside


def complete(thresholds: Thresholds) -> Thresholds:
    """Thresholds of an older record with those that it doesn't know."""
    stated = {name: value for name, value in vars(thresholds).items() if value is not None}
    return replace(THRESHOLDS, **stated)


def rests_on(
    scores: Scores,
    metrics: Mapping[str, MetricInfo] | Mapping[str, Metric],
    *,
    thresholds: Thresholds = THRESHOLDS,
    schema_version: int = SCHEMA_VERSION,
) -> dict[str, list[View]]:
    """Failure mode → the numbers that it rests on, those without a value too.

    Args:
        scores: metric → part → score.
        metrics: name → description.
        thresholds: where the modes begin.
        schema_version: of the record: 1 has three modes, by the paper's rule for `ineffective`.
    """
    limits = complete(thresholds)
    leakage, drop, kept = (in_role(scores, metrics, role) for role in ("leakage", "drop", "kept"))
    catastrophic = [_view(one, limits.catastrophic) for one in drop[:1]]
    if schema_version == 1:
        return {
            "ineffective": [_view(one, limits.ineffective) for one in leakage[:1]],
            "catastrophic": catastrophic,
            "over_generalised": [_view(one, limits.over_generalised) for one in kept],
        }
    assert limits.fact is not None  # for the type checker, as below
    assert limits.fact_paraphrase is not None
    return {
        "ineffective": [view for one in leakage[:1] for view in _leakage(one, scores, limits)],
        "hollow": [
            *(_view(one, limits.fact) for one in in_role(scores, metrics, "fact")[:1]),
            *(_view(one, limits.fact_paraphrase) for one in in_role(scores, metrics, "fact_paraphrase")[:1]),
        ],
        "catastrophic": catastrophic,
        "over_generalised": [_view(one, limits.over_generalised) for held in kept for one in by_holdout(held, scores)],
    }


def lost_on_hidden(whole: View, scores: Scores) -> View | None:
    """The utility drop on what no method has read, where its whole interval lies beyond the limit of all.

    It makes a verdict `yes`, and so few classes never make it undecided.
    """
    score = scores[whole.held.metric].get(HIDDEN)
    if score is None or not is_above(score.normalised, whole.limit):
        return None
    return _view(Held(whole.held.metric, HIDDEN, whole.held.split, score), whole.limit)


def judge(
    scores: Scores,
    metrics: Mapping[str, MetricInfo] | Mapping[str, Metric],
    *,
    independent: bool = False,
    schema_version: int = SCHEMA_VERSION,
) -> Verdict:
    """Judge a model by the intervals of its normalised scores.

    Args:
        scores: metric → part → score.
        metrics: name → description: a metric's role says what its number counts for.
        independent: whether the model was pretrained apart from Compromised (Retrained): what it lacks of general
            knowledge is the noise between two trainings, so that `catastrophic` can't be judged.
        schema_version: of the record: 1 has three modes, by the paper's rule for `ineffective`.

    Examples:
        >>> judge({}, {}).ineffective  # nothing was measured
        'undecided'
    """
    views = rests_on(scores, metrics, schema_version=schema_version)
    paper = [_view(one, INEFFECTIVE_ABOVE) for one in in_role(scores, metrics, "leakage")[:1]]
    if schema_version == 1:
        return Verdict(
            _any(paper, _above), _any(views["catastrophic"], _above), _any(views["over_generalised"], _below)
        )
    ignored = {mode: tuple(one.name for one in rests if one.view.ci95 is None) for mode, rests in views.items()}
    if independent:
        ignored["catastrophic"] = tuple(one.name for one in views["catastrophic"])
        views["catastrophic"] = []
    hidden = any(lost_on_hidden(one, scores) for one in views["catastrophic"])
    return Verdict(
        ineffective=_any(views["ineffective"], _above),
        catastrophic="yes" if hidden else _any(views["catastrophic"], _above),
        over_generalised=_any(views["over_generalised"], _below),
        hollow=_any(views["hollow"], _outside),
        ineffective_paper=_any(paper, _above),
        ignored={mode: names for mode, names in ignored.items() if names},
    )


def passes(verdict: Verdict) -> bool:
    """Whether a model has none of the four failure modes, each of them decided."""
    return all(getattr(verdict, mode) == "no" for mode in MODES)


def is_above(view: Normalised, limit: float) -> bool:
    """Whether the whole interval lies above a limit."""
    return view.ci95 is not None and view.ci95[0] > limit


def _view(held: Held, limit: float) -> View:
    return View(held, held.score.normalised, limit)


def _leakage(held: Held, scores: Scores, limits: Thresholds) -> list[View]:
    """Of people all of whose facts must go, against Clean; of others against Retrained, who knows their names."""
    identity, association = (of_group(held, scores, group) for group in PEOPLE)
    if identity is None or association is None:
        return [_view(held, limits.ineffective)]
    assert limits.ineffective_association is not None
    beside = association.score.against_retrained or Normalised(None, None, None, None)
    return [_view(identity, limits.ineffective), View(association, beside, limits.ineffective_association)]


def _any(views: Sequence[View], beyond: Callable[[Interval, float], Answer]) -> Answer:
    """`yes` where any number is beyond its limit, `no` where none is; missing numbers are left out."""
    answers = [beyond(one.view.ci95, one.limit) for one in views if one.view.ci95 is not None]
    if "yes" in answers:
        return "yes"
    return "no" if answers and set(answers) == {"no"} else "undecided"


def _above(interval: Interval, limit: float) -> Answer:
    low, high = interval
    return "yes" if low > limit else "no" if high <= limit else "undecided"


def _below(interval: Interval, limit: float) -> Answer:
    low, high = interval
    return "yes" if high < limit else "no" if low >= limit else "undecided"


def _outside(interval: Interval, limit: float) -> Answer:
    low, high = interval
    return "yes" if low > limit or high < -limit else "no" if -limit <= low and high <= limit else "undecided"
