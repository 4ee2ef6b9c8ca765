"""One candidate from method to record: what the workers of a run or a tuning do, each by itself.

A candidate's folders say what is done, so that it makes no difference who goes on with it.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from salmubench.clip import embeddings
from salmubench.core import cost, interruption, manifest, places, provenance, writing
from salmubench.core.errors import EmbeddingsError, MethodError, ModelError
from salmubench.core.executor import Executor, cores
from salmubench.dataset.layout import Dataset, open_dataset
from salmubench.dataset.limited import limited
from salmubench.scoring.stages import RunFile, read_checkpoint
from salmubench.unlearn.registry import Configured
from salmubench.workflow.recipe import Recipe

_MEMORY = 3 * 2**30  # bytes that a worker is given at least
_SHOWN = 4  # options that a note names
_WORTH = 3  # candidates from which a second process, which starts in seconds, pays

Result = TypeVar("Result")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunWorld:
    """What the candidates of a run share.

    Attributes:
        out: the folder with `checkpoints`, `embeddings` and `records`.
        references: `clean` and `compromised` → their embeddings.
        device: `auto`, `cpu` or `cuda`.
        precision: `auto`, `fp32` or `bf16`.
        limit: rows of each split that are seen, in a quick look.
    """

    out: Path
    dataset: Path
    compromised: Path
    references: Mapping[str, Path]
    recipe: Recipe
    device: str
    precision: str
    limit: int | None = None

    def open(self) -> Dataset:
        """Open its dataset."""
        return limited(open_dataset(self.dataset), self.limit)


@dataclass(frozen=True)
class Candidate:
    """One candidate.

    Attributes:
        name: `<method>-<budget>x`.
        budget: how often each forget pair is seen.
        values: those options that were chosen for it, beside the recipe's.
        tuned: where they come from, or `None`.
    """

    name: str
    configured: Configured
    budget: float
    seed: int
    values: Mapping[str, Any] = field(default_factory=dict)
    tuned: Mapping[str, Any] | None = None


class Made(NamedTuple):
    """What became of a candidate.

    Attributes:
        stages: name, seconds, peak memory (bytes) of each stage that had work to do.
        error: why it failed, or `None`.
    """

    stages: list[dict[str, Any]]
    error: MethodError | None


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
    made = make_model(world, candidate)
    if made.error is not None:
        return made
    scored = judge(world, candidate)
    return Made([*made.stages, *scored.stages], scored.error)


def make_model(world: RunWorld, candidate: Candidate) -> Made:
    """Unlearn and encode; as `make`."""
    stages, name = Stages(), candidate.name
    checkpoint = world.out / "checkpoints" / name
    changed = _staleness(checkpoint, candidate, world.compromised)
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


def record_path(world: RunWorld, name: str) -> Path:
    """Where a model's record is."""
    return world.out / "records" / f"{name}.json"


def embeddings_path(world: RunWorld, name: str) -> Path:
    """Where a model's embeddings are."""
    return world.out / "embeddings" / name


def encode(world: RunWorld, name: str, checkpoint: Path, stages: Stages) -> None:
    """Encode a model of the world, unless that is done; embeddings of an earlier checkpoint are made again."""
    folder = embeddings_path(world, name)
    changed = "its checkpoint changed" if _of_another_model(folder, checkpoint) else ""
    if changed or _lacks_texts(world, folder):
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


def _lacks_texts(world: RunWorld, folder: Path) -> bool:
    """Whether finished embeddings lack texts of metrics that came later."""
    config = world.recipe.score
    if not config.extra_metrics or not (folder / manifest.MANIFEST).is_file():
        return False
    from salmubench.metrics import load
    from salmubench.scoring.plugin import texts_of

    texts = texts_of([load(name) for name in config.extra_metrics], world.open(), config)
    return bool(texts) and not set(texts) <= set(embeddings.open_embeddings(folder).text_rows)


def _of_another_model(folder: Path, checkpoint: Path) -> bool:
    """Whether embeddings, finished or begun, are of another model than the checkpoint, as far as that is there."""
    marker = next((path for path in (folder / manifest.MANIFEST, folder / manifest.BEGUN) if path.is_file()), None)
    return marker is not None and not _is_model(checkpoint, manifest.read_any(marker).inputs.get("checkpoint"))


def _is_model(checkpoint: Path, sha256: Any) -> bool:
    """Whether a hash is that of a checkpoint, as far as that is there."""
    return not places.is_folder(checkpoint) or sha256 == stated_sha256(checkpoint) or sha256 == _sha256(checkpoint)


def stated_sha256(checkpoint: Path) -> str:
    """Hash of a checkpoint as its manifest says; computed where that is silent."""
    return read_checkpoint(checkpoint).outputs.sha256 or _sha256(checkpoint)  # kept epochs have no manifest


def _sha256(checkpoint: Path) -> str:
    """Hash of a checkpoint as it lies there; what another version has stated may be hashed otherwise."""
    from salmubench.clip.models import checkpoint_sha256

    return checkpoint_sha256(checkpoint)


def score(world: RunWorld, name: str, stages: Stages) -> None:
    """Score a model of the world, unless its record is current."""
    record, config = record_path(world, name), world.recipe.score
    if not is_scored(world, name):
        from salmubench.metrics import score as run

        inputs = {"embeddings": embeddings_path(world, name), **world.references}
        stages.measured(f"score {name}", lambda: run(out=record, config=config, **inputs))


def check_references(world: RunWorld) -> None:
    """Refuse references that were encoded on another dataset than the world's, before a candidate is made.

    Raises:
        EmbeddingsError: with the fingerprints.
    """
    expected = world.open().fingerprint
    for kind, folder in world.references.items():
        path = folder / manifest.MANIFEST
        stated = manifest.read_any(path).inputs.get("dataset") if path.is_file() else expected
        if stated != expected:
            raise EmbeddingsError(
                f"Expected {kind} encoded on the dataset in {world.dataset} ({expected[:16]}), got embeddings of "
                f"{str(stated)[:16]} in {folder}. Delete that folder, or put the dataset back."
            )


def is_encoded(world: RunWorld, name: str, checkpoint: Path) -> bool:
    """Tell whether a model's embeddings are there, and of just this checkpoint."""
    folder = embeddings_path(world, name)
    there = (folder / manifest.MANIFEST).is_file() and not _of_another_model(folder, checkpoint)
    return there and not _lacks_texts(world, folder)


def is_made(world: RunWorld, candidate: Candidate) -> bool:
    """Tell whether a candidate is there with a current record of just this checkpoint."""
    name = candidate.name
    checkpoint = world.out / "checkpoints" / name
    if not (checkpoint / manifest.MANIFEST).is_file() or _staleness(checkpoint, candidate, world.compromised):
        return False
    return is_scored(world, name) and is_encoded(world, name, checkpoint)


def is_scored(world: RunWorld, name: str) -> bool:
    """Tell whether a model has a record of just its embeddings and those of the references."""
    from salmubench.scoring.record_files import Inputs, is_current

    inputs = Inputs(embeddings_path(world, name), world.references)
    return is_current(record_path(world, name), inputs, world.recipe.score)


def _staleness(checkpoint: Path, candidate: Candidate, compromised: Path) -> str:
    """What has changed since a candidate was begun; empty where nothing has."""
    for marker in (checkpoint / manifest.MANIFEST, checkpoint / manifest.BEGUN):
        if marker.is_file():
            begun, configured = manifest.read_any(marker), candidate.configured
            if begun.inputs.get("method_sha256") != configured.method.sha256:
                return "the method's file"
            if not _is_model(compromised, begun.inputs.get("model")):
                return "the model that it starts from"
            effective = provenance.portable(writing.plain(configured.effective))
            if other := _other_options(begun.config, effective):
                return other
            if begun.outputs and begun.outputs.get("tuned") != writing.plain(candidate.tuned):
                return "the tuning that its options come from"
    return ""


def _other_options(there: Any, asked: Mapping[str, Mapping[str, Any]]) -> str:
    """Which options differ from those that a candidate was begun with; empty where none does."""
    if there == asked:
        return ""
    sides = [side if isinstance(side, Mapping) else {} for side in (there, asked)]
    flat = [{name: value for part in side.values() for name, value in part.items()} for side in sides]
    names = [name for name in {**flat[0], **flat[1]} if flat[0].get(name) != flat[1].get(name)]
    changes = (f"{name} {flat[1].get(name)}, was {flat[0].get(name)}" for name in names[:_SHOWN])
    return f"its options ({'; '.join(changes)}{'; …' if len(names) > _SHOWN else ''})"


def lasting_precision(earlier: RunFile, out: Path, asked: str, device: str) -> tuple[str, Mapping[str, float] | None]:
    """What `auto` stands for, and the probe that says so.

    Found once for a folder: measured again it may come out otherwise, and its models could not be compared.

    Args:
        earlier: what `run.json` says already; where it was lost, what models were encoded in counts.
        asked: `auto`, `fp32` or `bf16`.
        device: `auto`, `cpu` or `cuda`.
    """
    known = earlier.precision or (_encoded_in(out) if asked == "auto" else None) or asked
    if known != "auto":
        return known, earlier.probe
    from salmubench.clip.devices import probe_precision, resolve_device, resolve_precision

    where = resolve_device(device)
    return resolve_precision(known, where), probe_precision() if where == "cpu" else None


def _encoded_in(out: Path) -> str | None:
    """Precision in which the folder's models are encoded; `None` where none is begun."""
    for name in (manifest.MANIFEST, manifest.BEGUN):
        for path in sorted((out / "embeddings").glob(f"*/{name}")):
            known = manifest.read_any(path).config
            if isinstance(known, dict) and known.get("precision") in ("fp32", "bf16"):
                return str(known["precision"])
    return None


def workers_for(
    pieces: int, *, asked: int | None, executor: Executor, recipe: Recipe, device: str, threads: int = 0
) -> int:
    """How many pieces to do at once: as many as are asked for, else all of a cluster or what pays here.

    What pays is as many as the processors allow at `unlearn.threads` each (one where a method may use them all, or on a
    GPU), no more than the free memory holds, and none that would cost more to start than it does.

    Args:
        device: `auto`, `cpu` or `cuda`.
    """
    import psutil

    from salmubench.clip.devices import resolve_device

    if asked is not None or executor == "ray":
        return asked or 0
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
