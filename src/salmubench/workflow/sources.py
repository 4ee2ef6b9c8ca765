"""What an evaluation is given, looked at before the first picture is encoded."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from salmubench.clip import embeddings
from salmubench.core import manifest, provenance
from salmubench.core.errors import (
    DatasetError,
    EmbeddingsError,
    ModelError,
    OutputError,
    OutputMismatch,
    RecordError,
    SalmubenchError,
)
from salmubench.core.mismatch import check_same
from salmubench.dataset.layout import Dataset
from salmubench.scoring.described import described_model
from salmubench.scoring.gallery import check_ranked, gallery_of
from salmubench.scoring.record import RunRecord
from salmubench.scoring.record_files import check_target, gallery_path, read_gallery, read_items, read_record
from salmubench.scoring.roles import with_descriptions
from salmubench.scoring.views import describe_all

if TYPE_CHECKING:
    from salmubench.clip.models import ClipModel

_HELD = 1 / 4  # of the machine's memory, for models that wait for their turn: what is more is loaded again
_OURS = (DatasetError, EmbeddingsError, ModelError, OutputError, RecordError)


def is_encoded(source: str | Path) -> bool:
    """Tell whether this is a record or a folder of embeddings, not a model."""
    path = Path(source)
    marker = path / manifest.MANIFEST
    return path.suffix == ".json" or (marker.is_file() and manifest.read_any(marker).stage == embeddings.STAGE)


def sha256_of(source: str | Path, *, arch: str | None) -> str | None:
    """Hash of a model, or of the model of an embeddings folder.

    Args:
        source: the model or the folder.

    Raises:
        ModelError: nothing there.
        EmbeddingsError: the folder is damaged.
    """
    if is_encoded(source):
        return described_model(embeddings.open_embeddings(Path(source))).model.sha256
    from salmubench.clip import models

    return models.checkpoint_sha256(source, arch=arch)


def precision_of(sources: Iterable[str | Path | None], requested: str) -> str:
    """What `auto` stands for beside models that are encoded: their precision, where they have one in common.

    Args:
        sources: models, embeddings folders, records; damaged ones are passed over here.
        requested: `auto`, `fp32` or `bf16`.
    """
    precisions: set[str | None] = set()
    for source in sources:
        with contextlib.suppress(SalmubenchError):
            if requested == "auto" and source is not None and is_encoded(source):
                path = Path(source)
                opened = embeddings.open_embeddings(path) if path.is_dir() else None
                encoding = read_record(path).encoding if opened is None else described_model(opened).encoding
                precisions.add(None if encoding is None else encoding.precision)
    only = precisions.pop() if len(precisions) == 1 else None
    return only or requested


def check_sources(
    sources: Mapping[str, str | Path | None],
    dataset: Dataset,
    out: Path,
    encoded: Path,
    *,
    judged: Collection[str],
    texts: Sequence[str] = (),
    arch: str | None,
    device: str,
    precision: str,
) -> dict[str, ClipModel]:
    """Look at everything that an evaluation reads, and at the place it writes to.

    Models must be there, have a known architecture and finite weights; embeddings and records must be whole, and of
    this dataset, down to its general knowledge and its limit.

    Args:
        sources: `model`, `clean`, `before`, … → model, embeddings folder, record, or `None`.
        encoded: folder with the embeddings of those that are models, one folder each.
        judged: which of them must be a model or embeddings, not a record.
        device: `auto`, `cpu` or `cuda`, for those that are models.
        precision: `auto`, `fp32` or `bf16`.

    Returns:
        The models that were loaded for this and can be encoded as they are; of large ones not all are kept in memory.

    Raises:
        SalmubenchError: of the class that the later stage would have raised, with the option's name in front.
    """
    check_target(out)
    loaded: dict[str, ClipModel] = {}
    room = _HELD * provenance.hardware()["memory"]
    for name, source in sources.items():
        if source is None:
            continue
        try:
            if is_encoded(source):
                _check_encoded(Path(source), dataset, texts, is_model=name in judged)
            else:
                from salmubench.clip import devices, models

                devices.resolve_precision(precision, devices.resolve_device(device))
                model = models.load_model(source, arch=arch if name in judged else None)
                _check_earlier(encoded / name, model.sha256, dataset)
                room -= model.bytes
                if room >= 0:
                    loaded[name] = model
        except _OURS as error:
            raise _named(error, name) from error
    return loaded


def check_gallery(out: Path, dataset: Dataset) -> None:
    """Refuse a folder of records of another dataset.

    Raises:
        OutputMismatch: the gallery beside it is another one.
    """
    if gallery_path(out).is_file() and not read_gallery(out).equals(gallery_of(dataset).table()):
        raise OutputMismatch(
            f"Expected records of this dataset beside {out}, got the gallery of another one in {gallery_path(out)}. "
            "Records of one folder share it: choose another folder for --out."
        )


def _check_earlier(folder: Path, sha256: str, dataset: Dataset) -> None:
    """Refuse embeddings of another model or dataset where those of this one will be."""
    for name in (manifest.MANIFEST, manifest.BEGUN):
        if (folder / name).is_file():
            there = manifest.read_any(folder / name).inputs
            expected = {"checkpoint": sha256, "dataset": dataset.fingerprint}
            check_same(folder, {"inputs": {key: there.get(key) for key in expected}}, {"inputs": expected})
            return


def _check_encoded(path: Path, dataset: Dataset, texts: Sequence[str], *, is_model: bool) -> None:
    if path.is_dir():
        opened = embeddings.open_embeddings(path)
        opened.check_vectors()
        facts = (opened.dataset.fingerprint, opened.dataset.imagenet)
    elif is_model:
        raise EmbeddingsError(f"Expected a model or its embeddings folder, got the file {path}.")
    else:
        record = read_record(path)
        if record.status != "complete":
            raise RecordError(f"Expected a complete record at {path}, got status {record.status!r}.")
        facts = (record.dataset.fingerprint, record.dataset.imagenet)
        _check_items(path, record, dataset)
    if facts[0] != dataset.fingerprint:
        raise EmbeddingsError(
            f"Expected the dataset {dataset.name} (fingerprint {dataset.fingerprint}), got {facts[0]} in {path}. Give "
            "the model itself, to encode it on this dataset."
        )
    if facts[1] != dataset.imagenet:
        raise EmbeddingsError(
            f"Expected the pictures of general knowledge of this call ({dataset.imagenet}), got {facts[1]} in {path}. "
            "Give --imagenet to both or none."
        )
    if texts:
        embeddings.open_embeddings(path).rows_of(texts)


def _check_items(path: Path, record: RunRecord, dataset: Dataset) -> None:
    """Refuse the record of a reference without its items, or with ranks in another gallery."""
    from salmubench.metrics import descriptions

    items = read_items(path)
    if record.dataset.fingerprint == dataset.fingerprint:  # of another dataset the message is about that
        described = describe_all(with_descriptions(record, descriptions()))
        check_ranked(record, items, gallery_of(dataset).table(), described, path=path)


def _named(error: SalmubenchError, name: str) -> SalmubenchError:
    return type(error)(f"--{name}: {error}")
