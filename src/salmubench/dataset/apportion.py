"""Whole numbers out of shares: the largest-remainder method (Hamilton)."""

from __future__ import annotations

import math
from collections.abc import Sequence


def apportion(exact: Sequence[float], total: int, *, least: Sequence[int] | None = None) -> list[int]:
    """Round shares to whole numbers that sum to a total.

    Each share is rounded down; what is missing goes to the largest remainders, ties to the first.

    Args:
        exact: the shares, which sum to `total` but for rounding.
        total: the sum of the result.
        least: smallest number of each place; where these take too much, the places furthest above their shares give.
    """
    least = [0] * len(exact) if least is None else least
    counts = [max(math.floor(share), low) for share, low in zip(exact, least, strict=True)]
    by_remainder = sorted(range(len(exact)), key=lambda place: counts[place] - exact[place])
    for place in by_remainder[: max(0, total - sum(counts))]:
        counts[place] += 1
    while sum(counts) > total:
        giving = [place for place, low in enumerate(least) if counts[place] > low]
        counts[max(giving, key=lambda place: counts[place] - exact[place])] -= 1
    return counts
