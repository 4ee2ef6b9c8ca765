"""Tables for a paper: LaTeX with booktabs, and what to cite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from salmubench.core import reading
from salmubench.report import main_numbers, wording
from salmubench.report.collect import failure, score_of
from salmubench.scoring.failure_modes import MODES
from salmubench.scoring.record import RunRecord
from salmubench.scoring.references import reference_kind

_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "×": r"$\times$", "−": "$-$", "·": r"$\cdot$", "–": "--", "\u202f": "~",
}  # fmt: skip

_REASON = 100  # letters of why a method failed: more would widen the table beyond the page

PAPER = """@inproceedings{salmubench,
  title = {{SALMUBench}: A Benchmark for Sensitive Association-Level Multimodal Unlearning},
  author = {Selvas-Sala, Cai and Kang, Lei and Gomez, Lluis},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition (CVPR)},
  year = {2026}, eprint = {2603.26316}, archivePrefix = {arXiv},
}
"""
"""The paper that defines the benchmark, as README and CITATION.cff name it."""


def latex(text: str) -> str:
    """Text that LaTeX shows as it is, on one line."""
    return "".join(_LATEX.get(letter, letter) for letter in " ".join(text.split()))


def latex_report(records: Sequence[RunRecord], titles: Mapping[str, str], *, name: str = "") -> str:
    """Two floats with captions and labels: the main numbers with intervals and verdicts, and the paper's numbers.

    Args:
        records: run records of one dataset, in the order to show them.
        name: of the run, which makes the labels differ where a document has several.
    """
    label = "".join(letter for letter in name if letter.isascii() and (letter.isalnum() or letter in "-."))
    label = f"salmubench-{label}" if label else "salmubench"
    main, numbers = _main_table(records, titles), latex_table(records, titles)
    return (
        "% needs \\usepackage{booktabs}\n"
        + _float(main, _main_caption(records), label)
        + "\n"
        + _float(numbers, _numbers_caption(records), f"{label}-numbers")
    )


def latex_table(records: Sequence[RunRecord], titles: Mapping[str, str] | None = None) -> str:
    """The paper's numbers with their 95 % intervals as a LaTeX tabular; needs the package booktabs."""
    names = wording.display_names(records, titles or {})
    efficacy, utility = (
        [column for column in wording.columns(records, pillar) if not column.extension]
        for pillar in ("efficacy", "utility")
    )
    columns = [*efficacy, *utility]
    groups = [(len(efficacy), "Forgetting (goal: Clean)"), (len(utility), "Utility (goal: Compromised)")]
    body: list[str] = []
    for record in records:
        name = latex(names[record.model.name])
        if record.status != "complete":
            body.append(_failed(name, len(columns), record))
            continue
        written = [wording.with_interval(score_of(record, column.metric, column.part)) for column in columns]
        body.append(row([name, *(_plain(number) for number, _ in written)]))
        body += _below([interval for _, interval in written])
        body += _rule_below(record, records)
    return _grouped(groups, ["Model", *(latex(column.label) for column in columns)], body)


def _main_table(records: Sequence[RunRecord], titles: Mapping[str, str]) -> str:
    retrieval, knowledge = main_numbers.main_names(records)
    heads = [
        "Model", latex(retrieval), "$L$", "$L$ fact", "$L$ para.", latex(knowledge), "$D$", "$K$ inter", "$K$ intra",
        "$K$ facts", *(mode.question_letter for mode in MODES),
    ]  # fmt: skip
    body: list[str] = []
    for record, numbers in zip(records, main_numbers.rows(records, titles), strict=True):
        name = latex(numbers.name)
        if numbers.failure is not None:
            body.append(_failed(name, len(heads) - 1, record))
            continue
        body.append(row([name, *map(_plain, numbers.numbers), *map(latex, numbers.passes)]))
        body += _below([*numbers.intervals, *[""] * len(numbers.passes)])
        body += _rule_below(record, records)
    return _grouped([(4, "Forgetting"), (5, "Utility"), (len(MODES), "Verdict")], heads, body)


def _main_caption(records: Sequence[RunRecord]) -> str:
    return (
        "Results on " + _dataset(records) + r", one world, with 95\,\% intervals over identities. Leakage left "
        r"$L$: 0\,\% as Clean (facts: as Retrained, where there is one), 100\,\% as Compromised. Utility drop $D$; "
        r"kept $K$: 100\,\% unharmed, 0\,\% as if never learned, on associations of other people (inter), other "
        r"associations of the same people (intra), and values among other values (facts). Verdict: "
        + ", ".join(f"{mode.answers[0]} ({mode.question_letter})" for mode in MODES)
        + "; yes, no: the whole interval says so, ?: undecided."
    )


def _numbers_caption(records: Sequence[RunRecord]) -> str:
    return (
        "The numbers of the benchmark on "
        + _dataset(records)
        + r", one world, with 95\,\% intervals. Forgetting should come near "
        "Clean, utility near Compromised."
    )


def _dataset(records: Sequence[RunRecord]) -> str:
    about = records[0].dataset
    forget = about.counts.get("forget")
    counted = "" if forget is None else f" ({forget:,} pairs to forget)"
    quick = "" if about.limit is None else rf"; a quick look at no more than {about.limit} rows of each split"
    return rf"the dataset \texttt{{{latex(about.fingerprint[:16])}}}{counted}{quick}"


def _float(tabular: str, caption: str, label: str) -> str:
    lines = (
        r"\begin{table*}[t]", r"\centering", r"\scriptsize", r"\setlength{\tabcolsep}{3pt}", rf"\caption{{{caption}}}",
        rf"\label{{tab:{label}}}", tabular.rstrip("\n"), r"\end{table*}",
    )  # fmt: skip
    return "\n".join(lines) + "\n"


def _grouped(groups: Sequence[tuple[int, str]], heads: Sequence[str], body: Sequence[str]) -> str:
    """A tabular with heads of groups of columns, and a rule below each, above the heads of columns."""
    spans, rules, column = [], "", 2
    for width, words in groups:
        spans.append(rf"\multicolumn{{{width}}}{{c}}{{{words}}}")
        rules += rf"\cmidrule(lr){{{column}-{column + width - 1}}}"
        column += width
    return tabular("l" + "r" * (len(heads) - 1), [row(["", *spans]), rules, row(heads)], body)


def tabular(columns: str, head: Sequence[str], body: Sequence[str]) -> str:
    """A tabular of such columns, from its lines."""
    begin = rf"\begin{{tabular}}{{{columns}}}"
    return "\n".join([begin, r"\toprule", *head, r"\midrule", *body, r"\bottomrule", r"\end{tabular}"]) + "\n"


def row(cells: Sequence[str]) -> str:
    """A line of a tabular."""
    line = " & ".join(cells)
    # After `\\` or a rule TeX would read [ or * as that command's own: the empty group keeps them apart.
    return ("{}" if line.startswith(("[", "*")) else "") + line + r" \\"


def small(written: str) -> str:
    """What stands below a cell."""
    return rf"{{\tiny {written}}}" if written else ""


def _below(intervals: Sequence[str]) -> list[str]:
    """A line of intervals in small letters; none where there are none."""
    return [row(["", *(small(_plain(text)) for text in intervals)])] if any(intervals) else []


def _failed(name: str, columns: int, record: RunRecord) -> str:
    reason = reading.cut(" ".join(failure(record).split()), _REASON)
    return row([name, rf"\multicolumn{{{columns}}}{{l}}{{{latex(reason)}}}"])


def _rule_below(record: RunRecord, records: Sequence[RunRecord]) -> list[str]:
    return [r"\midrule"] if reference_kind(record) == "compromised" and record is not records[-1] else []


def _plain(text: str) -> str:
    """A number as text, its minus sign and its digits in one formula."""
    written = f"$-{latex(text[1:]).replace(',', '{,}')}$" if text.startswith("−") else latex(text)
    return written.replace(r" \%", r"\,\%")


def bibtex(records: Sequence[RunRecord]) -> str:
    """What to cite: the paper, and this evaluation with the version that made it."""
    provenance = records[0].provenance
    return (
        PAPER + "@software{salmubench_software,\n"
        "  title = {salmubench},\n"
        "  author = {{The SALMUBench maintainers}},\n"
        f"  version = {{{latex(provenance.version)}}},\n"
        f"  note = {{Evaluation of {latex(provenance.started[:10])}, "
        f"dataset {latex(records[0].dataset.fingerprint[:16])}}},\n"
        f"  year = {{{latex(provenance.started[:4])}}},\n}}\n"
    )
