"""The number that a verdict turns on, of all that a mode is judged by.

Which numbers these are is `scoring.verdict`'s to say; here is what a sentence can quote of them.
"""

from __future__ import annotations

from collections.abc import Mapping

from salmubench.scoring.record import MetricInfo, RunRecord, Thresholds
from salmubench.scoring.verdict import View, is_above, lost_on_hidden, rests_on


def judged(record: RunRecord, mode: str, thresholds: Thresholds) -> list[View]:
    """What a mode is judged by, numbers without a value too.

    Args:
        record: of a method.
        mode: the failure mode.
        thresholds: where the modes begin.
    """
    metrics: Mapping[str, MetricInfo] = {} if record.protocol is None else record.protocol.metrics
    views = rests_on(record.scores, metrics, thresholds=thresholds, schema_version=record.schema_version).get(mode, [])
    if mode == "catastrophic" and record.schema_version > 1:  # the hidden classes where these alone say yes
        return [one if is_above(one.view, one.limit) else lost_on_hidden(one, record.scores) or one for one in views]
    return views


def deciding(record: RunRecord, mode: str, state: str, thresholds: Thresholds) -> View | None:
    """The number that a mode's answer turns on, or `None` where all are missing.

    `yes` turns on a number whose whole interval lies beyond its limit, `undecided` on one whose interval reaches over
    it. Of several it is the one furthest towards its limit or over it, measured in limits, which differ within a mode.

    Args:
        record: of a method.
        mode: the failure mode.
        state: its answer.
        thresholds: where the modes begin.
    """

    def reach(one: View) -> tuple[bool, float]:
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
