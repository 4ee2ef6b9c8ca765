"""The parquet shards of a dataset: found, opened, read by columns, written one row group at a time."""

from __future__ import annotations

import functools
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from salmubench.core import pictures, reading, tables, writing
from salmubench.core.errors import DatasetError

COLUMNS = ("image", "text", "identity_id", "file_name")
TEXTS = COLUMNS[1:]
_SHARD = re.compile(r"^(?P<split>.+)-(?P<index>\d{5})-of-(?P<count>\d{5})\.parquet$")
_BATCH = 16  # pictures in memory at once: they may be large
_ROW_GROUP = 256  # rows: small enough that streaming pictures keeps memory flat at 512 px

_FEATURES = {
    "image": {"_type": "Image"},
    "text": {"dtype": "string", "_type": "Value"},
    "identity_id": {"dtype": "string", "_type": "Value"},
    "file_name": {"dtype": "string", "_type": "Value"},
}
SCHEMA = pa.schema(
    [
        pa.field("image", pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])),
        pa.field("text", pa.string()),
        pa.field("identity_id", pa.string()),
        pa.field("file_name", pa.string()),
    ],
    metadata={"huggingface": json.dumps({"info": {"features": _FEATURES}})},
)


@dataclass(frozen=True, slots=True)
class Row:
    """One row to write: encoded picture, caption, identity id or `None`, file name."""

    image: bytes
    text: str
    identity: str | None
    file_name: str


def shard_name(split: str, index: int, count: int) -> str:
    """Name of a parquet shard, e.g. `forget-00000-of-00003.parquet`."""
    return f"{split}-{index:05d}-of-{count:05d}.parquet"


def write_shard(folder: Path, split: str, index: int, count: int, rows: Iterator[Row]) -> Path:
    """Write one parquet shard, number `index` from 0, atomically, one row group at a time."""
    path = folder / "data" / shard_name(split, index, count)
    with writing.atomic_path(path) as temporary, pq.ParquetWriter(temporary, SCHEMA) as writer:
        buffer: list[Row] = []
        for row in rows:
            buffer.append(row)
            if len(buffer) == _ROW_GROUP:
                writer.write_table(_to_table(buffer))
                buffer.clear()
        if buffer:
            writer.write_table(_to_table(buffer))
    return path


def _to_table(rows: Sequence[Row]) -> pa.Table:
    return pa.table(
        {
            "image": [{"bytes": row.image, "path": row.file_name} for row in rows],
            "text": [row.text for row in rows],
            "identity_id": [row.identity for row in rows],
            "file_name": [row.file_name for row in rows],
        },
        schema=SCHEMA,
    )


def find_shards(folder: Path) -> dict[str, list[Path]]:
    """Split → its shards in order.

    Raises:
        DatasetError: a file of another name, or shards that aren't all of one set.
    """
    by_split: dict[str, dict[int, tuple[int, Path]]] = {}
    for path in sorted((folder / "data").glob("*.parquet")):
        match = _SHARD.match(path.name)
        if match is None:
            raise DatasetError(
                f"Expected shards named <split>-NNNNN-of-NNNNN.parquet in {folder / 'data'}, got {path.name}."
            )
        by_split.setdefault(match["split"], {})[int(match["index"])] = (int(match["count"]), path)
    for split, shards in by_split.items():
        counts = {count for count, _ in shards.values()}
        if len(counts) > 1 or set(shards) != set(range(next(iter(counts)))):
            raise DatasetError(
                f"Expected all shards of one set for the split {split!r} in {folder / 'data'}, got "
                f"{', '.join(path.name for _, path in shards.values())}."
            )
    return {split: [shards[index][1] for index in sorted(shards)] for split, shards in by_split.items()}


def open_shard(path: Path) -> pq.ParquetFile:
    """Open a shard; an unchanged one is opened once.

    Raises:
        DatasetError: no parquet file, or a column is missing.
    """
    try:
        state = path.stat()
    except OSError as error:
        raise DatasetError(f"Expected a parquet file at {path}, got: {error.strerror}.") from error
    # Keyed by time and size too: a shard may have been written anew since.
    shard = _opened(path, state.st_mtime_ns, state.st_size)
    missing = [name for name in COLUMNS if name not in shard.schema_arrow.names]
    if missing:
        raise DatasetError(
            f"Expected the columns {', '.join(COLUMNS)} in {path.name}, got no column {', '.join(missing)}."
        )
    return shard


@functools.lru_cache(maxsize=64)
def _opened(path: Path, _modified: int, _size: int) -> pq.ParquetFile:
    return tables.open_table(path, error=DatasetError)


def _announce(path: Path) -> None:
    """Raise the audit event that Python's own `open` raises: pyarrow raises none."""
    sys.audit("open", str(path), "rb", os.O_RDONLY)


def read_texts(path: Path) -> pa.Table:
    """Read captions, identities and file names of a shard: strings.

    Raises:
        DatasetError: the file can't be read, or a column is missing, holds no texts or too long ones.
    """
    open_shard(path)
    _announce(path)
    table = tables.read_table(path, error=DatasetError, columns=TEXTS)
    try:
        texts = table.select(TEXTS).cast(pa.schema([SCHEMA.field(name) for name in TEXTS]))
        texts.validate(full=True)
    except (pa.ArrowException, KeyError) as error:
        raise DatasetError(reading.printable(f"Expected texts in {path}, got: {error}.")) from error
    return texts


def read_pictures(path: Path, group: int, start: int, stop: int) -> Iterator[bytes | None]:
    """Encoded pictures of rows `start` to `stop` of a row group, a few in memory at a time.

    Raises:
        DatasetError: the file can't be read, or a picture is too large.
    """
    first = 0
    _announce(path)
    try:
        for batch in open_shard(path).iter_batches(batch_size=_BATCH, row_groups=[group], columns=["image"]):
            cells = batch.column(0)
            cells = cells.field("bytes") if pa.types.is_struct(cells.type) else cells
            for cell in cells[max(start - first, 0) : max(stop - first, 0)]:
                size = cell.as_buffer().size if cell.is_valid else 0
                if size > pictures.BYTES:
                    raise DatasetError(
                        f"Expected pictures of at most {pictures.BYTES:,} bytes in {path.name}, row group {group}, "
                        f"column image, got {size:,}."
                    )
                yield cell.as_py()
            first += len(batch)
            if first >= stop:
                return
    except (pa.ArrowException, OSError, KeyError, AttributeError) as error:
        raise DatasetError(reading.printable(f"Expected pictures in {path}, column image, got: {error}.")) from error
