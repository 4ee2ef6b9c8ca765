"""The number that a verdict turns on, of all that a mode is judged by.

Which numbers these are is `scoring.verdict`'s to say; here is what a sentence can quote of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from salmubench.report.collect import score_of
from salmubench.scoring.metric import PEOPLE
from salmubench.scoring.record import Normalised, RunRecord, Thresholds
from salmubench.scoring.roles import Held, first, of_group, spared, with_role
from salmubench.scoring.verdict import FACT_ABOVE, FACT_PARAPHRASE_ABOVE, HIDDEN, INEFFECTIVE_ASSOCIATION_ABOVE


@dataclass(frozen=True)
class Judged:
    """A number that a mode is judged by.

    Attributes:
        held: the number, its metric and part.
        view: it between the references that count here.
        limit: beyond which the mode begins.
    """

    held: Held
    view: Normalised
    limit: float


def judged(record: RunRecord, mode: str, thresholds: Thresholds) -> list[Judged]:
    """What a mode is judged by, missing numbers too.

    Args:
        record: of a method.
        mode: the failure mode.
        thresholds: where the modes begin.
    """
    if mode == "ineffective":
        return _leakage(record, thresholds)
    if mode == "hollow":
        limits = (thresholds.fact or FACT_ABOVE, thresholds.fact_paraphrase or FACT_PARAPHRASE_ABOVE)
        facts = with_role(record, "fact")[:1], with_role(record, "fact_paraphrase")[:1]
        return [_plain(one, limit) for held, limit in zip(facts, limits, strict=True) for one in held]
    if mode == "catastrophic":
        return _drop(record, thresholds.catastrophic)
    return [_plain(one, thresholds.over_generalised) for one in spared(record)]


def deciding(record: RunRecord, mode: str, state: str, thresholds: Thresholds) -> Judged | None:
    """The number that a mode's answer turns on, or `None` where all are missing.

    `yes` turns on a number whose whole interval lies beyond its limit, `undecided` on one whose interval reaches over
    it. Of several it is the one furthest towards its limit or over it, measured in limits, which differ within a mode.

    Args:
        record: of a method.
        mode: the failure mode.
        state: its answer.
        thresholds: where the modes begin.
    """

    def reach(one: Judged) -> tuple[bool, float]:
        value = one.view.value or 0.0
        low, high = one.view.ci95 or (value, value)
        if mode == "over_generalised":
            least, most, beyond = one.limit - high, one.limit - low, one.limit - value
        elif mode == "hollow":
            least, most, beyond = (size - one.limit for size in (max(low, -high), max(high, -low), abs(value)))
        else:
            least, most, beyond = (end - one.limit for end in (low, high, value))
        return (least if state == "yes" else most) > 0, beyond / (abs(one.limit) or 1.0)

    known = [one for one in judged(record, mode, thresholds) if one.view.value is not None]
    return max(known, key=reach, default=None)


def _plain(held: Held, limit: float) -> Judged:
    return Judged(held, held.score.normalised, limit)


def _leakage(record: RunRecord, thresholds: Thresholds) -> list[Judged]:
    """Of people all of whose facts must go and of others; of an older record, the paper's one number."""
    held = first(record, "leakage")
    if held is None:
        return []
    identity, association = (of_group(held, record.scores, group) for group in PEOPLE)
    if record.schema_version == 1 or identity is None or association is None:
        return [_plain(held, thresholds.ineffective)]
    beside = association.score.against_retrained
    limit = thresholds.ineffective_association or INEFFECTIVE_ASSOCIATION_ABOVE
    return [_plain(identity, thresholds.ineffective), *([] if beside is None else [Judged(association, beside, limit)])]


def _drop(record: RunRecord, limit: float) -> list[Judged]:
    """Of all classes; of the hidden ones where these alone say yes: they never make a verdict undecided."""
    held = first(record, "drop")
    if held is None:
        return []
    whole = _plain(held, limit)
    score = None if record.schema_version == 1 else score_of(record, held.metric, HIDDEN)
    if score is None or not _above(score.normalised, limit) or _above(whole.view, limit):
        return [whole]
    return [_plain(Held(held.metric, HIDDEN, held.split, score), limit)]


def _above(view: Normalised, limit: float) -> bool:
    return view.ci95 is not None and view.ci95[0] > limit
