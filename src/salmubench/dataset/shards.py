"""WebDataset shards for pretraining: the dataset's own JPEG bytes and captions in tar files.

`retain-NNNNN.tar` holds `retain_real` and `retain_synth`, `sensitive-NNNNN.tar` holds `forget` and both holdouts. Rows
are assigned to shards by a seeded permutation. Beside them lie `sizes.json` (rows of each shard, as open_clip reads it)
and `shards.json` (which dataset they were made from). The folder appears whole or not at all.
"""

from __future__ import annotations

import io
import os
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from salmubench import manifest
from salmubench.dataset.layout import Dataset
from salmubench.errors import DatasetError, OutputError
from salmubench.types import SENSITIVE_SPLITS, Split

Part = Literal["retain", "sensitive"]

FOLDER = "shards"
SIZES = "sizes.json"
DESCRIPTION = "shards.json"
SAMPLES_PER_SHARD = 1000
RETAIN_SPLITS = (Split.RETAIN_REAL, Split.RETAIN_SYNTH)

_MAX_SHARDS = 256  # all shards of a part are open at once while they are written
_SPLITS: Mapping[Part, tuple[Split, ...]] = {"retain": RETAIN_SPLITS, "sensitive": SENSITIVE_SPLITS}


@dataclass(frozen=True)
class ShardSet:
    """Shards of one dataset.

    Attributes:
        folder: where they are.
        dataset: fingerprint of the dataset they were made from.
        retain: rows of each retain shard, in order.
        sensitive: rows of each sensitive shard, in order; empty where the dataset has no sensitive rows.
        files: bytes and SHA-256 of each shard by its name.
    """

    folder: Path
    dataset: str
    retain: tuple[int, ...]
    sensitive: tuple[int, ...]
    files: Mapping[str, Mapping[str, Any]]

    def rows(self, part: Part) -> int:
        """How many pairs a part has."""
        return sum(self._of(part))

    def shards(self, part: Part) -> int:
        """How many shards a part has."""
        return len(self._of(part))

    def pattern(self, part: Part) -> str:
        """The part as one brace pattern, as WebDataset and open_clip's `--train-data` take it."""
        count = self.shards(part)
        numbers = "00000" if count == 1 else f"{{00000..{count - 1:05d}}}"
        return str(self.folder / f"{part}-{numbers}.tar")

    def _of(self, part: Part) -> tuple[int, ...]:
        return self.retain if part == "retain" else self.sensitive


def shard_name(part: Part, index: int) -> str:
    """Name of a shard, e.g. `retain-00003.tar`."""
    return f"{part}-{index:05d}.tar"


def write_shards(
    dataset: Dataset, folder: Path, *, samples_per_shard: int = SAMPLES_PER_SHARD, seed: int = 0
) -> ShardSet:
    """Write the shards of a dataset; where the folder holds them already, do nothing.

    The same dataset and seed give the same bytes.

    Args:
        dataset: the dataset.
        folder: the folder that appears.
        samples_per_shard: pairs in a shard; more where that would make more than 256 shards of a part.
        seed: of the permutation that assigns rows to shards.

    Raises:
        DatasetError: no retain rows, or the folder holds shards of another dataset.
        OutputError: the disk is full or the folder can't be written.
    """
    if (folder / DESCRIPTION).is_file():
        return read_shards(folder, dataset)
    temporary = manifest.temporary_beside(folder)
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        sizes = {
            part: _write_part(dataset, temporary, part, samples_per_shard=samples_per_shard, seed=seed)
            for part in _SPLITS
        }
        _check_retain(dataset, sizes["retain"])
        named = {shard_name(part, index): rows for part in sizes for index, rows in enumerate(sizes[part])}
        manifest.write_json(temporary / SIZES, named)
        manifest.write_json(
            temporary / DESCRIPTION,
            {
                "dataset": dataset.fingerprint,
                "seed": seed,
                **sizes,
                "files": {
                    name: {"bytes": (temporary / name).stat().st_size, "sha256": manifest.sha256_file(temporary / name)}
                    for name in named
                },
            },
        )
        _move(temporary, folder)
    except OSError as error:
        raise OutputError(f"Expected room and rights to write shards to {folder}, got: {error.strerror}.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return read_shards(folder, dataset)


def read_shards(folder: Path, dataset: Dataset) -> ShardSet:
    """Find the shards of a dataset in a folder.

    Raises:
        DatasetError: none there, shards of another dataset, a shard missing, or other rows than the dataset has.
    """
    path = folder / DESCRIPTION
    if not path.is_file():
        raise DatasetError(f"Expected shards of {dataset.name} in {folder}, got no {DESCRIPTION}. Write them first.")
    content = manifest.read_json(path)
    try:
        shard_set = ShardSet(
            folder=folder.resolve(),
            dataset=str(content["dataset"]),
            retain=tuple(int(rows) for rows in content["retain"]),
            sensitive=tuple(int(rows) for rows in content["sensitive"]),
            files={str(name): {"bytes": int(of["bytes"]), **of} for name, of in content["files"].items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DatasetError(
            f"Expected dataset, retain, sensitive and files in {path}, got something else ({error!r}). Delete "
            f"{folder}; it is written anew."
        ) from error
    _check_same(shard_set, dataset)
    return shard_set


def find_or_write(dataset: Dataset, other: Path) -> ShardSet:
    """Find the shards in the dataset's folder, or write them there, or, where it is read-only, to `other`.

    Raises:
        DatasetError: shards of another dataset, or no retain rows.
        OutputError: neither folder can be written.
    """
    folder = dataset.folder / FOLDER
    if (folder / DESCRIPTION).is_file() or os.access(dataset.folder, os.W_OK):
        return write_shards(dataset, folder)
    return write_shards(dataset, other)


def _write_part(dataset: Dataset, folder: Path, part: Part, *, samples_per_shard: int, seed: int) -> list[int]:
    splits = [split for split in _SPLITS[part] if dataset.has(split)]
    total = sum(dataset.counts[split] for split in splits)
    if total == 0:
        return []
    count = min(-(-total // samples_per_shard), _MAX_SHARDS)
    rng = np.random.default_rng([seed, list(_SPLITS).index(part)])
    shard_of = rng.permutation(np.arange(total) % count)  # int64 (total,)
    tars = [tarfile.open(folder / shard_name(part, index), "w") for index in range(count)]  # noqa: SIM115
    try:
        for shard, (key, image, caption) in zip(shard_of, _samples(dataset, splits), strict=True):
            _add(tars[shard], f"{key}.{_extension(image)}", image)
            _add(tars[shard], f"{key}.txt", caption.encode())
    finally:
        for tar in tars:
            tar.close()
    return [int(rows) for rows in np.bincount(shard_of, minlength=count)]


def _samples(dataset: Dataset, splits: list[Split]) -> Iterator[tuple[str, bytes, str]]:
    for split in splits:
        rows = dataset.rows(split)
        for index, (row, image) in enumerate(zip(rows, dataset.images(split), strict=True)):
            yield f"{split}-{index:08d}", image, row.caption


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


def _check_retain(dataset: Dataset, sizes: list[int]) -> None:
    if not sizes:
        raise DatasetError(
            f"Expected rows in {' or '.join(RETAIN_SPLITS)} of {dataset.folder}, got none: there is nothing to train "
            "Clean on."
        )


def _check_same(shard_set: ShardSet, dataset: Dataset) -> None:
    if shard_set.dataset != dataset.fingerprint:
        raise DatasetError(
            f"Expected shards of the dataset {dataset.folder} (fingerprint {dataset.fingerprint[:12]}) in "
            f"{shard_set.folder}, got those of {shard_set.dataset[:12]}. Delete that folder; it is written anew."
        )
    for part, splits in _SPLITS.items():
        expected = sum(dataset.counts.get(split, 0) for split in splits)
        if shard_set.rows(part) != expected:
            raise DatasetError(
                f"Expected {expected} {part} pairs in {shard_set.folder}, got {shard_set.rows(part)} in "
                f"{DESCRIPTION}. Delete the folder; it is written anew."
            )
        for index in range(shard_set.shards(part)):
            _check_file(shard_set, shard_name(part, index))


def _check_file(shard_set: ShardSet, name: str) -> None:
    path, expected = shard_set.folder / name, shard_set.files.get(name, {}).get("bytes")
    size = path.stat().st_size if path.is_file() else None
    if size is None or size != expected:
        there = f"no {name}" if size is None else f"{size} bytes in {name}"
        raise DatasetError(
            f"Expected the shards that {DESCRIPTION} names in {shard_set.folder}, {name} with {expected} bytes, got "
            f"{there}. Delete the folder; it is written anew."
        )
