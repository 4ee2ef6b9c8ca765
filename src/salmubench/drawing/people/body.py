"""Neck, shoulders, clothes, scarf and what is worn on the head: glasses, hats, earrings."""

from __future__ import annotations

import math

from salmubench.drawing.jit import device
from salmubench.drawing.people.params import Params
from salmubench.drawing.sdf import (
    capsule,
    cone,
    ellipse,
    ellipsoid,
    length3,
    mix,
    psin,
    rounded_box,
    rounded_rectangle,
    smax,
    smin,
    smooth_abs,
    smoothstep,
    sphere,
    torus,
)

FAR = 1e3


@device
def torso(p: Params, x: float, y: float, z: float) -> float:
    """Return the distance to shoulders, chest and upper arms in the body's frame."""
    sx = smooth_abs(x)
    w = p.shoulder_w
    d = ellipsoid(x, y + 2.70, z + 0.16, 1.02 * w, 1.12, 0.56)
    slope = cone(sx, y, z, 0.10, -1.42, -0.24, 0.86 * w, -1.80, -0.24, 0.17, 0.24)
    d = smin(d, slope, 0.30)
    return smin(d, cone(sx, y, z, 1.02 * w, -1.96, -0.24, 1.24 * w, -3.3, -0.16, 0.27, 0.29), 0.22)


@device
def neck(p: Params, x: float, y: float, z: float) -> float:
    """Return the distance to the neck in the body's frame."""
    return cone(x, y, z, 0.0, -0.60, -0.16, 0.0, -1.75, -0.24, 0.335 * p.neck_w, 0.38 * p.neck_w)


@device
def clothes(p: Params, x: float, y: float, z: float, trunk: float) -> float:
    """Return the distance to the garment, given the distance `trunk` to the bare torso.

    Necklines: 0 crew, 1 V, 2 turtleneck, 3 shirt collar, 4 hood, 5 jacket over an inner shirt, 6 wide scoop.
    """
    sx = smooth_abs(x)
    folds = 0.014 * psin(3.1 * x + 4.2 * y + 1.3) * psin(2.3 * y - 3.0 * x) * smoothstep(-1.6, -2.2, y)
    d = trunk - 0.055 - folds
    kind = p.neckline
    if kind == 1.0 or kind == 5.0 or kind == 3.0:
        depth = 1.96 if kind == 1.0 else (2.20 if kind == 5.0 else 1.78)
        vee = max(0.88 * sx - 0.40 * (y + depth), -0.1 - z)
        d = smax(d, -vee, 0.03)
    hole = 0.50 if kind == 6.0 else 0.36
    neckline = cone(x, y, z, 0.0, -0.9, -0.16, 0.0, -1.60 - (0.22 if kind == 6.0 else 0.0), -0.10, hole + 0.06, hole)
    d = smax(d, -neckline, 0.04)
    d = smax(d, y + 1.28, 0.06)
    if kind == 0.0 or kind == 6.0:
        rib = abs(neckline - 0.025) - 0.03
        d = smin(d, max(rib, abs(trunk - 0.035) - 0.045), 0.02)
    elif kind == 2.0:
        tube = cone(x, y, z, 0.0, -1.10, -0.19, 0.0, -1.60, -0.22, 0.40 * p.neck_w, 0.44 * p.neck_w)
        roll = torus(x, y + 1.13, z + 0.19, 0.375 * p.neck_w, 0.075)
        d = smin(d, smax(tube, y + 1.08, 0.05), 0.10)
        d = smin(d, roll, 0.04)
    elif kind == 3.0:
        d = min(d, collar(p, x, y, z))
    elif kind == 4.0:
        hood = torus(x, y + 1.46 + 0.25 * (z - 0.2), z + 0.22, 0.50, 0.135)
        d = smin(d, hood, 0.08)
        cords = capsule(sx, y, z, 0.16, -1.62, 0.34, 0.17, -2.15, 0.44, 0.022)
        d = min(d, cords)
    return 0.92 * d


@device
def collar(p: Params, x: float, y: float, z: float) -> float:
    """Return the distance to a turned-down shirt collar: a flared ring, open in front, with two points."""
    fall = -1.16 - y
    ring = abs(math.sqrt(x * x + (z + 0.19) ** 2) - 0.385 * p.neck_w - 0.02 - 0.58 * fall)
    d = smax(0.86 * ring - 0.024, -fall, 0.03)
    d = smax(d, -1.36 - 0.22 * smoothstep(-0.1, 0.42, z) - y, 0.025)
    gap = 0.02 + 0.34 * fall - smooth_abs(x)
    return 0.85 * smax(d, min(0.9 * gap, z), 0.02)


@device
def inner(x: float, y: float, z: float, trunk: float) -> float:
    """Return the distance to the shirt under a jacket or in a collar's gap."""
    d = trunk - 0.030
    neckline = cone(x, y, z, 0.0, -0.9, -0.16, 0.0, -1.62, -0.10, 0.42, 0.36)
    return smax(smax(d, -neckline, 0.03), y + 1.30, 0.05)


@device
def shawl(x: float, y: float, z: float) -> float:
    """Return the distance to a winter scarf around the neck with one hanging end."""
    ring = torus(x, y + 1.30 + 0.18 * psin(2.0 * x + 0.6), z + 0.14, 0.45, 0.17)
    second = torus(x, y + 1.48 - 0.22 * x, z + 0.12, 0.47, 0.15)
    end = rounded_box(x - 0.22, y + 2.1, z - 0.42 + 0.12 * (y + 2.1), 0.17, 0.65, 0.06, 0.05)
    d = smin(smin(ring, second, 0.05), end, 0.07)
    return 0.85 * (d - 0.012 * psin(20.0 * (y + 0.5 * x)))


@device
def glasses(p: Params, x: float, y: float, z: float) -> float:
    """Return the distance to the rims, bridge and arms of the glasses."""
    sx = abs(x)
    depth = z - p.gl_z + 0.10 * max(sx - p.eye_x, 0.0)
    rect = rounded_rectangle(sx - p.eye_x - 0.01, y + 0.03, p.gl_w, p.gl_h, p.gl_round * p.gl_h)
    rim = p.gl_rim * (1.0 + p.gl_top * smoothstep(-0.05, 0.15, y))
    d = math.sqrt(rect * rect + depth * depth) - rim
    inner_x = p.eye_x - p.gl_w + 0.01
    outer_x = p.eye_x + p.gl_w + 0.02
    d = min(d, capsule(sx, y, z, 0.0, 0.065, p.gl_z + 0.03, inner_x, 0.03, p.gl_z, 0.8 * p.gl_rim))
    return min(d, capsule(sx, y, z, outer_x, 0.06, p.gl_z - 0.03, p.ear_x - 0.01, 0.10, -0.16, 0.85 * p.gl_rim))


@device
def hat(p: Params, x: float, y: float, z: float, cover: float) -> float:
    """Return the distance to a hat over hair or skull at distance `cover`: 1 beanie, 2 cap, 3 brim, 4 band."""
    tilt = y - p.hat_y - 0.22 * (z - 0.4)
    if p.hat == 4.0:
        band = max(cover - 0.035, abs(z - 0.20 + 0.20 * (y - 0.6)) - 0.055)
        return 0.85 * max(band, 0.10 - y)
    d = cover - 0.05
    if p.hat == 1.0:
        d = smax(d - 0.03 * smoothstep(0.3, 1.1, y), -tilt, 0.05)
        cuff = smax(cover - 0.10, abs(tilt - 0.11) - 0.11, 0.05)
        knit = 0.010 * psin(34.0 * math.atan2(x, z + 0.2))
        return 0.85 * (smin(d, cuff, 0.03) - knit)
    if p.hat == 2.0:
        d = smax(d, -tilt, 0.04)
        brim = max(ellipse(x, z - 0.62, 0.56, 0.62), abs(y - p.hat_y - 0.03 + 0.30 * x * x + 0.16 * (z - 0.7)) - 0.022)
        return 0.85 * smin(d, smax(brim, -cover, 0.03), 0.04)
    crown = smax(
        ellipsoid(x, y - p.hat_y - 0.02, z + 0.10, p.cran_w + 0.14, 0.78, p.cran_d + 0.12), y - p.hat_y - 0.58, 0.14
    )
    crown = smax(crown, -tilt, 0.04)
    plate = max(ellipse(x, z + 0.05, 1.42, 1.45), abs(y - p.hat_y - 0.22 * (z - 0.4) * 0.5 - 0.10 * x * x) - 0.034)
    return 0.72 * smin(crown, plate, 0.06)


@device
def earring(p: Params, x: float, y: float, z: float) -> float:
    """Return the distance to both earrings: 1 stud, 2 hoop, 3 drop."""
    sx = abs(x) - p.ear_x - 0.045
    low = y - p.ear_y + 0.225 * p.ear_size
    dz = z + 0.06
    if p.earring == 1.0:
        return sphere(sx - 0.01, low, dz, 0.036)
    if p.earring == 2.0:
        q = math.sqrt((low + 0.11) ** 2 + dz * dz) - 0.11
        return math.sqrt(q * q + sx * sx) - 0.018
    return min(sphere(sx, low, dz, 0.022), ellipsoid(sx, low + 0.15, dz, 0.04, 0.11, 0.04))


@device
def necklace(p: Params, x: float, y: float, z: float, skin: float) -> float:
    """Return the distance to a thin chain lying on the bare neck and chest."""
    ring = abs(length3(x, 0.9 * (y + 1.06), 1.1 * (z + 0.1)) - mix(0.58, 0.66, p.necklace)) - 0.012
    return max(abs(skin - 0.008) - 0.014, ring) * 0.9
