"""The entry kernel: cone-marches blocks, then marches, paints and shades every pixel of a band of rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from salmubench.drawing import jit
from salmubench.drawing.jit import device, inlined
from salmubench.drawing.people import paint, scene
from salmubench.drawing.people.background import Colour, background
from salmubench.drawing.people.params import Params
from salmubench.drawing.people.shading import (
    occlusion,
    shade,
    shadow,
    tone,
)
from salmubench.drawing.sdf import Point, length3

BLOCK = 8
CAMERA = 8.0
NEAR = 5.2
REACH = 12.0
Picture = NDArray[np.float32]
Kernel = Callable[[Params, Picture, int, int, int], None]


@inlined
def direction(p: Params, u: float, v: float) -> Point:
    """Return the unit vector, in the head's frame, of the ray through (u, v) of the plane z = 0 of the world."""
    norm = 1.0 / length3(u, v, CAMERA)
    return Point(
        (p.h00 * u + p.h10 * v - p.h20 * CAMERA) * norm,
        (p.h01 * u + p.h11 * v - p.h21 * CAMERA) * norm,
        (p.h02 * u + p.h12 * v - p.h22 * CAMERA) * norm,
    )


@device
def cone_start(p: Params, t: float, u: float, v: float, side: float) -> float:
    """Return how far all rays of a square tile around (u, v) with edge `side` are free; -1 if none meets anything.

    `t` is where the larger tile's march ended.
    """
    spread = 0.75 * side / CAMERA
    ray = direction(p, u, v)
    for _ in range(40):
        d = scene.distance(p, p.cam_x + t * ray.x, p.cam_y + t * ray.y, p.cam_z + t * ray.z)
        radius = spread * t
        if d < 1.1 * radius:
            return t - 0.5 * radius if d > 0.5 * radius else t - radius
        t += max(d - radius, 0.5 * d)
        if t > REACH:
            return -1.0
    return t - spread * t


@device
def render_ray(p: Params, t: float, u: float, v: float, pixel: float, memory: NDArray[np.float64]) -> Colour:
    """Return one ray's linear colour; `memory` keeps part, depth, occlusion and shadow for the pixel's next sample."""
    ray = direction(p, u, v)
    dx, dy, dz = ray.x, ray.y, ray.z
    d = 0.0
    for _ in range(72):
        d = scene.distance(p, p.cam_x + t * dx, p.cam_y + t * dy, p.cam_z + t * dz)
        if d < 0.40 * pixel or t > REACH:
            break
        t += 0.92 * d
    if t > REACH:
        memory[0] = 0.0
        return background(p, u, v)
    x = p.cam_x + t * dx
    y = p.cam_y + t * dy
    z = p.cam_z + t * dz
    n = scene.normal(p, x, y, z, max(0.4 * pixel, 0.002), d)
    part = scene.material(p, x, y, z)
    if memory[0] != part or abs(memory[1] - t) > 0.06:
        memory[0] = part
        memory[1] = t
        memory[2] = occlusion(p, x, y, z, n)
        facing = n.x * p.light_x + n.y * p.light_y + n.z * p.light_z
        memory[3] = shadow(p, x, y, z, n) if facing > -0.42 else 0.0
    f = paint.finish(p, part, x, y, z)
    return shade(p, f, x, y, z, n, -dx, -dy, -dz, memory[2], memory[3])


@device
def sample(p: Params, start: float, u: float, v: float, pixel: float, memory: NDArray[np.float64]) -> Colour:
    """Return the display colour of one ray; `start` < 0 means that only the background can be there."""
    c = background(p, u, v) if start < 0.0 else render_ray(p, start, u, v, pixel, memory)
    return Colour(tone(c.r * p.exposure), tone(c.g * p.exposure), tone(c.b * p.exposure))


@device
def render_pixel(
    p: Params, start: float, u: float, v: float, pixel: float, grid: int, memory: NDArray[np.float64]
) -> Colour:
    """Return a pixel's display colour: the mean of grid x grid rays, or of two where those two agree."""
    memory[0] = -1.0
    if grid == 1:
        return sample(p, start, u, v, pixel, memory)
    step = pixel / grid
    first = 0.5 * (step - pixel)
    a = sample(p, start, u + first, v - first, step, memory)
    part = memory[0]
    b = sample(p, start, u - first, v + first, step, memory)
    if memory[0] == part and abs(a.r - b.r) + abs(a.g - b.g) + abs(a.b - b.b) < 0.05:
        return Colour(0.5 * (a.r + b.r), 0.5 * (a.g + b.g), 0.5 * (a.b + b.b))
    r, g, b_ = a.r + b.r, a.g + b.g, a.b + b.b
    for k in range(1, grid * grid - 1):
        c = sample(p, start, u + first + (k % grid) * step, v - first - (k // grid) * step, step, memory)
        r, g, b_ = r + c.r, g + c.g, b_ + c.b
    share = 1.0 / (grid * grid)
    return Colour(r * share, g * share, b_ * share)


@device
def tile_start(p: Params, image: Picture, row: int, column: int, edge: int, near: float) -> float:
    """Return `cone_start` for the square tile of pixels with upper left corner (row, column)."""
    height, width = image.shape[0], image.shape[1]
    if near < 0.0 or row >= height or column >= width:
        return -1.0
    pixel = 2.0 * p.half / min(height, width)
    u = (column + 0.5 * edge - 0.5 * width) * pixel - p.shift_x
    v = (0.5 * height - row - 0.5 * edge) * pixel - p.shift_y
    return cone_start(p, near, u, v, edge * pixel)


@device
def render_block(p: Params, image: Picture, row: int, column: int, grid: int, memory: NDArray[np.float64]) -> None:
    """Render the block of pixels with upper left corner (row, column), starting rays where their tile's march ended."""
    height, width = image.shape[0], image.shape[1]
    pixel = 2.0 * p.half / min(height, width)
    start = tile_start(p, image, row, column, BLOCK, NEAR)
    for quarter in range(4):
        y4 = row + 4 * (quarter // 2)
        x4 = column + 4 * (quarter % 2)
        nearer = tile_start(p, image, y4, x4, 4, start)
        for cell in range(4):
            y2 = y4 + 2 * (cell // 2)
            x2 = x4 + 2 * (cell % 2)
            nearest = tile_start(p, image, y2, x2, 2, nearer)
            for i in range(y2, min(y2 + 2, height)):
                for j in range(x2, min(x2 + 2, width)):
                    u = (j + 0.5 - 0.5 * width) * pixel - p.shift_x
                    v = (0.5 * height - i - 0.5) * pixel - p.shift_y
                    c = render_pixel(p, nearest, u, v, pixel, grid, memory)
                    image[i, j, 0], image[i, j, 1], image[i, j, 2] = c.r, c.g, c.b


@cache
def kernel() -> Kernel:
    """Return the compiled kernel `(record, image, first_row, last_row, samples)`; it fills the rows of `image`.

    `image` is float32 (height, width, 3), display values 0..1; `first_row` is a multiple of the block size; `samples`
    is a square number of rays per pixel.
    """
    sources = jit.fingerprint(Path(__file__).parent)

    def render(p: Params, image: Picture, first_row: int, last_row: int, samples: int) -> None:
        memory = np.zeros(4)
        memory[0] = min(sources, 0)  # the sources' hash is part of the kernel, so that the disk cache sees changes
        scene.prepare(p)
        grid = round(math.sqrt(samples))
        for row in range(first_row, last_row, BLOCK):
            for column in range(0, image.shape[1], BLOCK):
                render_block(p, image, row, column, grid, memory)

    return jit.entry(render)
