"""The narrow waist: embeddings of one model on one dataset, on disk.

A folder with `images.npy` and `texts.npy` (float32 unit rows, memory-mappable), `index.parquet` (one line a dataset
row: its facts and its rows in the two arrays), `texts.parquet` (text → row), `dataset.json` (what scoring needs of the
dataset) and `manifest.json`, written last. Everything after encoding reads this folder and needs no model.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from salmubench.core import manifest, reading, tables, writing
from salmubench.core.errors import EmbeddingsError, OutputError
from salmubench.dataset.layout import GeneralKnowledge

STAGE = "encode"
IMAGES = "images.npy"
TEXTS = "texts.npy"
INDEX = "index.parquet"
TEXT_TABLE = "texts.parquet"
DATASET = "dataset.json"
FILES = (IMAGES, TEXTS, INDEX, TEXT_TABLE, DATASET)
"""What an encoding leaves; its manifest states their hashes."""
FRAGILE = "fragile_set_ids.json"
FRAGILE_SIMILARITIES = "fragile_set_all_similarities.json"

INDEX_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("split", "file_name", "caption", "identity_id", "name", "field", "value")]
    + [("paraphrase", pa.string()), ("style", pa.string()), ("image_row", pa.int64()), ("text_row", pa.int64())]
)
_NULLABLE = ("identity_id", "name", "field", "value", "paraphrase", "style")
TEXT_SCHEMA = pa.schema([("text", pa.string()), ("row", pa.int64())])

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class DatasetFacts:
    """What scoring needs to know of the dataset besides the index.

    Attributes:
        name: for records.
        fingerprint: SHA-256 of its content.
        counts: rows of each encoded split.
        fragile_ids: file names of the fragile set where the dataset lists them.
        people: identity id → country code and apparent gender, where known; `None` in folders that don't state it.
        revision: commit on the Hub, where the dataset comes from there.
        imagenet: SHA-256 of the ImageNet pictures that stand for its general knowledge.
        limit: rows of each split that were seen, where only some were: a quick look.
        scoring: options of scoring that the dataset states.
    """

    name: str
    fingerprint: str
    counts: Mapping[str, int]
    forget_identity: frozenset[str]
    fragile_ids: tuple[str, ...] | None
    general_knowledge: GeneralKnowledge | None
    people: Mapping[str, Mapping[str, str]] | None = None
    revision: str | None = None
    imagenet: str | None = None
    limit: int | None = None
    scoring: Mapping[str, Any] | None = None


class Embedded(Protocol):
    """What scoring reads of a model: vectors, and which row of a dataset each belongs to."""

    @property
    def dataset(self) -> DatasetFacts:
        """Facts of the dataset."""

    @property
    def index(self) -> pa.Table:
        """One line a dataset row (`INDEX_SCHEMA`)."""

    @property
    def images(self) -> npt.NDArray[Any]:
        """(pictures, d)."""

    @property
    def texts(self) -> npt.NDArray[Any]:
        """(texts, d); to be read after `rows_of`, which may add to it."""

    @property
    def text_rows(self) -> Mapping[str, int]:
        """Text → row of `texts`, of those that are encoded."""

    def rows_of(self, texts: Sequence[str]) -> npt.NDArray[np.int64]:
        """Rows of `texts` for some texts, int64 (n,)."""


@dataclass(frozen=True, eq=False)
class Embeddings:
    """Embeddings of one model, opened for reading.

    Attributes:
        manifest: content of `manifest.json`.
        images: float32 (pictures, d), memory-mapped.
        texts: float32 (texts, d), memory-mapped.
    """

    folder: Path
    manifest: Mapping[str, Any]
    dataset: DatasetFacts
    images: Array
    texts: Array

    @functools.cached_property
    def index(self) -> pa.Table:
        """One line a dataset row (`INDEX_SCHEMA`).

        Raises:
            EmbeddingsError: unreadable, without a column, or with rows out of range.
        """
        table = _read_table(self.folder / INDEX, INDEX_SCHEMA)
        for column, array, name in (("image_row", self.images, IMAGES), ("text_row", self.texts, TEXTS)):
            rows = table.column(column).to_numpy()
            if len(rows) and (rows.min() < 0 or rows.max() >= len(array)):
                raise EmbeddingsError(
                    f"Expected rows 0 to {len(array) - 1} of {name} in {self.folder / INDEX}, column {column}, got "
                    f"{rows.min()} to {rows.max()}. Encode the model again."
                )
        return table

    def check_vectors(self) -> None:
        """Look at every vector.

        Raises:
            EmbeddingsError: one is not finite or has no direction.
        """
        for array, name in ((self.images, IMAGES), (self.texts, TEXTS)):
            for start in range(0, len(array), _CHECK_ROWS):
                block = array[start : start + _CHECK_ROWS]
                norms = np.einsum("ij,ij->i", block, block)
                bad = ~np.isfinite(norms) | (norms <= 0)
                if bad.any():
                    raise EmbeddingsError(
                        f"Expected finite vectors with a direction in {self.folder / name}, got NaN, infinity or "
                        f"zeros in row {start + int(np.flatnonzero(bad)[0])}. The model diverged, or the file is "
                        "damaged: encode it again to find out."
                    )

    @functools.cached_property
    def text_rows(self) -> Mapping[str, int]:
        """Text → row of `texts`."""
        table = _read_table(self.folder / TEXT_TABLE, TEXT_SCHEMA)
        return dict(zip(table.column("text").to_pylist(), table.column("row").to_pylist(), strict=True))

    def rows_of(self, texts: Sequence[str]) -> npt.NDArray[np.int64]:
        """Rows of `texts` for some texts, int64 (n,).

        Raises:
            EmbeddingsError: a text was not encoded.
        """
        rows = self.text_rows
        missing = [text for text in texts if text not in rows]
        if missing:
            raise EmbeddingsError(
                f"Expected {len(texts)} texts in {self.folder / TEXT_TABLE}, got no {missing[0]!r} and "
                f"{len(missing) - 1} others. Encode the model again with the texts that the metrics ask for "
                "(salmubench.metrics.required_texts)."
            )
        indices = np.fromiter((rows[text] for text in texts), np.int64, len(texts))
        if len(indices) and (indices.min() < 0 or indices.max() >= len(self.texts)):
            raise EmbeddingsError(
                f"Expected rows 0 to {len(self.texts) - 1} in {self.folder / TEXT_TABLE}, column row, got "
                f"{indices.min()} to {indices.max()}. Encode the model again."
            )
        return indices


def write_dataset_facts(path: Path, facts: DatasetFacts) -> None:
    """Write `dataset.json`."""
    knowledge = facts.general_knowledge
    writing.write_json(
        path,
        {
            "name": facts.name,
            "fingerprint": facts.fingerprint,
            "counts": facts.counts,
            "forget_identity": sorted(facts.forget_identity),
            "fragile_ids": facts.fragile_ids,
            "general_knowledge": None if knowledge is None else writing.plain(knowledge),
            "people": facts.people,
            "revision": facts.revision,
            "imagenet": facts.imagenet,
            **{name: value for name in ("limit", "scoring") if (value := getattr(facts, name)) is not None},
        },
    )


def open_embeddings(folder: Path) -> Embeddings:
    """Open a finished embeddings folder; vectors and index are read when they are asked for.

    Raises:
        EmbeddingsError: not finished, files missing or unreadable, or arrays of different width.
    """
    try:
        description = manifest.read_manifest(folder, STAGE)
        facts = manifest.read_json(folder / DATASET, limit=reading.LARGE)
    except OutputError as error:
        raise EmbeddingsError(f"Expected the embeddings of a model in {folder}: {error}") from error
    images, texts = _load(folder / IMAGES), _load(folder / TEXTS)
    if images.shape[1] != texts.shape[1] and len(images) and len(texts):
        raise EmbeddingsError(
            f"Expected pictures and texts of one width in {folder}, got {images.shape[1]} in {IMAGES} and "
            f"{texts.shape[1]} in {TEXTS}. Encode the model again."
        )
    return Embeddings(folder, description, _facts(facts, folder / DATASET), images, texts)


def _facts(content: Any, path: Path) -> DatasetFacts:
    return reading.validated(DatasetFacts, content, where=str(path), error=EmbeddingsError, advice="Encode again.")


def _load(path: Path) -> Array:
    try:
        reading.check_regular(path)
        array = np.lib.format.open_memmap(path, mode="r")  # np.load would open archives, too
    except Exception as error:  # a damaged header is Python that doesn't parse, too deep, too large …
        reason = reading.shown(str(getattr(error, "strerror", None) or error or type(error).__name__))
        text = f"Expected a NumPy array at {path}, got: {reason}. Encode the model again."
        raise EmbeddingsError(reading.printable(text)) from error
    if array.ndim != 2 or array.dtype != np.float32:
        raise EmbeddingsError(
            f"Expected float32 of shape (n, d) in {path}, got {array.dtype} of shape {array.shape}. Encode again."
        )
    vectors: Array = array
    return vectors


def _read_table(path: Path, schema: pa.Schema) -> pa.Table:
    table = tables.read_table(path, error=EmbeddingsError, columns=schema.names, advice="Encode the model again.")
    missing = [name for name in schema.names if name not in table.column_names]
    if missing:
        raise EmbeddingsError(f"Expected the column {missing[0]} in {path}, got {table.column_names}. Encode again.")
    try:
        typed = table.select(schema.names).cast(schema)
        typed.validate(full=True)
    except pa.ArrowException as error:
        text = f"Expected columns of the types {schema.types} in {path}, got: {error}. Encode the model again."
        raise EmbeddingsError(reading.printable(text)) from error
    empty = [name for name in schema.names if name not in _NULLABLE and typed.column(name).null_count]
    if empty:
        raise EmbeddingsError(f"Expected a value in every row of column {empty[0]} in {path}, got none in some.")
    return typed


_CHECK_ROWS = 8192  # rows a time: the check needs no copy of the whole array
