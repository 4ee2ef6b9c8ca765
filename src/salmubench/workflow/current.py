"""What of a run is there and current: made from just what it would be made from now."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from salmubench.clip import embeddings
from salmubench.core import manifest, places, provenance, writing
from salmubench.core.errors import EmbeddingsError
from salmubench.scoring.stages import read_checkpoint
from salmubench.workflow.run_world import Candidate, RunWorld, embeddings_path, record_path

_SHOWN = 4  # options that a note names


def lacks_texts(world: RunWorld, folder: Path) -> bool:
    """Whether finished embeddings lack texts of metrics that came later."""
    config = world.recipe.score
    if not config.extra_metrics or not (folder / manifest.MANIFEST).is_file():
        return False
    from salmubench.metrics import load
    from salmubench.scoring.plugin import texts_of

    texts = texts_of([load(name) for name in config.extra_metrics], world.open(), config)
    return bool(texts) and not set(texts) <= set(embeddings.open_embeddings(folder).text_rows)


def of_another_model(folder: Path, checkpoint: Path) -> bool:
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
    there = (folder / manifest.MANIFEST).is_file() and not of_another_model(folder, checkpoint)
    return there and not lacks_texts(world, folder)


def is_made(world: RunWorld, candidate: Candidate) -> bool:
    """Tell whether a candidate is there with a current record of just this checkpoint."""
    name = candidate.name
    checkpoint = world.out / "checkpoints" / name
    if not (checkpoint / manifest.MANIFEST).is_file() or staleness(checkpoint, candidate, world.compromised):
        return False
    return is_scored(world, name) and is_encoded(world, name, checkpoint)


def is_scored(world: RunWorld, name: str) -> bool:
    """Tell whether a model has a record of just its embeddings and those of the references."""
    from salmubench.scoring.record_files import Inputs, is_current

    inputs = Inputs(embeddings_path(world, name), world.references)
    return is_current(record_path(world, name), inputs, world.recipe.score)


def staleness(checkpoint: Path, candidate: Candidate, compromised: Path) -> str:
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


def _other_options(there: Any, now: Mapping[str, Mapping[str, Any]]) -> str:
    """Which options differ from those that a candidate was begun with; empty where none does."""
    if there == now:
        return ""
    sides = [side if isinstance(side, Mapping) else {} for side in (there, now)]
    flat = [{name: value for part in side.values() for name, value in part.items()} for side in sides]
    names = [name for name in {**flat[0], **flat[1]} if flat[0].get(name) != flat[1].get(name)]
    changes = (f"{name} {flat[1].get(name)}, was {flat[0].get(name)}" for name in names[:_SHOWN])
    return f"its options ({'; '.join(changes)}{'; …' if len(names) > _SHOWN else ''})"
