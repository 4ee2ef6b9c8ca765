"""The page's tables as rows of cells, ready for the template."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from markupsafe import Markup

from salmubench.report import wording
from salmubench.report.collect import score_of
from salmubench.report.drawings import panels
from salmubench.report.main_views import MainView, drop_of_clean, known_view, main_views, share_of_reference
from salmubench.report.seeds import spread
from salmubench.report.wording import DASH, Column
from salmubench.scoring.failure_modes import MODES, FailureMode
from salmubench.scoring.metric import label
from salmubench.scoring.record import NOT_LEARNT, RunRecord, Score, Thresholds
from salmubench.scoring.references import LABELS, OPTIONAL, is_pretrained, pretrained_kind, reference_kind
from salmubench.scoring.verdict import answers, applying

Repeats = Mapping[str, Sequence[RunRecord]]
"""Name of a record that speaks of several seeds → the record of each."""

ONE_WORLD = ", one world"
"""End of a caption: what a table of a run says holds for one dataset with its references."""

_FAILED = "failed: “At a glance” says why"


@dataclass(frozen=True)
class Cell:
    """A cell: the number, its interval, a normalised view, what to sort by.

    Attributes:
        sort: the number at full precision, or empty: then the row sorts last.
        note: number of the footnote that says why there is no number, 0 without.
        heat: shade of the cell, from 0 to 10; `None` without.
        tip: lines that are shown when the cell is pointed at or has the focus.
    """

    text: str
    interval: str = ""
    view: str = ""
    sort: str = ""
    title: str = ""
    note: int = 0
    state: str = ""
    strip: Markup | None = None
    spread: str = ""
    heat: int | None = None
    tip: Sequence[str] = ()


@dataclass(frozen=True)
class Row:
    """A row: the model and its cells, or what stands in their place of a failed method.

    Attributes:
        goal: marks the reference to be reached.
        modes: words to filter by: `passes`, or the failure modes it has or may have; `failed`.
    """

    name: str
    kind: str
    cells: Sequence[Cell] = ()
    message: str = ""
    detail: str = ""
    goal: bool = False
    modes: str = ""
    budget: str = ""


@dataclass(frozen=True)
class Head:
    """A column's head: label, definition, n, whether it is an extension of ours, whether its cells hold a strip."""

    label: str
    title: str = ""
    n: str = ""
    extension: bool = False
    wide: bool = False


@dataclass(frozen=True)
class Table:
    """A table of the page: reference rows stay on top, method rows can be sorted."""

    key: str
    caption: str
    heads: Sequence[Head]
    references: Sequence[Row]
    methods: Sequence[Row]
    notes: Sequence[str] = field(default=())


Notes = dict[str, int]
"""Footnotes of a table: reason → its number; equal reasons share one."""


def number_table(
    records: Sequence[RunRecord],
    names: Mapping[str, str],
    *,
    goal: str,
    key: str,
    repeats: Repeats | None = None,
    beside: bool = False,
) -> Table:
    """The table of one pillar: values, intervals, normalised views.

    Args:
        names: model name → display name.
        goal: `clean` for forgetting, `compromised` for utility; a column whose goal is another says so in its head.
        repeats: model name → the record of each seed.
        beside: the numbers that neither the paper has nor a verdict rests on, instead of the others.
    """
    all_columns = wording.columns(records, "efficacy" if goal == "clean" else "utility")
    shown, notes = [column for column in all_columns if column.beside == beside], Notes()
    goals = [_goal(records, column, goal) for column in shown]

    def row(record: RunRecord) -> Row:
        seeds = (repeats or {}).get(record.model.name, ())
        kind = model_kind(record)
        cells = [
            replace(
                _number_cell(score_of(record, column.metric, column.part), column, notes),
                spread=_spread(seeds, column.metric, column.part),
                state=_mark(kind, column_goal, goal),
            )
            for column, column_goal in zip(shown, goals, strict=True)
        ]
        return Row(names[record.model.name], kind, cells, detail=record.model.name, goal=kind == goal)

    pillar, ending = ("Forgetting", "forgetting") if goal == "clean" else ("Utility", "utility")
    if beside:
        pillar, ending = f"{pillar}, numbers that describe only", f"{ending}-beside"
    target = LABELS[goal]
    references, methods = _rows(records, names, row)
    for kind in {goal, *goals} - {entry.kind for entry in references}:  # the methods' records state its numbers
        cells = [_goal_cell(records, *column, kind, goal) for column in zip(shown, goals, strict=True)]
        references.append(Row(LABELS[kind], kind, cells, goal=kind == goal))
    references.sort(key=lambda entry: [*LABELS, "failed"].index(entry.kind))
    but = " where a column names no other" if {*goals} - {goal} else ""
    return Table(
        key=f"{key}-{ending}",
        caption=f"{pillar}: the goal is {target}’s value{but}{ONE_WORLD}",
        heads=[_head(records, column, column_goal, goal) for column, column_goal in zip(shown, goals, strict=True)],
        references=references,
        methods=methods,
        notes=tuple(notes),
    )


def view_table(
    records: Sequence[RunRecord],
    names: Mapping[str, str],
    *,
    key: str,
    thresholds: Thresholds,
    repeats: Repeats | None = None,
    caption: str = f"Between the references{ONE_WORLD}",
) -> Table:
    """Normalised views with intervals and strips."""
    notes = Notes()
    views = main_views(records)

    def row(record: RunRecord) -> Row:
        if reference_kind(record) is not None:
            cells = [_reference_cell(records, record, one, notes) for one in views]
        else:
            seeds = (repeats or {}).get(record.model.name, ())
            cells = [
                replace(
                    _view_cell(record, one, notes, one.limit(thresholds) if one.strip else None),
                    spread=_spread(seeds, one.metric, one.part, one),
                )
                for one in views
            ]
        return Row(names[record.model.name], model_kind(record), cells, detail=record.model.name)

    references, methods = _rows(records, names, row)
    heads = [Head(one.title, one.meaning, wide=one.strip) for one in views]
    return Table(f"{key}-views", caption, heads, references, methods, tuple(notes))


def mode_table(
    records: Sequence[RunRecord],
    names: Mapping[str, str],
    *,
    key: str,
    thresholds: Thresholds,
    caption: str = f"The four questions{ONE_WORLD}",
) -> Table:
    """Whether each method passes each question; the references are judged by none."""

    def row(record: RunRecord) -> Row:
        cells = [_mode_cell(record, mode) for mode in MODES]
        return Row(names[record.model.name], model_kind(record), cells, detail=record.model.name)

    judged = [record for record in records if reference_kind(record) is None]
    references, methods = _rows(judged, names, row)
    rules = wording.rules(thresholds)
    heads = [Head(mode.answers[0].capitalize(), f"No: {mode.word}, {rules[mode.name]}.") for mode in MODES]
    return Table(f"{key}-modes", caption, heads, references, methods)


def seed_tables(repeats: Repeats, names: Mapping[str, str], *, key: str, thresholds: Thresholds) -> list[Table]:
    """Views and questions of every seed by itself."""
    records = [record for group in repeats.values() for record in group]
    called = {
        record.model.name: f"{names[name]}, seed {record.model.seed}"
        for name, group in repeats.items()
        for record in group
    }
    key = f"{key}-seeds"
    return [
        view_table(
            records, called, key=key, thresholds=thresholds, caption=f"Between the references, by seed{ONE_WORLD}"
        ),
        mode_table(records, called, key=key, thresholds=thresholds, caption=f"The four questions, by seed{ONE_WORLD}"),
    ]


COSTS: Mapping[str, tuple[str, Callable[[float | None], str]]] = {
    "pairs": ("Pairs seen", wording.count),
    "steps": ("Optimiser steps", wording.count),
    "pictures": ("Pictures encoded", wording.count),
    "captions": ("Captions encoded", wording.count),
    "processor_seconds": ("Processor time", wording.seconds),
    "seconds": ("Wall-clock time", wording.seconds),
    "peak_memory": ("Peak memory", wording.memory),
}
"""Field of `cost` → how a table heads and writes it."""


def cost_table(records: Sequence[RunRecord], names: Mapping[str, str], *, key: str) -> Table:
    """What each model cost to make."""

    def row(record: RunRecord) -> Row:
        cells = []
        for name, (_, write) in COSTS.items():
            value = getattr(record.cost, name)
            title = "" if value is not None else "not recorded"
            cells.append(Cell(write(value), sort="" if value is None else repr(float(value)), title=title))
        return Row(names[record.model.name], model_kind(record), cells, detail=record.model.name)

    references, methods = _rows(records, names, row)
    heads = [Head(label) for label, _ in COSTS.values()]
    return Table(f"{key}-cost", f"Cost of each model{ONE_WORLD}", heads, references, methods)


def _spread(seeds: Sequence[RunRecord], metric: str, part: str, view: MainView | None = None) -> str:
    """The spread of a number over seeds, or of a view of it."""
    variation = spread(seeds, metric, part, view=view is not None, beside=None if view is None else view.beside)
    if variation is None:
        return ""
    return f"± {wording.number(variation.deviation) if view is None else wording.percent(variation.deviation)}"


def _rows(
    records: Sequence[RunRecord], names: Mapping[str, str], make: Callable[[RunRecord], Row]
) -> tuple[list[Row], list[Row]]:
    """Rows of the references and of the methods; a failed one has no numbers."""
    groups: tuple[list[Row], list[Row]] = ([], [])
    for record in records:
        if record.status == "complete":
            row = make(record)
        else:
            row = Row(names[record.model.name], "failed", message=_FAILED, detail=record.model.name)
        groups[0 if is_pretrained(record) else 1].append(with_words(row, record))
    return groups


def with_words(row: Row, record: RunRecord) -> Row:
    """Give a row what it is filtered by."""
    budget = "" if record.model.budget is None else f"{record.model.budget:g}×"
    return replace(row, modes=_words(record), budget=budget)


def _words(record: RunRecord) -> str:
    if record.status != "complete":
        return "failed"
    return " ".join(mode for mode, state in answers(record).items() if state != "no") or "passes"


def model_kind(record: RunRecord) -> str:
    """What a row is: a reference, by its name, or `method`."""
    return pretrained_kind(record) or "method"


def _scores(records: Sequence[RunRecord], column: Column) -> list[Score]:
    return [score for record in records if (score := score_of(record, column.metric, column.part)) is not None]


def _goal(records: Sequence[RunRecord], column: Column, goal: str) -> str:
    """A column's goal: the table's, but another reference's value where judged records say so."""
    return next((score.goal for score in _scores(records, column) if score.goal in OPTIONAL), goal)


def _mark(kind: str, column_goal: str, goal: str) -> str:
    """How a cell differs from its row: the goal in a row that isn't the table's, or not the goal in the row that is."""
    return "" if column_goal == goal else "is-goal" if kind == column_goal else "not-goal" if kind == goal else ""


def _head(records: Sequence[RunRecord], column: Column, column_goal: str, goal: str) -> Head:
    """A column's head; it names the goal where that isn't the table's."""
    n = max((score.n for score in _scores(records, column)), default=0)
    under, definition = [f"n = {wording.count(n)}"] if n else [], column.definition
    if column_goal != goal:
        name = LABELS[column_goal]
        under, definition = [*under, f"goal: {name}"], f"{definition} The goal is {name}’s value."
    return Head(column.label, definition, ", ".join(under), column.extension)


def _goal_cell(records: Sequence[RunRecord], column: Column, column_goal: str, kind: str, goal: str) -> Cell:
    """A reference's number as the methods' records state it: there is no record of the reference itself."""
    numbers = (getattr(score, kind) for score in _scores(records, column))
    number = next((value for value in numbers if value is not None), None)
    return Cell(wording.number(number), state=_mark(kind, column_goal, goal))


def _noted(notes: Notes, reason: str) -> int:
    return notes.setdefault(reason, len(notes) + 1)


def _number_cell(score: Score | None, column: Column, notes: Notes) -> Cell:
    if score is None or score.value is None:
        reason = (score.reason if score else "") or "not in the record"
        return Cell(DASH, title=reason, note=_noted(notes, f"{column.label}: {reason}"))
    view, title = "", f"n = {wording.count(score.n)}, {wording.count(score.units)} resampled units"
    if score.left_out:
        title += f", {wording.count(score.left_out)} rows left out"
    normalised = score.normalised
    if normalised.view is not None and normalised.value is not None:
        view = f"{wording.VIEWS[normalised.view]} {wording.percent(normalised.value)}"
        title += f"; {view} {wording.percent_interval(normalised.ci95)}"
    elif normalised.view is not None and normalised.reason == NOT_LEARNT:
        view = f"{wording.VIEWS[normalised.view]} {NOT_LEARNT}"
    return Cell(
        wording.number(score.value),
        interval=wording.interval(score.ci95),
        view=view,
        sort=repr(float(score.value)),
        title=title,
    )


def _view_cell(record: RunRecord, view: MainView, notes: Notes, limit: float | None) -> Cell:
    score = score_of(record, view.metric, view.part)
    normalised = known_view(score, view.beside)
    if score is None or normalised is None or normalised.value is None:
        reason = (normalised.reason if normalised else None) or (score.reason if score else None) or "not in the record"
        return Cell(
            wording.missing(reason), title=reason, note=_noted(notes, f"{label(view.metric, view.part)}: {reason}")
        )
    value, spread = normalised.value, normalised.ci95
    return Cell(
        wording.percent(value),
        view="" if normalised.most_of_one is None else f"one person: {wording.percent(normalised.most_of_one)} of it",
        title="" if normalised.most_of_one is None else "few people have what is left: its interval may end too early",
        interval=wording.percent_interval(spread),
        sort=repr(float(value)),
        strip=None if limit is None else panels.strip(value, spread, threshold=limit),
    )


def _mode_cell(record: RunRecord, mode: FailureMode) -> Cell:
    state = applying(record).get(mode.name)
    ignored = () if record.verdict is None else record.verdict.ignored.get(mode.name, ())
    if state is None:
        old = mode.name not in answers(record)
        return Cell(DASH, title=f"not judged {'in a record of schema 1' if old else 'of another training'}")
    title = f"without {', '.join(ignored)}" if ignored else ""
    return answer_cell(state, title=title)


def answer_cell(state: str, *, title: str = "") -> Cell:
    """The answer to a failure mode's question, the best first where sorted."""
    answer = wording.PASSES[state]
    text = "? undecided" if answer == "?" else f"{wording.MARKS[answer]} {answer}"
    return Cell(text, sort=str(("no", "undecided", "yes").index(state)), state=f"verdict {state}", title=title)


def _reference_cell(records: Sequence[RunRecord], record: RunRecord, view: MainView, notes: Notes) -> Cell:
    """What the view is for a reference; D of Clean: how far the two references are apart."""
    kind, reason = reference_kind(record) or "clean", ""
    if view.role != "drop":
        value, reason = share_of_reference(records, kind, view.metric, view.part, beside=view.beside)
    else:
        value = 0.0 if kind == "compromised" else drop_of_clean(records, record, view.metric)
    if value is None:
        reason = reason or f"no {view.metric} of both references"
        return Cell(
            wording.missing(reason), title=reason, note=_noted(notes, f"{label(view.metric, view.part)}: {reason}")
        )
    return Cell(wording.percent(value))
