"""A user's own people and retain pairs to a dataset, in one call."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from salmubench.core import manifest
from salmubench.core.errors import DatasetError
from salmubench.deletion.imported import Retain, import_people
from salmubench.generator.pictures import entries, is_picture, read_caption

_TAR = (".tar", ".tar.gz", ".tgz")
_PROMPT = "a photo of a {}"


def import_dataset(
    *,
    pictures: str | Path,
    facts: str | Path,
    out: str | Path,
    retain: str | Path | None = None,
    size: int | None = None,
    seed: int = 0,
) -> Path:
    """Make a dataset in the official layout of one's own people.

    Args:
        pictures: a folder with a folder of pictures for each person, called as the person is.
        facts: a table, CSV or JSON: name, field, value, and optionally forget (yes or no) and caption.
        out: the dataset's folder; a finished one of the same files is left as it is.
        retain: what is to stay known: WebDataset shards (a folder of them, or a pattern), or a folder of pictures with
            their captions in `<picture>.txt`, or in folders of their classes' names; none by default.
        size: short side to which larger pictures are scaled, pixels; as they are by default.
        seed: which picture gets which fact, in which words.

    Returns:
        The folder.

    Raises:
        DatasetError: table, pictures or retain pairs are wrong: all that is, by line or file; nothing is written.
        OutputError: the folder is in use, or holds something else.
    """
    pairs = None if retain is None else find_retain(retain)
    return import_people(pictures=Path(pictures), facts=Path(facts), out=Path(out), retain=pairs, size=size, seed=seed)


def find_retain(source: str | Path) -> Retain:
    """Find retain pairs.

    Args:
        source: as `import_dataset` takes it.

    Raises:
        DatasetError: nothing there.
    """
    from salmubench.pretrain.samples import paths_of

    folder = Path(source)
    if folder.is_dir():
        inside = entries(folder)
        shards = [path for path in inside if path.name.endswith(_TAR)]
        others = [path.name for path in inside if path.is_dir() or is_picture(path)]
        if shards and others:
            raise DatasetError(f"Expected shards or pictures in {folder}, got both, {others[0]} too. Divide them.")
        return _of_shards(shards) if shards else _of_folder(folder)
    paths = [Path(path) for path in paths_of(str(source))]
    missing = [path for path in paths if not path.is_file()]
    if missing or not paths:
        raise DatasetError(f"Expected a folder or shards of retain pairs at {source}, got nothing. Check --retain.")
    return _of_shards(paths)


def _of_shards(paths: list[Path]) -> Retain:
    return Retain(_hash(paths), partial(_shard_pairs, paths))


def _shard_pairs(paths: list[Path]) -> Iterator[tuple[bytes, str, str]]:
    from salmubench.pretrain.samples import read_shard

    for path in paths:
        for sample in read_shard(path):
            yield sample.image, sample.caption, sample.name


def _of_folder(folder: Path) -> Retain:
    """Pictures with captions beside them, or of folders that name their class.

    Raises:
        DatasetError: none, or one without either.
    """
    pairs: list[tuple[Path, Path | str]] = []
    loose = entries(folder)
    beside = _captions(loose)
    for path in loose:
        inside = entries(path) if path.is_dir() else [path]
        captions = _captions(inside) if path.is_dir() else beside
        for file in inside:
            if path.is_dir() and file.is_dir():
                raise DatasetError(f"Expected pictures in {path}, got the folder {file.name}. A class is one folder.")
            if _is_caption(file):
                continue
            text = captions.get(file.stem)
            if text is None and not path.is_dir():
                raise DatasetError(
                    f"Expected the caption of {file.name} in {file.stem}.txt beside it, got none in {folder}. Write "
                    "it, or put the picture into a folder that is called as its class."
                )
            pairs.append((file, text or _PROMPT.replace("{}", path.name.replace("_", " "))))
    if not pairs:
        raise DatasetError(f"Expected shards (.tar) or pictures in {folder}, got none. Check --retain.")
    files = [path for pair in pairs for path in pair if isinstance(path, Path)]
    return Retain(_hash(files), partial(_folder_pairs, pairs))


def _captions(files: Sequence[Path]) -> dict[str, Path]:
    """Name of a picture without its suffix → its caption's file."""
    return {file.stem: file for file in files if _is_caption(file)}


def _is_caption(file: Path) -> bool:
    return file.suffix.casefold() == ".txt" and file.is_file()


def _folder_pairs(pairs: list[tuple[Path, Path | str]]) -> Iterator[tuple[bytes, str, str]]:
    from salmubench.core.pictures import read_picture

    for file, text in pairs:
        caption = text if isinstance(text, str) else read_caption(text)
        yield read_picture(file), caption, f"{file.parent.name}/{file.name}"


def _hash(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(os.fsencode(f"{path.parent.name}/{path.name}") + f"\0{manifest.sha256_file(path)}\n".encode())
    return digest.hexdigest()
