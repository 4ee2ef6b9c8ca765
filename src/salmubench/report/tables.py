"""The main numbers as plain text, Markdown, CSV and LaTeX."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, cast

from salmubench import manifest
from salmubench.report import wording
from salmubench.report.cells import COSTS, KEPT_ON
from salmubench.report.collect import answers, failure, reference_kind, score_of
from salmubench.scoring.metric import Role, label
from salmubench.scoring.record import Cost, RunRecord
from salmubench.scoring.roles import kept_on, score_in, with_role

_MODES = {"ineffective": "ineffective", "catastrophic": "catastrophic", "over_generalised": "over-generalised"}
_ANSWERS = {"no": "yes", "yes": "no", "undecided": "?"}  # a failure mode's state → does it pass
_NAME_WIDTH = 34
_TEXT_COSTS = ("pairs", "steps", "pictures", "captions", "processor_seconds")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def heads(records: Sequence[RunRecord]) -> tuple[str, ...]:
    """Columns of the table of main numbers: name, six numbers, three answers."""
    retrieval, knowledge = _main_names(records)
    kept = ("K inter", "K intra")
    return ("model", retrieval, "leakage left", knowledge, "drop", *kept, "forgets", "keeps general", "spares others")


LEGEND = (
    "leakage left: 0 % as Clean, 100 % as Compromised · K: 100 % unharmed, 0 % as if never learned\n"
    "K inter-identity: associations of other people · K intra-identity: other associations of the same people\n"
    "yes / no: the whole 95 % interval says so · ?: undecided"
)
"""How to read it."""


@dataclass(frozen=True)
class Row:
    """One model in the table of main numbers.

    Attributes:
        name: as shown.
        reference: `clean` or `compromised` for the references, else `None`.
        numbers: main number of forgetting, leakage left, general knowledge, drop, K inter-identity,
            K intra-identity.
        passes: forgets, keeps general knowledge, spares others: `yes`, `no`, `?`, empty for references.
        failure: why there are no numbers, or `None`.
    """

    name: str
    reference: str | None
    numbers: tuple[str, ...]
    passes: tuple[str, ...]
    failure: str | None


def rows(records: Sequence[RunRecord], titles: Mapping[str, str] | None = None) -> list[Row]:
    """The main numbers, formatted, in the order of the records."""
    names = wording.display_names(records, titles or {})
    entries = []
    for record in records:
        name = names[record.model.name]
        if record.status != "complete":
            entries.append(Row(name, None, (), (), " ".join(failure(record).split())))
        else:
            entries.append(Row(name, reference_kind(record), _main_numbers(record), _passes(record), None))
    return entries


def text_table(records: Sequence[RunRecord], titles: Mapping[str, str] | None = None) -> str:
    """The main numbers for a terminal, at most 108 columns wide.

    Args:
        records: run records, in the order to show them.
        titles: method → its title.
    """
    retrieval, knowledge = _main_names(records)
    over, _, below = retrieval.partition(" ")
    heads = ("model", over, "leakage", knowledge, "drop", "K", "K", "for-", "keeps", "spares")
    under = ("", below, "left", "", "", "inter", "intra", "gets", "general", "others")
    widths = (_NAME_WIDTH, 8, 9, 9, 8, 8, 8, 6, 9, 8)
    lines = [_fixed(heads, widths), _fixed(under, widths), "─" * sum(widths)]
    shown = rows(records, titles)
    for row in shown:
        name = _short(row.name, _NAME_WIDTH)
        if row.failure is not None:
            lines.append(f"{name:<{_NAME_WIDTH}}  {_short(row.failure, sum(widths) - _NAME_WIDTH - 2)}")
            continue
        lines.append(_fixed((name, *row.numbers, *row.passes), widths))
        if row.reference == "compromised" and row is not shown[-1]:
            lines.append("─" * sum(widths))
    lines += ["", LEGEND, "", *_text_costs(records, titles)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _text_costs(records: Sequence[RunRecord], titles: Mapping[str, str] | None) -> list[str]:
    """What each method cost, one line each; none where nothing is known."""
    names = wording.display_names(records, titles or {})
    known = [record for record in records if record.status == "complete" and reference_kind(record) is None]
    known = [record for record in known if any(getattr(record.cost, field.name) is not None for field in fields(Cost))]
    if not known:
        return []
    labels = [COSTS[name][0].rpartition(" ") for name in _TEXT_COSTS]
    widths = (_NAME_WIDTH, *[12] * len(labels))
    heads, under = ("cost", *(over for over, _, _ in labels)), ("", *(below for _, _, below in labels))
    lines = [_fixed(heads, widths), _fixed(under, widths), "─" * sum(widths)]
    for record in known:
        numbers = [COSTS[name][1](getattr(record.cost, name)) for name in _TEXT_COSTS]
        lines.append(_fixed((_short(names[record.model.name], _NAME_WIDTH), *numbers), widths))
    return lines


def markdown_table(records: Sequence[RunRecord], titles: Mapping[str, str] | None = None) -> str:
    """The main numbers as a Markdown table."""
    names = wording.display_names(records, titles or {})
    retrieval, knowledge = _main_names(records)
    heads = (
        "model", retrieval, "leakage left", knowledge, "utility drop", "K inter-identity", "K intra-identity",
        "failure modes",
    )  # fmt: skip
    lines = [_pipe(heads), _pipe([":--", *["--:"] * 6, ":--"])]
    for record in records:
        if record.status != "complete":
            lines.append(_pipe([_markdown(names[record.model.name]), *["–"] * 6, _markdown(failure(record))]))
            continue
        cells = [item if item else " " for item in _main_numbers(record)]
        lines.append(_pipe([_markdown(names[record.model.name]), *cells, _modes(record)]))
    return "\n".join(lines) + "\n"


def csv_table(records: Sequence[RunRecord]) -> str:
    """Every number of every record, one a line, at full precision; a failed method has one line with its message."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    costs = [field.name for field in fields(Cost)]
    writer.writerow(
        ("model", "method", "budget", "status", "metric", "part", "value", "ci95_low", "ci95_high", "n", "goal",
         "clean", "compromised", "normalised", "normalised_low", "normalised_high", "reason", *_MODES, *costs)
    )  # fmt: skip
    for record in records:
        head = (record.model.name, record.model.method, record.model.budget, record.status)
        states = answers(record) if record.verdict is not None and reference_kind(record) is None else {}
        tail = (*(states.get(mode) for mode in _MODES), *(getattr(record.cost, key) for key in costs))
        if record.status != "complete":
            writer.writerow(cells((*head, *[None] * 12, failure(record), *tail)))
        for metric, parts in record.scores.items():
            for part, score in parts.items():
                ends, views = score.ci95 or (None, None), score.normalised.ci95 or (None, None)
                numbers = (score.value, *ends, score.n, score.goal, score.clean, score.compromised)
                row = (*head, metric, part, *numbers, score.normalised.value, *views, score.reason, *tail)
                writer.writerow(cells(row))
    return stream.getvalue()


def cells(row: Sequence[Any]) -> list[Any]:
    """Cells of a CSV row: a text that a spreadsheet would take for a formula gets an apostrophe in front."""
    return [f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell for cell in row]


def latex_table(records: Sequence[RunRecord], titles: Mapping[str, str] | None = None) -> str:
    """The eleven numbers as a LaTeX table; needs the package booktabs."""
    names = wording.display_names(records, titles or {})
    efficacy, utility = (
        [column for column in wording.columns(records, pillar) if not column.extension]
        for pillar in ("efficacy", "utility")
    )
    heads = [*efficacy, *utility]
    lines = [
        rf"\begin{{tabular}}{{l{'r' * len(heads)}}}",
        r"\toprule",
        f" & {_spanning(len(efficacy), 'Forgetting (goal: Clean)')} & "
        + _spanning(len(utility), "Utility (goal: Compromised)")
        + r" \\",
        rf"\cmidrule(lr){{2-{len(efficacy) + 1}}}\cmidrule(lr){{{len(efficacy) + 2}-{len(heads) + 1}}}",
        " & ".join(["Model", *(_latex(column.label) for column in heads)]) + r" \\",
        r"\midrule",
    ]
    for record in records:
        name = _latex(names[record.model.name])
        if record.status != "complete":
            lines.append(rf"{name} & \multicolumn{{{len(heads)}}}{{l}}{{{_latex(failure(record))}}} \\")
            continue
        cells = []
        for column in heads:
            score = score_of(record, column.metric, column.part)
            cells.append("--" if score is None or score.value is None else _latex_number(score.value))
        lines.append(" & ".join([name, *cells]) + r" \\")
        if reference_kind(record) == "compromised" and record is not records[-1]:
            lines.append(r"\midrule")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"


def json_table(records: Sequence[RunRecord]) -> str:
    """The records themselves, as a JSON list."""
    return json.dumps(manifest.plain(list(records)), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def bibtex(records: Sequence[RunRecord]) -> str:
    """What to cite: the paper, and this evaluation with the version that made it."""
    provenance = records[0].provenance
    return (
        "@misc{salmubench,\n"
        "  title = {{SALMUBench}: A benchmark for sensitive association-level multimodal unlearning},\n"
        "  eprint = {2603.26316},\n  archivePrefix = {arXiv},\n  year = {2026},\n}\n"
        "@software{salmubench_software,\n"
        "  title = {salmubench},\n"
        f"  version = {{{_latex(provenance.version)}}},\n"
        f"  note = {{Evaluation of {_latex(provenance.started[:10])}, "
        f"dataset {_latex(records[0].dataset.fingerprint[:16])}}},\n"
        f"  year = {{{_latex(provenance.started[:4])}}},\n}}\n"
    )


def downloads(records: Sequence[RunRecord], titles: Mapping[str, str] | None = None) -> list[tuple[str, str, str]]:
    """Label, file name and data URI of the numbers in other forms."""
    forms = (
        ("CSV", "scores.csv", "text/csv", csv_table(records)),
        ("JSON", "records.json", "application/json", json_table(records)),
        ("Markdown", "scores.md", "text/markdown", markdown_table(records, titles)),
        ("LaTeX", "scores.tex", "text/x-tex", latex_table(records, titles)),
        ("BibTeX", "salmubench.bib", "application/x-bibtex", bibtex(records)),
    )
    return [
        (label, name, f"data:{kind};charset=utf-8;base64,{base64.b64encode(content.encode()).decode()}")
        for label, name, kind, content in forms
    ]


def _main_numbers(record: RunRecord) -> tuple[str, ...]:
    """Main number of forgetting, leakage left, general knowledge, drop, K inter-identity, K intra-identity."""
    leakage, knowledge = score_in(record, "leakage"), score_in(record, "drop")
    kept = [kept_on(record, split) for split in KEPT_ON]
    mrr, accuracy = (wording.number(score.value if score else None) for score in (leakage, knowledge))
    kind = reference_kind(record)
    if kind is not None:
        fixed = "0 %" if kind == "clean" else "100 %"
        return (mrr, fixed, accuracy, "", fixed, fixed)
    left, drop, inter, intra = (
        wording.percent(score.normalised.value if score else None).replace("\u202f", " ")
        for score in (leakage, knowledge, *kept)
    )
    return (mrr, left, accuracy, drop, inter, intra)


def _main_names(records: Sequence[RunRecord]) -> tuple[str, str]:
    """How the main numbers of forgetting and of utility are called, with a part behind the metric's name."""
    names = []
    for role, otherwise in (("leakage", "retrieval"), ("drop", "general knowledge")):
        held = next((one for record in records for one in with_role(record, cast(Role, role))), None)
        names.append(otherwise if held is None else label(held.metric, held.part))
    return names[0], names[1]


def _passes(record: RunRecord) -> tuple[str, ...]:
    if reference_kind(record) is not None:
        return ("",) * len(_MODES)
    return tuple(_ANSWERS[state] for state in answers(record).values())


def _modes(record: RunRecord) -> str:
    if reference_kind(record) is not None:
        return "reference"
    states = answers(record)
    words = [label + ("" if states[mode] == "yes" else "?") for mode, label in _MODES.items() if states[mode] != "no"]
    return ", ".join(words) or "none"


def _fixed(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = cells
    return f"{first:<{widths[0]}}" + "".join(f"{cell:>{width}}" for cell, width in zip(others, widths[1:], strict=True))


def _short(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1] + "…"


def _pipe(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _markdown(text: str) -> str:
    """Text that Markdown shows as it is: no markup, no HTML, no cell border."""
    plain = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\\{letter}" if letter in "\\`*_[]|#~" else letter for letter in plain)


def _spanning(columns: int, words: str) -> str:
    return rf"\multicolumn{{{columns}}}{{c}}{{{words}}}"


_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "×": r"$\times$", "−": "$-$", "\u202f": "~",
}  # fmt: skip


def _latex(text: str) -> str:
    return "".join(_LATEX.get(letter, letter) for letter in " ".join(text.split()))


def _latex_number(value: float) -> str:
    written = wording.number(value)
    return f"$-{written[1:]}$" if written.startswith("−") else written
