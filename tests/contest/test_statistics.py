"""Means over worlds against slow versions written here, against scipy, and on cases with known answers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from salmubench.contest.rows import over_worlds, paired
from salmubench.scoring.ranking import holm


def slow_t(x: float, df: int, steps: int = 200_000) -> float:
    """P(T ≤ x), by the trapezium rule on Student's density."""
    scale = math.exp(math.lgamma((df + 1) / 2) - math.lgamma(df / 2)) / math.sqrt(df * math.pi)
    at = np.linspace(0.0, abs(x), steps)
    area = float(np.trapezoid(scale * (1 + at**2 / df) ** (-(df + 1) / 2), at))
    return 0.5 + math.copysign(area, x)


def slow_interval(values: list[float]) -> tuple[float, float]:
    """95 % interval, with the quantile found by halving."""
    low, high, df = 0.0, 1000.0, len(values) - 1
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if slow_t(middle, df, 20_000) < 0.975 else (low, middle)
    mean = sum(values) / len(values)
    error = math.sqrt(sum((value - mean) ** 2 for value in values) / df / len(values))
    return mean - low * error, mean + low * error


SIX = [0.004, 0.011, -0.002, 0.009, 0.02, 0.006]


@pytest.mark.parametrize("values", [SIX, SIX[:3], [1.0, 2.0, 3.0, 4.0, 100.0]])
def test_intervals_are_those_of_the_slow_version_and_of_scipy(values: list[float]) -> None:
    estimate = over_worlds(values)
    reference = stats.ttest_1samp(values, 0.0)
    assert estimate.mean == pytest.approx(np.mean(values))
    assert estimate.ci95 == pytest.approx(tuple(reference.confidence_interval(0.95)))
    assert estimate.ci95 == pytest.approx(slow_interval(values), rel=1e-4)
    assert estimate.p == pytest.approx(reference.pvalue)
    assert estimate.p == pytest.approx(2 * slow_t(-abs(reference.statistic), len(values) - 1), rel=1e-4)


def test_known_answers() -> None:
    two = over_worlds([0.0, 2.0])  # one degree of freedom: t = tan(.475 π), the error is 1
    assert two.mean == 1.0
    assert two.ci95 == pytest.approx((1 - math.tan(0.475 * math.pi), 1 + math.tan(0.475 * math.pi)))
    assert two.p == pytest.approx(0.5)
    assert over_worlds([]) == over_worlds([None, None])
    assert (over_worlds([]).mean, over_worlds([]).worlds) == (None, 0)
    one = over_worlds([None, 0.3])
    assert (one.mean, one.ci95, one.p, one.worlds) == (0.3, None, None, 1)
    same = over_worlds([0.25] * 4)
    assert (same.ci95, same.p) == ((0.25, 0.25), 0.0)
    assert over_worlds([0.0, 0.0]).p == 1.0


def test_pairs_are_of_the_worlds_that_both_have() -> None:
    first = {101: 0.5, 102: 0.7, 103: None, 104: 0.9, 106: 0.1}
    second = {101: 0.4, 102: 0.4, 103: 0.1, 104: None, 105: 0.3, 106: 0.2}
    estimate = paired(first, second)
    reference = stats.ttest_rel([0.5, 0.7, 0.1], [0.4, 0.4, 0.2])
    assert estimate.worlds == 3
    assert estimate.p == pytest.approx(reference.pvalue)
    assert estimate.ci95 == pytest.approx(tuple(reference.confidence_interval(0.95)))
    assert paired(second, first).mean == pytest.approx(-estimate.mean)


def slow_holm(values: list[float], level: float) -> set[int]:
    """Which hypotheses the step-down procedure rejects, as Holm wrote it."""
    rejected: set[int] = set()
    while len(rejected) < len(values):
        left = [place for place in range(len(values)) if place not in rejected]
        smallest = min(left, key=lambda place: values[place])
        if values[smallest] > level / len(left):
            break
        rejected.add(smallest)
    return rejected


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.sampled_from([0.01, 0.05, 0.2]))
def test_holm_rejects_what_the_steps_reject(values: list[float], level: float) -> None:
    adjusted = holm(values)
    near = any(abs(p * m - level) < 1e-12 for p in values for m in range(1, len(values) + 1))
    if not near:  # a product that rounds onto the level
        assert {place for place, p in enumerate(adjusted) if p is not None and p <= level} == slow_holm(values, level)
    assert all(p is not None and value <= p <= 1 for p, value in zip(adjusted, values, strict=True))


def test_holm_by_hand() -> None:
    assert holm([]) == []
    assert holm([None]) == [None]
    assert holm([0.2]) == [0.2]
    assert holm([0.02, 0.5, None, 0.01]) == pytest.approx([0.04, 0.5, None, 0.03])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
