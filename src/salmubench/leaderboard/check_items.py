"""What can be wrong with the items and the gallery of a submission: rows, references, ranges."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from salmubench.scoring import items as item_tables
from salmubench.scoring.fact_ranks import FEWEST
from salmubench.scoring.failure_modes import mode_on
from salmubench.scoring.metric import SOURCES, Metric, is_cosine, known, parts_of, stranger
from salmubench.scoring.record import RunRecord
from salmubench.scoring.references import ENDS, KINDS

Metrics = Mapping[str, Metric]
"""Name → description of the package's metrics; of others nothing is known but what their record says."""

_DRAWN = 1000  # captions of each source in the gallery, all where there are fewer: a constant of the protocol
_SUM = 1e-9  # by which a difference may be off
_AMONG = ("fact_rank", "fact_mean")  # items that state among how many others
_ROUNDING = 1e-4  # by which a cosine of float32 vectors may pass 1


def gallery_problems(gallery: pa.Table, items: pa.Table, record: RunRecord, metrics: Metrics) -> Iterator[str]:
    """What the protocol says about the gallery and this one doesn't keep."""
    sources = gallery.column("source")
    strange = sorted({str(name) for name in pc.unique(sources).to_pylist()} - {"forget", "retain_disjoint"})
    if strange:
        yield f"Expected the sources forget and retain_disjoint, got {strange[0]!r}."
    forget, disjoint = (
        rows_of(gallery.filter(pc.equal(sources, name)), "file_name", "caption")
        for name in ("forget", "retain_disjoint")
    )
    for name, drawn in (("forget", forget), ("retain_disjoint", disjoint)):
        if len(set(drawn)) < len(drawn):
            yield f"Expected rows of {name} drawn without replacement, got one twice."
    pairs = rows_of(_items_on(items, metrics, "forget", whole=True), "file_name", "caption")
    if pairs:
        there = set(pairs)
        foreign = next((row for row in forget if row not in there), None)
        if foreign is not None:
            yield f"Expected captions of forget that the items have, got another: {str(foreign[1])[:80]!r}."
        yield from _size(len(forget), len(pairs), "forget", len(pairs))
    joint = _items_on(items, metrics, "retain_joint").num_rows
    generic = record.dataset.counts.get("retain_synth")
    if generic is not None and generic >= joint:
        yield from _size(len(disjoint), generic - joint, "retain_disjoint", _disjoint(items, record, metrics))


def item_problems(
    items: pa.Table, references: Mapping[str, pa.Table], record: RunRecord, metrics: Metrics, *, gallery_rows: int
) -> Iterator[str]:
    """Rows that don't fit the dataset or the references, and values that can't be."""
    names = [str(name) for name in items.column("metric").unique().to_pylist()]
    for name in sorted(set(names) - set(record.scores)):
        yield f"Expected items of the record's metrics only, got {name[:40]!r}."
    yield from _absent(names, record, metrics)
    for name in names:
        submitted = item_tables.of_metric(items, name)
        yield from _row_problems(name, submitted, record, metrics.get(name))
        yield from _value_problems(name, submitted, gallery_rows, metrics.get(name))
        for kind, table in references.items():
            yield from _reference_problems(name, submitted, item_tables.of_metric(table, name), kind)
    for kind, table in references.items():
        for name in table.column("metric").unique().to_pylist():
            if name not in names:
                yield f"Expected items of {name!s:.40}, which {kind} has, got none."


def own_problems(kind: str, table: pa.Table) -> Iterator[str]:
    """Columns that a reference's own items can't have filled: nobody judges Clean or Compromised."""
    for column in KINDS if kind in ENDS else ():
        if table.column(column).null_count != table.num_rows:
            yield f"Expected no values in column {column} of {kind}'s own items, got some."


def _absent(names: Sequence[str], record: RunRecord, metrics: Metrics) -> Iterator[str]:
    """Metrics that can't be without items: with one for each row of a split, or such as a failure mode rests on."""
    for name, metric in metrics.items():
        if metric.every_row and metric.split and record.dataset.counts.get(metric.split) and name not in names:
            yield f"Expected items of {name}, one for each row of {metric.split}, got none."
        mode = None if metric.role is None else mode_on(metric.role)
        if mode is not None and record.schema_version > 1 and name not in names:
            yield f"Expected items of {name}, by which {mode.word} is judged, got none."


def keys_digest(items: pa.Table, metrics: Metrics) -> str:
    """Hash of which items of the package's metrics were scored, whatever their values."""
    digest = hashlib.sha256()
    items = items.filter(pc.is_in(items.column("metric"), value_set=pa.array(list(metrics), pa.string())))
    for name in ("metric", *item_tables.KEYS):
        column = items.column(name).combine_chunks().cast(pa.string())
        encoded = column.dictionary_encode()
        encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
        digest.update("\x1f".join(str(text) for text in encoded.dictionary.to_pylist()).encode())
        digest.update(pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64).tobytes())
    return digest.hexdigest()


def _disjoint(items: pa.Table, record: RunRecord, metrics: Metrics) -> int:
    """Fewest rows of retain_disjoint there can be: rows of retain_synth may belong to people outside forget, too."""
    fragile: int = _items_on(items, metrics, "fragile_set").num_rows
    tenth = record.fragile_set is not None and record.fragile_set.source == "compromised"
    return 10 * (fragile - 1) + 1 if fragile and tenth else fragile


def _size(count: int, of: int, source: str, least: int) -> Iterator[str]:
    most, fewest = min(_DRAWN, of), min(_DRAWN, least)
    if not fewest <= count <= most:
        expected = f"{most:,}" if fewest == most else f"{fewest:,} to {most:,}"
        yield f"Expected {expected} captions of {source} in the gallery, got {count:,}."


def _row_problems(name: str, table: pa.Table, record: RunRecord, metric: Metric | None) -> Iterator[str]:
    split = metric.split if metric is not None and metric.every_row else None
    rows = record.dataset.counts.get(split) if split else None
    if rows is not None and table.num_rows != rows:
        yield f"Expected {rows:,} items of {name}, one for each row of {split}, got {table.num_rows:,}."
    for key in ("part", "split", "file_name", "caption", "cluster"):
        if table.column(key).null_count:
            yield f"Expected a text in every row of column {key} of {name}, got none in some."
            return
    if split and pc.any(pc.not_equal(table.column("split"), split)).as_py():
        yield f"Expected all items of {name} from {split}, got others."
    if metric is not None:
        columns = (table.column(key).to_pylist() for key in ("split", "file_name", "identity_id"))
        if table.column("cluster").to_pylist() != item_tables.clusters_of(metric, *columns):
            yield f"Expected each item of {name} to be resampled with its person or its picture, got other clusters."
    keys = table.select(["part", "file_name", "caption", "cluster"])
    if keys.group_by(keys.column_names).aggregate([]).num_rows < table.num_rows:
        yield f"Expected each item of {name} once, got one twice."


def _others_problems(name: str, table: pa.Table, metric: Metric) -> Iterator[str]:
    others = table.column("others")
    if metric.items not in _AMONG:
        if others.null_count < table.num_rows:
            yield f"Expected no numbers in column others of {name}, got some."
    elif others.null_count or pc.min(others).as_py() < FEWEST:
        yield f"Expected {FEWEST} or more in every row of column others of {name}, got less or none in some."


def _mean_problems(name: str, table: pa.Table, metric: Metric) -> Iterator[str]:
    """Of means over pictures: parts that there are, pictures behind each, and what is known less strangers'."""
    if metric.items != "fact_mean":
        for column in ("pictures", "same_country"):
            if table.column(column).null_count < table.num_rows:
                yield f"Expected nothing in column {column} of {name}, got some."
        return
    stored = table.column("part")
    parts = pa.array([part.stored for part in parts_of(metric.items).values()])
    if not pc.all(pc.is_in(stored, value_set=parts)).as_py():
        yield f"Expected in column part of {name} only names of its parts, got others."
        return
    pictures = table.column("pictures")
    if pictures.null_count or pc.min(pictures).as_py() < 1:
        yield f"Expected 1 or more in every row of column pictures of {name}, got less or none in some."
    for source in SOURCES:
        of = (known(source), f"mrr_{source}", stranger(source))
        sides = [table.filter(pc.equal(stored, part)) for part in of]
        facts = [side.select(["split", "file_name", "caption", "identity_id"]) for side in sides]
        if not facts[0].equals(facts[1]) or not facts[0].equals(facts[2]):
            yield f"Expected the same facts in the parts {', '.join(of)} of {name}, got others."
            continue
        for column in ("value", *KINDS):
            less, value, control = (side.column(column) for side in sides)
            if (
                not less.null_count
                and pc.any(pc.greater(pc.abs(pc.subtract(less, pc.subtract(value, control))), _SUM)).as_py()
            ):
                yield f"Expected {of[0]} to be {of[1]} less {of[2]} in column {column} of {name}, got another number."


def _hidden_problems(name: str, table: pa.Table, metric: Metric) -> Iterator[str]:
    hidden = table.column("hidden")
    if hidden.null_count == table.num_rows:
        return
    if "hidden" not in metric.groups:
        yield f"Expected nothing in column hidden of {name}, got some."
    elif hidden.null_count:
        yield f"Expected true or false in every row of column hidden of {name}, got none in some."
    elif len(set(rows_of(table, "caption", "hidden"))) > len(table.column("caption").unique()):
        yield f"Expected each class of {name} hidden in all rows or in none, got both."


def _value_problems(name: str, table: pa.Table, gallery_rows: int, metric: Metric | None) -> Iterator[str]:
    if metric is not None:
        yield from _hidden_problems(name, table, metric)
        wrong_others = list(_others_problems(name, table, metric))
        yield from wrong_others
        if wrong_others:
            return
        yield from _mean_problems(name, table, metric)
    others = table.column("others").to_numpy() if metric is not None and metric.items == "fact_rank" else None
    may_be_negative = pc.fill_null(pc.starts_with(table.column("part"), known("")), False).to_numpy()
    for column in ("value", *KINDS):
        stored = table.column(column)
        if column != "value" and stored.null_count == table.num_rows:
            continue
        if stored.null_count:
            yield f"Expected a number in every row of column {column} of {name}, got none in some."
            continue
        values = stored.to_numpy()
        if not (np.abs(values) <= item_tables.LARGEST).all():
            yield f"Expected finite numbers in column {column} of {name}, got others."
            continue
        if metric is not None and metric.items == "fact_mean":
            bad = values[(np.abs(values) > 1) | ((values < 0) & ~may_be_negative)]
            if len(bad):
                what = "shares from 0 to 1 and differences of them"
                yield f"Expected {what} in column {column} of {name}, got {bad[0]:g}."
            continue
        wrong = None if metric is None else _impossible(metric, values, gallery_rows, others)
        if wrong is not None:
            yield f"Expected {wrong[0]} in column {column} of {name}, got {wrong[1]:g}."


def _impossible(metric: Metric, values: Any, gallery_rows: int, others: Any) -> tuple[str, float] | None:
    """What the values should be and the first that isn't; `None` where all can be."""
    if metric.items == "fact_rank":
        bad = (values < 1) | (values > others + 1) | (values * 2 != np.round(values * 2))
        expected = "ranks from 1 to others + 1 in halves"
    elif metric.items == "rank":
        bad = (values < 1) | (values > gallery_rows + 1) | (values * 2 != np.round(values * 2))
        expected = f"ranks from 1 to {gallery_rows + 1:,} in halves"
    elif metric.items == "reciprocal":
        bad, expected = (values <= 0) | (values > 1), "reciprocal ranks above 0, up to 1"
    elif metric.binary:
        bad, expected = (values != 0) & (values != 1), "1 (right) or 0 (wrong)"
    elif is_cosine(metric):
        bad, expected = np.abs(values) > 1 + _ROUNDING, "cosines from −1 to 1"
    elif metric.range is not None:
        low, high = metric.range
        bad, expected = (values < low) | (values > high), f"values from {low:g} to {high:g}"
    else:
        return None
    where = np.flatnonzero(bad)
    return (expected, float(values[where[0]])) if len(where) else None


def rows_of(table: pa.Table, *columns: str) -> list[tuple[Any, ...]]:
    """The values of some columns, row by row."""
    return list(zip(*(table.column(name).to_pylist() for name in columns), strict=True))


def _items_on(items: pa.Table, metrics: Metrics, split: str, *, whole: bool = False) -> pa.Table:
    """Items of the first metric that is about a split (`whole`: about each of its rows)."""
    names = (name for name, metric in metrics.items() if metric.split == split and (metric.every_row or not whole))
    return item_tables.of_metric(items, next(names, ""))


def _reference_problems(name: str, submitted: pa.Table, theirs: pa.Table, kind: str) -> Iterator[str]:
    if not theirs.num_rows:
        if submitted.column(kind).null_count < submitted.num_rows:
            yield f"Expected no values in column {kind} of {name}, which {kind} lacks, got some."
        return
    if not item_tables.are_same(submitted, theirs):
        yield f"Expected the same items of {name} as in {kind}'s own table, got others."
    elif not submitted.column(kind).equals(theirs.column("value")):
        yield f"Expected column {kind} of {name} to hold the values of {kind}'s own table, got others."
