"""`score_again`: the record once more, from what it was computed from — items and gallery alone."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from salmubench.core import manifest, places, provenance, writing
from salmubench.core.errors import RecordError
from salmubench.dataset import layout
from salmubench.scoring import breakdown
from salmubench.scoring.attacks.groups import with_breakdowns
from salmubench.scoring.attacks.recovery import section_again
from salmubench.scoring.attacks.table import SUFFIX, read_rows
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.metric import Metric
from salmubench.scoring.origin import Cost, Dataset, Model
from salmubench.scoring.record import SCHEMA_VERSION, RunRecord, Score
from salmubench.scoring.record_files import (
    GALLERY,
    ITEMS_SUFFIX,
    gallery_sha256,
    read_gallery_file,
    read_items_file,
    read_record,
    record_beside,
    record_provenance,
    write_record,
)
from salmubench.scoring.roles import with_descriptions
from salmubench.scoring.score import protocol
from salmubench.scoring.verdict import THRESHOLDS, judge
from salmubench.scoring.views import describe_all, rescore, score_items


def score_again(
    items: Path,
    *,
    out: Path,
    metrics: Mapping[str, Metric],
    gallery: Path | None = None,
    dataset: str | None = None,
    config: ScoreConfig | None = None,
) -> Path:
    """Compute a record again from its stored items: values, intervals, views, verdict; no embeddings, no model.

    What isn't computed (model, cost, where the dataset comes from, why a number is missing, numbers without items) is
    taken from the record beside the items, `<stem>.json`, where it is; otherwise it is left empty.

    Args:
        items: `<stem>.items.parquet`.
        out: path of the new record, `.json`; items and gallery are written beside it.
        metrics: name → description, for records that lack them.
        gallery: the gallery; `gallery.parquet` beside the items by default.
        dataset: folder or Hub id, needed for breakdowns only.
        config: options; the resamples are those of the old record where it is there.

    Returns:
        The path of the record.

    Raises:
        RecordError: items or gallery are missing or damaged, or hold a metric that nothing describes.
        DatasetError: breakdowns are asked for and the dataset isn't there.
    """
    config = config or ScoreConfig()
    started, clock = provenance.began(), time.perf_counter()
    table = read_items_file(items)
    drawn = read_gallery_file(gallery or items.with_name(GALLERY))
    beside = record_beside(items)
    record = (
        _from_record(with_descriptions(read_record(beside), metrics), table)
        if beside.is_file()
        else _alone(items, table, metrics, config)
    )
    attacked = beside.with_name(beside.stem + SUFFIX)
    if record.attacks is not None:
        rows = read_rows(attacked)
        section = section_again(record.attacks, rows)
        if config.by:
            section = with_breakdowns(section, rows, _dataset_of(record, dataset), config.by)
        record = replace(record, attacks=section)
        if places.real(attacked) != places.real(out.with_name(out.stem + SUFFIX)):
            writing.write_bytes(out.with_name(out.stem + SUFFIX), attacked.read_bytes())
    record = replace(
        record,
        breakdowns=_breakdowns(record, table, dataset, config) if config.by else {},
        gallery_sha256=gallery_sha256(drawn) if drawn.num_rows else None,
        inputs={"items": manifest.sha256_file(items), "version": provenance.version()},
        provenance=record_provenance(started=started, seconds=time.perf_counter() - clock),
    )
    write_record(out, record, items=table, gallery=drawn)
    return out


def _from_record(record: RunRecord, table: pa.Table) -> RunRecord:
    if record.status != "complete":
        raise RecordError(f"Expected items of a complete record, got status {record.status!r} of {record.model.name}.")
    rescored = rescore(replace(record, schema_version=SCHEMA_VERSION), table, keep_stated=True)
    stated = None if record.protocol is None else replace(record.protocol, thresholds=THRESHOLDS)
    return replace(
        record, schema_version=SCHEMA_VERSION, scores=rescored.scores, verdict=rescored.verdict, protocol=stated
    )


def _alone(items: Path, table: pa.Table, metrics: Mapping[str, Metric], config: ScoreConfig) -> RunRecord:
    strange = [name for name in pc.unique(table.column("metric")).to_pylist() if name not in metrics]
    if strange:
        raise RecordError(
            f"Expected items of {', '.join(metrics)} in {items}, got {strange[0]!r}. Put its record beside the "
            "items: it says what the metric is."
        )
    scores = score_items(table, metrics=metrics, bootstraps=config.bootstraps)
    started = provenance.utc_now()
    return RunRecord(
        schema_version=SCHEMA_VERSION,
        status="complete",
        error=None,
        model=Model(items.name.removesuffix(ITEMS_SUFFIX), None, None, None, None, None, None),
        dataset=Dataset("unknown", "unknown"),
        encoding=None,
        gallery_sha256=None,
        fragile_set=None,
        scores=scores,
        verdict=judge(scores, metrics),
        protocol=protocol(config, metrics),
        cost=Cost(),
        references={},
        inputs={},
        notes=("Computed from items alone: model, dataset and encoding are not known.",),
        provenance=record_provenance(started=started, seconds=0.0),
    )


def _breakdowns(
    record: RunRecord, table: pa.Table, dataset: str | None, config: ScoreConfig
) -> Mapping[str, Mapping[str, Mapping[str, Mapping[str, Score]]]]:
    opened, metrics = _dataset_of(record, dataset), describe_all(record)
    bootstraps = record.protocol.bootstraps if record.protocol is not None else config.bootstraps
    return {by: breakdown.score_groups(table, opened, by, metrics=metrics, bootstraps=bootstraps) for by in config.by}


def _dataset_of(record: RunRecord, dataset: str | None) -> layout.Dataset:
    """The dataset that groups are made from."""
    if dataset is None:
        raise RecordError("Expected --dataset beside --items and --by: items don't say which attribute they are about.")
    opened = layout.open_dataset(dataset)
    if record.dataset.fingerprint not in ("unknown", opened.fingerprint):
        raise RecordError(
            f"Expected the dataset of the items, {record.dataset.fingerprint}, got {opened.fingerprint} in {dataset}."
        )
    return opened
