"""The compiled entry: one picture from the arrays of `packing`."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from salmubench.drawing import jit, sdf
from salmubench.drawing.jit import device, entry
from salmubench.drawing.sdf import clamp, mix
from salmubench.drawing.things.field import object_normal, object_slot
from salmubench.drawing.things.kinds import (
    EXPOSURE,
    EYE,
    FORWARD,
    HALF,
    LIGHT,
    NOISE,
    RIGHT,
    SCALE,
    SEED,
    SHIFT,
    UP,
)
from salmubench.drawing.things.march import (
    Hit,
    Vec,
    contact,
    gather,
    march,
    normal_to_world,
    point_to_object,
    shadow,
    to_object,
)
from salmubench.drawing.things.places import (
    Colour,
    backdrop,
    cell,
    ground_colour,
    ground_hit,
)
from salmubench.drawing.things.shade import lit, paint_colour

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Picture = Callable[..., None]
TILE = 8


@device
def ray(camera: Floats, u: float, v: float) -> Vec:
    """Unit direction of the ray through (u, v), which run over -1..1 along the short side of the picture."""
    a, b = camera[SHIFT] + u * camera[HALF], camera[SHIFT + 1] + v * camera[HALF]
    x = camera[FORWARD] + a * camera[RIGHT] + b * camera[UP]
    y = camera[FORWARD + 1] + a * camera[RIGHT + 1] + b * camera[UP + 1]
    z = camera[FORWARD + 2] + a * camera[RIGHT + 2] + b * camera[UP + 2]
    norm = 1.0 / math.sqrt(x * x + y * y + z * z)
    return Vec(x * norm, y * norm, z * norm)


@device
def object_light(
    parts: Floats, groups: Floats, outline: Floats, instances: Floats, paints: Floats, light: Floats, place: Floats,
    near: Integers, active: Integers, count: int, i: int, o: Vec, d: Vec, t: float, pixel: float,
) -> Colour:  # fmt: skip
    """Colour of instance i where the ray o + t d (world) meets it."""
    p = Vec(o.x + t * d.x, o.y + t * d.y, o.z + t * d.z)
    q = point_to_object(instances, i, p.x, p.y, p.z)
    step = clamp(0.5 * pixel * t, 0.002, 0.02)
    g = object_normal(parts, groups, outline, active, count, q.x, q.y, q.z, step)
    n = normal_to_world(instances, i, g.x, g.y, g.z)
    slot = object_slot(parts, groups, outline, active, count, q.x, q.y, q.z)
    albedo = paint_colour(paints, slot, q.x, q.y, q.z)
    key = Vec(light[LIGHT], light[LIGHT + 1], light[LIGHT + 2])
    bright = 0.0
    if n.x * key.x + n.y * key.y + n.z * key.z > -0.1:
        start = Vec(p.x + n.x * 0.02, p.y + n.y * 0.02, p.z + n.z * 0.02)
        bright = shadow(parts, groups, outline, instances, near, start, key)
    left = contact(parts, groups, outline, instances, near, p, n)
    return lit(albedo, paints[slot], light, place, p.x, p.y, p.z, d.x, d.y, d.z, n.x, n.y, n.z, bright, left)


@device
def rest_light(
    parts: Floats, groups: Floats, outline: Floats, instances: Floats, light: Floats, place: Floats,
    near: Integers, o: Vec, d: Vec, pixel: float,
) -> Colour:  # fmt: skip
    """Colour of ground or backdrop along the ray o + t d."""
    t = ground_hit(place, o.y, o.z, d.y, d.z)
    if t >= 1e8:
        return backdrop(place, o.x, o.y, o.z, d.x, d.y, d.z)
    p = Vec(o.x + t * d.x, 0.0, o.z + t * d.z)
    c = ground_colour(place, p.x, p.z, pixel * t / max(-d.y, 0.15))
    bright, left = 1.0, 1.0
    if p.x * p.x + p.z * p.z < 36.0:
        bright = shadow(
            parts, groups, outline, instances, near, p, Vec(light[LIGHT], light[LIGHT + 1], light[LIGHT + 2])
        )
        left = contact(parts, groups, outline, instances, near, p, Vec(0.0, 1.0, 0.0))
    key, sky = light[LIGHT + 1] * bright, left
    r = c.r * (key * light[3] + sky * light[6])
    g = c.g * (key * light[4] + sky * light[7])
    b = c.b * (key * light[5] + sky * light[8])
    if place[7] < 4.0:
        return Colour(r, g, b)
    # Distant ground fades into the air.
    far = clamp((t - 9.0) / 40.0, 0.0, 0.6)
    return Colour(mix(r, place[8] * 0.9, far), mix(g, place[9] * 0.9, far), mix(b, place[10] * 0.9, far))


@device
def sample(
    parts: Floats, groups: Floats, outline: Floats, instances: Floats, paints: Floats, light: Floats, place: Floats,
    near: Integers, active: NDArray[np.int64], counts: Integers, o: Vec, d: Vec, pixel: float,
) -> Colour:  # fmt: skip
    """Colour seen along one ray from the eye."""
    best = Hit(1e9, 0.0)
    chosen = -1
    ground = ground_hit(place, o.y, o.z, d.y, d.z)
    for i in range(instances.shape[0]):
        if counts[i] == 0:
            continue
        limit = min(ground, best.distance) if best.cover == 1.0 else ground
        local_o = point_to_object(instances, i, o.x, o.y, o.z)
        local_d = to_object(instances, i, d.x, d.y, d.z)
        hit = march(parts, groups, outline, instances, i, active[i], counts[i], local_o, local_d, pixel, limit)
        if hit.cover > best.cover or (hit.cover == best.cover and hit.distance < best.distance):
            best = hit
            chosen = i
    if chosen < 0 or best.cover <= 0.0:
        return rest_light(parts, groups, outline, instances, light, place, near, o, d, pixel)
    c = object_light(
        parts, groups, outline, instances, paints, light, place, near, active[chosen], counts[chosen], chosen,
        o, d, best.distance, pixel,
    )  # fmt: skip
    if best.cover == 1.0:
        return c
    # The ray only grazes the object: the pixel is partly covered.
    share = 0.6 * best.cover
    back = rest_light(parts, groups, outline, instances, light, place, near, o, d, pixel)
    return Colour(mix(back.r, c.r, share), mix(back.g, c.g, share), mix(back.b, c.b, share))


@device
def tone(value: float, grain: float) -> int:
    """Turn linear light into a byte: soft shoulder, gamma 2, grain."""
    value = math.sqrt(max(1.3 * value / (1.0 + 0.3 * value), 0.0)) + grain
    return int(clamp(255.0 * value + 0.5, 0.0, 255.0))


@device
def tile_lists(
    groups: Floats, instances: Floats, camera: Floats, o: Vec, u: float, v: float, radius: float,
    active: NDArray[np.int64], counts: Integers,
) -> None:  # fmt: skip
    """For the tile of the picture about (u, v), list the groups of each instance that its rays may meet."""
    d = ray(camera, u, v)
    for i in range(instances.shape[0]):
        local_o = point_to_object(instances, i, o.x, o.y, o.z)
        local_d = to_object(instances, i, d.x, d.y, d.z)
        # Stretched instances widen the cone; 1.6 covers the most stretched one.
        spread = 1.6 * radius / instances[i, SCALE]
        counts[i] = gather(groups, local_o, local_d, spread, active[i])


@functools.cache
def compiled() -> Picture:
    """Return the compiled kernel `(parts, groups, outline, instances, paints, camera, light, place, side, out)`.

    It fills `out`, uint8 (height, width, 3), with side × side samples a pixel; the other arrays: see `kinds`.
    """
    version = jit.fingerprint(Path(__file__).parent, Path(sdf.__file__).parent)

    @entry
    def picture(
        parts: Floats, groups: Floats, outline: Floats, instances: Floats, paints: Floats, camera: Floats,
        light: Floats, place: Floats, side: int, out: NDArray[np.uint8],
    ) -> None:  # fmt: skip
        if version < 0:
            return
        height, width = out.shape[0], out.shape[1]
        short = min(height, width)
        unit = 2.0 / short
        o = Vec(camera[EYE], camera[EYE + 1], camera[EYE + 2])
        pixel = 0.5 * unit * camera[HALF] / side
        near = np.empty(groups.shape[0], np.int64)
        active = np.empty((instances.shape[0], groups.shape[0]), np.int64)
        counts = np.empty(instances.shape[0], np.int64)
        seed = int(light[SEED])
        weight = 1.0 / (side * side)
        for top in range(0, height, TILE):
            for left in range(0, width, TILE):
                u0, v0 = (left + 0.5 * TILE - 0.5 * width) * unit, (0.5 * height - top - 0.5 * TILE) * unit
                radius = (0.75 * TILE + 1.0) * unit * camera[HALF]
                tile_lists(groups, instances, camera, o, u0, v0, radius, active, counts)
                for row in range(top, min(top + TILE, height)):
                    for column in range(left, min(left + TILE, width)):
                        r, g, b = 0.0, 0.0, 0.0
                        for n in range(side * side):
                            u = (column + (n % side + 0.5) / side - 0.5 * width) * unit
                            v = (0.5 * height - row - (n // side + 0.5) / side) * unit
                            c = sample(
                                parts, groups, outline, instances, paints, light, place, near, active, counts,
                                o, ray(camera, u, v), pixel,
                            )  # fmt: skip
                            r, g, b = r + c.r, g + c.g, b + c.b
                        scale = weight * light[EXPOSURE]
                        grain = light[NOISE] * (cell(column, row, seed) + cell(column, row, seed + 1) - 1.0)
                        out[row, column, 0] = tone(r * scale, grain)
                        out[row, column, 1] = tone(g * scale, grain)
                        out[row, column, 2] = tone(b * scale, grain)

    return picture
