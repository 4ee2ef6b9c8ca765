"""Each loss against a 2×2 example computed by hand, an independent slow version, and finite differences."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from salmubench.unlearn import Batch, load_method
from salmubench.unlearn.losses import derangement, permutation
from slow_losses import (
    EYE,
    HAND,
    SLANTED,
    SWAPPED,
    Random,
    Straight,
    cosines,
    evaluate,
    fuse,
    hand_batch,
    kl,
    log_share,
    pairs,
    slow_clip,
    slow_delete,
    slow_kl,
    slow_mse,
    softplus,
    transposed,
)  # fmt: skip

TEXT_MSE = (0.16 + 0.64) / 4  # SLANTED against EYE
FUSED = np.asarray([[1.6, 0.8], [0.0, 2.0]]) / [[math.sqrt(1.6**2 + 0.8**2)], [2.0]]
FUSED_MSE = float(((FUSED - np.eye(2)) ** 2).mean())
RETAIN_MSE = (0.4**2 + 0.8**2) / 4  # S against S0 = EYE

LOG_SHARES = [-softplus(-0.6), -softplus(-0.2), -softplus(0.2), -softplus(-1.0)]
"""log p of the true caption of each picture and of the true picture of each caption, S = [[.6, 0], [.8, 1]]."""
BEFORE = -softplus(-1.0)  # each of them under the reference


def npo_by_hand(beta: float) -> float:
    return 2 / beta * float(np.mean([softplus(beta * (share - BEFORE)) for share in LOG_SHARES]))


BY_HAND = [
    ("finetuning", {}, HAND),
    ("generic_captions", {}, HAND),
    ("shuffled_captions", {}, SWAPPED),
    ("direct_similarity_minimisation", {}, 0.8),
    ("negative_gradient", {}, -HAND),
    # unassociated retain pairs have cosine 0 under the reference; the pairs to forget .6 and 1
    ("vlunlearn", {}, (0.36 + 1.0) / 2 + TEXT_MSE / 2 + FUSED_MSE),
    ("vlunlearn", {"alpha": 2.0, "beta": 3.0, "gamma": 0.5}, 1.36 + 1.5 * TEXT_MSE + FUSED_MSE / 2),
    ("cliperase", {}, HAND + 3 * 0.8 + 3 * (kl([1, 0], [0.6, 0.8]) / 2)),
    ("cliperase", {"variant": "released"}, 2 * (0.36 + 0.64 + 1.0) / 4 + 2 * RETAIN_MSE + TEXT_MSE),
    ("npo", {}, npo_by_hand(0.1) + HAND),
    ("npo", {"beta": 2.0, "retention": 0.5}, npo_by_hand(2.0) + HAND / 2),
    ("delete", {}, SWAPPED),
    ("delete", {"variant": "released"}, 2 * (0.36 + 0.64 + 1.0) / 4 + 2 * RETAIN_MSE),
]


@pytest.mark.parametrize(("name", "options", "expected"), BY_HAND)
def test_by_hand(name: str, options: dict[str, Any], expected: float) -> None:
    assert evaluate(name, hand_batch(), **options) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_vlunlearn_released_by_hand(seed: int) -> None:
    """π either keeps both captions, target EYE, or exchanges them, target [[0, 1], [1, 0]]."""
    batch = Batch(forget=pairs(EYE, SLANTED), retain=pairs(EYE, SLANTED), generator=torch.Generator().manual_seed(seed))
    kept = torch.equal(permutation(2, torch.Generator().manual_seed(seed)), torch.arange(2))
    decoupling = (0.4**2 + 0.8**2) / 4 if kept else (0.6**2 + 1.0 + 0.2**2 + 1.0) / 4
    found = evaluate("vlunlearn", batch, variant="released")
    assert found == pytest.approx(2 * decoupling + FUSED_MSE + TEXT_MSE, abs=1e-12)


# --- independent slow versions -----------------------------------------------------------------------------------


def slow_vlunlearn(world: Random) -> float:
    v, t, _, _, rv, rt, rv0, rt0 = world.rows
    other = world.drawn(derangement)
    now = [cosines(v, t)[i][i] for i in range(5)]
    wanted = [cosines(rv0, rt0)[i][other[i]] for i in range(5)]
    both, both0 = np.concatenate([rv, rt], axis=1), np.concatenate([rv0, rt0], axis=1)
    return slow_mse(now, wanted) + slow_mse(both, both0) + slow_mse(fuse(rv, rt), fuse(rv0, rt0))


def slow_vlunlearn_released(world: Random) -> float:
    v, t, v0, t0, rv, rt, rv0, rt0 = world.rows
    now, wanted = cosines(v, t), cosines(v0, t0[world.drawn(permutation)])
    decoupling = slow_mse(now, wanted) + slow_mse(transposed(now), transposed(wanted))
    return decoupling + slow_mse(fuse(rv, rt), fuse(rv0, rt0)) + slow_mse(rv, rv0) + slow_mse(rt, rt0)


def slow_released(world: Random, *, consistency: bool) -> float:
    v, t, _, _, rv, rt, rv0, rt0 = world.rows
    now, kept, before = cosines(v, t), cosines(rv, rt), cosines(rv0, rt0)
    nothing = np.zeros((5, 5))
    total = slow_mse(now, nothing) + slow_mse(transposed(now), nothing)
    total += slow_mse(kept, before) + slow_mse(transposed(kept), transposed(before))
    return total + (slow_mse(rv, rv0) + slow_mse(rt, rt0) if consistency else 0.0)


def slow_cliperase(world: Random) -> float:
    v, t, _, _, rv, rt, rv0, rt0 = world.rows
    forgetting = sum(cosines(v, t)[i][i] for i in range(5)) / 5
    return slow_clip(rv, rt, world.scale) + 3 * forgetting + 3 * (slow_kl(rv0, rv) + slow_kl(rt0, rt))


def slow_delete_of(world: Random) -> float:
    v, t, v0, t0 = world.rows[:4]
    scaled = [[[world.scale * x for x in row] for row in cosines(*side)] for side in ((v, t), (v0, t0))]
    return slow_delete(scaled[0], scaled[1])


def slow_npo(world: Random, beta: float, weight: float) -> float:
    v, t, v0, t0, rv, rt = world.rows[:6]
    total = 0.0
    now, before = ([[world.scale * x for x in row] for row in cosines(*side)] for side in ((v, t), (v0, t0)))
    for new, old in ((now, before), (transposed(now), transposed(before))):
        for i in range(5):
            ratio = math.exp(log_share(new[i], i) - log_share(old[i], i))
            total += 2 / beta * math.log(1 + ratio**beta)
    return total / 10 + weight * slow_clip(rv, rt, world.scale)


SLOW: list[tuple[str, dict[str, Any], Callable[[Random], float]]] = [
    ("finetuning", {}, lambda w: slow_clip(w.rows[4], w.rows[5], w.scale)),
    ("generic_captions", {}, lambda w: slow_clip(w.rows[0], w.rows[1], w.scale)),
    ("shuffled_captions", {}, lambda w: slow_clip(w.rows[0], w.rows[1][w.drawn(derangement)], w.scale)),
    ("direct_similarity_minimisation", {}, lambda w: float(np.mean(np.diag(cosines(w.rows[0], w.rows[1]))))),
    ("negative_gradient", {}, lambda w: -slow_clip(w.rows[0], w.rows[1], w.scale)),
    ("vlunlearn", {}, slow_vlunlearn),
    ("vlunlearn", {"variant": "released"}, slow_vlunlearn_released),
    ("cliperase", {}, slow_cliperase),
    ("cliperase", {"variant": "released"}, lambda w: slow_released(w, consistency=True)),
    ("npo", {}, lambda w: slow_npo(w, 0.1, 1.0)),
    ("npo", {"beta": 1.5, "retention": 0.3}, lambda w: slow_npo(w, 1.5, 0.3)),
    ("delete", {}, slow_delete_of),
    ("delete", {"variant": "released"}, lambda w: slow_released(w, consistency=False)),
]


@pytest.mark.parametrize(("name", "options", "slow"), SLOW)
@pytest.mark.parametrize("seed", range(3))
def test_slow(name: str, options: dict[str, Any], slow: Callable[[Random], float], seed: int) -> None:
    world = Random.draw(seed)
    assert evaluate(name, world.batch(), world.scale, **options) == pytest.approx(slow(world), rel=1e-9)


@pytest.mark.parametrize(("name", "options"), [(name, options) for name, options, _ in SLOW])
def test_gradient(name: str, options: dict[str, Any]) -> None:
    """Finite differences in float64 over the raw embeddings and the temperature."""
    world, method = Random.draw(5), load_method(name)
    frozen = Straight(torch.tensor(4.0, dtype=torch.float64))
    inputs = [torch.tensor(rows).requires_grad_() for rows in (world.rows[i] for i in (0, 1, 4, 5))]

    def value(v: Tensor, t: Tensor, rv: Tensor, rt: Tensor, scale: Tensor) -> Tensor:
        forget = pairs(EYE, EYE, world.rows[2], world.rows[3])
        retain = pairs(EYE, EYE, world.rows[6], world.rows[7])
        forget._sources |= {"images": v, "texts": t}
        retain._sources |= {"images": rv, "texts": rt}
        batch = Batch(
            forget=forget, forget_target=forget, retain=retain, generator=torch.Generator().manual_seed(world.seed)
        )
        result: Tensor = method.function(batch, Straight(scale), frozen, method.config(**options))[0]
        return result

    scale = torch.tensor(4.0, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(value, (*inputs, scale))


def test_reference_gets_no_gradient() -> None:
    """DELETE's target is a constant: its gradient with respect to the temperature comes from the student alone."""
    world, method = Random.draw(1), load_method("delete")
    scale = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
    fixed = Straight(torch.tensor(3.0, dtype=torch.float64))
    same, other = (
        torch.autograd.grad(method.function(world.batch(), Straight(scale), reference, method.config())[0], scale)[0]
        for reference in (Straight(scale), fixed)
    )
    assert torch.equal(same, other)


def test_report_does_not_change_the_loss() -> None:
    """Adding up the report gives another number than the loss wherever weights differ from 1."""
    method, world = load_method("cliperase"), Random.draw(2)
    value, report = method.function(
        world.batch(), Straight(torch.tensor(1.0)), Straight(torch.tensor(1.0)), method.config()
    )
    assert float(value) != pytest.approx(float(sum(report.values())))


@pytest.mark.parametrize("count", [2, 3, 7])
def test_derangement_moves_every_row(count: int) -> None:
    seen = set()
    for seed in range(40):
        found = derangement(count, torch.Generator().manual_seed(seed))
        assert sorted(found.tolist()) == list(range(count))
        assert not (found == torch.arange(count)).any()
        seen.add(tuple(found.tolist()))
    assert len(seen) > 1 or count == 2


def test_derangement_needs_two() -> None:
    with pytest.raises(ValueError, match="at least 2 rows"):
        derangement(1, torch.Generator())


def test_noise_scale_of_the_release() -> None:
    """σ = 0.0734 for L = 1.001, M = 3.999, m = 1e-3, one iteration, ε = 5, n = 4e8, δ = 1/n²."""
    from salmubench.unlearn.methods.descent_to_delete import noise_scale

    given = {"iterations": 1, "lipschitz": 1.001, "smoothness": 3.999, "convexity": 1e-3, "epsilon": 5.0}
    assert noise_scale(records=400_000_000, delta=(4e8) ** -2, **given) == pytest.approx(0.0734, abs=5e-5)
    gamma, spread = 3.998 / 4, math.sqrt(math.log(16e16) + 5) - math.sqrt(math.log(16e16))
    by_hand = 4 * math.sqrt(2) * 1.001 * gamma**3 / (1e-3 * 4e8 * (1 - gamma**3) * spread)
    assert noise_scale(records=400_000_000, delta=(4e8) ** -2, **{**given, "iterations": 3}) == pytest.approx(by_hand)


def test_missing_need() -> None:
    with pytest.raises(ValueError, match=r"uses batch\.retain to list 'retain' in NEEDS"):
        _ = Batch(forget=pairs(EYE, EYE)).retain
