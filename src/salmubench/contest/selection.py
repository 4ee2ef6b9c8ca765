"""What is chosen before any evaluation world is made: options by tuning, and budgets for the league of equal time.

Both happen on the selection worlds. `selection.json`, written last, says what was chosen; the worlds are deleted then.
"""

from __future__ import annotations

import logging
import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from salmubench import manifest, planning, reading
from salmubench import recipe as recipes
from salmubench.contest.room import SELECTION, Room, thin
from salmubench.dataset.layout import open_dataset
from salmubench.errors import MethodError, OutputMismatch
from salmubench.scoring.origin import Hash, Name, Real
from salmubench.scoring.stages import read_run_file
from salmubench.tuned_values import find_tuned
from salmubench.tuning.bench import Terms, further_folder
from salmubench.tuning.study import TUNED, tune
from salmubench.unlearn.registry import Configured

CHOSEN = "selection.json"
_TUNING, _CLOCK = "tuning", "clock"

_MOST = 1000.0  # largest budget
_NEAR = 0.9  # share of the time allowed from which a budget is large enough
_STEP = 20.0  # largest factor between two budgets that are measured one after the other
_ALIKE = 0.05  # times that differ less are equal but for noise
_TRIES = 6

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Chosen:
    """What the selection worlds gave.

    Attributes:
        tuned: file of the values, or `None`.
        budgets: method → budget of the league of equal time; empty without one.
        fingerprints: of the selection worlds.
    """

    tuned: Path | None
    budgets: Mapping[str, float]
    fingerprints: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Budget:
    """As much as is read of a budget that was measured."""

    budget: Real


@dataclass(frozen=True)
class _File:
    """`selection.json`."""

    identity: Mapping[Name, Hash]
    budgets: Mapping[Name, _Budget]
    fingerprints: tuple[Hash, ...]


def choose(room: Room) -> Chosen:
    """Tune the methods and measure their time, unless that is done or not asked for."""
    plan, path = room.loaded.plan, room.out / CHOSEN
    if not plan.tuning.trials and plan.leagues.seconds is None:
        return Chosen(None, {})
    tuning = _tuning(room)
    if not path.is_file() or _read(path).identity != dict(room.loaded.identity):
        _make(room, path)
    if plan.keep == "records":
        for seed in plan.selection:
            thin(room.ground(seed))
            thin(tuning / further_folder(seed), dataset="part")
        thin(tuning, dataset="part")
    content = _read(path)
    budgets = {name: found.budget for name, found in content.budgets.items()}
    return Chosen(tuning / TUNED if plan.tuning.trials else None, budgets, content.fingerprints)


def _read(path: Path) -> _File:
    advice = "Delete the file: the same command makes it again."
    return reading.validated(_File, manifest.read_json(path), where=str(path), error=OutputMismatch, advice=advice)


def _tuning(room: Room) -> Path:
    """Folder of the trials: a plan that was changed before any world was scored begins anew."""
    return room.out / _TUNING / manifest.sha256_json(room.loaded.identity)[:8]


def _make(room: Room, path: Path) -> None:
    plan = room.loaded.plan
    selection, recipe = room.selection_recipe(), room.recipe()
    for seed in plan.selection:
        log.info("selection world %d", seed)
        room.run(selection, seed, room.ground(seed))
    tuned = None
    if plan.tuning.trials:
        terms = Terms(
            {seed: room.ground(seed) for seed in plan.selection[1:]},
            room.loaded.search,
            {item.name: tuple(item.options) for item in room.loaded.contestants},
        )
        tuned = tune(
            list(room.methods.values()), recipe=recipe, out=_tuning(room), trials=plan.tuning.trials,
            world=room.ground(plan.selection[0]), terms=terms, device=room.device, precision=room.precision,
            executor=room.executor, workers=room.workers,
        )  # fmt: skip
    budgets = {} if plan.leagues.seconds is None else _budgets(room, recipe, tuned, plan.leagues.seconds)
    fingerprints = [open_dataset(room.ground(seed) / "dataset").fingerprint for seed in plan.selection]
    content = {"identity": room.loaded.identity, "budgets": budgets, "fingerprints": fingerprints}
    manifest.write_json(path, content)


def _budgets(room: Room, recipe: Path, tuned: Path | None, allowed: float) -> dict[str, Any]:
    """Method → its budget at which a candidate takes the time allowed, and what was measured on the way."""
    loaded = recipes.load(recipe)
    values = None if tuned is None else find_tuned(str(tuned), recipe=loaded.name, shipped=False)
    candidates = planning.plan(
        loaded.recipe, methods=tuple(room.methods.values()), budgets=(1,), tuned=values, seed=_seed_of(room)
    )
    budgets = {}
    for item, candidate in zip(room.loaded.contestants, candidates, strict=True):
        measure = partial(_spent, room, candidate.method.load())
        budget, tried = rise(measure, allowed=allowed, start=loaded.recipe.tune.budget)
        log.info("%s: budget %g for %g processor seconds", item.name, budget, allowed)
        budgets[item.name] = {"budget": budget, "tried": tried}
    return budgets


def _seed_of(room: Room) -> int:
    """A seed for measurements: that of the first evaluation world, on which `planning.plan` allows tuned values."""
    return room.loaded.plan.evaluation[0]


def _spent(room: Room, configured: Configured, budget: float) -> float:
    """Processor seconds of one candidate on the first selection world; its weights are deleted."""
    from salmubench.generator.personas.fresh import fresh_people
    from salmubench.unlearn.engine import unlearn

    ground = room.ground(room.loaded.plan.selection[0])
    dataset, run = open_dataset(ground / "dataset"), read_run_file(ground)
    out = room.out / SELECTION / _CLOCK / f"{configured.method.name}-{budget:g}x"
    unlearn(
        configured, model=ground / "checkpoints" / "compromised", dataset=dataset, out=out, budget=budget,
        fresh=partial(fresh_people, dataset, seed=0), seed=0, device=run.device or room.device,
        precision=run.precision or room.precision,
    )  # fmt: skip
    spent = float(manifest.read_manifest(out, "unlearn")["cost"]["processor_seconds"])
    shutil.rmtree(out)  # made here a moment ago
    return spent


def rise(measure: Callable[[float], float], *, allowed: float, start: float) -> tuple[float, list[tuple[float, float]]]:
    """Let a budget rise until it uses the time allowed.

    Args:
        measure: budget → processor seconds; a method that fails has none.
        allowed: processor seconds.
        start: the first budget.

    Returns:
        Of the budgets measured that which uses most of the time allowed (the smaller one where two do alike, the
        smallest where all take more), and all that were measured with their seconds.

    Examples:
        >>> rise(lambda budget: 2 + 3 * budget, allowed=100, start=5)[0]
        31.0
    """
    tried: list[tuple[float, float]] = []
    budget = start
    while len(tried) < _TRIES:
        try:
            tried.append((budget, measure(budget)))
        except MethodError as error:
            log.warning("%s", error)
            break
        following = _following(tried, allowed)
        if following is None or following in dict(tried):
            break
        budget = following
    within = {budget: spent for budget, spent in tried if spent <= allowed}
    if within:
        least = (1 - _ALIKE) * max(within.values())
        return min(budget for budget, spent in within.items() if spent >= least), tried
    return min((budget for budget, _ in tried), default=start), tried


def _following(tried: Sequence[tuple[float, float]], allowed: float) -> float | None:
    """The next budget to measure, by the line through the last two; `None` where there is nothing to gain."""
    budget, spent = tried[-1]
    if _NEAR * allowed <= spent <= allowed:
        return None
    before, earlier = tried[-2] if len(tried) > 1 else (0.0, 0.0)
    slope = (spent - earlier) / (budget - before)
    if slope <= 0 or abs(spent - earlier) < _ALIKE * spent:  # more pairs take no more time
        return None
    aim = budget + ((1 + _NEAR) / 2 * allowed - spent) / slope
    return _rounded(min(max(aim, budget / _STEP), budget * _STEP, _MOST))


def _rounded(budget: float) -> float:
    """Two digits, downwards: it is part of names."""
    size = 10.0 ** (math.floor(math.log10(budget)) - 1)
    return float(f"{math.floor(budget / size + 1e-9) * size:.6g}")
