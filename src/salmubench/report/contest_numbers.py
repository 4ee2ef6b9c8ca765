"""The numbers and views of a contest: their titles, how they are written, and a drawing of each, a dot a world."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from salmubench.report import wording
from salmubench.report.drawings import svg
from salmubench.report.drawings.svg import Scale, percent_tick
from salmubench.report.sections import Panel
from salmubench.scoring.attacks.recovery import THRESHOLD as RECOVERABLE
from salmubench.scoring.contest_record import ContestRecord, Number, Row
from salmubench.scoring.intervals import Interval

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
_BESIDE: Sequence[Number] = ("recovered", "processor_seconds")
"""Numbers on which nothing rests: they are drawn beside the views."""
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
    """A drawing a view, and of what stands beside; where too few worlds decide, a drawing a number."""
    shown = exact_first(contest, rows)
    decided = dict.fromkeys(view.name for row in shown for view in row.views)
    drawn = [_of_view(shown, name) for name in decided]
    return drawn + [
        _of_number(shown, number)
        for number in numbers
        if (number in _BESIDE or not decided) and any(row.numbers[number].worlds for row in shown)
    ]


def _of_view(rows: Sequence[Row], name: str) -> Panel:
    """A dot a world, the interval of the mean that decides, and the limits it must lie within."""
    views = {row.title: view for row in rows for view in row.views if view.name == name}
    lines = {title: ([value for value in view.values if value is not None], view.ci90) for title, view in views.items()}
    one = next(iter(views.values()))
    return _panel(name, lines, (one.low, one.high), percent_tick, wording.percent)


def _of_number(rows: Sequence[Row], number: Number) -> Panel:
    """A dot a world, and the interval of the mean."""
    lines = {
        row.title: (
            [value for one in row.worlds.values() if (value := one.numbers[number]) is not None],
            row.numbers[number].ci95,
        )
        for row in rows
    }
    limits = (None, RECOVERABLE if number == "recovered" else None)
    tick_text = _seconds_tick if number == "processor_seconds" else percent_tick
    return _panel(TITLES[number][0], lines, limits, tick_text, write(number))


def _panel(
    title: str,
    lines: Mapping[str, tuple[Sequence[float], Interval | None]],
    limits: tuple[float | None, float | None],
    tick_text: Callable[[float], str],
    in_words: Callable[[float | None], str],
) -> Panel:
    """Lines of dots with an interval each; what is within the limits is shaded."""
    ends = [limit for limit in limits if limit is not None]
    everything = [*(value for several, _ in lines.values() for value in several), *ends, 0.0]
    low, high = min(everything), max(everything)
    if tick_text is percent_tick:
        low, high = max(low, _REACH[0]), min(high, _REACH[1])
    air = max((high - low) * 0.06, 1e-3)
    left, right, top, step = 136.0, 352.0, 8.0, 18.0
    base = top + step * len(lines)
    x = Scale(low - air, high + air, left, right)
    parts = []
    if ends:
        first, last = (edge if limit is None else x(limit) for limit, edge in zip(limits, (left, right), strict=True))
        parts.append(svg.element("rect", x=first, y=top, width=last - first, height=base - top, class_="within"))
    for tick in svg.nice_ticks(x.low, x.high, 3):
        parts += [
            svg.line(x(tick), top, x(tick), base, "gridline"),
            svg.text(x(tick), base + 13, tick_text(tick), "tick", anchor="middle"),
        ]
    parts += [svg.line(x(limit), top, x(limit), base, "budget-limit") for limit in ends]
    for place, (name, (several, interval)) in enumerate(lines.items()):
        y = top + step * (place + 0.5)
        parts.append(svg.text(left - 6, y + 3.5, _shortened(name), "tick", anchor="end"))
        if interval is not None:
            parts.append(svg.line(x(interval[0]), y, x(interval[1]), y, "budget-range"))
        parts += [svg.element("circle", cx=x(value), cy=y, r=2.8, class_="dot") for value in several]
    told = "; ".join(f"{name} {', '.join(map(in_words, several)) or 'none'}" for name, (several, _) in lines.items())
    label = f"{title}, a dot a world: {told}"
    return Panel(title, svg.drawing(360.0, base + 18, *parts, label=label, class_="panel worlds"))


def _seconds_tick(value: float) -> str:
    return f"{svg.tick_label(value)}\u202fs"


def _shortened(name: str) -> str:
    """Without its middle where it is long: a method that takes part twice is told apart by its end."""
    return name if len(name) <= _NAME else f"{name[: (_NAME - 1) // 2]}…{name[-(_NAME // 2) :]}"
