"""The contest itself: selection, then one evaluation world after the other, then what follows from their records.

What is done is not done again, so that a call that was killed goes on. A world is done when `world.json` is there: all
its records are written then, with the plan's hash in each.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from salmubench.contest import checks, plan, table
from salmubench.contest.page import write
from salmubench.contest.room import SELECTION, Room, thin
from salmubench.contest.selection import Chosen, choose
from salmubench.contest.table import DONE, SECOND, WAITING, Members, ReadWorld
from salmubench.core import manifest, writing
from salmubench.core.errors import (
    ConfigError,
    DatasetError,
    EmbeddingsError,
    ModelError,
    OutputError,
    OutputMismatch,
    RecordError,
    StageError,
)
from salmubench.core.executor import Executor
from salmubench.core.executor import check as check_executor
from salmubench.dataset.layout import open_dataset
from salmubench.scoring.contest_record import ContestRecord
from salmubench.scoring.record_files import alone, read_record
from salmubench.scoring.references import KINDS, RETRAINED
from salmubench.scoring.stages import RUN, read_run_file
from salmubench.workflow import candidates
from salmubench.workflow import recipe as recipes
from salmubench.workflow.candidates import Stages
from salmubench.workflow.run_world import RunWorld

_OF_THE_WORLD = (DatasetError, ModelError, EmbeddingsError, RecordError, StageError)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ContestResult:
    """What a contest left: message of each world that failed, seeds of the worlds that had work to do."""

    contest: ContestRecord
    page: Path
    failed: Mapping[int, str]
    did: tuple[int, ...]


def contest(
    path: Path,
    *,
    out: Path,
    executor: Executor = "joblib",
    workers: int | None = None,
    device: str = "auto",
    precision: str = "auto",
) -> ContestResult:
    """Run a contest; call it again to go on.

    Args:
        executor: where candidates and trials are made side by side: `joblib`, processes of this machine, or `ray`.
        workers: how many at once; the plan's by default.
        device: `auto`, `cpu` or `cuda`.
        precision: `auto`, `fp32` or `bf16`.

    Raises:
        ConfigError: anything wrong in the plan, before any stage starts.
        OutputLocked: a contest is running in the folder.
        OutputMismatch: the plan, or a file it names, was changed after the first evaluation world was scored; a record
            was; or a world is another one.
        OutputError: the disk is full, or the folder can't be written.
    """
    loaded = plan.load(path)
    checks.check(loaded, out)
    workers = loaded.plan.workers if workers is None else workers
    check_executor(workers or 0, executor)
    manifest.check_ours(out, also=(checks.WORLDS, SELECTION))
    with writing.explained(out):
        out.mkdir(parents=True, exist_ok=True)
    with manifest.folder_lock(out):
        manifest.delete_leftovers(out)
        checks.freeze(loaded, out)
        return _run(Room(loaded, out, executor, workers, device, precision))


def _run(room: Room) -> ContestResult:
    room.write_files()
    chosen = choose(room)
    recipe = room.recipe(tuned=chosen.tuned)
    failed: dict[int, str] = {}
    did = []
    for seed in room.loaded.plan.evaluation:
        if not (room.world(seed) / DONE).is_file():
            log.info("evaluation world %d", seed)
            did.append(seed)
            try:
                _make_world(room, seed, recipe)
            except _OF_THE_WORLD as error:
                if writing.is_full(error):
                    raise OutputError(
                        f"Expected room on the disk for {room.world(seed)}, but it is full. Free some space and run "
                        "the same command again: it goes on where it stopped."
                    ) from error
                if writing.is_out_of_memory(error):
                    raise
                failed[seed] = str(error)
                log.error("evaluation world %d failed, the others go on: %s", seed, error)
            if seed != room.loaded.plan.evaluation[-1]:  # worlds take long: what is there can be read meanwhile
                write(room.out, _summary(room, chosen, failed))
        if room.loaded.plan.keep == "records" and seed not in failed:
            thin(room.world(seed))
    result = _summary(room, chosen, failed)
    return ContestResult(result, write(room.out, result), failed, tuple(did))


def _summary(room: Room, chosen: Chosen, failed: Mapping[int, str]) -> ContestRecord:
    """What the worlds say that are done."""

    def read(seed: int) -> ReadWorld:
        folder = room.world(seed)
        message = failed.get(seed) or (None if (folder / DONE).is_file() else WAITING)
        return table.read_world(folder, seed, room.loaded.sha256, message)

    worlds = [read(seed) for seed in room.loaded.plan.evaluation]
    _check_different(worlds, chosen)
    terms = table.terms_of(room.loaded, room.methods, checks.earlier_plans(room.out))
    return table.summary(terms, worlds, leagues(room))


def leagues(room: Room) -> list[Members]:
    """The leagues, each with its candidates."""
    terms, members = room.loaded.plan.leagues, []
    for budget in dict.fromkeys(terms.pairs):
        title = f"Equal pairs: each pair to forget is seen {budget:g}×"
        methods = [item.name for item in room.loaded.contestants if budget in (item.pairs or terms.pairs)]
        members.append(Members(f"pairs-{budget:g}x", title, dict.fromkeys(methods, budget)))
    return members


def _make_world(room: Room, seed: int, recipe: Path) -> None:
    """Make a world, stamp its records, and say that it is done."""
    budgets: dict[str, list[float]] = {}
    for terms in leagues(room):
        for name, budget in terms.budgets.items():
            budgets.setdefault(name, []).append(budget)
    folder = room.world(seed)
    _check_one_world(folder, seed)
    result = room.run(recipe, seed, folder, budgets=budgets)
    for name, message in result.failed.items():
        log.warning("world %d: %s: %s", seed, name, message)
    further = _second_retrained(room, seed, recipe) if room.loaded.plan.second_retrained else []
    records = {}
    for path in sorted((folder / "records").glob("*.json")):
        record = read_record(path)
        if record.provenance.plan != room.loaded.sha256:
            with alone(path):
                provenance = replace(record.provenance, plan=room.loaded.sha256)
                writing.write_json(path, replace(record, provenance=provenance))
        records[path.stem] = manifest.sha256_file(path)
    run = manifest.read_json(folder / RUN)
    run["provenance"]["plan"] = room.loaded.sha256
    run["stages"] = list({stage["name"]: stage for stage in [*run["stages"], *further]}.values())
    writing.write_json(folder / RUN, run)
    fingerprint = open_dataset(folder / "dataset").fingerprint
    done = {"seed": seed, "plan": room.loaded.sha256, "fingerprint": fingerprint, "records": records}
    writing.write_json(folder / DONE, done)


def _check_one_world(folder: Path, seed: int) -> None:
    """Refuse a folder whose records are of another dataset than the one beside them."""
    fingerprints = {path.name: read_record(path).dataset.fingerprint for path in (folder / "records").glob("*.json")}
    if (folder / "dataset" / manifest.MANIFEST).is_file():
        fingerprints["dataset"] = open_dataset(folder / "dataset").fingerprint
    if len(set(fingerprints.values())) > 1:
        shown = ", ".join(f"{name} {fingerprint[:12]}" for name, fingerprint in sorted(fingerprints.items()))
        raise OutputMismatch(
            f"Expected one dataset in {folder}, the evaluation world {seed}, got several fingerprints: {shown}. Delete "
            "that folder, or choose another one for the contest."
        )


def _second_retrained(room: Room, seed: int, recipe: Path) -> list[dict[str, Any]]:
    """Train Retrained with another pretraining seed, score it against the first, and attack it as candidates are."""
    from salmubench.pretrain.launch import pretrain
    from salmubench.workflow.attacked import recover_candidates

    folder = room.world(seed)
    loaded, run, out = recipes.load(recipe).recipe, read_run_file(folder), folder / "checkpoints"
    world = RunWorld(
        out=folder, dataset=folder / "dataset", compromised=out / "compromised",
        references={kind: folder / "embeddings" / kind for kind in KINDS}, recipe=loaded,
        device=run.device or room.device, precision=run.precision or room.precision,
    )  # fmt: skip
    stages = Stages()
    make = partial(
        pretrain, loaded.pretrain, dataset=world.dataset, kind=RETRAINED, out=out / SECOND, seed=seed + 1,
        device=world.device,
        precision=world.precision if loaded.pretrain.precision == "auto" else room.precision,
    )  # fmt: skip
    stages.step(f"pretrain {SECOND}", out / SECOND, make)
    candidates.encode(world, SECOND, out / SECOND, stages)
    candidates.score(world, SECOND, stages)
    if room.loaded.attacks:
        config = replace(loaded.attack, attacks=room.attacks)
        attack = partial(recover_candidates, world, [SECOND], config, seed=seed, executor="joblib", workers=1)
        stages.measured(f"attacks {SECOND}", attack)
    return stages.done


def _check_different(worlds: Sequence[ReadWorld], chosen: Chosen) -> None:
    """Refuse worlds of one content: they would count twice, or be those on which something was chosen."""
    seen: dict[str, Any] = dict.fromkeys(chosen.fingerprints, "a selection world")
    for world in worlds:
        if world.fingerprint in seen:
            raise ConfigError(
                f"Expected worlds of different datasets, got the same one in evaluation world {world.seed} and "
                f"{seen[world.fingerprint]}: the recipe's dataset doesn't depend on the seed."
            )
        if world.fingerprint is not None:
            seen[world.fingerprint] = f"evaluation world {world.seed}"
