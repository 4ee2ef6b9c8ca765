"""Compare a submission with its checkpoint, encoded and scored again, or with its embeddings, scored again."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from salmubench.core import interruption
from salmubench.core.errors import SalmubenchError
from salmubench.leaderboard import intake, limits
from salmubench.leaderboard.check_items import Metrics
from salmubench.leaderboard.findings import Finding, Loaded
from salmubench.leaderboard.submission import INFO, RECORDS, SHARED, files_of
from salmubench.scoring import items as item_tables
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.metric import is_cosine
from salmubench.scoring.record import RunRecord
from salmubench.scoring.record_files import read_items, read_record

_TOLERANCE = 1e-4
"""By which a similarity of embeddings may differ: the same vectors, multiplied by another library."""
_FEWEST = 100  # resamples: the intervals follow from the items
_ITEMS = "record.items.parquet"
_SWAPPED = 2.0  # ranks by which rounding moves a row at most
_FLIPS, _FLIPPED = 2, 0.002  # rows, and share of the rows, that rounding may change


def compare_rerun(
    loaded: Loaded, again: RunRecord, items: pa.Table, *, metrics: Metrics, tolerance: float
) -> Iterator[Finding]:
    """Compare a submission with its checkpoint, encoded and scored again.

    Args:
        tolerance: by which a similarity may differ: precision and processor move embeddings.
    """
    yield from _model_findings(loaded, again, "rerun")
    if again.dataset.fingerprint != loaded.record.dataset.fingerprint:
        return
    for name, column, text in _apart(loaded.items["record"], items, metrics, ("value",), tolerance, ranks=False):
        yield Finding("rerun", _ITEMS, f"Expected {column} of {name} as the checkpoint gives it, {text}.")
    for name, metric in metrics.items():
        if is_cosine(metric) or (metric.binary and metric.role is None):  # a classifier's answers flip too easily
            continue
        for part, score in loaded.record.scores.get(name, {}).items():
            given, other = score.value, again.scores.get(name, {}).get(part)
            number = None if other is None else other.value
            if given is not None and number is not None and abs(given - number) > max(tolerance, 0.01):
                text = f"Expected {name} {part} about {number:.4f}, got {given:.4f}."
                yield Finding("rerun", RECORDS["record"], text)


def embedding_findings(folder: Path, loaded: Loaded, metrics: Metrics) -> Iterator[Finding]:
    """Score the embeddings of a submission again, where it has some, without a model; only rounding may differ.

    Args:
        loaded: its content, without a finding so far.
    """
    if not any((folder / name).is_file() for name in SHARED):
        return
    try:
        with limits.limited(), tempfile.TemporaryDirectory() as place:
            yield from _compared(folder, loaded, metrics, Path(place))
    except Exception as error:  # noqa: BLE001 - a stranger's arrays: whatever it is, it is theirs
        interruption.pass_on(error)
        foreign = f"Expected embeddings that can be scored, got {type(error).__name__}: {error}"
        text = str(error) if isinstance(error, SalmubenchError) else foreign
        yield Finding("embeddings", "", intake.plain_text(text, most=300))


def _compared(folder: Path, loaded: Loaded, metrics: Metrics, place: Path) -> Iterator[Finding]:
    from salmubench.metrics import score

    for role in loaded.records:
        (place / role).mkdir()
        for name, (_, file) in files_of([role]).items():
            _put(folder / name, place / role / file)
    out = score(
        **{"embeddings" if role == "record" else role: place / role for role in loaded.records},
        out=place / "again" / "record.json",
        config=stated_config(loaded.record),
    )
    yield from _model_findings(loaded, read_record(out), "embeddings")
    columns = ("value", *(role for role in loaded.records if role != "record"))
    items = loaded.items["record"], read_items(out)
    for name, column, text in _apart(*items, metrics, columns, _TOLERANCE, ranks=True):
        yield Finding("embeddings", _ITEMS, f"Expected {column} of {name} as the embeddings give it, {text}.")


def stated_config(record: RunRecord) -> ScoreConfig:
    """The options that the record was scored with, with as few resamples as can be: only numbers are compared."""
    return ScoreConfig() if record.protocol is None else ScoreConfig.of(record.protocol, bootstraps=_FEWEST)


def _put(source: Path, target: Path) -> None:
    """The same file under another name; a copy where the place is on another disk."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


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
    submitted: pa.Table, again: pa.Table, metrics: Metrics, columns: Sequence[str], tolerance: float, *, ranks: bool
) -> Iterator[tuple[str, str, str]]:
    """Metric, column and how values differ by more than they may; metrics with other items.

    Similarities by the tolerance; with `ranks` these and answers, too: of vectors that are nearly alike rounding may
    swap two, in a few rows.
    """
    for name, metric in metrics.items():
        ours, theirs = (item_tables.of_metric(table, name) for table in (submitted, again))
        if not item_tables.are_same(ours, theirs):
            yield name, "items", f"{theirs.num_rows:,}, got {ours.num_rows:,} or others"
            continue
        for column in columns if ours.num_rows and (ranks or is_cosine(metric)) else ():
            claimed, computed = (table.column(column).to_numpy(zero_copy_only=False) for table in (ours, theirs))
            worst = int(abs(claimed - computed).argmax())
            if is_cosine(metric):
                if not abs(claimed[worst] - computed[worst]) <= tolerance:
                    yield name, column, f"{computed[worst]:.6f} in row {worst}, got {claimed[worst]:.6f}"
                continue
            differ = int((~np.isclose(claimed, computed, rtol=0, atol=1e-9)).sum())
            if metric.items in ("rank", "fact_rank") and abs(claimed[worst] - computed[worst]) > _SWAPPED:
                yield name, column, f"rank {computed[worst]:g} in row {worst}, got {claimed[worst]:g}"
            elif differ > max(_FLIPS, _FLIPPED * len(computed)):
                yield name, column, f"but for a few rows, got {differ:,} others of {len(computed):,}"
