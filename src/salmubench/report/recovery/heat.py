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
from salmubench.report.latex import latex
from salmubench.report.recovery import curves
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
        legend: what an attacker has → titles of the attacks.
    """

    table: Table
    threshold: float
    curves: Sequence[Panels]
    downloads: Sequence[tuple[str, str, str]]
    legend: Sequence[tuple[str, Sequence[tuple[str, str]]]]


def shown(run: Run, names: Mapping[str, str], *, key: str) -> Shown | None:
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
    infos: dict[str, AttackInfo] = {}
    for section in _sections(records):
        for name, score in section.scores.items():
            infos.setdefault(name, score.info)
    order = list(KNOWS)
    return dict(sorted(infos.items(), key=lambda item: order.index(item[1].knows)))


def legend(records: Sequence[RunRecord]) -> list[tuple[str, Sequence[tuple[str, str]]]]:
    """What the attackers have, and which attacks these are: (words, [(name, title)])."""
    infos = attacks_of(records)
    groups = (
        (words, [(name, info.title) for name, info in infos.items() if info.knows == key])
        for key, words in KNOWS.items()
    )
    return [(words, group) for words, group in groups if group]


def cell(score: AttackScore) -> str:
    """The headline number in per cent for a terminal, or a dash where there is none."""
    recovery = score.main
    return (
        wording.DASH if recovery is None or recovery.value is None else f"{100 * recovery.value:.1f}".replace("-", "−")
    )


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
            name: next(
                (recovery for section in _sections(records) if (recovery := _control(section, name, control))), None
            )
            for name in infos
        }

    measured = known("clean")
    clean = [_fixed(0.0) if infos[name].control == "clean" else _measured(measured[name]) for name in infos]
    rows = [Row("Clean", "clean", [*clean, Cell("")], goal=True)]
    for control in ("second_clean", *OPTIONAL):
        recovery = known(control)
        if any(recovery.values()):
            cells = [_measured(one) for one in recovery.values()]
            rows.append(Row(_CONTROLS[control], "clean" if control == "second_clean" else control, [*cells, Cell("")]))
    return [*rows, Row("Compromised", "compromised", [*(_fixed(1.0) for _ in infos), Cell("")])]


def _measured(recovery: Recovery | None) -> Cell:
    return Cell(wording.DASH) if recovery is None else _heat(recovery, [])


def _control(section: Attacks, attack: str, control: str) -> Recovery | None:
    return section.scores[attack].controls.get(control) if attack in section.scores else None


def _fixed(value: float) -> Cell:
    return Cell(wording.percent(value), heat=round(HEATS * value), tip=("by definition",))


def _usual(attack: str, records: Sequence[RunRecord]) -> str:
    """Version and options of an attack that most of the models went through."""
    settings = [_settings(section.scores[attack]) for section in _sections(records) if attack in section.scores]
    return Counter(settings).most_common(1)[0][0]


def _settings(score: AttackScore) -> str:
    return manifest.sha256_json([score.info.sha256, score.info.config])


def _cells(record: RunRecord, usual: Mapping[str, str]) -> list[Cell]:
    section = _section(record)
    cells = []
    for name, settings in usual.items():
        score = section.scores.get(name)
        recovery = None if score is None else score.main
        if score is None or recovery is None or recovery.value is None:
            reason = (
                "this attack was not run"
                if score is None
                else score.reason or (recovery and recovery.reason) or "no number"
            )
            cells.append(Cell(wording.DASH, tip=(reason,)))
        else:
            other = ["another version or other options than most models here"] if _settings(score) != settings else []
            cells.append(_heat(recovery, [*_details(score, recovery), *other]))
    state = section.recoverable
    return [*cells, Cell(wording.DASH) if state is None else answer_cell(state)]


def _heat(recovery: Recovery, details: Sequence[str]) -> Cell:
    if recovery.value is None:
        return Cell(wording.DASH, tip=(recovery.reason or "no number",))
    spread = wording.percent_interval(recovery.ci95)
    about = f"{wording.count(recovery.people)} people, {wording.count(recovery.n)} rows"
    return Cell(
        wording.percent(recovery.value),
        sort=repr(float(recovery.value)),
        heat=min(max(round(HEATS * recovery.value), 0), HEATS),
        tip=(f"95 % interval {spread}" if spread else "no interval", about, *details),
    )


def _details(score: AttackScore, recovery: Recovery) -> list[str]:
    """Which variants were the strongest, what the controls show, what is left of general knowledge."""
    lines = []
    if any(label for label in recovery.chosen):
        lines.append("strongest: " + "; ".join(dict.fromkeys(recovery.chosen)))
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
            lines = [("number", part, recovery) for part, recovery in score.numbers.items()]
            lines += [("control", part, recovery) for part, recovery in score.controls.items()]
            if not lines:
                lines = [("number", score.info.headline, Recovery(None, None, score.reason))]
            for kind, part, recovery in lines:
                ends = recovery.ci95 or (None, None)
                sizes = (
                    recovery.value,
                    *ends,
                    recovery.n,
                    recovery.people,
                    recovery.model,
                    recovery.clean,
                    recovery.compromised,
                )
                chosen = "; ".join(dict.fromkeys(recovery.chosen))
                writer.writerow(tables.cells((*head, kind, part, *sizes, recovery.reason, chosen, *tail)))
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
            recovery = section.scores[name].main if name in section.scores else None
            cells.append("--" if recovery is None or recovery.value is None else _latex_cell(recovery))
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


def _latex_cell(recovery: Recovery) -> str:
    spread = wording.percent_interval(recovery.ci95)
    return latex(f"{wording.percent(recovery.value)} {spread}".strip())


def _section(record: RunRecord) -> Attacks:
    if record.attacks is None:
        raise ValueError(f"Expected a record that was attacked, got {record.model.name!r}.")
    return record.attacks


def _sections(records: Sequence[RunRecord]) -> list[Attacks]:
    return [record.attacks for record in records if record.attacks is not None]
