"""The views that decide about a candidate, from its record in each world, with their limits.

Which numbers count is the verdict's to say; over worlds each has the limits that follow, on both sides where both are
faults. What the facts may move stems from two exact answers (second Retrained against Retrained) in twelve worlds: the
smallest limits that these pass with 90 % or more are .06 and .08. A plan may fix others by the view's name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from salmubench.contest import rule
from salmubench.scoring.failure_modes import MODES, FailureMode
from salmubench.scoring.record import RunRecord, Score, number_of
from salmubench.scoring.references import CLEAN, OPTIONAL, is_judged_reference
from salmubench.scoring.verdict import View, rests_on

FACT = 0.10
"""|L| of a fact among other values, over worlds."""
FACT_ROLES: Mapping[str, float] = {"fact_paraphrase": 0.15, "fact_other": 0.15, "fact_nameless": 0.15}
"""The same of the paraphrased fact and of other pictures: what exact answers in eight worlds need at most, of either
kind of people (`results/gold_standard/worlds.json`)."""

Ends = tuple[float | None, float | None]


def views_of(records: Sequence[RunRecord], chosen: Mapping[str, float] | None = None) -> list[rule.View]:
    """The views of a candidate over worlds; those that no world has are left out.

    General knowledge is not judged of Retrained: the noise of another training.

    Args:
        chosen: name of a view → limit that the plan fixes.
    """
    worlds = [_in_world(record, chosen or {}) for record in records]
    names = dict.fromkeys(name for world in worlds for name in world)
    views = [_over_worlds(name, [world.get(name) for world in worlds]) for name in names]
    return [view for view in views if any(bottom is not None for bottom in view.bottoms)]


def _in_world(record: RunRecord, chosen: Mapping[str, float]) -> dict[str, rule.View]:
    """Name → view, of this world alone."""
    if record.protocol is None:
        return {}
    views = {}
    rests = rests_on(record.scores, record.protocol.metrics, schema_version=record.schema_version)
    exempt = is_judged_reference(record)
    for mode in MODES:
        for view in () if exempt and mode.from_compromised else rests.get(mode.name, ()):
            name = f"{view.held.metric} {view.held.part}"
            low, high = limits_of(mode, view, chosen.get(name))
            top, bottom = _fraction(view)
            value = view.view.value
            views[name] = rule.View(
                name, low, high, (value,), (None if value is None else top,), (bottom,),
                epsilon=high if view.role == "leakage" else None,
                needs_learning=not mode.from_compromised,
            )  # fmt: skip
    return views


def limits_of(mode: FailureMode, view: View, chosen: float | None = None) -> Ends:
    """Least and most that passes, over worlds: on both sides where the exact answer is neither below nor above."""
    usual = view.limit if mode.direction != "beyond" else FACT_ROLES.get(view.role, FACT)
    limit = usual if chosen is None else chosen
    if mode.direction == "below":
        return limit, None
    both = mode.direction == "beyond" or view.view.against in OPTIONAL
    return (-limit if both else None), limit


def _fraction(view: View) -> tuple[float | None, float | None]:
    """What stands above and below the fraction line of a view."""
    score: Score = view.held.score
    value, full = score.value, score.compromised
    if value is None or full is None:
        return None, None
    if view.view.view == "drop":
        return full - value, full
    zero = number_of(score, view.view.against or CLEAN)
    return (None, None) if view.view.view is None or zero is None else (value - zero, full - zero)


def _over_worlds(name: str, worlds: Sequence[rule.View | None]) -> rule.View:
    first = next(view for view in worlds if view is not None)
    sides = {
        side: tuple(None if view is None else getattr(view, side)[0] for view in worlds)
        for side in ("values", "tops", "bottoms")
    }
    return rule.View(name, first.low, first.high, **sides, epsilon=first.epsilon, needs_learning=first.needs_learning)
