"""The plot of forgetting against damage, drawn as SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence, Set
from dataclasses import dataclass

from markupsafe import Markup

from salmubench.report.drawings import labels, svg
from salmubench.report.drawings.labels import Box, Label
from salmubench.report.drawings.svg import Scale
from salmubench.report.wording import percent

_BEND = 0.004  # below this leakage the axis is about linear, above about logarithmic
_REFERENCES = {"clean": 0.0, "compromised": 1.0}
"""Where the references lie, by definition, on both axes."""

_TICKS = (-1.0, -0.1, -0.01, 0.0, 0.01, 0.1, 1.0)
_NAMED = 16  # points of a board that get a name
_LETTER = 6.3  # mean width of a letter at the labels' size, units
_BOLD = 7.5  # that of the references' names


@dataclass(frozen=True)
class Point:
    """A method in the plot: leakage left, the smaller kept share, both with intervals; what became of utility.

    Attributes:
        utility: whether general knowledge is lost: `no`, `yes`, `undecided`.
        note: one line for whoever points at it.
        method: points of one method at several budgets are joined, from Compromised on.
    """

    index: int
    label: str
    leakage: float
    leakage_low: float
    leakage_high: float
    kept: float
    kept_low: float
    kept_high: float
    utility: str
    note: str
    method: str = ""
    budget: float = 0.0


@dataclass(frozen=True)
class _Frame:
    width: float
    height: float
    x: Scale
    y: Scale

    @property
    def left(self) -> float:
        return self.x.start

    @property
    def right(self) -> float:
        return self.x.stop

    @property
    def top(self) -> float:
        return self.y.stop

    @property
    def bottom(self) -> float:
        return self.y.start


def damage_plot(points: Sequence[Point], *, narrow: bool, leakage_threshold: float, kept_threshold: float) -> Markup:
    """Draw leakage left (x) against what was kept (y).

    Args:
        narrow: for a phone; labels are then numbers.
        leakage_threshold: the largest leakage that passes.
        kept_threshold: the smallest kept share that passes.
    """
    frame = _frame(points, narrow=narrow)
    parts = [*_regions(frame, leakage_threshold, kept_threshold, narrow=narrow), *_axes(frame, narrow=narrow)]
    parts += _ways(frame, points)
    parts += [_cross(frame, where, kind) for kind, where in _REFERENCES.items()]
    parts += [_errors(frame, point) for point in points]
    parts += [_mark(frame, point) for point in points]
    parts += _labels(frame, points, kept_threshold, narrow=narrow)
    label = (
        "Scatter plot. Across: share of the leakage that is left, best at 0. Up: share of the other associations "
        "that is kept, best at 1. " + " ".join(point.note + "." for point in points)
    )
    return svg.drawing(
        frame.width, frame.height, *parts, label=label, class_=f"damage {'narrow' if narrow else 'wide'}"
    )


def board_plot(
    points: Sequence[Point],
    *,
    front: Set[int],
    links: Sequence[str],
    narrow: bool,
    leakage_threshold: float,
    kept_threshold: float,
) -> Markup:
    """Draw many submissions: those on the Pareto front are named and link to their pages, the others are faint.

    Args:
        links: page of each.
        narrow: for a phone; labels are then numbers.
        leakage_threshold: the largest leakage that passes.
        kept_threshold: the smallest kept share that passes.
    """
    frame = _frame(points, narrow=narrow)
    named = [point for index, point in enumerate(points) if index in front][:_NAMED]
    parts = [*_regions(frame, leakage_threshold, kept_threshold, narrow=narrow), *_axes(frame, narrow=narrow)]
    parts += [_cross(frame, where, kind) for kind, where in _REFERENCES.items()]
    parts.append(svg.group((_mark(frame, point) for i, point in enumerate(points) if i not in front), class_="faint"))
    parts += [_errors(frame, point) for point in named]
    parts += [
        svg.element("a", _mark(frame, points[index]), href=links[index], aria_label=points[index].note)
        for index in sorted(front)
    ]
    parts += _labels(frame, named, kept_threshold, narrow=narrow)
    label = "Scatter plot of all submissions. Across: share of the leakage that is left. Up: share of the rest kept."
    size = "narrow" if narrow else "wide"
    return svg.drawing(frame.width, frame.height, *parts, label=label, class_=f"damage {size}", role="group")


def marker(utility: str, x: float, y: float, size: float = 6.0) -> Markup:
    """The mark of a method: circle, square or diamond by what became of utility."""
    if utility == "yes":
        return svg.element(
            "rect", x=x - size * 0.9, y=y - size * 0.9, width=size * 1.8, height=size * 1.8, class_="mark bad"
        )
    if utility == "no":
        return svg.element("circle", cx=x, cy=y, r=size, class_="mark good")
    reach = size * 1.25
    corners = ((x, y - reach), (x + reach, y), (x, y + reach), (x - reach, y))
    path = svg.polyline([corner[0] for corner in corners], [corner[1] for corner in corners]) + "Z"
    return svg.element("path", d=path, class_="mark open")


def _ways(frame: _Frame, points: Sequence[Point]) -> list[Markup]:
    """The way of each method over its budgets, where it has several."""
    groups: dict[str, list[Point]] = {}
    for point in points:
        if point.method:
            groups.setdefault(point.method, []).append(point)
    paths = []
    for group in groups.values():
        if len(group) > 1:
            ordered = sorted(group, key=lambda point: point.budget)
            xs = [frame.x(_REFERENCES["compromised"]), *(frame.x(point.leakage) for point in ordered)]
            ys = [frame.y(_REFERENCES["compromised"]), *(frame.y(point.kept) for point in ordered)]
            paths.append(svg.element("path", d=svg.polyline(xs, ys), class_="way"))
    return paths


def _bend(value: float) -> float:
    return math.asinh(value / _BEND)


def _frame(points: Sequence[Point], *, narrow: bool) -> _Frame:
    width, height = (340.0, 390.0) if narrow else (960.0, 486.0)
    lowest = min([point.leakage_low for point in points] + [-0.004])
    highest = max([point.leakage_high for point in points] + [1.0])
    kept_low = min([min(point.kept, point.kept_low + 0.02) for point in points] + [0.0])
    kept_high = max([point.kept_high for point in points] + [1.0])
    x = Scale(
        max(lowest * 1.3, -1.3),
        min(highest * 1.35, 2.0),
        40.0 if narrow else 62.0,
        width - (8.0 if narrow else 14.0),
        _bend,
    )
    y = Scale(max(math.floor(kept_low * 4) / 4 - 0.12, -1.0), min(kept_high + 0.14, 1.6), height - 46.0, 26.0)
    return _Frame(width, height, x, y)


def _regions(frame: _Frame, leakage: float, kept: float, *, narrow: bool) -> list[Markup]:
    x, y = frame.x(leakage), frame.y(kept)
    parts = [
        _area(frame, frame.right, frame.bottom, "fails"),
        _area(frame, x, y, "passes"),
        svg.line(x, frame.top, x, frame.bottom, "threshold"),
        svg.line(frame.left, y, frame.right, y, "threshold"),
    ]
    words = [
        svg.text(at, height, word, "region", anchor=anchor)
        for at, height, word, anchor in _words(frame, kept, narrow=narrow)
    ]
    return parts + words


def _area(frame: _Frame, right: float, bottom: float, class_: str) -> Markup:
    width, height = right - frame.left, bottom - frame.top
    return svg.element("rect", x=frame.left, y=frame.top, width=width, height=height, class_=class_)


def _words(frame: _Frame, kept: float, *, narrow: bool) -> list[tuple[float, float, str, str | None]]:
    """Names of the regions: x, y, text, anchor."""
    pad = 5.0 if narrow else 8.0
    left, right, low, high = frame.left + pad, frame.right - pad, frame.bottom - pad, frame.top + 15
    below = frame.y(kept) + 16
    if narrow:
        return [(left, high, "passes", None), (left, below, "erases others", None), (right, low, "leaks, too", "end")]
    return [
        (left, high, "passes", None),
        (left, below, "forgets, but erases other associations", None),
        (right, low, "leaks, and erases other associations", "end"),
    ]


def _axes(frame: _Frame, *, narrow: bool) -> list[Markup]:
    parts = [svg.line(frame.left, frame.bottom, frame.right, frame.bottom, "axis")]
    for value in _TICKS:
        if frame.x.holds(value):
            at = frame.x(value)
            parts += [
                svg.line(at, frame.bottom, at, frame.bottom + 4, "axis"),
                svg.text(at, frame.bottom + 17, percent_tick(value), "tick", anchor="middle"),
            ]
    for value in svg.nice_ticks(frame.y.low, frame.y.high, 5 if narrow else 7):
        parts += [
            svg.line(frame.left, frame.y(value), frame.right, frame.y(value), "gridline"),
            svg.text(frame.left - 6, frame.y(value) + 4, percent_tick(value), "tick", anchor="end"),
        ]
    middle = (frame.left + frame.right) / 2
    parts.append(svg.text(middle, frame.height - 6, "leakage left →", "axis-title", anchor="middle"))
    parts.append(svg.text(0, 13, "↑ kept of what was not to be forgotten", "axis-title"))
    return parts


def percent_tick(value: float) -> str:
    """A tick of a share, in percent."""
    return f"{value * 100:g}".replace("-", "−") + "\u202f%"


def _cross(frame: _Frame, where: float, kind: str) -> Markup:
    x, y = frame.x(where), frame.y(where)
    path = svg.polyline([x - 6, x + 6], [y, y]) + svg.polyline([x, x], [y - 6, y + 6])
    return svg.element("path", d=path, class_=f"cross {kind}")


def _position(frame: _Frame, point: Point) -> tuple[float, float]:
    """Where a point is drawn; one beyond the axis sits at its end, with room for an arrow."""
    y = frame.y(point.kept)
    if point.kept < frame.y.low:
        y -= 17
    elif point.kept > frame.y.high:
        y += 17
    return frame.x(point.leakage), y


def _errors(frame: _Frame, point: Point) -> Markup:
    x, y = _position(frame, point)
    parts = [svg.line(frame.x(point.leakage_low), y, frame.x(point.leakage_high), y, "error")]
    if frame.y.holds(point.kept):
        parts.append(svg.line(x, frame.y(point.kept_low), x, frame.y(point.kept_high), "error"))
    return svg.group(parts)


def _mark(frame: _Frame, point: Point) -> Markup:
    x, y = _position(frame, point)
    parts = [svg.element("title", point.note), marker(point.utility, x, y)]
    if not frame.y.holds(point.kept):
        side = 1 if point.kept < frame.y.low else -1
        parts.append(
            svg.element(
                "path", d=svg.polyline([x - 4, x, x + 4], [y + 9 * side, y + 14 * side, y + 9 * side]), class_="beyond"
            )
        )
    return svg.group(parts)


def _labels(frame: _Frame, points: Sequence[Point], kept: float, *, narrow: bool) -> list[Markup]:
    texts = [(name.capitalize(), f"reference {name}", _BOLD) for name in _REFERENCES]
    at = [(frame.x(where), frame.y(where)) for where in _REFERENCES.values()]
    for point in points:
        words = str(point.index) if narrow else point.label
        if not narrow and not frame.y.holds(point.kept):
            words += f" ({percent(point.kept)})"
        texts.append((words, "label", _LETTER))
        at.append(_position(frame, point))
    to_place = [Label(x, y, len(words) * letter) for (x, y), (words, _, letter) in zip(at, texts, strict=True)]
    boxes = labels.place(
        to_place,
        inside=Box(frame.left + 2, frame.top + 2, frame.right - 2, frame.bottom - 2),
        obstacles=[
            *(_region_box(*words) for words in _words(frame, kept, narrow=narrow)),
            *(_arrow_box(frame, point) for point in points if not frame.y.holds(point.kept)),
        ],
        bars=[bar for point in points for bar in _bars(frame, point)],
    )
    parts = []
    for label, box, (words, class_, _) in zip(to_place, boxes, texts, strict=True):
        end = labels.leader(label, box)
        if end is not None:
            parts.append(svg.line(label.x, label.y, *end, "leader"))
        base = box.bottom - 3.5
        if box.left > label.x:
            parts.append(svg.text(box.left, base, words, class_))
        elif box.right < label.x:
            parts.append(svg.text(box.right, base, words, class_, anchor="end"))
        else:
            parts.append(svg.text((box.left + box.right) / 2, base, words, class_, anchor="middle"))
    return parts


def _region_box(x: float, y: float, words: str, anchor: str | None) -> Box:
    reach = len(words) * _LETTER
    return Box(x - reach if anchor else x, y - 13, x if anchor else x + reach, y + 3)


def _arrow_box(frame: _Frame, point: Point) -> Box:
    """Where the arrow of a point beyond the axis is."""
    x, y = _position(frame, point)
    return Box(x - 5, y, x + 5, y + 16) if point.kept < frame.y.low else Box(x - 5, y - 16, x + 5, y)


def _bars(frame: _Frame, point: Point) -> list[Box]:
    x, y = _position(frame, point)
    return [
        Box(frame.x(point.leakage_low), y - 1, frame.x(point.leakage_high), y + 1),
        Box(x - 1, frame.y(point.kept_high), x + 1, frame.y(point.kept_low)),
    ]


def describe(label: str, leakage: float, kept: float, drop: float | None) -> str:
    """The line that a point shows when pointed at."""
    words = f"{label}: leakage left {percent(leakage)}, "
    words += f"kept {percent(kept)}" if kept >= 0 else f"the rest pushed below Clean, K {percent(kept)}"
    return words if drop is None else f"{words}, utility drop {percent(drop)}"
