"""One pass over the pictures of a dataset: simple statistics of each, in little memory."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from salmubench.core import progress
from salmubench.core.pictures import open_picture
from salmubench.core.pools import processors
from salmubench.dataset.layout import Dataset

_BATCH = 256  # pictures in memory at once
_REDUCED = 64  # pixels: JPEG is decoded at a fraction of its size, which leaves mean colours as they are


def survey(dataset: Dataset, splits: Sequence[str]) -> NDArray[np.float64]:
    """Look at every picture of some splits.

    Returns:
        Mean and spread of each colour, mean colour of the border (0 to 255), width, height, width / height, bytes:
        (n, 13).

    Raises:
        DatasetError: a picture that doesn't decode.
    """
    total = sum(dataset.counts.get(split, 0) for split in splits)
    features = np.empty((total, 13))
    images = (image for split in splits for image in dataset.images(split))
    done = 0
    with (
        ThreadPoolExecutor(processors()) as pool,
        progress.bar(total=total, description="Looking at pictures") as advance,
    ):
        while batch := list(islice(images, _BATCH)):
            features[done : done + len(batch)] = list(pool.map(_look, batch))
            done += len(batch)
            advance(len(batch))
    return features


def _look(data: bytes) -> list[float]:
    with open_picture(data, where="the dataset (`salmubench dataset validate` says where)") as image:
        width, height = image.size
        image.draft("RGB", (_REDUCED, _REDUCED))
        pixels = np.asarray(image.convert("RGB"), dtype=np.float64)  # (H, W, 3)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    colours = (pixels.mean((0, 1)), pixels.std((0, 1)), border.mean(0))
    return [*np.concatenate(colours).tolist(), width, height, width / height, len(data)]
