"""Does a table of ours order the methods as the published one does? Spearman's correlation, column by column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from salmubench.official.result_file import numbers, published
from salmubench.scoring.metric import Metric
from salmubench.scoring.record import RunRecord

BUDGET = 5.0
"""Budget of that table."""


@dataclass(frozen=True)
class Agreement:
    """One column of both tables.

    Attributes:
        column: name in the published table.
        n: methods that both have.
        rho: Spearman's rank correlation, ties with mean ranks; `None` below 3 methods or where one side is constant.
        p: share of all orders of our column whose |rho| is at least as large (exact up to 8 methods, else of 10,000
            random ones).
        ours: method → our number.
        published: method → published number.
    """

    column: str
    n: int
    rho: float | None
    p: float | None
    ours: dict[str, float]
    published: dict[str, float]


def main_columns(table: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Columns of the main table: what is published of every row."""
    rows = list(table.values())
    return [name for name in rows[0] if all(name in row for row in rows)]


def agreement(records: Sequence[RunRecord], metrics: Sequence[Metric]) -> list[Agreement]:
    """Compare the columns of the main table over the methods that both have; references don't count.

    Args:
        records: of a run; those of other budgets than the published table's are left out.
        metrics: descriptions that give each number its published name.
    """
    table = published()
    ours_by_method = {
        record.model.method: numbers(record, metrics)
        for record in records
        if record.status == "complete" and record.model.budget == BUDGET and record.model.method in table
    }
    agreements = []
    for column in main_columns(table):
        pairs = {
            str(method): (float(value), table[str(method)][column])
            for method, row in ours_by_method.items()
            if (value := row[column]) is not None
        }
        ours, theirs = ({method: pair[side] for method, pair in pairs.items()} for side in (0, 1))
        rho, p = _correlate(list(ours.values()), list(theirs.values()))
        agreements.append(Agreement(column, len(pairs), rho, p, ours, theirs))
    return agreements


def spearman(ours: Sequence[float], theirs: Sequence[float]) -> float | None:
    """Rank correlation, ties with mean ranks; `None` where one side is constant."""
    from scipy import stats

    if len(set(ours)) == 1 or len(set(theirs)) == 1:
        return None
    return float(np.corrcoef(stats.rankdata(ours), stats.rankdata(theirs))[0, 1])


def _correlate(ours: list[float], theirs: list[float]) -> tuple[float | None, float | None]:
    from scipy import stats

    if len(ours) < 3 or spearman(ours, theirs) is None:
        return None, None
    first, second = stats.rankdata(ours), stats.rankdata(theirs)

    def rho(order: np.ndarray) -> float:
        return float(np.corrcoef(order, second)[0, 1])

    tested = stats.permutation_test(
        (first,), rho, permutation_type="pairings", n_resamples=50_000 if len(ours) <= 8 else 10_000,
        vectorized=False, rng=np.random.default_rng(0),
    )  # fmt: skip
    return float(tested.statistic), float(tested.pvalue)
