"""The main numbers as plain text, Markdown, CSV and JSON, and all forms to download."""

from __future__ import annotations

import base64
import csv
import io
import itertools
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from salmubench.core import writing
from salmubench.core.errors import cut
from salmubench.report import wording
from salmubench.report.cells import COSTS
from salmubench.report.collect import failure
from salmubench.report.latex import bibtex, latex_report
from salmubench.report.main_numbers import LEGEND, NOT_LEARNT_LEGEND, failure_modes, main_names, rows
from salmubench.scoring.failure_modes import MODES
from salmubench.scoring.origin import Cost
from salmubench.scoring.record import NOT_LEARNT, RunRecord, against, number_of
from salmubench.scoring.references import KINDS, OPTIONAL, reference_kind
from salmubench.scoring.verdict import answers

_NAME_WIDTH = 26
_GAP = 2  # spaces between columns, at least
_COSTS = [field.name for field in fields(Cost)]
_TEXT_COSTS = ("pairs", "steps", "pictures", "captions", "processor_seconds")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def text_table(records: Sequence[RunRecord], titles: Mapping[str, str] | None = None) -> str:
    """The main numbers for a terminal, about 132 columns wide, with two spaces between columns."""
    retrieval, knowledge = main_names(records)
    over, _, below = retrieval.partition(" ")
    first, second = zip(*(_on_two_lines(mode.question) for mode in MODES), strict=True)
    head = ("model", over, "leakage", "fact", "para-", knowledge, "drop", "K", "K", "K", *first)
    under = ("", below, "left", "left", "phrased", "", "", "inter", "intra", "facts", *second)
    shown = rows(records, titles)
    unlearnt = any(NOT_LEARNT in row.numbers for row in shown)
    short = {NOT_LEARNT: "n.l."}
    shown = [replace(row, numbers=tuple(short.get(text, text) for text in row.numbers)) for row in shown]
    widths = _widths([head, under, *((row.name, *row.numbers, *row.passes) for row in shown if row.failure is None)])
    rule = "─" * sum(widths)
    lines = [_fixed(head, widths), _fixed(under, widths), rule]
    for row in shown:
        if row.failure is not None:
            lines.append(f"{cut(row.name, widths[0]):<{widths[0]}}  failed")  # who made it says why, on stderr
            continue
        lines.append(_fixed((row.name, *row.numbers, *row.passes), widths))
        if row.reference == "compromised" and row is not shown[-1]:
            lines.append(rule)
    lines += ["", LEGEND, *([NOT_LEARNT_LEGEND] if unlearnt else []), "", *_text_costs(records, titles)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _text_costs(records: Sequence[RunRecord], titles: Mapping[str, str] | None) -> list[str]:
    """What each model cost, one line each, the pairs it saw first; none where nothing is known."""
    names = wording.display_names(records, titles or {})
    known = [
        record
        for record in records
        if record.status == "complete" and any(getattr(record.cost, name) is not None for name in _COSTS)
    ]
    if not known:
        return []
    labels = [COSTS[name][0].rpartition(" ") for name in _TEXT_COSTS]
    lines = [("cost", *(over for over, _, _ in labels)), ("", *(below for _, _, below in labels))]
    for record in known:
        numbers = [COSTS[name][1](getattr(record.cost, name)).replace("\u202f", " ") for name in _TEXT_COSTS]
        lines.append((names[record.model.name], *numbers))
    widths = _widths(lines)
    written = [_fixed(line, widths) for line in lines]
    return [*written[:2], "─" * sum(widths), *written[2:]]


def markdown_table(
    records: Sequence[RunRecord], titles: Mapping[str, str] | None = None, *, intervals: bool = False
) -> str:
    """The main numbers as a Markdown table, with or without the 95 % interval behind each."""
    retrieval, knowledge = main_names(records)
    heads = (
        "model", retrieval, "leakage left", "fact left", "paraphrased", knowledge, "utility drop", "K inter-identity",
        "K intra-identity", "K facts", "pairs seen", "failure modes",
    )  # fmt: skip
    lines = [pipe(heads), pipe([":--", *["--:"] * 10, ":--"])]
    for record, row in zip(records, rows(records, titles), strict=True):
        name = _markdown(row.name)
        if row.failure is not None:
            lines.append(pipe([name, *["–"] * 10, _markdown(row.failure)]))
            continue
        ends = row.intervals if intervals else [""] * len(row.numbers)
        cells = [f"{item} {end}".strip() or " " for item, end in zip(row.numbers, ends, strict=True)]
        lines.append(pipe([name, *cells, row.seen, failure_modes(record)]))
    return "\n".join(lines) + "\n"


def pipe(cells: Sequence[str]) -> str:
    """A line of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def csv_table(records: Sequence[RunRecord]) -> str:
    """Every number of every record, one a line, at full precision; a failed method has one line with its message."""
    heads = (
        "model", "method", "budget", "status", "metric", "part", "value", "ci95_low", "ci95_high", "n", "goal",
        *KINDS, "normalised", "normalised_low", "normalised_high", "against",
        *(f"against_{kind}{end}" for kind in OPTIONAL for end in ("", "_low", "_high")), "reason",
        *(mode.name for mode in MODES), "ineffective_paper", *_COSTS, "dataset",
    )  # fmt: skip
    lines: list[tuple[object, ...]] = []
    for record in records:
        head = (record.model.name, record.model.method, record.model.budget, record.status)
        states = answers(record) if record.verdict is not None and reference_kind(record) is None else {}
        paper = record.verdict.ineffective_paper if record.verdict is not None and states else None
        costs = [getattr(record.cost, name) for name in _COSTS]
        tail = (*(states.get(mode.name) for mode in MODES), paper, *costs, record.dataset.fingerprint)
        if record.status != "complete":
            lines.append((*head, *[None] * (11 + len(KINDS) + 3 * len(OPTIONAL)), failure(record), *tail))
        for metric, parts in record.scores.items():
            for part, score in parts.items():
                view, ends = score.normalised, score.ci95 or (None, None)
                numbers = (score.value, *ends, score.n, score.goal, *(number_of(score, kind) for kind in KINDS))
                beside = [
                    number
                    for kind in OPTIONAL
                    for other in (against(score, kind),)
                    for number in (
                        (None, None, None) if other is None else (other.value, *(other.ci95 or (None, None)))
                    )
                ]
                normalised = (view.value, *(view.ci95 or (None, None)), view.against, *beside)
                reason = score.reason or (view.reason if view.view is not None else None)
                lines.append((*head, metric, part, *numbers, *normalised, reason, *tail))
    return csv_text(heads, lines)


def csv_text(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows as CSV."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(heads)
    writer.writerows(cells(row) for row in rows)
    return stream.getvalue()


def cells(row: Sequence[Any]) -> list[Any]:
    """Cells of a CSV row: a text that a spreadsheet would take for a formula gets an apostrophe in front."""
    return [f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell for cell in row]


def json_text(value: object) -> str:
    """A record, or a list of them, as JSON."""
    return json.dumps(writing.plain(value), separators=(",", ":"), ensure_ascii=False, allow_nan=False) + "\n"


def downloads(records: Sequence[RunRecord], titles: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Label, file name and data URI of the numbers in other forms."""
    return [
        download("CSV", "scores.csv", "text/csv", csv_table(records)),
        download("JSON", "records.json", "application/json", json_text(list(records))),
        download("Markdown", "scores.md", "text/markdown", markdown_table(records, titles)),
        download("LaTeX", "scores.tex", "text/x-tex", latex_report(records, titles)),
        download("BibTeX", "salmubench.bib", "application/x-bibtex", bibtex(records)),
    ]


def download(label: str, name: str, kind: str, content: str) -> tuple[str, str, str]:
    """Label, file name and data URI of a text."""
    return label, name, f"data:{kind};charset=utf-8;base64,{base64.b64encode(content.encode()).decode()}"


def _widths(lines: Sequence[Sequence[str]]) -> list[int]:
    """Widths of columns: as wide as the widest cell, and two spaces before each but the first."""
    columns = [max(map(len, column)) for column in itertools.zip_longest(*lines, fillvalue="")]
    return [min(columns[0], _NAME_WIDTH), *(_GAP + width for width in columns[1:])]


def _fixed(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = cells
    name = f"{cut(first, widths[0]):<{widths[0]}}"
    return name + "".join(f"{cell:>{width}}" for cell, width in itertools.zip_longest(others, widths[1:], fillvalue=""))


def _on_two_lines(words: str) -> tuple[str, str]:
    """Words on two lines, a single one hyphenated."""
    first, _, second = words.partition(" ")
    half = len(first) // 2
    return (first, second) if second else (f"{first[:half]}-", first[half:])


def _markdown(text: str) -> str:
    """Text that Markdown shows as it is: no markup, no HTML, no cell border."""
    plain = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\\{letter}" if letter in "\\`*_[]|#~" else letter for letter in plain)
