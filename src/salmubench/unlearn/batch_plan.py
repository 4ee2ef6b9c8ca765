"""Which rows stand in which batch: every forget pair exactly `budget` times, decided before the first step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from salmubench.core import streams
from salmubench.core.errors import ConfigError


@dataclass(frozen=True)
class BatchPlan:
    """The batches of a run.

    Attributes:
        sizes: pairs to forget in each batch; of every other kind as many, unless retain has a size of its own.
        rows: kind of pairs → one array of row numbers a batch.
    """

    sizes: tuple[int, ...]
    rows: dict[str, list[NDArray[np.int64]]]
    forget: int

    @property
    def pairs(self) -> int:
        """Pairs to forget over all batches."""
        return sum(self.sizes)


def make_plan(
    *,
    budget: float,
    forget: int,
    batch_size: int,
    counts: dict[str, int],
    seed: int,
    retain_batch_size: int = 0,
    retain_order: Literal["shuffled", "file"] = "shuffled",
) -> BatchPlan:
    """Lay out a run: `budget · forget` pairs of each kind, of retain `retain_batch_size` in each batch.

    Args:
        budget: how often each forget pair is seen; a fraction ends in the middle of a pass.
        batch_size: pairs of each kind a batch; not more than `forget` are used.
        counts: kind of pairs → how many there are.
        retain_batch_size: retain pairs a batch, not more than there are; 0: as many as of the other kinds.
        retain_order: `file` takes retain pairs one after the other, again from the first where they end.

    Raises:
        ConfigError: a negative budget, one too small for a batch of 2, or fewer retain pairs than a batch.
    """
    check_budget(budget)
    sizes = batch_sizes(round(budget * forget), min(batch_size, forget)) if budget else ()
    if budget and not sizes:
        raise ConfigError(f"Expected a budget of 2 forget pairs or more, got {budget} of {forget} pairs.")
    rows: dict[str, list[NDArray[np.int64]]] = {}
    for kind, count in counts.items():
        sized = kind == "retain" and retain_batch_size and count >= 2
        of_kind = (min(retain_batch_size, count),) * len(sizes) if sized else sizes
        if sizes and count < max(of_kind):
            raise ConfigError(
                f"Expected at least as many {kind} pairs as a batch has ({max(sizes)}), got {count}. Lower batch_size."
            )
        # forget and forget_target go in step: the generic caption of each forget pair stands beside it.
        stream = {"forget": 0, "forget_target": 0, "retain": 1}[kind]
        if kind == "retain" and retain_order == "file":
            rows[kind] = in_turn(count, of_kind)
        else:
            rows[kind] = deal(count, of_kind, np.random.default_rng([seed, streams.Unlearning.BATCHES, stream]))
    return BatchPlan(sizes, rows, forget)


def check_budget(budget: float) -> None:
    """Refuse a budget that no dataset can be shown for.

    Raises:
        ConfigError: below 0, 1,000,000 or more, or no number.
    """
    if not 0 <= budget < 1e6:
        raise ConfigError(f"Expected a budget from 0 to 1,000,000, got {budget!r}.")


def retain_pairs(*, budget: float, forget: int, batch_size: int, retain_batch_size: int = 0) -> int:
    """How many retain pairs a run shows, repetitions included."""
    if not 0 < budget < 1e6:
        return 0
    pairs = round(budget * forget)
    return len(batch_sizes(pairs, min(batch_size, forget))) * retain_batch_size if retain_batch_size else pairs


def in_turn(count: int, sizes: tuple[int, ...]) -> list[NDArray[np.int64]]:
    """Rows 0, 1, 2, … cut into batches, again from 0 after the last; no row twice in a batch of at most `count`."""
    ends = np.cumsum(sizes, dtype=np.int64)
    return [np.arange(end - size, end, dtype=np.int64) % count for size, end in zip(sizes, ends, strict=True)]


def batch_sizes(total: int, batch_size: int) -> tuple[int, ...]:
    """Cut `total` pairs into batches: the last one is shorter, but none has fewer than 2 pairs.

    One pair left over takes another from the batch before it (or, at batch size 2, joins it).
    """
    full, rest = divmod(total, batch_size)
    sizes = [batch_size] * full + ([rest] if rest else [])
    if rest == 1:
        if full == 0:
            return ()
        sizes[-2:] = [batch_size - 1, 2] if batch_size > 2 else [3]
    return tuple(sizes)


def deal(count: int, sizes: tuple[int, ...], generator: np.random.Generator) -> list[NDArray[np.int64]]:
    """Deal shuffled rows into batches, pass after pass, no row twice in a batch.

    A batch that reaches into the next pass takes that pass's first rows that it doesn't hold yet; those it passes over
    stay first in line, so that each pass still gives each row once.
    """
    batches: list[NDArray[np.int64]] = []
    waiting: list[int] = []
    for size in sizes:
        if len(waiting) >= size:
            batch, waiting = waiting[:size], waiting[size:]
        else:
            batch = waiting
            held = set(batch)
            order = [int(row) for row in generator.permutation(count)]
            fresh = [row for row in order if row not in held][: size - len(batch)]
            taken = set(fresh)
            batch, waiting = batch + fresh, [row for row in order if row not in taken]
        batches.append(np.asarray(batch, np.int64))
    return batches
