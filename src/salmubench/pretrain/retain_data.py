"""Retain pairs of the user: WebDataset shards, examined before anything is trained on them."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from salmubench.core import manifest, progress, reading
from salmubench.core.errors import ConfigError, DatasetError
from salmubench.core.pools import cores
from salmubench.dataset.shards import SIZES
from salmubench.pretrain.samples import Sample, open_bytes, paths_of, read_shard

log = logging.getLogger(__name__)

_CHUNK = 256  # pairs held at once
_NAMED = 5  # broken pairs that a message shows
_EXTENSIONS = 20  # of ignored members that are listed
_MOST = 1_000_000  # pairs that a file beside a shard may state; img2dataset writes 10,000 a shard


@dataclass(frozen=True)
class Shard:
    """One shard.

    Attributes:
        path: the tar file, or what webdataset reads instead.
        bytes: its size; `None` where it is no file on this machine.
        pairs: usable pairs; `None` where nothing beside the shard says it and it wasn't read.
        sha256: of the file where it was read, else `None`.
    """

    path: str
    bytes: int | None
    pairs: int | None
    sha256: str | None


@dataclass(frozen=True)
class RetainData:
    """Result of an examination of the shards.

    Attributes:
        broken: messages of the pairs that can't be used, of the shards that were read.
        ignored: members that are no picture, `txt` or `json`, by extension, of the shards that were read: how many.
            They are never decoded, in whatever way the training reads the shards.
    """

    pattern: str
    shards: tuple[Shard, ...]
    pairs: int
    read: int
    broken: tuple[str, ...]
    ignored: Mapping[str, int]

    @property
    def local(self) -> bool:
        """All shards are files on this machine."""
        return all(shard.bytes is not None for shard in self.shards)


def examine(pattern: str, *, samples: int = 0, check_shards: int | None = 2, broken_limit: float = 0.0) -> RetainData:
    """Check that all shards are there, read some of them or all, and count.

    Args:
        pattern: brace patterns joined by `::`. What is no file (`pipe:…`, `s3://…`) is taken as it is.
        samples: pairs there are, as the user says; 0: counted.
        check_shards: how many are read and decoded, spread evenly; `None`: all. Those that are cut off are read
            anyway, and without `samples` those whose count nothing states.
        broken_limit: share of the pairs read that may be broken.

    Raises:
        ConfigError: remote shards, whose pairs can't be counted here, without `samples`, or with a quote in an address.
        DatasetError: a shard is missing, too many pairs are broken, or the count is another than `samples`.
    """
    paths = paths_of(pattern)
    if any(path.lower().startswith("pipe:") or "://" in path for path in paths):
        _check_addresses(paths)
        if not samples:
            raise ConfigError("Expected pretrain.retain_samples with shards that are no local files, got 0.")
        return RetainData(pattern, tuple(Shard(path, None, None, None) for path in paths), samples, 0, (), {})
    _check_present(paths)
    stated = _stated(paths)
    chosen = set(paths if check_shards is None else _spread(paths, check_shards))
    chosen |= {path for path in paths if not _ends_well(path)}
    if not samples:
        chosen |= {path for path in paths if path not in stated}
    shards, broken, seen, ignored = [], list[str](), 0, Counter[str]()
    with progress.bar(total=len(chosen), description="check retain shards") as advance:
        for path in paths:
            size = Path(path).stat().st_size
            if path not in chosen:
                shards.append(Shard(path, size, stated.get(path), None))
                continue
            good, bad = _read(path, stated.get(path), ignored)
            seen += good + len(bad)
            broken += bad
            shards.append(Shard(path, size, good, manifest.sha256_file(Path(path))))
            advance(1)
    _check_broken(broken, limit=broken_limit, seen=seen, read=len(chosen))
    counted = None if any(shard.pairs is None for shard in shards) else sum(shard.pairs or 0 for shard in shards)
    if samples and counted is not None and counted != samples:
        raise DatasetError(
            f"Expected {samples} pairs (pretrain.retain_samples) in {pattern}, got {counted}. Give 0 to have them "
            "counted."
        )
    listed = dict(ignored.most_common(_EXTENSIONS))
    if listed:
        log.warning(
            "pretrain.retain_data: only pictures and captions are decoded; ignored in the %d shards that were read: %s",
            len(chosen), ", ".join(f"{count} × {extension!a}" for extension, count in listed.items()),
        )  # fmt: skip
    pairs = samples if counted is None else counted
    return RetainData(pattern, tuple(shards), pairs, len(chosen), tuple(broken), listed)


def _check_addresses(paths: Sequence[str]) -> None:
    """Check addresses for quotes: webdataset fetches them by a shell command, each between two."""
    ending = [path for path in paths if "'" in path and "://" in path and not path.lower().startswith("pipe:")]
    if ending:
        raise ConfigError(
            f"Expected addresses without ' in pretrain.retain_data, got {ending[0]!r}: what follows it would be run as "
            "a command. Write %27."
        )


def _check_broken(broken: Sequence[str], *, limit: float, seen: int, read: int) -> None:
    if len(broken) > limit * seen:
        shown = "; ".join(broken[:_NAMED]) + (" …" if len(broken) > _NAMED else "")
        raise DatasetError(
            f"Expected at most {limit:.3%} of the pairs of pretrain.retain_data to be broken (pretrain.retain_broken), "
            f"got {len(broken)} of {seen} in the {read} shards that were read: {shown}"
        )


def _check_present(paths: Sequence[str]) -> None:
    missing = [path for path in paths if not Path(path).is_file()]
    if missing or not paths:
        raise DatasetError(
            f"Expected {len(paths)} shards of pretrain.retain_data, got {len(missing)} of them missing: "
            f"{', '.join(missing[:_NAMED])}{' …' if len(missing) > _NAMED else ''}. Fetch them, or change the pattern."
        )


def _stated(paths: Sequence[str]) -> dict[str, int]:
    """Pairs of each shard that a file beside it states: `sizes.json`, or img2dataset's `NNNNN_stats.json`."""
    sizes = {folder: _json(folder / SIZES) for folder in {Path(path).parent for path in paths}}
    counts = {}
    for path in map(Path, paths):
        count = sizes[path.parent].get(path.name, _json(path.with_name(f"{path.stem}_stats.json")).get("successes"))
        if isinstance(count, int):
            if not 0 <= count <= _MOST:
                raise DatasetError(
                    f"Expected a shard of 0 to {_MOST:,} pairs, got {count} for {path} (as the file beside it says). "
                    "Correct that file or delete it."
                )
            counts[str(path)] = count
    return counts


def _json(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        return {}
    content = reading.read_json(path, error=DatasetError, limit=reading.LARGE)
    return content if isinstance(content, dict) else {}


def _spread(paths: Sequence[str], count: int) -> list[str]:
    count = min(count, len(paths))
    return [paths[index * len(paths) // count] for index in range(count)]


def _ends_well(path: str) -> bool:
    """Whether a tar file has its end: two empty blocks of 512 bytes."""
    with Path(path).open("rb") as stream:
        stream.seek(-min(1024, Path(path).stat().st_size), os.SEEK_END)
        return stream.read() == bytes(1024)


def _read(path: str, stated: int | None, ignored: Counter[str]) -> tuple[int, list[str]]:
    """Usable pairs of a shard, and a message for each that isn't or that the count beside the shard says is lacking."""
    good, bad = 0, list[str]()

    def decoded(sample: Sample) -> str | None:
        try:
            open_bytes(sample.image, sample.name)
        except DatasetError as error:
            return str(error)
        return None

    samples = read_shard(path, lambda error: bad.append(str(error)), ignored)
    with ThreadPoolExecutor(cores()) as pool:
        while chunk := list(islice(samples, _CHUNK)):  # the pool would read all of its input at once
            messages = list(pool.map(decoded, chunk))
            bad += [message for message in messages if message is not None]
            good += messages.count(None)
    if stated is not None and good + len(bad) < stated:
        lacking = stated - good - len(bad)
        bad += [f"Expected {stated} pairs in {path} (as the file beside it says), got {good + len(bad)}."] * lacking
    elif stated is not None and good + len(bad) > stated:
        raise DatasetError(
            f"Expected {stated} pairs in {path} (as the file beside it says), got {good + len(bad)}. Correct that "
            "file or delete it."
        )
    return good, bad
