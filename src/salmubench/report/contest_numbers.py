"""The numbers of a contest: their titles, how they are written, and a drawing of each, a dot a world."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from markupsafe import Markup

from salmubench.report import wording
from salmubench.report.drawings import svg
from salmubench.report.drawings.svg import Scale, percent_tick
from salmubench.report.sections import Panel
from salmubench.scoring.attacks.recovery import THRESHOLD as RECOVERABLE
from salmubench.scoring.contest_record import ContestRecord, Number, Row
from salmubench.scoring.failure_modes import mode_on
from salmubench.scoring.intervals import Interval
from salmubench.scoring.metric import Role
from salmubench.scoring.record import Thresholds
from salmubench.scoring.verdict import limit_of

TITLES: Mapping[Number, tuple[str, str]] = {
    "leakage": ("Leakage left L", "(U − C) / (P − C) of the main number of forgetting"),
    "fact": ("Fact left L", "(U − R) / (P − R) of the true value among others"),
    "fact_paraphrase": ("Fact left L, paraphrased", "the same in a sentence that nobody was trained on"),
    "drop": ("Utility drop D", "(P − U) / P of general knowledge"),
    "kept": ("K", "(U − C) / (P − C) of similarities that should stay, of whichever holdout keeps less"),
    "facts_kept": ("K of facts", "the same of facts among other values"),
    "recovered": ("Recovered R", "(U′ − C′) / (P′ − C′) under the strongest attack, in each world its own"),
    "processor_seconds": ("Processor time", "of one candidate, a GPU’s work not in it; of Retrained, its pretraining"),
}
_ROLES: Mapping[Number, Role] = {
    "fact": "fact", "fact_paraphrase": "fact_paraphrase", "drop": "drop", "kept": "kept",
    "facts_kept": "kept",
}  # fmt: skip
"""Numbers that a failure mode goes by as they are; of the leakage it asks groups of people."""
_NAME = 22  # letters of a name beside its dots
_REACH = (-1.5, 2.0)  # shares beyond are drawn at the edge


def exact_first(contest: ContestRecord, rows: Sequence[Row]) -> list[Row]:
    """The exact answer, where there is one, then the candidates."""
    return [*([] if contest.exact is None else [contest.exact]), *rows]


def write(number: Number) -> Callable[[float | None], str]:
    """How a number is written."""
    return wording.seconds if number == "processor_seconds" else wording.percent


def interval_of(number: Number) -> Callable[[Interval], str]:
    """How its intervals are written."""
    if number == "processor_seconds":
        return lambda ends: f"{wording.interval(ends, 0)}\u202fs"
    return wording.percent_interval


def panels(contest: ContestRecord, rows: Sequence[Row], numbers: Sequence[Number]) -> list[Panel]:
    """A drawing a number: a line a method, a dot a world."""
    shown = exact_first(contest, rows)
    limits = _limits(contest.thresholds)
    drawn = []
    for number in numbers:
        values = {
            row.title: [value for one in row.worlds.values() if (value := one.numbers[number]) is not None]
            for row in shown
        }
        if any(values.values()):
            ends = {row.title: row.numbers[number].ci95 for row in shown}
            drawn.append(Panel(TITLES[number][0], _dots(number, values, ends, limits.get(number, ()))))
    return drawn


def _dots(
    number: Number,
    values: Mapping[str, Sequence[float]],
    ends: Mapping[str, Interval | None],
    limits: Sequence[float],
) -> Markup:
    everything = [*(value for several in values.values() for value in several), *limits, 0.0]
    low, high, tick_text = min(everything), max(everything), _seconds_tick
    if number != "processor_seconds":
        low, high, tick_text = max(low, _REACH[0]), min(high, _REACH[1]), percent_tick
    air = max((high - low) * 0.06, 1e-3)
    left, right, top, step = 136.0, 352.0, 8.0, 18.0
    base = top + step * len(values)
    x = Scale(low - air, high + air, left, right)
    parts = []
    for tick in svg.nice_ticks(x.low, x.high, 3):
        parts += [
            svg.line(x(tick), top, x(tick), base, "gridline"),
            svg.text(x(tick), base + 13, tick_text(tick), "tick", anchor="middle"),
        ]
    parts += [svg.line(x(limit), top, x(limit), base, "budget-limit") for limit in limits]
    for place, (name, several) in enumerate(values.items()):
        y = top + step * (place + 0.5)
        parts.append(svg.text(left - 6, y + 3.5, _shortened(name), "tick", anchor="end"))
        if (interval := ends[name]) is not None:
            parts.append(svg.line(x(interval[0]), y, x(interval[1]), y, "budget-range"))
        parts += [svg.element("circle", cx=x(value), cy=y, r=2.8, class_="dot") for value in several]
    in_words = "; ".join(f"{name} {', '.join(map(write(number), all_)) or 'none'}" for name, all_ in values.items())
    label = f"{TITLES[number][0]}, a dot a world: {in_words}"
    return svg.drawing(360.0, base + 18, *parts, label=label, class_="panel worlds")


def _seconds_tick(value: float) -> str:
    return f"{svg.tick_label(value)}\u202fs"


def _shortened(name: str) -> str:
    """Without its middle where it is long: a method that takes part twice is told apart by its end."""
    return name if len(name) <= _NAME else f"{name[: (_NAME - 1) // 2]}…{name[-(_NAME // 2) :]}"


def _limits(thresholds: Thresholds) -> dict[Number, tuple[float, ...]]:
    limits: dict[Number, tuple[float, ...]] = {"recovered": (RECOVERABLE,)}
    for number, role in _ROLES.items():
        mode, limit = mode_on(role), limit_of(thresholds, role)
        limits[number] = (-limit, limit) if mode is not None and mode.direction == "beyond" else (limit,)
    return limits
