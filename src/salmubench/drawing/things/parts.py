"""The words in which object classes are described: parts, and how to place, turn, mirror, cut and repeat them.

Axes: x to the right, y up, z towards the viewer; objects stand on y = 0. Lengths are in any unit, since every object is
scaled to the same size. A part of operation "add" begins a new group; "blend" joins the group before it
smoothly, "cut" takes itself away from it, "keep" leaves only what lies in it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence

from salmubench.drawing.things.kinds import (
    BOX,
    EGG,
    LATHE,
    PLATE,
    PRISM,
    RING,
    ROD,
    TAPER,
)

Vector = tuple[float, float, float]
Matrix = tuple[Vector, Vector, Vector]
Outline = tuple[tuple[float, float], ...]
UPRIGHT: Matrix = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


def _apply(matrix: Matrix, v: Vector) -> Vector:
    a, b, c = (row[0] * v[0] + row[1] * v[1] + row[2] * v[2] for row in matrix)
    return a, b, c


def _product(left: Matrix, right: Matrix) -> Matrix:
    a, b, c = (_apply(left, (right[0][i], right[1][i], right[2][i])) for i in range(3))
    return (a[0], b[0], c[0]), (a[1], b[1], c[1]), (a[2], b[2], c[2])


def rotation(x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Matrix:
    """Rotation by degrees about x, then y, then z."""
    (cx, sx), (cy, sy), (cz, sz) = ((math.cos(math.radians(a)), math.sin(math.radians(a))) for a in (x, y, z))
    about_x: Matrix = ((1.0, 0.0, 0.0), (0.0, cx, -sx), (0.0, sx, cx))
    about_y: Matrix = ((cy, 0.0, sy), (0.0, 1.0, 0.0), (-sy, 0.0, cy))
    about_z: Matrix = ((cz, -sz, 0.0), (sz, cz, 0.0), (0.0, 0.0, 1.0))
    return _product(about_z, _product(about_y, about_x))


@dataclasses.dataclass(frozen=True)
class Part:
    """One primitive in the object's frame; `frame` turns its own axes into the object's."""

    kind: int
    size: tuple[float, float, float, float]
    centre: Vector = (0.0, 0.0, 0.0)
    frame: Matrix = UPRIGHT
    paint: str = "main"
    operation: str = "add"
    width: float = 0.0
    outline: Outline = ()

    def at(self, x: float, y: float, z: float = 0.0) -> Part:
        """Move by (x, y, z)."""
        cx, cy, cz = self.centre
        return dataclasses.replace(self, centre=(cx + x, cy + y, cz + z))

    def turn(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Part:
        """Turn about the object's origin by degrees about x, then y, then z."""
        r = rotation(x, y, z)
        return dataclasses.replace(self, centre=_apply(r, self.centre), frame=_product(r, self.frame))

    def of(self, paint: str) -> Part:
        """Give the part another paint than "main"."""
        return dataclasses.replace(self, paint=paint)

    def blend(self, width: float) -> Part:
        """Join the group before it, smoothly over the given width."""
        return dataclasses.replace(self, operation="blend", width=width)

    def cut(self) -> Part:
        """Take this shape away from the group before it."""
        return dataclasses.replace(self, operation="cut")

    def keep(self) -> Part:
        """Leave of the group before it only what lies in this shape."""
        return dataclasses.replace(self, operation="keep")

    def mirrored(self) -> Part:
        """Return the part mirrored at the plane x = 0."""
        (a, b, c), (d, e, f), (g, h, i) = self.frame
        x, y, z = self.centre
        return dataclasses.replace(
            self, centre=(-x, y, z), frame=((a, -b, -c), (-d, e, f), (-g, h, i)),
            outline=tuple((-px, py) for px, py in self.outline) if self.kind == PLATE else self.outline,
        )  # fmt: skip

    def scaled(self, factor: float) -> Part:
        """Return the part scaled about the origin."""
        a, b, c, d = self.size
        size = {
            RING: (a * factor, b * factor, c, d),
            PRISM: (a * factor, b * factor, c * factor, d),
        }.get(self.kind, (a * factor, b * factor, c * factor, d * factor))
        x, y, z = self.centre
        return dataclasses.replace(
            self, size=size, centre=(x * factor, y * factor, z * factor), width=self.width * factor,
            outline=tuple((px * factor, py * factor) for px, py in self.outline),
        )  # fmt: skip


Parts = tuple[Part, ...]


def ball(radius: float) -> Part:
    """Ball about the origin."""
    return Part(EGG, (radius, radius, radius, 0.0))


def egg(x: float, y: float, z: float) -> Part:
    """Ellipsoid with the given half axes."""
    return Part(EGG, (x, y, z, 0.0))


def block(x: float, y: float, z: float, rounding: float = 0.0) -> Part:
    """Box with the given half sides."""
    return Part(BOX, (x, y, z, rounding))


def can(radius: float, half: float, rounding: float = 0.0) -> Part:
    """Upright cylinder."""
    return Part(TAPER, (radius, radius, half, rounding))


def taper(low: float, high: float, half: float, rounding: float = 0.0) -> Part:
    """Upright cone frustum with the radii at its lower and upper end."""
    return Part(TAPER, (low, high, half, rounding))


def ring(radius: float, thick: float, angle: float = 180.0) -> Part:
    """Ring facing the viewer, or its arc of +-angle degrees about the top."""
    return Part(RING, (radius, thick, math.radians(angle), 0.0))


def prism(sides: int, low: float, high: float, half: float) -> Part:
    """Upright pyramid frustum with regular base, a flat side in front; inner radii at lower and upper end."""
    return Part(PRISM, (low, high, half, float(sides)))


def plate(outline: Iterable[tuple[float, float]], half: float, rounding: float = 0.0) -> Part:
    """Flat shape facing the viewer: a polygon in x and y with half a thickness; corners rounded outwards."""
    return Part(PLATE, (half, rounding, 0.0, 0.0), outline=tuple(outline))


def lathe(outline: Iterable[tuple[float, float]], rounding: float = 0.0) -> Part:
    """Turned shape: a closed polygon of (radius, height) points, turned about the y axis."""
    return Part(LATHE, (rounding, 0.0, 0.0, 0.0), outline=tuple(outline))


def rod(start: Vector, end: Vector, radius: float, end_radius: float | None = None) -> Part:
    """Round rod from start to end."""
    axis = (end[0] - start[0], end[1] - start[1], end[2] - start[2])
    length = math.hypot(*axis)
    up: Vector = (axis[0] / length, axis[1] / length, axis[2] / length)
    helper: Vector = (1.0, 0.0, 0.0) if abs(up[0]) < 0.9 else (0.0, 0.0, 1.0)
    side = _cross(helper, up)
    norm = math.hypot(*side)
    side = (side[0] / norm, side[1] / norm, side[2] / norm)
    third = _cross(side, up)
    frame: Matrix = (
        (side[0], up[0], third[0]),
        (side[1], up[1], third[1]),
        (side[2], up[2], third[2]),
    )
    middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2, (start[2] + end[2]) / 2)
    size = (radius, radius if end_radius is None else end_radius, length / 2, 0.0)
    return Part(ROD, size, centre=middle, frame=frame)


def _cross(a: Vector, b: Vector) -> Vector:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def tube(points: Sequence[Vector], radius: float, end_radius: float | None = None) -> Parts:
    """Bent tube through the points, one round rod for each pair of neighbours; its parts form one group."""
    last = radius if end_radius is None else end_radius
    steps = len(points) - 1
    radii = [radius + (last - radius) * i / steps for i in range(steps + 1)]
    rods = [rod(points[i], points[i + 1], radii[i], radii[i + 1]) for i in range(steps)]
    return (rods[0], *(piece.blend(0.0) for piece in rods[1:]))


def curve(points: Sequence[Vector], radius: float, end_radius: float | None = None, *, pieces: int = 3) -> Parts:
    """Tube along a Catmull-Rom spline through the points, each section cut into pieces."""
    padded = [points[0], *points, points[-1]]
    smooth: list[Vector] = [points[0]]
    for i in range(1, len(padded) - 2):
        for step in range(1, pieces + 1):
            t = step / pieces
            a, b, c = (_spline([padded[i + j][axis] for j in (-1, 0, 1, 2)], t) for axis in range(3))
            smooth.append((a, b, c))
    return tube(smooth, radius, end_radius)


def _spline(p: Sequence[float], t: float) -> float:
    return 0.5 * (
        2 * p[1] + (p[2] - p[0]) * t + (2 * p[0] - 5 * p[1] + 4 * p[2] - p[3]) * t * t
        + (3 * p[1] - p[0] - 3 * p[2] + p[3]) * t**3
    )  # fmt: skip


def smooth(outline: Sequence[tuple[float, float]], *, pieces: int = 2) -> Outline:
    """Return an open outline with a Catmull-Rom spline through its corners, each section cut into pieces."""
    padded = [outline[0], *outline, outline[-1]]
    points: list[tuple[float, float]] = [outline[0]]
    for i in range(1, len(padded) - 2):
        for step in range(1, pieces + 1):
            x, y = (_spline([padded[i + j][axis] for j in (-1, 0, 1, 2)], step / pieces) for axis in range(2))
            points.append((max(x, 0.0), y))
    return tuple(points)


def both(*parts: Part) -> Parts:
    """Return the parts and their mirror images at x = 0."""
    return (*parts, *(part.mirrored() for part in parts))


def moved(
    parts: Iterable[Part], at: Vector = (0.0, 0.0, 0.0), turn: Vector = (0.0, 0.0, 0.0), scale: float = 1.0
) -> Parts:
    """Scale, turn and move a group of parts, in this order."""
    return tuple(part.scaled(scale).turn(*turn).at(*at) for part in parts)


def painted(parts: Iterable[Part], paint: str) -> Parts:
    """Give all parts one paint."""
    return tuple(part.of(paint) for part in parts)


def around(count: int, *parts: Part, axis: str = "y", start: float = 0.0) -> Parts:
    """Repeat the parts, turned evenly about the y axis (or the z axis)."""
    turns = (start + 360.0 * i / count for i in range(count))
    return tuple(part.turn(**{axis: angle}) for angle in turns for part in parts)


def arc(
    radius: float, start: float, end: float, *, steps: int = 8, at: tuple[float, float] = (0.0, 0.0)
) -> tuple[tuple[float, float], ...]:
    """Points on a circle from start to end degrees (0 to the right, 90 up), both included, for outlines."""
    angles = (math.radians(start + (end - start) * i / steps) for i in range(steps + 1))
    return tuple((at[0] + radius * math.cos(a), at[1] + radius * math.sin(a)) for a in angles)


def star(points: int, outer: float, inner: float) -> Outline:
    """Outline of a star with one tip at the top."""
    angles = [math.pi / 2 + math.pi * i / points for i in range(2 * points)]
    return tuple(
        ((outer if i % 2 == 0 else inner) * math.cos(a), (outer if i % 2 == 0 else inner) * math.sin(a))
        for i, a in enumerate(angles)
    )


def wheel(radius: float, half: float, paint: str = "tyre", hub: str = "steel") -> Parts:
    """Wheel standing in the xy plane about the origin."""
    return (
        can(radius, half, 0.3 * half).turn(x=90).of(paint),
        can(0.55 * radius, half * 1.12, 0.1 * half).turn(x=90).of(hub),
    )
