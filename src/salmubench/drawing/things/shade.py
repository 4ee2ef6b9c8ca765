"""Light on surfaces: patterns of the paint, key light, sky light, gloss, mirrors and see-through materials."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from salmubench.drawing.jit import device
from salmubench.drawing.sdf import (
    clamp,
    mix,
    psin,
    smoothstep,
)
from salmubench.drawing.things.kinds import (
    AMBIENT,
    BOUNCE,
    BRICKS,
    CHECKS,
    CLEAR,
    COLOUR,
    FREQUENCY,
    GLOSS,
    GLOW,
    GRAIN,
    KEY,
    LIGHT,
    MIRROR,
    PATTERN,
    SCALES,
    SECOND,
    SHARP,
    SPECKLE,
    SPOTS,
    STRENGTH,
    STRIPES,
    WEAVE,
)
from salmubench.drawing.things.places import (
    Colour,
    backdrop,
    bumps,
    cell,
)

Floats = NDArray[np.float64]


@device
def pattern_share(kind: int, f: float, x: float, y: float, z: float) -> float:
    """Share of the second colour at a point of the object's frame, for pattern `kind` with `f` repeats per unit."""
    if kind == GRAIN:
        warp = bumps(1.5 * y, 3.0 * (x + z), 3)
        return 0.6 * bumps(3.0 * f * x + 2.0 * warp, 0.6 * y, 1) + 0.4 * bumps(2.5 * f * z + warp, 0.9 * y, 2)
    if kind == SPECKLE:
        return bumps(f * (x + 0.31 * z), f * (y + 0.47 * z), 4)
    if kind == WEAVE:
        return 0.5 + 0.25 * (psin(6.3 * f * (x + z)) + psin(6.3 * f * y))
    if kind == STRIPES:
        return 1.0 if f * y - math.floor(f * y) < 0.5 else 0.0
    if kind == CHECKS:
        return (math.floor(f * x + 0.01) + math.floor(f * y + 0.01) + math.floor(f * z + 0.01)) % 2.0
    if kind == SPOTS:
        row = math.floor(f * y)
        a = f * (x + 0.6 * z) + 0.5 * (row % 2.0)
        du, dv = a - math.floor(a) - 0.5, f * y - row - 0.5
        return smoothstep(0.32, 0.26, math.sqrt(du * du + dv * dv))
    if kind == BRICKS:
        row = math.floor(f * y)
        a = 0.5 * f * (x + z) + 0.5 * (row % 2.0)
        a, b = a - math.floor(a), f * y - row
        return 1.0 if a < 0.1 or b < 0.18 else 0.25 * cell(math.floor(0.5 * f * (x + z)), row, 2)
    if kind == SCALES:
        row = math.floor(f * y)
        a = f * x + 0.5 * (row % 2.0)
        a, b = a - math.floor(a) - 0.5, f * y - row
        return smoothstep(0.1, 0.0, abs(math.sqrt(a * a + (1.0 - b) * (1.0 - b)) - 0.75))
    return 0.0


@device
def paint_colour(paints: Floats, slot: int, x: float, y: float, z: float) -> Colour:
    """Albedo of a paint at a point of the object's frame."""
    kind = int(paints[slot, PATTERN])
    share = 0.0
    if kind != 0:
        share = paints[slot, STRENGTH] * clamp(pattern_share(kind, paints[slot, FREQUENCY], x, y, z), 0.0, 1.0)
    return Colour(
        mix(paints[slot, COLOUR], paints[slot, SECOND], share),
        mix(paints[slot, COLOUR + 1], paints[slot, SECOND + 1], share),
        mix(paints[slot, COLOUR + 2], paints[slot, SECOND + 2], share),
    )


@device
def lit(
    albedo: Colour, paint: Floats, light: Floats, place: Floats,
    px: float, py: float, pz: float, dx: float, dy: float, dz: float, nx: float, ny: float, nz: float,
    shadow: float, open_sky: float,
) -> Colour:  # fmt: skip
    """Light that leaves a surface at p with unit normal n towards the viewer along ray direction d."""
    lx, ly, lz = light[LIGHT], light[LIGHT + 1], light[LIGHT + 2]
    key = max(0.88 * (nx * lx + ny * ly + nz * lz) + 0.12, 0.0) * shadow
    sky = (0.5 + 0.5 * ny) * open_sky
    ground = (0.5 - 0.5 * ny) * open_sky
    hx, hy, hz = lx - dx, ly - dy, lz - dz
    half = max((nx * hx + ny * hy + nz * hz) / math.sqrt(hx * hx + hy * hy + hz * hz), 0.0)
    gloss = paint[GLOSS] * half ** paint[SHARP] * shadow
    facing = max(-(nx * dx + ny * dy + nz * dz), 0.0)
    rim = (1.0 - facing) ** 3
    glow = paint[GLOW]
    r = key * light[KEY] + sky * light[AMBIENT] + ground * light[BOUNCE] + glow
    g = key * light[KEY + 1] + sky * light[AMBIENT + 1] + ground * light[BOUNCE + 1] + glow
    b = key * light[KEY + 2] + sky * light[AMBIENT + 2] + ground * light[BOUNCE + 2] + glow
    r = albedo.r * r + gloss * light[KEY]
    g = albedo.g * g + gloss * light[KEY + 1]
    b = albedo.b * b + gloss * light[KEY + 2]
    mirror = paint[MIRROR]
    if mirror > 0.0:
        k = 2.0 * (nx * dx + ny * dy + nz * dz)
        rx, ry, rz = dx - k * nx, dy - k * ny, dz - k * nz
        # A ground reflection is the bounce light; a dark band at the horizon makes metal look like metal.
        up = smoothstep(-0.15, 0.25, ry) * (1.0 - 0.5 * smoothstep(0.0, 0.16, 0.16 - abs(ry - 0.12)))
        far = backdrop(place, px, py, pz, rx, max(ry, 0.3), min(rz, -0.3))
        share = mirror * mix(0.6, 1.0, rim) * open_sky
        r = mix(r, mix(light[BOUNCE], far.r, up) * mix(albedo.r, 1.0, 0.25 + 0.5 * rim) * 1.5, share)
        g = mix(g, mix(light[BOUNCE + 1], far.g, up) * mix(albedo.g, 1.0, 0.25 + 0.5 * rim) * 1.5, share)
        b = mix(b, mix(light[BOUNCE + 2], far.b, up) * mix(albedo.b, 1.0, 0.25 + 0.5 * rim) * 1.5, share)
    clear = paint[CLEAR] * (1.0 - rim)
    if clear > 0.0:
        far = backdrop(place, px, py, pz, dx, max(dy, -0.1), dz)
        r = mix(r, far.r * mix(albedo.r, 1.0, 0.35), clear)
        g = mix(g, far.g * mix(albedo.g, 1.0, 0.35), clear)
        b = mix(b, far.b * mix(albedo.b, 1.0, 0.35), clear)
    return Colour(r, g, b)
