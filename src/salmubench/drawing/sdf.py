"""Signed-distance primitives and operators, scalar, for one ray at a time.

All lengths share one unit; a distance is negative inside. Points are given as `x, y, z` relative to the centre of the
shape, so that a caller translates by subtraction. Formulas: I. Quilez, "Distance functions" (iquilezles.org), and
his polynomial smooth minimum; the ellipsoid is the usual bound `k0 (k0 - 1) / k1`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from salmubench.drawing.jit import device, inlined


class Point(NamedTuple):
    """Three coordinates returned by a rotation."""

    x: float
    y: float
    z: float


@inlined
def clamp(value: float, low: float, high: float) -> float:
    """Return `value` limited to `low..high`."""
    return min(max(value, low), high)


@inlined
def mix(a: float, b: float, t: float) -> float:
    """Return `a` at t=0 and `b` at t=1."""
    return a + (b - a) * t


@inlined
def smoothstep(low: float, high: float, value: float) -> float:
    """Return 0 below `low`, 1 above `high`, a cubic between them; `low > high` turns it round."""
    t = clamp((value - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


@inlined
def smin(a: float, b: float, k: float) -> float:
    """Return the smooth minimum (union) that blends over a width `k` > 0."""
    h = max(k - abs(a - b), 0.0)
    return min(a, b) - h * h / (4.0 * k)


@inlined
def smax(a: float, b: float, k: float) -> float:
    """Return the smooth maximum (intersection) that blends over a width `k` > 0."""
    h = max(k - abs(a - b), 0.0)
    return max(a, b) + h * h / (4.0 * k)


@inlined
def smooth_abs(x: float) -> float:
    """Return a rounded |x|: mirror symmetry without a seam at x = 0."""
    return math.sqrt(x * x + 0.0016)


@inlined
def psin(x: float) -> float:
    """Return sin(x) by a parabola, at most .056 off; a few times cheaper than the library sine."""
    turn = x * 0.15915494309189535
    t = 2.0 * (turn - math.floor(turn + 0.5))
    return 4.0 * t * (1.0 - abs(t))


@inlined
def length3(x: float, y: float, z: float) -> float:
    """Return the Euclidean norm of a vector."""
    return math.sqrt(x * x + y * y + z * z)


@inlined
def sphere(x: float, y: float, z: float, radius: float) -> float:
    """Return the distance to a sphere."""
    return math.sqrt(x * x + y * y + z * z) - radius


@inlined
def ellipsoid(x: float, y: float, z: float, rx: float, ry: float, rz: float) -> float:
    """Return a bound of the distance to an ellipsoid with half axes `rx, ry, rz`."""
    ax = x / rx
    ay = y / ry
    az = z / rz
    bx = ax / rx
    by = ay / ry
    bz = az / rz
    k0 = math.sqrt(ax * ax + ay * ay + az * az)
    k1 = math.sqrt(bx * bx + by * by + bz * bz) + 1e-9
    return k0 * (k0 - 1.0) / k1


@inlined
def scaled_ellipsoid(x: float, y: float, z: float, ix: float, iy: float, iz: float) -> float:
    """Return the same bound as `ellipsoid` from the reciprocals of the half axes: no division by them."""
    ax = x * ix
    ay = y * iy
    az = z * iz
    bx = ax * ix
    by = ay * iy
    bz = az * iz
    k0 = math.sqrt(ax * ax + ay * ay + az * az)
    k1 = math.sqrt(bx * bx + by * by + bz * bz) + 1e-9
    return k0 * (k0 - 1.0) / k1


@inlined
def bell(value: float, width: float) -> float:
    """Return a smooth bump: 1 at zero, 0 from `width` on; a cheap stand-in for a Gaussian of .5 `width`."""
    q = max(1.0 - (value / width) ** 2, 0.0)
    return q * q


@inlined
def ellipse(x: float, y: float, rx: float, ry: float) -> float:
    """Return a bound of the distance to an ellipse in the plane (or to an endless elliptic cylinder)."""
    ax = x / rx
    ay = y / ry
    k0 = math.sqrt(ax * ax + ay * ay)
    k1 = math.sqrt(ax * ax / (rx * rx) + ay * ay / (ry * ry)) + 1e-9
    return k0 * (k0 - 1.0) / k1


@inlined
def cone(
    x: float, y: float, z: float, ax: float, ay: float, az: float, bx: float, by: float, bz: float, ra: float, rb: float
) -> float:
    """Return the distance to a capsule from a to b whose radius runs linearly from `ra` to `rb`."""
    px = x - ax
    py = y - ay
    pz = z - az
    dx = bx - ax
    dy = by - ay
    dz = bz - az
    t = clamp((px * dx + py * dy + pz * dz) / (dx * dx + dy * dy + dz * dz), 0.0, 1.0)
    return length3(px - t * dx, py - t * dy, pz - t * dz) - (ra + (rb - ra) * t)


@inlined
def capsule(
    x: float, y: float, z: float, ax: float, ay: float, az: float, bx: float, by: float, bz: float, radius: float
) -> float:
    """Return the distance to a capsule from a to b."""
    return cone(x, y, z, ax, ay, az, bx, by, bz, radius, radius)


@inlined
def capsule2(x: float, y: float, ax: float, ay: float, bx: float, by: float, ra: float, rb: float) -> float:
    """Return the distance in the plane to a segment from a to b with radii `ra` and `rb`."""
    px = x - ax
    py = y - ay
    dx = bx - ax
    dy = by - ay
    t = clamp((px * dx + py * dy) / (dx * dx + dy * dy), 0.0, 1.0)
    return math.sqrt((px - t * dx) ** 2 + (py - t * dy) ** 2) - (ra + (rb - ra) * t)


@inlined
def rounded_box(x: float, y: float, z: float, hx: float, hy: float, hz: float, radius: float) -> float:
    """Return the distance to a box with outer half sizes `hx, hy, hz` and edges rounded by `radius`."""
    qx = abs(x) - hx + radius
    qy = abs(y) - hy + radius
    qz = abs(z) - hz + radius
    return length3(max(qx, 0.0), max(qy, 0.0), max(qz, 0.0)) + min(max(qx, qy, qz), 0.0) - radius


@inlined
def rounded_rectangle(x: float, y: float, hx: float, hy: float, radius: float) -> float:
    """Return the distance in the plane to a rectangle with half sizes `hx, hy` and corners rounded by `radius`."""
    qx = abs(x) - hx + radius
    qy = abs(y) - hy + radius
    return math.sqrt(max(qx, 0.0) ** 2 + max(qy, 0.0) ** 2) + min(max(qx, qy), 0.0) - radius


@inlined
def torus(x: float, y: float, z: float, radius: float, tube: float) -> float:
    """Return the distance to a torus lying in the plane y = 0."""
    q = math.sqrt(x * x + z * z) - radius
    return math.sqrt(q * q + y * y) - tube


@inlined
def hash2(ix: float, iy: float, seed: float) -> float:
    """Return a pseudo-random number in 0..1 for an integer cell (whole-number floats) and a seed."""
    h = math.sin(ix * 127.1 + iy * 311.7 + seed * 74.7) * 43758.5453
    return h - math.floor(h)


@device
def noise2(x: float, y: float, seed: float) -> float:
    """Return smooth value noise in 0..1 with one knot per unit."""
    ix = math.floor(x)
    iy = math.floor(y)
    fx = x - ix
    fy = y - iy
    fx = fx * fx * (3.0 - 2.0 * fx)
    fy = fy * fy * (3.0 - 2.0 * fy)
    low = mix(hash2(ix, iy, seed), hash2(ix + 1.0, iy, seed), fx)
    high = mix(hash2(ix, iy + 1.0, seed), hash2(ix + 1.0, iy + 1.0, seed), fx)
    return mix(low, high, fy)
