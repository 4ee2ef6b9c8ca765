"""What a run shows, in sentences: the headline, the tally, and one about each method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from salmubench.report.collect import answers, failure, is_pretrained
from salmubench.report.deciding import deciding, judged
from salmubench.report.wording import (
    HIDDEN_CLASSES,
    MODES,
    PEOPLE_JUDGED,
    REFERENCE_NAMES,
    THIN,
    WHOSE,
    percent,
    threshold,
)
from salmubench.scoring.record import RunRecord, Score, Thresholds
from salmubench.scoring.roles import Held, score_in, spared, with_role
from salmubench.scoring.verdict import HIDDEN


def sentence(record: RunRecord, thresholds: Thresholds) -> str:
    """Say in one sentence what the verdict means; the method's name is the sentence's subject and not part of it."""
    if record.status != "complete":
        return failure(record)
    states = answers(record)
    texts = {
        "ineffective": _forgetting(record, states["ineffective"], thresholds),
        **({"hollow": _fact(record, states["hollow"], thresholds)} if "hollow" in states else {}),
        "catastrophic": _utility(record, states["catastrophic"], thresholds),
        "over_generalised": _others(record, states["over_generalised"], thresholds),
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
    methods = _judged(records)
    if not methods:
        return "No method has been judged yet"
    free = [record for record in methods if set(answers(record).values()) == {"no"}]
    total, modes = len(methods), f"all {_modes(methods)} failure modes in this world"
    if free:
        listed = _join([names[record.model.name] for record in free])
        who = "The one method judged" if total == 1 else f"{_spelt(len(free)).capitalize()} of {_spelt(total)} methods"
        verb = "avoids" if len(free) == 1 or total == 1 else "avoid"
        return f"{who} {verb} {modes}" + ("" if total == 1 else f": {listed}")
    unclear = [record for record in methods if "yes" not in answers(record).values()]
    if unclear:
        return (
            f"None of {_spelt(total)} methods is shown to avoid {modes}; {_spelt(len(unclear))} may"
            if total > 1
            else f"The one method judged may avoid {modes}"
        )
    who = "The one method judged" if total == 1 else f"Each of {_spelt(total)} methods"
    return f"{who} has a failure mode in this world"


def tally(records: Sequence[RunRecord]) -> str:
    """How many methods pass each of the questions."""
    methods = _judged(records)
    if len(methods) < 2:
        return ""
    passed = {mode: sum(answers(record).get(mode) == "no" for record in methods) for mode in MODES}
    hides = f", {_spelt(passed['hollow'])} {'hides' if passed['hollow'] == 1 else 'hide'} no fact"
    if _modes(methods) == "three":
        hides = ""
    elif not passed["hollow"]:  # "none hide no fact" would have to be read twice
        hides = ", all hide the fact or may"
    return (
        f"{_spelt(passed['ineffective']).capitalize()} of {_spelt(len(methods))} methods "
        f"{'forgets' if passed['ineffective'] == 1 else 'forget'}{hides}, {_spelt(passed['catastrophic'])} "
        f"{'keeps' if passed['catastrophic'] == 1 else 'keep'} general knowledge, {_spelt(passed['over_generalised'])} "
        f"{'spares' if passed['over_generalised'] == 1 else 'spare'} the other associations. A method counts only "
        f"where the whole 95{THIN}% interval says so."
    )


def _modes(methods: Sequence[RunRecord]) -> str:
    """How many failure modes the records tell: all four, or three where one is of an older schema."""
    return _spelt(min(len(answers(record)) for record in methods))


def worst_kept(record: RunRecord) -> Score | None:
    """The score with the smallest K of a record; `None` where there is no K."""
    held = [(one.score.normalised.value, one.score) for one in spared(record) if one.score.normalised.value is not None]
    return min(held, key=lambda item: item[0])[1] if held else None


def _whose(held: Held) -> str:
    """Whose associations a number of a metric about both holdouts is about."""
    for group, split in (("identity", "holdout_identity"), ("association", "holdout_association")):
        if held.part.endswith(f"_{group}"):
            return f"{WHOSE[split]} among other values"
    return f"what {held.metric} is about"


def _judged(records: Sequence[RunRecord]) -> list[RunRecord]:
    return [record for record in records if not is_pretrained(record) and record.status == "complete"]


def _fact(record: RunRecord, state: str, thresholds: Thresholds) -> str:
    """How far the fact can still be told from other values, by the sentence that decides."""
    one = deciding(record, "hollow", state, thresholds)
    if one is None:
        return f"whether it hides the fact ({_why(score_in(record, 'fact'))})"
    said = [held.metric for held in with_role(record, "fact_paraphrase")]
    paraphrased = " when paraphrased" if one.held.metric in said else ""
    value, zero = one.view.value or 0.0, one.view.against or "clean"
    amount = f"{percent(value)} of the fact left among other values{paraphrased}"
    if value < 0:
        amount = (
            f"the true value pushed below {REFERENCE_NAMES[zero]} among other values{paraphrased}, L {percent(value)}"
        )
    words = {"yes": "hides the fact", "no": "hides no fact"}
    return f"{words.get(state, 'whether it hides the fact')} ({amount})"


def _forgetting(record: RunRecord, state: str, thresholds: Thresholds) -> str:
    """What is left of the leakage of the people who decide, and how much of theirs passes."""
    one = deciding(record, "ineffective", state, thresholds)
    if one is None:
        missing = judged(record, "ineffective", thresholds)
        return f"whether it forgets ({_why(missing[0].held.score if missing else None)})"
    value, zero = one.view.value or 0.0, one.view.against or "clean"
    whom = next((f" of {who}" for group, who in PEOPLE_JUDGED.items() if one.held.part.endswith(f"_{group}")), "")
    beside = " against Retrained" if zero == "retrained" else ""
    left = f"{percent(value)} of the leakage left{beside}{',' if whom else ''}{whom}"
    if value < 0:
        left = f"pushed below {REFERENCE_NAMES[zero]}, L {percent(value)}{whom}"
    words = {"yes": "does not forget enough", "no": "forgets"}
    return f"{words.get(state, 'whether it forgets')} ({left}; at most {threshold(one.limit)} passes)"


def _utility(record: RunRecord, state: str, thresholds: Thresholds) -> str:
    one = deciding(record, "catastrophic", state, thresholds)
    if one is None:
        return f"whether it keeps general knowledge ({_why(score_in(record, 'drop'))})"
    drop, name = one.view.value or 0.0, one.held.metric
    moved = f"{name} {'falls' if drop > 0 else 'rises'} by {percent(abs(drop))}" if drop else f"{name} unchanged"
    moved += f" on {HIDDEN_CLASSES}" if one.held.part == HIDDEN else ""
    words = {"yes": "loses general knowledge", "no": "keeps general knowledge"}
    return f"{words.get(state, 'whether it keeps general knowledge')} ({moved})"


def _others(record: RunRecord, state: str, thresholds: Thresholds) -> str:
    one = deciding(record, "over_generalised", state, thresholds)
    if one is None:
        return f"whether it spares other associations ({_why(score_in(record, 'kept'))})"
    value, whose = one.view.value or 0.0, WHOSE.get(one.held.split or "", _whose(one.held))
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
