"""A record from the official evaluator's result file: its numbers, with intervals where it holds per-item values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from salmubench.core import manifest, provenance
from salmubench.core.errors import RecordError
from salmubench.core.types import Split
from salmubench.dataset.layout import Dataset as OpenDataset
from salmubench.official.result_file import entries_of, numbers_of, published_name, read_content
from salmubench.scoring import items as item_tables
from salmubench.scoring.bootstrap import BOOTSTRAPS
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.metric import Items, Metric, parts_of
from salmubench.scoring.origin import Cost, Dataset, Model
from salmubench.scoring.record import SCHEMA_VERSION, Normalised, RunRecord, Score
from salmubench.scoring.record_files import GALLERY_SCHEMA, record_provenance, write_record
from salmubench.scoring.score import protocol
from salmubench.scoring.verdict import judge
from salmubench.scoring.views import score_items

NO_ITEMS = "the official file holds no items of it"
_SAME = 1e-4  # by which the mean of the items may differ from the file's own number


def import_official(
    file: Path,
    *,
    dataset: OpenDataset,
    out: Path,
    metrics: Sequence[Metric],
    clean: Path | None = None,
    compromised: Path | None = None,
    bootstraps: int = BOOTSTRAPS,
) -> Path:
    """Turn a result file of the official evaluator into a record.

    Its lists (ranks, similarities) are taken for the rows of `forget` in the dataset's order; with the identities of
    those rows the numbers get intervals. The other numbers have none.

    Args:
        file: `evaluation_<slug>.json`.
        out: path of the record, `.json`; items are written beside it.
        metrics: descriptions; those with a place in the official file are read.

    Returns:
        The path of the record.

    Raises:
        RecordError: missing, not JSON, without the expected sections, or lists that aren't those of `forget`.
    """
    started = provenance.utc_now()
    files = {"value": file, **{name: path for name, path in (("clean", clean), ("compromised", compromised)) if path}}
    contents = {name: read_content(path) for name, path in files.items()}
    metrics = [metric for metric in metrics if metric.official]
    values = {name: numbers_of(content, files[name], metrics) for name, content in contents.items()}
    notes = [f"Imported from {file.name} of the official evaluator (SHA-256 {manifest.sha256_file(file)})."]
    tables: dict[str, pa.Table] = {}
    for metric in (metric for metric in metrics if metric.official_items is not None):
        columns = {name: _column(metric, contents[name], values[name], dataset, files[name], notes) for name in files}
        if columns["value"] is not None:
            tables[metric.name] = _table(metric, columns, dataset)
    items = item_tables.join(list(tables.values()))
    described = {metric.name: metric for metric in metrics}
    held = item_tables.partly_forgotten(items, dataset.forget_identity_ids())
    scored = score_items(items, metrics=described, bootstraps=bootstraps, held=held)
    scores = {
        metric.name: scored[metric.name] if metric.name in tables else _plain(metric, values, dataset)
        for metric in metrics
    }
    stated = item_tables.held_to_state(items, held, dataset.counts.get(str(Split.HOLDOUT_ASSOCIATION)))
    name = file.stem.removeprefix("evaluation_")
    record = RunRecord(
        schema_version=SCHEMA_VERSION,
        status="complete",
        error=None,
        model=Model(name, None, None, None, None, None, None),
        dataset=Dataset(dataset.name, dataset.fingerprint, dict(dataset.counts), dataset.revision, held=stated),
        encoding=None,
        gallery_sha256=None,
        fragile_set=None,
        scores=scores,
        verdict=judge(scores, described),
        protocol=protocol(ScoreConfig(bootstraps=bootstraps), described),
        cost=Cost(),
        references={},
        inputs={name: manifest.sha256_file(path) for name, path in files.items()},
        notes=tuple(notes),
        provenance=record_provenance(started=started, seconds=0.0),
    )
    write_record(out, record, items=items, gallery=GALLERY_SCHEMA.empty_table())
    return out


def _column(
    metric: Metric,
    content: Mapping[str, Any],
    values: Mapping[str, float | None],
    dataset: OpenDataset,
    path: Path,
    notes: list[str],
) -> Sequence[float] | None:
    """The list of one file, checked against its own number; `None` where it isn't the items of `forget`."""
    assert metric.official_items is not None
    section, key = metric.official_items
    entries = entries_of(content, path, metric)
    if entries is None:
        return None
    rows = len(dataset.rows(Split.FORGET))
    if len(entries) != rows:
        got = f"{len(entries)} entries"
        if metric.official_gaps:  # rows without a known value may be left out, nobody knows which
            notes.append(f"{metric.name} of {path.name} has {got} for {rows} rows of forget: no interval.")
            return None
        raise RecordError(f"Expected {rows} numbers in {section}.{key} of {path}, one a row of forget, got {got}.")
    if not rows:
        return None
    if metric.items == "rank" and min(entries) < 1:
        raise RecordError(f"Expected ranks from 1 in {section}.{key} of {path}, got {min(entries)}.")
    for name, part in parts_of(metric.items).items():
        published = values[published_name(metric, name)]
        mean = float(np.mean(part.of(np.asarray(entries, np.float64), None)))
        if published is None or abs(published - mean) > _SAME:
            raise RecordError(
                f"Expected the mean of {section}.{key} in {path} to be its own {published}, got {mean:.6f}."
            )
    return entries


def _table(metric: Metric, columns: Mapping[str, Sequence[float] | None], dataset: OpenDataset) -> pa.Table:
    rows = dataset.rows(Split.FORGET)
    facts = {
        key: np.array([getattr(row, key) for row in rows] + [None], object)[:-1]
        for key in ("file_name", "caption", "identity")
    }
    order = np.lexsort([facts[key].astype(np.str_) for key in ("identity", "caption", "file_name")])
    ordered = {name: np.asarray(column, np.float64)[order] for name, column in columns.items() if column is not None}
    items = Items(
        "forget", facts["file_name"][order], facts["caption"][order], facts["identity"][order], ordered["value"]
    )
    table = item_tables.item_table(metric, items)
    for name in ("clean", "compromised"):
        if name in ordered:
            table = table.set_column(table.column_names.index(name), name, pa.array(ordered[name], pa.float64()))
    return table


def _plain(
    metric: Metric, values: Mapping[str, Mapping[str, float | None]], dataset: OpenDataset
) -> Mapping[str, Score]:
    """A number without items."""
    scores = {}
    for part in parts_of(metric.items):
        name = published_name(metric, part)
        value = values["value"][name]
        scores[part] = Score(
            value=value,
            reason=None if value is not None else "skipped by the official evaluator",
            n=dataset.counts.get(metric.split, 0) if metric.every_row and metric.split is not None else 0,
            units=0,
            left_out=0,
            ci95=None,
            goal=metric.goal,
            clean=values.get("clean", {}).get(name),
            compromised=values.get("compromised", {}).get(name),
            normalised=Normalised(metric.view, None, None, NO_ITEMS if metric.view is not None else "not defined"),
        )
    return scores
