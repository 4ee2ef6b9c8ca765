"""The three failure modes, judged by intervals: what straddles its threshold is undecided."""

from __future__ import annotations

from collections.abc import Mapping

from salmubench.scoring.bootstrap import Interval
from salmubench.scoring.record import (
    Answer,
    Score,
    Thresholds,
    Verdict,
)

INEFFECTIVE_ABOVE = 0.01
"""Leakage left L(RetFail MRR): the paper asks for more than 99 % to go."""
CATASTROPHIC_ABOVE = 0.01
"""Utility drop D(GenKnow): the paper allows less than 1 %."""
OVER_GENERALISED_BELOW = 0.9
"""Kept K(InterIdSim) and K(IntraIdSim); ours."""

THRESHOLDS = Thresholds(INEFFECTIVE_ABOVE, CATASTROPHIC_ABOVE, OVER_GENERALISED_BELOW)


def judge(scores: Mapping[str, Mapping[str, Score]]) -> Verdict:
    """Judge a model by the intervals of its normalised scores.

    Args:
        scores: metric → part → score.

    Examples:
        >>> judge({}).ineffective  # nothing was measured
        'undecided'
    """
    kept = [_view(scores, name, "value") for name in ("InterIdSim", "IntraIdSim")]
    return Verdict(
        ineffective=_above(_view(scores, "RetFail", "mrr"), INEFFECTIVE_ABOVE),
        catastrophic=_above(_view(scores, "GenKnow", "value"), CATASTROPHIC_ABOVE),
        over_generalised=_any_below(kept, OVER_GENERALISED_BELOW),
    )


def _view(scores: Mapping[str, Mapping[str, Score]], metric: str, part: str) -> Interval | None:
    score = scores.get(metric, {}).get(part)
    return None if score is None else score.normalised.ci95


def _above(interval: Interval | None, threshold: float) -> Answer:
    if interval is None:
        return "undecided"
    low, high = interval
    return "yes" if low > threshold else "no" if high <= threshold else "undecided"


def _any_below(intervals: list[Interval | None], threshold: float) -> Answer:
    known = [interval for interval in intervals if interval is not None]
    if any(high < threshold for _, high in known):
        return "yes"
    return "no" if len(known) == len(intervals) and all(low >= threshold for low, _ in known) else "undecided"
