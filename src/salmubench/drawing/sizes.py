"""How large a picture is."""

from __future__ import annotations

import math

from salmubench.core.errors import ConfigError


def picture_size(aspect: float, size: int, *, multiple: int = 1) -> tuple[int, int]:
    """Width and height in pixels of a picture with a given short side.

    Args:
        aspect: width / height.
        size: short side, pixels.
        multiple: of what the long side is a multiple.
    """
    long = multiple * round(size * max(aspect, 1 / aspect) / multiple)
    return (long, size) if aspect >= 1 else (size, long)


def check_samples(samples: int) -> None:
    """Check the samples per pixel that a recipe asks our renderers for: they lie on a square.

    Args:
        samples: per pixel.

    Raises:
        ConfigError: no square number.
    """
    if samples < 1 or math.isqrt(samples) ** 2 != samples:
        raise ConfigError(
            f"Expected dataset.samples to be a square number (1, 4, 9, …) where we draw ourselves, got {samples}. Mend "
            "it in the recipe."
        )
