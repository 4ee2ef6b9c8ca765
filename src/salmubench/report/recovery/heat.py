"""What attacks bring back: the heat table of models by attacks, and the same numbers as CSV and LaTeX."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from salmubench.core import manifest
from salmubench.report import tables, wording
from salmubench.report.cells import Cell, Head, Row, Table, answer_cell, model_kind, with_words
from salmubench.report.collect import Run
from salmubench.report.config import ReportConfig
from salmubench.report.latex import latex
from salmubench.report.recovery import curves, example
from salmubench.report.sections import Panels
from salmubench.scoring.attacks.record import AttackInfo, Attacks, AttackScore, Recovery
from salmubench.scoring.record import RunRecord
from salmubench.scoring.references import LABELS, OPTIONAL, is_pretrained

HEATS = 10
"""Shades of a cell between Clean and Compromised."""
KNOWS = {
    "none": "questions only", "retain": "retain pairs", "few": "some of the facts", "all": "all facts",
}  # fmt: skip
"""What an attacker has, in words, the least first."""

_CONTROLS = {**LABELS, "second_clean": "Another Clean"}
_STAYS = "Stays forgotten"


@dataclass(frozen=True)
class Shown:
    """The section of a page.

    Attributes:
        threshold: share from which a model counts as recoverable.
        curves: recovery over steps, of each attack that trains.
        example: one person's fact before, after unlearning and after an attack.
        legend: what an attacker has → titles of the attacks.
    """

    table: Table
    threshold: float
    curves: Sequence[Panels]
    example: example.Example | None
    downloads: Sequence[tuple[str, str, str]]
    legend: Sequence[tuple[str, Sequence[tuple[str, str]]]]


def shown(run: Run, names: Mapping[str, str], config: ReportConfig, *, key: str) -> Shown | None:
    """The section of a run's page; `None` where no model was attacked.

    Args:
        names: model name → display name.
    """
    records = attacked(run.records)
    table = heat_table([(names[record.model.name], record) for record in records], key=key)
    if table is None:
        return None
    return Shown(
        table=table,
        threshold=_section(records[0]).threshold,
        curves=curves.recovery_curves(records, names),
        example=example.example(run, records, names, config),
        downloads=downloads(records, names),
        legend=legend(records),
    )


def attacked(records: Sequence[RunRecord]) -> list[RunRecord]:
    """Models that have unlearned and were attacked."""
    return [
        record
        for record in records
        if record.attacks is not None and record.attacks.scores and not is_pretrained(record)
    ]


def attacks_of(records: Sequence[RunRecord]) -> dict[str, AttackInfo]:
    """Attack → what it is, those that know least first."""
    found: dict[str, AttackInfo] = {}
    for section in _sections(records):
        for name, score in section.scores.items():
            found.setdefault(name, score.info)
    order = list(KNOWS)
    return dict(sorted(found.items(), key=lambda item: order.index(item[1].knows)))


def legend(records: Sequence[RunRecord]) -> list[tuple[str, Sequence[tuple[str, str]]]]:
    """What the attackers have, and which attacks these are: (words, [(name, title)])."""
    known = attacks_of(records)
    groups = (
        (words, [(name, info.title) for name, info in known.items() if info.knows == key])
        for key, words in KNOWS.items()
    )
    return [(words, group) for words, group in groups if group]


def cell(score: AttackScore) -> str:
    """The headline number in per cent for a terminal, or a dash where there is none."""
    found = score.main
    return wording.DASH if found is None or found.value is None else f"{100 * found.value:.1f}".replace("-", "−")


def heat_table(named: Sequence[tuple[str, RunRecord]], *, key: str) -> Table | None:
    """Models by attacks: what the strongest variant of each brings back; `None` where no model was attacked.

    Args:
        named: display name and record of each model.
    """
    kept = [(name, record) for name, record in named if attacked([record])]
    if not kept:
        return None
    shown = [record for _, record in kept]
    infos = attacks_of(shown)
    usual = {name: _usual(name, shown) for name in infos}
    rows = [
        with_words(Row(name, model_kind(record), _cells(record, usual), detail=record.model.name), record)
        for name, record in kept
    ]
    heads = [Head(name, info.title, KNOWS[info.knows]) for name, info in infos.items()]
    return Table(
        f"{key}-attacks",
        "What the strongest variant of each attack brings back, one world",
        [
            *heads,
            Head(
                _STAYS, "No: the whole interval of an attack lies above the threshold, so the facts can be recovered."
            ),
        ],
        _references(shown, infos),
        rows,
    )


def _references(records: Sequence[RunRecord], infos: Mapping[str, AttackInfo]) -> list[Row]:
    """Clean and Compromised by definition; Retrained and another Clean as the records' controls state them.

    Where zero is what false facts give, Clean is a control too.
    """

    def known(control: str) -> dict[str, Recovery | None]:
        return {
            name: next((found for section in _sections(records) if (found := _control(section, name, control))), None)
            for name in infos
        }

    measured = known("clean")
    clean = [_fixed(0.0) if infos[name].control == "clean" else _measured(measured[name]) for name in infos]
    rows = [Row("Clean", "clean", [*clean, Cell("")], goal=True)]
    for control in ("second_clean", *OPTIONAL):
        found = known(control)
        if any(found.values()):
            cells = [_measured(one) for one in found.values()]
            rows.append(Row(_CONTROLS[control], "clean" if control == "second_clean" else control, [*cells, Cell("")]))
    return [*rows, Row("Compromised", "compromised", [*(_fixed(1.0) for _ in infos), Cell("")])]


def _measured(found: Recovery | None) -> Cell:
    return Cell(wording.DASH) if found is None else _heat(found, [])


def _control(section: Attacks, attack: str, control: str) -> Recovery | None:
    return section.scores[attack].controls.get(control) if attack in section.scores else None


def _fixed(value: float) -> Cell:
    return Cell(wording.percent(value), heat=round(HEATS * value), tip=("by definition",))


def _usual(attack: str, records: Sequence[RunRecord]) -> str:
    """Version and options of an attack that most of the models went through."""
    known = [_settings(section.scores[attack]) for section in _sections(records) if attack in section.scores]
    return Counter(known).most_common(1)[0][0]


def _settings(score: AttackScore) -> str:
    return manifest.sha256_json([score.info.sha256, score.info.config])


def _cells(record: RunRecord, usual: Mapping[str, str]) -> list[Cell]:
    section = _section(record)
    cells = []
    for name, settings in usual.items():
        score = section.scores.get(name)
        found = None if score is None else score.main
        if score is None or found is None or found.value is None:
            reason = (
                "this attack was not run" if score is None else score.reason or (found and found.reason) or "no number"
            )
            cells.append(Cell(wording.DASH, tip=(reason,)))
        else:
            other = ["another version or other options than most models here"] if _settings(score) != settings else []
            cells.append(_heat(found, [*_details(score, found), *other]))
    state = section.recoverable
    return [*cells, Cell(wording.DASH) if state is None else answer_cell(state)]


def _heat(found: Recovery, details: Sequence[str]) -> Cell:
    if found.value is None:
        return Cell(wording.DASH, tip=(found.reason or "no number",))
    spread = wording.percent_interval(found.ci95)
    about = f"{wording.count(found.people)} people, {wording.count(found.n)} rows"
    return Cell(
        wording.percent(found.value),
        sort=repr(float(found.value)),
        heat=min(max(round(HEATS * found.value), 0), HEATS),
        tip=(f"95 % interval {spread}" if spread else "no interval", about, *details),
    )


def _details(score: AttackScore, found: Recovery) -> list[str]:
    """Which variants were the strongest, what the controls show, what is left of general knowledge."""
    lines = []
    if any(label for label in found.chosen):
        lines.append("strongest: " + "; ".join(dict.fromkeys(found.chosen)))
    for name, control in score.controls.items():
        if control.value is not None:
            lines.append(f"control {_CONTROLS.get(name, name)}: {wording.percent(control.value)}")
    if score.general_knowledge is not None:
        lines.append(f"general knowledge afterwards: {wording.number(score.general_knowledge)}")
    return lines


# --- other forms --------------------------------------------------------------------------------------------------


def csv_recovery(records: Sequence[RunRecord]) -> str:
    """Every recovery of every record, one a line, at full precision: numbers and controls of each attack."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(
        ("model", "method", "budget", "attack", "knows", "kind", "number", "recovered", "ci95_low", "ci95_high", "n",
         "people", "of_model", "of_clean", "of_compromised", "reason", "strongest", "general_knowledge", "headline",
         "recoverable")
    )  # fmt: skip
    for record in attacked(records):
        model, section = record.model, _section(record)
        for name, score in section.scores.items():
            head = (model.name, model.method, model.budget, name, score.info.knows)
            tail = (score.general_knowledge, score.info.headline, section.recoverable)
            lines = [("number", part, found) for part, found in score.numbers.items()]
            lines += [("control", part, found) for part, found in score.controls.items()]
            if not lines:
                lines = [("number", score.info.headline, Recovery(None, None, score.reason))]
            for kind, part, found in lines:
                ends = found.ci95 or (None, None)
                sizes = (found.value, *ends, found.n, found.people, found.model, found.clean, found.compromised)
                chosen = "; ".join(dict.fromkeys(found.chosen))
                writer.writerow(tables.cells((*head, kind, part, *sizes, found.reason, chosen, *tail)))
    return stream.getvalue()


def latex_recovery(records: Sequence[RunRecord], names: Mapping[str, str]) -> str:
    """The heat table's numbers with their intervals as a LaTeX table; needs the package booktabs."""
    shown = attacked(records)
    infos = attacks_of(shown)
    lines = [
        rf"\begin{{tabular}}{{l{'r' * len(infos)}l}}",
        r"\toprule",
        " & ".join(["Model", *(latex(name) for name in infos), _STAYS]) + r" \\",
        r"\midrule",
    ]
    for record in shown:
        section = _section(record)
        cells = []
        for name in infos:
            found = section.scores[name].main if name in section.scores else None
            cells.append("--" if found is None or found.value is None else _latex_cell(found))
        stays = "--" if section.recoverable is None else wording.PASSES[section.recoverable]
        lines.append(" & ".join([latex(names[record.model.name]), *cells, stays]) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"


def downloads(records: Sequence[RunRecord], names: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Label, file name and data URI of the table in other forms."""
    forms = (
        ("CSV", "attacks.csv", "text/csv", csv_recovery(records)),
        ("LaTeX", "attacks.tex", "text/x-tex", latex_recovery(records, names)),
    )
    return [tables.download(*form) for form in forms]


def _latex_cell(found: Recovery) -> str:
    spread = wording.percent_interval(found.ci95)
    return latex(f"{wording.percent(found.value)} {spread}".strip())


def _section(record: RunRecord) -> Attacks:
    if record.attacks is None:
        raise ValueError(f"Expected a record that was attacked, got {record.model.name!r}.")
    return record.attacks


def _sections(records: Sequence[RunRecord]) -> list[Attacks]:
    return [record.attacks for record in records if record.attacks is not None]
