"""Who passes, fails or is open: the rule on the records of a contest, in the words of `contest.json`.

Which numbers count is the verdict's to say; over worlds each has the limits that follow, on both sides where both are
faults. What the facts may move stems from two exact answers (second Retrained against Retrained) in twelve worlds: the
smallest limits that these pass with 90 % or more are .06 and .08. A plan may fix others by the view's name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product

from salmubench.contest import rule
from salmubench.scoring.contest_record import Decision, Number, Ranking, Row, ViewOverWorlds
from salmubench.scoring.failure_modes import MODES, FailureMode
from salmubench.scoring.ranking import holm
from salmubench.scoring.record import RunRecord, number_of
from salmubench.scoring.references import CLEAN, OPTIONAL, is_judged_reference
from salmubench.scoring.verdict import View, rests_on

FACT = 0.10
"""|L| of a fact among other values, over worlds."""
FACT_ROLES: Mapping[str, float] = {"fact_paraphrase": 0.15, "fact_other": 0.15, "fact_nameless": 0.15}
"""The same of the paraphrased fact and of other pictures: what exact answers in eight worlds need at most, of either
kind of people (`results/gold_standard/worlds.json`)."""
RANKED: Mapping[Number, bool] = {"drop": False, "kept": True, "facts_kept": True, "recovered": False}
"""Numbers that candidates are ranked by → whether more is better."""

_Numbers = tuple[float | None, float | None, float | None]


def decided(
    records: Sequence[RunRecord], limits: Mapping[str, float]
) -> tuple[Decision | None, tuple[ViewOverWorlds, ...]]:
    """Decide about a candidate by its record in each world; not over fewer than three worlds, or without views."""
    complete = [record for record in records if record.status == "complete"]
    views = _views_of(complete, limits)
    if len(complete) < rule.FEWEST or not views:
        return None, ()
    return rule.decide(views, failed=len(records) - len(complete))


def _views_of(records: Sequence[RunRecord], chosen: Mapping[str, float]) -> list[rule.View]:
    """The views of a candidate over worlds, with the limits chosen; those that no world has are left out.

    General knowledge is not judged of Retrained: the noise of another training.
    """
    views: dict[str, rule.View] = {}
    numbers: dict[str, list[_Numbers]] = {}
    for world, record in enumerate(records):
        if record.protocol is None:
            continue
        of_world: dict[str, tuple[rule.View, _Numbers]] = {}
        rests = rests_on(record.scores, record.protocol.metrics, schema_version=record.schema_version)
        exempt = is_judged_reference(record)
        for mode in MODES:
            for view in () if exempt and mode.from_compromised else rests.get(mode.name, ()):
                name = f"{view.held.metric} {view.held.part}"
                low, high = _limits(mode, view, chosen.get(name))
                epsilon = high if view.role == "leakage" else None
                shared = rule.View(name, low, high, (), (), (), epsilon, needs_learning=not mode.from_compromised)
                of_world[name] = shared, _numbers(view)
        for name, (shared, of_view) in of_world.items():
            views.setdefault(name, shared)
            numbers.setdefault(name, [(None, None, None)] * len(records))[world] = of_view
    over_worlds = []
    for name, shared in views.items():
        values, tops, bottoms = zip(*numbers[name], strict=True)
        if any(bottom is not None for bottom in bottoms):
            over_worlds.append(replace(shared, values=values, tops=tops, bottoms=bottoms))
    return over_worlds


def _limits(mode: FailureMode, view: View, chosen: float | None) -> tuple[float | None, float | None]:
    """Least and most that passes, over worlds: on both sides where the exact answer is neither below nor above."""
    usual = view.limit if mode.direction != "beyond" else FACT_ROLES.get(view.role, FACT)
    limit = usual if chosen is None else chosen
    if mode.direction == "below":
        return limit, None
    both = mode.direction == "beyond" or view.view.against in OPTIONAL
    return (-limit if both else None), limit


def _numbers(view: View) -> _Numbers:
    """A view's value, and what stands above and below its fraction line."""
    score, normalised = view.held.score, view.view
    value, full = score.value, score.compromised
    zero = 0.0 if normalised.view == "drop" else number_of(score, normalised.against or CLEAN)
    if value is None or full is None or normalised.view is None or zero is None:
        return normalised.value, None, None
    top = full - value if normalised.view == "drop" else value - zero
    return normalised.value, None if normalised.value is None else top, full - zero


def corrected(rows: Sequence[Row]) -> list[Row]:
    """The rows with p of passing after Holm's correction over all candidates that are said to pass."""
    said = {row.name: row.decision.p_holm for row in rows if row.decision is not None}
    adjusted = dict(zip(said, holm(list(said.values())), strict=True))
    return [
        row if row.decision is None else replace(row, decision=replace(row.decision, p_holm=adjusted[row.name]))
        for row in rows
    ]


def rankings(rows: Sequence[Row], leagues: Sequence[str]) -> list[Ranking]:
    """The candidates of each league in order of each number, in tie groups."""
    ranked = []
    for league, (number, more) in product(leagues, RANKED.items()):
        numbers = {
            row.name: {int(seed): one.numbers[number] for seed, one in row.worlds.items()}
            for row in rows
            if row.league == league and row.numbers[number].reason is None
        }
        groups = rule.tie_groups(numbers, more=more)
        if len(groups) + sum(map(len, groups)) > 2:  # two candidates or more
            ranked.append(Ranking(league, number, tuple(map(tuple, groups)), _steady(numbers, groups[0], more=more)))
    return ranked


def _steady(numbers: Mapping[str, Mapping[int, float | None]], first: Sequence[str], *, more: bool) -> int:
    """How often the first group stays the same with one world left out."""
    worlds = sorted({world for values in numbers.values() for world in values})
    count = 0
    for left in worlds:
        rest = {name: {w: value for w, value in values.items() if w != left} for name, values in numbers.items()}
        groups = rule.tie_groups(rest, more=more)
        count += bool(groups) and set(groups[0]) == set(first)
    return count
