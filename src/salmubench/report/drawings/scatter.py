"""The plot of forgetting against damage, drawn as SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence, Set
from dataclasses import dataclass

from markupsafe import Markup

from salmubench.report.drawings import labels, svg
from salmubench.report.drawings.labels import Box, Label
from salmubench.report.drawings.svg import Scale
from salmubench.scoring.references import COMPROMISED

_BEND = 0.3  # below this part of a limit an axis is about linear, above about logarithmic
_TICKS = (0.0, 0.5, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
_NAMED = 16  # points of a board that get a name
_LETTER = 6.3  # mean width of a letter at the labels' size, units
_BOLD = 7.5  # that of the references' names
_AXES = (
    "Across: what is left of what should go. Up: what is lost of what should stay. Both in multiples of the limit of a "
    "failure mode, best at 0."
)

Words = tuple[float, float, str, str | None]
"""Name of a region: x, y, text, anchor."""


@dataclass(frozen=True)
class Point:
    """A model in the plot, by the numbers that its verdict goes by, in limits: 1 is at the limit.

    Attributes:
        left: of what should go, at the worse end of the interval.
        left_low: the same at its better end.
        lost: of what should stay, at the worse end.
        lost_low: the same at the better one.
        outcome: whether the model has a failure mode: `no`, `yes`, `undecided`; empty where it isn't judged.
        method: points of one method at several budgets are joined, from Compromised on.
        kind: which reference it is; empty of a method.
    """

    index: int
    label: str
    left: float
    left_low: float
    lost: float
    lost_low: float
    outcome: str
    method: str = ""
    budget: float = 0.0
    kind: str = ""

    @property
    def note(self) -> str:
        """One line for whoever points at it."""
        return f"{self.label}: left {_between(self.left_low, self.left)}, lost {_between(self.lost_low, self.lost)}"


def _between(low: float, high: float) -> str:
    ends = [f"{end:.0f}" if end >= 9.95 else f"{end:.1f}" for end in (low, high)]
    return f"{' to '.join(dict.fromkeys(ends))} limits"


@dataclass(frozen=True)
class _Frame:
    narrow: bool
    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    x: Scale
    y: Scale


def damage_plot(
    points: Sequence[Point], references: Sequence[Point], *, narrow: bool, passes: str = "passes"
) -> Markup:
    """Draw what is left (x) against what is lost (y): a mark lies in the field at the goal where all modes are `no`.

    Args:
        narrow: for a phone; labels are then numbers.
        passes: what the field at the goal is called.
    """
    everything = [*references, *points]
    frame = _frame(everything, narrow=narrow)
    words = _words(frame, passes)
    parts = [*_regions(frame, words), *_axes(frame), *_ways(frame, points, references)]
    parts += [_errors(frame, point) for point in everything]
    parts += [_mark(frame, point) for point in everything]
    parts += _labels(frame, everything, words)
    label = f"Scatter plot. {_AXES} {' '.join(point.note + '.' for point in everything)}"
    class_ = f"damage {'narrow' if narrow else 'wide'}"
    return svg.drawing(frame.width, frame.height, *parts, label=label, class_=class_)


def board_plot(
    points: Sequence[Point],
    references: Sequence[Point],
    *,
    front: Set[int],
    links: Sequence[str],
    narrow: bool,
    passes: str,
) -> Markup:
    """Draw many submissions: those on the Pareto front are named and link to their pages, the others are faint.

    Args:
        links: page of each.
    """
    named = [*references, *[point for index, point in enumerate(points) if index in front][:_NAMED]]
    frame = _frame([*references, *points], narrow=narrow)
    words = _words(frame, passes)
    faint = [_mark(frame, point) for index, point in enumerate(points) if index not in front]
    parts = [*_regions(frame, words), *_axes(frame), svg.element("g", *faint, class_="faint")]
    parts += [_errors(frame, point) for point in named]
    parts += [_mark(frame, point) for point in references]
    parts += [
        svg.element("a", _mark(frame, points[index]), href=links[index], aria_label=points[index].note)
        for index in sorted(front)
    ]
    parts += _labels(frame, named, words)
    label, class_ = f"Scatter plot of all submissions. {_AXES}", f"damage {'narrow' if narrow else 'wide'}"
    return svg.drawing(frame.width, frame.height, *parts, label=label, class_=class_, role="group")


def marker(outcome: str, x: float, y: float, size: float = 6.0) -> Markup:
    """The mark of a method: circle, square or diamond by whether it has a failure mode: `no`, `yes`, `undecided`."""
    if outcome == "yes":
        return svg.element(
            "rect", x=x - size * 0.9, y=y - size * 0.9, width=size * 1.8, height=size * 1.8, class_="mark bad"
        )
    if outcome == "no":
        return svg.element("circle", cx=x, cy=y, r=size, class_="mark good")
    reach = size * 1.25
    path = svg.polyline([x, x + reach, x, x - reach], [y - reach, y, y + reach, y]) + "Z"
    return svg.element("path", d=path, class_="mark open")


def _ways(frame: _Frame, points: Sequence[Point], references: Sequence[Point]) -> list[Markup]:
    """The way of each method over its budgets, where it has several, from Compromised on."""
    groups: dict[str, list[Point]] = {}
    for point in points:
        if point.method:
            groups.setdefault(point.method, []).append(point)
    start = [point for point in references if point.kind == COMPROMISED]
    paths = []
    for group in groups.values():
        if len(group) > 1:
            ordered = [*start, *sorted(group, key=lambda point: point.budget)]
            xs, ys = [frame.x(point.left) for point in ordered], [frame.y(point.lost) for point in ordered]
            paths.append(svg.element("path", d=svg.polyline(xs, ys), class_="way"))
    return paths


def _bend(value: float) -> float:
    return math.asinh(value / _BEND)


def _frame(points: Sequence[Point], *, narrow: bool) -> _Frame:
    width, height = (340.0, 390.0) if narrow else (960.0, 486.0)
    left, right = (36.0, width - 8.0) if narrow else (48.0, width - 14.0)
    top, bottom = 26.0, height - 46.0
    x = Scale(-0.04, max([point.left for point in points] + [10.0]) * 1.3, left, right, _bend)
    y = Scale(-0.1, max([point.lost for point in points] + [10.0]) * 1.5, bottom, top, _bend)
    return _Frame(narrow, width, height, left, right, top, bottom, x, y)


def _regions(frame: _Frame, words: Sequence[Words]) -> list[Markup]:
    x, y = frame.x(1.0), frame.y(1.0)
    parts = [
        _area(frame, frame.top, frame.right, "fails"),
        _area(frame, y, x, "passes"),
        svg.line(x, frame.top, x, frame.bottom, "threshold"),
        svg.line(frame.left, y, frame.right, y, "threshold"),
    ]
    return parts + [svg.text(at, height, word, "region", anchor=anchor) for at, height, word, anchor in words]


def _area(frame: _Frame, top: float, right: float, class_: str) -> Markup:
    width, height = right - frame.left, frame.bottom - top
    return svg.element("rect", x=frame.left, y=top, width=width, height=height, class_=class_)


def _words(frame: _Frame, passes: str) -> list[Words]:
    """Names of the regions."""
    pad = 5.0 if frame.narrow else 8.0
    left, right, high, low = frame.left + pad, frame.right - pad, frame.top + 15, frame.y(1.0) + 15
    return [
        (left, low, passes, None),
        (left, high, "loses the rest" if frame.narrow else "forgets, but loses what should stay", None),
        (right, low, "not forgotten" if frame.narrow else "what should go is left", "end"),
        (right, high, "left and lost", "end"),
    ]


def _axes(frame: _Frame) -> list[Markup]:
    parts = [svg.line(frame.left, frame.bottom, frame.right, frame.bottom, "axis")]
    for value in _TICKS:
        if frame.x.holds(value) and not (frame.narrow and value == 0.5):
            at = frame.x(value)
            parts += [
                svg.line(at, frame.bottom, at, frame.bottom + 4, "axis"),
                svg.text(at, frame.bottom + 17, f"{value:g}×", "tick", anchor="middle"),
            ]
        if frame.y.holds(value):
            parts += [
                svg.line(frame.left, frame.y(value), frame.right, frame.y(value), "gridline"),
                svg.text(frame.left - 6, frame.y(value) + 4, f"{value:g}×", "tick", anchor="end"),
            ]
    middle = (frame.left + frame.right) / 2
    left, lost = "left of what should go, in limits →", "↑ lost of what should stay, in limits"
    parts.append(svg.text(middle, frame.height - 6, left, "axis-title", anchor="middle"))
    parts.append(svg.text(0, 13, lost, "axis-title"))
    return parts


def _errors(frame: _Frame, point: Point) -> Markup:
    """From the mark, which stands at the worse ends of both intervals, to the better ones."""
    x, y = frame.x(point.left), frame.y(point.lost)
    across = svg.line(frame.x(point.left_low), y, x, y, "error")
    return svg.element("g", across, svg.line(x, frame.y(point.lost_low), x, y, "error"))


def _mark(frame: _Frame, point: Point) -> Markup:
    x, y = frame.x(point.left), frame.y(point.lost)
    mark = marker(point.outcome, x, y)
    if point.kind:
        path = svg.polyline([x - 6, x + 6], [y, y]) + svg.polyline([x, x], [y - 6, y + 6])
        mark = svg.element("path", d=path, class_=f"cross {point.kind}")
    return svg.element("g", svg.element("title", point.note), mark)


def _labels(frame: _Frame, points: Sequence[Point], regions: Sequence[Words]) -> list[Markup]:
    texts = [
        (point.label, f"reference {point.kind}", _BOLD)
        if point.kind
        else (str(point.index) if frame.narrow else point.label, "label", _LETTER)
        for point in points
    ]
    at = [(frame.x(point.left), frame.y(point.lost)) for point in points]
    to_place = [Label(x, y, len(words) * letter) for (x, y), (words, _, letter) in zip(at, texts, strict=True)]
    boxes = labels.place(
        to_place,
        inside=Box(frame.left + 2, frame.top + 2, frame.right - 2, frame.bottom - 2),
        obstacles=[_region_box(*words) for words in regions],
        bars=[bar for point in points for bar in _bars(frame, point)],
    )
    parts = []
    for label, box, (words, class_, _) in zip(to_place, boxes, texts, strict=True):
        end = labels.leader(label, box)
        if end is not None:
            parts.append(svg.line(label.x, label.y, *end, "leader"))
        spot: tuple[float, str | None] = (box.left + box.right) / 2, "middle"
        if box.left > label.x:
            spot = box.left, None
        elif box.right < label.x:
            spot = box.right, "end"
        parts.append(svg.text(spot[0], box.bottom - 3.5, words, class_, anchor=spot[1]))
    return parts


def _region_box(x: float, y: float, words: str, anchor: str | None) -> Box:
    reach = len(words) * _LETTER
    return Box(x - reach if anchor else x, y - 13, x if anchor else x + reach, y + 3)


def _bars(frame: _Frame, point: Point) -> list[Box]:
    x, y = frame.x(point.left), frame.y(point.lost)
    return [Box(frame.x(point.left_low), y - 1, x, y + 1), Box(x - 1, y, x + 1, frame.y(point.lost_low))]
