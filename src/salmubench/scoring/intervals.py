"""Intervals of means and of ratios between references, from resampled units.

Identities are few and their values skewed near the thresholds (most people forgotten, a few known): the interval
between two quantiles of resampled numbers then ends too early. Each resample's distance is therefore measured by the
resample's own standard error (bootstrap-t; Efron and Tibshirani 1993, chapter 12.5), and the interval is made of the
quantiles of those. `benchmarks/interval_coverage.py` measures how often each end misses; by that `WIDER` is set.

Where classes are drawn first and pictures second the interval is the one between two quantiles: the second draw repeats
the chance of the pictures, which the classes' spread has in it already, and errs to the wide side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from salmubench.scoring.bootstrap import (
    BOOTSTRAPS,
    LEVEL,
    SEED,
    Units,
    drawn_seeds,
    resample,
    resampled_sums,
)
from salmubench.scoring.metric import Floats

Interval = tuple[float, float]

FEWEST = 2
"""Units that there must be to draw from."""

WIDER = 1.25
"""How much wider than the bootstrap-t interval an interval is, on either side.

The smallest factor with which each end misses at most 3.5 % (nominal 2.5 %) in the populations of
`benchmarks/interval_coverage.py`; `results/coverage/coverage.json` has it, and a test compares.
"""

MUCH_OF_ONE = 1 / 6
"""Share of what is left from which one person has much of it: a record says so, and the interval is wider."""

WIDER_OF_ONE = 5.0
"""How much wider an interval is where one person has more than that, so wide that it may go beyond all resamples.

The smallest factor of `benchmarks/interval_coverage.py` with which each end misses at most 3.5 % in populations nearly
all of whose samples show such a person. No factor helps where samples without that person look harmless.
"""

_ENDS = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
_ROUNDING = 1e-12  # a standard error below this share of the sums is a constant's rounding
_FAR = 1e9  # standard errors; where a resample's own is 0


@dataclass(frozen=True, eq=False)
class Ratio:
    """A number that is one sum over units by another: a mean, or a view between the references.

    Attributes:
        top: float64 (leaves,), or (seeds, leaves) of several seeds of a method.
        left: whether it is what is left of a leakage, which near 0 a few people may hold.
    """

    top: Floats
    bottom: Floats
    left: bool = False

    def most_of_one(self) -> float:
        """Share that the largest unit has of all that the units are away from 0, by size; 0 where none is."""
        sizes = np.abs(np.atleast_2d(self.top).sum(axis=0))
        total = float(sizes.sum())
        return float(sizes.max()) / total if total else 0.0

    def is_of_one(self) -> bool:
        """Whether it is what is left, and one unit has much of it."""
        return self.left and self.most_of_one() > MUCH_OF_ONE


LEARNT = 0.5
"""A difference that shares are made of is known where the half-width of its interval is at most this part of it."""


def is_learnt(difference: float, interval: Interval) -> bool:
    """Whether a difference between references is known well enough for a share of it to say something.

    Args:
        difference: what Compromised shows beyond the reference at which a view is 0.
        interval: of that, 95 %.

    Examples:
        >>> is_learnt(0.3, (0.25, 0.35)), is_learnt(0.04, (0.001, 0.079))
        (True, False)
    """
    low, high = interval
    return difference > 0 and (high - low) / 2 <= LEARNT * difference


def intervals(
    ratios: Sequence[Ratio], units: Units, *, bootstraps: int = BOOTSTRAPS, seed: int = SEED
) -> list[Interval | None]:
    """95 % interval of each ratio of sums over the items of each leaf; all are resampled together.

    Returns:
        Intervals; `None` where there are fewer than two units to draw from, or nothing to divide by (or what nobody
        could write down: a difference of rounding alone).

    Examples:
        >>> from salmubench.scoring.bootstrap import find_units
        >>> units = find_units(np.array(["a", "b", "c"], dtype=object))
        >>> intervals([Ratio(np.array([1.0, 1.0, 1.0]), np.array([2.0, 2.0, 2.0]))], units)
        [(0.5, 0.5)]
    """
    if units.count < FEWEST or not ratios:
        return [None] * len(ratios)
    with np.errstate(over="ignore", invalid="ignore"):
        ends = _ends(ratios, units, bootstraps, seed)
    return [one if one is not None and np.isfinite(one).all() else None for one in ends]


def _ends(ratios: Sequence[Ratio], units: Units, bootstraps: int, seed: int) -> list[Interval | None]:
    if units.classes is not None:
        whole, rest, bottom = _stacked(ratios)
        sums = resampled_sums(np.concatenate([rest, bottom], axis=2), units, bootstraps=bootstraps, seed=seed)
        moved = _divide(sums[:, : len(ratios)], sums[:, len(ratios) :])
        return [_between(*column) for column in zip(whole.tolist(), moved.T, strict=True)]
    pairs = zip(ratios, bootstrap_t(ratios, units, bootstraps, seed), strict=True)
    return [None if made is None else made.of(ratio) for ratio, made in pairs]


@dataclass(frozen=True)
class BootstrapT:
    """What a bootstrap-t interval is made of.

    Attributes:
        whole: the ratio over all units.
        quantiles: of the resamples' distances, in their own standard errors, at both ends of `LEVEL`.
        reach: lowest and highest distance of all resamples.
    """

    whole: float
    error: float
    quantiles: Interval
    reach: Interval

    def interval(self, wider: float = WIDER) -> Interval:
        """The interval; no end goes beyond all resamples: of equal units one has no error to measure distances by."""
        low, high = (self.whole - wider * quantile * self.error for quantile in reversed(self.quantiles))
        return max(low, self.whole + self.reach[0]), min(high, self.whole + self.reach[1])

    def of(self, ratio: Ratio, *, of_one: float = WIDER_OF_ONE) -> Interval:
        """The interval of the ratio that this was made of: `of_one` where one unit has much of it."""
        return self.of_one(of_one) if ratio.is_of_one() else self.interval()

    def of_one(self, wider: float = WIDER_OF_ONE) -> Interval:
        """Where one unit has much: all resamples of a sample without that unit are without it, too."""
        low, high = self.interval(1.0)
        return self.whole + wider * (low - self.whole), self.whole + wider * (high - self.whole)


def bootstrap_t(ratios: Sequence[Ratio], units: Units, bootstraps: int, seed: int) -> list[BootstrapT | None]:
    """The same for units that are drawn themselves (at least two, no classes), before the interval is made."""
    whole, rest, bottom = _stacked(ratios)
    by = bottom.sum(axis=(0, 1))
    errors = _error((rest.sum(axis=0) ** 2).sum(axis=0), by, units)
    size = _divide(np.abs(np.stack([np.atleast_2d(one.top) for one in ratios])).sum(axis=(1, 2)), np.abs(by))
    errors = np.where(errors <= _ROUNDING * size, 0.0, errors)
    moved, scaled = _studentised(rest, bottom, units, bootstraps, seed)
    return [_summary(*one) for one in zip(whole.tolist(), errors.tolist(), moved.T, scaled.T, strict=True)]


def _summary(whole: float, error: float, moved: Floats, scaled: Floats) -> BootstrapT | None:
    # A few resamples in which the references coincide have no ratio; the others say what can be said.
    finite = np.isfinite(moved)
    if not np.isfinite(whole) or not finite.any():
        return None
    if not error:
        return BootstrapT(whole, 0.0, (0.0, 0.0), (0.0, 0.0))
    low, high = percentiles(np.nan_to_num(scaled[finite], posinf=_FAR, neginf=-_FAR))
    return BootstrapT(whole, error, (low, high), (float(moved[finite].min()), float(moved[finite].max())))


def _stacked(ratios: Sequence[Ratio]) -> tuple[Floats, Floats, Floats]:
    """The ratios, (ratios,), how far each unit is from them and what it is divided by, (seeds, leaves, ratios)."""
    top = np.stack([np.atleast_2d(ratio.top) for ratio in ratios], axis=2)
    bottom = np.stack([np.atleast_2d(ratio.bottom) for ratio in ratios], axis=2)
    by = bottom.sum(axis=(0, 1))
    whole = np.where(by != 0, _divide(top.sum(axis=(0, 1)), by), np.nan)
    rest: Floats = top - whole * bottom
    return whole, rest, bottom


def _studentised(rest: Floats, bottom: Floats, units: Units, bootstraps: int, seed: int) -> tuple[Floats, Floats]:
    """Distance of each resample from the whole, (bootstraps, ratios), and the same in its own standard errors."""
    moved, scaled = np.empty((2, bootstraps, rest.shape[2]))
    for weights, rows in drawn_seeds(len(rest), bootstraps, seed):
        d, b = ((weights[:, None, None] * side).sum(axis=0) for side in (rest, bottom))
        columns = np.concatenate([d, b, d * d, d * b, b * b], axis=1)
        for block, sums in resample(columns, units, rows, bootstraps=bootstraps, seed=seed):
            of_d, of_b, of_dd, of_db, of_bb = np.split(sums, 5, axis=1)
            distance = _divide(of_d, of_b)
            with np.errstate(invalid="ignore", over="ignore"):  # where there is nothing to divide by
                squares = np.maximum(of_dd - 2 * distance * of_db + distance**2 * of_bb, 0.0)
            moved[block], scaled[block] = distance, _divide(distance, _error(squares, of_b, units))
    return moved, scaled


def _error(squares: Floats, by: Floats, units: Units) -> Floats:
    """Standard error of a ratio of sums, to first order."""
    return _divide(np.sqrt(squares * (units.count / (units.count - 1))), np.abs(by))


def _divide(top: Floats, by: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        quotient: Floats = top / by
    return quotient


def _between(whole: float, moved: Floats) -> Interval | None:
    moved = moved[np.isfinite(moved)]
    if not np.isfinite(whole) or not len(moved):
        return None
    low, high = percentiles(moved)
    return whole + low, whole + high


def percentiles(samples: Floats) -> Interval:
    """The two quantiles between which 95 % of resampled numbers (bootstraps,) lie."""
    low, high = np.quantile(samples, _ENDS)
    return float(low), float(high)
