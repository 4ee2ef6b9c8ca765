"""Compare a submission with its checkpoint, encoded and scored again, or with its embeddings, scored again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from salmubench.leaderboard.findings import Finding, Loaded
from salmubench.leaderboard.submission import INFO, RECORDS
from salmubench.scoring import items as item_tables
from salmubench.scoring.metric import Metric, is_cosine, main_part
from salmubench.scoring.record import RunRecord

_ITEMS = "record.items.parquet"


def compare_rerun(
    loaded: Loaded, again: RunRecord, items: pa.Table, *, metrics: Mapping[str, Metric], tolerance: float
) -> Iterator[Finding]:
    """Compare a submission with its checkpoint, encoded and scored again.

    Args:
        loaded: the submission.
        again: the new record.
        items: its items.
        metrics: name → description of the package's metrics.
        tolerance: by which a similarity may differ: precision and processor move embeddings.
    """
    yield from _model_findings(loaded, again, "rerun")
    if again.dataset.fingerprint != loaded.record.dataset.fingerprint:
        return
    for name, column, text in _apart(loaded.items["record"], items, metrics, ("value",), tolerance):
        yield Finding("rerun", _ITEMS, f"Expected {column} of {name} as the checkpoint gives it, {text}.")
    for metric, part, first, second, _ in _numbers(loaded.record, again, metrics):
        if not metrics[metric].binary and abs(first - second) > max(tolerance, 0.01):
            yield Finding("rerun", RECORDS["record"], f"Expected {metric} {part} about {second:.4f}, got {first:.4f}.")


def compare_embeddings(
    loaded: Loaded, again: RunRecord, items: pa.Table, *, metrics: Mapping[str, Metric], tolerance: float
) -> Iterator[Finding]:
    """Compare a submission with its own embeddings, scored again: nothing but rounding may differ.

    Args:
        loaded: the submission.
        again: the new record.
        items: its items.
        metrics: name → description of the package's metrics.
        tolerance: by which a similarity may differ.
    """
    yield from _model_findings(loaded, again, "embeddings")
    columns = ("value", *(role for role in loaded.records if role != "record"))
    for name, column, text in _apart(loaded.items["record"], items, metrics, columns, tolerance):
        yield Finding("embeddings", _ITEMS, f"Expected {column} of {name} as the embeddings give it, {text}.")
    for metric, part, first, second, n in _numbers(loaded.record, again, metrics):
        if abs(first - second) > max(0.01, 2 / max(n, 1)):  # a rank or an answer may flip by rounding
            text = f"Expected {metric} {part} as the embeddings give it, {second:.6f}, got {first:.6f}."
            yield Finding("embeddings", RECORDS["record"], text)


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


def _apart(
    submitted: pa.Table, again: pa.Table, metrics: Mapping[str, Metric], columns: Sequence[str], tolerance: float
) -> Iterator[tuple[str, str, str]]:
    """Metric, column and where similarities are furthest apart, of those that are too far."""
    for name in (name for name, metric in metrics.items() if is_cosine(metric)):
        ours, theirs = (item_tables.of_metric(table, name) for table in (submitted, again))
        if ours.num_rows != theirs.num_rows or not ours.column("caption").equals(theirs.column("caption")):
            yield name, "items", f"{theirs.num_rows:,}, got {ours.num_rows:,} or others"
            continue
        for column in columns if ours.num_rows else ():
            claimed, found = (table.column(column).to_numpy(zero_copy_only=False) for table in (ours, theirs))
            worst = int(abs(claimed - found).argmax())
            if not abs(claimed[worst] - found[worst]) <= tolerance:
                yield name, column, f"{found[worst]:.6f} in row {worst}, got {claimed[worst]:.6f}"


def _numbers(
    record: RunRecord, again: RunRecord, metrics: Mapping[str, Metric]
) -> Iterator[tuple[str, str, float, float, int]]:
    """Metric, main part, its number as submitted and again, and n, of metrics that are no means of similarities."""
    for name, metric in metrics.items():
        part = main_part(metric.items)
        pair = [one.scores.get(name, {}).get(part) for one in (record, again)]
        values = [None if score is None else score.value for score in pair]
        if not is_cosine(metric) and values[0] is not None and values[1] is not None and pair[1] is not None:
            yield name, part, values[0], values[1], pair[1].n
