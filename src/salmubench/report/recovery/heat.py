"""What attacks bring back: the heat table of models by attacks, and the same numbers as CSV and LaTeX."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from salmubench.core import manifest
from salmubench.report import tables, wording
from salmubench.report.cells import Cell, Head, Row, Table, answer_cell, model_row
from salmubench.report.collect import Run
from salmubench.report.latex import latex, row, tabular
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


def shown(run: Run, names: Mapping[str, str], *, key: str) -> dict[str, Any] | None:
    """What `page.html.j2` shows of a run's attacks; `None` where no model was attacked."""
    table = heat_table([(names[record.model.name], record) for record in run.records], key=key)
    if table is None:
        return None
    pairs = attacked(run.records)
    records = [record for record, _ in pairs]
    return {
        "table": table,
        "threshold": pairs[0][1].threshold,
        "downloads": downloads(records, names),
        "legend": legend(records),
    }


def attacked(records: Sequence[RunRecord]) -> list[tuple[RunRecord, Attacks]]:
    """Models that have unlearned and were attacked, each with what was brought back."""
    return [
        (record, record.attacks)
        for record in records
        if record.attacks is not None and record.attacks.scores and not is_pretrained(record)
    ]


def attacks_of(records: Sequence[RunRecord]) -> dict[str, AttackInfo]:
    """Attack → what it is, those that know least first."""
    infos: dict[str, AttackInfo] = {}
    for record in records:
        for name, score in record.attacks.scores.items() if record.attacks is not None else ():
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


def heat_table(named: Sequence[tuple[str, RunRecord]], *, key: str) -> Table | None:
    """Models by attacks: what the strongest variant of each brings back; `None` where no model was attacked."""
    kept = [(name, *pair) for name, record in named for pair in attacked([record])]
    if not kept:
        return None
    sections = [section for _, _, section in kept]
    infos = attacks_of([record for _, record, _ in kept])
    settings = {name: [_settings(one.scores[name]) for one in sections if name in one.scores] for name in infos}
    usual = {name: Counter(several).most_common(1)[0][0] for name, several in settings.items()}
    stays = "No: the whole interval of an attack lies above the threshold, so the facts can be recovered."
    return Table(
        f"{key}-attacks",
        "What the strongest variant of each attack brings back, one world",
        [*(Head(name, info.title, KNOWS[info.knows]) for name, info in infos.items()), Head(_STAYS, stays)],
        _references(sections, infos),
        [model_row(record, name, _cells(section, usual)) for name, record, section in kept],
    )


def _references(sections: Sequence[Attacks], infos: Mapping[str, AttackInfo]) -> list[Row]:
    """Clean and Compromised by definition; Retrained and another Clean as the records' controls state them.

    Where zero is what false facts give, Clean is a control too.
    """

    def known(control: str) -> dict[str, Recovery | None]:
        scores = {name: [one.scores[name] for one in sections if name in one.scores] for name in infos}
        return {
            name: next((one.controls[control] for one in several if control in one.controls), None)
            for name, several in scores.items()
        }

    measured = known("clean")
    clean = [_fixed(0.0) if infos[name].control == "clean" else _heat(measured[name]) for name in infos]
    rows = [Row("Clean", "clean", [*clean, Cell("")], goal=True)]
    for control in ("second_clean", *OPTIONAL):
        recovery = known(control)
        if any(recovery.values()):
            kind = "clean" if control == "second_clean" else control
            rows.append(Row(_CONTROLS[control], kind, [*map(_heat, recovery.values()), Cell("")]))
    return [*rows, Row("Compromised", "compromised", [*(_fixed(1.0) for _ in infos), Cell("")])]


def _fixed(value: float) -> Cell:
    return Cell(wording.percent(value), heat=round(HEATS * value), tip=("by definition",))


def _settings(score: AttackScore) -> str:
    """Version and options of an attack."""
    return manifest.sha256_json([score.info.sha256, score.info.config])


def _cells(section: Attacks, usual: Mapping[str, str]) -> list[Cell]:
    cells = []
    for name, settings in usual.items():
        score = section.scores.get(name)
        if score is None or score.main is None:
            reason = "this attack was not run" if score is None else score.reason or "no number"
            cells.append(_heat(Recovery(None, None, reason)))
        else:
            other = ["another version or other options than most models here"] if _settings(score) != settings else []
            cells.append(_heat(score.main, [*_details(score, score.main), *other]))
    state = section.recoverable
    return [*cells, Cell(wording.DASH) if state is None else answer_cell(state)]


def _heat(recovery: Recovery | None, details: Sequence[str] = ()) -> Cell:
    if recovery is None:
        return Cell(wording.DASH)
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
    if any(recovery.chosen):
        lines.append("strongest: " + "; ".join(dict.fromkeys(recovery.chosen)))
    for name, control in score.controls.items():
        if control.value is not None:
            lines.append(f"control {_CONTROLS.get(name, name)}: {wording.percent(control.value)}")
    if score.general_knowledge is not None:
        lines.append(f"general knowledge afterwards: {wording.number(score.general_knowledge)}")
    return lines


def csv_recovery(records: Sequence[RunRecord]) -> str:
    """Every recovery of every record, one a line, at full precision: numbers and controls of each attack."""
    heads = (
        "model", "method", "budget", "attack", "knows", "kind", "number", "recovered", "ci95_low", "ci95_high", "n",
        "people", "of_model", "of_clean", "of_compromised", "reason", "strongest", "general_knowledge", "headline",
        "recoverable",
    )  # fmt: skip
    lines: list[tuple[object, ...]] = []
    for record, section in attacked(records):
        model = record.model
        for name, score in section.scores.items():
            head = (model.name, model.method, model.budget, name, score.info.knows)
            tail = (score.general_knowledge, score.info.headline, section.recoverable)
            told = [("number", part, one) for part, one in score.numbers.items()]
            told += [("control", part, one) for part, one in score.controls.items()]
            for kind, part, one in told or [("number", score.info.headline, Recovery(None, None, score.reason))]:
                numbers = (*(one.ci95 or (None, None)), one.n, one.people, one.model, one.clean, one.compromised)
                chosen = "; ".join(dict.fromkeys(one.chosen))
                lines.append((*head, kind, part, one.value, *numbers, one.reason, chosen, *tail))
    return tables.csv_text(heads, lines)


def latex_recovery(records: Sequence[RunRecord], names: Mapping[str, str]) -> str:
    """The heat table's numbers with their intervals as a LaTeX table; needs the package booktabs."""
    shown = attacked(records)
    infos = attacks_of([record for record, _ in shown])
    body = []
    for record, section in shown:
        found = [section.scores[name].main if name in section.scores else None for name in infos]
        stays = "--" if section.recoverable is None else wording.PASSES[section.recoverable]
        body.append(row([latex(names[record.model.name]), *map(_latex_cell, found), stays]))
    return tabular("l" + "r" * len(infos) + "l", [row(["Model", *map(latex, infos), _STAYS])], body)


def _latex_cell(recovery: Recovery | None) -> str:
    if recovery is None or recovery.value is None:
        return "--"
    return latex(f"{wording.percent(recovery.value)} {wording.percent_interval(recovery.ci95)}".strip())


def downloads(records: Sequence[RunRecord], names: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Label, file name and data URI of the table in other forms."""
    return [
        tables.download("CSV", "attacks.csv", "text/csv", csv_recovery(records)),
        tables.download("LaTeX", "attacks.tex", "text/x-tex", latex_recovery(records, names)),
    ]
