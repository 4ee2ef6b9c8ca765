"""Tables by attribute and group: who and what a method forgets less well, or erases more."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from salmubench.core.types import FIELDS, GROUPINGS
from salmubench.report import wording
from salmubench.report.cells import ONE_WORLD, Cell, Head, Row, Table, model_kind, with_words
from salmubench.report.collect import Run
from salmubench.scoring.breakdown import (
    ItemGroup,
    breakdown,
    labels_of,
    merge_rare,
)
from salmubench.scoring.metric import PEOPLE, Metric, label, main_part, part_of
from salmubench.scoring.record import NOT_LEARNT, Score
from salmubench.scoring.references import is_pretrained

TITLES = {
    "attribute": "By attribute",
    "style": "By caption style",
    "country": "By country",
    "gender": "By apparent gender",
    "aspect": "By shape of the picture",
    "kind": "By kind of identity",
}
_MOST = 9  # columns of a table
_RESAMPLES = 400


@dataclass(frozen=True)
class Breakdown:
    """The tables of one grouping."""

    key: str
    title: str
    tables: Sequence[Table]


def breakdowns(run: Run, names: Mapping[str, str], *, key: str) -> list[Breakdown]:
    """Leakage left and share kept by group; groupings of which the dataset knows one group only are left out.

    Behind them every number of the groupings that the records themselves break down (`score --by`).
    """
    sources = _sources(run)
    groupings = []
    for by in GROUPINGS:
        tables = []
        for source in sources if run.dataset is not None else ():
            metric = source.metric
            items = {record.model.name: _items(run, record.model.name, source.names, metric) for record in run.records}
            first = next((table for table in items.values() if table is not None), None)
            if first is None:
                continue
            assert run.dataset is not None
            labels = merge_rare(labels_of(first, run.dataset, by), _MOST)
            if len(set(labels)) < 2:
                continue
            part = main_part(metric.items)
            table_key = f"{key}-{by}-{source.key}"
            tables.append(_table(run, names, items, labels, metric, part, key=table_key, title=source.title, by=by))
        drawn = {(source.metric.name, main_part(source.metric.items)) for source in sources[:1] if tables}
        tables += _stored_tables(run, names, key=key, by=by, but=drawn)
        if tables:
            groupings.append(Breakdown(f"{key}-{by}", TITLES[by], tables))
    return groupings


@dataclass(frozen=True)
class _Source:
    """What a table by groups is about: its key and title, the metric, and the metrics whose items are put together."""

    key: str
    title: str
    metric: Metric
    names: Sequence[str]


def _sources(run: Run) -> list[_Source]:
    sources = []
    leakage = next((metric for metric in run.metrics.values() if metric.role == "leakage"), None)
    kept = [metric for metric in run.metrics.values() if metric.role == "kept" and metric.panel is not None]
    if leakage is not None:
        title = f"Leakage left L of {label(leakage.name, main_part(leakage.items))}"
        sources.append(_Source("left", title, leakage, (leakage.name,)))
    if kept:
        names = [metric.name for metric in reversed(kept)]
        sources.append(_Source("kept", "Kept K of held-out associations", kept[0], names))
    return sources


_BY_PEOPLE = tuple(part_of("", group) for group in PEOPLE)


def _stored_tables(
    run: Run, names: Mapping[str, str], *, key: str, by: str, but: Collection[tuple[str, str]]
) -> list[Table]:
    """Tables of the numbers that the records break down themselves.

    Args:
        names: model name → display name.
    """
    stored = {record.model.name: record.breakdowns.get(by, {}) for record in run.records}
    parts = dict.fromkeys(
        (metric, part)
        for metrics in stored.values()
        for metric, groups in metrics.items()
        for scores in groups.values()
        for part in scores
        if (metric, part) not in but and not part.endswith(_BY_PEOPLE)  # a grouping of its own
    )
    return [_stored_table(run, names, stored, which, key=key, by=by) for which in parts]


def _stored_table(
    run: Run,
    names: Mapping[str, str],
    stored: Mapping[str, Mapping[str, Mapping[str, Mapping[str, Score]]]],
    which: tuple[str, str],
    *,
    key: str,
    by: str,
) -> Table:
    metric, part = which
    sizes: dict[str, int] = {}
    for metrics in stored.values():
        sizes |= {group: scores[part].n for group, scores in metrics.get(metric, {}).items()}
    order = _order(sorted(sizes, key=lambda group: (-sizes[group], group))[:_MOST])
    rows: tuple[list[Row], list[Row]] = ([], [])
    for record in run.records:
        groups = stored[record.model.name].get(metric)
        if groups is None:
            continue
        cells = [_cell(ItemGroup(name, groups[name]), part) if name in groups else Cell("–") for name in order]
        row = Row(names[record.model.name], model_kind(record), cells)
        rows[0 if is_pretrained(record) else 1].append(with_words(row, record))
    heads = [Head(wording.group(name), n=f"n = {wording.count(sizes[name])}") for name in order]
    title = label(metric, part)
    return Table(
        f"{key}-{by}-{metric}-{part}".lower(), f"{title}, {TITLES[by].lower()}{ONE_WORLD}", heads, rows[0], rows[1]
    )


def _items(run: Run, model: str, metrics: Sequence[str], metric: Metric) -> pa.Table | None:
    """Items of one or more metrics, all under one metric's name."""
    tables = [table for name in metrics if (table := run.items(model, name)) is not None]
    if len(tables) < len(metrics):
        return None
    joined = pa.concat_tables(tables)
    column = pa.array([metric.name] * joined.num_rows, pa.string())
    return joined.set_column(joined.column_names.index("metric"), "metric", column).combine_chunks()


def _table(
    run: Run,
    names: Mapping[str, str],
    items: Mapping[str, pa.Table | None],
    labels: Sequence[str],
    metric: Metric,
    part: str,
    *,
    key: str,
    title: str,
    by: str,
) -> Table:
    order = _order(labels)
    rows: tuple[list[Row], list[Row]] = ([], [])
    sizes: dict[str, int] = {}
    for record in run.records:
        table = items[record.model.name]
        if table is None or table.num_rows != len(labels):
            continue
        groups = breakdown(table, labels, metric=metric, bootstraps=_RESAMPLES, order=order)
        sizes |= {group.label: group.scores[part].n for group in groups}
        row = Row(names[record.model.name], model_kind(record), [_cell(group, part) for group in groups])
        rows[0 if is_pretrained(record) else 1].append(with_words(row, record))
    heads = [Head(wording.group(name), n=f"n = {wording.count(sizes.get(name))}") for name in order]
    return Table(key, f"{title}, {TITLES[by].lower()}{ONE_WORLD}", heads, rows[0], rows[1])


def _order(labels: Sequence[str]) -> list[str]:
    """Attributes as the protocol lists them, other groups by name; merged and unknown ones last."""
    present = set(labels)
    fields = [name for name in FIELDS if name in present]
    last = [name for name in ("other", "unknown") if name in present]
    return fields + sorted(present - set(fields) - set(last)) + last


def _cell(group: ItemGroup, part: str) -> Cell:
    score = group.scores[part]
    value = score.normalised.value
    if score.normalised.reason == NOT_LEARNT:
        return Cell(NOT_LEARNT, sort="", title=f"{wording.number(score.value)}, n = {wording.count(score.n)}")
    if value is None:
        return Cell(wording.number(score.value), interval=wording.interval(score.ci95), sort="", title="")
    return Cell(
        wording.percent(value),
        interval=wording.percent_interval(score.normalised.ci95),
        sort=repr(float(value)),
        title=f"{wording.number(score.value)}, n = {wording.count(score.n)}, {wording.count(score.units)} people",
    )
