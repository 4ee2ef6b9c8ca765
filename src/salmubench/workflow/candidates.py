"""One candidate from method to record: what the workers of a run or a tuning do, each by itself.

A candidate's folders say what is done, so that it makes no difference who goes on with it.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from salmubench.core import cost, interruption, manifest, writing
from salmubench.core.errors import EmbeddingsError, MethodError, ModelError
from salmubench.core.executor import Executor, cores
from salmubench.scoring.stages import RunFile
from salmubench.workflow.current import is_scored, lacks_texts, of_another_model, staleness
from salmubench.workflow.recipe import Recipe
from salmubench.workflow.run_world import Candidate, Made, RunWorld, embeddings_path, record_path

_MEMORY = 3 * 2**30  # bytes that a worker is given at least
_WORTH = 3  # candidates from which a second process, which starts in seconds, pays

Result = TypeVar("Result")

log = logging.getLogger(__name__)


class Stages:
    """Runs stages that aren't done and notes what each cost."""

    def __init__(self) -> None:
        self.done: list[dict[str, Any]] = []

    def step(self, name: str, folder: Path, work: Callable[[], object]) -> None:
        """Do the work unless the folder is complete."""
        if not (folder / manifest.MANIFEST).is_file():
            self.measured(name, work)

    def measured(self, name: str, work: Callable[[], object]) -> None:
        """Do the work and note its cost."""
        log.info("%s …", name)
        with cost.measure() as spent:
            work()
        self.done.append({"name": name, "seconds": round(spent.seconds, 2), "peak_memory": spent.peak_memory})
        log.info("%s: %.1f s, peak memory %.2f GiB", name, spent.seconds, spent.peak_memory / 2**30)


def make(world: RunWorld, candidate: Candidate) -> Made:
    """Unlearn, encode and score; what is done already is kept. A failure of the method is told, not raised."""
    model = make_model(world, candidate)
    if model.error is not None:
        return model
    scored = judge(world, candidate)
    return Made([*model.stages, *scored.stages], scored.error)


def make_model(world: RunWorld, candidate: Candidate) -> Made:
    """Unlearn and encode; as `make`."""
    stages, name = Stages(), candidate.name
    checkpoint = world.out / "checkpoints" / name
    changed = staleness(checkpoint, candidate, world.compromised)
    if changed:  # its author edits and runs again
        log.info("%s: %s changed, made again", name, changed)
        for folder in (embeddings_path(world, name), checkpoint):  # what is derived from another goes first
            writing.delete_folder(folder)

    def work() -> None:
        stages.step(f"unlearn {name}", checkpoint, lambda: _unlearn(world, candidate, checkpoint))
        encode(world, name, checkpoint, stages)

    return _of_itself(world, candidate, stages, work)


def judge(world: RunWorld, candidate: Candidate) -> Made:
    """Score a candidate, unless it has failed before; as `make`."""
    stages, name = Stages(), candidate.name
    if not (embeddings_path(world, name) / manifest.MANIFEST).is_file():
        return Made([], None)
    return _of_itself(world, candidate, stages, lambda: score(world, name, stages))


def _of_itself(world: RunWorld, candidate: Candidate, stages: Stages, work: Callable[[], None]) -> Made:
    """Work on a candidate; what fails through its own fault is a record that says so, and the others go on."""
    from salmubench.scoring.record_files import write_failed

    try:
        work()
    except (MethodError, EmbeddingsError, ModelError) as problem:
        interruption.pass_on(problem)
        origin = candidate.configured.method.origin
        error = problem if isinstance(problem, MethodError) else MethodError(origin, None, str(problem))
        log.error("%s", error, exc_info=problem if log.isEnabledFor(logging.DEBUG) else None)
        write_failed(
            record_path(world, candidate.name), model=candidate.name, error=error, dataset=world.open(),
            budget=candidate.budget, config=dict(candidate.values),
        )  # fmt: skip
        return Made(stages.done, error)
    return Made(stages.done, None)


def noted(level: int, work: Callable[..., Result], *arguments: Any) -> Result:
    """Do work in a fresh process, whose notes would be lost otherwise."""
    notes_in_worker(level)
    return work(*arguments)


def notes_in_worker(level: int) -> None:
    """Let a fresh process write notes.

    Args:
        level: of the notes; on a terminal, where the bar of all pieces is shown, only warnings are.
    """
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    noted = level if level <= logging.DEBUG or not sys.stderr.isatty() else max(level, logging.WARNING)
    logging.getLogger("salmubench").setLevel(noted)


def maker(*, alone: bool) -> Callable[[RunWorld, Candidate], Made]:
    """What makes candidates: in this process, or in others that write notes of the same level."""
    return make if alone else partial(noted, logging.getLogger("salmubench").level, make)


def encode(world: RunWorld, name: str, checkpoint: Path, stages: Stages) -> None:
    """Encode a model of the world, unless that is done; embeddings of an earlier checkpoint are made again."""
    folder = embeddings_path(world, name)
    changed = "its checkpoint changed" if of_another_model(folder, checkpoint) else ""
    if changed or lacks_texts(world, folder):
        log.info("%s: %s, encoded again", name, changed or "a metric has further texts")
        writing.delete_folder(folder)

    def work() -> None:
        from salmubench.encode.encode import encode as run
        from salmubench.metrics import required_texts

        dataset = world.open()
        texts = required_texts(dataset, world.recipe.score)
        run(
            model=checkpoint, dataset=dataset, out=folder, texts=texts,
            config=world.recipe.encode, device=world.device, precision=world.precision,
        )  # fmt: skip

    stages.step(f"encode {name}", folder, work)


def score(world: RunWorld, name: str, stages: Stages) -> None:
    """Score a model of the world, unless its record is current."""
    record, config = record_path(world, name), world.recipe.score
    if not is_scored(world, name):
        from salmubench.metrics import score as run

        inputs = {"embeddings": embeddings_path(world, name), **world.references}
        stages.measured(f"score {name}", lambda: run(out=record, config=config, **inputs))


def lasting_precision(earlier: RunFile, requested: str, device: str) -> tuple[str, Mapping[str, float] | None]:
    """What `auto` stands for, and the probe that says so.

    Found once for a folder: measured again it may come out otherwise, and its models could not be compared.

    Args:
        earlier: what `run.json` says already.
        requested: `auto`, `fp32` or `bf16`.
        device: `auto`, `cpu` or `cuda`.
    """
    precision = earlier.precision or requested
    if precision != "auto":
        return precision, earlier.probe
    from salmubench.clip.devices import probe_precision, resolve_device, resolve_precision

    where = resolve_device(device)
    return resolve_precision(precision, where), probe_precision() if where == "cpu" else None


def workers_for(
    pieces: int, *, requested: int | None, executor: Executor, recipe: Recipe, device: str, threads: int = 0
) -> int:
    """How many pieces to do at once: as many as are asked for, else all of a cluster or what pays here.

    What pays is as many as the processors allow at `unlearn.threads` each (one where a method may use them all, or on a
    GPU), no more than the free memory holds, and none that would cost more to start than it does.

    Args:
        device: `auto`, `cpu` or `cuda`.
    """
    import psutil

    from salmubench.clip.devices import resolve_device

    if requested is not None or executor == "ray":
        return requested or 0
    if not recipe.unlearn.threads or resolve_device(device) != "cpu":
        return 1
    room = int(psutil.virtual_memory().available // _MEMORY)
    return max(1, min(cores() // max(recipe.unlearn.threads, threads), pieces // _WORTH, room))


def _unlearn(world: RunWorld, candidate: Candidate, out: Path) -> None:
    from salmubench.generator.personas.fresh import fresh_people
    from salmubench.unlearn.engine import unlearn

    dataset = world.open()
    unlearn(
        candidate.configured,
        model=world.compromised,
        dataset=dataset,
        out=out,
        budget=candidate.budget,
        tuned=candidate.tuned,
        fresh=partial(fresh_people, dataset, seed=candidate.seed),
        seed=candidate.seed,
        device=world.device,
        precision=world.precision,
    )
