"""Soft, out-of-focus backgrounds as functions of the picture plane."""

from __future__ import annotations

import math
from typing import NamedTuple

from salmubench.drawing.jit import device
from salmubench.drawing.people.params import Params
from salmubench.drawing.sdf import (
    hash2,
    mix,
    noise2,
    psin,
    smoothstep,
)


class Colour(NamedTuple):
    """Linear red, green, blue."""

    r: float
    g: float
    b: float


@device
def blend(a: Colour, b: Colour, t: float) -> Colour:
    """Return `a` at t=0 and `b` at t=1."""
    return Colour(mix(a.r, b.r, t), mix(a.g, b.g, t), mix(a.b, b.b, t))


@device
def scale(c: Colour, s: float) -> Colour:
    """Return a colour made brighter or darker."""
    return Colour(c.r * s, c.g * s, c.b * s)


@device
def sky(u: float, v: float, seed: float) -> Colour:
    """Return a sky with soft clouds; v grows upwards."""
    c = blend(Colour(0.62, 0.74, 0.86), Colour(0.16, 0.36, 0.68), smoothstep(-0.4, 1.2, v))
    cloud = 0.6 * noise2(1.3 * u + seed, 2.3 * v, seed) + 0.4 * noise2(3.1 * u, 5.0 * v + seed, seed + 1.0)
    return blend(c, Colour(0.88, 0.89, 0.91), 0.85 * smoothstep(0.48, 0.72, cloud))


@device
def hills(p: Params, u: float, v: float) -> Colour:
    """Return two lines of hills under a sky."""
    s = p.bg_seed
    c = sky(u, v, s)
    far = p.bg_level - 0.05 + 0.16 * psin(1.1 * u + s) + 0.07 * psin(2.7 * u + 2.0 * s)
    near = p.bg_level - 0.38 + 0.15 * psin(0.9 * u + 3.0 * s) + 0.05 * psin(3.7 * u + s)
    haze = blend(Colour(0.36, 0.46, 0.56), Colour(p.bg_b_r, p.bg_b_g, p.bg_b_b), 0.25)
    c = blend(c, haze, smoothstep(0.03, -0.03, v - far))
    ground = Colour(p.bg_a_r, p.bg_a_g, p.bg_a_b)
    ground = scale(ground, 0.65 + 0.6 * noise2(7.0 * u, 9.0 * v, s))
    return blend(c, ground, smoothstep(0.03, -0.03, v - near))


@device
def sea(p: Params, u: float, v: float) -> Colour:
    """Return a sea with sand in front."""
    s = p.bg_seed
    c = sky(u, v, s)
    level = p.bg_level - 0.15
    depth = level - v
    water = blend(Colour(0.10, 0.34, 0.46), Colour(0.20, 0.50, 0.55), smoothstep(0.0, 0.9, depth))
    water = scale(water, 0.9 + 0.25 * psin(30.0 * depth / (0.4 + depth) + 2.0 * psin(2.0 * u)))
    c = blend(c, water, smoothstep(-0.012, 0.012, depth))
    shore = depth - 0.62 - 0.07 * psin(1.5 * u + s)
    c = blend(c, Colour(0.85, 0.86, 0.85), 0.7 * smoothstep(0.05, 0.0, abs(shore)))
    return blend(c, Colour(0.62, 0.50, 0.34), smoothstep(0.0, 0.04, shore))


@device
def trees(p: Params, u: float, v: float) -> Colour:
    """Return foliage out of focus with light between trunks."""
    s = p.bg_seed
    # two turned grids hide the lattice of the noise
    ru, rv = 0.80 * u + 0.60 * v, 0.80 * v - 0.60 * u
    leaf = 0.5 * noise2(3.0 * u + s, 3.0 * v, s) + 0.5 * noise2(4.1 * ru, 4.1 * rv + s, s + 3.0)
    fine = noise2(9.0 * ru, 9.0 * rv + s, s + 1.0)
    green = blend(Colour(0.03, 0.07, 0.02), Colour(p.bg_a_r, p.bg_a_g, p.bg_a_b), 0.65 * leaf + 0.5 * fine)
    light = smoothstep(
        0.55,
        0.95,
        0.35 * noise2(2.2 * u, 2.2 * v + 2.0 * s, s + 2.0) + 0.4 * noise2(3.1 * ru, 3.1 * rv, s + 4.0) + 0.4 * fine,
    ) * smoothstep(-0.9, 0.6, v)
    c = blend(green, Colour(0.80, 0.86, 0.62), 0.8 * light)
    cell = math.floor(1.1 * u + s)
    centre = (cell + 0.25 + 0.5 * hash2(cell, 1.0, s) - s) / 1.1
    width = 0.06 + 0.07 * hash2(cell, 2.0, s)
    trunk = smoothstep(width, 0.6 * width, abs(u - centre - 0.05 * psin(2.0 * v)))
    return blend(c, Colour(0.10, 0.07, 0.05), 0.8 * trunk)


@device
def city(p: Params, u: float, v: float) -> Colour:
    """Return house fronts with windows under a pale sky."""
    s = p.bg_seed
    c = blend(Colour(0.74, 0.76, 0.78), Colour(0.36, 0.50, 0.68), smoothstep(0.0, 1.5, v))
    for layer in range(2):
        f = 1.5 - 0.5 * layer
        cell = math.floor(f * u + s + 0.37 * layer)
        tall = p.bg_level + 0.30 - 0.35 * layer + 0.75 * hash2(cell, 3.0 + layer, s)
        wall = blend(Colour(p.bg_a_r, p.bg_a_g, p.bg_a_b), Colour(p.bg_b_r, p.bg_b_g, p.bg_b_b), hash2(cell, 5.0, s))
        wall = scale(wall, 0.55 + 0.4 * hash2(cell, 6.0, s))
        wall = blend(wall, Colour(0.6, 0.66, 0.74), 0.40 - 0.25 * layer)
        wx = 6.0 * (f * u + s)
        wy = 5.5 * v
        pane = smoothstep(0.30, 0.20, abs(wx - math.floor(wx) - 0.5)) * smoothstep(
            0.34, 0.24, abs(wy - math.floor(wy) - 0.5)
        )
        lit = hash2(math.floor(wx), math.floor(wy), s)
        glass = blend(Colour(0.10, 0.13, 0.17), Colour(0.75, 0.68, 0.50), smoothstep(0.7, 0.8, lit))
        wall = blend(wall, glass, 0.75 * pane)
        c = blend(c, wall, smoothstep(0.02, -0.02, v - tall))
    return c


@device
def shelf(p: Params, u: float, v: float) -> Colour:
    """Return a wall of books."""
    s = p.bg_seed
    row = 2.1 * v + s
    iy = math.floor(row)
    fy = row - iy
    book = 5.2 * u + 7.0 * hash2(iy, 1.0, s)
    ix = math.floor(book)
    fx = book - ix
    tall = 0.58 + 0.28 * hash2(ix, iy, s + 1.0)
    hue = hash2(ix, iy, s + 2.0)
    c = blend(Colour(p.bg_a_r, p.bg_a_g, p.bg_a_b), Colour(p.bg_b_r, p.bg_b_g, p.bg_b_b), hue)
    c = blend(c, Colour(0.66, 0.62, 0.52), smoothstep(0.74, 0.80, hash2(ix, iy, s + 3.0)))
    c = scale(c, (0.45 + 0.55 * hash2(ix, iy, s + 4.0)) * smoothstep(0.02, 0.14, fx) * smoothstep(0.98, 0.86, fx))
    gap = Colour(0.035, 0.026, 0.020)
    c = blend(gap, c, smoothstep(tall + 0.03, tall - 0.03, fy))
    board = smoothstep(0.10, 0.05, fy) + smoothstep(0.955, 0.985, fy)
    return blend(c, Colour(p.bg_c_r, p.bg_c_g, p.bg_c_b), min(board, 1.0))


@device
def window(p: Params, u: float, v: float) -> Colour:
    """Return a room's wall with a bright window and a curtain."""
    s = p.bg_seed
    wall = scale(Colour(p.bg_a_r, p.bg_a_g, p.bg_a_b), 0.75 + 0.12 * v)
    cx = p.bg_shift
    du = abs(u - cx)
    dv = v - p.bg_level - 0.20
    inside = smoothstep(0.74, 0.71, du) * smoothstep(0.98, 0.95, abs(dv))
    view = sky(u, v, s)
    view = blend(view, Colour(0.16, 0.30, 0.12), smoothstep(0.04, -0.04, dv + 0.45 + 0.12 * psin(4.0 * u + s)))
    view = blend(
        view,
        Colour(0.86, 0.84, 0.80),
        min(1.0, smoothstep(0.05, 0.03, abs(du - 0.0)) + smoothstep(0.05, 0.03, abs(dv - 0.12))),
    )
    c = blend(wall, view, inside)
    frame = smoothstep(0.80, 0.78, du) * smoothstep(1.04, 1.02, abs(dv)) * (1.0 - inside)
    c = blend(c, Colour(0.80, 0.78, 0.74), frame)
    fold = 0.72 + 0.28 * psin(24.0 * u)
    drape = smoothstep(0.56, 0.60, du) * smoothstep(1.02, 0.98, du) * smoothstep(1.25, 1.2, abs(dv))
    return blend(c, scale(Colour(p.bg_b_r, p.bg_b_g, p.bg_b_b), fold), 0.92 * drape)


@device
def bricks(p: Params, u: float, v: float) -> Colour:
    """Return a brick wall."""
    s = p.bg_seed
    row = 5.5 * v
    iy = math.floor(row)
    fy = row - iy
    col = 2.3 * u + 0.5 * (iy - 2.0 * math.floor(0.5 * iy)) + s
    ix = math.floor(col)
    fx = col - ix
    tone = 0.65 + 0.5 * hash2(ix, iy, s)
    c = scale(Colour(p.bg_a_r, p.bg_a_g, p.bg_a_b), tone)
    joint = max(smoothstep(0.10, 0.04, min(fy, 1.0 - fy)), smoothstep(0.045, 0.018, min(fx, 1.0 - fx)))
    return blend(c, Colour(p.bg_c_r, p.bg_c_g, p.bg_c_b), joint)


@device
def lights(p: Params, u: float, v: float) -> Colour:
    """Return a dark place with lights out of focus."""
    s = p.bg_seed
    c = scale(Colour(p.bg_a_r, p.bg_a_g, p.bg_a_b), 0.10 + 0.08 * v)
    for layer in range(2):
        f = 1.4 + 0.8 * layer
        x = f * u + s
        y = f * v + 2.0 * s
        ix = math.floor(x)
        iy = math.floor(y)
        h = hash2(ix, iy, s + layer)
        radius = 0.18 + 0.20 * hash2(ix, iy, s + 4.0)
        dx = x - ix - 0.4 - 0.2 * h
        dy = y - iy - 0.5
        d = math.sqrt(dx * dx + dy * dy)
        disc = smoothstep(radius, radius - 0.05, d) * (0.6 + 0.5 * smoothstep(0.5 * radius, radius, d))
        hue = hash2(ix, iy, s + 7.0)
        colour = blend(Colour(p.bg_b_r, p.bg_b_g, p.bg_b_b), Colour(p.bg_c_r, p.bg_c_g, p.bg_c_b), hue)
        w = disc * smoothstep(0.35, 0.6, h) * 0.75
        c = Colour(c.r + w * colour.r, c.g + w * colour.g, c.b + w * colour.b)
    return c


@device
def background(p: Params, u: float, v: float) -> Colour:
    """Return the background's linear colour at (u, v), in head units from the head's axis, v upwards.

    Kinds: 0 plain wall, 1 gradient, 2 hills, 3 sea, 4 trees, 5 city, 6 books, 7 window, 8 bricks, 9 lights.
    """
    kind = p.bg
    a = Colour(p.bg_a_r, p.bg_a_g, p.bg_a_b)
    if kind == 0.0:
        pool = math.exp(-((u - p.bg_shift) ** 2 + (v - 0.3) ** 2) / 3.2)
        return scale(a, 0.55 + 0.55 * pool + 0.03 * noise2(6.0 * u, 6.0 * v, p.bg_seed))
    if kind == 1.0:
        t = smoothstep(-1.8, 1.8, 0.8 * v + 0.6 * (u - p.bg_shift))
        return blend(a, Colour(p.bg_b_r, p.bg_b_g, p.bg_b_b), t)
    if kind == 2.0:
        return hills(p, u, v)
    if kind == 3.0:
        return sea(p, u, v)
    if kind == 4.0:
        return trees(p, u, v)
    if kind == 5.0:
        return city(p, u, v)
    if kind == 6.0:
        return shelf(p, u, v)
    if kind == 7.0:
        return window(p, u, v)
    if kind == 8.0:
        return bricks(p, u, v)
    return lights(p, u, v)
