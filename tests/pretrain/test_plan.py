"""The order of an epoch: exact, deterministic, the same for retain in both kinds."""

from __future__ import annotations

import numpy as np
import pytest

from salmubench.pretrain.config import PretrainConfig
from salmubench.pretrain.exposure import streamed_pairs
from salmubench.pretrain.plan import batches, epoch_order, plan_epoch


@pytest.mark.parametrize(
    ("rows", "batch", "processes"), [(10, 4, 1), (102, 32, 1), (7, 8, 2), (101, 16, 3), (64, 8, 2)]
)
def test_each_row_once_and_equal_shares(rows, batch, processes):
    plan = plan_epoch(rows, batch_size=batch, processes=processes)
    order = epoch_order([rows], seed=1, epoch=2)
    cut = [batches(order, plan, rank=rank) for rank in range(processes)]
    seen = np.bincount(np.concatenate([row for rank in cut for row in rank]), minlength=rows)
    assert seen.min() == 1
    assert seen.sum() == plan.pairs
    assert plan.pairs - rows < processes
    assert all(tuple(len(rows) for rows in rank) == plan.sizes for rank in cut)
    assert max(plan.sizes) <= batch
    assert max(plan.sizes) - min(plan.sizes) <= 1


def test_batches_of_one_step_are_neighbours_in_the_order():
    plan = plan_epoch(6, batch_size=2, processes=2)
    order = np.array([5, 3, 1, 0, 2, 4])
    assert [part.tolist() for part in batches(order, plan, rank=0)] == [[5, 1], [2]]
    assert [part.tolist() for part in batches(order, plan, rank=1)] == [[3, 0], [4]]


def test_order_is_a_new_permutation_in_each_epoch():
    first, second = (epoch_order([50], seed=0, epoch=epoch) for epoch in (0, 1))
    assert sorted(first) == sorted(second) == list(range(50))
    assert (first != second).sum() > 40
    assert (epoch_order([50], seed=0, epoch=0) == first).all()
    assert (epoch_order([50], seed=1, epoch=0) != first).sum() > 40


def test_clean_and_compromised_see_retain_in_the_same_order():
    clean = epoch_order([40], seed=3, epoch=1)
    compromised = epoch_order([40, 25], seed=3, epoch=1)
    assert compromised[compromised < 40].tolist() == clean.tolist()
    positions = np.flatnonzero(compromised >= 40)
    assert 20 < positions.mean() < 44  # sensitive rows are mixed in, not appended


@pytest.mark.parametrize(("rows", "workers", "wanted"), [(100, 1, 128), (128, 1, 128), (129, 1, 192), (130, 2, 256)])
def test_streaming_rounds_up_as_the_engine_does(rows, workers, wanted):
    assert streamed_pairs(rows, PretrainConfig(batch_size=32, processes=2, workers=workers)) == wanted
