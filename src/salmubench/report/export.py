"""The tables of runs, records and contests in one form: for a paper, a page, a program."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from salmubench.core import places
from salmubench.core.errors import RecordError
from salmubench.report.cells import Cell
from salmubench.report.collect import Metrics, read_run
from salmubench.report.contest_numbers import exact_first
from salmubench.report.contests import decision_cell, headline, limits_text, view_cell
from salmubench.report.latex import latex, latex_report, row, small, tabular
from salmubench.report.main_numbers import between_references
from salmubench.report.seeds import pooled
from salmubench.report.tables import csv_table, csv_text, json_text, markdown_table, pipe
from salmubench.report.wording import DASH, THIN
from salmubench.scoring.contest_record import ContestRecord, Row, read_contest
from salmubench.scoring.record import RunRecord
from salmubench.scoring.record_files import read_record
from salmubench.scoring.roles import with_descriptions

Form = Literal["markdown", "latex", "csv", "json"]

_CONTEST = "contest.json"
_CSV = (
    "candidate", "title", "league", "track", "budget", "decision", "why", "worlds_needed", "standing", "view", "low",
    "high", "worlds", "mean", "sd", "ci90_low", "ci90_high", "ci95_low", "ci95_high", "ratio", "p_holm", "answer",
)  # fmt: skip


def table(runs: Sequence[Path], *, form: Form, metrics: Metrics, titles: Mapping[str, str]) -> str:
    """Records as a table: the main numbers with intervals and verdicts; CSV and JSON hold every number.

    Markdown and LaTeX have a table for each run, and one for all single records that share dataset and references. A
    contest is a table of its own: what it decided, and the views behind that.

    Args:
        runs: run folders, folders of records, or records; or one contest, by its folder or its `contest.json`.
        titles: method → its title.

    Raises:
        RecordError: no records, or one that can't be read; or a contest beside others.
    """
    contests = [path for path in runs if path.name == _CONTEST or (path / _CONTEST).is_file()]
    if contests:
        if len(runs) > 1:
            raise RecordError(
                f"Expected a contest alone, since its numbers are of several worlds, got {contests[0]} beside "
                f"{len(runs) - 1} more. Make a table of each."
            )
        path = contests[0]
        return contest_table(read_contest(path if path.name == _CONTEST else path / _CONTEST), form=form)
    groups: list[tuple[str, list[RunRecord]]] = []
    loose: dict[tuple[str, ...], list[RunRecord]] = {}
    for path in runs:
        if path.is_file() or path.suffix == ".json":
            record = with_descriptions(read_record(path), metrics)
            loose.setdefault((record.dataset.fingerprint, *map(str, record.references.values())), []).append(record)
        else:
            run = pooled(read_run(path, metrics))
            titles = {**run.info.titles, **titles}
            groups.append((places.real(path).name, list(run.records)))
    if form in ("csv", "json"):
        every = [record for records in (*(part for _, part in groups), *loose.values()) for record in records]
        return csv_table(every) if form == "csv" else json_text(every)
    groups += [(part[0].model.name, [*between_references(part[0]), *part[1:]]) for part in loose.values()]
    several = len(groups) > 1
    if form == "latex":
        return "\n".join(latex_report(records, titles, name=name if several else "") for name, records in groups)
    texts = [(name, markdown_table(records, titles, intervals=True)) for name, records in groups]
    return "\n".join(f"**{name}**\n\n{text}" if several else text for name, text in texts)


def contest_table(contest: ContestRecord, *, form: Form) -> str:
    """Decisions over worlds and the views that they rest on; CSV and JSON hold every number of them."""
    if form == "json":
        return json_text(contest)
    if form == "csv":
        return _contest_csv(contest)
    write = _contest_markdown if form == "markdown" else _contest_latex
    parts = []
    for league in contest.leagues:
        rows = exact_first(contest, [one for one in contest.rows if one.league == league.key])
        limits = {view.name: limits_text(view) for one in rows for view in one.views}
        shown = [_shown(one, list(limits)) for one in rows]
        parts.append(write(league.title, headline(contest), limits, shown))
    return "\n".join(parts)


def _shown(candidate: Row, names: Sequence[str]) -> list[tuple[str, str]]:
    """Name, decision and each view, each with what stands below it."""
    budget = "" if candidate.budget is None else f" {candidate.budget:g}×"
    views = {view.name: view_cell(view) for view in candidate.views}
    cells = [decision_cell(candidate), *(views.get(name, Cell(DASH)) for name in names)]
    return [(candidate.title + budget, ""), *((cell.text, cell.interval) for cell in cells)]


def _contest_markdown(
    title: str, said: str, limits: Mapping[str, str], rows: Sequence[Sequence[tuple[str, str]]]
) -> str:
    heads = ["method", "decision", *(f"{name}, {limit}" for name, limit in limits.items())]
    lines = [
        heads,
        [":--", ":--", *["--:"] * len(limits)],
        *([" ".join(filter(None, cell)) for cell in one] for one in rows),
    ]
    written = [pipe([_one_line(text) for text in line]) for line in lines]
    return "\n".join([f"**{title}.** {said}.", "", *written]) + "\n"


def _one_line(text: str) -> str:
    return " ".join(text.replace(THIN, " ").split()).replace("|", "\\|").replace("<", "&lt;")


def _contest_latex(title: str, said: str, limits: Mapping[str, str], rows: Sequence[Sequence[tuple[str, str]]]) -> str:
    heads = [row(["Method", "Decision", *map(latex, limits)])]
    heads.append(row(["", "", *(small(latex(limit)) for limit in limits.values())]))
    body = []
    for one in rows:
        body.append(row([latex(text) for text, _ in one]))
        body += [row([small(latex(below)) for _, below in one])] if any(below for _, below in one) else []
    written = tabular("ll" + "r" * len(limits), heads, body)
    return f"% needs \\usepackage{{booktabs}}\n{written}% {latex(title)}: {latex(said)}; intervals of 90 %\n"


def _contest_csv(contest: ContestRecord) -> str:
    lines: list[tuple[object, ...]] = []
    for one in exact_first(contest, contest.rows):
        decided = one.decision
        about = (None, "", None) if decided is None else (decided.answer, "; ".join(decided.why), decided.worlds_needed)
        head = (one.name, one.title, one.league, one.track, one.budget, *about, contest.plan.standing)
        for view in one.views:
            ends = (*(view.ci90 or (None, None)), *(view.ci95 or (None, None)))
            numbers = (view.name, view.low, view.high, view.worlds, view.mean, view.sd, *ends, view.ratio, view.p_holm)
            lines.append((*head, *numbers, view.answer))
        if not one.views:
            lines.append((*head, *[None] * (len(_CSV) - len(head))))
    return csv_text(_CSV, lines)
