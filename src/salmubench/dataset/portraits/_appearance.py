"""The frozen records of a person's fixed look and of one picture of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Gender = Literal["female", "male"]
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
