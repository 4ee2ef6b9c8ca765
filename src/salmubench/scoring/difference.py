"""One number of two models: their difference, and which of them is nearer to where it should be."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from salmubench.scoring.intervals import Interval, percentiles
from salmubench.scoring.metric import Floats

Answer = Literal["better", "worse", "can't tell", "not learnt"]


@dataclass(frozen=True)
class Difference:
    """One number of two models.

    Attributes:
        ci95: of the difference, resampling both together; `None` with fewer than two units.
        answer: whether the first model is nearer to where it should be: for efficacy to Clean's value (facts:
            Retrained's, where there is one), on either side; for utility less below Compromised's. Of what Compromised
            hadn't learnt there is no answer.
        gap_ci95: of the first model's distance minus the second's; `None` where no record tells the reference's items.
        p: of no such difference, two-sided, from the bootstrap's standard error.
        certain: the answer also holds for all numbers of the comparison together (Holm's correction).
    """

    first: float | None
    second: float | None
    difference: float | None
    ci95: Interval | None
    n: int
    reason: str | None
    answer: Answer = "can't tell"
    gap_ci95: Interval | None = None
    p: float | None = None
    certain: bool = False


def answered(row: Difference, samples: Floats) -> Difference:
    """The row with its answer.

    Args:
        samples: resampled distances of the first model from its target, less those of the second, (b,).
    """
    gap = percentiles(samples)  # a distance has a kink at the target: no standard error to measure it by
    answer: Answer = "better" if gap[1] < 0 else "worse" if gap[0] > 0 else "can't tell"
    error = float(samples.std())
    p = (
        math.erfc(abs(float(samples.mean())) / error / math.sqrt(2))
        if error
        else 1.0
        if answer == "can't tell"
        else 0.0
    )
    return replace(row, answer=answer, gap_ci95=gap, p=p)
