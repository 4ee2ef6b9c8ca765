"""Portraits by our own renderer: signed-distance-field heads with fixed traits, drawn anew for every picture.

Needs no download and no GPU; numba is imported at the first rendering.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from salmubench.core import streams
from salmubench.core.errors import ConfigError
from salmubench.core.executor import cores
from salmubench.drawing.people.params import DTYPE
from salmubench.drawing.sizes import check_samples, picture_size
from salmubench.generator.backends import Backend
from salmubench.generator.config import DatasetConfig
from salmubench.generator.portraits._appearance import Appearance, Shot
from salmubench.generator.portraits._shots import NARROWEST, WIDEST, sample_shot
from salmubench.generator.portraits._traits import sample_identity

__all__ = [
    "Appearance",
    "Shot",
    "develop",
    "examine",
    "render_array",
    "render_jpeg",
    "sample_identity",
    "sample_shot",
]

BACKEND = Backend(
    title="Heads drawn by a renderer of signed distance fields: no download, no GPU.",
    card="**Nobody is in here.** The people are drawn by a program.",
    statement="Drawn heads with skin tones over the whole Monk scale, many styles of hair and coverings, apparent ages "
    "of 21 to 79, half female and half male; no bodies, no children, no disabilities.",
    licence="cc0-1.0",
)

BAND = 32


def examine(config: DatasetConfig) -> None:
    """Check what the renderer can't draw.

    Raises:
        ConfigError: samples that are no square number, or aspects outside 0.5 to 2.
    """
    check_samples(config.samples)
    for aspect in config.aspects:
        if not NARROWEST <= aspect <= WIDEST:
            raise ConfigError(
                f"Expected dataset.aspects to be width / height between {NARROWEST:g} and {WIDEST:g} for the portraits "
                f"of the backend procedural, got {aspect:g}. Mend it in the recipe."
            )


def pack(shot: Shot) -> Any:
    """Return the renderer's record (a numpy scalar of `renderer.params.DTYPE`) of a picture."""
    record = np.zeros(1, DTYPE)[0]
    for name, value in (*shot.appearance.values, *shot.values):
        record[name] = value
    return record


def render_array(shot: Shot, *, size: int, samples: int = 1) -> NDArray[np.float32]:
    """Return a picture before blur, noise and JPEG: float32 (height, width, 3), display values 0..1."""
    width, height = picture_size(shot.aspect, size)
    image = np.empty((height, width, 3), np.float32)
    _kernel(size)(pack(shot), image, 0, height, samples)
    return image


def _kernel(size: int) -> Any:
    """The kernel for that short side: small pictures keep their bytes, large ones are drawn for a close look."""
    from salmubench.drawing.people import close, march

    return close.kernel() if size >= close.CLOSE else march.kernel()


def develop(shot: Shot, image: NDArray[np.float32]) -> bytes:
    """Return the JPEG of a rendered picture with the shot's blur and noise (seeded by the shot)."""
    height, width = image.shape[:2]
    picture = Image.fromarray((image * 255.0 + 0.5).astype(np.uint8))
    if shot.blur > 0.0:
        picture = picture.filter(ImageFilter.GaussianBlur(shot.blur * 1e-3 * min(height, width)))
    if shot.noise > 0.0:
        rng = np.random.default_rng([shot.appearance.seed, shot.seed, streams.Portrait.GRAIN, width, height])
        grain = rng.standard_normal((height, width, 1), np.float32) + 0.5 * rng.standard_normal(
            (height, width, 3), np.float32
        )
        values = np.asarray(picture, np.float32) + 0.9 * shot.noise * grain
        picture = Image.fromarray(np.clip(values + 0.5, 0.0, 255.0).astype(np.uint8))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=shot.quality)
    return buffer.getvalue()


def render_jpeg(shots: Sequence[Shot], *, size: int, samples: int = 1) -> list[bytes]:
    """Return the JPEG files of pictures; the short side is `size` pixels, with `samples` (a square) rays per pixel.

    The bytes depend on each shot, `size` and `samples` only, whatever the batch and the number of cores.
    """
    render = _kernel(size)
    workers = cores()

    def whole(shot: Shot) -> bytes:
        return develop(shot, render_array(shot, size=size, samples=samples))

    with ThreadPoolExecutor(workers) as pool:
        if len(shots) >= 2 * workers or workers == 1:
            return list(pool.map(whole, shots))
        files = []
        for shot in shots:
            width, height = picture_size(shot.aspect, size)
            image = np.empty((height, width, 3), np.float32)
            rows = range(0, height, BAND)
            list(pool.map(lambda row: render(pack(shot), image, row, min(row + BAND, height), samples), rows))  # noqa: B023
            files.append(develop(shot, image))
        return files
