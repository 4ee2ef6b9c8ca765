"""The three failure modes, judged by intervals: what straddles its threshold is undecided."""

from __future__ import annotations

from collections.abc import Mapping

from salmubench.scoring.intervals import Interval
from salmubench.scoring.metric import Metric
from salmubench.scoring.record import Answer, MetricInfo, Thresholds, Verdict
from salmubench.scoring.roles import Held, Scores, in_role

INEFFECTIVE_ABOVE = 0.01
"""Leakage left L: the paper asks for more than 99 % to go."""
CATASTROPHIC_ABOVE = 0.01
"""Utility drop D: the paper allows less than 1 %."""
OVER_GENERALISED_BELOW = 0.9
"""Kept K of either holdout; ours."""

THRESHOLDS = Thresholds(INEFFECTIVE_ABOVE, CATASTROPHIC_ABOVE, OVER_GENERALISED_BELOW)


def judge(scores: Scores, metrics: Mapping[str, MetricInfo] | Mapping[str, Metric]) -> Verdict:
    """Judge a model by the intervals of its normalised scores.

    Args:
        scores: metric → part → score.
        metrics: name → description: a metric's role says what its number counts for.

    Examples:
        >>> judge({}, {}).ineffective  # nothing was measured
        'undecided'
    """
    kept = [_interval(held) for held in in_role(scores, metrics, "kept")]
    leakage, drop = (next(iter(in_role(scores, metrics, role)), None) for role in ("leakage", "drop"))
    return Verdict(
        ineffective=_above(_interval(leakage), INEFFECTIVE_ABOVE),
        catastrophic=_above(_interval(drop), CATASTROPHIC_ABOVE),
        over_generalised=_any_below(kept, OVER_GENERALISED_BELOW),
    )


def _interval(held: Held | None) -> Interval | None:
    return None if held is None else held.score.normalised.ci95


def _above(interval: Interval | None, threshold: float) -> Answer:
    if interval is None:
        return "undecided"
    low, high = interval
    return "yes" if low > threshold else "no" if high <= threshold else "undecided"


def _any_below(intervals: list[Interval | None], threshold: float) -> Answer:
    known = [interval for interval in intervals if interval is not None]
    if any(high < threshold for _, high in known):
        return "yes"
    return (
        "no"
        if intervals and len(known) == len(intervals) and all(low >= threshold for low, _ in known)
        else "undecided"
    )
