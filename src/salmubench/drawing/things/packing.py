"""Object classes turned into the arrays that the kernel reads (columns in `kinds`)."""

from __future__ import annotations

import dataclasses
import functools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from salmubench.drawing.things import kinds
from salmubench.drawing.things.catalogue import CLASSES
from salmubench.drawing.things.parts import Part, Parts

Floats = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Shape:
    """One variant of a class, scaled to radius 1 about the middle of its box, its lowest point at y = -reach.

    Attributes:
        parts: float64 (P, 23), rows as in `kinds`.
        groups: float64 (G, 6), bounding ball, first row, end.
        outline: float64 (N, 5), corners of polygons and of turned outlines.
        slots: paint names, by slot.
        points: float64 (Q, 3), points on the outside that reach furthest in many directions.
    """

    parts: Floats
    groups: Floats
    outline: Floats
    slots: tuple[str, ...]
    points: Floats


def _circle(radius: float, height: float, count: int = 16) -> Floats:
    angles = np.linspace(0.0, 2.0 * math.pi, count, endpoint=False)
    return np.stack([radius * np.cos(angles), np.full(count, height), radius * np.sin(angles)], axis=1)


@functools.cache
def _directions(count: int) -> Floats:
    # A Fibonacci lattice spreads directions evenly; eight mirror images and the axes make it symmetric.
    i = np.arange(count // 8) + 0.5
    y = 1.0 - 2.0 * i / (count // 8)
    angle = math.pi * (1.0 + math.sqrt(5.0)) * i
    side = np.sqrt(1.0 - y * y)
    octant = np.abs(np.stack([side * np.cos(angle), y, side * np.sin(angle)], axis=1))
    signs = np.array([(a, b, c) for a in (1, -1) for b in (1, -1) for c in (1, -1)], float)
    return np.concatenate([(octant[:, None] * signs[None]).reshape(-1, 3), np.eye(3), -np.eye(3)])


def _surface_points(part: Part) -> Floats:
    a, b, c, d = part.size
    local: NDArray[np.floating[Any]]
    end = np.array([0.0, c, 0.0])
    if part.kind == kinds.EGG:
        local = _directions(64) * np.array([a, b, c])
    elif part.kind == kinds.BOX:
        corners = np.array([(i, j, k) for i in (-1, 1) for j in (-1, 1) for k in (-1, 1)], float)
        local = corners * (np.array([a, b, c]) - 0.42 * d)
    elif part.kind == kinds.ROD:
        local = np.concatenate([_directions(40) * a - end, _directions(40) * b + end])
    elif part.kind == kinds.TAPER:
        local = np.concatenate([_circle(a, -c), _circle(b, c)])
    elif part.kind == kinds.RING:
        angles = np.linspace(-c, c, 24)
        middle = np.stack([np.sin(angles), np.cos(angles), np.zeros(24)], axis=1)
        deep = np.array([0.0, 0.0, b])
        local = np.concatenate([middle * (a + b), middle * a + deep, middle * a - deep])
    elif part.kind == kinds.PRISM:
        outer = 1.0 / math.cos(math.pi / d)
        corner = np.linspace(math.pi / d, math.pi * (2.0 - 1.0 / d), int(d))
        rim = np.stack([np.sin(corner), np.zeros(int(d)), np.cos(corner)], axis=1) * outer
        local = np.concatenate([rim * a - end, rim * b + end])
    elif part.kind == kinds.PLATE:
        flat = np.array([(x, y, 0.0) for x, y in part.outline])
        # Rounding grows the shape about its corners.
        cross = np.array([(x, y, 0.0) for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1))]) * b
        grown = (flat[:, None] + cross[None]).reshape(-1, 3)
        deep, deeper = np.array([0.0, 0.0, a]), np.array([0.0, 0.0, a + b])
        local = np.concatenate([grown + deep, grown - deep, flat + deeper, flat - deeper])
    else:
        local = np.concatenate([_circle(x + a, y + s * a) for x, y in part.outline for s in (-1, 1)])
    points: Floats = local @ np.array(part.frame).T + np.array(part.centre)
    return points


def _solid_points(parts: Parts) -> Floats:
    """Points on the outside of one group; those that a box cuts off are moved to the face of the cut."""
    points = np.concatenate([_surface_points(part) for part in parts if part.operation in ("add", "blend")])
    for part in parts:
        if part.operation == "cut" and part.kind == kinds.BOX:
            local = (points - part.centre) @ np.array(part.frame)
            room = np.array(part.size[:3]) - np.abs(local)  # (N, 3), positive inside
            inside = np.flatnonzero((room > 0.0).all(1))
            axis = room[inside].argmin(1)
            local[inside, axis] += np.copysign(room[inside, axis], local[inside, axis])
            points = local @ np.array(part.frame).T + part.centre
    return points


def _outline_rows(part: Part) -> Floats:
    corners = np.array(part.outline, float).reshape(-1, 2)
    edges = np.roll(corners, 1, axis=0) - corners
    square = np.maximum((edges**2).sum(1, keepdims=True), 1e-12)
    return np.concatenate([corners, edges, 1.0 / square], axis=1)


def _groups(parts: Parts) -> list[tuple[int, int]]:
    starts = [i for i, part in enumerate(parts) if part.operation == "add"]
    return list(zip(starts, [*starts[1:], len(parts)], strict=True))


def pack(parts: Parts) -> Shape:
    """Scale the parts to radius 1 and lay them out for the kernel."""
    solid = np.concatenate([_solid_points(parts[start:end]) for start, end in _groups(parts)])
    low, high = solid.min(0), solid.max(0)
    middle = 0.5 * (low + high)
    factor = 1.0 / float(np.sqrt(((solid - middle) ** 2).sum(1)).max())
    scaled = tuple(part.at(-middle[0], -middle[1], -middle[2]).scaled(factor) for part in parts)
    slots = tuple(dict.fromkeys(part.paint for part in scaled))
    rows = np.zeros((len(scaled), kinds.PART_COLUMNS))
    outlines = [_outline_rows(part) for part in scaled]
    first = 0
    for row, part, outline in zip(rows, scaled, outlines, strict=True):
        row[kinds.KIND] = part.kind
        row[kinds.OPERATION] = kinds.OPERATIONS.index(part.operation)
        row[kinds.WIDTH] = part.width
        row[kinds.CENTRE : kinds.CENTRE + 3] = part.centre
        inverse = np.array(part.frame).T
        row[kinds.FRAME : kinds.FRAME + 9] = inverse.ravel()
        row[kinds.SIZE : kinds.SIZE + 4] = part.size
        row[kinds.FIRST], row[kinds.COUNT] = first, len(outline)
        row[kinds.SLOT] = slots.index(part.paint)
        row[kinds.TURNED] = float(not np.allclose(inverse, np.eye(3)))
        first += len(outline)
    groups = np.zeros((0, kinds.GROUP_COLUMNS))
    for start, end in _groups(scaled):
        group_points = _solid_points(scaled[start:end])
        centre = 0.5 * (group_points.min(0) + group_points.max(0))
        blend = max(part.width for part in scaled[start:end])
        reach = 1.04 * float(np.sqrt(((group_points - centre) ** 2).sum(1)).max()) + 0.25 * blend + 0.004
        groups = np.concatenate([groups, [[*centre, reach, start, end]]])
    outline_rows = np.concatenate(outlines) if first else np.zeros((1, 5))
    points = (solid - middle) * factor
    furthest = np.unique((points @ _directions(160).T).argmax(0))
    return Shape(rows, groups, outline_rows, slots, np.ascontiguousarray(points[furthest]))


@functools.cache
def shape(class_index: int, variant: int) -> Shape:
    """Return the packed arrays of one variant of a class."""
    return pack(CLASSES[class_index].variants[variant])
