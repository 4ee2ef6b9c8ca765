"""The page of a deletion: what was asked, what was measured, what was not, what attacks brought back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from salmubench.deletion.findings import LITTLE, beside, fell, kept_parts, shown_parts
from salmubench.deletion.record import Answer, Change, DeletionRecord, Level, LevelName, Question
from salmubench.report import rendering, wording
from salmubench.report.wording import DASH
from salmubench.scoring.failure_modes import MODES
from salmubench.scoring.intervals import FEWEST
from salmubench.scoring.metric import Pillar, label
from salmubench.scoring.origin import Model
from salmubench.scoring.references import RETRAINED

_FEW = 20
"""People below which an interval over people is called rough."""
_SHOWN = 50  # people on the page; the record has all

_LEVELS: dict[LevelName, tuple[str, str]] = {
    "new_photo": ("The true value, by other photos", "MRR beyond that by strangers’ photos; unknown: 0"),
    "chance": ("The true caption, beside chance", "unknown: all orders of the gallery equally likely"),
    "strangers": ("The true caption, beside strangers’", "unknown: the same pictures, captions about invented people"),
    "other_values": (
        "The true value, beside others",
        "share of other values that rank below; unknown: the same values, asked of other people",
    ),
    RETRAINED: ("The true caption, beside the retrained model’s", "unknown: a model trained without these facts"),
    "retrained_values": (
        "The true value, beside the retrained model’s",
        "unknown: a model trained without these facts",
    ),
}
_LEFT: tuple[Literal["strangers", "other_values"], ...] = ("strangers", "other_values")
_LITTLE_LEFT = 1 / 3  # of what was known: an upper end below it is called little
_QUESTIONS: dict[Question, tuple[str, Answer]] = {
    "new_photo": ("Does another photo of them still yield their facts?", "no"),
    "knew": ("Did the model before know the people?", "yes"),
    "weaker": ("Are the associations weaker than before?", "yes"),
    "known": ("Does the model after still know the people?", "no"),
    "value_known": ("Does it still know their facts?", "no"),
    "below": ("Are the true captions pushed below strangers’?", "no"),
    "damaged": ("Did anything get worse that was to stay?", "no"),
}
"""The questions, and the answer that a deletion wants."""


@dataclass(frozen=True)
class Line:
    """A row of a table: what it is, its cells (a number and its interval), and a remark that stands below the name."""

    name: str
    cells: Sequence[tuple[str, str]]
    remark: str = ""


def page(record: DeletionRecord) -> str:
    """The page of a deletion, one file that loads nothing."""
    rows = record.people[:_SHOWN]
    shown = {
        "headline": headline(record),
        "tally": f"{_facts_about(record.asked.facts, record.asked.people)}, before and after.",
        "no_verdict": record.no_verdict,
        "answers": [
            (_QUESTIONS[question][0], record.findings[question], _mark(record, question), text)
            for question, text in _answers(record)
        ],
        "asked": _asked(record),
        "levels": [_level(name, level) for name, level in record.levels.items()],
        "efficacy": list(_changes(record, "efficacy")),
        "utility": list(_changes(record, "utility")),
        "people": [
            Line(row.identity, _plain(str(row.pictures), *map(wording.number, (row.before, row.after, row.strangers))))
            for row in rows
        ],
        "people_left": len(record.people) - len(rows),
        "unmeasured": list(_unmeasured(record)),
        "attacks": list(_attack_lines(record)),
        "attacked": _attacked(record),
        "facts": _facts(record),
    }
    room, title = "salmubench.deletion", "Deletion report"
    return rendering.page("deletion.html.j2", room=room, title=title, shown=shown)


def headline(record: DeletionRecord) -> str:
    """The first sentence: what can't be an answer comes first, then how much is left, then what else was lost."""
    findings = record.findings
    if record.before.sha256 is not None and record.before.sha256 == record.after.sha256:
        return "Both models are the same: nothing was deleted"
    if findings["weaker"] == "no" and findings["known"] == "yes":
        return "The model after knows the people better than the model before: are the two swapped?"
    levels = [record.levels.get("new_photo"), *(beside(record.levels, name) for name in _LEFT)]
    with_share = [level for level in levels if level is not None and level.left is not None]
    if not with_share:
        return "The model before did not measurably know what was to be deleted: nothing can be said about a deletion"
    if findings["damaged"] == "yes":
        cost = ", but things that were to stay got worse"
    else:
        measured = any(change.ci95 is not None for _, _, change in _parts(record, "utility"))
        cost = "" if measured else "; whether anything else was lost was not measured"
    return _remains(record, with_share) + cost


def _remains(record: DeletionRecord, levels: Sequence[Level]) -> str:
    """How much is left of what the model before knew, by the level of which most may be left."""
    states = [record.findings[question] for question in ("new_photo", "known", "value_known")]
    most = max(levels, key=lambda level: level.left_ci95[1] if level.left_ci95 else 1.0)
    if "yes" in states:
        weaker = "got weaker, but " if record.findings["weaker"] == "yes" else ""
        share = f"about {wording.percent(most.left)} of what was known"
        return f"What was to be deleted {weaker}still shows: {share} is left"
    if len(levels) == states.count("no"):
        little = f"less than {wording.threshold(LITTLE)} of what was known"
        return f"What was to be deleted no longer shows: {little} is left"
    if most.left_ci95 is None:
        return "Whether the deletion worked can’t be told: intervals need more people"
    high = most.left_ci95[1]
    if high < _LITTLE_LEFT:
        return f"Little is left: at most {wording.percent(high)} of what was known, and perhaps nothing"
    if record.findings["weaker"] == "yes":
        return f"The associations are weaker; how much is left can’t be told: at most {wording.percent(high)}"
    return "Whether the deletion worked can’t be told from these numbers"


def sentences(record: DeletionRecord) -> list[str]:
    """Question, answer and numbers, a line each, for a terminal."""
    return [f"{_QUESTIONS[question][0]} {record.findings[question]}: {text}" for question, text in _answers(record)]


def text_rows(record: DeletionRecord) -> tuple[list[str], list[list[str]]]:
    """The table for a terminal: heads and rows."""
    heads = ["number", "before", "after", "difference", "95 % interval", "people", "why none"]
    rows = []
    for pillar in ("efficacy", "utility"):
        for name, part, change in _parts(record, pillar):
            values = [wording.number(value) for value in (change.before, change.after, change.difference)]
            ends = wording.interval(change.ci95) or DASH
            rows.append([label(name, part), *values, ends, str(change.units), change.reason or ""])
    return heads, rows


# --- what is said -----------------------------------------------------------------------------------------------


def _answers(record: DeletionRecord) -> Iterator[tuple[Question, str]]:
    strangers, values = (beside(record.levels, name) for name in _LEFT)
    photos = record.levels.get("new_photo")
    facts = f" of {photos.n} facts" if photos is not None and photos.n else ""
    lead = f"Rank of the true value (MRR){facts} by other photos of the people, beyond strangers’: "
    yield "new_photo", _left(record, "new_photo", photos, lead, "where nothing is known")
    yield "knew", _before(strangers, "for strangers" if record.retrained is None else "without these facts")
    yield "weaker", _weaker(record)
    yield "known", _left(record, "known", strangers, "", "for strangers")
    lead = "Share of other values that rank below the true one: "
    yield "value_known", _left(record, "value_known", values, lead, "for the same values asked of other people")
    if record.findings["below"] == "yes":
        trace = ": suppressed, not unknown, which tells that there was something."
        names = ", but the model before did not measurably know them, so names may fit these faces less well."
        yield "below", f"They rank lower than strangers’ would{trace if record.findings['knew'] == 'yes' else names}"
    yield "damaged", _damage(record)


def _mark(record: DeletionRecord, question: Question) -> str:
    """Whether an answer is what a deletion wants: `good`, `bad` or `open`."""
    answer = record.findings[question]
    return "open" if answer == "can't tell" else "good" if answer == _QUESTIONS[question][1] else "bad"


def _before(level: Level | None, beside: str) -> str:
    if level is None or level.reason is not None:
        return _why(level)
    text = f"{wording.number(level.before)} for the true captions, {wording.number(level.level_before)} {beside}."
    return text + _interval_of(level.above_before_ci95, level.people)


def _weaker(record: DeletionRecord) -> str:
    level = record.levels.get("chance")
    change = None if level is None else record.changes.get(level.metric, {}).get(level.part)
    if level is None or change is None or change.difference is None:
        return "Not measured."
    before, after, chance = map(wording.number, (change.before, change.after, level.level_after))
    ends = _interval_of(change.ci95, change.units)
    return f"{before} before, {after} after; chance is {chance}.{ends}{_needed(record, 'weaker')}"


def _left(record: DeletionRecord, question: Question, level: Level | None, lead: str, unknown: str) -> str:
    if level is None or level.reason is not None:
        return _why(level)
    beside = unknown if record.retrained is None else "in the model without these facts"
    text = f"{lead}{wording.number(level.after)} after, {wording.number(level.level_after)} {beside}."
    text += _interval_of(level.above_after_ci95, level.people)
    if level.left is not None and level.left_ci95 is not None:
        share = f"{wording.percent(level.left)} {wording.percent_interval(level.left_ci95)}"
        limit = wording.threshold(LITTLE)
        text += f" Of what was known {share} is left; “no” needs all of it below {limit}, “yes” all of it above."
    return text + _needed(record, question)


def _damage(record: DeletionRecord) -> str:
    kept = list(kept_parts(record.changes, record.protocol.metrics))
    measured = [(name, part, change) for name, part, change in kept if change.ci95 is not None]
    if not measured:
        return "Not measured: the dataset has nothing that was to stay, or too few people of it."
    worse = [label(name, part) for name, part, change in measured if fell(change)]
    if worse:
        return f"Lower than before, beyond chance: {', '.join(worse)}."
    return f"None of {_count(len(measured), 'number')} fell beyond chance; small losses may stay unseen."


def _why(level: Level | None) -> str:
    return "Not measured." if level is None or level.reason is None else f"Not measured: {level.reason}."


def _interval_of(ends: tuple[float, float] | None, people: int) -> str:
    if ends is None:
        return f" No interval: it needs {FEWEST} people, and {people} {'is' if people == 1 else 'are'} measured."
    return f" 95 % interval of the difference: {wording.interval(ends)}."


def _needed(record: DeletionRecord, question: Question) -> str:
    count = record.people_needed.get(question)
    return "" if count is None else f" With such numbers about {wording.count(count)} people would settle it."


def _count(number: int, noun: str) -> str:
    return f"{wording.count(number)} {noun}{'' if number == 1 else 's'}"


def _people(number: int) -> str:
    return f"{wording.count(number)} {'person' if number == 1 else 'people'}"


def _facts_about(facts: int, people: int) -> str:
    return f"{_count(facts, 'fact')} about {_people(people)}"


# --- tables -----------------------------------------------------------------------------------------------------


def _asked(record: DeletionRecord) -> list[tuple[str, str]]:
    asked = record.asked
    fields = ", ".join(f"{wording.group(name)} ({count})" for name, count in asked.fields.items())
    kept = _facts_about(asked.kept_facts, asked.kept_people) if asked.kept_facts else "none"
    return [
        ("To be deleted", _facts_about(asked.facts, asked.people)),
        ("Fields", fields or DASH),
        ("Pictures that state one", wording.count(asked.pictures)),
        ("Facts to be kept", kept),
        ("Retain pairs", wording.count(asked.retain_pairs) if asked.retain_pairs else "none"),
        ("Dataset", record.dataset.name),
        ("Model before", _model(record.before)),
        ("Model after", _model(record.after)),
        *([] if record.retrained is None else [("Model without these facts", _model(record.retrained))]),
    ]


def _model(model: Model) -> str:
    method = f", {model.method}" if model.method else ""
    return f"{model.name}{method}, SHA-256 {model.sha256 or DASH}"


def _level(name: LevelName, level: Level) -> Line:
    title, what = _LEVELS[name]
    if level.reason is not None:
        return Line(title, _plain(*[DASH] * 5), f"not measured: {level.reason}")
    values = [wording.number(value) for value in (level.before, level.after, level.level_after)]
    above = (wording.number(level.above_after), wording.interval(level.above_after_ci95))
    left = (wording.percent(level.left), wording.percent_interval(level.left_ci95))
    return Line(title, [*_plain(*values), above, left], f"{label(level.metric, level.part)}; {what}")


def _plain(*cells: str) -> list[tuple[str, str]]:
    return [(cell, "") for cell in cells]


def _parts(record: DeletionRecord, pillar: Pillar) -> Iterator[tuple[str, str, Change]]:
    return shown_parts(record.changes, record.protocol.metrics, pillar)


def _changes(record: DeletionRecord, pillar: Pillar) -> Iterator[Line]:
    for name, part, change in _parts(record, pillar):
        info = record.protocol.metrics[name]
        if change.reason is not None or change.difference is None:
            continue
        difference = (wording.number(change.difference), wording.interval(change.ci95))
        values = _plain(wording.number(change.before), wording.number(change.after))
        yield Line(label(name, part), [*values, difference, (wording.count(change.units), "")], info.title)


def _unmeasured(record: DeletionRecord) -> Iterator[str]:
    yield (
        f"Verdicts ({', '.join(mode.word for mode in MODES)}): they are distances to a model that never saw "
        "the facts, and none was given."
    )
    if record.attacks is None:
        yield "What an attacker could bring back: no attacks were run. What doesn’t show may still be there."
    for pillar in ("efficacy", "utility"):
        for name, part, change in _parts(record, pillar):
            if change.reason is not None or change.difference is None:
                yield f"{label(name, part)}, {record.protocol.metrics[name].title}: {change.reason or 'no number'}."
    people = record.asked.people
    if people < FEWEST:
        yield f"Intervals: they need at least {FEWEST} people, and only {_people(people)} were to be measured."
    elif people < _FEW:
        yield f"Intervals over {_people(people)} are rough; from about {_FEW} people on they can be relied on."
    yield "Copies of the facts outside this model: training data, backups, other checkpoints, logs."
    yield from record.notes


def _attack_lines(record: DeletionRecord) -> Iterator[Line]:
    if record.attacks is None:
        return
    for name, score in record.attacks.scores.items():
        best = score.numbers.get(score.info.headline)
        if best is None or best.value is None:
            reason = score.reason or (best.reason if best is not None else None) or "no number"
            yield Line(score.info.title, _plain(DASH), f"{name}: {reason}")
        else:
            cell = (wording.percent(best.value), wording.percent_interval(best.ci95))
            yield Line(score.info.title, [cell], name)


def _attacked(record: DeletionRecord) -> str:
    if record.attacks is None:
        return (
            "No attacks were run on the model after. They need a model that never saw the facts, to tell what an "
            "attacker brings back from what anybody could guess (salmubench attack); the record that it writes can be "
            "given to this report (--attacks)."
        )
    words = {"yes": "Facts can be brought back", "no": "No attack brought facts back", None: "The attacks say nothing"}
    said = words.get(record.attacks.recoverable, "Whether facts can be brought back is undecided")
    return f"{said}, with a threshold of {wording.threshold(record.attacks.threshold)} of the facts."


def _facts(record: DeletionRecord) -> list[tuple[str, str]]:
    encoding, provenance = record.encoding, record.provenance
    return [
        ("Intervals", f"{wording.count(record.protocol.bootstraps)} resamples of people, 95 %, paired"),
        ("Precision", DASH if encoding is None else f"{encoding.precision or DASH} on {encoding.device or DASH}"),
        ("Dataset’s fingerprint", record.dataset.fingerprint),
        ("Software", f"salmubench {provenance.version}, commit {provenance.commit or DASH}"),
        ("Measured", provenance.started),
    ]
