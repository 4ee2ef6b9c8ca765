"""Read files of strangers: sizes are looked at before anything is read, and nothing in them is executed.

Every problem is a `RecordError`; its message is data for a list of findings.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from salmubench import reading
from salmubench.errors import RecordError
from salmubench.scoring.items import LATER, check_table


@dataclass(frozen=True)
class Limits:
    """What a submission may weigh.

    Attributes:
        json_bytes: of a JSON file.
        code_bytes: of `method.py`.
        table_bytes: of a parquet file.
        table_unpacked: of its columns once unpacked, as the file's footer states.
        rows: of a table.
        text: letters (bytes of UTF-8) of one text.
        texts: all texts of a column together.
    """

    json_bytes: int = 1_000_000
    code_bytes: int = 1_000_000
    table_bytes: int = 64_000_000
    table_unpacked: int = 512_000_000
    rows: int = 2_000_000
    text: int = 4_096
    texts: int = 512_000_000


LIMITS = Limits()


def check_size(path: Path, most: int) -> None:
    """Refuse what is no regular file (links lead elsewhere) or is too large, without opening it.

    Raises:
        RecordError: missing, a link or folder or device, or larger than `most` bytes.
    """
    try:
        status = path.lstat()
    except OSError as error:
        raise RecordError(f"Expected the file {path.name}, got: {error.strerror}.") from error
    if not stat.S_ISREG(status.st_mode):
        raise RecordError(f"Expected {path.name} to be a plain file, got a link, folder or device.")
    if status.st_size > most:
        raise RecordError(f"Expected {path.name} of at most {most:,} bytes, got {status.st_size:,}.")


def read_json(path: Path, *, limits: Limits = LIMITS) -> Any:
    """Read a JSON object through the gate of `salmubench.reading`.

    Raises:
        RecordError: too large, or not such JSON.
    """
    check_size(path, limits.json_bytes)
    data = reading.read_bytes(path, error=RecordError, what="a JSON file", limit=limits.json_bytes)
    return reading.parse_json(data, where=path.name, error=RecordError, mapping=True)


def read_table(path: Path, schema: pa.Schema, *, limits: Limits = LIMITS) -> pa.Table:
    """Read a parquet table of exactly these flat columns.

    Texts stay dictionary-encoded until their unpacked size is known, so that a small file can't become a large table.

    Raises:
        RecordError: too large, unreadable, or other columns.
    """
    check_size(path, limits.table_bytes)
    try:
        texts = [field.name for field in schema if pa.types.is_string(field.type)]
        _check_footer(path, pq.ParquetFile(path), schema, limits)
        table = pq.ParquetFile(path, read_dictionary=texts).read()
        for name in texts:
            _check_texts(path, name, table.column(name), limits)
        return check_table(table, schema, where=path.name)
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise RecordError(f"Expected a parquet table in {path.name}, got: {reading.cut(str(error), 200)}.") from error


def plain_text(value: str, *, most: int = 200) -> str:
    """A text on one line without control or direction characters, cut to `most` letters."""
    shown = "".join(letter if letter.isprintable() else " " for letter in value)
    return reading.cut(" ".join(shown.split()), most)


def _check_footer(path: Path, opened: pq.ParquetFile, schema: pa.Schema, limits: Limits) -> None:
    footer, given = opened.metadata, opened.schema_arrow
    fewest = len(schema.names) - len([name for name in LATER if name in schema.names])
    if given.names not in [schema.names[:count] for count in range(fewest, len(schema.names) + 1)]:
        raise RecordError(
            f"Expected the columns {schema.names} in {path.name}, got {reading.cut(str(given.names), 200)}."
        )
    physical = [opened.schema.column(index).physical_type for index in range(footer.num_columns)]
    kinds = {pa.string(): "BYTE_ARRAY", pa.float64(): "DOUBLE", pa.int32(): "INT32", pa.bool_(): "BOOLEAN"}
    expected = [kinds[schema.field(name).type] for name in given.names]
    if physical != expected:
        raise RecordError(
            f"Expected columns of the types {expected} in {path.name}, got {reading.cut(str(physical), 200)}."
        )
    if footer.num_rows > limits.rows:
        raise RecordError(f"Expected at most {limits.rows:,} rows in {path.name}, got {footer.num_rows:,}.")
    unpacked = sum(footer.row_group(index).total_byte_size for index in range(footer.num_row_groups))
    if unpacked > limits.table_unpacked:
        raise RecordError(
            f"Expected {path.name} to unpack to at most {limits.table_unpacked:,} bytes, got {unpacked:,}."
        )


def _check_texts(path: Path, name: str, column: pa.ChunkedArray, limits: Limits) -> None:
    total = 0
    for chunk in column.chunks:
        lengths = pc.binary_length(chunk.dictionary.cast(pa.binary()))
        if len(lengths) and pc.max(lengths).as_py() > limits.text:
            raise RecordError(
                f"Expected texts of at most {limits.text:,} bytes in {path.name}, column {name}, got longer ones."
            )
        total += pc.sum(pc.take(lengths, chunk.indices)).as_py() or 0
    if total > limits.texts:
        raise RecordError(
            f"Expected column {name} of {path.name} to unpack to at most {limits.texts:,} bytes, got {total:,}."
        )
