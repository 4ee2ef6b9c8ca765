"""Pairs of WebDataset shards, read one by one: picture and caption share the file name up to the first dot.

Other members are neither read nor decoded.
"""

from __future__ import annotations

import io
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from salmubench.errors import DatasetError

IMAGES = ("jpg", "jpeg", "png", "webp")

EXPECTED = (*IMAGES, "txt", "json")
"""Members that a shard may be expected to have; img2dataset writes a `json` for each pair, which nothing needs."""

_LONGEST = 32  # letters of an extension that are shown
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")  # of pictures, whatever they are called; EPS would start Ghostscript


class Sample(NamedTuple):
    """One pair as it lies in a shard.

    Attributes:
        image: encoded picture.
        caption: its caption.
        name: key and shard, for messages.
    """

    image: bytes
    caption: str
    name: str


Broken = Callable[[DatasetError], None]
"""What to do with a pair that can't be used: raise the error, or note it and go on."""


def fail(error: DatasetError) -> None:
    """Raise the error: no broken pair is allowed."""
    raise error


def paths_of(pattern: str) -> list[str]:
    """Shards of a pattern as open_clip's `--train-data` takes it: brace patterns joined by `::`."""
    from webdataset.shardlists import expand_urls

    return [path for source in pattern.split("::") for path in expand_urls(source)]


def read_shard(path: str | Path, broken: Broken = fail, ignored: Counter[str] | None = None) -> Iterator[Sample]:
    """Read the pairs of a shard.

    Args:
        path: a tar file.
        broken: what to do with a pair without picture or caption, and with what a cut-off file lacks.
        ignored: counts by extension the members that are no picture, `txt` or `json`.

    Raises:
        DatasetError: the file is missing; with `fail` also where it is cut off or a pair is incomplete.
    """
    if not Path(path).is_file():
        raise DatasetError(f"Expected a WebDataset shard at {path}, got no file.")
    files: dict[str, bytes] = {}
    current = ""
    try:
        with tarfile.open(path) as tar:
            for member in tar:
                key, _, extension = member.name.partition(".")
                if key != current and files:
                    yield from _pair(files, f"{current} in {path}", broken)
                    files = {}
                stream = tar.extractfile(member)
                if stream is not None:
                    current, extension = key, extension.lower()
                    files[extension] = stream.read() if extension in (*IMAGES, "txt") else b""
                    if ignored is not None and extension not in EXPECTED:
                        ignored[extension[:_LONGEST]] += 1
    except (tarfile.TarError, OSError, EOFError) as error:
        broken(DatasetError(f"Expected a WebDataset shard at {path}, got: {error}."))
        return
    if files:
        yield from _pair(files, f"{current} in {path}", broken)


def open_picture(sample: Sample) -> Any:
    """Decode a picture with PIL.

    Raises:
        DatasetError: it can't be decoded.
    """
    return open_bytes(sample.image, sample.name)


def open_bytes(data: bytes, name: str) -> Any:
    """Decode an encoded picture with PIL, to RGB.

    Args:
        data: JPEG, PNG, WebP, GIF or BMP.
        name: for messages.

    Raises:
        DatasetError: it can't be decoded.
    """
    from PIL import Image

    try:
        return Image.open(io.BytesIO(data), formats=_FORMATS).convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DatasetError(f"Expected a picture for {name}, got: {error}.") from error


def _pair(files: Mapping[str, bytes], name: str, broken: Broken) -> Iterator[Sample]:
    image = next((files[extension] for extension in IMAGES if extension in files), None)
    if image is None or "txt" not in files:
        broken(DatasetError(f"Expected a picture and a caption (.jpg, .txt) for {name}, got {sorted(files)}."))
        return
    try:
        caption = files["txt"].decode()
    except UnicodeDecodeError as error:
        broken(DatasetError(f"Expected a caption in UTF-8 for {name}, got: {error}."))
        return
    yield Sample(image, caption, name)
