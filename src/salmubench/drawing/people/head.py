"""The head without hair: skull, jaw, cheeks, ears, eye sockets and lids, nose, lips and mouth."""

from __future__ import annotations

import math

from salmubench.drawing.jit import device, inlined
from salmubench.drawing.people.params import Params
from salmubench.drawing.sdf import (
    bell,
    clamp,
    cone,
    ellipsoid,
    length3,
    mix,
    scaled_ellipsoid,
    smax,
    smin,
    smooth_abs,
    smoothstep,
    sphere,
)


@device
def base(p: Params, x: float, y: float, z: float) -> float:
    """Return the distance to the head without details: cranium, face, jaw, chin and cheeks blended."""
    sx = smooth_abs(x)
    drop = 0.10 * p.open
    d = scaled_ellipsoid(x, y - 0.26, z + 0.12, p.cran_iw, p.cran_ih, p.cran_id)
    d = smin(d, scaled_ellipsoid(x, y + 0.22, z - 0.12, p.face_iw, p.face_ih, 1.0 / 0.65), 0.20)
    jaw = scaled_ellipsoid(x, y - p.jaw_y + drop, z - 0.10, p.jaw_iw, p.jaw_ih, 1.0 / 0.54)
    chin = length3(max(sx - p.chin_w, 0.0), y - p.chin_y + drop, z - p.chin_z) - p.chin_r
    d = smin(d, smin(jaw, chin, 0.24), 0.26)
    lift = 0.05 * p.smile
    cheek = sphere(sx - p.cheek_x, y - p.cheek_y - lift, z - 0.42, p.cheek_r)
    d = smin(d, cheek, 0.22)
    if p.jowl > 0.0:
        d = smin(d, sphere(sx - 0.32, y - p.jaw_y + 0.10, z - 0.34, 0.09 + 0.08 * p.jowl), 0.18)
    return d


@device
def surface_z(p: Params, x: float, y: float) -> float:
    """Return the z at which the bare head is met at (x, y), coming from the viewer."""
    z = 1.6
    for _ in range(24):
        z -= base(p, x, y, z)
    return z


@device
def ears(p: Params, x: float, y: float, z: float) -> float:
    """Return the distance to both ears: a tilted bowl with a rim and a lobe."""
    sx = abs(x)
    s = p.ear_size
    lean = 0.28 + p.ear_out
    ux = sx - p.ear_x
    uz = z + 0.14
    qx = math.cos(lean) * ux + math.sin(lean) * uz
    qz = math.cos(lean) * uz - math.sin(lean) * ux
    qy = y - p.ear_y
    qz += 0.25 * qy
    outer = ellipsoid(qx, qy - 0.03, qz, 0.075 * s, 0.235 * s, 0.145 * s)
    inner = ellipsoid(qx - 0.06 * s, qy - 0.05 * s, qz - 0.02, 0.06 * s, 0.165 * s, 0.09 * s)
    d = smax(outer, -inner, 0.035)
    return smin(d, sphere(qx, qy + 0.17 * s, qz - 0.03, 0.055 * s), 0.05)


@inlined
def opening(p: Params, qx: float, qy: float) -> float:
    """Return how far a point beside the eye's centre lies outside the almond between the lids, in eye radii."""
    u = (p.eye_c * qx + p.eye_s * qy) / p.eye_r
    v = (p.eye_c * qy - p.eye_s * qx) / p.eye_r
    bow = 1.0 - 0.75 * u * u - 0.10 * u
    return max(v - p.up * bow, -v - p.lo * (1.0 - 0.75 * u * u))


@inlined
def mouth_line(p: Params, sx: float) -> float:
    """Return the height of the line between the lips at |x| = sx."""
    t = min(sx / p.mouth_hw, 1.15)
    return p.mouth_y + (0.085 * p.smile + 0.012 - 0.040 * p.frown) * (t * t - 0.30) * p.mouth_hw * 4.0


@inlined
def mouth_depth(p: Params, sx: float) -> float:
    """Return the z of the face at the mouth at |x| = sx."""
    t = min(sx / p.mouth_hw, 1.3)
    return p.mouth_z + (p.mouth_z1 - p.mouth_z) * t * t


@inlined
def mouth_half(p: Params, sx: float) -> float:
    """Return 0..1: the height of the mouth's opening at |x| = sx as a share of its height in the middle."""
    t = min(sx / (0.92 * p.mouth_hw), 1.0)
    return math.sqrt(1.0 - t * t)


@device
def lips(p: Params, x: float, y: float, z: float) -> float:
    """Return the distance to both lips: bent, tapering rolls that follow the face."""
    sx = smooth_abs(x) - 0.04 + 1e-6
    inside = clamp(sx, 0.0, p.mouth_hw)
    over = sx - inside
    t = inside / p.mouth_hw
    body = math.sqrt(max(1.0 - t * t, 0.0))
    line = mouth_line(p, inside)
    half = mouth_half(p, inside)
    depth = mouth_depth(p, inside)
    bow = 1.0 - p.lip_bow * bell(t, 0.30) + 0.5 * p.lip_bow * bell(t - 0.3, 0.38)
    ru = p.lip_u * (0.10 + 0.90 * body) * bow
    rl = p.lip_l * (0.10 + 0.90 * body)
    yu = y - (line + p.hu * half + 0.72 * ru)
    yl = y - (line - p.hl * half - 0.72 * rl)
    zu = z - (depth + 0.30 * ru)
    zl = z - (depth + 0.12 * rl)
    up = math.sqrt(over * over + yu * yu + 0.9 * zu * zu) - ru
    low = math.sqrt(over * over + yl * yl + 0.9 * zl * zl) - rl
    return min(up, low)


@inlined
def lip_cover(p: Params, sx: float, y: float) -> float:
    """Return 0..1: how much of a point of the face's front at |x| = sx is lip."""
    t = min(sx / p.mouth_hw, 1.0)
    body = math.sqrt(1.0 - t * t)
    line = mouth_line(p, sx)
    half = mouth_half(p, sx)
    bow = 1.0 - p.lip_bow * bell(t, 0.30) + 0.5 * p.lip_bow * bell(t - 0.3, 0.38)
    top = line + p.hu * half + 1.62 * p.lip_u * (0.10 + 0.90 * body) * bow
    low = line - p.hl * half - 1.62 * p.lip_l * (0.10 + 0.90 * body)
    return smoothstep(-0.010, 0.008, min(top - y, y - low)) * smoothstep(1.06, 0.98, sx / p.mouth_hw)


@device
def nose(p: Params, x: float, y: float, z: float) -> float:
    """Return the distance to the nose without nostrils: bridge, tip and the two wings."""
    sx = smooth_abs(x)
    tip_z = p.nose_z + p.nose_proj - p.nose_tip
    mid_y = 0.45 * p.nose_y
    mid_z = mix(p.nose_top_z, tip_z, 0.47) + p.nose_hump
    d = cone(x, y, z, 0.0, 0.06, p.nose_top_z - 0.01, 0.0, mid_y, mid_z, 0.045 + p.nose_bridge, 0.055 + p.nose_bridge)
    d = smin(d, cone(x, y, z, 0.0, mid_y, mid_z, 0.0, p.nose_y, tip_z, 0.05 + p.nose_bridge, p.nose_tip), 0.06)
    wing_z = p.nose_z + 0.30 * p.nose_proj - 0.01
    wing = ellipsoid(sx - p.nose_w, y - p.nose_y + 0.015, z - wing_z, p.nose_ala, 0.9 * p.nose_ala, 1.35 * p.nose_ala)
    return smin(d, wing, 0.09)


@device
def face(p: Params, x: float, y: float, z: float, bare: float) -> float:
    """Return the distance to the head's skin with all details, given the distance `bare` to `base`."""
    if bare > 0.50:
        return bare - 0.34
    d = bare
    sx = smooth_abs(x)
    if abs(x) > 0.30 and z < 0.45:
        d = smin(d, ears(p, x, y, z), 0.05)
    if z < 0.05:
        return d
    nx = sx - p.eye_x
    ny = y
    nz = z - p.eye_z
    # brow ridge, then a shallow socket in which lids and eyeball sit
    if p.ridge > 0.0:
        ridge = cone(
            sx, y, z, 0.10, 0.27, p.nose_top_z - 0.10, p.eye_x + 0.12, 0.27, p.eye_z - 0.02, 0.05, 0.03 + 0.03 * p.ridge
        )
        d = smin(d, ridge - 0.03 * p.ridge, 0.16)
    socket = length3(nx, 1.15 * (ny - 0.03), nz - 0.9 * p.eye_r) - 1.02 * p.eye_r
    d = smax(d, -socket, 0.20)
    # far from the nose a lower bound of its distance is enough
    d = smin(d, nose(p, x, y, z), 0.085) if sx < 0.52 and y > -0.85 else min(d, max(sx - 0.26, -0.58 - y))
    r = length3(nx, ny, nz)
    d = smin(d, r - 1.09 * p.eye_r, 0.055)
    if r < 2.2 * p.eye_r:
        hole = max(0.7 * p.eye_r * opening(p, nx, ny), r - 1.45 * p.eye_r)
        d = smax(d, -hole, 0.012)
    if y < 0.2:
        nostril = ellipsoid(
            sx - 0.60 * p.nose_w - 0.01,
            y - p.nose_y + 0.85 * p.nose_tip,
            z - p.nose_z - 0.50 * p.nose_proj + 0.01,
            0.034,
            0.030,
            0.05,
        )
        d = smax(d, -nostril, 0.03)
        d = mouth(p, x, y, z, d)
    return d


@device
def mouth(p: Params, x: float, y: float, z: float, skin: float) -> float:
    """Return the skin's distance `skin` with lips added, the mouth's opening cut and teeth and tongue put in."""
    sx = smooth_abs(x) - 0.04
    if abs(y - p.mouth_y) > 0.42 or sx > p.mouth_hw + 0.25:
        return min(skin, max(abs(y - p.mouth_y) - 0.20, sx - p.mouth_hw) + 0.05)
    d = smin(skin, lips(p, x, y, z), 0.028)
    line = mouth_line(p, sx)
    half = mouth_half(p, sx)
    depth = mouth_depth(p, sx)
    gap = max(y - line - p.hu * half, line - p.hl * half - y)
    cavity = max(max(0.75 * gap, depth - 0.16 - z), sx - p.mouth_hw)
    d = smax(d, -cavity, 0.018)
    if p.open > 0.05:
        rows = max(z - depth + 0.045, abs(y - p.mouth_y - 0.5 * p.hu + 0.02) - 0.05)
        d = min(d, max(0.8 * rows, sx - 0.80 * p.mouth_hw))
        tongue = ellipsoid(x, y - (p.mouth_y - p.hl - 0.02), z - depth + 0.12, 0.62 * p.mouth_hw, 0.07, 0.10)
        d = min(d, tongue)
    return d


@device
def eyeball(p: Params, x: float, y: float, z: float) -> float:
    """Return the distance to both eyeballs."""
    return sphere(abs(x) - p.eye_x, y, z - p.eye_z, p.eye_r)


@device
def prepare_head(p: Params) -> None:
    """Fill the fields that follow from the head's shape, so that every face is well formed."""
    p.cran_iw, p.cran_ih, p.cran_id = 1.0 / p.cran_w, 1.0 / p.cran_h, 1.0 / p.cran_d
    p.face_iw, p.face_ih = 1.0 / p.face_w, 1.0 / p.face_h
    p.jaw_iw, p.jaw_ih = 1.0 / p.jaw_w, 1.0 / p.jaw_h
    if p.top > 0.0:
        p.top_ix, p.top_iy, p.top_iz = 1.0 / p.top_rx, 1.0 / p.top_ry, 1.0 / p.top_rz
    tilt = p.eye_tilt
    p.eye_c = math.cos(tilt)
    p.eye_s = math.sin(tilt)
    p.eye_z = surface_z(p, p.eye_x, 0.0) - p.eye_deep * p.eye_r
    p.gaze_z = math.sqrt(max(1.0 - p.gaze_x * p.gaze_x - p.gaze_y * p.gaze_y, 0.1))
    p.up = mix(p.lid_up * (1.0 + 0.25 * p.raise_ - 0.30 * max(p.smile, 0.0) * 0.4), -p.lid_lo + 0.02, p.squint)
    p.lo = p.lid_lo * (1.0 - 0.22 * max(p.smile, 0.0))
    p.nose_y = -p.nose_len
    p.nose_z = surface_z(p, 0.0, p.nose_y)
    p.nose_top_z = surface_z(p, 0.0, 0.06)
    p.mouth_y = p.nose_y - p.mouth_gap
    p.mouth_hw = p.mouth_w * (1.0 + 0.16 * max(p.smile, 0.0) - 0.16 * p.open)
    p.mouth_z = surface_z(p, 0.0, p.mouth_y)
    p.mouth_z1 = surface_z(p, p.mouth_hw, p.mouth_y)
    p.hu = 0.06 * p.open
    p.hl = 0.17 * p.open
    p.brow_y = p.brow_high + 0.055 * p.raise_ - 0.03 * p.frown
    p.gl_z = max(p.eye_z + 1.08 * p.eye_r, p.nose_top_z + 0.02)
    # ear position: where the side of the bare head is met at ear height
    s = 1.4
    for _ in range(24):
        s -= base(p, s, p.ear_y, -0.12)
    p.ear_x = s + 0.015
