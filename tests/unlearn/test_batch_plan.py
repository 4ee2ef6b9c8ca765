"""The budget: every forget pair exactly k times, batches of 2 and more, no pair twice in a batch."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salmubench.core.errors import ConfigError
from salmubench.unlearn.batch_plan import batch_sizes, deal, make_plan


@settings(max_examples=150, deadline=None)
@given(forget=st.integers(3, 60), batch=st.integers(2, 70), budget=st.integers(1, 6), seed=st.integers(0, 99))
def test_every_pair_k_times(forget: int, batch: int, budget: int, seed: int) -> None:
    plan = make_plan(budget=budget, forget=forget, batch_size=batch, counts={"forget": forget}, seed=seed)
    seen = Counter(int(row) for rows in plan.rows["forget"] for row in rows)
    assert set(seen) == set(range(forget))
    assert set(seen.values()) == {budget}
    assert all(len(rows) == size == len(set(rows)) for rows, size in zip(plan.rows["forget"], plan.sizes, strict=True))
    assert min(plan.sizes) >= 2
    assert plan.pairs == budget * forget
    assert abs(len(plan.sizes) - budget * forget / min(batch, forget)) <= 1


def test_sizes_by_hand() -> None:
    assert batch_sizes(10, 4) == (4, 4, 2)
    assert batch_sizes(9, 4) == (4, 3, 2)  # the pair left over takes one from its neighbour
    assert batch_sizes(5, 2) == (2, 3)
    assert batch_sizes(8, 8) == (8,)
    assert batch_sizes(1, 8) == ()


def test_passes_follow_each_other() -> None:
    """Each pass gives each row once, also where a batch reaches into the next one."""
    batches = deal(5, (4, 4, 4, 4, 4), np.random.default_rng(3))
    counts = Counter[int]()
    for batch in batches[:3]:
        counts.update(int(row) for row in batch)
    assert sorted(counts.values())[0] >= 2
    assert sorted(counts.values())[-1] <= 3


def test_retain_repeats_only_when_used_up() -> None:
    plan = make_plan(budget=2, forget=10, batch_size=5, counts={"forget": 10, "retain": 20}, seed=0)
    assert sorted(int(row) for rows in plan.rows["retain"] for row in rows) == list(range(20))


def test_generic_captions_go_in_step() -> None:
    plan = make_plan(budget=3, forget=7, batch_size=3, counts={"forget": 7, "forget_target": 7}, seed=4)
    for left, right in zip(plan.rows["forget"], plan.rows["forget_target"], strict=True):
        assert np.array_equal(left, right)


def test_seed_decides() -> None:
    def rows(seed: int) -> list[list[int]]:
        plan = make_plan(budget=1, forget=20, batch_size=5, counts={"forget": 20}, seed=seed)
        return [list(map(int, batch)) for batch in plan.rows["forget"]]

    assert rows(1) == rows(1)
    assert rows(1) != rows(2)


def test_nothing_at_budget_zero() -> None:
    assert make_plan(budget=0, forget=9, batch_size=4, counts={"forget": 9}, seed=0).sizes == ()


@pytest.mark.parametrize("budget", [-1, float("nan"), float("inf")])
def test_senseless_budget(budget: float) -> None:
    with pytest.raises(ConfigError, match="Expected a budget from 0"):
        make_plan(budget=budget, forget=9, batch_size=4, counts={"forget": 9}, seed=0)


def test_budget_below_a_batch() -> None:
    with pytest.raises(ConfigError, match="2 forget pairs or more"):
        make_plan(budget=0.1, forget=9, batch_size=4, counts={"forget": 9}, seed=0)


def test_too_few_retain_pairs() -> None:
    with pytest.raises(ConfigError, match=r"retain pairs as a batch has \(8\), got 5"):
        make_plan(budget=1, forget=16, batch_size=8, counts={"forget": 16, "retain": 5}, seed=0)
