"""WebDataset shards for pretraining: the dataset's own JPEG bytes and captions in tar files.

`retain-NNNNN.tar` holds `retain_real` and `retain_synth`, `sensitive-NNNNN.tar` holds `forget` and both holdouts,
`holdouts-NNNNN.tar` both holdouts alone. Further captions of a row are members `r1.txt`, `r2.txt`, …, with their shares
of the row's sights in `shares.json`. Rows are assigned to shards by a seeded permutation, each part by its own.
Beside them lie `sizes.json` (rows of each shard, as open_clip reads it) and `shards.json` (whose they are).
The folder appears whole or not at all. Folders of a former version lack the holdouts; these are added where they are
asked for, and the other shards stay as they are.
"""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import re
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
    """One shard, as `shards.json` describes it."""

    bytes: _Count
    sha256: str


@dataclass(frozen=True)
class _Description:
    """Content of `shards.json`: rows of each shard, by part; former versions lack some."""

    dataset: str
    files: Mapping[str, _File]
    seed: Annotated[int, Field(strict=True)] = 0
    retain: tuple[_Count, ...] | None = None
    sensitive: tuple[_Count, ...] | None = None
    holdouts: tuple[_Count, ...] | None = None


@dataclass(frozen=True)
class ShardSet:
    """Shards of one dataset.

    Attributes:
        retain, sensitive, holdouts: rows of each shard, in order; of the holdouts `None` where a former version wrote
            none.
        files: bytes and SHA-256 of each shard by its name.
        holdouts_folder: where the shards of the holdouts are, if not in `folder`.
    """

    folder: Path
    dataset: str
    seed: int
    retain: tuple[int, ...]
    sensitive: tuple[int, ...]
    holdouts: tuple[int, ...] | None
    files: Mapping[str, Mapping[str, Any]]
    holdouts_folder: Path | None = None

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
        elsewhere = self.holdouts_folder if part == "holdouts" else None
        folder = re.sub(r"([\\{}])", r"\\\1", str(elsewhere or self.folder))
        return str(Path(folder) / f"{part}-{numbers}.tar")

    def _of(self, part: Part) -> tuple[int, ...]:
        shard_set: tuple[int, ...] | None = getattr(self, part)
        return shard_set or ()


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
    """Write the shards of a dataset; where the folder holds them already, do nothing but add the part it lacks.

    The same dataset and seed give the same bytes.

    Args:
        samples_per_shard: pairs in a shard; more where that would make more than 256 shards of a part.
        seed: of the permutation that assigns rows to shards; a part that is added takes that of its folder.

    Raises:
        DatasetError: no retain rows, or the folder holds shards of another dataset.
        OutputError: the disk is full or the folder can't be written.
    """
    if (folder / DESCRIPTION).is_file():
        shard_set = read_shards(folder, dataset)
        if shard_set.holdouts is None:
            _add_holdouts(dataset, shard_set, samples_per_shard=samples_per_shard)
    else:
        if not rows_of(dataset, "retain"):
            raise DatasetError(
                f"Expected rows in {' or '.join(RETAIN_SPLITS)} of {dataset.folder}, got none: there is nothing to "
                "train Clean on."
            )
        _write_folder(dataset, folder, PARTS, samples_per_shard=samples_per_shard, seed=seed)
    return read_shards(folder, dataset)


def read_shards(folder: Path, dataset: Dataset) -> ShardSet:
    """Find the shards of a dataset in a folder; `holdouts` is `None` where a former version wrote it.

    Raises:
        DatasetError: none there, shards of another dataset, a shard missing, or other rows than the dataset has.
    """
    return _read(folder, dataset, ("retain", "sensitive"))


def find_or_write(dataset: Dataset, other: Path, *, holdouts: bool = False) -> ShardSet:
    """Find the shards in the dataset's folder, or write them there, or, where it is read-only, to `other`.

    Args:
        other: the folder for shards of a dataset that is read-only.
        holdouts: the holdouts' own shards are needed. Where a former version wrote none they are added; where its
            folder is read-only they alone go to `<other>-holdouts`, so that the retain shards stay the very same.

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
    if not (place / DESCRIPTION).is_file():
        return write_shards(dataset, place)
    shard_set = read_shards(place, dataset)
    if not holdouts or shard_set.holdouts is not None:
        return shard_set
    if os.access(place, os.W_OK):
        return write_shards(dataset, place)
    return _holdouts_elsewhere(dataset, shard_set, other.with_name(f"{other.name}-holdouts"))


def _read(folder: Path, dataset: Dataset, needed: Sequence[Part]) -> ShardSet:
    path = folder / DESCRIPTION
    if not path.is_file():
        raise DatasetError(f"Expected shards of {dataset.name} in {folder}, got no {DESCRIPTION}. Write them first.")
    content = reading.read_json(path, error=DatasetError, mapping=True)
    advice = f"Delete {folder}; it is written anew."
    described = reading.validated(_Description, content, where=str(path), error=DatasetError, advice=advice)
    sizes = {part: getattr(described, part) for part in PARTS}
    missing = [part for part in needed if sizes[part] is None]
    if missing:
        raise DatasetError(f"Expected {', '.join(needed)} in {path}, got no {missing[0]}. {advice}")
    shard_set = ShardSet(
        folder=places.real(folder),
        dataset=described.dataset,
        seed=described.seed,
        retain=described.retain or (),
        sensitive=described.sensitive or (),
        holdouts=described.holdouts,
        files=writing.plain(described.files),
    )
    _check_same(shard_set, dataset, [part for part in PARTS if sizes[part] is not None])
    return shard_set


def _write_folder(dataset: Dataset, folder: Path, parts: Sequence[Part], *, samples_per_shard: int, seed: int) -> None:
    try:
        with writing.atomic_folder(folder) as temporary:
            content = _write_parts(dataset, temporary, parts, samples_per_shard=samples_per_shard, seed=seed)
            writing.write_json(temporary / SIZES, _sizes(content))
            writing.write_json(temporary / DESCRIPTION, content)
            _move(temporary, folder)
    except OSError as error:
        advice = f" Allow {_MAX_SHARDS + _OTHER_FILES} open files (ulimit -n)." if error.errno == errno.EMFILE else ""
        raise OutputError(
            f"Expected room and rights to write shards to {folder}, got: {error.strerror}.{advice}"
        ) from error


def _add_holdouts(dataset: Dataset, shard_set: ShardSet, *, samples_per_shard: int) -> None:
    """Add the part to a folder that a former version wrote; until the last file is there it reads as it did."""
    folder = shard_set.folder
    try:
        with writing.atomic_folder(folder / "holdouts") as temporary:
            added = _write_parts(
                dataset, temporary, ["holdouts"], samples_per_shard=samples_per_shard, seed=shard_set.seed
            )
            for name in added["files"]:
                (temporary / name).replace(folder / name)
        content = manifest.read_json(folder / DESCRIPTION)
        content = {**content, "holdouts": added["holdouts"], "files": {**content["files"], **added["files"]}}
        writing.write_json(folder / SIZES, _sizes(content))
        writing.write_json(folder / DESCRIPTION, content)
    except OSError as error:
        raise OutputError(
            f"Expected room and rights to add the holdouts' shards to {folder}, which a former version wrote without "
            f"them, got: {error.strerror}. Make room or the folder writable, and run the same command again; the other "
            "shards are as they were."
        ) from error


def _holdouts_elsewhere(dataset: Dataset, shard_set: ShardSet, folder: Path) -> ShardSet:
    """The shards with their holdouts in a folder of their own; written where there are none."""
    if not (folder / DESCRIPTION).is_file():
        _write_folder(dataset, folder, ["holdouts"], samples_per_shard=SAMPLES_PER_SHARD, seed=shard_set.seed)
    added = _read(folder, dataset, ["holdouts"])
    files = {**shard_set.files, **added.files}
    return replace(shard_set, holdouts=added.holdouts, holdouts_folder=added.folder, files=files)


def _write_parts(
    dataset: Dataset, folder: Path, parts: Sequence[Part], *, samples_per_shard: int, seed: int
) -> dict[str, Any]:
    """Write the shards of some parts; give what `shards.json` says about them."""
    sizes: dict[str, list[int]] = {
        part: _write_part(dataset, folder, part, samples_per_shard=samples_per_shard, seed=seed) for part in parts
    }
    files = {
        name: {"bytes": (folder / name).stat().st_size, "sha256": manifest.sha256_file(folder / name)}
        for name in _sizes(sizes)
    }
    return {"dataset": dataset.fingerprint, "seed": seed, **sizes, "files": files}


def _sizes(content: Mapping[str, Any]) -> dict[str, int]:
    """Name → rows of each shard that a `shards.json` describes."""
    return {shard_name(part, index): rows for part in PARTS for index, rows in enumerate(content.get(part, ()))}


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


def _check_same(shard_set: ShardSet, dataset: Dataset, parts: Sequence[Part]) -> None:
    if shard_set.dataset != dataset.fingerprint:
        raise DatasetError(
            f"Expected shards of the dataset {dataset.folder} (fingerprint {dataset.fingerprint[:12]}) in "
            f"{shard_set.folder}, got those of {shard_set.dataset[:12]}. Delete that folder; it is written anew."
        )
    for part in parts:
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
