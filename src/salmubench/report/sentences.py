"""What a run shows, in sentences: the headline, the tally, and one about each method."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from salmubench.report.collect import failure
from salmubench.report.main_views import holdout_of
from salmubench.report.wording import THIN, VIEWS, WHOSE, percent, threshold
from salmubench.scoring.failure_modes import HIDDEN_CLASSES, MODES, PEOPLE_JUDGED, FailureMode
from salmubench.scoring.metric import Role, by_other_pictures
from salmubench.scoring.record import NOT_LEARNT, MetricInfo, RunRecord, Thresholds
from salmubench.scoring.references import CLEAN, LABELS, is_pretrained
from salmubench.scoring.verdict import View, answer, answers, lost_alone, rests_on


def sentence(record: RunRecord, thresholds: Thresholds) -> str:
    """Say in one sentence what the verdict means; the method's name is the sentence's subject and not part of it."""
    if record.status != "complete":
        return failure(record)
    states = answers(record)
    texts = {mode.name: _said(record, mode, states[mode.name], thresholds) for mode in MODES if mode.name in states}
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
    """The page's first sentence: how many methods have no failure mode; one at several budgets counts once."""
    candidates = _judged(records)
    if not candidates:
        return "No method has been judged yet"
    free = [record for record in candidates if set(answers(record).values()) == {"no"}]
    unclear = [record for record in candidates if "yes" not in answers(record).values()]
    told = min(len(answers(record)) for record in candidates)  # three where a record is of an older schema
    total, modes = _methods(candidates), f"all {_spelt(told)} failure modes in this world"
    at_none = "" if total == len(candidates) else ", at any of its budgets"
    if free:
        listed = _join([names[record.model.name] for record in free])
        some = _methods(free)
        who = "The one method judged" if total == 1 else f"{_spelt(some).capitalize()} of {_spelt(total)} methods"
        verb = "avoids" if some == 1 or total == 1 else "avoid"
        return f"{who} {verb} {modes}" + ("" if total == len(candidates) == 1 else f": {listed}")
    if unclear:
        return (
            f"None of {_spelt(total)} methods is shown to avoid {modes}; {_spelt(_methods(unclear))} may"
            if total > 1
            else f"The one method judged may avoid {modes}"
        )
    if total == 1:
        return f"The one method judged has a failure mode in this world{at_none}"
    return f"Each of {_spelt(total)} methods has a failure mode in this world{at_none}"


def tally(records: Sequence[RunRecord]) -> str:
    """How many methods pass each of the questions: at a budget, where they ran with several."""
    candidates = _judged(records)
    if len(candidates) < 2:
        return ""
    noun = "methods" if _methods(candidates) == len(candidates) else "candidates, a method at a budget each,"
    told = []
    for place, mode in enumerate(mode for mode in MODES if all(mode.name in answers(record) for record in candidates)):
        passed = sum(answers(record)[mode.name] == "no" for record in candidates)
        good, _, bad = (words if passed == 1 else _plural(words) for words in mode.answers)
        if not place:
            told.append(f"{_spelt(passed).capitalize()} of {_spelt(len(candidates))} {noun} {good}")
        elif passed or " no " not in good:
            told.append(f"{_spelt(passed)} {good}")
        else:  # "none reveal no fact" would have to be read twice
            told.append(f"all {bad} or may")
    one = "method" if noun == "methods" else "candidate"
    return f"{', '.join(told)}. A {one} counts only where the whole 95{THIN}% interval says so."


def _methods(records: Sequence[RunRecord]) -> int:
    """How many methods there are, each at whatever budgets."""
    return len({record.model.method or record.model.name for record in records})


def _judged(records: Sequence[RunRecord]) -> list[RunRecord]:
    return [record for record in records if not is_pretrained(record) and record.status == "complete"]


def _said(record: RunRecord, mode: FailureMode, state: str, thresholds: Thresholds) -> str:
    """What a mode's answer means, with the number that it turns on."""
    said = dict(zip(("no", "undecided", "yes"), mode.sentences, strict=True))
    one = deciding(record, mode, state, thresholds)
    if one is None:
        missing = [view for view in judged(record, mode, thresholds) if view.view.value is None]
        return said["undecided"].format(_why(missing))
    return said[state].format(_AMOUNTS.get(one.role, _plain)(one, state))


def judged(record: RunRecord, mode: FailureMode, thresholds: Thresholds) -> list[View]:
    """What a mode is judged by, numbers without a value too."""
    metrics: Mapping[str, MetricInfo] = {} if record.protocol is None else record.protocol.metrics
    rests = rests_on(record.scores, metrics, thresholds=thresholds, schema_version=record.schema_version)
    views = rests.get(mode.name, [])
    if record.schema_version == 1:
        return views
    return [
        one if answer(mode, one.view.ci95, one.limit) == "yes" else lost_alone(mode, one, record.scores) or one
        for one in views
    ]


def deciding(record: RunRecord, mode: FailureMode, state: str, thresholds: Thresholds) -> View | None:
    """The number that a mode's answer turns on, of all that it is judged by, or `None` where all are missing.

    `yes` turns on a number whose whole interval lies beyond its limit, `undecided` on one whose interval reaches over
    it. Of several it is the one furthest towards its limit or over it, measured in limits, which differ within a mode.
    """

    def reach(one: View) -> tuple[bool, float]:
        value = one.view.value or 0.0
        state_of_view = answer(mode, one.view.ci95 or (value, value), one.limit)
        reaches = state_of_view == "yes" if state == "yes" else state_of_view != "no"
        return reaches, mode.beyond(value, one.limit) / (abs(one.limit) or 1.0)

    with_value = [one for one in judged(record, mode, thresholds) if one.view.value is not None]
    return max(with_value, key=reach, default=None)


def _plain(one: View, _state: str) -> str:
    return f"{VIEWS[one.view.view or 'leakage']} of {one.name} {percent(one.view.value)}"


def _fact(one: View, _state: str) -> str:
    """How far the fact can still be told from other values, by the sentence that decides."""
    how_asked = _ASKED.get(one.role, "")
    value, zero = one.view.value or 0.0, one.view.against or CLEAN
    if value < 0:
        return f"the true value pushed below {LABELS[zero]} among other values{how_asked}, L {percent(value)}"
    return f"{percent(value)} of the fact left among other values{how_asked}"


def _leakage(one: View, _state: str) -> str:
    """What is left of the leakage of the people who decide, and how much of theirs passes."""
    value, zero = one.view.value or 0.0, one.view.against or CLEAN
    whom = next((f" of {who}" for group, who in PEOPLE_JUDGED.items() if one.held.part.endswith(f"_{group}")), "")
    beside = "" if zero == CLEAN else f" against {LABELS[zero]}"
    left = f"{percent(value)} of the leakage left{beside}{',' if whom else ''}{whom}"
    if value < 0:
        left = f"pushed below {LABELS[zero]}, L {percent(value)}{whom}"
    if one.view.most_of_one is not None:
        left += f" ({percent(one.view.most_of_one)} of it by one person)"
    return f"{left}; at most {threshold(one.limit)} passes"


def _drop(one: View, _state: str) -> str:
    drop, name = one.view.value or 0.0, one.held.metric
    moved = f"{name} {'falls' if drop > 0 else 'rises'} by {percent(abs(drop))}" if drop else f"{name} unchanged"
    return moved + (f" on {HIDDEN_CLASSES}" if one.held.part == "hidden" else "")


def _kept(one: View, state: str) -> str:
    value, (split, facts) = one.view.value or 0.0, holdout_of(one.held)
    whose = WHOSE.get(split, f"what {one.held.metric} is about") + (" among other values" if facts else "")
    if by_other_pictures(one.held.part):
        whose += " by other pictures of the person"
    if value < 0:
        return f"{whose} pushed below Clean, K {percent(value)}"
    return f"keeps {'only ' if state == 'yes' else ''}{percent(value)} of {whose}"


_ASKED: Mapping[Role, str] = {
    "fact_paraphrase": " when paraphrased",
    "fact_other": " by other pictures of the person",
    "fact_nameless": " by other pictures, nobody named",
}
"""Role → how the fact was asked for, where not by its own caption and picture."""
_AMOUNTS: Mapping[Role, Callable[[View, str], str]] = {
    "leakage": _leakage, **dict.fromkeys(("fact", *_ASKED), _fact), "drop": _drop, "kept": _kept,
}  # fmt: skip
"""Role → how the number that decides is told."""


def _plural(words: str) -> str:
    """Of several: `forgets` → `forget`."""
    verb, space, rest = words.partition(" ")
    return verb.removesuffix("s") + space + rest


def _why(missing: Sequence[View]) -> str:
    """Why there is no normalised number, without the details."""
    unlearnt = [one.name for one in missing if one.view.reason == NOT_LEARNT]
    if unlearnt:
        return f"{_join(unlearnt)} {NOT_LEARNT}"
    score = missing[0].held.score if missing else None
    reason = (score.normalised.reason or score.reason) if score is not None else None
    return (reason or "no number").partition(":")[0]


def _join(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _spelt(value: int) -> str:
    words = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
    return words[value] if value < len(words) else str(value)
