"""Distance, paint and normal of one object: groups of primitives in the object's frame, interpreted from arrays."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from salmubench.drawing.jit import device, inlined
from salmubench.drawing.sdf import smin
from salmubench.drawing.things.kinds import (
    BLEND,
    CENTRE,
    COUNT,
    CUT,
    FIRST,
    FRAME,
    KEEP,
    KIND,
    OPERATION,
    SIZE,
    SLOT,
    TURNED,
    WIDTH,
)
from salmubench.drawing.things.shapes import distance

Floats = NDArray[np.float64]
# Beyond this distance (objects have radius 1) the ball around a group stands for the group.
FAR = 0.12


class Surface(NamedTuple):
    """The paint nearest to a point."""

    distance: float
    slot: int


class Normal(NamedTuple):
    """Gradient of the distance, not normalised."""

    x: float
    y: float
    z: float


@inlined
def part_distance(parts: Floats, outline: Floats, row: int, x: float, y: float, z: float) -> float:
    """Distance to one primitive, row `row` of `parts`."""
    x -= parts[row, CENTRE]
    y -= parts[row, CENTRE + 1]
    z -= parts[row, CENTRE + 2]
    px, py, pz = x, y, z
    if parts[row, TURNED] != 0.0:
        px = parts[row, FRAME] * x + parts[row, FRAME + 1] * y + parts[row, FRAME + 2] * z
        py = parts[row, FRAME + 3] * x + parts[row, FRAME + 4] * y + parts[row, FRAME + 5] * z
        pz = parts[row, FRAME + 6] * x + parts[row, FRAME + 7] * y + parts[row, FRAME + 8] * z
    return distance(
        int(parts[row, KIND]), px, py, pz,
        parts[row, SIZE], parts[row, SIZE + 1], parts[row, SIZE + 2], parts[row, SIZE + 3],
        outline, int(parts[row, FIRST]), int(parts[row, COUNT]),
    )  # fmt: skip


@inlined
def group_surface(parts: Floats, outline: Floats, first: int, end: int, x: float, y: float, z: float) -> Surface:
    """Distance to one group and the paint slot that is nearest in it."""
    best = 1e9
    slot = int(parts[first, SLOT])
    for row in range(first, end):
        d = part_distance(parts, outline, row, x, y, z)
        operation = int(parts[row, OPERATION])
        if operation == CUT:
            if -d > best:
                best = -d
                slot = int(parts[row, SLOT])
        elif operation == KEEP:
            best = max(best, d)
        else:
            if d < best:
                slot = int(parts[row, SLOT])
            best = smin(best, d, parts[row, WIDTH]) if operation == BLEND and parts[row, WIDTH] > 0.0 else min(best, d)
    return Surface(best, slot)


@inlined
def object_distance(
    parts: Floats, groups: Floats, outline: Floats, active: NDArray[np.int64], count: int, x: float, y: float, z: float
) -> float:
    """Lower bound of the distance to the first `count` groups of `active`; exact (as the shapes are) near them."""
    best = 1e9
    for n in range(count):
        g = active[n]
        dx, dy, dz = x - groups[g, 0], y - groups[g, 1], z - groups[g, 2]
        square, reach = dx * dx + dy * dy + dz * dz, best + groups[g, 3]
        if square < reach * reach:
            bound = math.sqrt(square) - groups[g, 3]
            if bound > FAR:
                best = bound
            else:
                group_distance = group_surface(parts, outline, int(groups[g, 4]), int(groups[g, 5]), x, y, z).distance
                best = min(best, group_distance)
    return best


@device
def object_slot(
    parts: Floats, groups: Floats, outline: Floats, active: NDArray[np.int64], count: int, x: float, y: float, z: float
) -> int:
    """Paint slot of the group nearest to a point on the surface."""
    best = 1e9
    slot = 0
    for n in range(count):
        g = active[n]
        dx, dy, dz = x - groups[g, 0], y - groups[g, 1], z - groups[g, 2]
        if math.sqrt(dx * dx + dy * dy + dz * dz) - groups[g, 3] < min(best, FAR):
            surface = group_surface(parts, outline, int(groups[g, 4]), int(groups[g, 5]), x, y, z)
            if surface.distance < best:
                best = surface.distance
                slot = surface.slot
    return slot


@device
def object_normal(
    parts: Floats, groups: Floats, outline: Floats, active: NDArray[np.int64], count: int,
    x: float, y: float, z: float, step: float,
) -> Normal:  # fmt: skip
    """Gradient of the distance by four differences on a tetrahedron of the given size."""
    nx, ny, nz = 0.0, 0.0, 0.0
    for corner in range(4):
        sx, sy, sz = (1.0, -1.0, -1.0, 1.0)[corner], (-1.0, -1.0, 1.0, 1.0)[corner], (-1.0, 1.0, -1.0, 1.0)[corner]
        d = object_distance(parts, groups, outline, active, count, x + sx * step, y + sy * step, z + sz * step)
        nx, ny, nz = nx + sx * d, ny + sy * d, nz + sz * d
    return Normal(nx, ny, nz)
