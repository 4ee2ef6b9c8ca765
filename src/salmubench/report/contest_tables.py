"""What a contest decided, for a paper, a page, a program: a row a candidate, a column a view, in each league."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Literal

from salmubench.core import writing
from salmubench.report.cells import Cell
from salmubench.report.contests import decision_cell, headline, limits_text, view_cell
from salmubench.report.latex import latex
from salmubench.report.tables import cells
from salmubench.report.wording import DASH, THIN
from salmubench.scoring.contest_record import ContestRecord, Row

_CSV = (
    "candidate", "title", "league", "track", "budget", "decision", "why", "worlds_needed", "standing", "view", "low",
    "high", "worlds", "mean", "sd", "ci90_low", "ci90_high", "ci95_low", "ci95_high", "ratio", "p_holm", "answer",
)  # fmt: skip


def contest_table(contest: ContestRecord, *, form: Literal["markdown", "latex", "csv", "json"]) -> str:
    """Decisions over worlds and the views that they rest on; CSV and JSON hold every number of them.

    Args:
        contest: what came out.
        form: of the table; LaTeX needs the package booktabs.
    """
    if form == "json":
        return json.dumps(writing.plain(contest), separators=(",", ":"), ensure_ascii=False, allow_nan=False) + "\n"
    if form == "csv":
        return _csv_text(contest)
    write = _markdown if form == "markdown" else _latex
    return "\n".join(write(contest, league.title, _rows(contest, league.key)) for league in contest.leagues)


def _rows(contest: ContestRecord, league: str) -> list[Row]:
    """The exact answer, then the candidates of a league."""
    exact = [] if contest.exact is None else [contest.exact]
    return [*exact, *(row for row in contest.rows if row.league == league)]


def _columns(rows: Sequence[Row]) -> dict[str, str]:
    """View → its limits in words."""
    return {view.name: limits_text(view) for row in rows for view in row.views}


def _shown(row: Row, names: Sequence[str]) -> list[tuple[str, str]]:
    """Name, decision and each view, each with what stands below it."""
    budget = "" if row.budget is None else f" {row.budget:g}×"
    views = {view.name: view_cell(view) for view in row.views}
    cells = [decision_cell(row), *(views.get(name, Cell(DASH)) for name in names)]
    return [(row.title + budget, ""), *((cell.text, cell.interval) for cell in cells)]


def _markdown(contest: ContestRecord, title: str, rows: Sequence[Row]) -> str:
    columns = _columns(rows)
    heads = ["method", "decision", *(f"{name}, {limits}" for name, limits in columns.items())]
    lines = [f"**{title}.** {headline(contest)}.", "", _pipe(heads), _pipe([":--", ":--", *["--:"] * len(columns)])]
    lines += [_pipe([" ".join(filter(None, cell)) for cell in _shown(row, list(columns))]) for row in rows]
    return "\n".join(lines) + "\n"


def _pipe(texts: Sequence[str]) -> str:
    plain = (" ".join(text.replace(THIN, " ").split()).replace("|", "\\|").replace("<", "&lt;") for text in texts)
    return f"| {' | '.join(plain)} |"


def _latex(contest: ContestRecord, title: str, rows: Sequence[Row]) -> str:
    columns = _columns(rows)
    lines = [
        "% needs \\usepackage{booktabs}",
        rf"\begin{{tabular}}{{ll{'r' * len(columns)}}}",
        r"\toprule",
        _line(["Method", "Decision", *map(latex, columns)]),
        _line(["", "", *map(_small, columns.values())]),
        r"\midrule",
    ]
    for row in rows:
        shown = _shown(row, list(columns))
        lines.append(_line([latex(text) for text, _ in shown]))
        below = [_small(under) for _, under in shown]
        lines += [_line(below)] if any(below) else []
    lines += [r"\bottomrule", r"\end{tabular}", f"% {latex(title)}: {latex(headline(contest))}; intervals of 90 %"]
    return "\n".join(lines) + "\n"


def _small(text: str) -> str:
    return rf"{{\tiny {latex(text)}}}" if text else ""


def _line(texts: Sequence[str]) -> str:
    line = " & ".join(texts)
    return ("{}" if line.startswith(("[", "*")) else "") + line + r" \\"


def _csv_text(contest: ContestRecord) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(_CSV)
    for row in [*([] if contest.exact is None else [contest.exact]), *contest.rows]:
        answer, why, needed = (None, "", None)
        if row.decision is not None:
            answer, why, needed = row.decision.answer, "; ".join(row.decision.why), row.decision.worlds_needed
        head = (row.name, row.title, row.league, row.track, row.budget, answer, why, needed, contest.plan.standing)
        for one in row.views:
            ends = (*(one.ci90 or (None, None)), *(one.ci95 or (None, None)))
            numbers = (one.name, one.low, one.high, one.worlds, one.mean, one.sd, *ends, one.ratio, one.p_holm)
            writer.writerow(cells((*head, *numbers, one.answer)))
        if not row.views:
            writer.writerow(cells((*head, *[None] * (len(_CSV) - len(head)))))
    return stream.getvalue()
