"""Compare a submission with its checkpoint, encoded and scored again, or with its embeddings, scored again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from salmubench.leaderboard.findings import Finding, Loaded
from salmubench.leaderboard.submission import INFO, RECORDS
from salmubench.scoring import items as item_tables
from salmubench.scoring.metric import Floats, Metric, is_cosine
from salmubench.scoring.record import RunRecord

_ITEMS = "record.items.parquet"
_SWAPPED = 2.0  # ranks by which rounding moves a row at most
_FLIPS, _FLIPPED = 2, 0.002  # rows, and share of the rows, that rounding may change


def compare_rerun(
    loaded: Loaded, again: RunRecord, items: pa.Table, *, metrics: Mapping[str, Metric], tolerance: float
) -> Iterator[Finding]:
    """Compare a submission with its checkpoint, encoded and scored again.

    Args:
        metrics: name → description of the package's metrics.
        tolerance: by which a similarity may differ: precision and processor move embeddings.
    """
    yield from _model_findings(loaded, again, "rerun")
    if again.dataset.fingerprint != loaded.record.dataset.fingerprint:
        return
    for name, column, text in _apart(_pairs(loaded.items["record"], items, metrics), ("value",), tolerance):
        yield Finding("rerun", _ITEMS, f"Expected {column} of {name} as the checkpoint gives it, {text}.")
    for metric, part, first, second in _numbers(loaded.record, again, metrics):
        if abs(first - second) > max(tolerance, 0.01):
            yield Finding("rerun", RECORDS["record"], f"Expected {metric} {part} about {second:.4f}, got {first:.4f}.")


def compare_embeddings(
    loaded: Loaded, again: RunRecord, items: pa.Table, *, metrics: Mapping[str, Metric], tolerance: float
) -> Iterator[Finding]:
    """Compare a submission with its own embeddings, scored again: nothing but rounding may differ.

    Args:
        metrics: name → description of the package's metrics.
    """
    yield from _model_findings(loaded, again, "embeddings")
    columns = ("value", *(role for role in loaded.records if role != "record"))
    pairs = _pairs(loaded.items["record"], items, metrics)
    for name, column, text in [*_apart(pairs, columns, tolerance), *_flipped(pairs, columns)]:
        yield Finding("embeddings", _ITEMS, f"Expected {column} of {name} as the embeddings give it, {text}.")


def _model_findings(loaded: Loaded, again: RunRecord, code: str) -> Iterator[Finding]:
    model = loaded.record.model
    if again.model.weights != loaded.info.checkpoint_sha256:
        text = f"Expected the checkpoint {loaded.info.checkpoint_sha256}, got {again.model.weights}."
        yield Finding(code, INFO, text)
    elif model.weights_sha256 is not None and again.model.sha256 != model.sha256:
        yield Finding(code, INFO, "Expected the configuration that was judged beside these weights, got another.")
    if again.dataset.fingerprint != loaded.record.dataset.fingerprint:
        text = f"Expected the dataset {again.dataset.fingerprint:.64}, got {loaded.record.dataset.fingerprint:.64}."
        yield Finding(code, RECORDS["record"], text)


class _Pair(NamedTuple):
    """Items of a metric as submitted and again, and whether these are the same items."""

    name: str
    metric: Metric
    ours: pa.Table
    theirs: pa.Table
    same: bool


def _pairs(submitted: pa.Table, again: pa.Table, metrics: Mapping[str, Metric]) -> list[_Pair]:
    pairs = []
    for name, metric in metrics.items():
        ours, theirs = (item_tables.of_metric(table, name) for table in (submitted, again))
        pairs.append(_Pair(name, metric, ours, theirs, item_tables.are_same(ours, theirs)))
    return pairs


def _apart(pairs: Sequence[_Pair], columns: Sequence[str], tolerance: float) -> Iterator[tuple[str, str, str]]:
    """Metric, column and where similarities are furthest apart, of those that are too far; metrics with other items."""
    for name, metric, ours, theirs, same in pairs:
        if not same:
            yield name, "items", f"{theirs.num_rows:,}, got {ours.num_rows:,} or others"
            continue
        for column in columns if ours.num_rows and is_cosine(metric) else ():
            claimed, again = _values(ours, theirs, column)
            worst = int(abs(claimed - again).argmax())
            if not abs(claimed[worst] - again[worst]) <= tolerance:
                yield name, column, f"{again[worst]:.6f} in row {worst}, got {claimed[worst]:.6f}"


def _flipped(pairs: Sequence[_Pair], columns: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """The same of ranks and answers: of vectors that are nearly alike rounding may swap two, in a few rows."""
    for name, metric, ours, theirs, same in pairs:
        for column in columns if same and ours.num_rows and not is_cosine(metric) else ():
            claimed, again = _values(ours, theirs, column)
            differ = np.flatnonzero(~np.isclose(claimed, again, rtol=0, atol=1e-9))
            if metric.items in ("rank", "fact_rank") and len(differ):
                worst = differ[abs(claimed[differ] - again[differ]).argmax()]
                if abs(claimed[worst] - again[worst]) > _SWAPPED:
                    yield name, column, f"rank {again[worst]:g} in row {worst}, got {claimed[worst]:g}"
                    continue
            if len(differ) > max(_FLIPS, _FLIPPED * len(again)):
                yield name, column, f"but for a few rows, got {len(differ):,} others of {len(again):,}"


def _values(ours: pa.Table, theirs: pa.Table, column: str) -> tuple[Floats, Floats]:
    claimed, again = (table.column(column).to_numpy(zero_copy_only=False) for table in (ours, theirs))
    return claimed, again


def _numbers(
    record: RunRecord, again: RunRecord, metrics: Mapping[str, Metric]
) -> Iterator[tuple[str, str, float, float]]:
    """Metric, part, and its number as submitted and again, of metrics that aren't compared item by item."""
    for name, metric in metrics.items():
        if is_cosine(metric) or (metric.binary and metric.role is None):  # a classifier's answers flip too easily
            continue
        for part, score in record.scores.get(name, {}).items():
            other = again.scores.get(name, {}).get(part)
            if score.value is not None and other is not None and other.value is not None:
                yield name, part, score.value, other.value
