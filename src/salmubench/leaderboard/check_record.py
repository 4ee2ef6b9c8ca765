"""What can be wrong with `submission.json` and the three records: names, hashes, budget, protocol, references."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from salmubench.core import manifest
from salmubench.core.types import Split
from salmubench.dataset import layout
from salmubench.leaderboard import intake
from salmubench.leaderboard.check_items import Metrics, rows_of
from salmubench.leaderboard.findings import BOOTSTRAPS, Finding, Loaded
from salmubench.leaderboard.method_code import METHOD, code_problem, is_built_in, is_loop
from salmubench.leaderboard.submission import (
    FILES,
    INFO,
    MORE,
    RECORDS,
    method_of,
    problems_of,
    split_name,
    stated_track,
)
from salmubench.scoring.bootstrap import LEVEL, SEED
from salmubench.scoring.items import of_metric
from salmubench.scoring.record import BENCHMARK_VERSION, RunRecord
from salmubench.scoring.references import LABELS, is_pretrained, pretrained_kind
from salmubench.scoring.verdict import OLD_THRESHOLDS, THRESHOLDS

_SIZES = ("batch_size", "retain_batch_size", "accumulation")
_HELD = str(Split.HOLDOUT_ASSOCIATION)


def info_findings(folder: Path, loaded: Loaded) -> Iterator[Finding]:
    """What `submission.json` says that isn't so."""
    info, record = loaded.info, loaded.record
    file = folder / METHOD if (folder / METHOD).is_file() else None
    for problem in problems_of(info, own_method=file is None and not is_built_in(method_of(record))):
        yield Finding("info", INFO, intake.plain_text(problem, most=300))
    if is_loop(method_of(record), file):
        yield from _loop_findings(record, built_in=file is None)
    code = code_problem(record, method_of(record), file)
    if code is not None:
        yield Finding("method", METHOD if file else RECORDS["record"], intake.plain_text(code, most=300))
    files = {path.name for path in folder.iterdir()} - {INFO}
    if set(info.files) != files:
        text = "Expected the hash of every other file of the folder and no more, got another list."
        yield Finding("hash", INFO, text)
    for name in sorted(files & set(info.files)):
        digest = manifest.sha256_file(folder / name)
        if digest != info.files[name]:
            yield Finding("hash", name, f"Expected SHA-256 {info.files[name]!s:.64}, got {digest}.")
    if info.model != record.model.name:
        yield Finding("name", INFO, f"Expected the record's model {record.model.name!r:.90}, got {info.model!r:.90}.")
    if stated_track(record) == "generator" and info.track == "closed":
        yield Finding("info", INFO, "Expected the track generator, in which the method ran, got closed.")
    if info.checkpoint_sha256 != record.model.weights:
        yield Finding("checkpoint", INFO, f"Expected the record's checkpoint {record.model.weights}, got another hash.")


def _loop_findings(record: RunRecord, *, built_in: bool) -> Iterator[Finding]:
    """What a loss can't have cost: each pair of its budget is encoded in a batch, and each batch is a step."""
    file, cost, forget = RECORDS["record"], record.cost, record.dataset.counts.get("forget")
    if record.benchmark_version is None or record.model.budget is None or not forget:
        return
    config = record.model.config
    engine = config.get("engine") if isinstance(config, Mapping) else None
    sizes: list[Any] = [engine.get(name) for name in _SIZES] if isinstance(engine, Mapping) else []
    if not sizes or not all(type(size) is int and size >= 0 for size in sizes) or not sizes[0] or not sizes[2]:
        yield Finding("cost", file, f"Expected {', '.join(_SIZES)} in model.config.engine of a method that is a loss.")
        return
    batch, retain, accumulation = sizes
    pairs = _pairs(record.model.budget, forget)
    batches = pairs / min(batch, forget)
    seen, steps = cost.pairs or 0, cost.steps or 0
    if pairs - seen > 1 or abs(batches / accumulation - steps) > 1:
        expected = f"{pairs:,} pairs in {math.ceil(batches / accumulation):,} steps (batches of {batch:,})"
        yield Finding("cost", file, f"Expected {expected}, got {seen:,} in {steps:,}.")
    shown = pairs + (math.ceil(batches) * retain if retain else pairs)
    most = 2 * shown  # by the model and by the frozen one
    pictures, captions = cost.pictures or 0, cost.captions or 0
    if min(pictures, captions) < pairs - 1 or (built_in and pictures > most):
        expected = f"{pairs:,} pictures and captions or more" + (f", {most:,} pictures at most" if built_in else "")
        yield Finding("cost", file, f"Expected {expected}, as so many pairs take, got {pictures:,} and {captions:,}.")


def _pairs(budget: float, forget: int) -> int:
    """Pairs of a budget; of one that nobody has, a number all the same."""
    return round(min(budget, 1e9) * forget)


def record_findings(loaded: Loaded, max_budget: float, metrics: Metrics) -> Iterator[Finding]:
    """What the records say about name, budget, protocol, dataset and references that doesn't fit together."""
    record, file = loaded.record, RECORDS["record"]
    if is_pretrained(record):
        yield Finding("name", file, "Expected a model that has unlearned, got a reference.")
    yield from _budget_findings(record, max_budget)
    for role, other in loaded.records.items():
        yield from _protocol_findings(other, FILES[role], metrics)
        if other.dataset.fingerprint != record.dataset.fingerprint or other.dataset.counts != record.dataset.counts:
            text = f"Expected one dataset, {record.dataset.fingerprint:.64}, got {other.dataset.fingerprint:.64}."
            yield Finding("dataset", FILES[role], text)
        if other.dataset.limit is not None:
            text = f"Expected all rows, got a quick look (--limit {other.dataset.limit})."
            yield Finding("dataset", FILES[role], text)
        if other.dataset.held is not None and (other.dataset.held or other.dataset.counts.get(_HELD)):
            # Stated otherwise, people known best would count as those of whom something must stay.
            text = "Expected people of whom other facts are held out as the items tell them, got a list (dataset.held)."
            yield Finding("dataset", FILES[role], text)
        if other.gallery_sha256 != record.gallery_sha256:
            yield Finding("gallery", FILES[role], "Expected the gallery of the model's record, got another one.")
        if role != "record":
            yield from _reference_findings(record, other, role)
    if loaded.records["clean"].model.weights == loaded.records["compromised"].model.weights:
        yield Finding("references", RECORDS["clean"], "Expected two references, got the same checkpoint twice.")
    for kind, name in MORE.items():
        if (kind in record.references) != (kind in loaded.records):
            text = f"Expected the records of {LABELS[kind]} where the model was judged against it and only there"
            yield Finding("references", name, f"{text}, got otherwise.")
    if len({other.schema_version for other in loaded.records.values()}) > 1:
        yield Finding("protocol", file, "Expected records of one schema_version, got several.")
    versions = {other.benchmark_version for other in loaded.records.values()}
    if len(versions) > 1:
        stated = ", ".join(sorted(str(version or "null") for version in versions))
        yield Finding("protocol", file, f"Expected records of one benchmark_version, got {stated}.")
    elif None in versions and record.schema_version > 1:
        yield Finding("protocol", file, "Expected the benchmark_version of the records, got null. Score them again.")
    elif not all(version is None or 1 <= version <= BENCHMARK_VERSION for version in versions):
        text = f"Expected benchmark_version 1 to {BENCHMARK_VERSION}, got {record.benchmark_version}."
        yield Finding("protocol", file, f"{text} Install a newer salmubench.")


def _reference_findings(record: RunRecord, other: RunRecord, role: str) -> Iterator[Finding]:
    kind = pretrained_kind(other)
    if kind not in (None, role):
        yield Finding("references", FILES[role], f"Expected the {role} model, got {other.model.name!r:.90}.")
    if record.references.get(role) != other.model.sha256:
        yield Finding("references", FILES[role], f"Expected the {role} checkpoint that the record names, got another.")
    if record.model.weights == other.model.weights:  # another configuration unlearns nothing
        text = f"Expected a model that has unlearned, got {role}'s own weights."
        yield Finding("checkpoint", RECORDS["record"], text)


def _budget_findings(record: RunRecord, max_budget: float) -> Iterator[Finding]:
    file, parts = RECORDS["record"], split_name(record.model.name)
    if parts is None:
        text = "Expected a model called <method>-<budget>x in A–Z a–z 0–9 . _ -, got another name."
        yield Finding("name", file, text)
        return
    method, budget = parts
    if record.model.method not in (None, method):
        yield Finding("name", file, f"Expected the method {method}, got {record.model.method!r:.90}.")
    if record.model.budget != budget:
        yield Finding("budget", file, f"Expected the budget {budget:g} of the model's name, got {record.model.budget}.")
    if not 0 <= budget <= max_budget:
        yield Finding("budget", file, f"Expected a budget of at most {max_budget:g}, got {budget:g}.")
    forget, cost = record.dataset.counts.get("forget"), record.cost
    if forget is not None and cost.pairs is not None:
        expected = _pairs(budget, forget)
        if cost.pairs > expected or (cost.pairs < expected - 1 and cost.steps):  # an edit without steps may see fewer
            text = f"Expected {expected:,} pairs (budget {budget:g} × {forget:,} of forget), got {cost.pairs:,}."
            yield Finding("cost", file, text)
    elif forget is None or budget > 0:
        yield Finding("cost", file, "Expected the rows of forget and the pairs seen, got none.")
    if any(value is not None and (value < 0 or not math.isfinite(value)) for value in vars(cost).values()):
        yield Finding("cost", file, "Expected costs of 0 or more, got others.")


def _protocol_findings(record: RunRecord, file: str, metrics: Metrics) -> Iterator[Finding]:
    protocol = record.protocol
    if protocol is None or record.verdict is None:
        yield Finding("protocol", file, "Expected protocol and verdict, got none.")
        return
    low, high = BOOTSTRAPS
    if not low <= protocol.bootstraps <= high:
        yield Finding("protocol", file, f"Expected {low} to {high:,} resamples, got {protocol.bootstraps}.")
    thresholds = THRESHOLDS if record.schema_version > 1 else OLD_THRESHOLDS
    if (protocol.bootstrap_seed, protocol.level, protocol.thresholds) != (SEED, LEVEL, thresholds):
        yield Finding("protocol", file, "Expected the protocol's seed, level and thresholds, got others.")
    if record.breakdowns:
        yield Finding("protocol", file, "Expected no breakdowns, which can't be computed from the items, got some.")
    older = record.schema_version == 1  # those of the paper alone
    missing = [name for name, one in metrics.items() if name not in record.scores and (one.number or not older)]
    if missing:
        yield Finding("protocol", file, f"Expected all metrics, got none called {missing[0]}.")


def dataset_findings(loaded: Loaded, dataset: layout.Dataset, metrics: Metrics) -> Iterator[Finding]:
    """Whether the submission is about this dataset."""
    record, file = loaded.record, RECORDS["record"]
    if record.dataset.fingerprint != dataset.fingerprint:
        text = f"Expected the dataset {dataset.fingerprint}, got {record.dataset.fingerprint:.64}."
        yield Finding("dataset", file, text)
    scored = {metric.split for metric in metrics.values()}
    elsewhere = {"general_knowledge"} if record.dataset.imagenet is not None else set()  # no split of the folder
    stated = {split: rows for split, rows in record.dataset.counts.items() if split not in elsewhere}
    needed = {split for split in dataset.counts if split in scored} - elsewhere
    if not needed <= set(stated) or any(dataset.counts.get(split, 0) != rows for split, rows in stated.items()):
        yield Finding("dataset", file, "Expected the rows of the dataset's splits, got other counts.")
        return
    for name, metric in metrics.items():
        rows = of_metric(loaded.items["record"], name)
        if metric.every_row and metric.split is not None and rows.num_rows:
            there = {(row.file_name, row.caption, row.identity) for row in dataset.rows(metric.split)}
            if set(rows_of(rows, "file_name", "caption", "identity_id")) != there:
                text = f"Expected the items of {name} to be rows of {metric.split}, got others."
                yield Finding("dataset", file, text)
