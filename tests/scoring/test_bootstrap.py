"""The cluster bootstrap: against a slow version, its coverage, what it pairs."""

from __future__ import annotations

import numpy as np
import pytest

from salmubench.scoring.bootstrap import (
    SEED,
    find_units,
    interval,
    resampled_means,
)


def test_against_drawing_one_unit_at_a_time() -> None:
    rng = np.random.default_rng(0)
    cluster = rng.choice(["a", "b", "c", "d", "e"], 40).astype(object)
    values = rng.normal(size=(40, 2))
    units = find_units(cluster)
    found = resampled_means(values, units, bootstraps=50)
    draws = (np.random.default_rng(SEED).random((50, 5)) * 5).astype(int)
    for row, drawn in enumerate(draws):
        sample = np.concatenate([values[cluster == "abcde"[unit]] for unit in drawn])
        assert found[row] == pytest.approx(sample.mean(axis=0))


def test_strata_keep_their_sizes() -> None:
    """Two classes of unequal accuracy: resampled within classes, the mean can't drift to one of them."""
    stratum = np.repeat(["x", "y"], [30, 10]).astype(object)
    cluster = np.array([f"p{number}" for number in range(40)], object)
    values = np.repeat([1.0, 0.0], [30, 10])[:, None]
    assert set(resampled_means(values, find_units(cluster, stratum))[:, 0]) == {0.75}
    assert len(set(resampled_means(values, find_units(cluster))[:, 0])) > 5


def test_blocks_do_not_change_the_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    units = find_units(np.array([f"c{number % 9}" for number in range(60)], object))
    values = rng.normal(size=(60, 1))
    expected = resampled_means(values, units, bootstraps=101, seed=3)
    monkeypatch.setattr("salmubench.scoring.bootstrap._BLOCK", 20)
    monkeypatch.setattr("salmubench.scoring.bootstrap._KEPT", 0)
    assert np.array_equal(resampled_means(values, units, bootstraps=101, seed=3), expected)


def test_models_on_the_same_items_are_resampled_together() -> None:
    rng = np.random.default_rng(2)
    cluster = np.array([f"c{number % 20}" for number in range(200)], object)
    one = rng.normal(size=(200, 1))
    a, b = (resampled_means(values, find_units(cluster)) for values in (one, one + 0.5))
    assert np.allclose(b - a, 0.5)


def test_one_unit_has_no_interval() -> None:
    units = find_units(np.array(["a"] * 5, object))
    assert interval(resampled_means(np.ones((5, 1)), units)[:, 0], units) is None
    single = find_units(np.array(["a", "b"], object), np.array(["x", "y"], object))
    assert interval(np.ones(10), single) is None


def test_coverage_is_95_percent() -> None:
    """Identities of unequal size with effects of their own: the interval holds the truth 92 to 98 times of 100."""
    rng = np.random.default_rng(7)
    sizes = rng.integers(3, 30, 80)
    cluster = np.repeat([f"{number:03d}" for number in range(80)], sizes).astype(object)
    units = find_units(cluster)
    held = 0
    for _ in range(600):
        effects = rng.normal(0.3, 0.1, 80)
        values = np.repeat(effects, sizes) + rng.normal(0, 0.2, len(cluster))
        found = interval(resampled_means(values[:, None], units, bootstraps=400)[:, 0], units)
        assert found is not None
        held += found[0] <= 0.3 <= found[1]
    assert 0.92 <= held / 600 <= 0.98


def test_resampling_pairs_instead_would_be_too_sure() -> None:
    """The reason for clusters: with pairs as units the same data give intervals that hold the truth far less often."""
    rng = np.random.default_rng(7)
    cluster = np.repeat([f"{number:03d}" for number in range(40)], 25).astype(object)
    pairs = find_units(np.array([f"{number:04d}" for number in range(1000)], object))
    by_pair = by_identity = 0
    for _ in range(100):
        values = np.repeat(rng.normal(0, 0.3, 40), 25) + rng.normal(0, 0.1, 1000)
        for units in (pairs, find_units(cluster)):
            found = interval(resampled_means(values[:, None], units, bootstraps=200)[:, 0], units)
            assert found is not None
            by_pair += (found[0] <= 0 <= found[1]) and units is pairs
            by_identity += (found[0] <= 0 <= found[1]) and units is not pairs
    assert by_pair < 50 < 85 < by_identity
