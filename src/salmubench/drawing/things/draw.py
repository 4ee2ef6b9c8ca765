"""Scenes drawn to pixels and to JPEG, several at a time in threads."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from salmubench.core.errors import ConfigError
from salmubench.drawing.sizes import picture_size
from salmubench.drawing.things.arrange import Arrays, arrange
from salmubench.drawing.things.kernel import compiled
from salmubench.drawing.things.scene import Scene

# Blur is given for this size and grows with the picture.
BLUR_SIZE = 64


def _shape(aspect: float, size: int) -> tuple[int, int]:
    width, height = picture_size(aspect, size)
    return height, width


def _pixels(arrays: Arrays, shape: tuple[int, int], side: int) -> NDArray[np.uint8]:
    out = np.empty((*shape, 3), np.uint8)
    compiled()(*arrays[:8], side, out)
    return out


def pixels(scene: Scene, *, size: int, samples: int = 1) -> NDArray[np.uint8]:
    """Return a scene's picture before blur and JPEG, uint8 (height, width, 3)."""
    return _pixels(arrange(scene), _shape(scene.aspect, size), math.isqrt(samples))


def _jpeg(scene: Scene, size: int, side: int) -> bytes:
    arrays = arrange(scene)
    image = Image.fromarray(_pixels(arrays, _shape(scene.aspect, size), side))
    if arrays.blur:
        image = image.filter(ImageFilter.GaussianBlur(arrays.blur * size / BLUR_SIZE))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=arrays.quality)
    return file.getvalue()


def render_jpeg(scenes: Sequence[Scene], *, size: int, samples: int = 1, threads: int = 1) -> list[bytes]:
    """Draw scenes as JPEG: short side `size` pixels, long side as `picture_size` says.

    The bytes of a picture depend neither on the other scenes nor on the number of threads.

    Args:
        scenes: what to draw.
        size: short side in pixels, at least 8.
        samples: rays a pixel, a square number.
        threads: how many draw at once.

    Raises:
        ConfigError: a size or a number of samples that can't be.
    """
    side = math.isqrt(max(samples, 0))
    if size < 8 or side * side != samples or side < 1:
        raise ConfigError(f"Expected size >= 8 and samples in 1, 4, 9, 16 …, got size={size}, samples={samples}.")
    compiled()
    if threads == 1 or len(scenes) < 2:
        return [_jpeg(scene, size, side) for scene in scenes]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda scene: _jpeg(scene, size, side), scenes))
