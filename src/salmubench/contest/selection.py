"""What is chosen before any evaluation world is made: options by tuning, and budgets for the league of equal time.

Both happen on the selection worlds. `selection.json`, written last, says what was chosen; the worlds are deleted then.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from salmubench.contest.clock import Measured, equal_time
from salmubench.contest.room import Room, thin
from salmubench.core import manifest, reading, writing
from salmubench.core.errors import OutputMismatch
from salmubench.dataset.layout import open_dataset
from salmubench.scoring.origin import Hash, Name
from salmubench.tuning.bench import SearchTerms, further_folder
from salmubench.tuning.study import TUNED, tune

CHOSEN = "selection.json"
_TUNING = "tuning"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Chosen:
    """What the selection worlds gave: file of the values; method → budget of the league of equal time."""

    tuned: Path | None
    budgets: Mapping[str, float]
    fingerprints: tuple[str, ...] = ()


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
    if not path.is_file() or _read(path).identity != dict(room.loaded.identity):
        _make(room, path, tuning)
    if plan.keep == "records":
        for seed in plan.selection:
            thin(room.ground(seed))
            thin(tuning / further_folder(seed), dataset="part")
        thin(tuning, dataset="part")
    content = _read(path)
    budgets = {name: measured.budget for name, measured in content.budgets.items()}
    return Chosen(tuning / TUNED if plan.tuning.trials else None, budgets, content.fingerprints)


def _read(path: Path) -> _File:
    advice = "Delete the file: the same command makes it again."
    return reading.validated(_File, manifest.read_json(path), where=str(path), error=OutputMismatch, advice=advice)


def _make(room: Room, path: Path, tuning: Path) -> None:
    plan = room.loaded.plan
    selection, recipe = room.selection_recipe(), room.recipe()
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
        tuned = tune(
            list(room.methods.values()), recipe=recipe, out=tuning, trials=plan.tuning.trials,
            world=room.ground(plan.selection[0]), terms=terms, device=room.device, precision=room.precision,
            executor=room.executor, workers=room.workers,
        )  # fmt: skip
    budgets: dict[str, Any] = {}
    if plan.leagues.seconds is not None:
        measured = equal_time(room, recipe, tuned, plan.leagues.seconds)
        budgets = {name: asdict(one) for name, one in measured.items()}
    fingerprints = [open_dataset(room.ground(seed) / "dataset").fingerprint for seed in plan.selection]
    content = {"identity": room.loaded.identity, "budgets": budgets, "fingerprints": fingerprints}
    writing.write_json(path, content)
