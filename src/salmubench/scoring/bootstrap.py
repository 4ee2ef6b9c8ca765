"""Cluster bootstrap: identities are drawn with replacement, never pairs.

The draws depend on the seed and on the sizes of the strata alone: two models on the same items are resampled together,
which makes every difference between them a paired one.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from salmubench.scoring.metric import Floats, Strings

SEED = 260326316
"""Seed of all bootstraps: a constant of the protocol."""
BOOTSTRAPS = 1000
"""Resamples behind an interval by default."""
LEVEL = 0.95
"""Coverage of the intervals."""

Interval = tuple[float, float]

_BLOCK = 4_000_000  # draws held at once: 32 MB a temporary array
_PACKED = 60_000_000  # draws that are kept in two bytes each: 120 MB
_KEPT = 2_000_000  # draws of a set of units that are kept for the next metric on the same units


@dataclass(frozen=True, eq=False)
class Units:
    """What a bootstrap draws.

    Attributes:
        of_item: int64 (n,): unit of each item.
        strata: sizes of the strata; units are numbered stratum by stratum.
    """

    of_item: npt.NDArray[np.int64]
    strata: tuple[int, ...]

    @property
    def count(self) -> int:
        """How many units."""
        return sum(self.strata)


def find_units(cluster: Strings, stratum: Strings | None = None) -> Units:
    """Number the units of items by name, stratum by stratum.

    Args:
        cluster: (n,) name of each item's unit.
        stratum: (n,) name of each item's stratum; one stratum by default.
    """
    count, of_item = _numbered(cluster)
    if stratum is None:
        return Units(of_item, (count,))
    _, of_stratum = _numbered(stratum)
    stratum_of_unit = np.zeros(count, np.int64)
    stratum_of_unit[of_item] = of_stratum
    order = np.argsort(stratum_of_unit, kind="stable")
    position = np.empty(count, np.int64)
    position[order] = np.arange(count)
    return Units(position[of_item], tuple(np.bincount(stratum_of_unit).tolist()))


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
        units: what is drawn.
        bootstraps: how many resamples.
        seed: of the draws.

    Returns:
        float64 (bootstraps, m).
    """
    sums = np.stack(
        [np.bincount(units.of_item, column, minlength=units.count) for column in values.T]
        + [np.bincount(units.of_item, minlength=units.count).astype(np.float64)],
        axis=1,
    )  # (units, m + 1)
    totals = np.concatenate([weights @ sums for weights in _weights(units.strata, bootstraps, seed)])
    means: Floats = totals[:, :-1] / totals[:, -1:]
    return means


def interval(samples: Floats, units: Units) -> Interval | None:
    """Percentile interval of resampled numbers (bootstraps,); `None` where no stratum has two units to draw from."""
    if max(units.strata) < 2 or not np.isfinite(samples).all():
        return None
    low, high = np.quantile(samples, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _weights(strata: tuple[int, ...], bootstraps: int, seed: int) -> Iterator[Floats]:
    draws = sum(strata) * bootstraps
    if draws <= _KEPT:
        yield _kept_weights(strata, bootstraps, seed)
    elif draws <= _PACKED:
        for block in _packed_weights(strata, bootstraps, seed):
            yield block.astype(np.float64)
    else:
        yield from _drawn_weights(strata, bootstraps, seed)


@functools.lru_cache(maxsize=4)
def _kept_weights(strata: tuple[int, ...], bootstraps: int, seed: int) -> Floats:
    return np.concatenate(list(_drawn_weights(strata, bootstraps, seed)))


@functools.lru_cache(maxsize=1)
def _packed_weights(strata: tuple[int, ...], bootstraps: int, seed: int) -> list[npt.NDArray[np.uint16]]:
    """Large draws, kept small: models on the same items come one after another, and drawing takes longest."""
    return [block.astype(np.uint16) for block in _drawn_weights(strata, bootstraps, seed)]


def _drawn_weights(strata: tuple[int, ...], bootstraps: int, seed: int) -> Iterator[Floats]:
    """How often each unit is drawn, float64 (block, units): as many draws of each stratum as it has units."""
    rng, sizes = np.random.default_rng(seed), np.array(strata)
    size, start = np.repeat(sizes, sizes), np.repeat(np.cumsum(sizes) - sizes, sizes)
    count = len(size)
    block = max(1, _BLOCK // count)
    for first in range(0, bootstraps, block):
        rows = min(block, bootstraps - first)
        drawn = (rng.random((rows, count)) * size).astype(np.int64)
        np.minimum(drawn, size - 1, out=drawn)
        drawn += start + np.arange(rows)[:, None] * count
        yield np.bincount(drawn.ravel(), minlength=rows * count).reshape(rows, count).astype(np.float64)
