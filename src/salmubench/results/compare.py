"""Two records compared item by item: paired differences with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from salmubench.errors import RecordError
from salmubench.results import items as item_tables
from salmubench.results.bootstrap import BOOTSTRAPS, SEED, Interval, find_units, interval, resampled_means
from salmubench.results.io import read_items, read_record
from salmubench.results.metric import PARTS, Metric, mean
from salmubench.results.schema import RunRecord
from salmubench.results.scores import describe


@dataclass(frozen=True)
class Difference:
    """One number of two models.

    Attributes:
        first: the first model's number.
        second: the second model's number.
        difference: first − second.
        ci95: of the difference, resampling both together; `None` with fewer than two units.
        n: items.
        reason: why there is no difference.
    """

    first: float | None
    second: float | None
    difference: float | None
    ci95: Interval | None
    n: int
    reason: str | None


@dataclass(frozen=True)
class Comparison:
    """Two models compared: metric → part → difference."""

    first: str
    second: str
    differences: Mapping[str, Mapping[str, Difference]]


def compare(first: Path, second: Path, *, bootstraps: int = BOOTSTRAPS, seed: int = SEED) -> Comparison:
    """Compare two records of one dataset.

    Args:
        first: path of a record.
        second: path of another.
        bootstraps: resamples behind an interval.
        seed: of the resamples.

    Raises:
        RecordError: a record failed, is of another dataset or gallery, or has other items.
    """
    records = [read_record(path) for path in (first, second)]
    _check_comparable(first, second, *records)
    tables = [read_items(path) for path in (first, second)]
    found: dict[str, Mapping[str, Difference]] = {}
    for name in records[0].scores:
        known = records[0].protocol.metrics.get(name) if records[0].protocol is not None else None
        metric = describe(name, known, records[0].scores[name])
        rows = [item_tables.of_metric(table, name) for table in tables]
        if rows[0].num_rows and rows[1].num_rows:
            found[name] = _differences(metric, rows[0], rows[1], bootstraps, seed)
        else:
            found[name] = {part: _no_difference(records, name, part) for part in records[0].scores[name]}
    return Comparison(records[0].model.name, records[1].model.name, found)


def _differences(metric: Metric, a: pa.Table, b: pa.Table, bootstraps: int, seed: int) -> dict[str, Difference]:
    both = item_tables.with_references(a, {"clean": b})  # checks that the items are the same
    one, two = (both.column(name).to_numpy() for name in ("value", "clean"))
    stratum = both.column("caption").to_numpy(zero_copy_only=False) if metric.resample == "class" else None
    units = find_units(both.column("cluster").to_numpy(zero_copy_only=False), stratum)
    found = {}
    for part, function in PARTS[metric.items].items():
        x, y = function(one), function(two)
        samples = resampled_means((x - y)[:, None], units, bootstraps=bootstraps, seed=seed)[:, 0]
        found[part] = Difference(mean(x), mean(y), mean(x - y), interval(samples, units), len(x), None)
    return found


def _no_difference(records: list[RunRecord], name: str, part: str) -> Difference:
    scores = [record.scores.get(name, {}).get(part) for record in records]
    first, second = (None if score is None else score.value for score in scores)
    reasons = [
        f"{record.model.name}: {'not scored' if score is None else score.reason}"
        for record, score in zip(records, scores, strict=True)
        if score is None or score.value is None
    ]
    return Difference(first, second, None, None, 0, "; ".join(reasons))


def _check_comparable(first: Path, second: Path, a: RunRecord, b: RunRecord) -> None:
    for path, record in ((first, a), (second, b)):
        if record.status != "complete":
            message = record.error.message if record.error is not None else record.status
            raise RecordError(f"Expected two complete records, found that {path} failed: {message}")
    for what, x, y in (
        ("dataset fingerprint", a.dataset.fingerprint, b.dataset.fingerprint),
        ("gallery", a.gallery_sha256, b.gallery_sha256),
    ):
        if x != y:
            raise RecordError(
                f"Expected records of one {what}, found {x} in {first} and {y} in {second}. Score both models on the "
                "same dataset."
            )


def significant(difference: Difference) -> bool:
    """Tell whether the interval of a difference leaves out 0."""
    return (
        difference.ci95 is not None
        and not (difference.ci95[0] <= 0 <= difference.ci95[1])
        and bool(np.isfinite(difference.ci95).all())
    )
