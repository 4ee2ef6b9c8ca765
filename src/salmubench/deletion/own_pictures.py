"""A user's own pictures: looked at before anything is written, and written upright, without their EXIF data."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageOps

from salmubench.core.errors import DatasetError
from salmubench.core.pictures import BYTES, open_picture
from salmubench.core.pools import processors
from salmubench.drawing.sizes import picture_size

SMALLEST = 8
"""Pixels of a short side."""
_QUALITY = 95  # of JPEG files
_LOSSY = frozenset({"JPEG", "MPO", "WEBP"})  # MPO: a JPEG with a second picture, as phones write


class Look(NamedTuple):
    """What is read of a picture file before it is written: hash, width and height, suffix; or what is wrong."""

    digest: str
    size: tuple[int, int] = (0, 0)
    suffix: str = ""
    problem: str = ""


def looks_of(root: Path, paths: Sequence[Path], size: int | None, problems: list[str]) -> Mapping[Path, Look]:
    """Look at every picture; added to the problems are those that don't decode, are tiny, or stand twice."""
    with ThreadPoolExecutor(processors()) as pool:
        looks = dict(zip(paths, pool.map(lambda path: look(path, path.name, size), paths), strict=True))
    first: dict[str, str] = {}
    for path, seen in looks.items():
        name = path.relative_to(root).as_posix()
        other = first.setdefault(seen.digest, name)
        if seen.problem:
            problems.append(f"{name}: {seen.problem}")
        elif other != name:
            problems.append(f"{name}: Expected a picture of its own, got that of {other} again. Take one out.")
    return looks


def look(source: bytes | Path, name: str, size: int | None) -> Look:
    """Look at one picture; arguments as of `encoded`."""
    if isinstance(source, Path) and source.is_dir():
        return Look("", problem="Expected a picture, got a folder. Take it out.")
    try:
        data, suffix, shape = encoded(source, name, size)
    except DatasetError as error:
        return Look("", problem=f"{error} Save it as JPEG, PNG or WebP, or take it out.")
    if min(shape) < SMALLEST:
        wide, tall = shape
        return Look("", problem=f"Expected at least {SMALLEST} pixels on either side, got {wide}×{tall}.")
    if len(data) > BYTES:
        much = f"{len(data):,} bytes, more than {BYTES:,}"
        return Look("", problem=f"Expected a picture that isn't too large when it is written, got {much}. Use --size.")
    return Look(hashlib.sha256(data).hexdigest(), shape, suffix)


def encoded(source: bytes | Path, name: str, size: int | None) -> tuple[bytes, str, tuple[int, int]]:
    """A picture as it is written: upright, RGB, without metadata; JPEG where it was lossy, else PNG.

    Args:
        source: the file, or its bytes.
        name: for messages.
        size: short side to which a larger picture is scaled; `None`: as it is.

    Returns:
        The bytes, the suffix, width and height.

    Raises:
        DatasetError: it doesn't decode.
    """
    with open_picture(source, where=name) as opened:
        lossy = opened.format in _LOSSY
        image = ImageOps.exif_transpose(opened).convert("RGB")
    if size is not None and min(image.size) > size:
        box = picture_size(image.width / image.height, size)
        image = image.resize(box, Image.Resampling.LANCZOS)
    image.info.clear()
    stream = io.BytesIO()
    image.save(stream, "JPEG" if lossy else "PNG", **({"quality": _QUALITY} if lossy else {}))
    return stream.getvalue(), "jpg" if lossy else "png", image.size
