"""Light: key light with a soft terminator, sky and ground, camera fill, highlights, rim, occlusion, shadow."""

from __future__ import annotations

import math

from salmubench.drawing.jit import device, inlined
from salmubench.drawing.people.background import Colour
from salmubench.drawing.people.finish import Finish
from salmubench.drawing.people.params import Params
from salmubench.drawing.people.scene import Normal, distance
from salmubench.drawing.sdf import (
    clamp,
    mix,
    psin,
    smoothstep,
)


@device
def occlusion(p: Params, x: float, y: float, z: float, n: Normal) -> float:
    """Return 0..1: how open the hemisphere over a point is, from three distances along the normal."""
    a = distance(p, x + 0.07 * n.x, y + 0.07 * n.y, z + 0.07 * n.z)
    b = distance(p, x + 0.18 * n.x, y + 0.18 * n.y, z + 0.18 * n.z)
    c = distance(p, x + 0.40 * n.x, y + 0.40 * n.y, z + 0.40 * n.z)
    return clamp(1.0 - 2.2 * (0.07 - a) - 1.2 * (0.18 - b) - 0.6 * (0.40 - c), 0.12, 1.0)


@device
def shadow(p: Params, x: float, y: float, z: float, n: Normal) -> float:
    """Return 0..1: how much of the key light reaches a point (soft, short march)."""
    sx = x + 0.03 * n.x
    sy = y + 0.03 * n.y
    sz = z + 0.03 * n.z
    t = 0.04
    lit = 1.0
    for _ in range(10):
        d = distance(p, sx + t * p.light_x, sy + t * p.light_y, sz + t * p.light_z)
        lit = min(lit, 0.5 + 3.0 * d / t)
        if lit < 0.02 or t > 2.6:
            break
        t += clamp(d, 0.06, 0.50)
    lit = clamp(lit, 0.0, 1.0)
    return lit * lit * (3.0 - 2.0 * lit)


@inlined
def wrapped(cosine: float, wrap: float) -> float:
    """Return a diffuse term that reaches past the terminator by `wrap`."""
    return math.pow(max((cosine + wrap) / (1.0 + wrap), 0.0), 1.25)


@device
def shade(
    p: Params,
    f: Finish,
    x: float,
    y: float,
    z: float,
    n: Normal,
    vx: float,
    vy: float,
    vz: float,
    open_: float,
    lit: float,
) -> Colour:
    """Return the linear colour of a surface point with finish `f`, normal `n` and unit vector `v` to the camera."""
    nl = n.x * p.light_x + n.y * p.light_y + n.z * p.light_z
    nv = max(n.x * vx + n.y * vy + n.z * vz, 0.0)
    up = 0.5 + 0.5 * (n.x * p.up_x + n.y * p.up_y + n.z * p.up_z)
    if f.model == 1:
        dr, dg, db = wrapped(nl, 0.42), wrapped(nl, 0.22), wrapped(nl, 0.15)
        lr, lg, lb = math.sqrt(lit), mix(lit, math.sqrt(lit), 0.35), lit
        ar, ag, ab = math.sqrt(open_), open_**0.8, open_
    elif f.model == 2:
        dr = dg = db = 0.55 * wrapped(nl, 0.35) + 0.35
        lr = lg = lb = 0.25 + 0.75 * lit
        ar = ag = ab = open_
    else:
        dr = dg = db = wrapped(nl, 0.18)
        lr = lg = lb = lit
        ar = ag = ab = open_
    amb = p.ambient
    sr = mix(p.ground_r, p.sky_r, up) * amb
    sg = mix(p.ground_g, p.sky_g, up) * amb
    sb = mix(p.ground_b, p.sky_b, up) * amb
    fill = p.fill * nv
    r = f.r * (p.key_r * dr * lr + (sr + fill) * ar)
    g = f.g * (p.key_g * dg * lg + (sg + fill) * ag)
    b = f.b * (p.key_b * db * lb + (sb + fill) * ab)
    # half vector between light and camera
    hx, hy, hz = p.light_x + vx, p.light_y + vy, p.light_z + vz
    inv = 1.0 / math.sqrt(hx * hx + hy * hy + hz * hz + 1e-9)
    if f.model == 2:
        # strands run away from the crown
        cx, cy, cz = x, y - 1.05, z + 0.30
        dot = cx * n.x + cy * n.y + cz * n.z
        tx, ty, tz = cx - dot * n.x, cy - dot * n.y, cz - dot * n.z
        ti = 1.0 / math.sqrt(tx * tx + ty * ty + tz * tz + 1e-6)
        th = (tx * hx + ty * hy + tz * hz) * ti * inv + 0.10 * psin(40.0 * x + 9.0 * z)
        s = f.gloss * max(1.0 - th * th, 0.0) ** 11.0 * (0.25 + 0.75 * lit) * smoothstep(-0.3, 0.4, nl)
        r += s * p.key_r * (0.35 + 0.65 * f.r)
        g += s * p.key_g * (0.35 + 0.65 * f.g)
        b += s * p.key_b * (0.35 + 0.65 * f.b)
    elif f.gloss > 0.0:
        nh = max((n.x * hx + n.y * hy + n.z * hz) * inv, 0.0)
        s = f.gloss * nh**f.power * lit * smoothstep(-0.05, 0.2, nl)
        r += s * p.key_r
        g += s * p.key_g
        b += s * p.key_b
    edge = (1.0 - nv) ** 3 * p.rim * open_ * (0.35 + 0.65 * up)
    if f.model == 3:
        edge = 0.0
        # a catch light at a place fixed to the camera, not to the head
        wx = p.h00 * n.x + p.h01 * n.y + p.h02 * n.z
        wy = p.h10 * n.x + p.h11 * n.y + p.h12 * n.z
        side = 0.20 if p.light_x * p.h00 + p.light_y * p.h01 + p.light_z * p.h02 > 0.0 else -0.20
        c = smoothstep(0.135, 0.075, math.sqrt((wx - side) ** 2 + (wy - 0.24) ** 2))
        c += 0.25 * smoothstep(0.11, 0.03, math.sqrt((wx + side) ** 2 + (wy + 0.22) ** 2))
        r, g, b = mix(r, 0.95, c), mix(g, 0.95, c), mix(b, 0.95, c)
    return Colour(r + edge * (0.10 + 0.6 * f.r), g + edge * (0.10 + 0.6 * f.g), b + edge * (0.11 + 0.6 * f.b))


@inlined
def tone(value: float) -> float:
    """Return the display value 0..1 of a linear value: a soft shoulder, then gamma 2.2."""
    v = max(value, 0.0)
    v = 1.36 * v * (1.0 + 0.20 * v) / (1.0 + v)
    return math.pow(min(v, 1.0), 1.0 / 2.2)
