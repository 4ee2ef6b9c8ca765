"""Grounds and backdrops: what a ray sees where it misses the objects."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from salmubench.drawing.jit import device, inlined
from salmubench.drawing.sdf import clamp, mix, smoothstep
from salmubench.drawing.things.kinds import (
    BACKDROP,
    BACKDROP_COLOUR,
    BACKDROP_SECOND,
    GROUND,
    GROUND_COLOUR,
    GROUND_NONE,
    GROUND_SECOND,
    OFFSET,
    WALL,
)

Floats = NDArray[np.float64]


class Colour(NamedTuple):
    """Linear light."""

    r: float
    g: float
    b: float


@inlined
def cell(ix: float, iy: float, seed: int) -> float:
    """Pseudo-random number in 0..1 for an integer cell."""
    h = (int(ix) * 374761393 + int(iy) * 668265263 + seed * 362437) & 0xFFFFFFFF
    h = ((h ^ (h >> 13)) * 1274126177) & 0xFFFFFFFF
    return ((h ^ (h >> 16)) & 0xFFFF) * (1.0 / 65536.0)


@device
def bumps(x: float, y: float, seed: int) -> float:
    """Smooth value noise in 0..1, one knot per unit."""
    ix, iy = math.floor(x), math.floor(y)
    fx, fy = x - ix, y - iy
    fx, fy = fx * fx * (3.0 - 2.0 * fx), fy * fy * (3.0 - 2.0 * fy)
    low = mix(cell(ix, iy, seed), cell(ix + 1.0, iy, seed), fx)
    high = mix(cell(ix, iy + 1.0, seed), cell(ix + 1.0, iy + 1.0, seed), fx)
    return mix(low, high, fy)


@inlined
def between(place: Floats, first: int, second: int, share: float) -> Colour:
    """Mix of two colours of the place."""
    return Colour(
        mix(place[first], place[second], share),
        mix(place[first + 1], place[second + 1], share),
        mix(place[first + 2], place[second + 2], share),
    )


@device
def ground_colour(place: Floats, x: float, z: float, blur: float) -> Colour:
    """Colour of the ground at (x, z); `blur` is a pixel's width there, finer patterns fade out."""
    kind = int(place[GROUND])
    seed = int(place[OFFSET])
    u, v = x + place[OFFSET] * 0.37, z + place[OFFSET] * 0.73
    share = 0.0
    if kind == 1:  # loose: grass, sand, snow, earth
        fade = clamp(1.3 - 9.0 * blur, 0.0, 1.0)
        grain = cell(math.floor(u * 13.0), math.floor(v * 13.0), seed) - 0.4
        share = 0.55 * bumps(1.7 * u, 1.7 * v, seed) + 0.75 * fade * grain
    elif kind == 2:  # planks
        board = math.floor(v * 1.6)
        edge = abs(v * 1.6 - board - 0.5) * 2.0
        share = 0.5 * cell(board, 3.0, seed) + 0.4 * bumps(1.1 * u, 16.0 * v, seed)
        share += smoothstep(0.93, 1.0, edge) * clamp(1.0 - 6.0 * blur, 0.0, 1.0)
    elif kind == 3:  # asphalt with a dashed line
        share = 0.25 * cell(math.floor(u * 25.0), math.floor(v * 25.0), seed) * clamp(1.0 - 12.0 * blur, 0.0, 1.0)
        line = smoothstep(0.16 + blur, 0.16, abs(z + 1.9)) * (1.0 if u * 0.35 - math.floor(u * 0.35) < 0.6 else 0.0)
        share += line * (1.0 - share)
    elif kind == 4:  # checkered tiles
        tone = (math.floor(u * 1.15) + math.floor(v * 1.15)) % 2.0
        share = mix(tone, 0.5, clamp(3.0 * blur - 0.3, 0.0, 1.0))
    elif kind == 5:  # carpet: bands of lozenges
        a = u * 1.3 - math.floor(u * 1.3)
        b = v * 1.3 - math.floor(v * 1.3)
        thread = cell(math.floor(u * 20.0), math.floor(v * 20.0), seed)
        share = smoothstep(0.26, 0.33, abs(a - 0.5) + abs(b - 0.5)) * 0.8 + 0.2 * thread
        share = mix(share, 0.5, clamp(3.5 * blur - 0.3, 0.0, 1.0))
    elif kind == 6:  # waves
        w = bumps(1.2 * u + 0.4 * v, 4.5 * v, seed)
        ripple = 0.25 * (bumps(3.0 * u, 11.0 * v, seed + 1) - 0.5) * clamp(1.5 - 6.0 * blur, 0.0, 1.0)
        share = smoothstep(0.35, 0.9, w + ripple)
    elif kind == 7:  # pebbles and rock
        fine = (bumps(7.0 * u, 7.0 * v, seed + 2) - 0.3) * clamp(1.4 - 5.0 * blur, 0.0, 1.0)
        share = 0.5 * bumps(2.3 * u, 2.3 * v, seed) + 0.6 * fine
    return between(place, GROUND_COLOUR, GROUND_SECOND, clamp(share, 0.0, 1.0))


@device
def wall_colour(place: Floats, x: float, y: float) -> Colour:
    """Colour of an indoor wall at (x, y)."""
    kind = int(place[BACKDROP])
    u = x + place[OFFSET] * 0.61
    share = 0.0
    if kind == 1:  # wallpaper and skirting board
        share = 0.35 * (1.0 if u * 1.1 - math.floor(u * 1.1) < 0.5 else 0.0)
        if y < 0.35:
            share = 1.0
    elif kind == 2:  # window with a light frame
        a = abs(x - 2.0 * (cell(1.0, 2.0, int(place[OFFSET])) - 0.5) * 2.5)
        if a < 1.2 and 1.1 < y < 4.5:
            share = 1.0 if a < 1.08 and y > 1.25 and a > 0.06 else 0.6
    elif kind == 3:  # small tiles
        row = math.floor(y * 1.7)
        a, b = (u + 0.25 * row) * 1.2, y * 1.7
        a, b = a - math.floor(a), b - row
        share = 1.0 if a < 0.06 or b < 0.09 else 0.12 * cell(math.floor((u + 0.25 * row) * 1.2), row, 5)
    return between(place, BACKDROP_COLOUR, BACKDROP_SECOND, share)


@device
def sky_colour(place: Floats, dx: float, dy: float, dz: float) -> Colour:
    """Colour of an open backdrop in direction (dx, dy, dz)."""
    kind = int(place[BACKDROP])
    seed = int(place[OFFSET])
    u = math.atan2(dx, -dz) * 4.0 + place[OFFSET] * 1.7
    share = 0.0
    if kind == 5:  # skyline
        block = math.floor(u * 1.6)
        top = 0.04 + 0.22 * cell(block, 1.0, seed)
        if dy < top:
            lit = cell(math.floor(u * 9.0), math.floor(dy * 50.0), seed) > 0.7
            share = 0.35 if lit else 0.8 + 0.2 * cell(block, 2.0, seed)
    elif kind == 6:  # hills
        near = 0.02 + 0.07 * bumps(u * 0.8, 1.0, seed)
        far = 0.05 + 0.12 * bumps(u * 0.6, 7.0, seed)
        share = 1.0 if dy < near else (0.6 if dy < far else 0.0)
    elif kind == 7:  # sea
        share = 1.0 if dy < 0.02 else 0.0
    elif kind == 8:  # stars and a moon
        star = cell(math.floor(u * 14.0), math.floor(dy * 55.0), seed)
        moon = smoothstep(0.105, 0.09, math.hypot(u * 0.25 - 0.25 * place[OFFSET] * 1.7 - 0.22, dy - 0.22))
        share = max(moon, 0.8 if star > 0.985 else 0.0)
    elif kind == 9:  # trunks in the haze
        trunk = math.floor(u * 2.3)
        width = 0.1 + 0.22 * cell(trunk, 1.0, seed)
        if abs(u * 2.3 - trunk - 0.5 + 0.3 * (cell(trunk, 2.0, seed) - 0.5)) < width:
            share = 0.55 + 0.45 * cell(trunk, 3.0, seed)
        share = max(share, 0.5 * smoothstep(0.45, 0.7, bumps(u * 3.0, dy * 12.0, seed)) * smoothstep(0.1, 0.3, dy))
    elif kind == 10:  # peaks
        a = u * 0.7 - math.floor(u * 0.7)
        peak = 0.5 + 0.5 * cell(math.floor(u * 0.7), 1.0, seed)
        top = 0.06 + 0.3 * (0.5 - abs(a - 0.5)) * peak + 0.03 * bumps(u * 6.0, 2.0, seed)
        if dy < top:
            share = 1.0 if dy < 0.62 * top + 0.05 * bumps(u * 7.0, 4.0, seed) else 0.35
    if kind == 4 or kind == 6 or kind == 7:  # clouds
        puffs = 0.65 * bumps(u * 0.9, dy * 9.0, seed + 3) + 0.35 * bumps(u * 2.7, dy * 24.0, seed + 4)
        cloud = smoothstep(0.5, 0.85, puffs)
        c = between(place, BACKDROP_COLOUR, BACKDROP_SECOND, share)
        cloud *= 1.0 if share == 0.0 else 0.0
        return Colour(mix(c.r, 0.9, cloud), mix(c.g, 0.92, cloud), mix(c.b, 0.95, cloud))
    # The plain sky is lighter towards the horizon.
    c = between(place, BACKDROP_COLOUR, BACKDROP_SECOND, share)
    haze = 1.12 - 0.3 * clamp(dy, -0.2, 0.6)
    return Colour(c.r * haze, c.g * haze, c.b * haze)


@device
def backdrop(place: Floats, ox: float, oy: float, oz: float, dx: float, dy: float, dz: float) -> Colour:
    """Colour seen along a ray that meets neither object nor ground."""
    if place[BACKDROP] >= 4.0:
        return sky_colour(place, dx, dy, dz)
    away = min(dz, -0.05)
    t = (-place[WALL] - oz) / away
    return wall_colour(place, ox + dx * t, max(oy + dy * t, 0.0))


@device
def ground_hit(place: Floats, oy: float, oz: float, dy: float, dz: float) -> float:
    """Distance along a ray to the ground, or a huge number where a wall or nothing comes first."""
    if place[GROUND] == GROUND_NONE or dy > -1e-4:
        return 1e9
    t = -oy / dy
    if place[BACKDROP] < 4.0 and oz + dz * t < -place[WALL]:
        return 1e9
    return t
