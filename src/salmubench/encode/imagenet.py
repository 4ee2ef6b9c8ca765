"""ImageNet's validation pictures as a dataset's general knowledge: a standard folder, `val/<synset>/<picture>`."""

from __future__ import annotations

import functools
import hashlib
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

from salmubench.core import manifest, progress
from salmubench.core.errors import DatasetError
from salmubench.core.pictures import read_picture
from salmubench.core.types import Pair, Split
from salmubench.dataset.layout import Dataset, GeneralKnowledge

PICTURES, CLASSES = 50_000, 1_000
"""Of the whole validation set."""

_SUFFIXES = (".jpeg", ".jpg", ".png")

log = logging.getLogger(__name__)


class WithImageNet(Dataset):
    """A dataset whose split `general_knowledge` is ImageNet's validation set; captions are synset ids.

    Class names and the 80 prompt templates are open_clip's; a picture competes among all 1,000 classes, whichever of
    them the folder holds.

    Args:
        folder: with `val/<synset>/…`, or `val` itself.

    Raises:
        DatasetError: no such folder, or one that isn't called by a synset of ImageNet-1k.
    """

    def __init__(self, dataset: Dataset, folder: Path) -> None:
        super().__init__(dataset.folder, dataset.name, revision=dataset.revision)
        self._pictures = _find(folder, set(self.general_knowledge.labels))
        classes = len({path.parent.name for path in self._pictures})
        if (len(self._pictures), classes) != (PICTURES, CLASSES):
            log.warning(
                "%s holds %d pictures of %d classes, not the %d pictures of %d classes of ImageNet's validation set.",
                folder, len(self._pictures), classes, PICTURES, CLASSES,
            )  # fmt: skip
        self.imagenet = _fingerprint(self._pictures)

    @functools.cached_property
    def general_knowledge(self) -> GeneralKnowledge:
        """Class names, templates and synset ids."""
        from salmubench.clip import models

        classes = models.imagenet_classes()
        return GeneralKnowledge(classes.names, classes.templates, classes.synsets)

    @functools.cached_property
    def counts(self) -> Mapping[str, int]:
        """Rows of each split."""
        return {**super().counts, Split.GENERAL_KNOWLEDGE: len(self._pictures)}

    def has(self, split: str) -> bool:
        """Whether the split is there."""
        return split == Split.GENERAL_KNOWLEDGE or super().has(split)

    def rows(self, split: str) -> list[Pair]:
        """All rows of a split without pictures."""
        if split != Split.GENERAL_KNOWLEDGE:
            return super().rows(split)
        return [Pair(_short(path), path.parent.name) for path in self._pictures]

    def images(self, split: str, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Stream the encoded pictures of rows `start` to `stop` of a split."""
        if split != Split.GENERAL_KNOWLEDGE:
            yield from super().images(split, start, stop)
            return
        for path in self._pictures[start:stop]:
            yield read_picture(path)


def _find(folder: Path, synsets: set[str]) -> list[Path]:
    root = folder / "val" if (folder / "val").is_dir() else folder
    classes = sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    strange = [path.name for path in classes if path.name not in synsets]
    if not classes or strange:
        raise DatasetError(
            f"Expected a folder for each class of ImageNet-1k, val/n01440764 and so on, in {folder}, got "
            f"{strange[0] if strange else 'no folder'}. Sort the validation pictures into folders by synset first."
        )
    paths = [path for part in classes for path in sorted(part.iterdir()) if path.suffix.lower() in _SUFFIXES]
    broken = next((path for path in paths if not path.is_file()), None)
    if not paths or broken is not None:
        given = "none" if broken is None else f"{broken.name}, which is no file"
        raise DatasetError(f"Expected pictures ({', '.join(_SUFFIXES)}) in the class folders of {root}, got {given}.")
    return paths


def _fingerprint(pictures: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in progress.track(pictures, total=len(pictures), description="hash ImageNet"):
        digest.update(f"{_short(path)}\0{manifest.sha256_file(path)}\n".encode())
    return digest.hexdigest()


def _short(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"
