"""Mutations of parquet tables: other columns, types, values and codecs, and bytes of the footer."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fuzz.texts import VALUES, Mutator, damage, damage_end, other_kind, replace

NUMBERS = (float("nan"), float("inf"), float("-inf"), -1.0, 0.0, 0.5, 1.0, 1e308, -1e308, 5e-324, 2.0**53, 1e30)
WHOLE = (-1, 0, 1, 2**31 - 1, -(2**31), 7)
_MOST = 40_000  # rows; more has a bomb only
_KINDS = (
    pa.int8(), pa.int64(), pa.float16(), pa.float32(), pa.bool_(), pa.binary(), pa.large_string(), pa.string(),
    pa.null(),
    pa.date32(), pa.timestamp("ns"), pa.duration("s"), pa.decimal128(38, 2), pa.list_(pa.string()),
    pa.dictionary(pa.int8(), pa.string()), pa.struct([("a", pa.int64())]), pa.string_view(), pa.uint64(),
)  # fmt: skip


def columns(path: Path, rng: random.Random) -> None:
    """Drop, rename, add, double, move or retype a column."""
    table = _read(path)
    if table is None or not table.num_columns:
        return damage(path, rng)
    at = rng.randrange(table.num_columns)
    name, column = table.column_names[at], table.column(at)
    action = rng.choice(("drop", "rename", "add", "double", "move", "type", "type", "nulls", "many", "metadata"))
    if action == "drop":
        table = table.remove_column(at)
    elif action == "rename":
        other = rng.choice(("", "x" * 300, "\x1b[2J", name.upper(), "a.b", "é", name + " "))
        table = table.rename_columns([other if place == at else one for place, one in enumerate(table.column_names)])
    elif action in ("add", "double"):
        table = table.append_column(name if action == "double" else "extra", column)
    elif action == "move":
        table = table.select([*[one for place, one in enumerate(range(table.num_columns)) if place != at], at])
    elif action == "type":
        table = table.set_column(at, name, _cast(column, rng.choice(_KINDS), rng))
    elif action == "nulls":
        table = table.set_column(at, name, pa.nulls(table.num_rows, column.type))
    elif action == "many":
        for number in range(rng.choice((5, 120))):
            table = table.append_column(f"c{number}", column)
    else:
        table = table.replace_schema_metadata(
            {"pandas": "{", "huggingface": "[", "ARROW:schema": "AAAA", "reason": "\x1b" * 9}
        )
    return _write(path, table, rng)


def values(path: Path, rng: random.Random) -> None:
    """Put odd values into some rows of a column."""
    table = _read(path)
    if table is None or not (table.num_rows and table.num_columns):
        return damage(path, rng)
    at = rng.randrange(table.num_columns)
    column = table.column(at)
    content = column.to_pylist()
    rows = range(len(content)) if rng.random() < 0.1 else rng.sample(range(len(content)), min(3, len(content)))
    value = _odd(column.type, content, rng)
    for row in rows:
        content[row] = value
    try:
        array = pa.array(content, column.type)
    except (pa.ArrowException, OverflowError, UnicodeEncodeError, TypeError, ValueError):
        return damage(path, rng)
    return _write(path, table.set_column(at, table.column_names[at], array), rng)


def rows(path: Path, rng: random.Random) -> None:
    """Leave out, repeat or shuffle rows."""
    table = _read(path)
    if table is None:
        return damage(path, rng)
    count = table.num_rows
    action = rng.choice(("none", "one", "half", "twice", "shuffle", "many"))
    if action == "many":
        table = pa.concat_tables([table] * rng.choice((3, 20)))
    else:
        order = {
            "none": [], "one": [0] if count else [], "half": list(range(count // 2)),
            "twice": [*range(count), *range(min(count, 1))], "shuffle": rng.sample(range(count), count),
        }[action]  # fmt: skip
        table = table.take(pa.array(order, pa.int64()))
    return _write(path, table, rng)


def bomb(path: Path, rng: random.Random) -> None:
    """A small file that unpacks to much: one value of a dictionary in every row."""
    table = _read(path)
    if table is None or not table.num_columns:
        return damage(path, rng)
    count = rng.choice((50_000, 50_000, 50_000, 300_000))
    zeros = pa.array(np.zeros(count, np.int32))
    columns_ = []
    for field in table.schema:
        if pa.types.is_string(field.type):
            text = "x" * rng.choice((1, 100, 5_000, 20_000))
            columns_.append(pa.DictionaryArray.from_arrays(zeros, [text]))
        else:
            columns_.append(pa.nulls(count, field.type))
    path.unlink()
    pq.write_table(pa.table(columns_, table.schema.names), path, compression="zstd", row_group_size=count)
    return None


def invalid_text(path: Path, rng: random.Random) -> None:
    """Bytes that are no UTF-8 in a column of texts."""
    table = _read(path)
    names = [] if table is None else [field.name for field in table.schema if pa.types.is_string(field.type)]
    if table is None or not names or not table.num_rows:
        return damage(path, rng)
    at = table.column_names.index(rng.choice(names))
    raw = [b"\xff\xfe" + (text or "").encode() for text in table.column(at).to_pylist()]
    array = pa.array(raw, pa.binary())
    array = pa.Array.from_buffers(pa.string(), len(array), array.buffers())
    return _write(path, table.set_column(at, table.column_names[at], array), rng)


def damage_pages(path: Path, rng: random.Random) -> None:
    """Damage the pages of a file without compression or checksums: what they say is then read."""
    table = _read(path)
    if table is None:
        return damage(path, rng)
    path.unlink()
    pq.write_table(table, path, compression="none", use_dictionary=rng.random() < 0.5, write_page_checksum=False)
    return (damage if rng.random() < 0.6 else damage_end)(path, rng)


def _read(path: Path) -> pa.Table | None:
    try:
        opened = pq.ParquetFile(path)
        return opened.read() if opened.metadata.num_rows < _MOST else None  # a bomb stays one
    except (pa.ArrowException, OSError, ValueError):  # damaged by another mutation
        return None


def _write(path: Path, table: pa.Table, rng: random.Random) -> None:
    options: dict[str, Any] = {
        "compression": rng.choice(("zstd", "none", "snappy", "gzip", "lz4", "brotli")),
        "row_group_size": rng.choice((None, None, 1, 7)) if table.num_rows < 2_000 else None,
        "data_page_version": rng.choice(("1.0", "2.0")),
        "store_schema": rng.random() < 0.8,
    }  # fmt: skip
    path.unlink()
    try:
        pq.write_table(table, path, **options)
    except (pa.ArrowException, OSError):  # a type that parquet doesn't know
        replace(path, b"PAR1" + rng.randbytes(50) + b"PAR1")


def _cast(column: pa.ChunkedArray, kind: pa.DataType, rng: random.Random) -> Any:
    try:
        return column.cast(kind)
    except (pa.ArrowException, OverflowError):
        pass
    size = len(column)
    plain: Any = {"list": ["a"], "struct": {"a": 1}}.get(str(kind).partition("<")[0])
    try:
        return pa.array([plain if plain is not None else rng.choice((0, None))] * size, kind)
    except (pa.ArrowException, TypeError, ValueError):
        return pa.nulls(size, kind)


def _odd(kind: pa.DataType, content: list[Any], rng: random.Random) -> Any:
    if pa.types.is_floating(kind):
        return rng.choice((*NUMBERS, None))
    if pa.types.is_integer(kind):
        return rng.choice((*WHOLE, None))
    if pa.types.is_boolean(kind):
        return rng.choice((True, False, None))
    if pa.types.is_string(kind):
        return rng.choice((*(value for value in VALUES if value is None or type(value) is str), rng.choice(content)))
    if pa.types.is_struct(kind):
        return rng.choice(
            (None, {"bytes": None, "path": None}, {"bytes": b"", "path": ""}, {"bytes": rng.randbytes(50)})
        )
    return None


PARQUET: tuple[Mutator, ...] = (
    columns, columns, values, values, values, rows, bomb, invalid_text, damage, damage_end, damage_end, damage_pages,
    damage_pages, other_kind,
)  # fmt: skip
