"""What is chosen before any evaluation world is made: options by tuning, and budgets for the league of equal time.

Both happen on the selection worlds. `selection.json`, written last, says what was chosen; the worlds are deleted then.
For equal time each method is measured once, on the first of them, as many side by side as candidates are. What was
measured is kept, so that a contest that was stopped measures only what is left.
"""

from __future__ import annotations

import logging
import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from salmubench.contest.room import SELECTION, Room, thin
from salmubench.core import manifest, reading, writing
from salmubench.core.errors import MethodError, OutputMismatch
from salmubench.core.executor import parallel
from salmubench.dataset.layout import open_dataset
from salmubench.scoring.origin import Hash, Name, Real
from salmubench.scoring.stages import read_run_file
from salmubench.tuning.bench import SearchTerms, further_folder
from salmubench.tuning.study import TUNED, tune
from salmubench.unlearn.registry import Configured
from salmubench.workflow import planning
from salmubench.workflow import recipe as recipes
from salmubench.workflow.candidates import workers_for
from salmubench.workflow.run_world import Candidate
from salmubench.workflow.tuned_values import find_tuned

CHOSEN = "selection.json"
_TUNING = "tuning"
CLOCK = "clock"
"""Folder of what was measured, beside the selection worlds."""

_MOST = 1000.0  # largest budget
_NEAR = 0.9  # share of the time allowed from which a budget is large enough
_STEP = 20.0  # largest factor between two budgets that are measured one after the other
_ALIKE = 0.05  # times that differ less are equal but for noise
_TRIES = 6

T = TypeVar("T")
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Chosen:
    """What the selection worlds gave: file of the values; method → budget of the league of equal time."""

    tuned: Path | None
    budgets: Mapping[str, float]
    fingerprints: tuple[str, ...] = ()


@dataclass(frozen=True)
class Measured:
    """A method's budget, and all that were measured with their processor seconds."""

    budget: Real
    tried: tuple[tuple[Real, Real], ...]


@dataclass(frozen=True)
class _File:
    """`selection.json`."""

    identity: Mapping[Name, Hash]
    budgets: Mapping[Name, Measured]
    fingerprints: tuple[Hash, ...]


def choose(room: Room) -> Chosen:
    """Tune the methods and measure their time, unless that is done or not asked for."""
    plan, path = room.loaded.plan, room.out / CHOSEN
    if not plan.tuning.trials and plan.leagues.seconds is None:
        return Chosen(None, {})
    tuning = room.out / _TUNING / room.key
    if not path.is_file() or _read(_File, path).identity != dict(room.loaded.identity):
        _make(room, path, tuning)
    if plan.keep == "records":
        for seed in plan.selection:
            thin(room.ground(seed))
            thin(tuning / further_folder(seed), dataset="part")
        thin(tuning, dataset="part")
    content = _read(_File, path)
    budgets = {name: measured.budget for name, measured in content.budgets.items()}
    return Chosen(tuning / TUNED if plan.tuning.trials else None, budgets, content.fingerprints)


def _read(kind: type[T], path: Path) -> T:
    advice = "Delete the file: the same command makes it again."
    return reading.validated(kind, manifest.read_json(path), where=str(path), error=OutputMismatch, advice=advice)


def _make(room: Room, path: Path, tuning: Path) -> None:
    plan = room.loaded.plan
    selection = room.selection_recipe()
    for seed in plan.selection:
        log.info("selection world %d", seed)
        room.run(selection, seed, room.ground(seed))
    tuned = None
    if plan.tuning.trials:
        terms = SearchTerms(
            {seed: room.ground(seed) for seed in plan.selection[1:]},
            room.loaded.search,
            {item.name: tuple(item.options) for item in room.loaded.contestants},
        )
        searched = [room.methods[item.name] for item in room.loaded.contestants if item.tuned]
        tuned = tune(
            searched, recipe=room.recipe(tuning=True), out=tuning, trials=plan.tuning.trials,
            world=room.ground(plan.selection[0]), terms=terms, device=room.device, precision=room.precision,
            executor=room.executor, workers=room.workers,
        )  # fmt: skip
    budgets: dict[str, Any] = {}
    if plan.leagues.seconds is not None:
        measured = _equal_time(room, room.recipe(), tuned, plan.leagues.seconds)
        budgets = {name: asdict(one) for name, one in measured.items()}
    fingerprints = [open_dataset(room.ground(seed) / "dataset").fingerprint for seed in plan.selection]
    content = {"identity": room.loaded.identity, "budgets": budgets, "fingerprints": fingerprints}
    writing.write_json(path, content)


# --- the league of equal time: how far a budget may rise until a candidate has used its processor seconds ----------


def _equal_time(room: Room, recipe: Path, tuned: Path | None, allowed: float) -> dict[str, Measured]:
    """Give the budget by which each method uses the processor seconds allowed, measured where that isn't done."""
    loaded = recipes.load(recipe)
    values = None if tuned is None else find_tuned(str(tuned), recipe=loaded.name, shipped=False)
    # The seed of the first evaluation world, on which `planning.plan` allows values tuned on the selection world.
    candidates = planning.plan(
        loaded.recipe, methods=tuple(room.methods.values()), budgets=(1,), tuned=values,
        seed=room.loaded.plan.evaluation[0],
    )  # fmt: skip
    folder = room.out / SELECTION / CLOCK / room.key
    paths = {item.name: folder / f"{item.name}.json" for item in room.loaded.contestants}
    waiting = [pair for pair in zip(paths.values(), candidates, strict=True) if not pair[0].is_file()]
    later = len(paths) * (len(room.loaded.plan.leagues.pairs) + 1)  # candidates of a world, side by side
    workers = workers_for(
        later, requested=room.workers, executor=room.executor, recipe=loaded.recipe, device=room.device
    )
    work = partial(_measure, room, allowed, loaded.recipe.tune.budget)
    for (path, _), measured in parallel(
        work, waiting, workers=workers, executor=room.executor, description="equal time"
    ):
        writing.write_json(path, asdict(measured))
        log.info("%s: budget %g for %g processor seconds", path.stem, measured.budget, allowed)
    return {name: _read(Measured, path) for name, path in paths.items()}


def _measure(room: Room, allowed: float, start: float, piece: tuple[Path, Candidate]) -> Measured:
    budget, tried = rise(partial(_spent, room, piece[1].configured), allowed=allowed, start=start)
    return Measured(budget, tuple(tried))


def _spent(room: Room, configured: Configured, budget: float) -> float:
    """Processor seconds of one candidate on the first selection world; its weights are deleted."""
    from salmubench.generator.personas.fresh import fresh_people
    from salmubench.unlearn.engine import unlearn

    ground = room.ground(room.loaded.plan.selection[0])
    dataset, run = open_dataset(ground / "dataset"), read_run_file(ground)
    out = room.out / SELECTION / CLOCK / room.key / f"{configured.method.name}-{budget:g}x"
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
