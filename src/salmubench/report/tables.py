"""The main numbers as plain text, Markdown, CSV and LaTeX."""

from __future__ import annotations

import base64
import csv
import io
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, cast

from salmubench import manifest
from salmubench.report import wording
from salmubench.report.cells import COSTS
from salmubench.report.collect import answers, failure, is_retrained, reference_kind, score_of
from salmubench.report.main_views import KEPT_ON
from salmubench.scoring.metric import Role, label
from salmubench.scoring.origin import Cost
from salmubench.scoring.record import RunRecord
from salmubench.scoring.roles import facts_kept, kept_on, score_in, with_role

_MODES = {
    "ineffective": "ineffective", "hollow": "hollow", "catastrophic": "catastrophic",
    "over_generalised": "over-generalised",
}  # fmt: skip
_NAME_WIDTH = 26
_GAP = 2  # spaces between columns, at least
_TEXT_COSTS = ("pairs", "steps", "pictures", "captions", "processor_seconds")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def heads(records: Sequence[RunRecord]) -> tuple[str, ...]:
    """Columns of the table of main numbers: name, nine numbers, four answers, data seen."""
    retrieval, knowledge = _main_names(records)
    return (
        "model", retrieval, "leakage left", "fact left", "paraphrased", knowledge, "drop", "K inter", "K intra",
        "K facts", "forgets", "hides no fact", "keeps general", "spares others", "pairs seen",
    )  # fmt: skip


LEGEND = (
    "leakage left: 0 % as Clean, 100 % as Compromised · K: 100 % unharmed, 0 % as if never learned\n"
    "fact left: the true value among other values of its field, in the caption and paraphrased; 0 % as Retrained\n"
    "K inter-identity: associations of other people · K intra-identity: other associations of the same people\n"
    "K facts: values that should stay, among other values, of whichever holdout keeps less\n"
    "below 0 %: pushed below the reference that never learned it\n"
    "yes is good, no is a failure mode: the whole 95 % interval says so · ?: undecided"
)
"""How to read it."""


@dataclass(frozen=True)
class Row:
    """One model in the table of main numbers.

    Attributes:
        name: as shown.
        reference: `clean`, `retrained` or `compromised` for the references, else `None`.
        numbers: main number of forgetting, leakage left, fact left, the same paraphrased, general knowledge, drop, K
            inter-identity, K intra-identity, K of facts.
        passes: forgets, hides no fact, keeps general knowledge, spares others: `yes`, `no`, `?`; empty where nothing is
            judged.
        failure: why there are no numbers, or `None`.
        seen: pairs that it saw.
    """

    name: str
    reference: str | None
    numbers: tuple[str, ...]
    passes: tuple[str, ...]
    failure: str | None
    seen: str = ""


def rows(records: Sequence[RunRecord], titles: Mapping[str, str] | None = None) -> list[Row]:
    """The main numbers, formatted, in the order of the records."""
    names = wording.display_names(records, titles or {})
    entries = []
    for record in records:
        name = names[record.model.name]
        if record.status != "complete":
            entries.append(Row(name, None, (), (), " ".join(failure(record).split())))
        else:
            kind = "retrained" if is_retrained(record) else reference_kind(record)
            entries.append(Row(name, kind, _main_numbers(record), _passes(record), None, _seen(record)))
    return entries


def text_table(records: Sequence[RunRecord], titles: Mapping[str, str] | None = None) -> str:
    """The main numbers for a terminal, about 132 columns wide, with two spaces between columns.

    Args:
        records: run records, in the order to show them.
        titles: method → its title.
    """
    retrieval, knowledge = _main_names(records)
    over, _, below = retrieval.partition(" ")
    head = ("model", over, "leakage", "fact", "para-", knowledge, "drop", "K", "K", "K", "for-", "hides", "keeps",
            "spares")  # fmt: skip
    under = ("", below, "left", "left", "phrased", "", "", "inter", "intra", "facts", "gets", "none", "general",
             "others")  # fmt: skip
    shown = rows(records, titles)
    widths = _widths([head, under, *((row.name, *row.numbers, *row.passes) for row in shown if row.failure is None)])
    rule = "─" * sum(widths)
    lines = [_fixed(head, widths), _fixed(under, widths), rule]
    for row in shown:
        if row.failure is not None:
            name = f"{_short(row.name, widths[0]):<{widths[0]}}"
            lines.append(f"{name}  {_short(row.failure, sum(widths[1:]) - 2)}")
            continue
        lines.append(_fixed((row.name, *row.numbers, *row.passes), widths))
        if row.reference == "compromised" and row is not shown[-1]:
            lines.append(rule)
    lines += ["", LEGEND, "", *_text_costs(records, titles)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _text_costs(records: Sequence[RunRecord], titles: Mapping[str, str] | None) -> list[str]:
    """What each model cost, one line each, the pairs it saw first; none where nothing is known."""
    names = wording.display_names(records, titles or {})
    known = [record for record in records if record.status == "complete"]
    known = [record for record in known if any(getattr(record.cost, field.name) is not None for field in fields(Cost))]
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


def markdown_table(records: Sequence[RunRecord], titles: Mapping[str, str] | None = None) -> str:
    """The main numbers as a Markdown table."""
    names = wording.display_names(records, titles or {})
    retrieval, knowledge = _main_names(records)
    heads = (
        "model", retrieval, "leakage left", "fact left", "paraphrased", knowledge, "utility drop", "K inter-identity",
        "K intra-identity", "K facts", "pairs seen", "failure modes",
    )  # fmt: skip
    lines = [_pipe(heads), _pipe([":--", *["--:"] * 10, ":--"])]
    for record in records:
        if record.status != "complete":
            lines.append(_pipe([_markdown(names[record.model.name]), *["–"] * 10, _markdown(failure(record))]))
            continue
        cells = [item if item else " " for item in _main_numbers(record)]
        lines.append(_pipe([_markdown(names[record.model.name]), *cells, _seen(record), _modes(record)]))
    return "\n".join(lines) + "\n"


def csv_table(records: Sequence[RunRecord]) -> str:
    """Every number of every record, one a line, at full precision; a failed method has one line with its message."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    costs = [field.name for field in fields(Cost)]
    writer.writerow(
        ("model", "method", "budget", "status", "metric", "part", "value", "ci95_low", "ci95_high", "n", "goal",
         "clean", "compromised", "retrained", "normalised", "normalised_low", "normalised_high", "against",
         "against_retrained", "against_retrained_low", "against_retrained_high", "reason", *_MODES, "ineffective_paper",
         *costs)
    )  # fmt: skip
    for record in records:
        head = (record.model.name, record.model.method, record.model.budget, record.status)
        states = answers(record) if record.verdict is not None and reference_kind(record) is None else {}
        paper = record.verdict.ineffective_paper if record.verdict is not None and states else None
        tail = (*(states.get(mode) for mode in _MODES), paper, *(getattr(record.cost, key) for key in costs))
        if record.status != "complete":
            writer.writerow(cells((*head, *[None] * 17, failure(record), *tail)))
        for metric, parts in record.scores.items():
            for part, score in parts.items():
                ends, views = score.ci95 or (None, None), score.normalised.ci95 or (None, None)
                numbers = (score.value, *ends, score.n, score.goal, score.clean, score.compromised, score.retrained)
                beside = score.against_retrained
                other = (None, None, None) if beside is None else (beside.value, *(beside.ci95 or (None, None)))
                normalised = (score.normalised.value, *views, score.normalised.against, *other)
                row = (*head, metric, part, *numbers, *normalised, score.reason, *tail)
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
        " & ".join(["Model", *(latex(column.label) for column in heads)]) + r" \\",
        r"\midrule",
    ]
    for record in records:
        name = latex(names[record.model.name])
        if record.status != "complete":
            lines.append(rf"{name} & \multicolumn{{{len(heads)}}}{{l}}{{{latex(failure(record))}}} \\")
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
        f"  version = {{{latex(provenance.version)}}},\n"
        f"  note = {{Evaluation of {latex(provenance.started[:10])}, "
        f"dataset {latex(records[0].dataset.fingerprint[:16])}}},\n"
        f"  year = {{{latex(provenance.started[:4])}}},\n}}\n"
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
    return [download(*form) for form in forms]


def download(label: str, name: str, kind: str, content: str) -> tuple[str, str, str]:
    """Label, file name and data URI of a text."""
    return label, name, f"data:{kind};charset=utf-8;base64,{base64.b64encode(content.encode()).decode()}"


def _main_numbers(record: RunRecord) -> tuple[str, ...]:
    """The numbers of a row (`Row.numbers`)."""
    leakage, knowledge = score_in(record, "leakage"), score_in(record, "drop")
    facts = [score_in(record, role) for role in wording.FACT_ROLES]
    held = [one.score for one in facts_kept(record) if one.score.normalised.value is not None]
    worst = min(held, key=lambda score: score.normalised.value or 0.0, default=None)
    kept = [*(kept_on(record, split) for split in KEPT_ON), worst]
    mrr, accuracy = (wording.number(score.value if score else None) for score in (leakage, knowledge))
    kind = reference_kind(record)
    if kind is not None:
        fixed = "0 %" if kind == "clean" else "100 %"
        return (mrr, fixed, fixed, fixed, accuracy, "", fixed, fixed, fixed)
    left, fact, paraphrased, drop, *shares = (
        wording.percent(score.normalised.value if score else None).replace("\u202f", " ")
        for score in (leakage, *facts, knowledge, *kept)
    )
    return (mrr, left, fact, paraphrased, accuracy, drop, *shares)


def _main_names(records: Sequence[RunRecord]) -> tuple[str, str]:
    """How the main numbers of forgetting and of utility are called, with a part behind the metric's name."""
    names = []
    for role, otherwise in (("leakage", "retrieval"), ("drop", "general knowledge")):
        held = next((one for record in records for one in with_role(record, cast(Role, role))), None)
        names.append(otherwise if held is None else label(held.metric, held.part))
    return names[0], names[1]


def _seen(record: RunRecord) -> str:
    """Pairs that a model saw: of forget, or of its pretraining."""
    return COSTS["pairs"][1](record.cost.pairs)


def _passes(record: RunRecord) -> tuple[str, ...]:
    if reference_kind(record) is not None:
        return ("",) * len(_MODES)
    states = answers(record)
    return tuple(wording.PASSES[states[mode]] if mode in states else "–" for mode in _MODES)


def _modes(record: RunRecord) -> str:
    if reference_kind(record) is not None:
        return "reference"
    states = answers(record)
    words = [
        label + ("" if states[mode] == "yes" else "?")
        for mode, label in _MODES.items()
        if states.get(mode, "no") != "no"
    ]
    return ", ".join(words) or "none"


def _widths(lines: Sequence[Sequence[str]]) -> list[int]:
    """Widths of columns: as wide as the widest cell, and two spaces before each but the first."""
    columns = [max(map(len, column)) for column in itertools.zip_longest(*lines, fillvalue="")]
    return [min(columns[0], _NAME_WIDTH), *(_GAP + width for width in columns[1:])]


def _fixed(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = cells
    name = f"{_short(first, widths[0]):<{widths[0]}}"
    return name + "".join(f"{cell:>{width}}" for cell, width in itertools.zip_longest(others, widths[1:], fillvalue=""))


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


def latex(text: str) -> str:
    """Text that LaTeX shows as it is, on one line."""
    return "".join(_LATEX.get(letter, letter) for letter in " ".join(text.split()))


def _latex_number(value: float) -> str:
    written = wording.number(value)
    return f"$-{written[1:]}$" if written.startswith("−") else written
