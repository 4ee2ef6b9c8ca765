"""Products screened in float32 decide as float64 does, near ties and true ties included."""

from __future__ import annotations

import numpy as np
import pytest

from salmubench.scoring.products import (
    TIE,
    ahead_and_equal,
    blocks,
    top_share,
    unit,
)


def near_ties(seed: int, *, texts: int = 300, width: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """Pictures, and texts that differ from one another by all magnitudes from 0 to 1."""
    rng = np.random.default_rng(seed)
    base = rng.normal(size=(6, width))
    steps = 10.0 ** -rng.integers(0, 12, texts)[:, None]
    made = (
        base[rng.integers(0, 6, texts)] + steps * rng.normal(size=(texts, width)) * (rng.random(texts) < 0.8)[:, None]
    )
    return rng.normal(size=(50, width)).astype(np.float32), made.astype(np.float32)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("block", [7, 1024])
def test_counts_are_those_of_float64(seed: int, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("salmubench.scoring.products.BLOCK", block)
    images, array = near_ties(seed)
    texts = unit(array, np.arange(300))
    v = unit(images, np.arange(50))
    exact = v @ texts.T
    own = exact[np.arange(50), np.arange(50)]
    exact[:, 7] = -np.inf
    for part in blocks(images, np.arange(50), texts):
        rows = slice(part.start, part.stop)
        excluded = np.arange(part.stop - part.start), np.full(part.stop - part.start, 7)
        greater, equal = ahead_and_equal(part, own[rows], excluded)
        assert greater.tolist() == (exact[rows] > own[rows, None] + TIE).sum(axis=1).tolist()
        assert equal.tolist() == (np.abs(exact[rows] - own[rows, None]) <= TIE).sum(axis=1).tolist()


@pytest.mark.parametrize("seed", range(5))
def test_top_shares_are_those_of_float64(seed: int) -> None:
    images, array = near_ties(seed)
    texts, right = unit(array, np.arange(300)), np.random.default_rng(seed).integers(0, 300, 50)
    exact = unit(images, np.arange(50)) @ texts.T
    top = exact >= exact.max(axis=1, keepdims=True) - TIE
    expected = top[np.arange(50), right] / top.sum(axis=1)
    assert top_share(images, np.arange(50), texts, right).tolist() == expected.tolist()


def test_a_collapsed_model_ties_everywhere() -> None:
    images, texts = np.ones((5, 8), np.float32), unit(np.ones((40, 8), np.float32), np.arange(40))
    assert top_share(images, np.arange(5), texts, np.zeros(5, np.int64)).tolist() == [1 / 40] * 5
    (part,) = blocks(images, np.arange(5), texts)
    greater, equal = ahead_and_equal(part, np.ones(5), (np.zeros(0, np.int64), np.zeros(0, np.int64)))
    assert (greater.tolist(), equal.tolist()) == ([0] * 5, [40] * 5)


def test_the_error_bound_holds() -> None:
    rng = np.random.default_rng(0)
    images, array = (rng.normal(size=(200, 512)).astype(np.float32) for _ in range(2))
    texts = unit(array, np.arange(200))
    (part,) = blocks(images, np.arange(200), texts)
    worst = np.abs(part.rough - unit(images, np.arange(200)) @ texts.T).max()
    assert 0 < worst < part.error / 10
