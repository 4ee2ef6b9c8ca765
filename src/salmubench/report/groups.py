"""Tables by attribute and group: who and what a method forgets less well, or erases more."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from salmubench.core.types import FIELDS, GROUPINGS
from salmubench.report import wording
from salmubench.report.cells import ONE_WORLD, Cell, Head, Row, Table, model_row
from salmubench.report.collect import Run
from salmubench.scoring.breakdown import breakdown, labels_of, merge_rare
from salmubench.scoring.metric import PEOPLE, Metric, label, main_part, part_of
from salmubench.scoring.record import NOT_LEARNT, Score
from salmubench.scoring.references import is_pretrained

TITLES = {
    "attribute": "By attribute",
    "style": "By caption style",
    "country": "By country",
    "gender": "By apparent gender",
    "kind": "By kind of identity",
}
_MOST = 9  # columns of a table
_RESAMPLES = 400
_BY_PEOPLE = tuple(part_of("", group) for group in PEOPLE)

_Scores = Mapping[str, Mapping[str, Score]]
"""Model name → group → score."""


@dataclass(frozen=True)
class Breakdown:
    """The tables of one grouping."""

    title: str
    tables: Sequence[Table]


@dataclass(frozen=True)
class _Source:
    """What a table by groups is about: its key and title, the metric, and the metrics whose items are put together."""

    key: str
    title: str
    metric: Metric
    names: Sequence[str]


def breakdowns(run: Run, names: Mapping[str, str], *, key: str) -> list[Breakdown]:
    """Leakage left and share kept by group; groupings of which the dataset knows one group only are left out.

    Behind them every number of the groupings that the records themselves break down (`score --by`).
    """
    groupings, sources = [], _sources(run)
    for by in GROUPINGS:
        tables = []
        for source in sources:
            scores = _by_group(run, source, by)
            if scores:
                order, table_key = list(next(iter(scores.values()))), f"{key}-{by}-{source.key}"
                tables.append(_table(run, names, scores, order, key=table_key, title=source.title, by=by))
        drawn = {(source.metric.name, main_part(source.metric.items)) for source in sources[:1] if tables}
        tables += _stored_tables(run, names, key=key, by=by, but=drawn)
        if tables:
            groupings.append(Breakdown(TITLES[by], tables))
    return groupings


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


def _by_group(run: Run, source: _Source, by: str) -> _Scores:
    """Scores by group, in the order of columns; empty where nobody has items, or all are of one group."""
    items = {record.model.name: _items(run, record.model.name, source) for record in run.records}
    known = {model: table for model, table in items.items() if table is not None}
    if run.dataset is None or not known:
        return {}
    labels = merge_rare(labels_of(next(iter(known.values())), run.dataset, by), _MOST)
    if len(set(labels)) < 2:
        return {}
    part, order = main_part(source.metric.items), _order(labels)
    broken_down = {
        model: breakdown(table, labels, metric=source.metric, bootstraps=_RESAMPLES, order=order)
        for model, table in known.items()
        if table.num_rows == len(labels)
    }
    return {model: {group.label: group.scores[part] for group in groups} for model, groups in broken_down.items()}


def _items(run: Run, model: str, source: _Source) -> pa.Table | None:
    """Items of one or more metrics, all under one metric's name."""
    tables = [table for name in source.names if (table := run.items(model, name)) is not None]
    if len(tables) < len(source.names):
        return None
    joined = pa.concat_tables(tables)
    column = pa.array([source.metric.name] * joined.num_rows, pa.string())
    return joined.set_column(joined.column_names.index("metric"), "metric", column).combine_chunks()


def _stored_tables(
    run: Run, names: Mapping[str, str], *, key: str, by: str, but: Collection[tuple[str, str]]
) -> list[Table]:
    """Tables of the numbers that the records break down themselves."""
    stored = {record.model.name: record.breakdowns.get(by, {}) for record in run.records}
    parts = dict.fromkeys(
        (metric, part)
        for metrics in stored.values()
        for metric, groups in metrics.items()
        for scores in groups.values()
        for part in scores
        if (metric, part) not in but and not part.endswith(_BY_PEOPLE)  # a grouping of its own
    )
    tables = []
    for metric, part in parts:
        scores = {
            model: {group: of[part] for group, of in metrics[metric].items()}
            for model, metrics in stored.items()
            if metric in metrics
        }
        sizes = _sizes(scores)
        order = _order(sorted(sizes, key=lambda group: (-sizes[group], group))[:_MOST])
        title, table_key = label(metric, part), f"{key}-{by}-{metric}-{part}".lower()
        tables.append(_table(run, names, scores, order, key=table_key, title=title, by=by))
    return tables


def _sizes(scores: _Scores) -> dict[str, int]:
    return {group: score.n for groups in scores.values() for group, score in groups.items()}


def _table(
    run: Run, names: Mapping[str, str], scores: _Scores, order: Sequence[str], *, key: str, title: str, by: str
) -> Table:
    sizes = _sizes(scores)
    heads = [Head(wording.group(name), n=f"n = {wording.count(sizes[name])}") for name in order]
    rows: tuple[list[Row], list[Row]] = ([], [])
    for record in run.records:
        groups = scores.get(record.model.name)
        if groups is not None:
            cells = [_cell(groups[name]) if name in groups else Cell("–") for name in order]
            rows[0 if is_pretrained(record) else 1].append(model_row(record, names[record.model.name], cells))
    return Table(key, f"{title}, {TITLES[by].lower()}{ONE_WORLD}", heads, *rows)


def _order(labels: Sequence[str]) -> list[str]:
    """Attributes as the protocol lists them, other groups by name; merged and unknown ones last."""
    present = set(labels)
    fields = [name for name in FIELDS if name in present]
    last = [name for name in ("other", "unknown") if name in present]
    return fields + sorted(present - set(fields) - set(last)) + last


def _cell(score: Score) -> Cell:
    value, size = score.normalised.value, f"{wording.number(score.value)}, n = {wording.count(score.n)}"
    if score.normalised.reason == NOT_LEARNT:
        return Cell(NOT_LEARNT, title=size)
    if value is None:
        return Cell(wording.number(score.value), interval=wording.interval(score.ci95))
    return Cell(
        wording.percent(value),
        interval=wording.percent_interval(score.normalised.ci95),
        sort=repr(float(value)),
        title=f"{size}, {wording.count(score.units)} people",
    )
