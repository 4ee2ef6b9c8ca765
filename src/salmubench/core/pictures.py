"""The one gate for encoded pictures, whoever made them: formats, pixels and shape are looked at before one is decoded.

A header of a few bytes can ask for gigabytes. Pictures are decoded in many threads at once, so the large ones, which
no dataset of ours has, wait for one another.
"""

from __future__ import annotations

import contextlib
import io
import struct
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from salmubench.core import reading
from salmubench.core.errors import DatasetError

if TYPE_CHECKING:
    from PIL import Image

BYTES = 32 * 2**20
"""Largest encoded picture."""
PIXELS = 2**26
"""Most pixels of a picture: a hundred times those of the release."""
ASPECT = 100
"""Longest side in multiples of the shortest: one that is resized to a short side grows with it."""

_DEEP = ("I", "I;16", "I;16B", "I;16L", "I;16N", "F")
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")  # whatever the file is called; EPS would start Ghostscript
_LARGE = 2**22  # pixels from which one picture a process is decoded at a time
_one_large = threading.RLock()


@contextlib.contextmanager
def open_picture(source: bytes | Path, *, where: str, advice: str = "") -> Iterator[Image.Image]:
    """Open an encoded picture; what PIL says against it while the block decodes it is an error of ours.

    Args:
        source: JPEG, PNG, WebP, GIF or BMP: bytes or a file.
        where: the picture, for messages.

    Raises:
        DatasetError: it can't be decoded, or has more bytes, pixels or another shape than a picture may have.
    """
    from PIL import Image, UnidentifiedImageError

    broken = (
        OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError, OverflowError, struct.error,
        zlib.error, Image.DecompressionBombError, Image.DecompressionBombWarning,
    )  # fmt: skip
    with contextlib.ExitStack() as stack:
        try:
            data = source if isinstance(source, bytes) else _read(source)
            if len(data) > BYTES:
                raise ValueError(f"{len(data):,} bytes, more than {BYTES:,}")
            try:
                opened = Image.open(io.BytesIO(data), formats=_FORMATS)
            except UnidentifiedImageError as error:  # which tells an address in memory
                raise ValueError(f"none of {', '.join(_FORMATS)}") from error
            picture = stack.enter_context(opened)
            _check_size(*picture.size)
            if picture.mode in _DEEP:
                raise ValueError(f"more than 8 bits a channel (mode {picture.mode}), which would come out white")
            if picture.width * picture.height > _LARGE:
                stack.enter_context(_one_large)
            yield picture
        except broken as error:
            text = f"Expected a picture that PIL can decode in {where}, got: {error}. {advice}"
            raise DatasetError(reading.printable(text.rstrip())) from error


def read_picture(path: Path) -> bytes:
    """Bytes of a picture's file, whatever they are.

    Raises:
        DatasetError: no file, or a larger one than a picture may have.
    """
    return reading.read_bytes(path, error=DatasetError, what="a picture", limit=BYTES)


def _read(path: Path) -> bytes:
    reading.check_regular(path)
    with path.open("rb") as stream:
        return stream.read(BYTES + 1)


def _check_size(width: int, height: int) -> None:
    if width * height > PIXELS:
        raise ValueError(f"{width}×{height}, more than {PIXELS:,} pixels")
    if max(width, height) > ASPECT * min(width, height):
        raise ValueError(f"{width}×{height}, one side more than {ASPECT} times the other")
