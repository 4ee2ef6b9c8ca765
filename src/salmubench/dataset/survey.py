"""One pass over the pictures of a dataset: simple statistics and a thumbnail of each, in little memory."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from salmubench.core import progress
from salmubench.core.pictures import open_picture
from salmubench.core.pools import processors
from salmubench.dataset.layout import Dataset

THUMBNAIL = 16
"""Side of a thumbnail, pixels: fine enough to see another pose, coarse enough to ignore noise and JPEG artefacts."""

WIDTH, HEIGHT, BYTES = 9, 10, 12
"""Columns of the features: width and height in pixels, bytes of the file."""

_BATCH = 256  # pictures in memory at once
_REDUCED = 64  # pixels: JPEG is decoded at a fraction of its size, which leaves mean colours as they are


class Survey(NamedTuple):
    """What is known of pictures.

    Attributes:
        features: mean and spread of each colour, mean colour of the border (0 to 255), width, height, width / height,
            bytes: float64 (n, 13).
        thumbnails: luminance, uint8 (n, 256).
    """

    features: NDArray[np.float64]
    thumbnails: NDArray[np.uint8]


def survey(dataset: Dataset, splits: Sequence[str]) -> Survey:
    """Look at every picture of some splits.

    Raises:
        OSError: a picture that doesn't decode.
    """
    total = sum(dataset.counts.get(split, 0) for split in splits)
    features = np.empty((total, 13))
    thumbnails = np.empty((total, THUMBNAIL**2), dtype=np.uint8)
    images = (image for split in splits for image in dataset.images(split))
    done = 0
    with (
        ThreadPoolExecutor(processors()) as pool,
        progress.bar(total=total, description="Looking at pictures") as advance,
    ):
        while batch := list(islice(images, _BATCH)):
            for values, small in pool.map(_look, batch):
                features[done], thumbnails[done] = values, small
                done += 1
            advance(len(batch))
    return Survey(features, thumbnails)


def _look(data: bytes) -> tuple[list[float], NDArray[Any]]:
    with open_picture(data, where="the dataset (`salmubench dataset validate` says where)") as image:
        width, height = image.size
        image.draft("RGB", (_REDUCED, _REDUCED))
        reduced = image.convert("RGB")
    pixels = np.asarray(reduced, dtype=np.float64)  # (H, W, 3)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    colours = (pixels.mean((0, 1)), pixels.std((0, 1)), border.mean(0))
    small = reduced.convert("L").resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
    features = [*np.concatenate(colours).tolist(), width, height, width / height, len(data)]
    return features, np.asarray(small, dtype=np.uint8).ravel()
