"""One person's fact before unlearning, after it, and after an attack: ranks under each model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from salmubench.core import streams
from salmubench.report import wording
from salmubench.report.collect import Run
from salmubench.report.config import ReportConfig
from salmubench.report.gallery import portrait, rank_text
from salmubench.scoring.attacks.record import Attacks
from salmubench.scoring.attacks.table import PARTS
from salmubench.scoring.record import RunRecord
from salmubench.scoring.references import LABELS


@dataclass(frozen=True)
class ExampleLine:
    """One model's ranks of the fact.

    Attributes:
        kind: `clean`, `compromised` or `after`.
        before: rank of the caption and of the value, before any attack.
    """

    name: str
    kind: str
    before: Sequence[str]
    attacked: Sequence[str]
    attack: str


@dataclass(frozen=True)
class Example:
    """The person, the fact and a line for each model; the picture is a data URI, empty where there is none."""

    image: str
    alt: str
    caption: str
    field: str
    lines: Sequence[ExampleLine]
    seed: int


@dataclass(frozen=True)
class _Pick:
    file_name: str
    identity: str


def example(run: Run, records: Sequence[RunRecord], names: Mapping[str, str], config: ReportConfig) -> Example | None:
    """Draw a fact of somebody who had to be forgotten altogether; `None` where no rows tell any.

    Args:
        names: model name → display name.
    """
    rows = {record.model.name: run.attack_rows(record.model.name) for record in records}
    pick = _draw([table for table in rows.values() if table is not None], _with_items(run, records), config)
    if pick is None:
        return None
    told = {record.model.name: _before(run, record.model.name, pick) for record in records}
    caption = next((str(found["caption"]) for parts in told.values() for found in parts.values()), "")
    pairs = [] if run.dataset is None else run.dataset.rows("forget")
    pair = next((one for one in pairs if one.file_name == pick.file_name and one.identity == pick.identity), None)
    person = {} if run.dataset is None else run.dataset.identities.get(pick.identity, {})
    lines = [_reference(kind, told) for kind in ("compromised", "clean")]
    lines += [
        _line(record, rows[record.model.name], told[record.model.name], pick, names[record.model.name])
        for record in records
    ]
    return Example(
        image=portrait(run, "forget", pick.file_name, config.portrait_size) or "",
        alt=f"Synthetic portrait of {person.get('name', 'a person')}",
        caption=pair.caption if pair is not None else caption,
        field="" if pair is None or pair.field is None else wording.group(pair.field),
        lines=[line for line in lines if line is not None],
        seed=config.gallery_seed,
    )


def _with_items(run: Run, records: Sequence[RunRecord]) -> set[tuple[str, str]]:
    """Pairs whose value was ranked before any attack, too."""
    metric = next((metric.name for metric in run.metrics.values() if metric.role == PARTS[-1]), "")
    tables = [table for record in records if (table := run.items(record.model.name, metric)) is not None]
    if not tables:
        return set()
    return set(zip(*(tables[0].column(name).to_pylist() for name in ("file_name", "identity_id")), strict=True))


def _draw(tables: Sequence[pa.Table], known: Set[tuple[str, str]], config: ReportConfig) -> _Pick | None:
    """A pair that all models were judged on, with ranks of values where there are any, `known` ones first."""
    for part in reversed(PARTS):
        common: set[tuple[str, str]] | None = None
        for table in tables:
            chosen = _where(table, part=part, group="identity")
            keys = set(zip(*(chosen.column(name).to_pylist() for name in ("file_name", "identity")), strict=True))
            common = keys if common is None else common & keys
        if common:
            ordered = sorted(common & known or common)
            rng = np.random.default_rng([config.gallery_seed, streams.REPORT_ATTACKED])
            return _Pick(*ordered[int(rng.integers(len(ordered)))])
    return None


def _before(run: Run, model: str, pick: _Pick) -> dict[str, dict[str, Any]]:
    """Part → the pair's item of the metric with that role."""
    found = {}
    for part in PARTS:
        metric = next((metric.name for metric in run.metrics.values() if metric.role == part), None)
        table = None if metric is None else run.items(model, metric)
        if table is not None:
            which = pc.and_(
                pc.equal(table.column("file_name"), pick.file_name),
                pc.equal(table.column("identity_id"), pick.identity),
            )
            items = table.filter(which).to_pylist()
            if items:
                found[part] = items[0]
    return found


def _reference(kind: str, told: Mapping[str, Mapping[str, dict[str, Any]]]) -> ExampleLine | None:
    """A reference's ranks, as the items of the models judged between the references have them."""
    parts = next((parts for parts in told.values() if any(item.get(kind) is not None for item in parts.values())), None)
    if parts is None:
        return None
    before = [_of(parts.get(part), kind) for part in PARTS]
    return ExampleLine(LABELS[kind], kind, before, [wording.DASH] * len(PARTS), "")


def _line(
    record: RunRecord, table: pa.Table | None, told: Mapping[str, dict[str, Any]], pick: _Pick, name: str
) -> ExampleLine:
    before = [_of(told.get(part), "value") for part in PARTS]
    attack, variant = _strongest(record.attacks)
    attacked = [wording.DASH] * len(PARTS)
    if table is not None and attack:
        rows = _where(table, attack=attack, variant=variant, file_name=pick.file_name, identity=pick.identity)
        ranks = {row["part"]: row["rank"] for row in rows.to_pylist()}
        attacked = [rank_text(ranks.get(part)) or wording.DASH for part in PARTS]
    return ExampleLine(
        name, "after", before, attacked, f"{attack}: {variant}" if attack else "no attack gives a number"
    )


def _strongest(section: Attacks | None) -> tuple[str, str]:
    """The strongest attack that ranks captions, and the variant that counts most often for it."""
    known = {
        name: found
        for name, score in (section.scores.items() if section is not None else ())
        if score.reason is None and score.info.headline == PARTS[0]
        if (found := score.numbers.get(PARTS[0])) is not None and found.value is not None and found.chosen
    }
    if not known:
        return "", ""
    name = max(known, key=lambda key: known[key].value or 0.0)
    return name, Counter(known[name].chosen).most_common(1)[0][0]


def _of(item: Mapping[str, Any] | None, column: str) -> str:
    """A rank, and among how many where the item tells."""
    if item is None or item.get(column) is None:
        return wording.DASH
    others = item.get("others")
    return rank_text(float(item[column])) + ("" if others is None else f" of {others + 1}")


def _where(table: pa.Table, **values: str) -> pa.Table:
    """Rows in which columns hold these values."""
    for name, value in values.items():
        table = table.filter(pc.equal(table.column(name), value))
    return table
