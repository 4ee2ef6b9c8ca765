"""The entry kernel of large pictures: every edge in sixteen rays, hair in strands, beards that thin out.

Pictures below `CLOSE` pixels are drawn by `march`, whose bytes datasets depend on; nothing here touches them. Marching,
materials, light and the surfaces of everything but hair are the same.
"""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from salmubench.drawing import jit
from salmubench.drawing.jit import device, inlined
from salmubench.drawing.people import hair, head, paint, scene
from salmubench.drawing.people.background import Colour, background
from salmubench.drawing.people.finish import Finish
from salmubench.drawing.people.march import NEAR, REACH, Kernel, Picture, direction, tile_start
from salmubench.drawing.people.params import Params
from salmubench.drawing.people.scene import Normal
from salmubench.drawing.people.shading import occlusion, shade, shadow, tone
from salmubench.drawing.sdf import mix, noise2, psin, smoothstep

CLOSE = 256
"""Short side in pixels from which this kernel draws."""
EDGE = 4  # rays a side of a pixel where its first four disagree
BLOCK = 8


class Mean(NamedTuple):
    """Of the rays of a pixel: their colour, and whether their parts or colours differ."""

    colour: Colour
    differ: bool


class Strand(NamedTuple):
    """Where a point lies among the hairs: across them and along them, in widths of a hair."""

    across: float
    along: float


@inlined
def strand(p: Params, x: float, y: float, z: float) -> Strand:
    """Return the place among hairs that run away from the crown, a little bent."""
    angle = math.atan2(x, z + 0.25 + 0.35 * y * (1.0 - smoothstep(0.3, 0.9, y)))
    return Strand(85.0 * angle + 2.2 * psin(2.3 * y + p.hair_seed), 3.2 * y + 3.6 * z)


@inlined
def height(p: Params, x: float, y: float, z: float) -> float:
    """Return 0..1: how far a hair stands out of its neighbours."""
    s = strand(p, x, y, z)
    locks = noise2(0.22 * s.across, 0.5 * s.along, p.hair_seed + 5.0)
    return 0.55 * noise2(s.across, s.along, p.hair_seed + 9.0) + 0.45 * locks


@device
def relief(p: Params, x: float, y: float, z: float, n: Normal) -> Normal:
    """Return the normal of hair with its single strands: tilted across them."""
    cx, cy, cz = x, y - 1.05, z + 0.30  # strands run away from the crown
    dot = cx * n.x + cy * n.y + cz * n.z
    tx, ty, tz = cx - dot * n.x, cy - dot * n.y, cz - dot * n.z
    ti = 1.0 / math.sqrt(tx * tx + ty * ty + tz * tz + 1e-6)
    sx, sy, sz = (ty * n.z - tz * n.y) * ti, (tz * n.x - tx * n.z) * ti, (tx * n.y - ty * n.x) * ti
    e = 0.004
    tilt = height(p, x + e * sx, y + e * sy, z + e * sz) - height(p, x - e * sx, y - e * sy, z - e * sz)
    k = 0.9 * tilt
    nx, ny, nz = n.x - k * sx, n.y - k * sy, n.z - k * sz
    s = 1.0 / math.sqrt(nx * nx + ny * ny + nz * nz + 1e-12)
    return Normal(nx * s, ny * s, nz * s)


@device
def surface(p: Params, part: int, x: float, y: float, z: float) -> Finish:
    """Return the finish of a surface point: hair in strands, and single hairs on the skin around a beard."""
    f = paint.finish(p, part, x, y, z)
    if part == scene.HAIR or part == scene.BEARD:
        dark = 0.66 + 0.62 * height(p, x, y, z)
        return Finish(f.r * dark, f.g * dark, f.b * dark, 0.7 * f.gloss, f.power, f.model)
    if part == scene.SKIN and p.beard + p.goatee + p.moustache > 0.0:
        near = 1.0 - smoothstep(0.0, 0.065, hair.beard(p, x, y, z, head.base(p, x, y, z)))
        if near > 0.0:
            s = strand(p, x, y, z)
            grain = noise2(1.3 * s.across, 2.2 * s.along, p.hair_seed + 17.0)
            w = 0.85 * smoothstep(0.35, 0.75, near * (0.35 + grain))
            old = 0.7 * p.grey
            r, g, b = mix(p.beard_r, 0.52, old), mix(p.beard_g, 0.51, old), mix(p.beard_b, 0.49, old)
            return Finish(mix(f.r, r, w), mix(f.g, g, w), mix(f.b, b, w), f.gloss, f.power, f.model)
    return f


@device
def linear_ray(p: Params, t: float, u: float, v: float, pixel: float, memory: NDArray[np.float64]) -> Colour:
    """Return the linear colour of one ray; `memory` as in `march.render_ray`; `t` < 0: only background."""
    if t < 0.0:
        memory[0] = 0.0
        return background(p, u, v)
    ray = direction(p, u, v)
    dx, dy, dz = ray.x, ray.y, ray.z
    d = 0.0
    for _ in range(96):
        d = scene.distance(p, p.cam_x + t * dx, p.cam_y + t * dy, p.cam_z + t * dz)
        if d < 0.40 * pixel or t > REACH:
            break
        t += 0.92 * d
    if t > REACH:
        memory[0] = 0.0
        return background(p, u, v)
    x, y, z = p.cam_x + t * dx, p.cam_y + t * dy, p.cam_z + t * dz
    n = scene.normal(p, x, y, z, max(0.4 * pixel, 0.002), d)
    part = scene.material(p, x, y, z)
    if memory[0] != part or abs(memory[1] - t) > 0.06:
        memory[0] = part
        memory[1] = t
        memory[2] = occlusion(p, x, y, z, n)
        facing = n.x * p.light_x + n.y * p.light_y + n.z * p.light_z
        memory[3] = shadow(p, x, y, z, n) if facing > -0.42 else 0.0
    f = surface(p, part, x, y, z)
    if f.model == 2:
        n = relief(p, x, y, z, n)
    return shade(p, f, x, y, z, n, -dx, -dy, -dz, memory[2], memory[3])


@device
def mean_of_rays(p: Params, t: float, u: float, v: float, pixel: float, grid: int, memory: NDArray[np.float64]) -> Mean:
    """Return the mean display colour of grid x grid rays, and whether they disagree."""
    step = pixel / grid
    first = 0.5 * (step - pixel)
    r = g = b = 0.0
    low, high, seen, mixed = 3.0, 0.0, -1.0, False
    for k in range(grid * grid):
        c = linear_ray(p, t, u + first + (k % grid) * step, v - first - (k // grid) * step, step, memory)
        c = Colour(tone(c.r * p.exposure), tone(c.g * p.exposure), tone(c.b * p.exposure))
        r, g, b = r + c.r, g + c.g, b + c.b
        low, high = min(low, c.r + c.g + c.b), max(high, c.r + c.g + c.b)
        mixed = mixed or (k > 0 and memory[0] != seen)
        seen = memory[0]
    share = 1.0 / (grid * grid)
    return Mean(Colour(r * share, g * share, b * share), mixed or high - low > 0.30)


@device
def close_pixel(
    p: Params, t: float, u: float, v: float, pixel: float, grid: int, memory: NDArray[np.float64]
) -> Colour:
    """Return a pixel's display colour: the mean of grid x grid rays, or of 16 where their parts or colours differ."""
    memory[0] = -1.0
    mean = mean_of_rays(p, t, u, v, pixel, grid, memory)
    if grid < EDGE and mean.differ:
        mean = mean_of_rays(p, t, u, v, pixel, EDGE, memory)
    return mean.colour


@device
def close_tile(p: Params, image: Picture, row: int, column: int, grid: int, memory: NDArray[np.float64]) -> None:
    """Render the block of pixels with upper left corner (row, column)."""
    height_, width = image.shape[0], image.shape[1]
    pixel = 2.0 * p.half / min(height_, width)
    start = tile_start(p, image, row, column, BLOCK, NEAR)
    for quarter in range(4):
        y4 = row + 4 * (quarter // 2)
        x4 = column + 4 * (quarter % 2)
        nearer = tile_start(p, image, y4, x4, 4, start)
        for i in range(y4, min(y4 + 4, height_)):
            for j in range(x4, min(x4 + 4, width)):
                u = (j + 0.5 - 0.5 * width) * pixel - p.shift_x
                v = (0.5 * height_ - i - 0.5) * pixel - p.shift_y
                c = close_pixel(p, nearer, u, v, pixel, grid, memory)
                image[i, j, 0], image[i, j, 1], image[i, j, 2] = c.r, c.g, c.b


@cache
def kernel() -> Kernel:
    """Return the compiled kernel, called as that of `march`."""
    sources = jit.fingerprint(Path(__file__).parent)

    def render(p: Params, image: Picture, first_row: int, last_row: int, samples: int) -> None:
        memory = np.zeros(4)
        memory[0] = min(sources, 0)  # as in `march`: the disk cache sees changes of the sources
        scene.prepare(p)
        p.close = 1.0
        grid = round(math.sqrt(samples))
        for row in range(first_row, last_row, BLOCK):
            for column in range(0, image.shape[1], BLOCK):
                close_tile(p, image, row, column, grid, memory)

    return jit.entry(render)
