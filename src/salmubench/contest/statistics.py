"""What may be said about methods from several worlds: means with t intervals, paired differences.

A world is drawn anew with its dataset, its references and their pretraining; it is the unit here, and people within a
world are not counted. Intervals have 95 % and W − 1 degrees of freedom.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from salmubench.scoring.bootstrap import LEVEL
from salmubench.scoring.intervals import Interval


@dataclass(frozen=True)
class Estimate:
    """A mean over worlds, its t interval, and two-sided p of a mean of 0; `None` with too few worlds."""

    mean: float | None
    ci95: Interval | None
    p: float | None
    worlds: int


def over_worlds(values: Sequence[float | None]) -> Estimate:
    """Mean of a number over worlds; worlds without it are left out.

    Examples:
        >>> over_worlds([0.1, None, 0.3]).worlds
        2
        >>> over_worlds([0.25]).ci95 is None
        True
    """
    from scipy import special

    present = [value for value in values if value is not None]
    count = len(present)
    if not count:
        return Estimate(None, None, None, 0)
    mean = math.fsum(present) / count
    if count < 2:
        return Estimate(mean, None, None, count)
    error = math.sqrt(math.fsum((value - mean) ** 2 for value in present) / (count - 1) / count)
    reach = float(special.stdtrit(count - 1, (1 + LEVEL) / 2)) * error
    alike = 0.0 if mean else 1.0  # p of a number that is the same in every world
    p = 2 * float(special.stdtr(count - 1, -abs(mean) / error)) if error else alike
    return Estimate(mean, (mean - reach, mean + reach), p, count)


def paired(first: Mapping[int, float | None], second: Mapping[int, float | None]) -> Estimate:
    """Mean of first − second over the worlds that have both.

    Examples:
        >>> paired({1: 0.5, 2: 0.7}, {1: 0.25, 3: 0.1}).mean
        0.25
    """
    both = [(value, second.get(world)) for world, value in first.items()]
    return over_worlds([value - other for value, other in both if value is not None and other is not None])
