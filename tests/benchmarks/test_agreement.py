"""Spearman's correlation with the published table, against ranks by hand and all orders counted one by one."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from agreement import agreement

from salmubench.metrics import descriptions
from salmubench.official.result_file import published

METRICS = list(descriptions().values())
COLUMNS = ("RetFail_MRR", "GenKnow", "InterIdSim", "IntraIdSim")


@dataclass
class Model:
    method: str | None
    budget: float | None = 5.0


@dataclass
class Number:
    value: float | None


class Record:
    """As much of a record as the comparison reads."""

    def __init__(self, method: str | None, values: dict[str, float | None], **change: Any) -> None:
        self.status, self.model = change.pop("status", "complete"), Model(method, **change)
        self.scores = {
            name: {"mrr" if name == "RetFail" else "value": Number(values.get(column))}
            for column in COLUMNS
            for name in [column.removesuffix("_MRR")]
        }


def methods() -> list[str]:
    return [name for name in published() if name not in ("clean", "compromised")]


def by_hand(ours: list[float], theirs: list[float]) -> tuple[float, float]:
    def ranks(values: list[float]) -> np.ndarray:
        return np.array([sum(b < a for b in values) + (values.count(a) + 1) / 2 for a in values])

    first, second = ranks(ours), ranks(theirs)
    found = float(np.corrcoef(first, second)[0, 1])
    every = [abs(np.corrcoef(order, second)[0, 1]) for order in itertools.permutations(first)]
    return found, float(np.mean(np.array(every) >= abs(found) - 1e-12))


def test_the_published_table_agrees_with_itself() -> None:
    found = agreement([Record(name, dict(published()[name])) for name in methods()], METRICS)  # type: ignore[misc]
    assert [(item.column, item.n) for item in found] == [(column, 7) for column in COLUMNS]
    assert all(item.rho == pytest.approx(1) for item in found)


def test_against_every_order_counted() -> None:
    rng = np.random.default_rng(3)
    names = methods()[:6]
    rows = {name: {column: float(np.round(rng.normal(), 1)) for column in COLUMNS} for name in names}
    for item in agreement([Record(name, rows[name]) for name in names], METRICS):  # type: ignore[misc]
        rho, p = by_hand(list(item.ours.values()), list(item.published.values()))
        assert item.rho == pytest.approx(rho)
        assert item.p == pytest.approx(p, abs=0.01)


def test_only_methods_of_both_at_that_budget_count() -> None:
    full = dict.fromkeys(COLUMNS, 0.1)
    records = [
        Record("delete", full), Record("cliperase", {**full, "GenKnow": None}), Record("mine", full),
        Record(None, full), Record("vlunlearn", full, budget=1.0), Record("finetuning", full, status="failed"),
    ]  # fmt: skip
    found = {item.column: item for item in agreement(records, METRICS)}  # type: ignore[arg-type]
    assert set(found["InterIdSim"].ours) == {"delete", "cliperase"}
    assert set(found["GenKnow"].ours) == {"delete"}
    assert (found["GenKnow"].rho, found["GenKnow"].p) == (None, None)
