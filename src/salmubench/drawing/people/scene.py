"""All parts of a portrait as one distance field in the head's frame, and which part a surface point belongs to."""

from __future__ import annotations

import math
from typing import NamedTuple

from salmubench.drawing.jit import device, inlined
from salmubench.drawing.people import body, hair, head
from salmubench.drawing.people.params import Params
from salmubench.drawing.sdf import (
    Point,
    length3,
    mix,
    smax,
    smin,
    smoothstep,
)

SKIN, HAIR, EYE, BEARD, WRAP, NECK, CLOTH, INNER, SHAWL, GLASSES, HAT, METAL, UNDER = range(1, 14)
FAR = 1e3
HALF = 1.76
"""Head units from the middle of the short side to the edge, at scale 1."""
PIVOT_Y = -0.75
PIVOT_Z = -0.18


@inlined
def to_body(p: Params, x: float, y: float, z: float) -> Point:
    """Turn a point of the head's frame into the body's frame."""
    y -= PIVOT_Y
    z -= PIVOT_Z
    return Point(
        p.b00 * x + p.b01 * y + p.b02 * z + p.body_x,
        p.b10 * x + p.b11 * y + p.b12 * z + p.body_y,
        p.b20 * x + p.b21 * y + p.b22 * z + p.body_z,
    )


@inlined
def cover(p: Params, y: float, bare: float) -> float:
    """Return the distance to the smooth outer surface of the hair on the skull, on which a hat sits."""
    return bare - (mix(p.cap_side, p.cap_top, smoothstep(-0.20, 0.90, y)) if p.cap > 0.0 else 0.0)


@inlined
def under_cap(p: Params, x: float, y: float, z: float, bare: float) -> float:
    """Return the distance to the cap worn under a headscarf, seen as a band above the forehead."""
    return smax(bare - 0.035, hair.hairline(p, x, y, z), 0.02)


@device
def head_parts(p: Params, x: float, y: float, z: float) -> float:
    """Return the distance to everything that turns with the head, skin of the neck excepted."""
    bare = head.base(p, x, y, z)
    d = head.face(p, x, y, z, bare)
    if bare < 0.5 and z > 0.0:
        d = min(d, head.eyeball(p, x, y, z))
    if p.wrap > 0.0:
        d = min(d, hair.wrap(p, x, y, z, bare))
        if p.under > 0.0:
            d = min(d, under_cap(p, x, y, z, bare))
    if p.cap > 0.0 or p.top > 0.0 or p.curtain > 0.0:
        d = min(d, hair.hair(p, x, y, z, bare))
    if p.beard > 0.0 or p.goatee > 0.0 or p.moustache > 0.0:
        d = min(d, hair.beard(p, x, y, z, bare))
    if p.glasses > 0.0 and bare < 0.6:
        d = min(d, body.glasses(p, x, y, z))
    if p.earring > 0.0:
        d = min(d, body.earring(p, x, y, z))
    if p.hat > 0.0:
        d = min(d, body.hat(p, x, y, z, cover(p, y, bare)))
    return d


@device
def body_parts(p: Params, x: float, y: float, z: float, head_distance: float) -> float:
    """Return the distance to the whole portrait below the chin, given the head's; coordinates are the body's."""
    nape = body.neck(p, x, y, z)
    if y > -0.80:
        # nothing of the trunk or the clothes reaches above -1.02
        return min(smin(head_distance, nape, 0.07), y + 1.02)
    trunk = body.torso(p, x, y, z)
    rough = min(trunk, nape)
    if rough > 0.70:
        return min(head_distance, rough - 0.42)
    skin = smin(nape, trunk, 0.22)
    d = smin(head_distance, skin, 0.07)
    d = min(d, body.clothes(p, x, y, z, trunk))
    if p.neckline == 5.0 or p.neckline == 3.0:
        d = min(d, body.inner(x, y, z, trunk))
    if p.scarf > 0.0:
        d = min(d, body.shawl(x, y, z))
    if p.necklace > 0.0:
        d = min(d, body.necklace(p, x, y, z, skin))
    return d


@device
def distance(p: Params, x: float, y: float, z: float) -> float:
    """Return (a lower bound of) the distance from a point of the head's frame to the portrait."""
    d = length3(x, y - p.bound_y, z + 0.12) - p.bound_r
    if d < 0.25:
        d = head_parts(p, x, y, z)
    q = to_body(p, x, y, z)
    if q.y > -0.40:
        return min(d, q.y + 0.62)
    return body_parts(p, q.x, q.y, q.z, d)


@device
def material(p: Params, x: float, y: float, z: float) -> int:
    """Return the part that lies nearest to a surface point."""
    bare = head.base(p, x, y, z)
    best = head.face(p, x, y, z, bare)
    part = SKIN
    d = head.eyeball(p, x, y, z)
    if d < best and z > 0.0:
        best = d
        part = EYE
    if p.wrap > 0.0:
        d = hair.wrap(p, x, y, z, bare)
        if d < best:
            best = d
            part = WRAP
        if p.under > 0.0:
            d = under_cap(p, x, y, z, bare)
            if d < best:
                best = d
                part = UNDER
    if p.cap > 0.0 or p.top > 0.0 or p.curtain > 0.0:
        d = hair.hair(p, x, y, z, bare)
        if d < best:
            best = d
            part = HAIR
    if p.beard > 0.0 or p.goatee > 0.0 or p.moustache > 0.0:
        d = hair.beard(p, x, y, z, bare)
        if d < best:
            best = d
            part = BEARD
    return worn(p, x, y, z, bare, best, part)


@device
def worn(p: Params, x: float, y: float, z: float, bare: float, best: float, part: int) -> int:
    """Return the nearest part once things worn and the body are taken in, given the nearest part of the head."""
    if p.glasses > 0.0 and bare < 0.6:
        d = body.glasses(p, x, y, z)
        if d < best:
            best = d
            part = GLASSES
    if p.earring > 0.0:
        d = body.earring(p, x, y, z)
        if d < best:
            best = d
            part = METAL
    if p.hat > 0.0:
        d = body.hat(p, x, y, z, cover(p, y, bare))
        if d < best:
            best = d
            part = HAT
    q = to_body(p, x, y, z)
    if q.y > -0.40:
        return part
    trunk = body.torso(p, q.x, q.y, q.z)
    skin = smin(body.neck(p, q.x, q.y, q.z), trunk, 0.22)
    if skin < best:
        best = skin
        part = NECK
    if p.neckline == 5.0 or p.neckline == 3.0:
        d = body.inner(q.x, q.y, q.z, trunk)
        if d < best:
            best = d
            part = INNER
    d = body.clothes(p, q.x, q.y, q.z, trunk)
    if d < best:
        best = d
        part = CLOTH
    if p.scarf > 0.0 and body.shawl(q.x, q.y, q.z) < best:
        best = body.shawl(q.x, q.y, q.z)
        part = SHAWL
    if p.necklace > 0.0 and body.necklace(p, q.x, q.y, q.z, skin) < best:
        part = METAL
    return part


class Normal(NamedTuple):
    """A unit vector perpendicular to the surface."""

    x: float
    y: float
    z: float


@device
def normal(p: Params, x: float, y: float, z: float, e: float, here: float) -> Normal:
    """Return the surface's normal by forward differences over `e`; `here` is the distance at the point itself."""
    nx = distance(p, x + e, y, z) - here
    ny = distance(p, x, y + e, z) - here
    nz = distance(p, x, y, z + e) - here
    s = 1.0 / (math.sqrt(nx * nx + ny * ny + nz * nz) + 1e-12)
    return Normal(nx * s, ny * s, nz * s)


@device
def prepare(p: Params) -> None:
    """Fill all derived fields of a record."""
    cy, sy = math.cos(p.yaw), math.sin(p.yaw)
    cx, sx = math.cos(p.pitch), math.sin(p.pitch)
    cz, sz = math.cos(p.roll), math.sin(p.roll)
    # head to world: roll * yaw * pitch
    p.h00, p.h01, p.h02 = cz * cy, -sz * cx + cz * sy * sx, sz * sx + cz * sy * cx
    p.h10, p.h11, p.h12 = sz * cy, cz * cx + sz * sy * sx, -cz * sx + sz * sy * cx
    p.h20, p.h21, p.h22 = -sy, cy * sx, cy * cx
    cb, sb = math.cos(p.body_yaw), math.sin(p.body_yaw)
    # body = world turned back by the body's yaw
    p.b00, p.b01, p.b02 = cb * p.h00 - sb * p.h20, cb * p.h01 - sb * p.h21, cb * p.h02 - sb * p.h22
    p.b10, p.b11, p.b12 = p.h10, p.h11, p.h12
    p.b20, p.b21, p.b22 = sb * p.h00 + cb * p.h20, sb * p.h01 + cb * p.h21, sb * p.h02 + cb * p.h22
    p.body_x, p.body_y, p.body_z = -sb * PIVOT_Z, PIVOT_Y, cb * PIVOT_Z
    # the key light is given relative to the camera
    lx = math.cos(p.light_el) * math.sin(p.light_az)
    ly = math.sin(p.light_el)
    lz = math.cos(p.light_el) * math.cos(p.light_az)
    p.light_x = p.h00 * lx + p.h10 * ly + p.h20 * lz
    p.light_y = p.h01 * lx + p.h11 * ly + p.h21 * lz
    p.light_z = p.h02 * lx + p.h12 * ly + p.h22 * lz
    p.up_x, p.up_y, p.up_z = p.h10, p.h11, p.h12
    # the camera in the head's frame
    wy, wz = -PIVOT_Y, 8.0 - PIVOT_Z
    p.cam_x = p.h10 * wy + p.h20 * wz
    p.cam_y = p.h11 * wy + p.h21 * wz + PIVOT_Y
    p.cam_z = p.h12 * wy + p.h22 * wz + PIVOT_Z
    p.half = HALF / p.scale
    head.prepare_head(p)
