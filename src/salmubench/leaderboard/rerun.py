"""Compare a submission with its checkpoint, encoded and scored again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pyarrow as pa

from salmubench.leaderboard.findings import Finding, Loaded
from salmubench.leaderboard.submission import INFO, RECORDS
from salmubench.scoring import items as item_tables
from salmubench.scoring.metric import Metric, is_cosine, main_part
from salmubench.scoring.record import RunRecord


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
    model = loaded.record.model
    if again.model.weights != loaded.info.checkpoint_sha256:
        yield Finding(
            "rerun", INFO, f"Expected the checkpoint {loaded.info.checkpoint_sha256}, got {again.model.weights}."
        )
    elif model.weights_sha256 is not None and again.model.sha256 != model.sha256:
        yield Finding("rerun", INFO, "Expected the configuration that was judged beside these weights, got another.")
    if again.dataset.fingerprint != loaded.record.dataset.fingerprint:
        yield Finding("rerun", RECORDS["record"], "Expected the dataset of the submission, got another one.")
        return
    for name in (name for name, metric in metrics.items() if is_cosine(metric)):
        submitted, theirs = (item_tables.of_metric(table, name) for table in (loaded.items["record"], items))
        if submitted.num_rows != theirs.num_rows or not submitted.column("caption").equals(theirs.column("caption")):
            yield Finding("rerun", "record.items.parquet", f"Expected the same items of {name}, got others.")
        elif submitted.num_rows:
            apart = float(abs(submitted.column("value").to_numpy() - theirs.column("value").to_numpy()).max())
            if apart > tolerance:
                text = f"Expected similarities of {name} within {tolerance:g} of the checkpoint's, got {apart:.4f}."
                yield Finding("rerun", "record.items.parquet", text)
    whole = {name: main_part(one.items) for name, one in metrics.items() if not one.binary and not is_cosine(one)}
    for metric, part in whole.items():
        pair = [record.scores.get(metric, {}).get(part) for record in (loaded.record, again)]
        first, second = (None if score is None else score.value for score in pair)
        if first is not None and second is not None and abs(first - second) > max(tolerance, 0.01):
            yield Finding("rerun", RECORDS["record"], f"Expected {metric} {part} about {second:.4f}, got {first:.4f}.")
