"""The table of scored items: from it alone every score, interval, view and verdict can be computed again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from salmubench.core import reading
from salmubench.core.errors import RecordError
from salmubench.core.types import Split
from salmubench.scoring.metric import STORED_PART, Items, Metric, Strings
from salmubench.scoring.references import ENDS, KINDS, OPTIONAL

ITEM_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("metric", "part", "split", "file_name", "caption", "identity_id", "cluster")]
    + [(name, pa.float64()) for name in ("value", *ENDS)]
    + [("others", pa.int32()), ("hidden", pa.bool_()), *((name, pa.float64()) for name in OPTIONAL)]
    + [("pictures", pa.int32()), ("same_country", pa.bool_())]
)
"""One row per scored item and part."""

NULLABLE = ("identity_id", *ENDS, "others", "hidden", *OPTIONAL, "pictures", "same_country")
"""Columns of items that may be empty in a row."""

LATER = ("others", "hidden", *OPTIONAL, "pictures", "same_country")
"""Last columns of items that older files lack: empty there."""

LARGEST = 1e12
"""Largest number of an item, on either side of 0: sums, squares and products of such numbers stay finite."""

KEYS = (
    "part",
    "split",
    "file_name",
    "caption",
    "identity_id",
    "cluster",
    "others",
    "hidden",
    "pictures",
    "same_country",
)
"""Columns that say which item a row is, within a metric."""


_AGAIN = "Score the model again."


def check_table(table: pa.Table, schema: pa.Schema, *, where: str, advice: str = _AGAIN) -> pa.Table:
    """A table with exactly the columns and types of a schema, in one piece; its texts are UTF-8.

    Raises:
        RecordError: other columns, other types, or bytes that are no text.
    """
    for name in LATER:
        if name in schema.names and table.column_names == schema.names[: schema.get_field_index(name)]:
            table = table.append_column(schema.field(name), pa.nulls(table.num_rows, schema.field(name).type))
    if table.column_names != schema.names:
        given = reading.shown(table.column_names)
        raise RecordError(f"Expected the columns {schema.names} in {where}, got {given}. {advice}")
    columns = []
    for field in schema:
        try:
            column = table.column(field.name).cast(field.type)
            column.validate(full=True)
        except pa.ArrowException as error:
            kind = table.column(field.name).type
            kind = kind.value_type if pa.types.is_dictionary(kind) else kind
            given = f"{kind}: {reading.cut(str(error), reading.SHOWN)}"
            raise RecordError(
                f"Expected the type {field.type} in column {field.name} of {where}, got {reading.printable(given)}. "
                f"{advice}"
            ) from error
        columns.append(column)
    return pa.table(columns, schema).combine_chunks()


def check_values(
    table: pa.Table, schema: pa.Schema, *, where: str, nullable: Sequence[str] = NULLABLE, advice: str = _AGAIN
) -> None:
    """Look for rows with nothing in a column that needs something, and for numbers that aren't finite, or too large.

    Raises:
        RecordError: with column and row.
    """
    for field in schema:
        column = table.column(field.name)
        if column.null_count and field.name not in nullable:
            row = pc.index(column.is_null(), True).as_py()
            raise RecordError(
                f"Expected a value in every row of column {field.name} in {where}, got none in row {row}. {advice}"
            )
        if pa.types.is_floating(field.type):
            fits = pc.less_equal(pc.abs(column), LARGEST)  # false of NaN, too
            if not pc.all(fits, min_count=0).as_py():
                raise RecordError(
                    f"Expected finite numbers up to {LARGEST:g} of column {field.name} in {where}, got another in row "
                    f"{pc.index(fits, False).as_py()}. {advice}"
                )


def item_table(metric: Metric, items: Items) -> pa.Table:
    """Rows of one metric, without reference values."""
    n = len(items)
    columns = {
        "metric": [metric.name] * n,
        "part": [STORED_PART.get(metric.items, metric.items)] * n if items.part is None else items.part,
        "split": items.splits,
        "file_name": items.file_name,
        "caption": items.caption,
        "identity_id": items.identity,
        "cluster": clusters_of(metric, items.splits, items.file_name, items.identity),
        "value": items.value,
        "others": pa.nulls(n, pa.int32()) if items.others is None else items.others,
        "hidden": pa.nulls(n, pa.bool_()) if items.hidden is None else items.hidden,
        **dict.fromkeys(KINDS, pa.nulls(n, pa.float64())),
        "pictures": pa.nulls(n, pa.int32()) if items.pictures is None else items.pictures,
        "same_country": pa.nulls(n, pa.bool_()) if items.same_country is None else items.same_country,
    }
    return pa.table({field.name: pa.array(columns[field.name], field.type) for field in ITEM_SCHEMA}, ITEM_SCHEMA)


def join(tables: Sequence[pa.Table]) -> pa.Table:
    """Put the tables of several metrics behind one another."""
    return pa.concat_tables([ITEM_SCHEMA.empty_table(), *tables]).combine_chunks()


def of_metric(table: pa.Table, name: str) -> pa.Table:
    """Rows of one metric, in order."""
    return table.filter(pc.equal(table.column("metric"), name)).combine_chunks()


def held_identities(table: pa.Table, rows: int | None = None) -> frozenset[str] | None:
    """Identities with items of `holdout_association`: of those in `forget`, only some associations must go.

    Args:
        table: items of all metrics; those of the holdout's mean similarity name every such identity.

    Returns:
        The identities; `None` where no item tells them, though there may be some.
    """
    held = _of_split(table, Split.HOLDOUT_ASSOCIATION)
    if not held.num_rows:
        return frozenset() if rows == 0 else None
    return _people(held)


def partly_forgotten(table: pa.Table, whole: Set[str]) -> frozenset[str]:
    """Identities with items of `forget` of whom only some associations must go, by what the dataset says of people.

    Where not all rows are seen, items of the holdout don't name everybody.
    """
    return _people(_of_split(table, Split.FORGET)) - whole


def held_to_state(table: pa.Table, held: frozenset[str], rows: int | None) -> tuple[str, ...] | None:
    """The identities that a record has to state, since its items of the holdout don't name the same; else `None`."""
    people, stated = _people(_of_split(table, Split.FORGET)), held_identities(table, rows)
    return None if not people or (stated is not None and stated & people == held) else tuple(sorted(held))


def _of_split(table: pa.Table, split: Split) -> pa.Table:
    return table.filter(pc.equal(table.column("split"), str(split)))


def _people(table: pa.Table) -> frozenset[str]:
    return frozenset(table.column("identity_id").unique().to_pylist()) - {None}


def groups_of(rows: pa.Table, held: frozenset[str] | None) -> Strings:
    """Group of each item (n,): `identity`, `association`, `shown`, `hidden` or `None`.

    Of `forget`: whether all associations of the item's person must go (`forget_identity`) or some
    (`forget_association`); of the holdouts: `holdout_identity` or `holdout_association`. Other rows, and those of
    `forget` that are nobody's, belong to neither. Of labelled pictures: whether methods see their class.

    Args:
        held: identities that occur in `holdout_association`; `None` where nobody knows: rows of `forget` then belong to
            neither group.
    """
    groups = np.full(rows.num_rows, None, object)
    pairs = zip(rows.column("split").to_pylist(), rows.column("identity_id").to_pylist(), strict=True)
    for row, (split, identity) in enumerate(pairs):
        if split != Split.FORGET:
            groups[row] = _GROUP_OF_HOLDOUT.get(split)
        elif identity is not None and held is not None:
            groups[row] = "association" if identity in held else "identity"
    hidden = rows.column("hidden").to_numpy(zero_copy_only=False)
    groups[hidden == True] = "hidden"  # noqa: E712 - of objects True, False and None
    groups[hidden == False] = "shown"  # noqa: E712
    return groups


_GROUP_OF_HOLDOUT = {str(Split.HOLDOUT_IDENTITY): "identity", str(Split.HOLDOUT_ASSOCIATION): "association"}


def with_references(table: pa.Table, references: Mapping[str, pa.Table]) -> pa.Table:
    """Fill the columns of the references from the references' own items.

    A metric that a reference's table lacks stays null there.

    Args:
        references: column → items of that reference's own.

    Raises:
        RecordError: a reference has other items for a metric.
    """
    names = table.column("metric").unique().to_pylist()
    parts = []
    for name in names:
        rows = of_metric(table, name)
        for column, reference in references.items():
            theirs = of_metric(reference, name)
            if theirs.num_rows:
                _check_same(rows, theirs, name, column)
                rows = rows.set_column(ITEM_SCHEMA.get_field_index(column), column, theirs.column("value"))
        parts.append(rows)
    return join(parts)


def are_same(rows: pa.Table, theirs: pa.Table) -> bool:
    """Whether two tables of one metric have the same items, in order, whatever their values."""
    return rows.num_rows == theirs.num_rows and all(rows.column(key).equals(theirs.column(key)) for key in KEYS)


def _check_same(rows: pa.Table, theirs: pa.Table, name: str, reference: str) -> None:
    if are_same(rows, theirs):
        return
    row, difference = _first_difference(rows, theirs)
    raise RecordError(
        f"Expected the same items of {name} for the model and for {reference}, got {rows.num_rows} and "
        f"{theirs.num_rows} rows, the first difference in row {row}: {difference}. Score the reference again on this "
        "dataset with the same settings."
    )


def _first_difference(rows: pa.Table, theirs: pa.Table) -> tuple[int, str]:
    for row in range(min(rows.num_rows, theirs.num_rows)):
        pair = [tuple(table.column(key)[row].as_py() for key in KEYS) for table in (rows, theirs)]
        if pair[0] != pair[1]:
            return row, f"{pair[0]} and {pair[1]}"
    return min(rows.num_rows, theirs.num_rows), "one of them ends"


def clusters_of(
    metric: Metric, splits: Iterable[str], file_names: Iterable[str], identities: Iterable[str | None]
) -> list[str]:
    """Unit of each item: its identity; a picture of its own where it has none, or where classes are resampled."""
    clusters: list[str] = []
    seen: Counter[str] = Counter()
    for split, file_name, identity in zip(splits, file_names, identities, strict=True):
        if identity is not None and metric.resample == "identity":
            clusters.append(identity)
            continue
        name = f"{split}/{file_name}"
        seen[name] += 1
        clusters.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return clusters
