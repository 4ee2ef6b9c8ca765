"""What a bootstrap draws: against slow versions, what it pairs, what can't change the draws."""

from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from salmubench.scoring import bootstrap
from salmubench.scoring.bootstrap import (
    SEED,
    drawn_seeds,
    find_units,
    leaf_sums,
    resampled_means,
    resampled_sums,
)
from salmubench.scoring.intervals import percentiles


def classes_of(sizes: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Pictures and classes of so many pictures a class."""
    classes = np.repeat([f"class {number}" for number in range(len(sizes))], sizes).astype(object)
    return np.array([f"p{number:03d}" for number in range(len(classes))], object), classes


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


def test_classes_then_pictures_against_drawing_one_at_a_time() -> None:
    rng = np.random.default_rng(0)
    sizes = [4, 7, 4]
    pictures, classes = classes_of(sizes)
    values = rng.normal(size=(15, 1))
    found = resampled_means(values, find_units(pictures, classes), bootstraps=50)
    pool = bootstrap._POOL
    ready = {}
    for size in {4, 7}:
        order = np.random.default_rng([SEED, size]).permutation(np.tile(np.arange(size), pool))
        ready[size] = order.reshape(pool, size)
    draws = np.random.default_rng(SEED).integers(0, 3 * pool, (50, 3), dtype=np.int32)
    for row, drawn in enumerate(draws):
        sample = []
        for number, which in zip(drawn // pool, drawn % pool, strict=True):
            own = values[classes == f"class {number}", 0]
            sample += [own[picture] for picture in ready[sizes[number]][which]]
        assert found[row, 0] == pytest.approx(np.mean(sample))


def test_spread_over_classes_and_pictures() -> None:
    """Variance of the mean: that of the classes' means over their number, and the pictures' within, once more."""
    rng = np.random.default_rng(3)
    pictures, classes = classes_of([50] * 40)
    values = np.repeat(rng.normal(0, 0.3, 40), 50) + rng.normal(0, 1, 2000)
    found = resampled_means(values[:, None], find_units(pictures, classes), bootstraps=20_000)
    by_class = values.reshape(40, 50)
    expected = by_class.mean(axis=1).var() / 40 + by_class.var(axis=1).mean() / 2000
    assert found.mean() == pytest.approx(values.mean(), abs=4 * np.sqrt(expected / 20_000))
    assert found.var() == pytest.approx(expected, rel=0.06)


def test_classes_without_pictures_of_their_own_spread() -> None:
    """All right in one class, all wrong in the other: what is drawn is which class, never a picture of it."""
    pictures, classes = classes_of([10, 10])
    found = resampled_means(np.repeat([1.0, 0.0], 10)[:, None], find_units(pictures, classes), bootstraps=1000)
    assert set(found[:, 0]) == {0.0, 0.5, 1.0}


@pytest.mark.parametrize("by_class", [False, True])
def test_blocks_do_not_change_the_draws(monkeypatch: pytest.MonkeyPatch, by_class: bool) -> None:
    rng = np.random.default_rng(1)
    pictures, classes = classes_of([6] * 9)
    units = find_units(pictures, classes if by_class else None)
    values = rng.normal(size=(54, 1))
    expected = resampled_means(values, units, bootstraps=101, seed=3)
    monkeypatch.setattr(bootstrap, "_BLOCK", 200)
    monkeypatch.setattr(bootstrap, "_KEPT", 0)
    assert np.array_equal(resampled_means(values, units, bootstraps=101, seed=3), expected)


def test_threads_do_not_change_a_bit() -> None:
    rng = np.random.default_rng(4)
    units = find_units(np.array([f"c{number % 774}" for number in range(3000)], object))
    values = rng.normal(size=(3000, 7))
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            found.append(resampled_means(values, units, bootstraps=2000))
    assert np.array_equal(*found)


def test_the_order_of_rows_does_not_change_a_bit() -> None:
    rng = np.random.default_rng(5)
    cluster = np.array([f"c{number % 7}" for number in range(300)], object)
    values = rng.normal(size=(300, 3))
    expected = leaf_sums(values, find_units(cluster))
    for _ in range(5):
        order = rng.permutation(300)
        assert np.array_equal(leaf_sums(values[order], find_units(cluster[order])), expected)


def test_models_on_the_same_items_are_resampled_together() -> None:
    rng = np.random.default_rng(2)
    cluster = np.array([f"c{number % 20}" for number in range(200)], object)
    one = rng.normal(size=(200, 1))
    a, b = (resampled_means(values, find_units(cluster)) for values in (one, one + 0.5))
    assert np.allclose(b - a, 0.5)


def test_seeds_drawn_one_fewer_have_the_spread_of_their_mean() -> None:
    values = np.array([0.1, 0.4, 0.5, 1.2])
    drawn = np.full(40_000, np.nan)
    for weights, rows in drawn_seeds(4, 40_000, SEED):
        assert weights.sum() == pytest.approx(4)
        assert np.isnan(drawn[rows]).all()
        drawn[rows] = weights @ values / 4
    assert drawn.mean() == pytest.approx(values.mean(), abs=0.005)
    assert drawn.var() == pytest.approx(values.var(ddof=1) / 4, rel=0.03)


def test_a_single_seed_is_taken_as_it_is() -> None:
    ((weights, rows),) = drawn_seeds(1, 5, SEED)
    assert (weights.tolist(), rows.tolist()) == ([1.0], [0, 1, 2, 3, 4])


def test_several_seeds_against_drawing_one_at_a_time() -> None:
    rng = np.random.default_rng(6)
    units, sums = find_units(np.array(["a", "b", "c", "d"], object)), rng.normal(size=(3, 4, 2))
    found = resampled_sums(sums, units, bootstraps=60, seed=SEED)
    people = (np.random.default_rng(SEED).random((60, 4)) * 4).astype(int)
    seeds = np.random.default_rng([SEED, 3]).integers(0, 3, (60, 2))
    for row in range(60):
        total = sum(sums[one, unit] for one in seeds[row] for unit in people[row])
        assert found[row] == pytest.approx(total * 3 / 2)


def test_resampling_pairs_instead_would_be_too_sure() -> None:
    """The reason for clusters: with pairs as units the same data give intervals that hold the truth far less often."""
    rng = np.random.default_rng(7)
    cluster = np.repeat([f"{number:03d}" for number in range(40)], 25).astype(object)
    pairs = find_units(np.array([f"{number:04d}" for number in range(1000)], object))
    by_pair = by_identity = 0
    for _ in range(100):
        values = np.repeat(rng.normal(0, 0.3, 40), 25) + rng.normal(0, 0.1, 1000)
        for units in (pairs, find_units(cluster)):
            low, high = percentiles(resampled_means(values[:, None], units, bootstraps=200)[:, 0])
            by_pair += (low <= 0 <= high) and units is pairs
            by_identity += (low <= 0 <= high) and units is not pairs
    assert by_pair < 50 < 85 < by_identity
