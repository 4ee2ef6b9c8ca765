"""Words and number formats of the report: names, one-line definitions, verdict sentences."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from salmubench.report.collect import answers, failure, is_pretrained, is_retrained, reference_kind
from salmubench.scoring.metric import Metric, Pillar, Role, label, parts_of
from salmubench.scoring.record import MetricInfo, RunRecord, Score, Thresholds
from salmubench.scoring.roles import Held, first, score_in, spared, with_role

GROUPS = {
    "country_code": "country", "blood_type": "blood type", "phone_number": "phone number", "emails": "e-mail",
    "iban": "IBAN", "credit_card": "credit card", "forget_identity": "all facts to forget",
    "forget_association": "half of the facts to forget", "holdout_association": "intra-identity",
    "holdout_identity": "inter-identity",
}  # fmt: skip
"""Groups of a breakdown, in words; any other is called as the dataset calls it."""

REFERENCE_NAMES = {"clean": "Clean", "retrained": "Retrained", "compromised": "Compromised"}

DASH = "–"
_THIN = "\u202f"  # narrow no-break space, before % and units


@dataclass(frozen=True, slots=True)
class Column:
    """One of the numbers a record carries: where it stands, what it is called, what it says."""

    metric: str
    part: str
    label: str
    definition: str
    extension: bool = False


def columns(records: Sequence[RunRecord], pillar: str | None = None) -> list[Column]:
    """Columns of the numbers that records hold: in the order of the paper's tables, extensions last, by name.

    Args:
        records: whose protocols describe their metrics.
        pillar: `efficacy` or `utility`; both by default.
    """
    infos = {name: info for record in records if record.protocol for name, info in record.protocol.metrics.items()}
    for record in records:  # a metric that no protocol describes is known by its goal alone
        for name, parts in record.scores.items():
            goal = next(iter(parts.values())).goal
            about: Pillar = "utility" if goal == "compromised" else "efficacy"
            infos.setdefault(name, MetricInfo.of(Metric(name, about, goal)))
    ordered = sorted(infos.items(), key=lambda item: (item[1].number is None, item[1].number or "", item[0]))
    return [
        Column(
            name,
            part,
            label(name, part),
            info.definition.get(part) or info.title or "A metric beside the benchmark’s own.",
            extension=info.number is None,
        )
        for name, info in ordered
        for part, told in parts_of(info.items).items()
        if told.table and pillar in (None, info.pillar)
    ]


WHOSE = {
    "holdout_identity": "other people’s associations",
    "holdout_association": "the same people’s other associations",
}
"""Holdout split → whose associations it holds."""

FACT_ROLES: tuple[Role, ...] = ("fact", "fact_paraphrase")

VIEWS = {"leakage": "L", "kept": "K", "drop": "D"}
"""Normalised view → its letter."""

MODES = {
    "ineffective": ("forgets", "may not forget", "does not forget"),
    "hollow": ("hides no fact", "may hide the fact", "hides the fact"),
    "catastrophic": ("keeps general knowledge", "may lose general knowledge", "loses general knowledge"),
    "over_generalised": ("spares other associations", "may erase other associations", "erases other associations"),
}
"""Failure mode → short words for no, undecided and yes."""


# --- numbers ----------------------------------------------------------------------------------------------------


def number(value: float | None, digits: int = 3) -> str:
    """A number with a true minus sign, or a dash."""
    if value is None or not math.isfinite(value):
        return DASH
    return _sign(f"{value:.{digits}f}")


def interval(ends: tuple[float, float] | None, digits: int = 3) -> str:
    """A 95 % interval in brackets, or nothing."""
    return "" if ends is None else f"[{number(ends[0], digits)}, {number(ends[1], digits)}]"


def percent(value: float | None) -> str:
    """A share in percent with two or three significant digits, or a dash."""
    if value is None or not math.isfinite(value):
        return DASH
    if value == 0:
        return f"0{_THIN}%"
    return _sign(f"{value * 100:,.{percent_digits(value)}f}") + f"{_THIN}%"


def percent_interval(ends: tuple[float, float] | None) -> str:
    """An interval of shares, both ends with the same number of digits, or nothing."""
    if ends is None:
        return ""
    low, high = ends
    digits = min(percent_digits(low), percent_digits(high))
    return f"[{_sign(f'{low * 100:,.{digits}f}')}, {_sign(f'{high * 100:,.{digits}f}')}]{_THIN}%"


def percent_digits(value: float) -> int:
    """Digits after the point that a share deserves in percent."""
    size = abs(value) * 100
    return 2 if size < 0.995 else 1 if size < 9.95 else 0


def threshold(value: float) -> str:
    """A round share in percent."""
    return f"{value * 100:g}{_THIN}%"


def count(value: float | None) -> str:
    """A whole number with thousands separators, or a dash."""
    return DASH if value is None else f"{value:,.0f}"


def seconds(value: float | None) -> str:
    """A duration: seconds below two minutes, minutes and seconds below two hours, then hours and minutes."""
    if value is None:
        return DASH
    if value < 120:
        return f"{value:.1f}{_THIN}s" if value < 9.95 else f"{value:.0f}{_THIN}s"
    if value < 7200:
        whole = round(value)
        return f"{whole // 60}{_THIN}min {whole % 60:02d}{_THIN}s"
    minutes = round(value / 60)
    return f"{minutes // 60}{_THIN}h {minutes % 60:02d}{_THIN}min"


def memory(value: float | None) -> str:
    """Bytes as GiB, or MiB below one."""
    if value is None:
        return DASH
    return f"{value / 2**30:.2f}{_THIN}GiB" if value >= 2**30 else f"{value / 2**20:.0f}{_THIN}MiB"


def _sign(text: str) -> str:
    if text.startswith("-"):
        digits = text[1:]
        return digits if not digits.strip("0.") else f"−{digits}"
    return text


# --- names ------------------------------------------------------------------------------------------------------


def method_name(record: RunRecord, titles: Mapping[str, str]) -> str:
    """Display name without the budget.

    Args:
        record: a run record.
        titles: method → its title, as its file states it; any other method is called by the stem of its file.
    """
    kind = "retrained" if is_retrained(record) else reference_kind(record)
    if kind is not None:
        return REFERENCE_NAMES[kind]
    method = record.model.method or record.model.name
    return titles.get(method, method)


def group(label: str) -> str:
    """A group's label as a head of a column."""
    return GROUPS.get(label, label)


def display_names(records: Sequence[RunRecord], titles: Mapping[str, str]) -> dict[str, str]:
    """Model name → display name; the budget is named only where the records have several.

    Args:
        records: run records.
        titles: method → its title.
    """
    methods = [record for record in records if not is_pretrained(record)]
    several = len({record.model.budget for record in methods}) > 1
    names = {record.model.name: method_name(record, titles) for record in records}
    for record in methods:
        if several and record.model.budget is not None:
            names[record.model.name] += f" {record.model.budget:g}×"
    doubled = {text for text in names.values() if list(names.values()).count(text) > 1}
    return {key: key if text in doubled else text for key, text in names.items()}


# --- sentences --------------------------------------------------------------------------------------------------


def sentence(record: RunRecord, thresholds: Thresholds) -> str:
    """Say in one sentence what the verdict means; the method's name is the sentence's subject and not part of it."""
    if record.status != "complete":
        return failure(record)
    states = answers(record)
    texts = {
        "ineffective": _forgetting(record, states["ineffective"], thresholds.ineffective),
        **({"hollow": _fact(record, states["hollow"])} if "hollow" in states else {}),
        "catastrophic": _utility(record, states["catastrophic"]),
        "over_generalised": _others(record, states["over_generalised"]),
    }
    good, bad, unclear = (
        [text for mode, text in texts.items() if states[mode] == answer] for answer in ("no", "yes", "undecided")
    )
    parts = [_join(good)] if good else []
    if bad:
        parts.append(("but " if good else "") + _join(bad))
    summary = ", ".join(parts)
    if unclear:
        summary += ("; " if summary else "") + "undecided: " + _join(unclear)
    return summary + ("." if len(good) < len(texts) else ": no failure mode found.")


def headline(records: Sequence[RunRecord], names: Mapping[str, str]) -> str:
    """The page's first sentence: how many methods have no failure mode.

    Args:
        records: run records.
        names: model name → display name.
    """
    judged = _judged(records)
    if not judged:
        return "No method has been judged yet"
    free = [record for record in judged if set(answers(record).values()) == {"no"}]
    total = len(judged)
    if free:
        listed = _join([names[record.model.name] for record in free])
        who = "The one method judged" if total == 1 else f"{_spelt(len(free)).capitalize()} of {_spelt(total)} methods"
        verb = "avoids" if len(free) == 1 or total == 1 else "avoid"
        return f"{who} {verb} all {_modes(judged)} failure modes" + ("" if total == 1 else f": {listed}")
    unclear = [record for record in judged if "yes" not in answers(record).values()]
    if unclear:
        return (
            f"None of {_spelt(total)} methods is shown to avoid all {_modes(judged)} failure modes; "
            f"{_spelt(len(unclear))} may"
            if total > 1
            else f"The one method judged may avoid all {_modes(judged)} failure modes"
        )
    return (
        "The one method judged has a failure mode"
        if total == 1
        else f"Each of {_spelt(total)} methods has a failure mode"
    )


def tally(records: Sequence[RunRecord]) -> str:
    """How many methods pass each of the questions."""
    judged = _judged(records)
    if len(judged) < 2:
        return ""
    passed = {mode: sum(answers(record).get(mode) == "no" for record in judged) for mode in MODES}
    hides = "" if _modes(judged) == "three" else (
        f", {_spelt(passed['hollow'])} {'hides' if passed['hollow'] == 1 else 'hide'} no fact"
    )  # fmt: skip
    return (
        f"{_spelt(passed['ineffective']).capitalize()} of {_spelt(len(judged))} methods "
        f"{'forgets' if passed['ineffective'] == 1 else 'forget'}{hides}, {_spelt(passed['catastrophic'])} "
        f"{'keeps' if passed['catastrophic'] == 1 else 'keep'} general knowledge, {_spelt(passed['over_generalised'])} "
        f"{'spares' if passed['over_generalised'] == 1 else 'spare'} the other associations. A method counts only "
        f"where the whole 95{_THIN}% interval says so."
    )


def _modes(judged: Sequence[RunRecord]) -> str:
    """How many failure modes the records tell: all four, or three where one is of an older schema."""
    return _spelt(min(len(answers(record)) for record in judged))


def worst_kept(record: RunRecord) -> tuple[Score, str] | None:
    """The score with the smaller K of a record, and whose associations it speaks of; `None` where there is no K."""
    held = [
        (one.score.normalised.value, one.score, WHOSE.get(one.split or "", _whose(one)))
        for one in spared(record)
        if one.score.normalised.value is not None
    ]
    return min(held, key=lambda item: item[0])[1:] if held else None


def _whose(held: Held) -> str:
    """Whose associations a number of a metric about both holdouts is about."""
    for group, split in (("identity", "holdout_identity"), ("association", "holdout_association")):
        if held.part.endswith(f"_{group}"):
            return f"{WHOSE[split]} among other values"
    return f"what {held.metric} is about"


def _judged(records: Sequence[RunRecord]) -> list[RunRecord]:
    return [record for record in records if not is_pretrained(record) and record.status == "complete"]


def _fact(record: RunRecord, state: str) -> str:
    """How far the fact can still be told from other values, by whichever sentence tells more."""
    held = [one for role in FACT_ROLES for one in with_role(record, role)[:1] if one.score.normalised.value is not None]
    if not held:
        return f"whether it hides the fact ({_why(score_in(record, 'fact'))})"
    most = max(held, key=lambda one: abs(one.score.normalised.value or 0.0))
    paraphrased = " when paraphrased" if most.metric != held[0].metric else ""
    amount = f"{percent(most.score.normalised.value)} of the fact left among other values{paraphrased}"
    words = {"yes": "hides the fact", "no": "hides no fact"}
    return f"{words.get(state, 'whether it hides the fact')} ({amount})"


def _forgetting(record: RunRecord, state: str, limit: float) -> str:
    score = score_in(record, "leakage")
    if score is None or score.normalised.value is None:
        return f"whether it forgets ({_why(score)})"
    left = f"{percent(score.normalised.value)} of the leakage left"
    if state == "yes":
        return f"does not forget enough ({left}; at most {threshold(limit)} passes)"
    if state == "no":
        below = score.normalised.ci95 is not None and score.normalised.ci95[1] < 0
        return f"forgets ({left}{', below Clean' if below else ''})"
    return f"whether it forgets ({left})"


def _utility(record: RunRecord, state: str) -> str:
    held = first(record, "drop")
    score = None if held is None else held.score
    if score is None or score.normalised.value is None:
        return f"whether it keeps general knowledge ({_why(score)})"
    drop = score.normalised.value
    change = percent(abs(drop))
    name = "general knowledge" if held is None else held.metric
    moved = f"{name} {'falls' if drop > 0 else 'rises'} by {change}" if drop else f"{name} unchanged"
    words = {"yes": "loses general knowledge", "no": "keeps general knowledge"}
    return f"{words.get(state, 'whether it keeps general knowledge')} ({moved})"


def _others(record: RunRecord, state: str) -> str:
    worst = worst_kept(record)
    if worst is None:
        return f"whether it spares other associations ({_why(score_in(record, 'kept'))})"
    score, whose = worst
    amount = f"{percent(score.normalised.value)} of {whose}"
    if state == "yes":
        return f"over-generalises (keeps only {amount})"
    return f"keeps {amount}" if state == "no" else f"whether it spares other associations (keeps {amount})"


def _why(score: Score | None) -> str:
    """Why there is no normalised number, without the details."""
    reason = (score.normalised.reason or score.reason) if score is not None else None
    return (reason or "no number").partition(":")[0]


def _join(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _spelt(value: int) -> str:
    words = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
    return words[value] if value < len(words) else str(value)
