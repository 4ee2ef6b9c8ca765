"""The number that a verdict turns on, of all that a mode is judged by.

Which numbers these are is `scoring.verdict`'s to say; here is what a sentence can quote of them.
"""

from __future__ import annotations

from collections.abc import Mapping

from salmubench.scoring.failure_modes import FailureMode
from salmubench.scoring.record import MetricInfo, RunRecord, Thresholds
from salmubench.scoring.verdict import View, answer, lost_alone, rests_on


def judged(record: RunRecord, mode: FailureMode, thresholds: Thresholds) -> list[View]:
    """What a mode is judged by, numbers without a value too."""
    metrics: Mapping[str, MetricInfo] = {} if record.protocol is None else record.protocol.metrics
    rests = rests_on(record.scores, metrics, thresholds=thresholds, schema_version=record.schema_version)
    views = rests.get(mode.name, [])
    if record.schema_version == 1:
        return views
    return [
        one if answer(mode, one.view.ci95, one.limit) == "yes" else lost_alone(mode, one, record.scores) or one
        for one in views
    ]


def deciding(record: RunRecord, mode: FailureMode, state: str, thresholds: Thresholds) -> View | None:
    """The number that a mode's answer turns on, or `None` where all are missing.

    `yes` turns on a number whose whole interval lies beyond its limit, `undecided` on one whose interval reaches over
    it. Of several it is the one furthest towards its limit or over it, measured in limits, which differ within a mode.
    """

    def reach(one: View) -> tuple[bool, float]:
        value = one.view.value or 0.0
        state_of_view = answer(mode, one.view.ci95 or (value, value), one.limit)
        reaches = state_of_view == "yes" if state == "yes" else state_of_view != "no"
        return reaches, mode.beyond(value, one.limit) / (abs(one.limit) or 1.0)

    with_value = [one for one in judged(record, mode, thresholds) if one.view.value is not None]
    return max(with_value, key=reach, default=None)
