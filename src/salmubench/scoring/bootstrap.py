"""What a bootstrap draws: identities with all their pairs, or classes first and pictures within them second.

The draws depend on the seed and on the numbers of units alone: two models on the same items are resampled together,
which makes every difference between them a paired one.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from salmubench.core.errors import RecordError
from salmubench.scoring.metric import Floats, Strings

SEED = 260326316
"""Seed of all bootstraps: a constant of the protocol."""
BOOTSTRAPS = 10_000
"""Resamples behind an interval by default: an end's Monte-Carlo error is then about a hundredth of the interval."""
MOST = 100_000
"""Most resamples: more say nothing that an interval shows, and take memory and hours."""
LEVEL = 0.95
"""Coverage of the intervals."""

_POOL = 200
"""Resamples of its own pictures that each class has ready: drawing a class draws one of them."""
_BLOCK = 200_000  # numbers held at once: 1.6 MB a temporary array, which stays in a core's cache
_LEAST = -1022  # exponent of the smallest unit that sums are exact in: what is smaller counts as nothing
_KEPT = 60_000_000  # draws of a set of units that are kept, a byte each, for the next metric on the same units

Counts = npt.NDArray[np.uint8]
Rows = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Units:
    """What a bootstrap draws.

    Attributes:
        of_item: int64 (n,): leaf of each item: its identity, or its picture where classes are drawn.
        classes: pictures of each class, leaves being numbered class by class; `None`: leaves are drawn themselves.
    """

    of_item: npt.NDArray[np.int64]
    leaves: int
    classes: tuple[int, ...] | None = None

    @property
    def count(self) -> int:
        """How many there are of what is drawn first."""
        return self.leaves if self.classes is None else len(self.classes)

    def of(self, which: npt.NDArray[np.bool_]) -> Units:
        """The same units for some of the items (n,)."""
        return replace(self, of_item=self.of_item[which])


def check_resamples(count: int, *, where: str) -> None:
    """Refuse a number of resamples that a file claims and nobody makes.

    Raises:
        RecordError: none, or more than `MOST`.
    """
    if not 1 <= count <= MOST:
        raise RecordError(f"Expected 1 to {MOST:,} resamples in {where}, got {count:,}. Score the model again.")


def find_units(cluster: Strings, classes: Strings | None = None) -> Units:
    """Number the units of items by name, class by class.

    Args:
        cluster: (n,) name of each item's identity, or picture.
        classes: (n,) name of each item's class, where these are drawn first.
    """
    leaves, of_item = _numbered(cluster)
    if classes is None:
        return Units(of_item, leaves)
    _, class_of_item = _numbered(classes)
    class_of_leaf = np.zeros(leaves, np.int64)
    class_of_leaf[of_item] = class_of_item
    order = np.argsort(class_of_leaf, kind="stable")
    position = np.empty(leaves, np.int64)
    position[order] = np.arange(leaves)
    return Units(position[of_item], leaves, tuple(np.bincount(class_of_leaf).tolist()))


def leaf_sums(values: Floats, units: Units) -> Floats:
    """Sums over the items of each leaf; neither the order of the items nor other columns can change a bit of them.

    Args:
        values: float64 (n, m), m quantities of each item.

    Returns:
        float64 (leaves, m + 1), the number of items last.
    """
    exact = _exact(values, len(values))
    columns = [np.bincount(units.of_item, column, minlength=units.leaves) for column in exact.T]
    counts = np.bincount(units.of_item, minlength=units.leaves).astype(np.float64)
    return np.stack([*columns, counts], axis=1)


def _numbered(names: Strings) -> tuple[int, npt.NDArray[np.int64]]:
    """How many names there are, and each one's place among them in order, int64 (n,).

    Not by numpy's texts, each of which takes four bytes for every letter of the longest one.
    """
    encoded = pa.array(names, pa.string()).fill_null("None").dictionary_encode()
    order = pc.sort_indices(encoded.dictionary).to_numpy()
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return len(order), place[encoded.indices.to_numpy()]


def resampled_means(values: Floats, units: Units, *, bootstraps: int = BOOTSTRAPS, seed: int = SEED) -> Floats:
    """Means over resampled units.

    Args:
        values: float64 (n, m), m quantities of each item.

    Returns:
        float64 (bootstraps, m).
    """
    sums = resampled_sums(leaf_sums(values, units)[None], units, bootstraps=bootstraps, seed=seed)
    means: Floats = sums[:, :-1] / sums[:, -1:]
    return means


def resampled_sums(sums: Floats, units: Units, *, bootstraps: int, seed: int) -> Floats:
    """Sums over resampled units, and over resampled seeds where there are several (`drawn_seeds`).

    Args:
        sums: float64 (seeds, leaves, m); one seed where a method has no several.

    Returns:
        float64 (bootstraps, m).
    """
    drawn = np.empty((bootstraps, sums.shape[2]))
    for weights, rows in drawn_seeds(len(sums), bootstraps, seed):
        together = (weights[:, None, None] * sums).sum(axis=0)
        for block, totals in resample(together, units, rows, bootstraps=bootstraps, seed=seed):
            drawn[block] = totals
    return drawn


def drawn_seeds(count: int, bootstraps: int, seed: int) -> Iterator[tuple[Floats, Rows]]:
    """Seeds drawn with replacement, one fewer than there are: as many would make few seeds look too much alike.

    Yields:
        Weights of the seeds, float64 (count,) that sum to `count`, and the numbers of the resamples that drew them so.
    """
    if count == 1:
        yield np.ones(1), np.arange(bootstraps)
        return
    drawn = np.random.default_rng([seed, count]).integers(0, count, (bootstraps, count - 1))
    times = np.stack([(drawn == one).sum(axis=1) for one in range(count)], axis=1)
    different, which = np.unique(times, axis=0, return_inverse=True)
    for number, seeds_drawn in enumerate(different):
        yield seeds_drawn * (count / (count - 1)), np.flatnonzero(which.ravel() == number)


def resample(sums: Floats, units: Units, rows: Rows, *, bootstraps: int, seed: int) -> Iterator[tuple[Rows, Floats]]:
    """Sums over resampled units, block by block.

    Args:
        sums: float64 (leaves, m).

    Yields:
        Numbers of resamples (b,) and their sums, float64 (b, m).
    """
    sums = _exact(sums, units.leaves if units.classes is None else units.count * max(units.classes))
    if units.classes is None:
        for block, times in _times(units.leaves, rows, bootstraps, seed):
            yield block, times.astype(np.float64) @ sums
        return
    ready = np.ascontiguousarray(_ready(sums, units.classes, seed).T)
    drawn = _drawn_classes(len(units.classes), bootstraps, seed)
    size = max(1, _BLOCK // drawn.shape[1])
    for first in range(0, len(rows), size):
        block = rows[first : first + size]
        yield block, np.stack([column[drawn[block]].sum(axis=1) for column in ready], axis=1)


def _exact(values: Floats, many: int) -> Floats:
    """The same (n, m) rounded so that any sum of so many is exact: neither order, blocks nor threads change a bit."""
    bits = 53 - many.bit_length()
    unit = np.ldexp(1.0, np.maximum(np.frexp(np.abs(values).max(axis=0))[1] - bits, _LEAST))
    rounded: Floats = np.rint(values / unit) * unit
    return rounded


def _times(leaves: int, rows: Rows, bootstraps: int, seed: int) -> Iterator[tuple[Rows, Counts]]:
    """How often each leaf is drawn: resamples (b,) and counts (b, leaves)."""
    size = max(1, _BLOCK // leaves)
    if leaves * bootstraps <= _KEPT:
        kept = _kept_times(leaves, bootstraps, seed)
        for first in range(0, len(rows), size):
            block = rows[first : first + size]
            yield block, kept[block]
        return
    start = 0
    for times in _drawn_times(leaves, bootstraps, seed):
        block = rows[(rows >= start) & (rows < start + len(times))]
        yield block, times[block - start]
        start += len(times)


@functools.lru_cache(maxsize=6)
def _kept_times(leaves: int, bootstraps: int, seed: int) -> Counts:
    return np.concatenate(list(_drawn_times(leaves, bootstraps, seed)))


def _drawn_times(leaves: int, bootstraps: int, seed: int) -> Iterator[Counts]:
    """As many draws as there are leaves; that one is drawn more than 255 times is beyond all chance."""
    rng = np.random.default_rng(seed)
    block = max(1, _BLOCK // leaves)
    for first in range(0, bootstraps, block):
        rows = min(block, bootstraps - first)
        drawn = (rng.random((rows, leaves)) * leaves).astype(np.int64)
        np.minimum(drawn, leaves - 1, out=drawn)
        drawn += np.arange(rows)[:, None] * leaves
        yield np.bincount(drawn.ravel(), minlength=rows * leaves).reshape(rows, leaves).astype(np.uint8)


@functools.lru_cache(maxsize=2)
def _drawn_classes(classes: int, bootstraps: int, seed: int) -> npt.NDArray[np.int32]:
    """(bootstraps, classes): each drawn class, and which of its resamples of pictures."""
    return np.random.default_rng(seed).integers(0, classes * _POOL, (bootstraps, classes), dtype=np.int32)


def _ready(sums: Floats, classes: tuple[int, ...], seed: int) -> Floats:
    """Sums of each class over its resampled pictures, (classes × `_POOL`, m)."""
    start = np.cumsum([0, *classes])
    times = {size: _balanced(size, seed) for size in set(classes)}
    return np.concatenate(
        [times[size] @ sums[first : first + size] for size, first in zip(classes, start[:-1], strict=True)]
    )


def _balanced(size: int, seed: int) -> Floats:
    """How often each picture is drawn, (`_POOL`, size); over the pool each equally often, so that nothing drifts."""
    drawn = np.random.default_rng([seed, size]).permutation(np.tile(np.arange(size), _POOL)).reshape(_POOL, size)
    drawn += np.arange(_POOL)[:, None] * size
    return np.bincount(drawn.ravel(), minlength=_POOL * size).reshape(_POOL, size).astype(np.float64)
