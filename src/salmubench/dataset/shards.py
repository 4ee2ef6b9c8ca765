"""WebDataset shards for pretraining: the dataset's own JPEG bytes and captions in tar files.

`retain-NNNNN.tar` holds `retain_real` and `retain_synth`, `sensitive-NNNNN.tar` holds `forget` and both holdouts,
`holdouts-NNNNN.tar` both holdouts alone. Further captions of a row are members `r1.txt`, `r2.txt`, …, with their shares
of the row's sights in `shares.json`. Rows are assigned to shards by a seeded permutation, each part by its own.
Beside them lie `sizes.json` (rows of each shard, as open_clip reads it) and `shards.json` (whose they are).
The folder appears whole or not at all.
"""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import re
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import numpy as np
from pydantic import Field

from salmubench.core import manifest, places, reading, writing
from salmubench.core.errors import DatasetError, OutputError
from salmubench.core.types import SENSITIVE_SPLITS, Pair, Split
from salmubench.dataset.layout import Dataset

Part = Literal["retain", "sensitive", "holdouts"]
PARTS: tuple[Part, ...] = get_args(Part)
"""All parts; the place of one is the number of its random stream, so new ones come last."""

FOLDER = "shards"
SIZES = "sizes.json"
DESCRIPTION = "shards.json"
SAMPLES_PER_SHARD = 1000
SHARES = "shares.json"
"""Member of a pair: share of its sights that each further caption has, in order."""
RETAIN_SPLITS = (Split.RETAIN_REAL, Split.RETAIN_SYNTH)

_MAX_SHARDS = 256  # all shards of a part are open at once while they are written
_OTHER_FILES = 256  # that a process may have open beside
_SPLITS: Mapping[Part, tuple[Split, ...]] = {
    "retain": RETAIN_SPLITS,
    "sensitive": SENSITIVE_SPLITS,
    "holdouts": (Split.HOLDOUT_ASSOCIATION, Split.HOLDOUT_IDENTITY),
}


_Count = Annotated[int, Field(ge=0, strict=True)]


@dataclass(frozen=True)
class _File:
    bytes: _Count
    sha256: str


@dataclass(frozen=True)
class _Description:
    """Content of `shards.json`: rows of each shard, by part."""

    dataset: str
    files: Mapping[str, _File]
    seed: Annotated[int, Field(strict=True)]
    retain: tuple[_Count, ...]
    sensitive: tuple[_Count, ...]
    holdouts: tuple[_Count, ...]


@dataclass(frozen=True)
class ShardSet:
    """Shards of one dataset.

    Attributes:
        retain, sensitive, holdouts: rows of each shard, in order.
        files: bytes and SHA-256 of each shard by its name.
    """

    folder: Path
    dataset: str
    seed: int
    retain: tuple[int, ...]
    sensitive: tuple[int, ...]
    holdouts: tuple[int, ...]
    files: Mapping[str, Mapping[str, Any]]

    def rows(self, part: Part) -> int:
        """How many pairs the shards of a part have."""
        return sum(self._of(part))

    def shards(self, part: Part) -> int:
        """How many shards a part has."""
        return len(self._of(part))

    def pattern(self, part: Part) -> str:
        """The part as one brace pattern, as WebDataset and open_clip's `--train-data` take it; the path is literal."""
        count = self.shards(part)
        numbers = "00000" if count == 1 else f"{{00000..{count - 1:05d}}}"
        folder = re.sub(r"([\\{}])", r"\\\1", str(self.folder))
        return str(Path(folder) / f"{part}-{numbers}.tar")

    def _of(self, part: Part) -> tuple[int, ...]:
        rows: tuple[int, ...] = getattr(self, part)
        return rows


def shard_name(part: Part, index: int) -> str:
    """Name of a shard, e.g. `retain-00003.tar`."""
    return f"{part}-{index:05d}.tar"


def rewrite_member(number: int) -> str:
    """Extension of a further caption of a pair, by its number from 0."""
    return f"r{number + 1}.txt"


def rows_of(dataset: Dataset, part: Part) -> int:
    """How many pairs of a dataset belong to a part."""
    return sum(dataset.counts.get(split, 0) for split in _SPLITS[part])


def write_shards(
    dataset: Dataset, folder: Path, *, samples_per_shard: int = SAMPLES_PER_SHARD, seed: int = 0
) -> ShardSet:
    """Write the shards of a dataset; where the folder holds them already, do nothing.

    The same dataset and seed give the same bytes.

    Args:
        samples_per_shard: pairs in a shard; more where that would make more than 256 shards of a part.
        seed: of the permutation that assigns rows to shards.

    Raises:
        DatasetError: no retain rows, or the folder holds shards of another dataset.
        OutputError: the disk is full or the folder can't be written.
    """
    if not (folder / DESCRIPTION).is_file():
        if not rows_of(dataset, "retain"):
            raise DatasetError(
                f"Expected rows in {' or '.join(RETAIN_SPLITS)} of {dataset.folder}, got none: there is nothing to "
                "train Clean on."
            )
        try:
            with writing.atomic_folder(folder) as temporary:
                content = _write_parts(dataset, temporary, samples_per_shard=samples_per_shard, seed=seed)
                writing.write_json(temporary / SIZES, _sizes(content))
                writing.write_json(temporary / DESCRIPTION, content)
                _move(temporary, folder)
        except OSError as error:
            more = f" Allow {_MAX_SHARDS + _OTHER_FILES} open files (ulimit -n)." if error.errno == errno.EMFILE else ""
            raise OutputError(
                f"Expected room and rights to write shards to {folder}, got: {error.strerror}.{more}"
            ) from error
    return read_shards(folder, dataset)


def read_shards(folder: Path, dataset: Dataset) -> ShardSet:
    """Find the shards of a dataset in a folder.

    Raises:
        DatasetError: none there, shards of another dataset, a shard missing, or other rows than the dataset has.
    """
    path = folder / DESCRIPTION
    if not path.is_file():
        raise DatasetError(f"Expected shards of {dataset.name} in {folder}, got no {DESCRIPTION}. Write them first.")
    content = reading.read_json(path, error=DatasetError, mapping=True)
    advice = f"Delete {folder}; it is written anew."
    described = reading.validated(_Description, content, where=str(path), error=DatasetError, advice=advice)
    shard_set = ShardSet(places.real(folder), **{**vars(described), "files": writing.plain(described.files)})
    _check_same(shard_set, dataset)
    return shard_set


def find_or_write(dataset: Dataset, other: Path) -> ShardSet:
    """Find the shards in the dataset's folder, or write them there, or, where it is read-only, to `other`.

    Raises:
        DatasetError: shards of another dataset, no retain rows, or a path that the engine can't be given.
        OutputError: neither folder can be written.
    """
    folder = dataset.folder / FOLDER
    there = (folder / DESCRIPTION).is_file() or os.access(dataset.folder, os.W_OK)
    place = folder if there else other
    if "::" in str(places.real(place)):
        raise DatasetError(
            f"Expected a path without '::', which stands between shards in the engine's --train-data, got {place}. "
            "Rename the folder."
        )
    return write_shards(dataset, place)


def _write_parts(dataset: Dataset, folder: Path, *, samples_per_shard: int, seed: int) -> dict[str, Any]:
    """Write the shards of all parts; give what `shards.json` says about them."""
    sizes: dict[str, list[int]] = {
        part: _write_part(dataset, folder, part, samples_per_shard=samples_per_shard, seed=seed) for part in PARTS
    }
    files = {
        name: {"bytes": (folder / name).stat().st_size, "sha256": manifest.sha256_file(folder / name)}
        for name in _sizes(sizes)
    }
    return {"dataset": dataset.fingerprint, "seed": seed, **sizes, "files": files}


def _sizes(content: Mapping[str, Any]) -> dict[str, int]:
    """Name → rows of each shard that a `shards.json` describes."""
    return {shard_name(part, index): rows for part in PARTS for index, rows in enumerate(content[part])}


def _write_part(dataset: Dataset, folder: Path, part: Part, *, samples_per_shard: int, seed: int) -> list[int]:
    splits = [split for split in _SPLITS[part] if dataset.has(split)]
    total = sum(dataset.counts[split] for split in splits)
    if total == 0:
        return []
    count = min(-(-total // samples_per_shard), _MAX_SHARDS)
    rng = np.random.default_rng([seed, PARTS.index(part)])
    shard_of = rng.permutation(np.arange(total) % count)  # int64 (total,)
    with _open_files(count), contextlib.ExitStack() as stack:
        tars = [stack.enter_context(tarfile.open(folder / shard_name(part, index), "w")) for index in range(count)]
        for shard, (key, image, row) in zip(shard_of, _samples(dataset, splits), strict=True):
            _add(tars[shard], f"{key}.{_extension(image)}", image)
            _add(tars[shard], f"{key}.txt", row.caption.encode())
            for number, rewrite in enumerate(row.rewrites):
                _add(tars[shard], f"{key}.{rewrite_member(number)}", rewrite.caption.encode())
            if row.rewrites:
                shares = [rewrite.share for rewrite in row.rewrites]
                _add(tars[shard], f"{key}.{SHARES}", json.dumps(shares).encode())
    return [int(rows) for rows in np.bincount(shard_of, minlength=count)]


@contextlib.contextmanager
def _open_files(count: int) -> Iterator[None]:
    """Let this process open as many files more while this lasts, as far as the system's own limit goes.

    Shells of macOS give 256 in all, which shows at the end of a long build only.
    """
    try:
        import resource
    except ImportError:  # not on Windows
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = count + _OTHER_FILES if hard == resource.RLIM_INFINITY else min(count + _OTHER_FILES, hard)
    if soft == resource.RLIM_INFINITY or soft >= limit:
        yield
        return
    with contextlib.suppress(OSError, ValueError):  # then what can't be opened says so
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _samples(dataset: Dataset, splits: list[Split]) -> Iterator[tuple[str, bytes, Pair]]:
    for split in splits:
        rows = dataset.rows(split)
        for index, (row, image) in enumerate(zip(rows, dataset.images(split), strict=True)):
            yield f"{split}-{index:08d}", image, row


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)  # owner, time and mode are TarInfo's constants: same bytes everywhere
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))


def _extension(image: bytes) -> str:
    if image.startswith(b"\x89PNG"):
        return "png"
    return "webp" if image[:4] == b"RIFF" and image[8:12] == b"WEBP" else "jpg"


def _move(temporary: Path, folder: Path) -> None:
    """Rename the finished folder; where another process was faster, its shards are the same and stay."""
    try:
        temporary.replace(folder)
    except OSError:
        if not (folder / DESCRIPTION).is_file():
            raise


def _check_same(shard_set: ShardSet, dataset: Dataset) -> None:
    if shard_set.dataset != dataset.fingerprint:
        raise DatasetError(
            f"Expected shards of the dataset {dataset.folder} (fingerprint {dataset.fingerprint[:12]}) in "
            f"{shard_set.folder}, got those of {shard_set.dataset[:12]}. Delete that folder; it is written anew."
        )
    for part in PARTS:
        expected = rows_of(dataset, part)
        if shard_set.rows(part) != expected:
            raise DatasetError(
                f"Expected {expected} {part} pairs in {shard_set.folder}, got {shard_set.rows(part)} in {DESCRIPTION}. "
                "Delete the folder; it is written anew."
            )
        for name in (shard_name(part, index) for index in range(shard_set.shards(part))):
            path, stated = shard_set.folder / name, shard_set.files.get(name, {}).get("bytes")
            size = path.stat().st_size if path.is_file() else None
            if size is None or size != stated:
                there = f"no {name}" if size is None else f"{size} bytes in {name}"
                raise DatasetError(
                    f"Expected the shards that {DESCRIPTION} names in {shard_set.folder}, {name} with {stated} bytes, "
                    f"got {there}. Delete the folder; it is written anew."
                )
