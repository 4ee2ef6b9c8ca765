"""A model before and after a deletion, where nobody has a model that never saw the facts.

Differences are paired, item by item, with intervals over people. What a model without knowledge of the people would
give is told in two ways that need no such model: chance, and captions about people whom no model has met
(`scoring.strangers`). A verdict needs Clean, and there is none here.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from salmubench import embeddings, manifest
from salmubench.errors import EmbeddingsError, RecordError
from salmubench.scoring import items as item_tables
from salmubench.scoring.attacks.record import Attacks
from salmubench.scoring.bootstrap import SEED, find_units, leaf_sums
from salmubench.scoring.compare import paired_differences
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.deletion_record import (
    SCHEMA_VERSION,
    Asked,
    Change,
    DeletionRecord,
    Level,
    LevelName,
    PersonRow,
    read_deletion,
)
from salmubench.scoring.findings import answers, people_needed
from salmubench.scoring.fragile import Fragile, find_fragile
from salmubench.scoring.intervals import Ratio, intervals
from salmubench.scoring.metric import Floats, Metric, main_part, mean, parts_of
from salmubench.scoring.origin import Dataset, Encoding
from salmubench.scoring.plugin import Plugin
from salmubench.scoring.record_files import (
    alone,
    gallery_sha256,
    read_record,
    record_provenance,
)
from salmubench.scoring.roles import role_of
from salmubench.scoring.score import Evaluated, described_model, evaluate, model_of, protocol
from salmubench.scoring.stages import Encoded
from salmubench.types import HOLDOUT_SPLITS, Pair, Split

NO_VERDICT = (
    "No verdict: whether a model forgot too little, too much or hides the facts is measured by the distance to a model "
    "that never saw them, and none was given. What is said here compares the model after with the model before, with "
    "chance and with people whom no model has met."
)
_GALLERY, _BEFORE, _AFTER = ".gallery.parquet", ".before.items.parquet", ".after.items.parquet"
SIDE_FILES = (_GALLERY, _BEFORE, _AFTER)
"""What stands behind a record's stem in the names of its side files."""


@dataclass(frozen=True, eq=False)
class Sides:
    """Both models' items.

    Attributes:
        before: of the model before.
        after: of the model after.
        held: identities some of whose associations are to be kept.
        bootstraps: resamples behind an interval.
    """

    before: Evaluated
    after: Evaluated
    held: frozenset[str] | None
    bootstraps: int

    def rows(self, name: str) -> tuple[pa.Table, pa.Table]:
        """Items of a metric: before, after."""
        before, after = (item_tables.of_metric(side.items, name) for side in (self.before, self.after))
        return before, after

    @cached_property
    def metrics(self) -> Mapping[str, Metric]:
        """Descriptions by name."""
        return self.after.metrics


def compare_before_after(
    *,
    before: Path,
    after: Path,
    out: Path,
    pairs: Mapping[Split, Sequence[Pair]],
    metrics: Sequence[Plugin],
    strangers: Plugin,
    config: ScoreConfig | None = None,
    attacked: Path | None = None,
) -> Path:
    """Compare a model after a deletion with the model before: `out` and its side files.

    A call on a finished record of the same inputs does nothing.

    Args:
        before: embeddings folder of the model before.
        after: of the model after, encoded on the same dataset with the same texts.
        out: path of the record, `.json`.
        pairs: rows of the splits, for what was asked.
        metrics: what is computed.
        strangers: the comparison with people whom no model has met.
        config: options.
        attacked: record of the model after, which says what attacks brought back.

    Raises:
        EmbeddingsError: embeddings are missing, damaged, or of different datasets.
        RecordError: the record with the attacks is of another model or dataset, or has none.
    """
    config = config or ScoreConfig()
    opened = {name: embeddings.open_embeddings(path) for name, path in (("before", before), ("after", after))}
    inputs = _inputs(before, after, attacked, config)
    if _is_current(out, inputs):
        return out
    started, clock = manifest.utc_now(), time.perf_counter()
    facts, earlier = opened["after"].dataset, opened["before"].dataset
    _check_same(before, after, earlier, facts)
    fragile_metric = next((item.metric.name for item in metrics if item.metric.split == "fragile_set"), None)
    fragile = find_fragile(facts, opened["before"], config, metric=fragile_metric)
    sides = _evaluated(opened, [*metrics, strangers], config, fragile)
    told = {name: described_model(item) for name, item in opened.items()}
    attacks = None if attacked is None else _attacks(attacked, told["after"].model.sha256, facts.fingerprint)
    changes, levels = _changes(sides, skip=strangers.metric.name), _levels(sides, strangers.metric.name)
    findings = answers(changes, levels, sides.metrics)
    record = DeletionRecord(
        schema_version=SCHEMA_VERSION,
        kind="before_after",
        asked=_asked(pairs),
        before=model_of(told["before"].model),
        after=model_of(told["after"].model),
        dataset=Dataset(facts.name, facts.fingerprint, dict(facts.counts), facts.revision, facts.imagenet),
        encoding=_encoding(told["after"]),
        gallery_sha256=gallery_sha256(sides.after.gallery) if sides.after.gallery.num_rows else None,
        fragile_set=fragile.described(),
        changes=changes,
        levels=levels,
        people=_people(sides, strangers.metric.name),
        findings=findings,
        people_needed=people_needed(changes, levels, findings, sides.metrics),
        no_verdict=NO_VERDICT,
        protocol=protocol(config, sides.metrics),
        inputs=inputs,
        notes=tuple(_notes(told["before"].encoding.precision, told["after"].encoding.precision, changes)),
        provenance=record_provenance(started=started, seconds=time.perf_counter() - clock),
        attacks=attacks,
    )
    _write(out, record, sides)
    return out


def _check_same(before: Path, after: Path, earlier: embeddings.DatasetFacts, facts: embeddings.DatasetFacts) -> None:
    if (facts.fingerprint, facts.imagenet) != (earlier.fingerprint, earlier.imagenet):
        raise EmbeddingsError(
            f"Expected both models on one dataset, got fingerprint {earlier.fingerprint} in {before} and "
            f"{facts.fingerprint} in {after}. Encode both on the same dataset."
        )


def _encoding(told: Encoded) -> Encoding:
    known = told.encoding
    return Encoding(known.precision, known.device, known.preprocessing, told.cut_captions, known.probe)


def _evaluated(
    opened: Mapping[str, embeddings.Embeddings], metrics: Sequence[Plugin], config: ScoreConfig, fragile: Fragile
) -> Sides:
    before, after = (evaluate(opened[name], metrics, config, fragile) for name in ("before", "after"))
    held = item_tables.held_identities(after.items, opened["after"].dataset.counts.get(str(Split.HOLDOUT_ASSOCIATION)))
    return Sides(before, after, held, config.bootstraps)


def _asked(pairs: Mapping[Split, Sequence[Pair]]) -> Asked:
    def facts(rows: Sequence[Pair]) -> set[tuple[str | None, str | None, str | None]]:
        return {(row.identity, row.field, row.value) for row in rows}

    forget = pairs[Split.FORGET]
    kept = [row for split in HOLDOUT_SPLITS for row in pairs[split]]
    asked = facts(forget)
    return Asked(
        people=len({identity for identity, _, _ in asked}),
        facts=len(asked),
        pictures=len(forget),
        fields=dict(sorted(Counter(field or "unknown" for _, field, _ in asked).items())),
        kept_facts=len(facts(kept)),
        kept_people=len({row.identity for row in kept}),
        retain_pairs=sum(row.identity is None for row in pairs[Split.RETAIN_SYNTH]),
    )


# --- before and after -------------------------------------------------------------------------------------------


def _changes(sides: Sides, *, skip: str) -> dict[str, dict[str, Change]]:
    changes: dict[str, dict[str, Change]] = {}
    for name, metric in sides.metrics.items():
        if name == skip:
            continue
        before, after = sides.rows(name)
        if not (before.num_rows and after.num_rows):
            missing = sides.after.missing.get(name) or sides.before.missing.get(name)
            reason = "no items" if missing is None else missing.reason
            changes[name] = {part: _nothing(reason) for part in parts_of(metric.items, metric.groups)}
            continue
        rows = paired_differences(metric, after, before, None, sides.held, sides.bootstraps, SEED)
        units = _units(after, metric)
        changes[name] = {
            part: Change(row.second, row.first, row.difference, row.ci95, row.n, units if row.n else 0, row.reason)
            for part, row in rows.items()
        }
    return changes


def _nothing(reason: str) -> Change:
    return Change(None, None, None, None, 0, 0, reason)


def _units(rows: pa.Table, metric: Metric) -> int:
    column = "caption" if metric.resample == "class" else "cluster"
    return len(rows.column(column).unique())


# --- beside people who are unknown ------------------------------------------------------------------------------


def _levels(sides: Sides, strangers: str) -> dict[LevelName, Level]:
    levels: dict[LevelName, Level] = {}
    leakage = next((m for m in sides.metrics.values() if role_of(m) == "leakage" and m.items == "rank"), None)
    if leakage is not None:
        part = main_part(leakage.items)
        rows = sides.rows(leakage.name)
        if rows[1].num_rows:
            chance = _chance(rows[1], sides.after.gallery)
            levels["chance"] = _level(leakage, part, rows, (chance, chance), sides)
            levels["strangers"] = _beside_strangers(leakage, part, rows, strangers, sides)
    fact = next((m for m in sides.metrics.values() if role_of(m) == "fact" and m.items == "fact_rank"), None)
    if fact is not None:
        rows = sides.rows(fact.name)
        half = np.full(rows[1].num_rows, 0.5)
        reason = sides.after.missing.get(fact.name)
        levels["other_values"] = (
            _level(fact, "percentile", rows, (half, half), sides)
            if rows[1].num_rows
            else _no_level(fact.name, "percentile", "no items" if reason is None else reason.reason)
        )
    return levels


def _beside_strangers(
    metric: Metric, part: str, rows: tuple[pa.Table, pa.Table], strangers: str, sides: Sides
) -> Level:
    others = sides.rows(strangers)
    if not others[1].num_rows:
        missing = sides.after.missing.get(strangers)
        return _no_level(metric.name, part, "no items" if missing is None else missing.reason)
    known = [dict(zip(_keys(table), _floats(table, "value").tolist(), strict=True)) for table in others]
    shared = np.array([key in known[1] for key in _keys(rows[1])], np.bool_)
    kept = (rows[0].filter(pa.array(shared)), rows[1].filter(pa.array(shared)))
    levels = [np.array([own[key] for key in _keys(kept[1])]) for own in known]
    return _level(metric, part, kept, (levels[0], levels[1]), sides)


def _keys(rows: pa.Table) -> list[tuple[str, str]]:
    return list(zip(rows.column("file_name").to_pylist(), rows.column("caption").to_pylist(), strict=True))


def _chance(rows: pa.Table, gallery: pa.Table) -> Floats:
    """Mean of 1 / rank of each row (n,) if all orders of its candidates were as likely: H(n) / n of n candidates."""
    same = Counter(gallery.column("caption").to_pylist())
    sizes = [gallery.num_rows - same[caption] + 1 for caption in rows.column("caption").to_pylist()]
    harmonic = {size: math.fsum(1 / rank for rank in range(1, size + 1)) / size for size in set(sizes)}
    return np.array([harmonic[size] for size in sizes])


def _level(
    metric: Metric, part: str, rows: tuple[pa.Table, pa.Table], levels: tuple[Floats, Floats], sides: Sides
) -> Level:
    of = parts_of(metric.items, metric.groups)[part].of
    values = [of(_floats(table, "value"), _others(table)) for table in rows]
    units = find_units(rows[1].column("cluster").to_numpy(zero_copy_only=False))
    gaps = np.stack([values[0] - levels[0], values[1] - levels[1]], axis=1)
    before, after, count = leaf_sums(gaps, units).T
    ratios = [Ratio(before, count), Ratio(after, count), Ratio(after, before)]
    ends = intervals(ratios, units, bootstraps=sides.bootstraps)
    above = [mean(gaps[:, 0]), mean(gaps[:, 1])]
    knew = ends[0] is not None and ends[0][0] > 0
    return Level(
        metric=metric.name, part=part, before=mean(values[0]), after=mean(values[1]),
        level_before=mean(levels[0]), level_after=mean(levels[1]), above_before=above[0], above_before_ci95=ends[0],
        above_after=above[1], above_after_ci95=ends[1], left=above[1] / above[0] if knew else None,
        left_ci95=ends[2] if knew else None, n=len(gaps), people=units.count, reason=None,
    )  # fmt: skip


def _no_level(metric: str, part: str, reason: str) -> Level:
    return Level(metric, part, reason=reason)


def _people(sides: Sides, strangers: str) -> tuple[PersonRow, ...]:
    """Each person's main number, those best retrieved after the deletion first."""
    leakage = next((m for m in sides.metrics.values() if role_of(m) == "leakage" and m.items == "rank"), None)
    if leakage is None or not sides.rows(leakage.name)[1].num_rows:
        return ()
    before, after = sides.rows(leakage.name)
    told = sides.rows(strangers)[1]
    known = dict(zip(_keys(told), _floats(told, "value").tolist(), strict=True))
    of: dict[str, list[tuple[float, float, float | None]]] = {}
    ranks = [1.0 / _floats(table, "value") for table in (before, after)]
    for key, identity, x, y in zip(
        _keys(after), after.column("identity_id").to_pylist(), ranks[0].tolist(), ranks[1].tolist(), strict=True
    ):
        if identity is not None:
            of.setdefault(identity, []).append((x, y, known.get(key)))
    rows = [
        PersonRow(
            identity,
            len(values),
            before=math.fsum(x for x, _, _ in values) / len(values),
            after=math.fsum(y for _, y, _ in values) / len(values),
            strangers=_mean([z for _, _, z in values if z is not None]),
        )
        for identity, values in of.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-row.after, row.identity)))


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def _floats(table: pa.Table, name: str) -> Floats:
    values: Floats = table.column(name).to_numpy().astype(np.float64, copy=False)
    return values


def _others(table: pa.Table) -> Floats | None:
    return None if table.column("others").null_count else _floats(table, "others")


# --- what else the record says ----------------------------------------------------------------------------------


def _notes(before: str | None, after: str | None, changes: Mapping[str, Mapping[str, Change]]) -> list[str]:
    notes = []
    if before != after:
        notes.append(
            f"The model before was encoded in {before}, the model after in {after}: mean similarities may differ by up "
            "to 0.002 for that alone."
        )
    if not any(change.n for parts in changes.values() for change in parts.values()):
        notes.append("Nothing could be measured: the dataset has no rows.")
    return notes


def _attacks(path: Path, sha256: str | None, fingerprint: str) -> Attacks:
    record = read_record(path)
    if record.attacks is None:
        raise RecordError(f"Expected a record with attacks at {path}, got one without. Run salmubench attack first.")
    for what, given, expected in (
        ("the model after", record.model.sha256, sha256),
        ("this dataset", record.dataset.fingerprint, fingerprint),
    ):
        if given != expected:
            raise RecordError(f"Expected attacks on {what} ({expected}) at {path}, got {given}.")
    return record.attacks


def _inputs(before: Path, after: Path, attacked: Path | None, config: ScoreConfig) -> dict[str, str]:
    files = {"before": before / manifest.MANIFEST, "after": after / manifest.MANIFEST}
    if attacked is not None:
        files["attacks"] = attacked
    hashes = {name: manifest.sha256_file(path) for name, path in files.items() if path.is_file()}
    return {**hashes, "config": manifest.sha256_json(manifest.plain(config)), "version": manifest.version()}


def _is_current(out: Path, inputs: Mapping[str, str]) -> bool:
    if not all(path.is_file() for path in (out, *side_files(out))):
        return False
    try:
        return read_deletion(out).inputs == inputs
    except RecordError:
        return False


def side_files(record: Path) -> tuple[Path, ...]:
    """Gallery, items before and items after of a record."""
    return tuple(record.with_name(record.stem + suffix) for suffix in SIDE_FILES)


def _write(out: Path, record: DeletionRecord, sides: Sides) -> None:
    """Write gallery and items first, the record last."""
    tables = (sides.after.gallery, sides.before.items, sides.after.items)
    text = manifest.json_text(record, where=str(out))
    with alone(out):
        out.unlink(missing_ok=True)  # killed now, there is no record: an old one would have other items
        for path, table in zip(side_files(out), tables, strict=True):
            with manifest.atomic_path(path) as temporary:
                pq.write_table(table, temporary, compression="zstd")
        manifest.write_text(out, text)
