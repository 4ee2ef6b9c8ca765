"""How often each pair was seen: what the plan says, and what the loader counted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from salmubench.core.errors import StageError
from salmubench.pretrain.config import PretrainConfig


@dataclass(frozen=True)
class Counted:
    """Deliveries of one row, over all epochs and processes."""

    mean: float
    least: int
    most: int


@dataclass(frozen=True)
class Exposure:
    """Exposures of one part of the data.

    Attributes:
        expected: mean exposures of one of its pairs over the whole training.
        exact: every pair has the same number, not only on average.
        counted: what the loader delivered; `None` when streaming, where rows have lost their names before the loop.
    """

    rows: int
    expected: float
    exact: bool
    counted: Counted | None


def streamed_pairs(rows: int, config: PretrainConfig) -> int:
    """Pairs that an epoch of open_clip_train delivers when streaming: whole batches of each process and loader.

    Source: `open_clip_train.data.get_wds_dataset`, version 3.3.
    """
    loaders, batch = max(1, config.workers), config.process_batch * config.world
    steps = -(-rows // batch)
    return -(-steps // loaders) * loaders * batch


def unseen_share(shards: int, loaders: int) -> float:
    """Share of the pairs that an epoch leaves out when streaming, for as many others that it shows twice.

    Each loader reads whole shards and delivers as many pairs as any other: of those that have a shard more, the rest
    isn't reached. The next epoch deals the shards anew.

    Examples:
        >>> unseen_share(5, 4), unseen_share(8, 4), round(unseen_share(82, 4), 3)
        (0.15, 0.0, 0.012)
    """
    more = shards % loaders  # loaders that have one more than the others
    return more * (shards // loaders + 1 - shards / loaders) / shards if more else 0.0


def count(
    folder: Path, *, parts: dict[str, int], repeats: dict[str, int], epochs: int, processes: int
) -> dict[str, Counted]:
    """Sum up what the loaders counted, in one file for each epoch and process.

    Args:
        parts: rows of each part, in the order of `--train-data`.
        repeats: how often each part is listed there.

    Raises:
        StageError: a file is missing.
    """
    total = np.zeros(sum(rows * repeats[name] for name, rows in parts.items()), np.int64)
    for epoch in range(epochs):
        for rank in range(processes):
            path = folder / f"epoch-{epoch:05d}-rank-{rank:05d}.npy"
            if not path.is_file():
                raise StageError(f"Expected the loader's counts of epoch {epoch}, process {rank} at {path}, got none.")
            total += np.load(path)
    counted, start = {}, 0
    for name, rows in parts.items():
        listed = rows * repeats[name]
        part = total[start : start + listed].reshape(repeats[name], rows).sum(axis=0)
        if rows:
            counted[name] = Counted(float(part.mean()), int(part.min()), int(part.max()))
        start += listed
    return counted
