"""What a surface looks like before light falls on it, and two soft shapes to paint with."""

from __future__ import annotations

import math
from typing import NamedTuple

from salmubench.drawing.jit import inlined


class Finish(NamedTuple):
    """Linear albedo, strength and width of the highlight, and 0 matt, 1 skin, 2 hair, 3 eye as shading model."""

    r: float
    g: float
    b: float
    gloss: float
    power: float
    model: int


@inlined
def bump(distance2: float, radius: float) -> float:
    """Return a soft spot: 1 in the middle, 0 beyond about twice the radius."""
    return math.exp(-distance2 / (radius * radius))


@inlined
def line(value: float, width: float) -> float:
    """Return a soft line where `value` is zero."""
    return math.exp(-((value / width) ** 2))
