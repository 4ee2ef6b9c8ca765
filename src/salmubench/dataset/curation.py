"""Which rendered pictures are good enough; the others are drawn again with the next seed.

The renderers know what they drew, so no model has to judge whether the face is there: what is checked here is what a
renderer can't promise, namely that the file decodes to the size it is named for, that the picture has contrast, and
that it is no near-duplicate of another one of the same person or class.
"""

from __future__ import annotations

import io
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

MAX_REDRAWS = 8
"""A picture that fails as often as this is a fault of the backend, not of chance."""

MIN_CONTRAST = 6.0
"""Least standard deviation of luminance over the thumbnail (of 255)."""

MIN_DISTANCE = 2.0
"""Least mean absolute difference between two thumbnails of the same person or class (of 255)."""

_THUMBNAIL = 16  # pixels: fine enough to see another pose, coarse enough to ignore noise and JPEG artefacts


@dataclass(frozen=True)
class Look:
    """What curation sees of a picture.

    Attributes:
        size: width and height in pixels, or `None` where it doesn't decode.
        thumbnail: luminance, float32 (16, 16), 0 to 255.
    """

    size: tuple[int, int] | None
    thumbnail: np.ndarray[Any, np.dtype[np.float32]]


def look(data: bytes) -> Look:
    """Decode a picture."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            small = image.convert("L").resize((_THUMBNAIL, _THUMBNAIL), Image.Resampling.BOX)
            return Look(image.size, np.asarray(small, dtype=np.float32))
    except (UnidentifiedImageError, OSError, ValueError):
        return Look(None, np.zeros((_THUMBNAIL, _THUMBNAIL), dtype=np.float32))


def faults(
    looks: Sequence[Look], *, sizes: Sequence[tuple[int, int]], kin: Sequence[Hashable]
) -> dict[int, str]:  # fmt: skip
    """Find the pictures to draw again.

    Args:
        looks: one per picture.
        sizes: expected width and height.
        kin: pictures of equal kin (identity, class) must differ; `None` has no kin.

    Returns:
        Index → reason: `unreadable`, `size`, `contrast` or `duplicate` (of an earlier picture).
    """
    found: dict[int, str] = {}
    kept: defaultdict[Hashable, list[np.ndarray[Any, Any]]] = defaultdict(list)
    for index, (seen, size, group) in enumerate(zip(looks, sizes, kin, strict=True)):
        if seen.size is None:
            found[index] = "unreadable"
        elif seen.size != size:
            found[index] = "size"
        elif seen.thumbnail.std() < MIN_CONTRAST:
            found[index] = "contrast"
        elif group is not None:
            if any(np.abs(seen.thumbnail - other).mean() < MIN_DISTANCE for other in kept[group]):
                found[index] = "duplicate"
            else:
                kept[group].append(seen.thumbnail)
    return found


def summary(redraws: Iterable[tuple[str, Sequence[str]]]) -> Mapping[str, Any]:
    """Content of `curation.json`.

    Args:
        redraws: file name and the reasons of its redraws, of every picture.
    """
    listed = list(redraws)
    redrawn = {name: list(reasons) for name, reasons in listed if reasons}
    return {
        "pictures": len(listed),
        "redrawn": len(redrawn),
        "redraws": sum(map(len, redrawn.values())),
        "reasons": dict(sorted(Counter(reason for reasons in redrawn.values() for reason in reasons).items())),
        "limits": {"contrast": MIN_CONTRAST, "distance": MIN_DISTANCE, "redraws": MAX_REDRAWS},
        "files": redrawn,
    }
