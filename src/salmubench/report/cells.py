"""The page's tables as rows of cells, ready for the template."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

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
    """A row: the model and its cells.

    Attributes:
        kind: a reference, by its name, `method`, or `failed`, which has no cells.
        goal: marks the reference to be reached.
        modes: words to filter by: `passes`, or the failure modes it has or may have; `failed`.
    """

    name: str
    kind: str
    cells: Sequence[Cell] = ()
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
    notes: Sequence[str] = ()


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
        goal: `clean` for forgetting, `compromised` for utility; a column whose goal is another says so in its head.
        beside: the numbers that neither the paper has nor a verdict rests on, instead of the others.
    """
    pillar = "efficacy" if goal == "clean" else "utility"
    shown = [(one, _goal(records, one, goal)) for one in wording.columns(records, pillar) if one.beside == beside]
    notes = Notes()

    def cells(record: RunRecord) -> list[Cell]:
        seeds = (repeats or {}).get(record.model.name, ())
        return [
            replace(
                _number_cell(score_of(record, column.metric, column.part), column, notes),
                spread=_plus_minus(spread(seeds, column.metric, column.part), wording.number),
                state=_mark(_kind(record), column_goal, goal),
            )
            for column, column_goal in shown
        ]

    references, methods = _rows(records, names, cells, goal=goal)
    goals = {goal, *(column_goal for _, column_goal in shown)}
    for kind in goals - {entry.kind for entry in references}:  # the methods' records state its numbers
        stated = [_goal_cell(records, *column, kind, goal) for column in shown]
        references.append(Row(LABELS[kind], kind, stated, goal=kind == goal))
    references.sort(key=lambda entry: [*LABELS, "failed"].index(entry.kind))
    title, ending = ("Forgetting", "forgetting") if goal == "clean" else ("Utility", "utility")
    if beside:
        title, ending = f"{title}, numbers that describe only", f"{ending}-beside"
    but = " where a column names no other" if goals - {goal} else ""
    return Table(
        key=f"{key}-{ending}",
        caption=f"{title}: the goal is {LABELS[goal]}’s value{but}{ONE_WORLD}",
        heads=[_head(records, *column, goal) for column in shown],
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
    by: str = "",
) -> Table:
    """Normalised views with intervals and strips."""
    notes = Notes()
    views = main_views(records)

    def cells(record: RunRecord) -> list[Cell]:
        if reference_kind(record) is not None:
            return [_reference_cell(records, record, one, notes) for one in views]
        seeds = (repeats or {}).get(record.model.name, ())
        return [
            replace(
                _view_cell(record, one, notes, one.limit(thresholds) if one.strip else None),
                spread=_plus_minus(spread(seeds, one.metric, one.part, view=True, beside=one.beside), wording.percent),
            )
            for one in views
        ]

    rows = _rows(records, names, cells)
    heads = [Head(one.title, one.meaning, wide=one.strip) for one in views]
    return Table(f"{key}-views", f"Between the references{by}{ONE_WORLD}", heads, *rows, tuple(notes))


def mode_table(
    records: Sequence[RunRecord], names: Mapping[str, str], *, key: str, thresholds: Thresholds, by: str = ""
) -> Table:
    """Whether each method passes each question; the references are judged by none."""
    judged = [record for record in records if reference_kind(record) is None]
    rows = _rows(judged, names, lambda record: [_mode_cell(record, mode) for mode in MODES])
    rules = wording.rules(thresholds)
    heads = [Head(mode.answers[0].capitalize(), f"No: {mode.word}, {rules[mode.name]}.") for mode in MODES]
    return Table(f"{key}-modes", f"The four questions{by}{ONE_WORLD}", heads, *rows)


def seed_tables(repeats: Repeats, names: Mapping[str, str], *, key: str, thresholds: Thresholds) -> list[Table]:
    """Views and questions of every seed by itself."""
    records = [record for group in repeats.values() for record in group]
    called = {
        record.model.name: f"{names[name]}, seed {record.model.seed}"
        for name, group in repeats.items()
        for record in group
    }
    return [
        make(records, called, key=f"{key}-seeds", thresholds=thresholds, by=", by seed")
        for make in (view_table, mode_table)
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

    def cells(record: RunRecord) -> list[Cell]:
        values = [(getattr(record.cost, name), write) for name, (_, write) in COSTS.items()]
        return [
            Cell(write(value), sort=repr(float(value)))
            if value is not None
            else Cell(write(None), title="not recorded")
            for value, write in values
        ]

    heads = [Head(label) for label, _ in COSTS.values()]
    return Table(f"{key}-cost", f"Cost of each model{ONE_WORLD}", heads, *_rows(records, names, cells))


def _plus_minus(deviation: float | None, write: Callable[[float], str]) -> str:
    return "" if deviation is None else f"± {write(deviation)}"


def _rows(
    records: Sequence[RunRecord], names: Mapping[str, str], make: Callable[[RunRecord], Sequence[Cell]], goal: str = ""
) -> tuple[list[Row], list[Row]]:
    """Rows of the references and of the methods."""
    groups: tuple[list[Row], list[Row]] = ([], [])
    for record in records:
        cells = make(record) if record.status == "complete" else ()
        groups[0 if is_pretrained(record) else 1].append(model_row(record, names[record.model.name], cells, goal))
    return groups


def model_row(record: RunRecord, name: str, cells: Sequence[Cell], goal: str = "") -> Row:
    """The row of a model, with what it is filtered by; `goal` is the reference to be reached."""
    kind, modes = _kind(record), "failed"
    if kind != "failed":
        modes = " ".join(mode for mode, state in answers(record).items() if state != "no") or "passes"
    budget = "" if record.model.budget is None else f"{record.model.budget:g}×"
    return Row(name, kind, cells, record.model.name, kind == goal, modes, budget)


def _kind(record: RunRecord) -> str:
    return "failed" if record.status != "complete" else pretrained_kind(record) or "method"


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


def _no_number(about: str, reason: str, notes: Notes) -> Cell:
    note = notes.setdefault(f"{about}: {reason}", len(notes) + 1)
    return Cell(wording.missing(reason), title=reason, note=note)


def _number_cell(score: Score | None, column: Column, notes: Notes) -> Cell:
    if score is None or score.value is None:
        return _no_number(column.label, (score and score.reason) or "not in the record", notes)
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
        reason = (normalised and normalised.reason) or (score and score.reason) or "not in the record"
        return _no_number(label(view.metric, view.part), reason, notes)
    value, ends, most_of_one = normalised.value, normalised.ci95, normalised.most_of_one
    return Cell(
        wording.percent(value),
        view="" if most_of_one is None else f"one person: {wording.percent(most_of_one)} of it",
        title="" if most_of_one is None else "few people have what is left: its interval may end too early",
        interval=wording.percent_interval(ends),
        sort=repr(float(value)),
        strip=None if limit is None else panels.strip(value, ends, threshold=limit),
    )


def _mode_cell(record: RunRecord, mode: FailureMode) -> Cell:
    state = applying(record).get(mode.name)
    if state is None:
        old = mode.name not in answers(record)
        return Cell(DASH, title=f"not judged {'in a record of schema 1' if old else 'of another training'}")
    ignored = () if record.verdict is None else record.verdict.ignored.get(mode.name, ())
    return replace(answer_cell(state), title=f"without {', '.join(ignored)}" if ignored else "")


def answer_cell(state: str) -> Cell:
    """The answer to a failure mode's question, the best first where sorted."""
    answer = wording.PASSES[state]
    text = "? undecided" if answer == "?" else f"{wording.MARKS[answer]} {answer}"
    return Cell(text, sort=str(("no", "undecided", "yes").index(state)), state=f"verdict {state}")


def _reference_cell(records: Sequence[RunRecord], record: RunRecord, view: MainView, notes: Notes) -> Cell:
    """What the view is for a reference; D of Clean: how far the two references are apart."""
    kind, reason = reference_kind(record) or "clean", ""
    if view.role != "drop":
        value, reason = share_of_reference(records, kind, view.metric, view.part, beside=view.beside)
    else:
        value = 0.0 if kind == "compromised" else drop_of_clean(records, record, view.metric)
    if value is None:
        return _no_number(label(view.metric, view.part), reason or f"no {view.metric} of both references", notes)
    return Cell(wording.percent(value))
