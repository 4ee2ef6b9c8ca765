"""The main numbers of each model: what every table of a run shows, in whatever form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from salmubench.report import wording
from salmubench.report.cells import COSTS
from salmubench.report.collect import failure
from salmubench.report.main_views import KEPT_ON, share_of_reference
from salmubench.scoring.failure_modes import MODES
from salmubench.scoring.metric import Role, label
from salmubench.scoring.origin import Cost, Model
from salmubench.scoring.ranking import FACT_ROLES
from salmubench.scoring.record import NOT_LEARNT, Normalised, RunRecord, Score, number_of
from salmubench.scoring.references import ENDS, LABELS, OPTIONAL, RETRAINED, pretrained_kind, reference_kind
from salmubench.scoring.roles import facts_kept, first, kept_on, score_in, with_role
from salmubench.scoring.verdict import applying
from salmubench.scoring.views import rescore

LEGEND = (
    "leakage left: 0 % as Clean, 100 % as Compromised · K: 100 % unharmed, 0 % as if never learned\n"
    "fact left: the true value among others of its field, in the caption and paraphrased; 0 % as Retrained (without "
    "one: Clean)\n"
    "K inter-identity: associations of other people · K intra-identity: other associations of the same people\n"
    "K facts: values that should stay, among other values, of whichever holdout keeps less\n"
    "below 0 %: below the reference that never learned it\n"
    "yes is good, no is a failure mode: the whole 95 % interval says so · ?: undecided"
)
"""How to read them."""
NOT_LEARNT_LEGEND = "n.l.: not learnt; Compromised shows too little of it for a share of that to say anything"
"""The same of a table in which something was not learnt."""


MOST_TELLING = (2, 3, 9)
"""Numbers that stand beside the answers where there is no room for all: leakage left, fact left, K of facts."""


@dataclass(frozen=True)
class NumberRow:
    """One model in the table of main numbers.

    Attributes:
        reference: which of the references it is, else `None`.
        numbers: main number of forgetting, leakage left, fact left, the same paraphrased, general knowledge, drop, K
            inter-identity, K intra-identity, K of facts.
        passes: the answer to the question of each failure mode: `yes`, `no`, `?`; empty where nothing is judged.
        failure: why there are no numbers, or `None`.
        intervals: of each of the numbers, empty where it has none.
        seen: pairs that it saw: of forget, or of its pretraining.
    """

    name: str
    reference: str | None
    numbers: tuple[str, ...]
    passes: tuple[str, ...]
    failure: str | None
    intervals: tuple[str, ...] = ()
    seen: str = ""


def heads(records: Sequence[RunRecord]) -> tuple[str, ...]:
    """Columns of the table of main numbers: name, nine numbers, an answer for each failure mode, data seen."""
    retrieval, knowledge = main_names(records)
    return (
        "model", retrieval, "leakage left", "fact left", "paraphrased", knowledge, "drop", "K inter", "K intra",
        "K facts", *(mode.question for mode in MODES), "pairs seen",
    )  # fmt: skip


def rows(records: Sequence[RunRecord], titles: Mapping[str, str] | None = None) -> list[NumberRow]:
    """The main numbers, formatted, in the order of the records."""
    names = wording.display_names(records, titles or {})
    entries = []
    for record in records:
        name = names[record.model.name]
        if record.status != "complete":
            entries.append(NumberRow(name, None, (), (), " ".join(failure(record).split())))
        else:
            kind = pretrained_kind(record)
            numbers, intervals = zip(*_main_numbers(record, records), strict=True)
            seen = COSTS["pairs"][1](record.cost.pairs)
            entries.append(NumberRow(name, kind, numbers, passes(record), None, intervals, seen))
    return entries


def main_names(records: Sequence[RunRecord]) -> tuple[str, str]:
    """How the main numbers of forgetting and of utility are called, with a part behind the metric's name."""

    def name(role: Role, otherwise: str) -> str:
        held = next((one for record in records for one in with_role(record, role)), None)
        return otherwise if held is None else label(held.metric, held.part)

    return name("leakage", "retrieval"), name("drop", "general knowledge")


def passes(record: RunRecord) -> tuple[str, ...]:
    """Does the model pass each of the questions: `yes`, `no`, `?`; `–` where it isn't judged by one."""
    if reference_kind(record) is not None:
        return ("",) * len(MODES)
    states = applying(record)
    return tuple(wording.PASSES[states[mode.name]] if mode.name in states else "–" for mode in MODES)


def failure_modes(record: RunRecord) -> str:
    """The failure modes that a model has, or may have (`?`)."""
    if reference_kind(record) is not None:
        return "reference"
    states = applying(record)
    words = [
        mode.word + ("" if states[mode.name] == "yes" else "?") for mode in MODES if states.get(mode.name, "no") != "no"
    ]
    return ", ".join(words) or "none"


def between_references(record: RunRecord, items: pa.Table | None = None) -> list[RunRecord]:
    """A record with rows for its references above it, of the numbers of theirs that it holds.

    The record of Clean or Compromised, and one that failed, stand alone.

    Args:
        items: of the record: with them Retrained is judged as in a record of its own.
    """
    if record.status != "complete" or reference_kind(record) is not None:
        return [record]
    scores = [score for parts in record.scores.values() for score in parts.values()]
    references: dict[str, RunRecord] = {
        kind: _reference(record, kind) for kind in ENDS if any(getattr(score, kind) is not None for score in scores)
    }
    if items is not None and pretrained_kind(record) is None:
        held = items.filter(items.column(RETRAINED).is_valid())
        if held.num_rows:
            references[RETRAINED] = _retrained(record, held)
    return [*(references[kind] for kind in LABELS if kind in references), record]


def why_missing(record: RunRecord) -> list[str]:
    """Why numbers are missing, a line for each reason: `<number>: no rows in general_knowledge`."""
    reasons: dict[str, list[str]] = {}
    for column in wording.columns([record]):
        score = record.scores.get(column.metric, {}).get(column.part)
        if score is None:
            continue
        view = score.normalised
        if score.value is None:
            reasons.setdefault(score.reason or "no reason given", []).append(column.label)
        elif view.view is not None and view.value is None and reference_kind(record) is None:
            letter = wording.VIEWS.get(view.view, view.view)
            reasons.setdefault(view.reason or "no reason given", []).append(f"{letter} of {column.label}")
    return [f"{', '.join(labels)}: {reason}" for reason, labels in reasons.items()]


def _retrained(record: RunRecord, items: pa.Table) -> RunRecord:
    """Retrained's own record, from its numbers beside those of a model."""
    place = items.column_names.index("value")
    as_judged = items.set_column(place, items.schema.field(place), items.column(RETRAINED))
    stated = _reference(record, RETRAINED)
    again = rescore(replace(stated, scores=record.scores), as_judged)
    return replace(stated, scores=again.scores, verdict=again.verdict)


def _reference(record: RunRecord, kind: str) -> RunRecord:
    """What a record says about a reference, as if it were that one's own."""
    scores = {
        metric: {part: _as_reference(score, kind) for part, score in parts.items()}
        for metric, parts in record.scores.items()
    }
    model = Model(kind, record.references.get(kind), kind, None, None, None, None)
    return replace(record, model=model, scores=scores, verdict=None, cost=Cost(), breakdowns={}, attacks=None)


def _as_reference(score: Score, kind: str) -> Score:
    value = number_of(score, kind)
    nothing = Normalised(score.normalised.view, None, None, None)
    reason = None if value is not None else score.reason or "the record doesn't hold it"
    nobody: dict[str, Any] = dict.fromkeys((*OPTIONAL, *(f"against_{kind}" for kind in OPTIONAL)))
    return replace(
        score, value=value, reason=reason, ci95=None, clean=None, compromised=None, normalised=nothing, **nobody,
    )  # fmt: skip


def _main_numbers(record: RunRecord, records: Sequence[RunRecord]) -> list[tuple[str, str]]:
    """The numbers of a row, each with its interval."""
    leakage, knowledge, kind = score_in(record, "leakage"), score_in(record, "drop"), reference_kind(record)
    if kind is not None:
        between = [_left_in_reference(records, record, kind, role) for role in ("leakage", *FACT_ROLES)]
        fixed = [("0 %" if kind == "clean" else "100 %", "")] * (len(KEPT_ON) + 1)
        return [wording.with_interval(leakage), *between, wording.with_interval(knowledge), ("", ""), *fixed]
    held = [one.score for one in facts_kept(record)]
    unlearnt = [score for score in held if score.normalised.reason == NOT_LEARNT]
    with_view = [score for score in held if score.normalised.value is not None]
    worst = min(unlearnt or with_view, key=lambda score: score.normalised.value or 0.0, default=None)
    left = [_share(score) for score in (leakage, *(score_in(record, role) for role in FACT_ROLES))]
    kept = [_share(score) for score in (knowledge, *(kept_on(record, split) for split in KEPT_ON), worst)]
    return [wording.with_interval(leakage), *left, wording.with_interval(knowledge), *kept]


def _left_in_reference(records: Sequence[RunRecord], record: RunRecord, kind: str, role: Role) -> tuple[str, str]:
    held = first(record, role)
    share: float | None = 0.0 if kind == "clean" else 1.0
    reason = ""
    if held is not None:
        share, reason = share_of_reference(records, kind, held.metric, held.part)
    return (wording.missing(reason) if share is None else wording.percent(share).replace("\u202f", " ")), ""


def _share(score: Score | None) -> tuple[str, str]:
    view = None if score is None else score.normalised
    ends = None if view is None else view.ci95
    return wording.share(view).replace("\u202f", " "), wording.percent_interval(ends).replace("\u202f", " ")
