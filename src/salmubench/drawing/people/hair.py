"""Hair as one parametric shape: cap, curtain, top volume, buns, tails and a displacement (strands, curls, locs)."""

from __future__ import annotations

import math

from salmubench.drawing.jit import device, inlined
from salmubench.drawing.people import head
from salmubench.drawing.people.params import Params
from salmubench.drawing.sdf import (
    bell,
    clamp,
    cone,
    ellipse,
    ellipsoid,
    length3,
    mix,
    psin,
    scaled_ellipsoid,
    smax,
    smin,
    smooth_abs,
    smoothstep,
    sphere,
)

FAR = 1e3


@inlined
def hairline(p: Params, x: float, y: float, z: float) -> float:
    """Return how far a point of the scalp lies outside the hair's edge (positive: bare skin)."""
    sx = smooth_abs(x)
    temple = smoothstep(0.08, 0.40, sx) * (1.0 - smoothstep(0.46, 0.72, sx))
    side = p.part_deep * (smoothstep(-0.45, 0.45, (x - p.part_x)) - 0.5)
    edge = p.line_y + p.recede * temple - p.peak * bell(x, 0.26) - side
    return 0.66 * (edge - y) + 0.75 * p.line_tilt * (z - 0.6)


@device
def cap(p: Params, x: float, y: float, z: float, bare: float) -> float:
    """Return the distance to the hair lying on the skull."""
    high = smoothstep(-0.20, 0.90, y)
    thick = mix(p.cap_side, p.cap_top, high)
    thick += p.sweep * smoothstep(0.0, 0.75, z) * smoothstep(0.35, 0.95, y)
    if p.part_deep != 0.0:
        thick -= 0.030 * bell(x - p.part_x, 0.085) * smoothstep(0.45, 0.8, y) * smoothstep(-0.4, 0.2, z)
    d = smax(bare - thick, hairline(p, x, y, z), p.taper)
    d = smax(d, 0.8 * (p.nape_y - y), 0.06)
    if p.crown_cut > 0.0:
        d = smax(d, 0.8 * (y - p.crown_cut) + 0.45 * (z + 0.25), 0.05)
    if p.shave > 0.0:
        d = smax(d, smooth_abs(x) - p.shave, 0.08)
    return d


@device
def curtain(p: Params, x: float, y: float, z: float) -> float:
    """Return the distance to hair that hangs from the skull: a widening column with the face and neck cut out."""
    sx = smooth_abs(x)
    fall = max(0.25 - y, 0.0)
    grow = p.cur_flare * fall
    if p.wave > 0.0:
        grow += p.wave * psin(p.wave_f * y + 1.7 * z + p.hair_seed) * smoothstep(0.1, 0.6, fall)
    d = ellipse(sx - grow * 0.6, z + p.cur_z, p.cur_rx + 0.4 * grow, p.cur_rz + 0.5 * grow)
    if d > 0.45:
        return d - 0.2
    ragged = 0.03 * psin(17.0 * sx + 11.0 * z)
    d = smax(d, -p.cur_len + ragged - y, 0.16)
    d = smax(d, ellipsoid(sx - 0.6 * grow, max(y - 0.20, 0.0), z + 0.14, p.cur_rx + 0.10, 0.86, p.cur_rz + 0.12), 0.20)
    d = smax(d, z - p.cur_front - 0.10 * smoothstep(-1.2, -0.3, y), 0.14)
    tunnel = ellipse(sx, z - 0.50, p.cur_tunnel, 0.86)
    return smax(d, -tunnel, 0.10)


@device
def tail(
    p: Params,
    x: float,
    y: float,
    z: float,
) -> float:
    """Return the distance to a tail of two cones (pony tail, plait, pigtails)."""
    sx = smooth_abs(x) if p.tail_mirror > 0.0 else x
    d = cone(sx, y, z, p.t0_x, p.t0_y, p.t0_z, p.t1_x, p.t1_y, p.t1_z, p.t_r0, p.t_r1)
    low = cone(sx, y, z, p.t1_x, p.t1_y, p.t1_z, p.t2_x, p.t2_y, p.t2_z, p.t_r1, p.t_r2)
    d = smin(d, low, 0.05)
    if p.braid > 0.0 and d < 0.25:
        along = length3(sx - p.t0_x, y - p.t0_y, z - p.t0_z)
        d -= p.braid * (abs(psin(10.0 * along + 1.2 * psin(9.0 * (z - p.t1_z) + 4.0 * (sx - p.t1_x)))) - 0.6)
    return d


@device
def displacement(p: Params, x: float, y: float, z: float) -> float:
    """Return how far the hair's surface is pushed out by strands, waves, curls, spikes, locs or rows."""
    push = 0.0
    if p.strand > 0.0 or p.locs > 0.0:
        angle = math.atan2(x, z + 0.25 + 0.35 * y * (1.0 - smoothstep(0.3, 0.9, y)))
        bend = 0.6 * psin(2.1 * y + p.hair_seed)
        spread = smoothstep(0.05, 0.40, math.sqrt(x * x + (z + 0.25) * (z + 0.25)))
        push += p.strand * spread * psin(p.strand_f * angle + bend + 0.5 * psin(7.0 * angle))
        if p.locs > 0.0:
            push += p.locs * (abs(psin(13.0 * angle + 0.5 * psin(5.0 * y))) - 0.55)
            push += 0.25 * p.locs * psin(16.0 * y + 7.0 * psin(6.0 * angle))
    if p.curl > 0.0:
        f = p.curl_f
        wx = x + 0.07 * psin(5.0 * y + p.hair_seed)
        wy = y + 0.07 * psin(5.0 * z + 1.3)
        wz = z + 0.07 * psin(5.0 * x + 2.1)
        push += p.curl * (
            psin(f * wx + 0.7) * psin(f * wy) + psin(f * wy + 2.0) * psin(f * wz + 0.4) + psin(f * wz) * psin(f * wx)
        )
    if p.spike > 0.0:
        push += p.spike * smoothstep(0.35, 0.9, y) * (psin(9.0 * x + 4.0 * z) * psin(8.0 * z - 3.0 * x + 0.8) + 0.25)
    if p.rows > 0.0:
        push += p.rows * (abs(psin(9.5 * x * (1.0 + 0.15 * z))) - 0.62)
    return push


@device
def hair(p: Params, x: float, y: float, z: float, bare: float) -> float:
    """Return the distance to all hair of the head, given the distance `bare` to the bare head."""
    if bare > 0.85 and p.curtain + p.top + p.bun + p.tail == 0.0:
        return bare - 0.50
    d = FAR
    if p.cap > 0.0:
        d = cap(p, x, y, z, bare)
    if p.curtain > 0.0:
        d = smin(d, curtain(p, x, y, z), 0.12)
    if p.top > 0.0:
        d = smin(d, scaled_ellipsoid(x - p.top_x, y - p.top_y, z - p.top_z, p.top_ix, p.top_iy, p.top_iz), 0.14)
        if p.cap > 0.0 or p.top > 1.0:
            # volume may hang over the forehead's edge but not over the face
            d = smax(d, hairline(p, x, y, z) - 0.02, 0.06)
    if p.bun > 0.0:
        bx = smooth_abs(x) if p.bun_mirror > 0.0 else x
        d = smin(d, sphere(bx - p.bun_x, y - p.bun_y, z - p.bun_z, p.bun_r), 0.06)
    if p.tail > 0.0:
        d = smin(d, tail(p, x, y, z), 0.05)
    if d < 0.16:
        push = displacement(p, x, y, z)
        # the push fades out towards the range's border, so that the field stays continuous
        d -= push * clamp((0.16 - d) / 0.06, 0.0, 1.0)
        d *= 0.86
    return d


@device
def scarf(p: Params, x: float, y: float, z: float, bare: float) -> float:
    """Return the distance to a headscarf: a hood over skull, neck and chest with an oval cut for the face."""
    sx = smooth_abs(x)
    d = ellipsoid(x, y - 0.22, z + 0.14, p.cran_w + 0.10, p.cran_h + 0.10 + p.wrap_top, p.cran_d + 0.10 + p.wrap_back)
    d = smin(d, bare - 0.075, 0.14)
    d = smin(d, cone(x, y, z, 0.0, -0.85, -0.05, 0.0, -1.65, -0.08, 0.52, 0.66 + 0.1 * p.wrap_drape), 0.30)
    if p.wrap_drape > 0.0:
        fall = cone(sx, y, z, 0.18, -1.25, 0.28, 0.52, -1.95, 0.36, 0.18, 0.16)
        d = smin(d, fall, 0.22)
    if d < 0.2:
        ring = math.sqrt(x * x * 1.6 + (y + 0.08) * (y + 0.08))
        swing = 15.0 * ring + 2.2 * psin(2.2 * x + 1.5 * y + p.hair_seed)
        fold = p.wrap_fold * psin(swing) * (0.35 + 0.65 * smoothstep(-0.4, -1.3, y))
        fold += 0.6 * p.wrap_fold * psin(9.0 * (y + 0.8 * x) + p.hair_seed) * smoothstep(-0.9, -1.5, y)
        d -= fold * clamp((0.2 - d) / 0.08, 0.0, 1.0)
    w = p.wrap_open
    oval = max(ellipse(x, y + 0.10, 0.555 * w * (p.face_w / 0.65), 0.80 * w), -0.06 - z)
    rim = 0.035 - math.sqrt(oval * oval + (0.0 if z > 0.0 else z * z))
    d = smax(d, -oval, 0.07) - 0.4 * max(rim, 0.0)
    if p.wrap_pin > 0.0:
        d = min(d, sphere(x - 0.50 * p.wrap_pin, y + 0.98, z - 0.42, 0.05) + 0.01)
    return 0.9 * d


@device
def turban(p: Params, x: float, y: float, z: float) -> float:
    """Return the distance to a turban: a tall wound volume with slanting folds that meet above the forehead."""
    d = ellipsoid(x, y - 0.52, z + 0.14, p.cran_w + 0.17, p.cran_h - 0.02 + p.wrap_top, p.cran_d + 0.13 + p.wrap_back)
    sx = smooth_abs(x)
    low = 0.70 * (0.36 + 0.14 * p.wrap_drape - 0.26 * sx - y) + 0.42 * (z - 0.5)
    if d < 0.2:
        slant = 17.0 * (y + (0.75 - 0.25 * p.wrap_drape) * sx * smoothstep(-0.3, 0.5, z)) + 0.8 * psin(3.0 * x)
        d -= p.wrap_fold * 1.4 * psin(slant) * clamp((0.2 - d) / 0.08, 0.0, 1.0)
    return 0.86 * smax(d, low, 0.10)


@device
def headwrap(p: Params, x: float, y: float, z: float) -> float:
    """Return the distance to a tied head wrap: a snug cap with folds and a knot on top or at the side."""
    d = ellipsoid(x, y - 0.30, z + 0.16, p.cran_w + 0.10, p.cran_h + 0.06 + p.wrap_top, p.cran_d + 0.08 + p.wrap_back)
    low = 0.72 * (0.42 - y) + 0.62 * (z - 0.6)
    knot_y = 0.98 + p.wrap_top
    kx = x - 0.34 * p.wrap_knot
    knot = ellipsoid(kx, y - knot_y, z - 0.28, 0.30, 0.17, 0.20)
    wing = ellipsoid(abs(kx) - 0.24, y - knot_y - 0.10, z - 0.26, 0.20, 0.13, 0.09)
    d = smax(d, low, 0.07)
    d = smin(d, smin(knot, wing, 0.08), 0.07)
    if d < 0.2:
        slant = 12.0 * (y - 0.55 * x * p.wrap_drape) + 1.2 * psin(4.0 * x + p.hair_seed)
        d -= p.wrap_fold * 1.2 * psin(slant) * clamp((0.2 - d) / 0.08, 0.0, 1.0)
    return 0.86 * d


@device
def wrap(p: Params, x: float, y: float, z: float, bare: float) -> float:
    """Return the distance to the person's head covering (1 headscarf, 2 turban, 3 head wrap)."""
    if p.wrap == 1.0:
        return scarf(p, x, y, z, bare)
    if p.wrap == 2.0:
        return turban(p, x, y, z)
    return headwrap(p, x, y, z)


@device
def beard(p: Params, x: float, y: float, z: float, bare: float) -> float:
    """Return the distance to beard, goatee and moustache."""
    if bare > 0.5:
        return bare - 0.38
    sx = smooth_abs(x)
    d = FAR
    drop = 0.10 * p.open
    if p.beard > 0.0 or p.goatee > 0.0:
        thick = p.beard_thick * smoothstep(-0.10, -0.80, y)
        if p.close > 0.0:  # thins out towards the corners of the jaw, where it would end as if cut off
            thick *= smoothstep(-0.05, 0.40, z)
        d = bare - thick - 0.012
        if p.beard_len > 0.0:
            d = smin(d, cone(x, y, z, 0.0, p.chin_y - drop, 0.36, 0.0, p.chin_y - p.beard_len, 0.40, 0.24, 0.12), 0.22)
        if p.beard > 0.0:
            cheek = 0.72 * (y - p.beard_cheek - 1.15 * max(sx - 0.34, 0.0))
            back = 0.06 - z - 0.30 * smoothstep(-0.35, -0.85, y)
            if p.close > 0.0:  # nor does it end along a straight line in front of the ear
                back += 0.035 * psin(15.0 * y + 2.0 * psin(6.0 * y)) - 0.02
            d = smax(smax(d, cheek, 0.09), 0.7 * back, 0.16)
        else:
            d = smax(d, ellipsoid(x, y - p.chin_y - 0.12 + drop, z - 0.52, 0.25, 0.30, 0.42), 0.06)
        clear = ellipsoid(
            x, y - p.mouth_y + 0.5 * p.hl, z - p.mouth_z, 1.04 * p.mouth_hw, p.beard_mouth + 0.6 * p.hl, 0.32
        )
        d = smax(d, -clear, 0.05)
    if p.moustache > 0.0:
        my = p.mouth_y + p.lip_u * 1.7 + p.hu + 0.055
        mid_x = 0.55 * p.mouth_hw
        tip_x = p.mou_len * p.mouth_hw
        r = p.mou_r
        z0, z1, z2 = p.mouth_z + 0.045, head.mouth_depth(p, mid_x) + 0.070, head.mouth_depth(p, tip_x) + 0.065
        m = cone(sx, y, z, 0.03, my, z0, mid_x, my - 0.012, z1, r, 0.95 * r)
        m = smin(m, cone(sx, y, z, mid_x, my - 0.012, z1, tip_x, my - 0.05 - p.mou_drop, z2, 0.95 * r, 0.45 * r), 0.02)
        d = smin(d, m, 0.03)
    if d < 0.12:
        push = 0.012 * psin(26.0 * sx + 5.0 * y) + p.beard_curl * psin(21.0 * x + 3.0 * y) * psin(19.0 * y + 2.0 * z)
        d -= push * clamp((0.12 - d) / 0.05, 0.0, 1.0)
        d *= 0.86
    return d
