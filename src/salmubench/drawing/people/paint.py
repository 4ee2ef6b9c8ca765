"""Colour and finish of every part of a portrait, as smooth functions of position."""

from __future__ import annotations

import math

from salmubench.drawing.jit import device
from salmubench.drawing.people import scene
from salmubench.drawing.people.finish import Finish, line
from salmubench.drawing.people.params import Params
from salmubench.drawing.people.skin import eye, skin
from salmubench.drawing.sdf import (
    mix,
    noise2,
    psin,
    smoothstep,
)


@device
def strands(p: Params, x: float, y: float, z: float, r: float, g: float, b: float, tip: float) -> Finish:
    """Return the finish of hair: streaks along the strands, darker roots, some grey ones."""
    angle = math.atan2(x, z + 0.25 + 0.35 * y * (1.0 - smoothstep(0.3, 0.9, y)))
    streak = noise2(16.0 * angle + 2.0 * psin(1.3 * y), 1.6 * y + 2.0 * z, p.hair_seed)
    fine = noise2(46.0 * angle, 3.0 * y + 4.0 * z, p.hair_seed + 3.0)
    shade = 0.62 + 0.48 * streak + 0.28 * fine
    if p.rows > 0.0:
        shade *= mix(0.45, 1.0, smoothstep(0.05, 0.4, abs(psin(9.5 * x * (1.0 + 0.15 * z)))))
    t = tip * smoothstep(0.3, -1.2, y)
    r, g, b = mix(r, p.hair_tip_r, t), mix(g, p.hair_tip_g, t), mix(b, p.hair_tip_b, t)
    if p.grey > 0.0:
        w = p.grey * smoothstep(0.80 - 0.6 * p.grey, 1.15 - 0.5 * p.grey, 0.6 * fine + 0.4 * streak) * 0.65
        w = max(w, p.grey * smoothstep(0.25, -0.2, y) * smoothstep(0.1, -0.05, abs(z) - 0.25) * 0.6)
        r, g, b = mix(r, 0.52, w), mix(g, 0.51, w), mix(b, 0.49, w)
    return Finish(r * shade, g * shade, b * shade, p.gloss, 22.0, 2)


@device
def pattern(kind: float, x: float, y: float, z: float, size: float) -> float:
    """Return 0..1: the share of the second colour of a pattern at a point of the cloth.

    0 plain, 1 hoops, 2 pinstripes, 3 checks, 4 dots, 5 knit ribs, 6 block, 7 diagonal, 8 print.
    """
    f = 7.5 / size
    if kind == 1.0:
        return smoothstep(-0.12, 0.12, psin(1.6 * f * y))
    if kind == 2.0:
        return smoothstep(0.55, 0.80, psin(2.6 * f * x))
    if kind == 3.0:
        a = smoothstep(-0.15, 0.15, psin(1.7 * f * x))
        b = smoothstep(-0.15, 0.15, psin(1.7 * f * y))
        return 0.5 * (a + b)
    if kind == 4.0:
        u = f * x * 0.65
        v = f * y * 0.65
        row = math.floor(v)
        u += 0.5 * (row - 2.0 * math.floor(0.5 * row))
        du = u - math.floor(u) - 0.5
        dv = v - row - 0.5
        return smoothstep(0.30, 0.24, math.sqrt(du * du + dv * dv))
    if kind == 5.0:
        return 0.30 * (0.5 + 0.5 * psin(30.0 * x))
    if kind == 6.0:
        return smoothstep(0.01, -0.01, y + 1.74 + 0.06 * z)
    if kind == 7.0:
        return smoothstep(-0.12, 0.12, psin(1.3 * f * (x + y)))
    if kind == 8.0:
        return smoothstep(0.52, 0.60, noise2(0.55 * f * x + 9.0, 0.55 * f * y, 2.0 + size))
    return 0.0


@device
def fabric(p: Params, part: int, x: float, y: float, z: float) -> Finish:
    """Return the finish of clothes, the inner shirt and the winter scarf, given body coordinates."""
    weave = 0.95 + 0.10 * (noise2(26.0 * x, 26.0 * y, 7.0) - 0.5)
    if part == scene.INNER:
        return Finish(p.inner_r * weave, p.inner_g * weave, p.inner_b * weave, 0.03, 10.0, 0)
    if part == scene.SHAWL:
        w = smoothstep(0.2, 0.5, psin(9.0 * x + 7.0 * y)) * 0.5
        return Finish(
            mix(p.scarf_r, p.cloth2_r, w) * weave,
            mix(p.scarf_g, p.cloth2_g, w) * weave,
            mix(p.scarf_b, p.cloth2_b, w) * weave,
            0.02,
            8.0,
            0,
        )
    w = pattern(p.pattern, x, y, z, p.pat_size)
    if p.neckline == 5.0:
        # lapel edges and the closing of a jacket
        w = max(
            w * 0.5,
            0.55 * line(abs(x) - 0.30 - 0.36 * (y + 1.9), 0.018) * smoothstep(-2.4, -2.3, y) * smoothstep(0.0, 0.1, z),
        )
    r, g, b = mix(p.cloth_r, p.cloth2_r, w), mix(p.cloth_g, p.cloth2_g, w), mix(p.cloth_b, p.cloth2_b, w)
    if p.neckline == 3.0 and z > 0.0:
        placket = line(abs(x) - 0.075, 0.010) * smoothstep(-1.7, -1.78, y) * 0.4
        bx = 3.2 * (y + 0.04) - math.floor(3.2 * (y + 0.04)) - 0.5
        button = smoothstep(0.030, 0.022, math.sqrt(x * x + (bx / 3.2) ** 2)) * smoothstep(-1.7, -1.78, y)
        weave *= (1.0 - placket) * (1.0 - 0.45 * button)
    return Finish(r * weave, g * weave, b * weave, 0.03, 9.0, 0)


@device
def covering(p: Params, x: float, y: float, z: float) -> Finish:
    """Return the finish of the identity's head covering with its own pattern."""
    w = pattern(p.wrap_pattern, x, y, z, 1.0)
    weave = 0.95 + 0.10 * (noise2(30.0 * x, 30.0 * y, 5.0) - 0.5)
    if p.wrap == 1.0 and p.wrap_pin != 0.0:
        dx, dy, dz = x - 0.50 * p.wrap_pin, y + 0.98, z - 0.42
        if dx * dx + dy * dy + dz * dz < 0.0042:
            return Finish(0.75, 0.60, 0.25, 0.9, 30.0, 0)
    r, g, b = mix(p.wrap_r, p.wrap2_r, w), mix(p.wrap_g, p.wrap2_g, w), mix(p.wrap_b, p.wrap2_b, w)
    return Finish(r * weave, g * weave, b * weave, 0.04, 10.0, 0)


@device
def finish(p: Params, part: int, x: float, y: float, z: float) -> Finish:
    """Return the finish of a surface point of the given part; coordinates are the head's."""
    if part == scene.SKIN:
        return skin(p, x, y, z)
    if part == scene.EYE:
        return eye(p, x, y, z)
    if part == scene.HAIR:
        return strands(p, x, y, z, p.hair_r, p.hair_g, p.hair_b, 1.0)
    if part == scene.BEARD:
        f = strands(p, x, y, z, p.beard_r, p.beard_g, p.beard_b, 0.0)
        return Finish(f.r, f.g, f.b, 0.12, 16.0, 2)
    if part == scene.NECK:
        shade = 1.0
        return Finish(p.skin_r * shade, p.skin_g * shade, p.skin_b * shade, 0.10, 16.0, 1)
    if part == scene.WRAP:
        return covering(p, x, y, z)
    if part == scene.UNDER:
        return Finish(p.under_r, p.under_g, p.under_b, 0.03, 10.0, 0)
    if part == scene.GLASSES:
        return Finish(p.frame_r, p.frame_g, p.frame_b, 0.5, 40.0, 0)
    if part == scene.METAL:
        return Finish(p.metal_r, p.metal_g, p.metal_b, 0.9, 24.0, 0)
    if part == scene.HAT:
        w = 0.8 * smoothstep(0.0, 0.06, math.sin(26.0 * math.atan2(x, z + 0.2))) * 0.25 if p.hat == 1.0 else 0.0
        if p.hat == 3.0:
            w = line(y - p.hat_y - 0.10 - 0.1 * z, 0.07) * smoothstep(1.05, 1.0, math.sqrt(x * x + z * z))
        return Finish(mix(p.hat_r, p.hat2_r, w), mix(p.hat_g, p.hat2_g, w), mix(p.hat_b, p.hat2_b, w), 0.03, 10.0, 0)
    q = scene.to_body(p, x, y, z)
    return fabric(p, part, q.x, q.y, q.z)
