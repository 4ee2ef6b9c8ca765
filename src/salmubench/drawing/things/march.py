"""Rays against the instances of a scene: nearest hit, soft shadow, contact shade."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from salmubench.drawing.jit import device, inlined
from salmubench.drawing.sdf import clamp
from salmubench.drawing.things.field import FAR, object_distance
from salmubench.drawing.things.kinds import (
    BOUND,
    MATRIX,
    POSITION,
    SCALE,
)

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
# A ray that ends up within this share of a pixel of the surface has met it.
TOUCH = 0.5
STEPS, SHADOW_STEPS = 48, 11
# The larger, the sharper the edge of a shadow.
SOFTNESS = 16.0


class Vec(NamedTuple):
    """A point or a direction."""

    x: float
    y: float
    z: float


class Span(NamedTuple):
    """Piece of a ray inside a ball; empty where end < start."""

    start: float
    end: float


class Hit(NamedTuple):
    """Where a ray meets (cover = 1) or grazes (cover < 1) an instance; distance is huge where it does neither."""

    distance: float
    cover: float


@inlined
def to_object(instances: Floats, i: int, x: float, y: float, z: float) -> Vec:
    """Turn a direction of the world into the object's frame."""
    m = MATRIX
    return Vec(
        instances[i, m] * x + instances[i, m + 1] * y + instances[i, m + 2] * z,
        instances[i, m + 3] * x + instances[i, m + 4] * y + instances[i, m + 5] * z,
        instances[i, m + 6] * x + instances[i, m + 7] * y + instances[i, m + 8] * z,
    )


@inlined
def point_to_object(instances: Floats, i: int, x: float, y: float, z: float) -> Vec:
    """Turn a point of the world into the object's frame."""
    p = POSITION
    return to_object(instances, i, x - instances[i, p], y - instances[i, p + 1], z - instances[i, p + 2])


@inlined
def normal_to_world(instances: Floats, i: int, x: float, y: float, z: float) -> Vec:
    """Turn a gradient of the object's frame into the unit normal in the world."""
    m = MATRIX
    wx = instances[i, m] * x + instances[i, m + 3] * y + instances[i, m + 6] * z
    wy = instances[i, m + 1] * x + instances[i, m + 4] * y + instances[i, m + 7] * z
    wz = instances[i, m + 2] * x + instances[i, m + 5] * y + instances[i, m + 8] * z
    norm = 1.0 / math.sqrt(wx * wx + wy * wy + wz * wz + 1e-18)
    return Vec(wx * norm, wy * norm, wz * norm)


@inlined
def ball_span(o: Vec, d: Vec, cx: float, cy: float, cz: float, radius: float) -> Span:
    """Piece of the ray o + t d (d of any length) inside a ball."""
    x, y, z = o.x - cx, o.y - cy, o.z - cz
    a = d.x * d.x + d.y * d.y + d.z * d.z
    b = x * d.x + y * d.y + z * d.z
    root = b * b - a * (x * x + y * y + z * z - radius * radius)
    if root <= 0.0:
        return Span(1.0, 0.0)
    root = math.sqrt(root)
    return Span((-b - root) / a, (-b + root) / a)


@device
def gather(groups: Floats, o: Vec, d: Vec, spread: float, active: Integers) -> int:
    """List in `active` the groups that a cone of rays about o + t d may meet; return how many."""
    count = 0
    a = d.x * d.x + d.y * d.y + d.z * d.z
    for g in range(groups.shape[0]):
        x, y, z = groups[g, 0] - o.x, groups[g, 1] - o.y, groups[g, 2] - o.z
        t = (x * d.x + y * d.y + z * d.z) / a
        x, y, z = x - t * d.x, y - t * d.y, z - t * d.z
        reach = groups[g, 3] + max(t, 0.0) * spread
        if x * x + y * y + z * z < reach * reach:
            active[count] = g
            count += 1
    return count


@device
def march(
    parts: Floats, groups: Floats, outline: Floats, instances: Floats, i: int, active: Integers, count: int,
    o: Vec, d: Vec, pixel: float, limit: float,
) -> Hit:  # fmt: skip
    """Follow the ray o + t d (object's frame) until it meets instance i; `pixel` = half a pixel's width at t = 1."""
    b = BOUND
    span = ball_span(o, d, instances[i, b], instances[i, b + 1], instances[i, b + 2], instances[i, b + 3] + 0.02)
    t, end = max(span.start, 0.0), min(span.end, limit)
    speed = 1.0 / math.sqrt(d.x * d.x + d.y * d.y + d.z * d.z)
    nearest, where = 1.0, 1e9
    for _ in range(STEPS):
        if t > end:
            break
        gap = object_distance(parts, groups, outline, active, count, o.x + t * d.x, o.y + t * d.y, o.z + t * d.z)
        share = gap * speed / (pixel * t)
        if share < TOUCH:
            return Hit(t + gap * speed, 1.0)
        if share < nearest:
            nearest, where = share, t
        t += gap * speed
    return Hit(where, 1.0 - nearest)


@device
def shadow(
    parts: Floats, groups: Floats, outline: Floats, instances: Floats, near: Integers, p: Vec, towards: Vec
) -> float:  # fmt: skip
    """Share of the key light that reaches p from the direction `towards` past all instances; `near` is scratch."""
    open_share = 1.0
    b = BOUND
    for i in range(instances.shape[0]):
        o = point_to_object(instances, i, p.x, p.y, p.z)
        d = to_object(instances, i, towards.x, towards.y, towards.z)
        span = ball_span(o, d, instances[i, b], instances[i, b + 1], instances[i, b + 2], instances[i, b + 3])
        if span.end <= 0.03:
            continue
        speed = 1.0 / math.sqrt(d.x * d.x + d.y * d.y + d.z * d.z)
        # What lies outside of this cone leaves the share at 1.
        count = gather(groups, o, d, 1.0 / (SOFTNESS * speed), near)
        if count == 0:
            continue
        t = max(span.start, 0.03)
        for _ in range(SHADOW_STEPS):
            if t > span.end:
                break
            gap = object_distance(parts, groups, outline, near, count, o.x + t * d.x, o.y + t * d.y, o.z + t * d.z)
            open_share = min(open_share, SOFTNESS * gap * speed / t)
            if open_share < 0.04:
                return 0.0
            t += clamp(gap * speed, 0.04, 0.4)
    return open_share * open_share * (3.0 - 2.0 * open_share)


@device
def gather_near(groups: Floats, x: float, y: float, z: float, radius: float, near: Integers) -> int:
    """List in `near` the groups that reach into a ball; return how many."""
    count = 0
    for g in range(groups.shape[0]):
        dx, dy, dz = x - groups[g, 0], y - groups[g, 1], z - groups[g, 2]
        reach = groups[g, 3] + radius
        if dx * dx + dy * dy + dz * dz < reach * reach:
            near[count] = g
            count += 1
    return count


@device
def contact(
    parts: Floats, groups: Floats, outline: Floats, instances: Floats, near: Integers, p: Vec, n: Vec
) -> float:  # fmt: skip
    """Share of the sky's light left at p (unit normal n) by what lies close above it; `near` is scratch."""
    left = 1.0
    b = BOUND
    for i in range(instances.shape[0]):
        height = 0.9 * FAR * instances[i, SCALE]
        o = point_to_object(instances, i, p.x, p.y, p.z)
        x, y, z = o.x - instances[i, b], o.y - instances[i, b + 1], o.z - instances[i, b + 2]
        if x * x + y * y + z * z > (instances[i, b + 3] + 2.0 * FAR) ** 2:
            continue
        count = gather_near(groups, o.x, o.y, o.z, 2.5 * FAR, near)
        if count == 0:
            continue
        for tap in range(2):
            h = height * (0.45 + 0.55 * tap)
            q = point_to_object(instances, i, p.x + n.x * h, p.y + n.y * h, p.z + n.z * h)
            gap = object_distance(parts, groups, outline, near, count, q.x, q.y, q.z)
            left = min(left, 0.35 + 0.65 * clamp(gap * instances[i, SCALE] / h, 0.0, 1.0))
    return left
