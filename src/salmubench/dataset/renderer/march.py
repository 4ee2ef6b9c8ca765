"""The entry kernel: cone-marches blocks, then marches, paints and shades every pixel of a band of rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from salmubench.dataset.renderer import jit, paint, scene
from salmubench.dataset.renderer.background import Colour, background
from salmubench.dataset.renderer.jit import device
from salmubench.dataset.renderer.params import Params
from salmubench.dataset.renderer.sdf import length3
from salmubench.dataset.renderer.shading import occlusion, shade, shadow, tone

BLOCK = 8
NEAR = 5.2
REACH = 12.0
Picture = NDArray[np.float32]
Kernel = Callable[[Params, Picture, int, int, int], None]


@device
def block_start(p: Params, dx: float, dy: float, dz: float, spread: float) -> float:
    """Return how far all rays within `spread` of a direction are free, or -1 if none of them meets anything."""
    t = NEAR
    for _ in range(40):
        d = scene.distance(p, p.cam_x + t * dx, p.cam_y + t * dy, p.cam_z + t * dz)
        radius = spread * t
        if d < radius:
            return t - radius
        t += max(d - radius, 0.6 * d)
        if t > REACH:
            return -1.0
    return t - spread * t


@device
def render_pixel(p: Params, t: float, dx: float, dy: float, dz: float, pixel: float, u: float, v: float, memory: NDArray[np.float64]) -> Colour:
    """Return one ray's linear colour; `memory` keeps part, depth, occlusion and shadow for the pixel's next sample."""
    hit = False
    for _ in range(56):
        d = scene.distance(p, p.cam_x + t * dx, p.cam_y + t * dy, p.cam_z + t * dz)
        if d < 0.35 * pixel:
            hit = True
            break
        t += 0.92 * d
        if t > REACH:
            break
    if not hit:
        return background(p, u, v)
    x = p.cam_x + t * dx
    y = p.cam_y + t * dy
    z = p.cam_z + t * dz
    n = scene.normal(p, x, y, z, max(0.5 * pixel, 0.002))
    part = scene.material(p, x, y, z)
    if memory[0] != part or abs(memory[1] - t) > 0.06:
        memory[0] = part
        memory[1] = t
        memory[2] = occlusion(p, x, y, z, n)
        facing = n.x * p.light_x + n.y * p.light_y + n.z * p.light_z
        memory[3] = shadow(p, x, y, z, n) if facing > -0.42 else 0.0
    f = paint.finish(p, part, x, y, z, n.y, n.z)
    return shade(p, f, x, y, z, n, -dx, -dy, -dz, memory[2], memory[3])


@device
def render_block(p: Params, image: Picture, row: int, column: int, samples: int, memory: NDArray[np.float64]) -> None:
    """Render the block of pixels whose upper left corner is (row, column)."""
    height, width = image.shape[0], image.shape[1]
    pixel = 2.0 * p.half / min(height, width)
    grid = int(round(math.sqrt(samples)))
    side = BLOCK * pixel
    u = (column + 0.5 * BLOCK - 0.5 * width) * pixel - p.shift_x
    v = (0.5 * height - row - 0.5 * BLOCK) * pixel - p.shift_y
    norm = 1.0 / length3(u, v, 8.0)
    start = block_start(
        p,
        (p.h00 * u + p.h10 * v - p.h20 * 8.0) * norm,
        (p.h01 * u + p.h11 * v - p.h21 * 8.0) * norm,
        (p.h02 * u + p.h12 * v - p.h22 * 8.0) * norm,
        0.75 * side / 8.0,
    )
    share = 1.0 / (grid * grid)
    for i in range(row, min(row + BLOCK, height)):
        for j in range(column, min(column + BLOCK, width)):
            r = g = b = 0.0
            memory[0] = -1.0
            for k in range(grid * grid):
                u = (j + (k % grid + 0.5) / grid - 0.5 * width) * pixel - p.shift_x
                v = (0.5 * height - i - (k // grid + 0.5) / grid) * pixel - p.shift_y
                if start < 0.0:
                    c = background(p, u + p.shift_x, v + p.shift_y)
                else:
                    norm = 1.0 / length3(u, v, 8.0)
                    dx = (p.h00 * u + p.h10 * v - p.h20 * 8.0) * norm
                    dy = (p.h01 * u + p.h11 * v - p.h21 * 8.0) * norm
                    dz = (p.h02 * u + p.h12 * v - p.h22 * 8.0) * norm
                    c = render_pixel(p, start, dx, dy, dz, pixel / grid, u + p.shift_x, v + p.shift_y, memory)
                r += tone(c.r * p.exposure) * share
                g += tone(c.g * p.exposure) * share
                b += tone(c.b * p.exposure) * share
            image[i, j, 0] = r
            image[i, j, 1] = g
            image[i, j, 2] = b


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
        for row in range(first_row, last_row, BLOCK):
            for column in range(0, image.shape[1], BLOCK):
                render_block(p, image, row, column, samples, memory)

    return jit.entry(render)
