"""How often each pair was seen: what the plan says, and what the loader counted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from salmubench.core.errors import StageError


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


def expected_exposures(rows: int, *, pairs_per_epoch: int, epochs: int) -> float:
    """Mean exposures of a pair that is listed once: pairs delivered over all epochs, divided by the rows.

    Args:
        rows: rows of the data, as often as they are listed.
        pairs_per_epoch: pairs that an epoch delivers; the engine rounds up to whole batches when streaming.
    """
    return epochs * pairs_per_epoch / rows


def streamed_pairs(rows: int, *, batch_size: int, processes: int, workers: int) -> int:
    """Pairs that an epoch of open_clip_train delivers when streaming: whole batches of each process and loader.

    Source: `open_clip_train.data.get_wds_dataset`, version 3.3.
    """
    loaders = max(1, workers)
    steps = -(-rows // (batch_size * processes))
    return -(-steps // loaders) * loaders * batch_size * processes


def unseen_share(shards: int, loaders: int) -> float:
    """Share of the pairs that an epoch leaves out when streaming, for as many others that it shows twice.

    Each loader reads whole shards and delivers as many pairs as any other: of those that have a shard more, the rest
    isn't reached. The next epoch deals the shards anew.

    Args:
        loaders: how many share them.

    Examples:
        >>> unseen_share(5, 4), unseen_share(8, 4), round(unseen_share(82, 4), 3)
        (0.15, 0.0, 0.012)
    """
    more = shards % loaders  # loaders that have one more than the others
    return more * (shards // loaders + 1 - shards / loaders) / shards if more else 0.0


def count(
    folder: Path, *, parts: dict[str, int], repeats: dict[str, int], epochs: int, processes: int
) -> dict[str, Counted]:
    """Sum up what the loaders counted.

    Args:
        folder: with one file for each epoch and process.
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
