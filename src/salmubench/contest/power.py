"""What a plan can decide: how often Retrained passes, and a method that is well within its limits, by simulation."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np

from salmubench.contest import rule
from salmubench.scoring.contest_record import ContestRecord, ViewOverWorlds, read_contest

LEAST = 0.8
"""Power below which a contest doesn't call itself decisive."""
KEPT, DROP = 0.96, 0.002
"""The method: K and D; nothing of what it had to forget is left."""
DRAWS = 1000
"""Simulated contests."""
_NEAREST = 5  # candidates at least whose spread a method's is taken from
_SEED = 36


@dataclass(frozen=True)
class Spread:
    """A view as an earlier contest has it: mean and deviation between worlds of Retrained where it is judged of it."""

    low: float | None
    high: float | None
    exact: tuple[float, float] | None
    method: float


def last() -> Mapping[str, Spread]:
    """Those of the last contest, `results/contest-2/contest.json`."""
    text = (resources.files("salmubench.contest") / "last_spreads.json").read_text(encoding="utf-8")
    return {
        name: Spread(one["low"], one["high"], None if one["exact"] is None else tuple(one["exact"]), one["method"])
        for name, one in json.loads(text).items()
    }


@dataclass(frozen=True)
class Power:
    """In what share of contests Retrained passes, and a method with K .96 and D .002."""

    worlds: int
    exact: float
    method: float

    @property
    def enough(self) -> bool:
        """Whether both reach 80 %."""
        return min(self.exact, self.method) >= LEAST


def spreads_of(contest: ContestRecord) -> dict[str, Spread]:
    """What the views of a contest spread between worlds: Retrained's, and the median over candidates.

    These are the ones within the view's limits, or the five that are nearest: a method that destroys a model spreads
    ten times as far, and says nothing of one that keeps it.
    """
    exact = {view.name: view for view in contest.exact.views} if contest.exact is not None else {}
    spreads: dict[str, Spread] = {}
    for name, view in {view.name: view for row in contest.rows for view in row.views}.items():
        of_rows = sorted(
            (_outside(one, one.mean), one.sd)
            for row in contest.rows
            for one in row.views
            if one.name == name and one.mean is not None and one.sd is not None
        )
        if not of_rows:
            continue
        within = sum(distance == 0.0 for distance, _ in of_rows)
        one = exact.get(name)
        stated = None if one is None or one.mean is None or one.sd is None else (one.mean, one.sd)
        spreads[name] = Spread(
            view.low, view.high, stated, statistics.median(sd for _, sd in of_rows[: max(within, _NEAREST)])
        )
    return spreads


def _outside(view: ViewOverWorlds, mean: float) -> float:
    """How far a mean lies beyond the limits of its view; 0 within."""
    return max(0.0 if view.low is None else view.low - mean, 0.0 if view.high is None else mean - view.high, 0.0)


def power(worlds: int, spreads: Mapping[str, Spread] | None = None, limits: Mapping[str, float] | None = None) -> Power:
    """Simulate contests, by the spreads of the last one where none are given and the limits that the plan fixes."""
    if worlds < rule.FEWEST:
        return Power(worlds, 0.0, 0.0)
    spreads = last() if spreads is None else spreads
    exact = {name: (one, *one.exact) for name, one in spreads.items() if one.exact is not None}
    method = {  # K, D (what isn't judged of the exact answer), nothing of facts
        name: (one, KEPT if one.high is None else DROP if one.exact is None else 0.0, one.method)
        for name, one in spreads.items()
    }
    return Power(worlds, _passing(worlds, exact, limits or {}), _passing(worlds, method, limits or {}))


def read_spreads(path: Path | None) -> Mapping[str, Spread]:
    """Spreads of the contest in a file, or of the last one.

    Raises:
        RecordError: not what a contest writes.
    """
    return last() if path is None else spreads_of(read_contest(path))


def _passing(worlds: int, views: Mapping[str, tuple[Spread, float, float]], limits: Mapping[str, float]) -> float:
    rng, passed = np.random.default_rng(_SEED), 0
    for _ in range(DRAWS):
        simulated = []
        for name, (spread, mean, sd) in views.items():
            limit = limits.get(name)
            low = spread.low if limit is None or spread.low is None else -limit if spread.high is not None else limit
            high = spread.high if limit is None or spread.high is None else limit
            values = tuple(rng.normal(mean, sd, worlds).tolist())
            simulated.append(rule.View(name, low, high, values, values, (1.0,) * worlds))
        passed += rule.decide(simulated, leave_out=False)[0].answer == "passes" if simulated else 0
    return passed / DRAWS
