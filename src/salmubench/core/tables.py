"""The one gate for parquet files, whoever wrote them: what they unpack to is known before it is unpacked.

A file of a few kilobytes can repeat one text a billion times. Texts stay dictionary-encoded until their sum is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from salmubench.core import reading
from salmubench.core.errors import SalmubenchError


@dataclass(frozen=True)
class TableLimits:
    """What a table may weigh.

    Attributes:
        file: bytes of the file.
        unpacked: bytes of the columns that are read, of one row group or all together, as the file's footer states.
        text: bytes (UTF-8) of one text.
        texts: bytes of all texts of all columns that are read.
    """

    file: int = 2**40
    unpacked: int = 2**30
    columns: int = 100
    rows: int = 4_000_000
    text: int = 16_384
    texts: int = 2**30


LIMITS = TableLimits()
"""Of the user's own tables; those of the release are about ten times smaller."""


def open_table(
    path: Path,
    *,
    error: type[SalmubenchError],
    limits: TableLimits = LIMITS,
    texts: Sequence[str] = (),
    advice: str = "",
) -> pq.ParquetFile:
    """Open a parquet file whose footer states no more than it may have.

    Raises:
        SalmubenchError: of that class: no parquet file, or larger.
    """
    try:
        reading.check_regular(path)
        # Not the dataset API: it would take `<folder>/key=value/` for columns.
        opened = pq.ParquetFile(path, read_dictionary=list(texts))
    except (pa.ArrowException, OSError, ValueError, OverflowError) as cause:
        reason = getattr(cause, "strerror", None) or cause
        raise _said(error, f"Expected a parquet table at {path}, got: {reason}. {advice}") from cause
    footer = opened.metadata
    groups = [footer.row_group(number).total_byte_size for number in range(footer.num_row_groups)]
    sizes = (
        ("bytes", path.stat().st_size, limits.file),
        ("columns", footer.num_columns, limits.columns),
        ("rows", footer.num_rows, limits.rows),
        ("bytes unpacked in one row group", max(groups, default=0), limits.unpacked),
    )
    for what, given, most in sizes:
        if given > most:
            opened.close()
            raise _said(error, f"Expected at most {most:,} {what} in {path}, got {given:,}. {advice}")
    try:
        _ = opened.schema_arrow.names  # decoded when they are asked for
    except UnicodeDecodeError as cause:
        opened.close()
        raise _said(error, f"Expected names of columns as UTF-8 in {path}, got: {cause}. {advice}") from cause
    return opened


def read_table(
    path: Path,
    *,
    error: type[SalmubenchError],
    columns: Sequence[str] | None = None,
    limits: TableLimits = LIMITS,
    advice: str = "",
) -> pa.Table:
    """Read flat columns of a parquet file: texts as dictionaries, to be cast to what the caller needs.

    Args:
        columns: names; all by default. Those that aren't there are left out.

    Raises:
        SalmubenchError: of that class: unreadable, larger, or columns that are nested.
    """
    with open_table(path, error=error, limits=limits, advice=advice) as opened:
        schema = opened.schema_arrow
    names = [name for name in schema.names if columns is None or name in columns]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise _said(error, f"Expected columns of different names in {path}, got {reading.shown(twice)} twice. {advice}")
    strange = next((schema.field(name) for name in names if not _is_flat(schema.field(name).type)), None)
    if strange is not None:
        kind = reading.shown(str(strange.type))
        raise _said(error, f"Expected texts and numbers in {path}, got {strange.name} of type {kind}. {advice}")
    texts = [name for name in names if _is_text(schema.field(name).type)]
    with open_table(path, error=error, limits=limits, texts=texts, advice=advice) as opened:
        try:
            table = _read(opened, names, limits)
            check_texts(table.select(texts), limits)
            table.validate(full=True)  # texts are UTF-8
        except (pa.ArrowException, OSError, ValueError, OverflowError) as cause:
            raise _said(error, f"Expected a parquet table at {path}, got: {cause}. {advice}") from cause
    return table


def check_texts(table: pa.Table, limits: TableLimits = LIMITS) -> None:
    """Look at the lengths of dictionary-encoded texts before they are unpacked.

    Raises:
        ValueError: one is too long, or all together are.
    """
    total = 0
    for name in table.column_names:
        for chunk in table.column(name).chunks:
            lengths = pc.binary_length(chunk.dictionary.cast(pa.large_binary()))
            if len(lengths) and (pc.max(lengths).as_py() or 0) > limits.text:
                raise ValueError(f"texts of more than {limits.text:,} bytes in column {name}")
            total += pc.sum(pc.take(lengths, chunk.indices)).as_py() or 0
    if total > limits.texts:
        raise ValueError(f"texts that unpack to {total:,} bytes, more than {limits.texts:,}")


def _said(error: type[SalmubenchError], text: str) -> SalmubenchError:
    return error(reading.printable(text.rstrip()))


def _read(opened: pq.ParquetFile, names: Sequence[str], limits: TableLimits) -> pa.Table:
    """Read row group by row group, no further than the limit.

    What the footer says of single columns isn't looked at: on a damaged one PyArrow ends the process.

    Raises:
        ValueError: larger.
    """
    parts, total = list[pa.Table](), 0
    for number in range(opened.num_row_groups):
        parts.append(opened.read_row_group(number, columns=names))
        total += parts[-1].nbytes
        if total > limits.unpacked:
            raise ValueError(f"more than {limits.unpacked:,} bytes unpacked")
    return pa.concat_tables(parts) if parts else opened.read(columns=names)


def _is_text(kind: pa.DataType) -> bool:
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    types = pa.types
    return bool(types.is_string(inner) or types.is_large_string(inner) or types.is_binary(inner))


def _is_flat(kind: pa.DataType) -> bool:
    types = pa.types
    flat = (types.is_integer, types.is_floating, types.is_boolean, types.is_null)
    return _is_text(kind) or any(test(kind) for test in flat)
