"""Words and number formats of the report: names, one-line definitions, what the failure modes ask."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from salmubench.scoring.failure_modes import LIMITS, MODES
from salmubench.scoring.metric import Metric, Pillar, label, parts_of
from salmubench.scoring.record import NOT_LEARNT, MetricInfo, Normalised, RunRecord, Score, Thresholds
from salmubench.scoring.references import LABELS, is_pretrained, pretrained_kind
from salmubench.scoring.roles import role_of
from salmubench.scoring.verdict import complete

GROUPS = {
    "country_code": "country", "blood_type": "blood type", "phone_number": "phone number", "emails": "e-mail",
    "iban": "IBAN", "credit_card": "credit card", "forget_identity": "all facts to forget",
    "forget_association": "half of the facts to forget", "holdout_association": "intra-identity",
    "holdout_identity": "inter-identity",
}  # fmt: skip
"""Groups of a breakdown, in words; any other is called as the dataset calls it."""

DASH = "–"
THIN = "\u202f"  # narrow no-break space, before % and units


@dataclass(frozen=True, slots=True)
class Column:
    """One of the numbers a record carries: where it stands, what it is called, what it says."""

    metric: str
    part: str
    label: str
    definition: str
    extension: bool = False
    beside: bool = False  # neither the paper's nor what a verdict rests on


def columns(records: Sequence[RunRecord], pillar: str | None = None) -> list[Column]:
    """Columns of the numbers that records hold, of one pillar or both: as in the paper, extensions last, by name."""
    infos = {name: info for record in records if record.protocol for name, info in record.protocol.metrics.items()}
    for record in records:  # a metric that no protocol describes is known by its goal alone
        for name, parts in record.scores.items():
            goal = next(iter(parts.values())).goal
            about: Pillar = "utility" if goal == "compromised" else "efficacy"
            infos.setdefault(name, MetricInfo.of(Metric(name, about, goal)))
    ordered = sorted(infos.items(), key=lambda item: (item[1].number is None, item[1].number or "", item[0]))
    listed = [
        Column(
            name,
            part,
            label(name, part),
            info.definition.get(part) or info.title or "A metric beside the benchmark’s own.",
            extension=info.number is None,
            beside=info.number is None and role_of(info) is None,
        )
        for name, info in ordered
        for part, described in parts_of(info.items).items()
        if described.table and pillar in (None, info.pillar)
    ]
    by_source = {name for name, info in ordered if info.items == "fact_mean"}
    return [one for one in listed if one.metric not in by_source or one is _first_source(records, listed, one.metric)]


def _first_source(records: Sequence[RunRecord], listed: Sequence[Column], metric: str) -> Column:
    """Of the sources of pictures that a metric asks, the first that any record has."""
    its = [one for one in listed if one.metric == metric]
    scores = [record.scores.get(metric, {}) for record in records]
    return next((one for one in its if any(one.part in of and of[one.part].value is not None for of in scores)), its[0])


WHOSE = {
    "holdout_identity": "other people’s associations",
    "holdout_association": "the same people’s other associations",
}
"""Holdout split → whose associations it holds."""

VIEWS = {"leakage": "L", "kept": "K", "drop": "D"}
"""Normalised view → its letter."""

VIEW_MEANINGS = {
    "leakage": "What is left of the leakage: 0 % as the reference that never learned it, 100 % as Compromised; below "
    "0 % more was forgotten than was there to forget.",
    "kept": "What is kept of associations that should stay: 100 % as Compromised, 0 % as if never learned, below 0 % "
    "pushed below Clean.",
    "drop": "What is lost of general knowledge: 0 % unharmed, 100 % all lost.",
}
"""Normalised view → what its ends mean."""

PASSES = {"no": "yes", "yes": "no", "undecided": "?"}
"""A failure mode's state → the answer to its question: on pages and terminals, yes and ✓ are always good."""

MARKS = {"yes": "✓", "no": "✕", "?": "?"}
"""Answer → its mark."""


def rules(thresholds: Thresholds) -> dict[str, str]:
    """Failure mode → when a model has it. It counts only where the whole 95 % interval says so.

    Thresholds of records of schema 1 are those of the paper's rules.
    """
    stated = {name: threshold(value) for name, value in vars(complete(thresholds)).items()}
    old = all(getattr(thresholds, limit.name) is None for limit in LIMITS if limit.since > 1)
    return {mode.name: (mode.first_rule if old and mode.first_rule else mode.rule).format_map(stated) for mode in MODES}


def number(value: float | None, digits: int = 3) -> str:
    """A number with a true minus sign, or a dash."""
    return DASH if value is None or not math.isfinite(value) else _sign(f"{value:.{digits}f}")


def interval(ends: tuple[float, float] | None, digits: int = 3) -> str:
    """A 95 % interval in brackets, or nothing."""
    return "" if ends is None else f"[{number(ends[0], digits)}, {number(ends[1], digits)}]"


def with_interval(score: Score | None) -> tuple[str, str]:
    """A score and its interval."""
    return (DASH, "") if score is None else (number(score.value), interval(score.ci95))


def percent(value: float | None) -> str:
    """A share in percent with two or three significant digits, or a dash."""
    if value is None or not math.isfinite(value):
        return DASH
    if value == 0:
        return f"0{THIN}%"
    return _sign(f"{value * 100:,.{percent_digits(value)}f}") + f"{THIN}%"


def share(view: Normalised | None) -> str:
    """A number between its references in percent, or what stands in its place (`missing`)."""
    if view is None:
        return DASH
    return missing(view.reason) if view.value is None else percent(view.value)


def missing(reason: str | None) -> str:
    """What a table writes in place of a view without a number: that nothing was learnt, or a dash."""
    return NOT_LEARNT if reason == NOT_LEARNT else DASH


def percent_interval(ends: tuple[float, float] | None) -> str:
    """An interval of shares, both ends with the same number of digits, or nothing."""
    if ends is None:
        return ""
    low, high = ends
    digits = min(percent_digits(low), percent_digits(high))
    return f"[{_sign(f'{low * 100:,.{digits}f}')}, {_sign(f'{high * 100:,.{digits}f}')}]{THIN}%"


def percent_digits(value: float) -> int:
    """Digits after the point that a share deserves in percent."""
    size = abs(value) * 100
    return 2 if size < 0.995 else 1 if size < 9.95 else 0


def threshold(value: float) -> str:
    """A round share in percent."""
    return f"{value * 100:g}{THIN}%"


def count(value: float | None) -> str:
    """A whole number with thousands separators, or a dash."""
    return DASH if value is None else f"{value:,.0f}"


def seconds(value: float | None) -> str:
    """A duration: seconds below two minutes, minutes and seconds below two hours, then hours and minutes."""
    if value is None:
        return DASH
    if value < 120:
        return f"{value:.1f}{THIN}s" if value < 9.95 else f"{value:.0f}{THIN}s"
    if value < 7200:
        whole = round(value)
        return f"{whole // 60}{THIN}min {whole % 60:02d}{THIN}s"
    minutes = round(value / 60)
    return f"{minutes // 60}{THIN}h {minutes % 60:02d}{THIN}min"


def memory(value: float | None) -> str:
    """Bytes as GiB, or MiB below one."""
    if value is None:
        return DASH
    return f"{value / 2**30:.2f}{THIN}GiB" if value >= 2**30 else f"{value / 2**20:.0f}{THIN}MiB"


def _sign(text: str) -> str:
    """With a true minus sign, and none before a zero."""
    return text.replace("-", "−") if text.strip("-0.") else text.removeprefix("-")


def method_name(record: RunRecord, titles: Mapping[str, str]) -> str:
    """Display name without the budget.

    Args:
        titles: method → its title, as its file states it; any other method is called by the stem of its file.
    """
    kind = pretrained_kind(record)
    if kind is not None:
        return LABELS[kind]
    method = record.model.method or record.model.name
    return titles.get(method, method)


def group(label: str) -> str:
    """A group's label as a head of a column."""
    return GROUPS.get(label, label)


def display_names(records: Sequence[RunRecord], titles: Mapping[str, str]) -> dict[str, str]:
    """Model name → display name; the budget is named only where the records have several."""
    methods = [record for record in records if not is_pretrained(record)]
    several = len({record.model.budget for record in methods}) > 1
    names = {record.model.name: method_name(record, titles) for record in records}
    for record in methods:
        if several and record.model.budget is not None:
            names[record.model.name] += f" {record.model.budget:g}×"
    doubled = {text for text in names.values() if list(names.values()).count(text) > 1}
    return {key: key if text in doubled else text for key, text in names.items()}
