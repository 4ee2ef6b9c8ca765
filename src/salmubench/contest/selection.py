"""What is chosen before any evaluation world is made: options, by tuning on the selection worlds.

`selection.json`, written last, says on which worlds that was done; they are deleted then.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

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
    """What the selection worlds gave: file of the values, and the worlds' fingerprints."""

    tuned: Path | None
    fingerprints: tuple[str, ...] = ()


@dataclass(frozen=True)
class _File:
    """`selection.json`."""

    identity: Mapping[Name, Hash]
    fingerprints: tuple[Hash, ...]


def choose(room: Room) -> Chosen:
    """Tune the methods, unless that is done or not asked for."""
    plan, path = room.loaded.plan, room.out / CHOSEN
    if not plan.tuning.trials:
        return Chosen(None)
    tuning = room.out / _TUNING / room.key
    if not path.is_file() or _read(path).identity != dict(room.loaded.identity):
        _make(room, path, tuning)
    if plan.keep == "records":
        for seed in plan.selection:
            thin(room.ground(seed))
            thin(tuning / further_folder(seed), dataset="part")
        thin(tuning, dataset="part")
    return Chosen(tuning / TUNED, _read(path).fingerprints)


def _read(path: Path) -> _File:
    advice = "Delete the file: the same command makes it again."
    return reading.validated(_File, manifest.read_json(path), where=str(path), error=OutputMismatch, advice=advice)


def _make(room: Room, path: Path, tuning: Path) -> None:
    plan = room.loaded.plan
    selection = room.selection_recipe()
    for seed in plan.selection:
        log.info("selection world %d", seed)
        room.run(selection, seed, room.ground(seed))
    terms = SearchTerms(
        {seed: room.ground(seed) for seed in plan.selection[1:]},
        room.loaded.search,
        {item.name: tuple(item.options) for item in room.loaded.contestants},
    )
    tune(
        [room.methods[item.name] for item in room.loaded.contestants if item.tuned],
        recipe=room.recipe(tuning=True), out=tuning, trials=plan.tuning.trials,
        world=room.ground(plan.selection[0]), terms=terms, device=room.device, precision=room.precision,
        executor=room.executor, workers=room.workers,
    )  # fmt: skip
    fingerprints = [open_dataset(room.ground(seed) / "dataset").fingerprint for seed in plan.selection]
    writing.write_json(path, {"identity": room.loaded.identity, "fingerprints": fingerprints})
