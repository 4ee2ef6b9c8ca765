"""Records compared item by item: paired differences with intervals, and which model is nearer to what it should be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from salmubench.core.errors import RecordError
from salmubench.scoring import items as item_tables
from salmubench.scoring.bootstrap import (
    BOOTSTRAPS,
    LEVEL,
    SEED,
    Units,
    find_units,
    leaf_sums,
    resampled_means,
)
from salmubench.scoring.difference import Difference, answered
from salmubench.scoring.intervals import Ratio, intervals
from salmubench.scoring.metric import (
    Floats,
    Metric,
    Part,
    mean,
    parts_of,
)
from salmubench.scoring.record import NOT_LEARNT, RunRecord
from salmubench.scoring.record_files import read_items, read_record
from salmubench.scoring.references import CLEAN, OPTIONAL, Kind
from salmubench.scoring.selections import selections
from salmubench.scoring.views import describe_all, held_of


@dataclass(frozen=True)
class Comparison:
    """Two models compared: metric → part → difference, and attack → number → difference of what comes back."""

    first: str
    second: str
    differences: Mapping[str, Mapping[str, Difference]]
    attacks: Mapping[str, Mapping[str, Difference]] = field(default_factory=dict)


def compare(first: Path, second: Path, *, bootstraps: int = BOOTSTRAPS, seed: int = SEED) -> Comparison:
    """Compare two records of one dataset.

    Raises:
        RecordError: a record failed, is of another dataset or gallery, or has other items.

    Examples:
        With stored embeddings in the folders `clean`, `compromised` and `candidate`:

        >>> from salmubench import score
        >>> references = {"clean": clean, "compromised": compromised}
        >>> first = score(embeddings=candidate, **references, out=Path("first.json"))
        >>> second = score(embeddings=compromised, **references, out=Path("second.json"))
        >>> comparison = compare(first, second, bootstraps=100)
        >>> comparison.differences["AssocStr"]["value"].difference < 0  # first − second
        True
    """
    return compare_with_each(first, [second], bootstraps=bootstraps, seed=seed)[0]


def compare_with_each(
    first: Path, others: Sequence[Path], *, bootstraps: int = BOOTSTRAPS, seed: int = SEED
) -> list[Comparison]:
    """Compare a record with each of some others; `certain` takes account of all these comparisons.

    Raises:
        RecordError: a record failed, is of another dataset or gallery, or has other items.
    """
    return _with_holm([_compare(first, other, bootstraps, seed) for other in others])


def asked(comparisons: Sequence[Comparison]) -> int:
    """How many numbers were compared with an interval."""
    return sum(row.p is not None for one in comparisons for table in _TABLES for row in _rows(one, table).values())


def _compare(first: Path, second: Path, bootstraps: int, seed: int) -> Comparison:
    records = [read_record(path) for path in (first, second)]
    _check_comparable(first, second, *records)
    tables = [read_items(path) for path in (first, second)]
    differences: dict[str, Mapping[str, Difference]] = {}
    described = describe_all(records[0])
    held_by_record = [held_of(record, table) for record, table in zip(records, tables, strict=True)]
    held = held_by_record[1] if held_by_record[0] is None else held_by_record[0]
    for name in records[0].scores:
        metric = described[name]
        rows = [item_tables.of_metric(table, name) for table in tables]
        if rows[0].num_rows and rows[1].num_rows:
            target = _target(metric.goal, rows, records)
            of_metric = paired_differences(metric, rows[0], rows[1], target, held, bootstraps, seed)
            # What only describes a number with a view isn't compared: every answer more takes certainty from all.
            parts = parts_of(metric.items, metric.groups)
            differences[name] = {
                part: _unless_unlearnt(row, name, part, records)
                for part, row in of_metric.items()
                if parts[part].viewed
            }
        else:
            differences[name] = {part: _no_difference(records, name, part) for part in records[0].scores[name]}
    attacks: Mapping[str, Mapping[str, Difference]] = {}
    if all(record.attacks is not None for record in records):
        from salmubench.scoring.attacks.compare import compare_attacks

        attacks = compare_attacks(first, second, (records[0], records[1]), bootstraps=bootstraps, seed=seed)
    return Comparison(records[0].model.name, records[1].model.name, differences, attacks)


def _unless_unlearnt(row: Difference, name: str, part: str, records: Sequence[RunRecord]) -> Difference:
    """The difference without an answer where a record says that there was nothing to forget or to keep."""
    scores = [record.scores.get(name, {}).get(part) for record in records]
    if all(score is None or score.normalised.reason != NOT_LEARNT for score in scores):
        return row
    return replace(row, answer=NOT_LEARNT, gap_ci95=None, p=None)


def _target(goal: Kind, rows: Sequence[pa.Table], records: Sequence[RunRecord]) -> Floats | None:
    """The reference's values of the same items: from a record judged against it, or from its own record.

    Of facts Clean's stand for Retrained's where, as in scores, no item has one: items alone name no references.
    """
    for name in (goal, CLEAN) if goal in OPTIONAL else (goal,):
        for table in rows:
            if not table.column(name).null_count:
                return _floats(table, name)
    # Own records of Clean and Compromised hold no reference's values: they name it.
    if goal in OPTIONAL and not any(goal in record.references for record in records):
        goal = CLEAN
    for table, record in zip(rows, records, strict=True):
        if record.model.sha256 is not None and record.references.get(goal) == record.model.sha256:
            return _floats(table, "value")
    return None


def paired_differences(
    metric: Metric,
    a: pa.Table,
    b: pa.Table,
    target: Floats | None,
    held: frozenset[str] | None,
    bootstraps: int,
    seed: int,
) -> dict[str, Difference]:
    """Part → difference of two models' items of one metric, resampled together.

    Args:
        target: the reference's values of the items, float64 (n,); `None`: no answer which model is nearer to it.
        held: identities some of whose associations are held out (`items.held_identities`).

    Raises:
        RecordError: the items differ.
    """
    both = item_tables.with_references(a, {"clean": b})  # checks that the items are the same
    differences: dict[str, Difference] = {}
    parts = parts_of(metric.items, metric.groups)
    for one in selections(metric, both, held):
        if one.reason is not None:
            differences |= {name: Difference(None, None, None, None, 0, one.reason) for name in one.parts}
            continue
        rows = both.filter(pa.array(one.which))
        classes = rows.column("caption").to_numpy(zero_copy_only=False) if metric.resample == "class" else None
        units = find_units(rows.column("cluster").to_numpy(zero_copy_only=False), classes)
        aim = None if target is None else target[one.which]
        of_group = {name: parts[name] for name in one.parts}
        differences |= _of_group(metric, of_group, rows, aim, units, bootstraps=bootstraps, seed=seed)
    return {name: differences[name] for name in parts}


def _of_group(
    metric: Metric, parts: Mapping[str, Part], both: pa.Table, target: Floats | None, units: Units, **how: int
) -> dict[str, Difference]:
    """Differences of all parts of the same items, which are resampled together."""
    others = None if both.column("others").null_count else _floats(both, "others")
    sides = [[part.of(_floats(both, name), others) for name in ("value", "clean")] for part in parts.values()]
    sums = [leaf_sums((x - y)[:, None], units).T for x, y in sides]
    ends = intervals([Ratio(top, n) for top, n in sums], units, **how)
    rows = [
        Difference(mean(x), mean(y), mean(x - y), interval, len(x), None)
        for (x, y), interval in zip(sides, ends, strict=True)
    ]
    if target is not None and any(interval is not None for interval in ends):
        aims = [part.of(target, others) for part in parts.values()]
        columns = [column for pair, aim in zip(sides, aims, strict=True) for column in (*pair, aim)]
        samples = resampled_means(np.stack(columns, axis=1), units, **how)  # (b, 3 × parts)
        for number, row in enumerate(rows):
            if row.ci95 is not None:
                three = samples[:, 3 * number : 3 * number + 3]
                gaps = _gap(metric.goal, three[:, :2], three[:, 2:])
                rows[number] = answered(row, gaps[:, 0] - gaps[:, 1])
    return dict(zip(parts, rows, strict=True))


def _gap(goal: Kind, values: Floats, target: Floats) -> Floats:
    """How far numbers are from where they should be: over-forgetting counts, more utility than Compromised doesn't."""
    return np.maximum(target - values, 0.0) if goal == "compromised" else np.abs(values - target)


_TABLES = ("differences", "attacks")


def _rows(one: Comparison, table: str) -> dict[tuple[str, str], Difference]:
    """(Metric or attack, part) → difference."""
    by_name: Mapping[str, Mapping[str, Difference]] = getattr(one, table)
    return {(name, part): row for name, parts in by_name.items() for part, row in parts.items()}


def _with_holm(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Mark the answers that hold for all numbers together: the smallest p against α/m, the next against α/(m − 1) …."""
    places = sorted(
        (row.p, number, table, *place)
        for number, one in enumerate(comparisons)
        for table in _TABLES
        for place, row in _rows(one, table).items()
        if row.p is not None
    )
    certain = set()
    for rank, (p, *place) in enumerate(places):
        if p > (1 - LEVEL) / (len(places) - rank):
            break
        certain.add(tuple(place))

    def marked(number: int, one: Comparison, table: str) -> dict[str, dict[str, Difference]]:
        corrected: dict[str, dict[str, Difference]] = {name: {} for name in getattr(one, table)}
        for (name, part), row in _rows(one, table).items():
            holds = row.answer in ("better", "worse") and (number, table, name, part) in certain
            corrected[name][part] = replace(row, certain=holds)
        return corrected

    return [
        replace(one, differences=marked(number, one, "differences"), attacks=marked(number, one, "attacks"))
        for number, one in enumerate(comparisons)
    ]


def _floats(table: pa.Table, name: str) -> Floats:
    values: Floats = table.column(name).to_numpy().astype(np.float64, copy=False)
    return values


def _no_difference(records: list[RunRecord], name: str, part: str) -> Difference:
    scores = [record.scores.get(name, {}).get(part) for record in records]
    first, second = (None if score is None else score.value for score in scores)
    reasons = [
        f"{record.model.name}: {'not scored' if score is None else score.reason or 'no items'}"
        for record, score in zip(records, scores, strict=True)
        if score is None or not score.n or score.value is None
    ]
    return Difference(first, second, None, None, 0, "; ".join(reasons))


def _check_comparable(first: Path, second: Path, a: RunRecord, b: RunRecord) -> None:
    for path, record in ((first, a), (second, b)):
        if record.status != "complete":
            message = record.error.message if record.error is not None else record.status
            raise RecordError(f"Expected two complete records, but {path} failed: {message}")
    for what, x, y in (
        ("dataset fingerprint", a.dataset.fingerprint, b.dataset.fingerprint),
        ("gallery", a.gallery_sha256, b.gallery_sha256),
    ):
        if x != y:
            raise RecordError(
                f"Expected records of one {what}, got {x} in {first} and {y} in {second}. Score both models on the "
                "same dataset."
            )
    versions = [record.benchmark_version for record in (a, b)]
    if None not in versions and versions[0] != versions[1]:
        raise RecordError(
            f"Expected records of one version of the benchmark, got {versions[0]} in {first} and {versions[1]} in "
            f"{second}. Score both models again."
        )
