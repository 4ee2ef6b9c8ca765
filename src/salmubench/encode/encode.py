"""`encode`: one pass of a model over the unique pictures and texts of a dataset."""

from __future__ import annotations

import contextlib
import functools
import io
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from salmubench.clip import embeddings
from salmubench.clip.pixels import split_transform
from salmubench.core import cost, manifest, places, progress, writing
from salmubench.core.errors import EmbeddingsError, ModelError
from salmubench.dataset import layout
from salmubench.dataset.origin import scoring_of
from salmubench.encode.config import EncodeConfig
from salmubench.encode.pictures import PixelCache, decoded, grouped
from salmubench.encode.plan import EncodePlan, make_plan, read_pictures
from salmubench.encode.ranks import Ranks
from salmubench.encode.store import ChunkStore
from salmubench.encode.texts import Tokens, encode_texts, tokenize, unit_rows
from salmubench.scoring.stages import Checkpoint, read_checkpoint

if TYPE_CHECKING:
    from salmubench.clip.models import ClipModel

_PIXELS = PixelCache()


def encode(
    *,
    model: str | Path | ClipModel,
    dataset: Path | str | layout.Dataset,
    out: Path,
    texts: Sequence[str] = (),
    arch: str | None = None,
    config: EncodeConfig | None = None,
    device: str = "auto",
    precision: str = "auto",
) -> Path:
    """Encode a dataset with a model: `images.npy`, `texts.npy`, `index.parquet`, `texts.parquet`, `manifest.json`.

    Pictures of `forget` and `forget_target` are the same and encoded once; of texts with equal tokens one is. A call on
    a finished folder of the same inputs does nothing; a killed one goes on after the last finished chunk. Processes
    that torchrun started share the chunks.

    Args:
        model: a folder in open_clip's local-dir layout, `hf-hub:org/name[@revision]`, a weights file with `arch`, or a
            loaded model, which moves to the device.
        dataset: a folder in the official layout, a Hub id (`org/name[@revision]`), or an open dataset.
        texts: further texts that scoring asks for (`salmubench.metrics.required_texts`).
        arch: open_clip's name of the architecture of a bare weights file.
        device: auto, cpu or cuda.
        precision: auto, fp32 or bf16.

    Returns:
        The folder.

    Raises:
        ModelError: the model can't be loaded, its weights changed meanwhile, or a process of torchrun has another one.
        DatasetError: the dataset breaks the layout, or a picture can't be decoded.
        EmbeddingsError: the model gives vectors that are not finite.
        OutputError: the folder is in use, full, or holds something else.
    """
    from salmubench.clip import devices, models

    config = config or EncodeConfig()
    opened = dataset if isinstance(dataset, layout.Dataset) else layout.open_dataset(dataset)
    ranks = Ranks()
    device = devices.resolve_device(device)
    chosen = devices.resolve_precision(precision, device)
    checkpoint = model.sha256 if isinstance(model, models.ClipModel) else models.checkpoint_sha256(model, arch=arch)
    work = _Work(model, checkpoint, arch, opened, out, tuple(texts), config, device, chosen)
    inputs = {
        "checkpoint": checkpoint,
        "dataset": opened.fingerprint,
        "texts": manifest.sha256_json(sorted(set(texts))),
    }
    if opened.imagenet is not None:
        inputs["imagenet"] = opened.imagenet
    settings = {"splits": config.splits, "precision": chosen}
    shared = writing.plain({**settings, **inputs, "texts": manifest.sha256_json(texts)})  # in their order
    if not ranks.first:
        if ranks.wait_to_begin(shared):
            work.encode(ranks)
        ranks.done()
        return out
    with manifest.stage_folder(
        out, embeddings.STAGE, config=settings, inputs=inputs, given=config, notes=(embeddings.TEXT_TABLE,)
    ) as stage:
        if not stage.complete:
            _number_texts(work.plan.texts, out)
        ranks.begin(shared, complete=stage.complete)
        if not stage.complete:
            with cost.measure() as spent:
                done = work.encode(ranks)
                ranks.wait_for_others()
                work.join(done)
            probe = devices.probe_precision() if precision == "auto" and device == "cpu" else None
            stage.finish(
                outputs=work.describe(done, probe),
                cost={"seconds": spent.seconds, "peak_memory": spent.peak_memory},
            )
        ranks.end()
    return out


class _Done(NamedTuple):
    """What a pass leaves besides its chunks."""

    model: ClipModel
    tokens: Tokens


@dataclass(frozen=True)
class _Work:
    """One model on one dataset: the arguments of `encode`, resolved."""

    model: str | Path | ClipModel
    checkpoint: str
    arch: str | None
    dataset: layout.Dataset
    out: Path
    texts: tuple[str, ...]
    config: EncodeConfig
    device: str
    precision: str

    @functools.cached_property
    def plan(self) -> EncodePlan:
        """What is encoded."""
        return make_plan(self.dataset, self.config.splits, self.texts)

    def encode(self, ranks: Ranks) -> _Done:
        """Write this process's chunks.

        Raises:
            ModelError: the model is another one than when the call began; no chunk of it is written.
        """
        from salmubench.clip import devices, models

        plan, loaded = self.plan, self.model
        if isinstance(loaded, models.ClipModel):
            loaded.module.to(self.device)
        else:
            loaded = models.load_model(loaded, arch=self.arch, device=self.device)
        if loaded.sha256 != self.checkpoint:  # its chunks would stand among those of the model that the folder names
            raise ModelError(
                f"Expected the model {loaded.source} to stay as it is while it is encoded, but its files changed. Run "
                "the same command again."
            )
        tokens = tokenize(loaded, plan.texts)
        with devices.compute(self.device, self.precision):
            self._encode_pictures(loaded, plan, ranks)
            self._encode_texts(loaded, tokens, ranks)
        return _Done(loaded, tokens)

    def join(self, done: _Done) -> None:
        """Join everybody's chunks and write the tables."""
        first, width = done.tokens.first, int(done.model.config["model_cfg"]["embed_dim"])
        copies = {int(row): int(first[row]) for row in np.flatnonzero(first != np.arange(len(first)))}
        ChunkStore(self.out, "images", self.plan.pictures).join(width)
        ChunkStore(self.out, "texts", len(first)).join(width, copies=copies)
        _write_tables(self.dataset, self.plan, self.out)
        ChunkStore(self.out, "images", 0).clear()

    def describe(self, done: _Done, probe: Mapping[str, float] | None) -> Mapping[str, Any]:
        """What the manifest says."""
        config = done.model.config
        return {
            "model": _describe_model(done.model),
            "dataset": {"name": self.dataset.name, "fingerprint": self.dataset.fingerprint},
            "pictures": self.plan.pictures,
            "texts": len(self.plan.texts),
            "files": {name: manifest.sha256_file(self.out / name) for name in embeddings.FILES},
            "cut_captions": _count_cut(self.plan, done.tokens),
            "encoding": {
                "precision": self.precision,
                "probe": probe,
                "device": self.device,
                "preprocessing": config.get("preprocess_cfg"),
                "image_size": config["model_cfg"]["vision_cfg"].get("image_size"),
                "context_length": done.model.context_length,
            },
        }

    def _encode_pictures(self, model: ClipModel, plan: EncodePlan, ranks: Ranks) -> None:
        import torch

        dataset, config, preprocessor = self.dataset, self.config, split_transform(model.preprocess)
        store, channels_last = ChunkStore(self.out, "images", plan.pictures), _prefers_channels_last(model)
        _PIXELS.open((dataset.fingerprint, dataset.imagenet, plan.ranges, str(model.preprocess)))
        missing = store.missing(ranks.rank, ranks.size)
        held = [_PIXELS.get(span.start, span.stop) for span in missing]
        encoded = (
            batch
            for span, pixels in zip(missing, held, strict=True)
            if pixels is None
            for batch in grouped(read_pictures(dataset, plan, span.start, span.stop), config.batch_size)
        )
        total = sum(span.stop - span.start for span in missing)
        with (
            contextlib.closing(decoded(encoded, preprocessor, workers=config.workers)) as fresh,
            torch.inference_mode(),
            progress.bar(total=total, description="encode pictures") as advance,
        ):
            for span, pixels in zip(missing, held, strict=True):
                done: list[embeddings.Array] = []
                count = -(-(span.stop - span.start) // config.batch_size)
                source = grouped(pixels, config.batch_size) if pixels is not None else itertools.islice(fresh, count)
                start = span.start
                for decoded_batch in source:
                    batch = preprocessor.to_batch(decoded_batch, self.device, channels_last=channels_last)
                    vectors = model.module.encode_image(batch)  # type: ignore[operator]
                    done.append(_finite(unit_rows(vectors), "pictures", model.source))
                    if pixels is None:
                        _PIXELS.put(start, decoded_batch)
                    start += len(decoded_batch)
                    advance(len(decoded_batch))
                store.write(span, np.concatenate(done))

    def _encode_texts(self, model: ClipModel, tokens: Tokens, ranks: Ranks) -> None:
        import torch

        store, numbers = ChunkStore(self.out, "texts", len(tokens.ids)), np.arange(len(tokens.ids))
        missing, width = store.missing(ranks.rank, ranks.size), int(model.config["model_cfg"]["embed_dim"])
        total = sum(span.stop - span.start for span in missing)
        with torch.inference_mode(), progress.bar(total=total, description="encode texts") as advance:
            for span in missing:
                unique_rows = np.flatnonzero((tokens.first == numbers)[span.start : span.stop])
                rows = np.zeros((span.stop - span.start, width), np.float32)
                if len(unique_rows):
                    ids = tokens.ids[span.start : span.stop][unique_rows]
                    batch_size, trim = self.config.text_batch_size, self.config.trim_texts
                    vectors = encode_texts(model, ids, batch_size=batch_size, trim=trim)
                    rows[unique_rows] = _finite(vectors, "texts", model.source)
                store.write(span, rows)
                advance(span.stop - span.start)


def _prefers_channels_last(model: ClipModel) -> bool:
    """Convolutional towers take a third less time with channels last (and give the same vectors, to 1e-6)."""
    import torch
    from torch import nn

    tower = model.module.visual
    if not isinstance(tower, nn.Module) or sum(isinstance(part, nn.Conv2d) for part in tower.modules()) < 2:
        return False  # a transformer's one convolution cuts the patches
    tower.to(memory_format=torch.channels_last)
    return True


def _finite(rows: embeddings.Array, what: str, source: str) -> embeddings.Array:
    if not np.isfinite(rows).all():
        raise EmbeddingsError(
            f"Expected finite vectors of the {what}, got NaN or infinity. The model {source} has diverged, or this "
            "precision is too low for it: try --precision fp32."
        )
    return rows


# --- what is written --------------------------------------------------------------------------------------------


def _number_texts(texts: Sequence[str], out: Path) -> None:
    """Write which text is in which row, before the first is encoded.

    The folder's inputs don't say in which order the texts were given. What an earlier call encoded in another order is
    deleted: its vectors would go to other texts.
    """
    stream, path = io.BytesIO(), out / embeddings.TEXT_TABLE
    table = pa.table({"text": list(texts), "row": list(range(len(texts)))}, schema=embeddings.TEXT_SCHEMA)
    pq.write_table(table, stream, compression="zstd")
    if not path.is_file() or path.read_bytes() != stream.getvalue():
        ChunkStore(out, "texts", len(texts)).delete()
        writing.write_bytes(path, stream.getvalue())


def _write_tables(dataset: layout.Dataset, plan: EncodePlan, out: Path) -> None:
    columns: dict[str, list[Any]] = {name: [] for name in embeddings.INDEX_SCHEMA.names}
    for split, pair, image_row, text_row in plan.rows:
        values = (
            split, pair.file_name, pair.caption, pair.identity, pair.name, pair.field, pair.value, pair.paraphrase,
            pair.style, image_row, text_row,
        )  # fmt: skip
        for name, value in zip(columns, values, strict=True):
            columns[name].append(value)
    with writing.atomic_path(out / embeddings.INDEX) as path:
        pq.write_table(pa.table(columns, schema=embeddings.INDEX_SCHEMA), path, compression="zstd")
    encoded = {split for split, *_ in plan.rows}
    facts = embeddings.DatasetFacts(
        name=dataset.name,
        fingerprint=dataset.fingerprint,
        counts={split: count for split, count in dataset.counts.items() if split in encoded or not count},
        forget_identity=dataset.forget_identity_ids(),
        fragile_ids=dataset.fragile_ids,
        general_knowledge=dataset.general_knowledge,
        people=_people(dataset),
        revision=dataset.revision,
        imagenet=dataset.imagenet,
        limit=dataset.limit,
        scoring=scoring_of(dataset),
    )
    embeddings.write_dataset_facts(out / embeddings.DATASET, facts)


def _people(dataset: layout.Dataset) -> Mapping[str, Mapping[str, str]]:
    """Country and apparent gender of each identity, where the dataset states them."""
    attributes: dict[str, dict[str, str]] = {}
    for identity, persona in dataset.identities.items():
        values = {"country_code": persona.get("country_code"), "gender": dataset.genders.get(identity)}
        attributes[identity] = {name: str(value) for name, value in values.items() if value is not None}
    return attributes


def _count_cut(plan: EncodePlan, tokens: Tokens) -> Mapping[str, int]:
    counts: dict[str, int] = {}
    for split, _, _, text_row in plan.rows:
        counts[split] = counts.get(split, 0) + int(tokens.cut[text_row])
    return counts


def _describe_model(model: ClipModel) -> Mapping[str, Any]:
    """What a record says about the model: from the checkpoint's own manifest where it has one."""
    checkpoint = Checkpoint() if model.folder is None else read_checkpoint(model.folder)
    outputs, unlearnt = checkpoint.outputs, checkpoint.stage == "unlearn"
    if model.folder is None:
        name = Path(model.source).stem
    elif model.source.startswith("hf-hub:"):  # the folder is a snapshot of the cache
        name = model.source.rpartition("/")[2].partition("@")[0]
    else:
        name = places.real(model.folder).name
    return {
        "name": re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:80],
        "source": model.source,
        "sha256": model.sha256,
        "weights_sha256": model.weights_sha256,
        "revision": model.revision,
        "kind": outputs.kind,
        "method": outputs.method if unlearnt else None,
        "method_sha256": checkpoint.inputs.get("method_sha256") if unlearnt else None,
        "budget": outputs.budget if unlearnt else None,
        "config_given": checkpoint.config_given if unlearnt else None,
        "config": checkpoint.config if unlearnt else None,
        "seed": checkpoint.seed if unlearnt else None,
        "tuned": outputs.tuned if unlearnt else None,
        "exposures": outputs.exposures,
        "cost": {**checkpoint.cost, **outputs.cost},
        **({"opened": outputs.opened} if outputs.opened else {}),
    }
