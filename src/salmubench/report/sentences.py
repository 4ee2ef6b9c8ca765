"""What a run shows, in sentences: the headline, the tally, and one about each method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from salmubench.report.collect import answers, failure, is_pretrained
from salmubench.report.wording import FACT_ROLES, MODES, REFERENCE_NAMES, THIN, WHOSE, percent, threshold
from salmubench.scoring.record import RunRecord, Score, Thresholds
from salmubench.scoring.roles import Held, first, score_in, spared, with_role


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
    hides = f", {_spelt(passed['hollow'])} {'hides' if passed['hollow'] == 1 else 'hide'} no fact"
    if _modes(judged) == "three":
        hides = ""
    elif not passed["hollow"]:  # "none hide no fact" would have to be read twice
        hides = ", all hide the fact or may"
    return (
        f"{_spelt(passed['ineffective']).capitalize()} of {_spelt(len(judged))} methods "
        f"{'forgets' if passed['ineffective'] == 1 else 'forget'}{hides}, {_spelt(passed['catastrophic'])} "
        f"{'keeps' if passed['catastrophic'] == 1 else 'keep'} general knowledge, {_spelt(passed['over_generalised'])} "
        f"{'spares' if passed['over_generalised'] == 1 else 'spare'} the other associations. A method counts only "
        f"where the whole 95{THIN}% interval says so."
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
    value, zero = most.score.normalised.value or 0.0, most.score.normalised.against or "clean"
    amount = f"{percent(value)} of the fact left among other values{paraphrased}"
    if value < 0:
        amount = (
            f"the true value pushed below {REFERENCE_NAMES[zero]} among other values{paraphrased}, L {percent(value)}"
        )
    words = {"yes": "hides the fact", "no": "hides no fact"}
    return f"{words.get(state, 'whether it hides the fact')} ({amount})"


def _forgetting(record: RunRecord, state: str, limit: float) -> str:
    score = score_in(record, "leakage")
    if score is None or score.normalised.value is None:
        return f"whether it forgets ({_why(score)})"
    value = score.normalised.value
    left = f"{percent(value)} of the leakage left" if value >= 0 else f"pushed below Clean, L {percent(value)}"
    if state == "yes":
        return f"does not forget enough ({left}; at most {threshold(limit)} passes)"
    if state == "no":
        return f"forgets ({left})"
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
    value = score.normalised.value or 0.0
    if value < 0:
        amount = f"{whose} pushed below Clean, K {percent(value)}"
    else:
        amount = f"keeps {'only ' if state == 'yes' else ''}{percent(value)} of {whose}"
    words = {"yes": f"over-generalises ({amount})", "no": amount}
    return words.get(state, f"whether it spares other associations ({amount})")


def _why(score: Score | None) -> str:
    """Why there is no normalised number, without the details."""
    reason = (score.normalised.reason or score.reason) if score is not None else None
    return (reason or "no number").partition(":")[0]


def _join(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _spelt(value: int) -> str:
    words = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
    return words[value] if value < len(words) else str(value)
