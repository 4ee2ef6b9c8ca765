"""A user's own retain pairs, which belong to nobody in the table of facts."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from salmubench.core import manifest
from salmubench.core.errors import DatasetError
from salmubench.dataset import layout
from salmubench.dataset.leaks import UniqueValues, contains, folded
from salmubench.deletion.facts import plain_text, raise_problems
from salmubench.deletion.own_pictures import Look, encoded, look
from salmubench.generator.pictures import CAPTION, entries, is_picture, read_caption

_TAR = (".tar", ".tar.gz", ".tgz")


class Retain(NamedTuple):
    """Pairs that belong to nobody in the table: encoded picture, caption and a name for messages, one by one."""

    sha256: str
    pairs: Callable[[], Iterable[tuple[bytes, str, str]]]


def find_retain(source: str | Path) -> Retain:
    """Find retain pairs where `import_dataset` was told that they are.

    Raises:
        DatasetError: nothing there, or pictures without a caption or class.
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
    """Pictures with captions beside them, or of folders that name their class."""
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
            pairs.append((file, text or f"a photo of a {path.name.replace('_', ' ')}"))
    if not pairs:
        raise DatasetError(f"Expected shards (.tar) or pictures in {folder}, got none. Check --retain.")
    files = [path for pair in pairs for path in pair if isinstance(path, Path)]
    return Retain(_hash(files), partial(_folder_pairs, pairs))


def _captions(files: Sequence[Path]) -> dict[str, Path]:
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


def check_retain(
    retain: Retain, unique: UniqueValues, private: Collection[str], looks: Mapping[Path, Look], size: int | None
) -> None:
    """Look at every retain pair, before the first file is written, beside what was seen of the people.

    Args:
        unique: their names and values that one person alone has.
        private: their values of fields of the user's own.

    Raises:
        DatasetError: pictures that don't decode or stand twice, captions that are empty or state a private value.
    """
    first = {one.digest: f"{path.parent.name}/{path.name}" for path, one in looks.items()}
    problems = []
    for image, caption, name in retain.pairs():
        text = plain_text(caption)
        words = folded(text)
        stated = next((f"{entry.field} {entry.value!r}" for entry in unique.within(text)), None)
        stated = stated or next((f"value {value!r}" for value in private if contains(words, folded(value))), None)
        if not text:
            problems.append(f"{name}: Expected a caption, got none. Write one, or take the pair out.")
        elif len(text.encode()) > CAPTION:
            problems.append(f"{name}: Expected a caption of at most {CAPTION:,} bytes, got {len(text.encode()):,}.")
        elif stated is not None:
            problems.append(
                f"{name}: Expected a caption that says nothing of the people in the table, got the "
                f"{stated} in it. Take the pair out."
            )
        seen = look(image, name, size)
        if seen.problem:
            problems.append(f"{name}: {seen.problem}")
        elif seen.digest in first:
            problems.append(f"{name}: Expected a picture of its own, got that of {first[seen.digest]} again.")
        else:
            first[seen.digest] = name
    raise_problems(problems, "with the retain pairs")


def retain_rows(retain: Retain, size: int | None) -> Iterator[layout.Row]:
    """Rows without identity."""
    for number, (image, caption, name) in enumerate(retain.pairs()):
        data, suffix, (width, height) = encoded(image, name, size)
        yield layout.Row(data, plain_text(caption), None, f"r_{number:08d}_ar-{width / height:.2f}.{suffix}")
