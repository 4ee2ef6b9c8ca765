"""Who passes, fails or is open: the rule on the records of a contest, in the words of `contest.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product

from salmubench.contest import rule
from salmubench.contest.views import views_of
from salmubench.scoring.contest_record import Decision, Number, Ranking, Row, ViewOverWorlds
from salmubench.scoring.ranking import holm
from salmubench.scoring.record import RunRecord

RANKED: Mapping[Number, bool] = {"drop": False, "kept": True, "facts_kept": True, "recovered": False}
"""Numbers that candidates are ranked by → whether more is better."""


def decided(
    records: Sequence[RunRecord], limits: Mapping[str, float]
) -> tuple[Decision | None, tuple[ViewOverWorlds, ...]]:
    """Decide about a candidate by its record in each world; not over fewer than three worlds, or without views."""
    complete = [record for record in records if record.status == "complete"]
    views = views_of(complete, limits)
    if len(complete) < rule.FEWEST or not views:
        return None, ()
    return rule.decide(views, failed=len(records) - len(complete))


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
