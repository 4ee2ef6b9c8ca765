"""Tables by attribute and group: who and what a method forgets less well, or erases more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from salmubench import plugins
from salmubench.report import wording
from salmubench.report.cells import Cell, Head, Row, Table, with_words
from salmubench.report.collect import Run, reference_kind
from salmubench.scoring.breakdown import (
    Group,
    breakdown,
    labels_of,
    lump,
)
from salmubench.scoring.metric import Metric
from salmubench.scoring.record import Score
from salmubench.scoring.views import METRICS_PACKAGE
from salmubench.types import FIELDS, GROUPINGS

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
    retrieval, kept = _metric("retfail"), _metric("interidsim")
    sources = (
        ("left", "Leakage left L of RetFail MRR", retrieval, "mrr", ("RetFail",)),
        ("kept", "Kept K of held-out associations", kept, "value", ("IntraIdSim", "InterIdSim")),
    )
    found = []
    for by in GROUPINGS:
        made = []
        for short, title, metric, part, metrics in sources if run.dataset is not None else ():
            items = {record.model.name: _items(run, record.model.name, metrics, metric) for record in run.records}
            first = next((table for table in items.values() if table is not None), None)
            if first is None:
                continue
            assert run.dataset is not None
            labels = lump(labels_of(first, run.dataset, by), _MOST)
            if len(set(labels)) < 2:
                continue
            made.append(_table(run, names, items, labels, metric, part, key=f"{key}-{by}-{short}", title=title, by=by))
        made += _stored_tables(run, names, key=key, by=by, but=bool(made))
        if made:
            found.append(Breakdown(f"{key}-{by}", TITLES[by], made))
    return found


def _stored_tables(run: Run, names: Mapping[str, str], *, key: str, by: str, but: bool) -> list[Table]:
    """Tables of the numbers that the records break down themselves.

    Args:
        run: the run.
        names: model name → display name.
        key: of the section.
        by: the grouping.
        but: leave out RetFail MRR, which has a table already.
    """
    told = {record.model.name: record.breakdowns.get(by, {}) for record in run.records}
    parts = dict.fromkeys(
        (metric, part)
        for metrics in told.values()
        for metric, groups in metrics.items()
        for scores in groups.values()
        for part in scores
        if not (but and (metric, part) == ("RetFail", "mrr"))
    )
    return [_stored_table(run, names, told, which, key=key, by=by) for which in parts]


def _stored_table(
    run: Run,
    names: Mapping[str, str],
    told: Mapping[str, Mapping[str, Mapping[str, Mapping[str, Score]]]],
    which: tuple[str, str],
    *,
    key: str,
    by: str,
) -> Table:
    metric, part = which
    sizes: dict[str, int] = {}
    for metrics in told.values():
        sizes |= {label: scores[part].n for label, scores in metrics.get(metric, {}).items()}
    order = _order(sorted(sizes, key=lambda label: (-sizes[label], label))[:_MOST])
    rows: tuple[list[Row], list[Row]] = ([], [])
    for record in run.records:
        groups = told[record.model.name].get(metric)
        if groups is None:
            continue
        cells = [_cell(Group(label, groups[label]), part) if label in groups else Cell("–") for label in order]
        kind = reference_kind(record)
        row = Row(names[record.model.name], kind or "method", cells)
        rows[0 if kind else 1].append(with_words(row, record))
    heads = [Head(wording.group(label), n=f"n = {wording.count(sizes[label])}") for label in order]
    columns = (*wording.EFFICACY, *wording.UTILITY)
    title = next((column.label for column in columns if (column.metric, column.part) == which), metric)
    return Table(f"{key}-{by}-{metric}-{part}".lower(), f"{title}, {TITLES[by].lower()}", heads, rows[0], rows[1])


def _metric(name: str) -> Metric:
    found: Metric = plugins.load(METRICS_PACKAGE, name, kind="metric").METRIC
    return found


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
        kind = reference_kind(record)
        row = Row(names[record.model.name], kind or "method", [_cell(group, part) for group in groups])
        rows[0 if kind else 1].append(with_words(row, record))
    heads = [Head(wording.group(label), n=f"n = {wording.count(sizes.get(label))}") for label in order]
    return Table(key, f"{title}, {TITLES[by].lower()}", heads, rows[0], rows[1])


def _order(labels: Sequence[str]) -> list[str]:
    """Attributes as the protocol lists them, other groups by name; what is lumped or unknown last."""
    present = set(labels)
    known = [name for name in FIELDS if name in present]
    last = [name for name in ("other", "unknown") if name in present]
    return known + sorted(present - set(known) - set(last)) + last


def _cell(group: Group, part: str) -> Cell:
    score = group.scores[part]
    value = score.normalised.value
    if value is None:
        return Cell(wording.number(score.value), interval=wording.interval(score.ci95), sort="", title="")
    return Cell(
        wording.percent(value),
        interval=wording.percent_interval(score.normalised.ci95),
        sort=repr(float(value)),
        title=f"{wording.number(score.value)}, n = {wording.count(score.n)}, {wording.count(score.units)} people",
    )
