"""Which rows an epoch has, in which order, cut into which batches: pure functions of seed, epoch and counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class EpochPlan:
    """Batches of one epoch when all rows are in memory.

    Attributes:
        sizes: pairs that each process sees in each batch; sizes differ by one at most.
    """

    rows: int
    sizes: tuple[int, ...]
    processes: int

    @property
    def steps(self) -> int:
        """Optimiser steps of the epoch."""
        return len(self.sizes)

    @property
    def pairs(self) -> int:
        """Pairs of the epoch over all processes: the rows, and at most `processes - 1` of them a second time."""
        return sum(self.sizes) * self.processes


def plan_epoch(rows: int, *, batch_size: int, processes: int) -> EpochPlan:
    """Cut an epoch into batches of nearly equal size, so that each row is seen once and no batch is a small rest.

    Processes must get equal shares (they gather each other's features); where the rows don't divide by their number,
    the epoch's first rows fill the last share.
    """
    shares = -(-rows // processes)
    steps = -(-shares // batch_size)
    sizes = tuple(shares // steps + (index < shares % steps) for index in range(steps))
    return EpochPlan(rows, sizes, processes)


def epoch_order(sources: Sequence[int], *, seed: int, epoch: int) -> NDArray[np.int64]:
    """Order of the rows in an epoch: a full shuffle of all sources together.

    Each source draws the keys it is sorted by from a generator of its own, so that the rows of one source follow each
    other in the same order whatever other sources there are: Clean and Compromised see retain in the same order.

    Args:
        sources: rows of each source; the result counts through them.

    Returns:
        int64 (sum of sources,): a permutation.
    """
    keys = [np.random.default_rng([seed, epoch, index]).random(rows) for index, rows in enumerate(sources)]
    return np.argsort(np.concatenate(keys), kind="stable").astype(np.int64)


def batches(order: NDArray[np.int64], plan: EpochPlan, *, rank: int) -> list[NDArray[np.int64]]:
    """Rows of each batch that one process sees: int64 (size,)."""
    filled = np.concatenate([order, order[: plan.pairs - plan.rows]])
    ends = np.cumsum(plan.sizes) * plan.processes
    return [
        filled[end - size * plan.processes : end][rank :: plan.processes]
        for size, end in zip(plan.sizes, ends, strict=True)
    ]
