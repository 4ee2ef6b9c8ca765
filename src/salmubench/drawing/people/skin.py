"""Colour of skin and eyes: tone, lips, brows, lashes, marks, lines of age, stubble, make-up, iris."""

from __future__ import annotations

import math

from salmubench.drawing.jit import device
from salmubench.drawing.people import hair, head
from salmubench.drawing.people.finish import Finish, bump, line
from salmubench.drawing.people.params import Params
from salmubench.drawing.sdf import (
    capsule2,
    hash2,
    mix,
    noise2,
    psin,
    smoothstep,
)


@device
def brow(p: Params, sx: float, y: float) -> float:
    """Return 0..1: how much a point is covered by the brow's hair."""
    inner_x = p.brow_gap
    mid_x = p.brow_gap + 0.62 * p.brow_len
    end_x = p.brow_gap + p.brow_len
    y0 = p.brow_y - 0.10 * p.frown * 0.5 - 0.5 * p.brow_tilt
    y1 = p.brow_y + p.brow_arch + 0.3 * p.brow_tilt
    y2 = p.brow_y + 0.15 * p.brow_arch + 0.5 * p.brow_tilt - 0.03
    t = p.brow_thick
    d = min(
        capsule2(sx, y, inner_x, y0, mid_x, y1, 0.9 * t, 0.85 * t),
        capsule2(sx, y, mid_x, y1, end_x, y2, 0.85 * t, 0.18 * t),
    )
    hairs = 0.5 + 0.5 * psin(150.0 * sx + 60.0 * y + 5.0 * psin(13.0 * sx + 21.0 * y))
    return p.brow_dense * smoothstep(0.010, -0.014, d + 0.008 * hairs) * (0.84 + 0.16 * hairs)


@device
def lines(p: Params, sx: float, x: float, y: float) -> float:
    """Return 0..1: how much the wrinkles of age and expression darken a point."""
    a = p.age
    smile = max(p.smile, 0.0)
    w = 0.0
    fold_x = p.nose_w + p.nose_ala + 0.03 + 0.62 * (p.nose_y + 0.02 - y)
    span = smoothstep(p.nose_y + 0.04, p.nose_y - 0.03, y) * smoothstep(p.mouth_y - 0.12, p.mouth_y + 0.04, y)
    w += (0.55 * a + 0.22 * smile) * span * line(sx - fold_x, 0.016 + 0.010 * a)
    if a > 0.12:
        if y > 0.28:
            level = (y - 0.40) / 0.085 + 0.35 * psin(3.0 * x + 1.0)
            near = level - math.floor(level + 0.5)
            w += (
                0.50
                * a
                * line(near, 0.13)
                * smoothstep(0.55, 0.1, sx)
                * smoothstep(0.30, 0.37, y)
                * smoothstep(0.72, 0.6, y)
            )
        crow_x = sx - p.eye_x - 1.12 * p.eye_r
        fan = (y - 0.01) / (0.16 + crow_x)
        near = 3.2 * fan - math.floor(3.2 * fan + 0.5)
        w += (
            (0.45 * a + 0.15 * smile)
            * line(near, 0.16)
            * smoothstep(0.0, 0.04, crow_x)
            * smoothstep(0.19, 0.09, crow_x)
            * smoothstep(0.16, 0.10, abs(y))
        )
        bag = math.sqrt((sx - p.eye_x) ** 2 + (1.25 * (y + 0.02)) ** 2) - 1.42 * p.eye_r
        w += 0.55 * a * p.bags * line(bag, 0.020) * smoothstep(-0.04, -0.12, y)
        w += (
            0.40
            * a
            * line(sx - p.mouth_hw - 0.05 - 0.25 * (p.mouth_y - y), 0.018)
            * smoothstep(p.mouth_y + 0.02, p.mouth_y - 0.05, y)
            * smoothstep(p.mouth_y - 0.22, p.mouth_y - 0.1, y)
        )
    if p.frown > 0.1 and abs(y - 0.17) < 0.2:
        w += 0.5 * p.frown * line(sx - 0.07, 0.016) * line(y - 0.17, 0.09)
    return min(w, 1.0)


@device
def scattered(p: Params, x: float, y: float) -> float:
    """Return 0..1: freckles of all sizes that follow no grid, as a close look needs them.

    Each cell has one anywhere in it, so that those of the cells around reach into a point's own.
    """
    u, v = 20.0 * (0.8 * x + 0.6 * y), 20.0 * (0.8 * y - 0.6 * x)  # aslant: no rows along the face
    iu, iv = math.floor(u), math.floor(v)
    w = 0.0
    for k in range(9):
        cu, cv = iu + (k % 3) - 1.0, iv + (k // 3) - 1.0
        h = hash2(cu, cv, p.freckle_seed)
        du = u - cu - hash2(cu, cv, p.freckle_seed + 1.0)
        dv = v - cv - hash2(cu, cv, p.freckle_seed + 2.0)
        w = max(w, (0.35 + 0.4 * h) * bump(du * du + dv * dv, 0.10 + 0.26 * h * h))
    return w


@device
def spots(p: Params, x: float, y: float, z: float) -> float:
    """Return 0..1: how much freckles and moles darken a point."""
    w = 0.0
    if p.freckles > 0.0:
        zone = bump((abs(x) - 0.30) ** 2 * 0.8 + (y + 0.24) ** 2, 0.24) + 0.8 * bump(x * x + (y + 0.22) ** 2, 0.17)
        zone = min(zone + 0.15 * p.freckles, 1.0)
        if p.close > 0.0:
            w += p.freckles * zone * scattered(p, x, y)
        else:
            cx = x * 22.0
            cy = y * 22.0
            ix = math.floor(cx)
            iy = math.floor(cy)
            h = hash2(ix, iy, p.freckle_seed)
            if h < 0.75:
                ox = ix + 0.3 + 0.4 * hash2(ix, iy, p.freckle_seed + 1.0)
                oy = iy + 0.3 + 0.4 * hash2(ix, iy, p.freckle_seed + 2.0)
                w += p.freckles * zone * 0.60 * bump((cx - ox) ** 2 + (cy - oy) ** 2, 0.24 + 0.16 * h)
    if p.mole1_r > 0.0:
        w += 0.85 * smoothstep(p.mole1_r, 0.5 * p.mole1_r, math.sqrt((x - p.mole1_x) ** 2 + (y - p.mole1_y) ** 2))
    if p.mole2_r > 0.0:
        w += 0.80 * smoothstep(p.mole2_r, 0.5 * p.mole2_r, math.sqrt((x - p.mole2_x) ** 2 + (y - p.mole2_y) ** 2))
    return min(w, 1.0) * smoothstep(0.0, 0.25, z)


@device
def mouth_inside(p: Params, sx: float, y: float, z: float) -> int:
    """Return 0 outside the mouth's opening, else 1 for its dark inside, 2 for teeth, 3 for the tongue."""
    if p.open < 0.05 or sx > p.mouth_hw or z < 0.2:
        return 0
    depth = head.mouth_depth(p, sx)
    centre = head.mouth_line(p, sx)
    half = head.mouth_half(p, sx)
    if z > depth - 0.030 or y > centre + p.hu * half + 0.02 or y < centre - p.hl * half - 0.02:
        return 0
    if abs(y - p.mouth_y - 0.5 * p.hu + 0.02) < 0.052 and z > depth - 0.075:
        return 2
    if y < p.mouth_y - 0.35 * p.hl and z > depth - 0.15 and sx < 0.6 * p.mouth_hw:
        return 3
    return 1


@device
def skin(p: Params, x: float, y: float, z: float) -> Finish:
    """Return the finish of a point of the head's skin: tone, lips, brows, lashes, marks, lines, stubble, make-up."""
    sx = math.sqrt(x * x + 0.0016) - 0.04
    r, g, b = p.skin_r, p.skin_g, p.skin_b
    inside = mouth_inside(p, sx, y, z)
    if inside == 2:
        edge = abs(((sx + 0.035) / 0.07) - math.floor(((sx + 0.035) / 0.07) + 0.5))
        shade = (1.0 - 0.35 * line(edge, 0.10)) * mix(1.0, 0.45, (sx / p.mouth_hw) ** 2)
        tone = 0.62 + 0.12 * (r + g + b) / 2.0
        return Finish(tone * shade, 0.95 * tone * shade, 0.86 * tone * shade, 0.25, 40.0, 0)
    if inside == 3:
        return Finish(0.42, 0.16, 0.15, 0.15, 20.0, 0)
    if inside == 1:
        return Finish(0.085, 0.028, 0.026, 0.0, 1.0, 0)
    front = smoothstep(-0.05, 0.25, z)
    mottle = 0.035 * (noise2(9.0 * x + 3.0, 9.0 * y, p.freckle_seed) - 0.5)
    r *= 1.0 + mottle
    g *= 1.0 + 1.2 * mottle
    b *= 1.0 + 1.2 * mottle
    # blood near the surface: cheeks, tip of the nose, ears
    red = p.blush * bump((sx - 0.42) ** 2 + 1.4 * (y + 0.28 - 0.03 * p.smile) ** 2, 0.22) * front
    red += 0.45 * p.blush * bump(x * x + (y - p.nose_y) ** 2, 0.10) * front
    red += 0.5 * smoothstep(p.ear_x - 0.04, p.ear_x + 0.08, sx) * p.blush
    g *= 1.0 - 0.30 * min(red, 1.0)
    b *= 1.0 - 0.26 * min(red, 1.0)
    if p.vitiligo > 0.0:
        patch = smoothstep(0.56, 0.62, noise2(2.6 * abs(x) + 1.0, 2.6 * y + 0.4 * x, p.freckle_seed + 5.0)) * p.vitiligo
        r, g, b = mix(r, 0.80, 0.6 * patch), mix(g, 0.58, 0.6 * patch), mix(b, 0.47, 0.6 * patch)
    gloss = 0.16
    power = 18.0
    if z > 0.0:
        dark = 1.0 - 0.52 * lines(p, sx, x, y)
        r, g, b = r * mix(1.0, dark, 0.82), g * dark, b * dark
        mark = spots(p, x, y, z)
        r, g, b = mix(r, 0.42 * r, mark), mix(g, 0.28 * g, mark), mix(b, 0.22 * b, mark)
        if p.scar > 0.0:
            c, s = math.cos(p.scar_angle), math.sin(p.scar_angle)
            along = c * (x - p.scar_x) + s * (y - p.scar_y)
            across = c * (y - p.scar_y) - s * (x - p.scar_x) + 0.012 * psin(30.0 * along)
            cut = line(across, 0.013) * smoothstep(p.scar_len, 0.8 * p.scar_len, abs(along))
            r, g, b = (
                mix(r, min(1.25 * r + 0.05, 0.95), cut),
                mix(g, 0.80 * g + 0.03, cut),
                mix(b, 0.80 * b + 0.03, cut),
            )
    if p.stubble > 0.0:
        zone = smoothstep(p.nose_y + 0.02, p.nose_y - 0.10, y - 0.45 * max(sx - 0.30, 0.0)) * smoothstep(-0.15, 0.10, z)
        zone *= 1.0 - 0.9 * bump((sx / 1.4) ** 2 + (1.6 * (y - p.mouth_y)) ** 2, 0.75 * p.mouth_w)
        grain = 0.72 + 0.28 * hash2(math.floor(55.0 * x), math.floor(55.0 * y), 3.0)
        w = 0.48 * p.stubble * zone * grain
        r, g, b = (
            mix(r, 0.55 * p.beard_r + 0.16 * r, w),
            mix(g, 0.55 * p.beard_g + 0.17 * g, w),
            mix(b, 0.55 * p.beard_b + 0.19 * b, w),
        )
    if p.shade > 0.0:
        scalp = smoothstep(0.06, -0.04, hair.hairline(p, x, y, z)) * smoothstep(p.nape_y - 0.02, p.nape_y + 0.1, y)
        grain = 0.75 + 0.25 * hash2(math.floor(70.0 * x), math.floor(70.0 * y), 4.0)
        w = p.shade * scalp * grain
        r, g, b = (
            mix(r, p.hair_r * 0.7 + 0.12 * r, w),
            mix(g, p.hair_g * 0.7 + 0.12 * g, w),
            mix(b, p.hair_b * 0.7 + 0.12 * b, w),
        )
    if z > 0.1:
        return features(p, x, y, z, sx, r, g, b)
    return Finish(r, g, b, gloss, power, 1)


@device
def features(p: Params, x: float, y: float, z: float, sx: float, r: float, g: float, b: float) -> Finish:
    """Return the finish of the face's front: eye surroundings, brows and lips laid over the skin colour."""
    gloss = 0.16
    power = 18.0
    qx = abs(x) - p.eye_x
    radius = math.sqrt(qx * qx + y * y + (z - p.eye_z) ** 2)
    if radius < 2.0 * p.eye_r:
        out = head.opening(p, qx, y)
        v = (p.eye_c * y - p.eye_s * qx) / p.eye_r
        near = smoothstep(1.75 * p.eye_r, 1.20 * p.eye_r, radius)
        upper = smoothstep(-0.05, 0.12, v - 0.5 * (p.up - p.lo) * max(1.0 - 0.75 * (qx / p.eye_r) ** 2, 0.0))
        if p.shadow > 0.0:
            w = p.shadow * upper * smoothstep(0.75, 0.15, out) * near
            r, g, b = mix(r, p.shadow_r, w), mix(g, p.shadow_g, w), mix(b, p.shadow_b, w)
        lid = (
            p.fold
            * upper
            * line(out - 0.34 - 0.10 * (1.0 - p.squint), 0.055)
            * near
            * smoothstep(1.25, 0.8, abs(qx) / p.eye_r)
        )
        r, g, b = r * (1.0 - 0.50 * lid), g * (1.0 - 0.60 * lid), b * (1.0 - 0.60 * lid)
        under = (1.0 - upper) * near * (0.06 + 0.12 * p.bags)
        r, g, b = r * (1.0 - 0.7 * under), g * (1.0 - under), b * (1.0 - 0.8 * under)
        width = 0.06 + 0.16 * p.lash * upper
        lash = (
            smoothstep(width, 0.35 * width, out)
            * smoothstep(1.6 * p.eye_r, 1.35 * p.eye_r, radius)
            * (0.35 + 0.6 * upper)
        )
        r, g, b = mix(r, 0.018, lash), mix(g, 0.014, lash), mix(b, 0.014, lash)
    if y > 0.05:
        w = brow(p, sx, y)
        r, g, b = mix(r, p.brow_r, w), mix(g, p.brow_g, w), mix(b, p.brow_b, w)
    elif y < p.nose_y and sx < p.mouth_hw + 0.05:
        lip = head.lip_cover(p, sx, y)
        if lip > 0.0:
            seam = line(y - head.mouth_line(p, sx), 0.012) * smoothstep(0.12, 0.0, p.open)
            shade = 1.0 - 0.55 * seam
            lr, lg, lb = (
                mix(p.lip_r, p.lipstick_r, p.lipstick),
                mix(p.lip_g, p.lipstick_g, p.lipstick),
                mix(p.lip_b, p.lipstick_b, p.lipstick),
            )
            crease = 1.0 - 0.05 * (0.5 + 0.5 * psin(120.0 * x))
            shade *= crease
            r, g, b = mix(r, lr * shade, lip), mix(g, lg * shade, lip), mix(b, lb * shade, lip)
            gloss = mix(gloss, 0.22 + 0.25 * p.lipstick, lip)
            power = mix(power, 34.0, lip)
    return Finish(r, g, b, gloss, power, 1)


@device
def eye(p: Params, x: float, y: float, z: float) -> Finish:
    """Return the finish of the eyeball: white, iris with limbal ring and lower glow, pupil, shade of the lids."""
    side = 1.0 if x > 0.0 else -1.0
    qx = x - side * p.eye_x
    inv = 1.0 / p.eye_r
    ux, uy, uz = qx * inv, y * inv, (z - p.eye_z) * inv
    # eyes converge a little
    gx = p.gaze_x - 0.05 * side
    dx, dy, dz = ux - gx, uy - p.gaze_y, uz - p.gaze_z
    rad = math.sqrt(dx * dx + dy * dy + dz * dz) / p.iris
    tone = 0.80
    r, g, b = tone, 0.965 * tone, 0.935 * tone
    corner = smoothstep(0.5, 1.0, abs(ux))
    g *= 1.0 - 0.16 * corner
    b *= 1.0 - 0.16 * corner
    if rad < 1.12:
        angle = math.atan2(dy, dx)
        fibre = 0.80 + 0.20 * psin(17.0 * angle + 3.0 * psin(5.0 * angle)) * smoothstep(0.3, 0.7, rad)
        glow = 0.62 + 0.75 * smoothstep(0.3, -0.9, dy / p.iris)
        ring = mix(1.0, 0.28, smoothstep(0.76, 0.98, rad))
        ir, ig, ib = p.iris_r * fibre * glow * ring, p.iris_g * fibre * glow * ring, p.iris_b * fibre * glow * ring
        pupil = smoothstep(0.48, 0.40, rad)
        ir, ig, ib = mix(ir, 0.006, pupil), mix(ig, 0.006, pupil), mix(ib, 0.007, pupil)
        w = smoothstep(1.08, 0.96, rad)
        r, g, b = mix(r, ir, w), mix(g, ig, w), mix(b, ib, w)
    out = head.opening(p, abs(x) - p.eye_x, y)
    v = (p.eye_c * y - p.eye_s * (abs(x) - p.eye_x)) * inv
    shade = mix(0.40, 1.0, smoothstep(-0.02, -0.30 * max(v, 0.0) - 0.05, out)) * mix(
        1.0, 0.78, smoothstep(0.05, 0.40, v)
    )
    return Finish(r * shade, g * shade, b * shade, 0.5, 90.0, 3)
