"""Distances to the primitives that objects are made of, beyond those of the shared renderer.

Exact where the text says nothing else; formulas after Inigo Quilez, "distance functions" (iquilezles.org). Outlines are
rows `(x, y, edge x, edge y, 1 / edge length squared)`: the corner, and the edge towards the corner before it.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from salmubench.drawing.jit import inlined
from salmubench.drawing.sdf import (
    clamp,
    cone,
    ellipsoid,
    rounded_box,
)
from salmubench.drawing.things.kinds import (
    BOX,
    EGG,
    LATHE,
    PRISM,
    RING,
    ROD,
    TAPER,
)


@inlined
def taper(x: float, y: float, z: float, low: float, high: float, half: float, rounding: float) -> float:
    """Cone frustum along y: radius low at -half, high at +half; edges rounded inwards."""
    low, high, half = max(low - rounding, 0.0), max(high - rounding, 0.0), half - rounding
    q = math.sqrt(x * x + z * z)
    cap_x = q - min(q, low if y < 0.0 else high)
    cap_y = abs(y) - half
    kx, ky = high - low, 2.0 * half
    f = clamp(((high - q) * kx + (half - y) * ky) / (kx * kx + ky * ky), 0.0, 1.0)
    side_x, side_y = q - high + kx * f, y - half + ky * f
    d = math.sqrt(min(cap_x * cap_x + cap_y * cap_y, side_x * side_x + side_y * side_y))
    return (-d if side_x < 0.0 and cap_y < 0.0 else d) - rounding


@inlined
def ring(x: float, y: float, z: float, radius: float, thick: float, angle: float) -> float:
    """Torus in the xy plane, or its arc of +-angle (radians) about +y."""
    x = abs(x)
    flat = math.sqrt(x * x + y * y)
    s, c = math.sin(angle), math.cos(angle)
    k = flat if angle > 3.1 or c * x <= s * y else x * s + y * c
    return math.sqrt(max(flat * flat + z * z + radius * radius - 2.0 * radius * k, 0.0)) - thick


@inlined
def prism(x: float, y: float, z: float, low: float, high: float, half: float, sides: float) -> float:
    """Regular pyramid frustum along y with inner radius low at -half and high at +half (a bound outside edges)."""
    if sides == 4.0:
        q = max(abs(x), abs(z))
    else:
        sector = math.pi / sides
        angle = math.atan2(x, z) + 2.0 * math.pi
        angle -= 2.0 * sector * math.floor(angle / (2.0 * sector) + 0.5)
        q = math.sqrt(x * x + z * z) * math.cos(angle)
    slope = (low - high) / (2.0 * half)
    side = (q - 0.5 * (low + high) + slope * y) / math.sqrt(1.0 + slope * slope)
    return max(side, abs(y) - half)


@inlined
def polygon(x: float, y: float, outline: NDArray[np.float64], first: int, count: int) -> float:
    """Signed distance in the plane to a closed polygon, rows `first .. first + count` of `outline` (N, 5)."""
    d = 1e9
    inside = False
    for i in range(first, first + count):
        ex, ey = outline[i, 2], outline[i, 3]
        wx, wy = x - outline[i, 0], y - outline[i, 1]
        f = clamp((wx * ex + wy * ey) * outline[i, 4], 0.0, 1.0)
        bx, by = wx - ex * f, wy - ey * f
        d = min(d, bx * bx + by * by)
        below, above = wy >= 0.0, wy < ey
        left = ex * wy > ey * wx
        if (below and above and left) or not (below or above or left):
            inside = not inside
    return -math.sqrt(d) if inside else math.sqrt(d)


@inlined
def distance(
    kind: int, x: float, y: float, z: float, a: float, b: float, c: float, d: float,
    outline: NDArray[np.float64], first: int, count: int,
) -> float:  # fmt: skip
    """Distance from (x, y, z) to a primitive of the given kind with sizes a, b, c, d, in its own frame."""
    if kind == EGG:
        return ellipsoid(x, y, z, a, b, c)
    if kind == BOX:
        return rounded_box(x, y, z, a, b, c, d)
    if kind == ROD:
        return cone(x, y, z, 0.0, -c, 0.0, 0.0, c, 0.0, a, b)
    if kind == TAPER:
        return taper(x, y, z, a, b, c, d)
    if kind == RING:
        return ring(x, y, z, a, b, c)
    if kind == PRISM:
        return prism(x, y, z, a, b, c, d)
    if kind == LATHE:
        return polygon(math.sqrt(x * x + z * z), y, outline, first, count) - a
    flat = polygon(x, y, outline, first, count)
    deep = abs(z) - a
    if flat < 0.0 and deep < 0.0:
        return max(flat, deep) - b
    ox, oy = max(flat, 0.0), max(deep, 0.0)
    return math.sqrt(ox * ox + oy * oy) - b
