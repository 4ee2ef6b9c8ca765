"""The rows of attacks, `<record>.attacks.parquet`: their columns, reading, references beside the model's own.

A row is one pair (or one picture of general knowledge) under one variant of one attack with one seed; `rank` or `score`
is the model's own, the references' columns hold the same of theirs under the same attack.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from salmubench.core import tables
from salmubench.core.errors import RecordError
from salmubench.scoring.items import check_table, check_values
from salmubench.scoring.metric import Floats, Strings
from salmubench.scoring.references import KINDS

SUFFIX = ".attacks.parquet"
"""Behind the record's stem."""
REFERENCES = (*KINDS, "second_clean")
"""Models that are attacked alike; all but Compromised never saw the facts, those after it are optional."""
SCHEMA = pa.schema(
    [("attack", pa.string()), ("variant", pa.string()), ("seed", pa.int32())]
    + [(name, pa.string()) for name in ("file_name", "identity", "group", "part")]
    + [(name, pa.float64()) for name in ("rank", "score", *REFERENCES)]
)
KEYS = SCHEMA.names[:7]
"""Columns that say which number a row is."""
PARTS = ("leakage", "fact")
"""Roles of the metrics whose ranks an attack is read by: parts of its rows."""
OTHER = "fact_other"
"""Role of the metric that asks facts of V of portraits that no model has seen, where a dataset has some; its rows are
scores, not ranks."""
GENERAL = "general"
"""Part of the rows about general knowledge: 1 right, 0 wrong."""
OWN = "value"
"""The model's own numbers among `AttackRows`."""
AGAIN = "Attack the model again."
"""What to do about rows that are wrong."""

_NULLABLE = ("identity", "group", "rank", "score", *REFERENCES)
_LIMITS = tables.TableLimits(text=1_000)


def with_references(table: pa.Table, references: Mapping[str, pa.Table | None]) -> pa.Table:
    """Fill the references' columns from the rows of their own attacks.

    Args:
        references: name → rows of the same attack on it; `None` where it isn't given.

    Raises:
        ValueError: a reference has other rows.
    """
    for name, theirs in references.items():
        if theirs is None:
            continue
        if theirs.num_rows != table.num_rows or not all(theirs.column(key).equals(table.column(key)) for key in KEYS):
            raise ValueError(f"{name} has other rows under this attack: its variants differ from model to model")
        column = pc.coalesce(theirs.column("rank"), theirs.column("score"))
        table = table.set_column(SCHEMA.get_field_index(name), name, column)
    return table


def read_rows(path: Path) -> pa.Table:
    """Read `<record>.attacks.parquet`.

    Raises:
        RecordError: missing, unreadable, other columns, nothing in a column that needs something, or numbers that
            aren't finite, too large, or ranks below 1.
    """
    if not path.is_file():
        raise RecordError(f"Expected the rows of attacks in {path}, got no such file. {AGAIN}")
    table = tables.read_table(path, error=RecordError, columns=SCHEMA.names, limits=_LIMITS, advice=AGAIN)
    table = check_table(table, SCHEMA, where=str(path), advice=AGAIN)
    check_values(table, SCHEMA, where=str(path), nullable=_NULLABLE, advice=AGAIN)
    ranked = table.filter(pc.is_valid(table.column("rank")))
    for name in ("rank", *REFERENCES):
        least = pc.min(ranked.column(name)).as_py()
        if least is not None and least < 1:
            raise RecordError(f"Expected ranks from 1 in column {name} of {path}, got less. {AGAIN}")
    return table


class AttackRows:
    """The rows of one attack as arrays (variants, rows of a seed).

    Raises:
        RecordError: variants on other pairs than one another.
    """

    def __init__(self, table: pa.Table) -> None:
        self._columns: dict[str, Strings] = {
            name: table.column(name).to_numpy(zero_copy_only=False).astype(object)
            for name in ("variant", "part", "identity", "group", "file_name")
        }
        self._seed: npt.NDArray[np.int64] = table.column("seed").to_numpy().astype(np.int64)
        ranked = ~np.isnan(_floats(table, "rank"))
        self._values: dict[str, Floats] = {}
        for name in (OWN, *REFERENCES):
            raw = (
                np.where(ranked, _floats(table, "rank"), _floats(table, "score"))
                if name == OWN
                else _floats(table, name)
            )
            self._values[name] = np.where(ranked, 1.0 / np.where(ranked, raw, 1.0), raw)
        self.parts = list(dict.fromkeys(self._columns["part"].tolist()))
        self.variants = list(dict.fromkeys(self._columns["variant"].tolist()))
        self.seeds = sorted(set(self._seed.tolist()))

    def has(self, reference: str) -> bool:
        """Whether a reference was attacked."""
        return bool(np.isfinite(self._values[reference]).any())

    def of(self, part: str, group: str | None, seed: int) -> tuple[list[str], Strings, dict[str, Floats]]:
        """Variants, identities (n,) and name → values (variants, n), of one part, group (`None`: all) and seed."""
        mask = (self._columns["part"] == part) & (self._seed == seed)
        if group is not None:
            mask &= self._columns["group"] == group
        variants = list(dict.fromkeys(self._columns["variant"][mask].tolist()))
        if not variants:
            return [], np.zeros(0, object), {name: np.zeros((0, 0)) for name in self._values}
        count = int(mask.sum())
        shape = (len(variants), count // len(variants))
        keys = {name: self._columns[name][mask] for name in ("variant", "identity", "group", "file_name")}
        if count % len(variants) or not _alike({name: column.reshape(shape) for name, column in keys.items()}):
            raise RecordError(
                f"Expected all variants of an attack on the same pairs, in the same order, got others in part "
                f"{part:.80}, seed {seed}. {AGAIN}"
            )
        identities = keys["identity"].reshape(shape)[0]
        return variants, identities, {name: values[mask].reshape(shape) for name, values in self._values.items()}


def _alike(keys: Mapping[str, Strings]) -> bool:
    """Whether each row (a variant) has one name, and the same pairs as the first."""
    names = keys["variant"]
    return bool((names == names[:, :1]).all()) and all(
        bool((column == column[:1]).all()) for name, column in keys.items() if name != "variant"
    )


def _floats(table: pa.Table, name: str) -> Floats:
    column = table.column(name)
    values: Floats = column.to_numpy(zero_copy_only=False).astype(np.float64)  # null → nan
    return values
