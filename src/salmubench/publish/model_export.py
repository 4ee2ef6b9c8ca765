"""A model as a folder for the Hugging Face Hub: weights, configuration, card; pushed there on demand."""

from __future__ import annotations

import shutil
from pathlib import Path

from salmubench.clip import models
from salmubench.core import manifest, places, writing
from salmubench.core.errors import ModelError, RecordError
from salmubench.publish import transformers_clip
from salmubench.publish.model_card import CARD, card
from salmubench.publish.push import check_name
from salmubench.publish.push import push as upload
from salmubench.scoring.record import RunRecord
from salmubench.scoring.record_files import read_record
from salmubench.scoring.stages import read_checkpoint

STAGE = "export-model"
RECORD = "record.json"


def export_model(
    model: str | Path,
    *,
    out: Path,
    record: Path | None = None,
    transformers: bool = False,
    licence: str = "apache-2.0",
    push: str | None = None,
    public: bool = False,
) -> Path:
    """Write a model in open_clip's local-dir layout with a card; a call on a finished folder only pushes.

    Args:
        model: a checkpoint folder (of a run, or any in open_clip's layout), or `hf-hub:org/name`.
        record: the model's record, whose numbers the card shows; that of the same run by default, where there is one.
        transformers: add the files that `transformers.CLIPModel` reads, checked to give the same embeddings.
        licence: for the card's head.
        push: `org/name` on the Hub to upload to; the token comes from the environment or from `hf auth login`.
        public: make a new repository public; it is private by default, as weights may hold data of real people.

    Returns:
        The folder.

    Raises:
        ModelError: no model, or one that transformers has no architecture for.
        RecordError: the record is of another model.
        ConfigError: no token of the Hub, or a name that isn't org/name.
        OutputError: the folder can't be used, or the Hub refuses.
    """
    if push is not None:
        check_name(push)
    folder, weights = models.locate(model)[:2]
    if folder is None:
        raise ModelError(f"Expected a model's folder to export, got the file {weights}.")
    sha256, whole = manifest.sha256_file(weights), models.checkpoint_sha256(folder)
    scored, path = _record(folder, record, sha256, whole)
    inputs = {"model": whole, "record": manifest.sha256_file(path) if path else None}
    with manifest.stage_folder(
        out, STAGE, config={"transformers": transformers, "licence": licence}, inputs=inputs
    ) as stage:
        if not stage.complete:
            _write(folder, weights, out)
            if path is not None:
                shutil.copyfile(path, out / RECORD)
            differing = transformers_clip.convert(out) if transformers else None
            training = read_checkpoint(folder)
            text = card(
                name=training.outputs.kind or (scored.model.name if scored else folder.name),
                training=training, record=scored, sha256=sha256, licence=licence, differing=differing,
            )  # fmt: skip
            writing.write_text(out / CARD, text)
            stage.finish(outputs={"sha256": sha256, "embeddings_differ_by": differing})
        if push is not None:
            upload(out, push, "model", private=not public)
    return out


def _write(folder: Path, weights: Path, out: Path) -> None:
    """Copy safetensors as they are, and turn anything else into safetensors.

    The configuration is checked and written, not copied: what is published holds no field that `models` would refuse.
    """
    config = models.read_config(folder)
    if weights.suffix == ".safetensors":
        with writing.atomic_path(out / models.WEIGHTS) as temporary:
            shutil.copyfile(weights, temporary)
        writing.write_json(out / models.CONFIG, config)
    else:
        loaded = models.load_model(folder)
        models.save_model(out, state=loaded.module.state_dict(), config=loaded.config)


def _record(folder: Path, given: Path | None, sha256: str, whole: str) -> tuple[RunRecord | None, Path | None]:
    place = places.real(folder)  # a run's folder has checkpoints/<name> and records/<name>.json
    path = given or place.parent.parent / "records" / f"{place.name}.json"
    if given is None and not path.is_file():
        return None, None
    record = read_record(path)
    hashes = sha256 if record.model.weights_sha256 is None else whole  # older records know the weights alone
    if record.model.sha256 != hashes:
        raise RecordError(
            f"Expected the record of the model {folder} (SHA-256 {hashes[:12]}) in {path}, got that of another "
            f"({(record.model.sha256 or 'none')[:12]}). Score this model, or give its record."
        )
    return record, path
