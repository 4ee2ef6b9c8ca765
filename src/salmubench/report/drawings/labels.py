"""Where the labels of a scatter plot go: near their points, clear of marks and of each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_HEIGHT = 16.0
_MARK = 8.0  # half the size of a mark with some air
_FAR = 16.0  # a label farther from its point is joined to it by a line
_CROSSING = 2000.0  # more than any way round costs
_ROUNDS = 4
_RINGS = 9
_DIRECTIONS = tuple((math.cos(turn * math.pi / 12), math.sin(turn * math.pi / 12)) for turn in range(24))

Segment = tuple[tuple[float, float], tuple[float, float]]
"""A straight line, from point to point."""


@dataclass(frozen=True)
class Box:
    """A rectangle in the plot's units."""

    left: float
    top: float
    right: float
    bottom: float

    def overlap(self, other: Box) -> float:
        """Area that both cover."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(width, 0.0) * max(height, 0.0)

    def outside(self, other: Box) -> float:
        """How far it juts out of another, summed over the four sides."""
        return (
            max(other.left - self.left, 0.0)
            + max(self.right - other.right, 0.0)
            + max(other.top - self.top, 0.0)
            + max(self.bottom - other.bottom, 0.0)
        )

    def nearest(self, x: float, y: float) -> tuple[float, float]:
        """Its point nearest to a given one."""
        return min(max(x, self.left), self.right), min(max(y, self.top), self.bottom)


@dataclass(frozen=True)
class Label:
    """A text of some width that belongs to a point."""

    x: float
    y: float
    width: float

    @property
    def mark(self) -> Box:
        """The point's own mark."""
        return Box(self.x - _MARK, self.y - _MARK, self.x + _MARK, self.y + _MARK)


def place(labels: Sequence[Label], *, inside: Box, obstacles: Sequence[Box], bars: Sequence[Box]) -> list[Box]:
    """Find a place for each label, clear of obstacles: greedily, then again for each with the others where they are."""
    fixed = [*obstacles, *(label.mark for label in labels)]
    placed: dict[int, Box] = {}
    for _ in range(_ROUNDS):
        for index, label in enumerate(labels):
            others = {other: box for other, box in placed.items() if other != index}
            ends = [(labels[other], leader(labels[other], box)) for other, box in others.items()]
            lines = [((other.x, other.y), end) for other, end in ends if end is not None]
            placed[index] = _best(label, inside, [*fixed, *others.values()], bars, lines)
    return [placed[index] for index in range(len(labels))]


def leader(label: Label, box: Box) -> tuple[float, float] | None:
    """Where a line from the point to its label ends; `None` where the label is near enough without one."""
    end = box.nearest(label.x, label.y)
    return end if math.dist(end, (label.x, label.y)) > _FAR else None


def _best(label: Label, inside: Box, taken: Sequence[Box], bars: Sequence[Box], lines: Sequence[Segment]) -> Box:
    """The cheapest place: near, on free ground, and with no label across a line that joins another to its point."""
    best, best_cost = label.mark, math.inf
    mark = label.mark
    for ring in range(_RINGS):
        gap = 11.0 + 12.0 * ring
        for dx, dy in _DIRECTIONS:
            side = 0.0 if abs(dx) < 0.3 else math.copysign(label.width / 2, dx)
            x, y = label.x + dx * gap + side, label.y + dy * (gap + 5)
            box = Box(x - label.width / 2, y - _HEIGHT / 2, x + label.width / 2, y + _HEIGHT / 2)
            cost = 2 * gap + 3 * (1 - max(dx, 0.0)) + 100 * box.outside(inside)
            if cost >= best_cost:
                continue
            cost += 4 * sum(box.overlap(other) for other in taken) + 2 * sum(box.overlap(bar) for bar in bars)
            cost += _CROSSING * sum(crosses(line, box) for line in lines)
            end = leader(label, box)
            if end is not None:
                leader_line = ((label.x, label.y), end)
                cost += _CROSSING * sum(crosses(leader_line, other) for other in taken if other != mark)
            if cost < best_cost:
                best, best_cost = box, cost
    return best


def crosses(line: Segment, box: Box) -> bool:
    """Whether a line runs through a box (clipped at its four sides, one after the other)."""
    (x, y), (to_x, to_y) = line
    start, stop = 0.0, 1.0
    for step, near, far in ((to_x - x, box.left - x, box.right - x), (to_y - y, box.top - y, box.bottom - y)):
        if step == 0:
            if near >= 0 or far <= 0:
                return False
            continue
        first, last = sorted((near / step, far / step))
        start, stop = max(start, first), min(stop, last)
    return start < stop
