"""A user's own picture files: which they are, how they are read, how problems with them are reported."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image, ImageOps

from salmubench.core import manifest, progress, reading
from salmubench.core.errors import ConfigError, DatasetError
from salmubench.core.pictures import open_picture
from salmubench.core.pools import processors
from salmubench.core.tables import LIMITS
from salmubench.generator import curation
from salmubench.generator.config import DatasetConfig

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
"""Suffixes of picture files."""
_DESKTOP = frozenset({"desktop.ini", "thumbs.db", "ehthumbs.db"})  # what Windows leaves in folders

CAPTION = LIMITS.text
"""Most bytes of a caption: a dataset with a longer one couldn't be read again."""
_QUALITY = 92  # of JPEG files
_SHOWN = 40  # problems in a message; the rest is counted
_LONGEST = 500  # letters of one


def root_of(path: str, *, part: str) -> Path:
    """The folder that the option `path` of the backend of a part names.

    Raises:
        ConfigError: no path, or nothing there.
    """
    if not path:
        raise ConfigError(f"Expected dataset.backends.{part}_options.path for the backend folder, got none.")
    root = Path(path)
    if not root.is_dir():
        raise ConfigError(f"Expected a folder of pictures at {root}, got none.")
    return root


def content_hash(root: Path, names: Iterable[str]) -> str:
    """SHA-256 over names and contents of files below a folder; one that isn't there is left out."""
    digest = hashlib.sha256()
    for name in names:
        if (root / name).is_file():
            digest.update(os.fsencode(name) + f"\0{manifest.sha256_file(root / name)}\n".encode())
    return digest.hexdigest()


def entries(folder: Path) -> list[Path]:
    """What is in a folder, sorted, without hidden files and those of desktops; nothing where there is no folder."""
    if not folder.is_dir():
        return []
    return sorted(
        path for path in folder.iterdir() if not path.name.startswith(".") and path.name.casefold() not in _DESKTOP
    )


def is_picture(path: Path) -> bool:
    """Whether it is a file with the suffix of a picture."""
    return path.is_file() and path.suffix.lower() in PICTURES


def read_picture(path: Path) -> Image.Image:
    """Decode a picture, turned as its EXIF data says.

    Raises:
        DatasetError: it doesn't decode.
    """
    with open_picture(path, where=str(path)) as image:
        return ImageOps.exif_transpose(image).convert("RGB")


def read_caption(path: Path) -> str:
    """Read the text that stands beside a picture.

    Raises:
        DatasetError: too long, or no UTF-8.
    """
    try:
        return reading.read_bytes(path, error=DatasetError, what="a caption", limit=CAPTION).decode()
    except UnicodeDecodeError as error:
        raise DatasetError(f"Expected a caption in UTF-8 in {path}, got other bytes. Save it as UTF-8.") from error


def problems_of(
    root: Path,
    groups: Sequence[tuple[Sequence[str], int]],
    config: DatasetConfig,
    shown: Callable[[Image.Image], Image.Image],
) -> Iterator[str]:
    """Pictures that don't decode, are too small, flat, or stand twice or nearly so.

    Args:
        groups: paths below the root of the pictures of each person or class, and how many of them are drawn.
        shown: a picture as it will be drawn.
    """
    first: dict[str, str] = {}

    def look(name: str) -> tuple[str, str, curation.PictureLook]:
        digest = manifest.sha256_file(root / name)
        try:
            picture = read_picture(root / name)
        except DatasetError:
            return digest, "Expected a picture that decodes, got none.", _NO_LOOK
        width, height = picture.size
        if min(width, height) < config.size:
            fault = f"Expected a short side of at least {config.size} pixels, got {width}×{height}."
            return digest, fault, _NO_LOOK
        return digest, "", curation.look(jpeg(shown(picture)))

    with (
        ThreadPoolExecutor(processors()) as pool,
        progress.bar(total=sum(len(names) for names, _ in groups), description="Checking pictures") as advance,
    ):
        for names, drawn in groups:
            looks = []
            for name, (digest, fault, seen) in zip(names, pool.map(look, names), strict=True):
                if fault:
                    yield f"{name}: {fault}"
                is_first = first.setdefault(digest, name) == name
                if not is_first:
                    yield f"{name}: Expected a picture of its own, got the bytes of {first[digest]}."
                looks.append(seen if is_first else _NO_LOOK)  # said once
                advance(1)
            yield from curation.problems(looks[:drawn], names, config.curation)


_NO_LOOK = curation.look(b"")


def jpeg(image: Image.Image) -> bytes:
    """A picture as a JPEG file."""
    data = io.BytesIO()
    image.save(data, "JPEG", quality=_QUALITY)
    return data.getvalue()


def raise_all(problems: Sequence[str], root: Path) -> None:
    """Raise one error that lists all problems.

    Raises:
        ConfigError: if there are any.
    """
    if problems:
        shown = "\n".join(f"  {reading.printable(problem, _LONGEST)}" for problem in problems[:_SHOWN])
        more = f"\n  … and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise ConfigError(f"Found {len(problems)} problems with the pictures in {root}:\n{shown}{more}")
