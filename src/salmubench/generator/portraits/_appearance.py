"""The frozen records of a person's fixed look and of one picture of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from salmubench.generator.backends import FaceView
from salmubench.generator.casting import Gender

HALF = 1.76
"""Head units from the middle of a square picture to its edge at scale 1, as in `renderer.scene`."""
FACE = (0.66, 0.88)
"""Half width and half height of a face from chin to hairline, in head units."""
FACE_Y = -0.10
"""Height of its middle."""

_RADIUS, _ANGLE = np.meshgrid(np.sqrt((np.arange(8) + 0.5) / 8), (np.arange(48) + 0.5) * (2 * np.pi / 48))
_DISC = (_RADIUS * np.cos(_ANGLE), _RADIUS * np.sin(_ANGLE))  # points that lie evenly in a circle of radius 1

Colour = tuple[float, float, float]
Values = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Appearance:
    """What stays the same in every picture of a person."""

    seed: int
    gender: Gender
    age: int
    """Years."""
    hair_style: str
    """Name of a style of `_styles.STYLES`."""
    hair_colour: str
    """Name of a colour of `_palette.HAIR`."""
    facial_hair: str
    """`none`, `stubble`, `moustache`, `goatee`, `short beard`, `full beard` or `long beard`."""
    glasses: str
    """Colour of the frame, or an empty string."""
    covering: str
    """`headscarf`, `turban`, `head wrap` or an empty string."""
    monk: int
    """Step 1..10 of the Monk skin tone scale."""
    values: Values
    """The renderer's numbers (names of `renderer.params.FIELDS`)."""


@dataclass(frozen=True)
class Shot:
    """One picture of a person."""

    appearance: Appearance
    seed: int
    aspect: float
    """Width over height."""
    facts: dict[str, str]
    """What is visible, in plain English words, by kind (gender, age, hair, clothes, …)."""
    values: Values
    """The renderer's numbers of this picture; they win over those of the appearance."""
    blur: float
    """Standard deviation of the blur in thousandths of the short side."""
    noise: float
    """Standard deviation of the sensor noise in display bytes."""
    quality: int
    """JPEG quality."""

    @property
    def face_view(self) -> FaceView:
        """Where the face lies: an upright ellipse in head units, seen through the frame."""
        values = dict(self.values)
        half = HALF / values["scale"]
        wide, tall = half * max(self.aspect, 1.0), half * max(1.0 / self.aspect, 1.0)
        x = values["shift_x"] + FACE[0] * _DISC[0]
        y = values["shift_y"] + FACE_Y + FACE[1] * _DISC[1]
        inside = (np.abs(x) <= wide) & (np.abs(y) <= tall)
        return FaceView(float(inside.mean()), FACE[1] / half)
