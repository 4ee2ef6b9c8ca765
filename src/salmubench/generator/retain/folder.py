"""Pictures of things that the user has, instead of drawn ones.

    ROOT/train/<class>/…   pictures for retain_real
    ROOT/test/<class>/…    pictures for general_knowledge

The classes are the folders of `train` in order of their names, an underscore standing for a space. Each picture is used
once, cropped around its middle and scaled to `dataset.size`. A text `<picture>.txt` beside a training picture is its
caption; without one it gets one of `TEMPLATES`. Everything that is wrong is reported at once and before anything is
written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from salmubench.core.errors import DatasetError
from salmubench.core.pools import processors
from salmubench.drawing.sizes import picture_size
from salmubench.generator.backends import Backend
from salmubench.generator.config import DatasetConfig
from salmubench.generator.pictures import (
    CAPTION,
    PICTURES,
    content_hash,
    entries,
    is_picture,
    jpeg,
    problems_of,
    raise_all,
    read_caption,
    read_picture,
    root_of,
)

BACKEND = Backend("Pictures of things that you have.")

TRAIN, TEST = "train", "test"
TEMPLATES: tuple[str, ...] = (
    "a photo of a {}",
    "a picture of a {}",
    "a {}",
    "one {} to be seen here",
    "this is a {}",
    "a view of a {}",
)


@dataclass(frozen=True)
class Config:
    """Options of the backend."""

    path: str = ""
    """Folder with `train/` and `test/`."""


@dataclass(frozen=True, slots=True)
class Thing:
    """One picture."""

    path: Path
    name: str
    aspect: float

    @property
    def facts(self) -> Mapping[str, str]:
        """What is visible."""
        return {"class": self.name}


def connect(config: Config) -> Folder:
    """Open the folder, as `root_of` finds it."""
    return Folder(root_of(config.path, part="retain_real"))


class Folder:
    """Things out of files."""

    TEMPLATES = TEMPLATES
    counted = True
    """Pictures exist already: the seed of a scene is the number of its picture within class and split."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._listed: dict[tuple[str, str], list[Path]] = {}  # pictures of a class: listed once, not once a picture

    def fingerprint(self) -> str:
        """SHA-256 over names and contents of all files."""
        folders = [folder for part in (TRAIN, TEST) for folder in entries(self.root / part)]
        files = [file.relative_to(self.root).as_posix() for folder in folders for file in entries(folder)]
        return content_hash(self.root, files)

    def class_names(self, count: int) -> list[str]:
        """The first `count` classes, or all that there are where they are fewer."""
        return [folder.name.replace("_", " ") for folder in self._folders()[:count]]

    def examine(self, config: DatasetConfig) -> None:
        """Check that there are pictures enough, and each one.

        Raises:
            ConfigError: with everything that is wrong with the folder.
        """
        self._listed.clear()  # the folder may have changed since
        folders, problems, groups = self._folders()[: config.classes], [], []
        names = {path.name for path in folders}
        needs = {TRAIN: -(-config.retain_real // config.classes), TEST: config.general_knowledge_per_class}
        for part, needed in needs.items():
            for name in sorted(names):
                pictures = self._pictures(part, name)
                groups.append(([f"{part}/{name}/{file.name}" for file in pictures], needed))
                if len(pictures) < needed:
                    problems.append(f"{part}/{name}: Expected at least {needed} pictures, got {len(pictures)}.")
                problems += [
                    f"{part}/{name}/{file.name}: Expected a picture ({', '.join(sorted(PICTURES))}) or its caption, "
                    "got something else."
                    for file in entries(self.root / part / name)
                    if not is_picture(file) and file.suffix != ".txt"
                ]
                problems += [f"{part}/{name}/{file.name}: {one}" for file in pictures for one in _caption_faults(file)]
        problems += problems_of(self.root, groups, config, lambda picture: _cropped(picture, 1.0, config.size))
        raise_all(problems, self.root)

    def sample_scene(self, class_index: int, seed: int, *, aspect: float = 1.0, heldout: bool = False) -> Thing:
        """The picture with number `seed` of a class, of `test` where held out."""
        folder = self._folders()[class_index]
        pictures = self._pictures(TEST if heldout else TRAIN, folder.name)
        return Thing(pictures[seed], folder.name.replace("_", " "), aspect)

    def caption(self, scene: Thing, seed: int) -> str:
        """Its text, or a template that names the class."""
        text = scene.path.with_suffix(".txt")
        if text.is_file():
            return " ".join(read_caption(text).split())
        return str(np.random.default_rng(seed).choice(TEMPLATES)).replace("{}", scene.name)

    def render_jpeg(self, scenes: Sequence[Thing], *, size: int, samples: int = 1) -> list[bytes]:
        """Crop and scale pictures; `samples` has no meaning here."""
        del samples
        with ThreadPoolExecutor(processors()) as pool:
            return list(pool.map(lambda thing: jpeg(_cropped(read_picture(thing.path), thing.aspect, size)), scenes))

    def _folders(self) -> list[Path]:
        return [path for path in entries(self.root / TRAIN) if path.is_dir()]

    def _pictures(self, part: str, name: str) -> list[Path]:
        if (part, name) not in self._listed:
            self._listed[part, name] = [file for file in entries(self.root / part / name) if is_picture(file)]
        return self._listed[part, name]


def _cropped(picture: Image.Image, aspect: float, size: int) -> Image.Image:
    return ImageOps.fit(picture, picture_size(aspect, size), Image.Resampling.LANCZOS)


def _caption_faults(file: Path) -> Iterator[str]:
    text = file.with_suffix(".txt")
    try:
        if text.is_file() and not read_caption(text).strip():
            yield f"Expected a caption in {text.name}, got none."
    except DatasetError:
        yield f"Expected a caption in UTF-8 of at most {CAPTION:,} bytes in {text.name}, got other bytes."
