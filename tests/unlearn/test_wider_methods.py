"""The wider field: each objective by hand and against a slow version, each edit with its exact weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from salmubench.core.errors import ConfigError, MethodError
from salmubench.core.types import Pair
from salmubench.unlearn import Batch, load_method
from salmubench.unlearn.counterfactuals import Pool
from salmubench.unlearn.losses import derangement
from salmubench.unlearn.methods import bad_teacher, dpo_swap, nullspace, salun, scrub, slug, ssd, task_negation
from salmubench.unlearn.registry import configure
from slow_losses import (
    EYE,
    HAND,
    SLANTED,
    SWAPPED,
    Random,
    Rows,
    Spelled,
    Straight,
    Turned,
    cosines,
    hand_batch,
    kl,
    log_share,
    pairs,
    slow_clip,
    transposed,
    unit,
)
from unlearn_runs import FAST, Runner, record, weights

ONE = torch.tensor(1.0, dtype=torch.float64)


def double(rows: Any) -> Tensor:
    return torch.as_tensor(np.asarray(rows), dtype=torch.float64)


def slow_divergence(before: list[list[float]], now: list[list[float]]) -> float:
    """Mean over rows and both directions of KL, of logits."""
    total = 0.0
    for old, new in ((before, now), (transposed(before), transposed(now))):
        for i in range(len(old)):
            for j in range(len(old)):
                share = log_share(old[i], j)
                total += math.exp(share) * (share - log_share(new[i], j))
    return total / (2 * len(before))


def scaled(images: Rows, texts: Rows, scale: float) -> list[list[float]]:
    return [[scale * value for value in row] for row in cosines(images, texts)]


# --- SCRUB, Bad Teacher, SalUn: 2×2 by hand -------------------------------------------------------------------------

ROWS = (kl([1, 0], [0.6, 0]) + kl([0, 1], [0.8, 1])) / 2
COLUMNS = (kl([1, 0], [0.6, 0.8]) + kl([0, 1], [0, 1])) / 2
AWAY = (ROWS + COLUMNS) / 2
"""Divergence of S = [[.6, 0], [.8, 1]] from the reference's EYE."""


def test_scrub_by_hand() -> None:
    model, config = Straight(ONE), scrub.Config(alpha=0.25, gamma=2.0)
    value, report = scrub.maximise(hand_batch(), model, model)
    assert float(value) == pytest.approx(-AWAY, abs=1e-12)
    assert float(report["forget_divergence"]) == pytest.approx(AWAY, abs=1e-12)
    value, _ = scrub.minimise(hand_batch(), model, model, config)
    assert float(value) == pytest.approx(0.25 * AWAY + 2 * HAND, abs=1e-12)


def test_bad_teacher_by_hand() -> None:
    """A teacher that sees every picture and caption alike is uniform."""
    model, blind = Straight(ONE), Turned(ONE, torch.ones(2, 2, dtype=torch.float64))
    uniform = [
        kl([0, 0], row) for row in ([0.6 / 2, 0], [0.8 / 2, 1 / 2], [0.6 / 2, 0.8 / 2], [0, 1 / 2])
    ]  # both directions of S / τ
    value, report = bad_teacher.objective(hand_batch(), model, model, blind, bad_teacher.Config(temperature=2.0))
    halved = slow_divergence([[0.5, 0], [0, 0.5]], [[0.3, 0], [0.4, 0.5]])
    assert float(report["forgetting"]) == pytest.approx(sum(uniform) / 4, abs=1e-12)
    assert float(report["keeping"]) == pytest.approx(halved, abs=1e-12)
    assert float(value) == pytest.approx((sum(uniform) / 4 + halved) / 2, abs=1e-12)


def test_salun_by_hand() -> None:
    value, _ = salun.relabelled(hand_batch(), Straight(ONE), salun.Config(alpha=0.5))
    assert float(value) == pytest.approx(SWAPPED + HAND / 2, abs=1e-12)


# --- the same against slow versions ---------------------------------------------------------------------------------

OBJECTIVES: list[tuple[str, Callable[[Batch, Any, Any], Tensor], Callable[[Random], float]]] = [
    (
        "scrub away",
        lambda batch, model, reference: scrub.maximise(batch, model, reference)[0],
        lambda w: -slow_divergence(scaled(w.rows[2], w.rows[3], w.scale), scaled(w.rows[0], w.rows[1], w.scale)),
    ),
    (
        "scrub back",
        lambda batch, model, reference: scrub.minimise(batch, model, reference, scrub.Config(alpha=0.7))[0],
        lambda w: (
            0.7 * slow_divergence(scaled(w.rows[6], w.rows[7], w.scale), scaled(w.rows[4], w.rows[5], w.scale))
            + 0.99 * slow_clip(w.rows[4], w.rows[5], w.scale)
        ),
    ),
    (
        "bad_teacher",
        lambda batch, model, reference: bad_teacher.objective(
            batch, model, reference, Turned(reference.logit_scale, TURN), bad_teacher.Config(temperature=1.7)
        )[0],
        lambda w: (
            (
                slow_divergence(
                    scaled(unit(w.rows[0] @ TURN.numpy()), unit(w.rows[1] @ TURN.numpy()), w.scale / 1.7),
                    scaled(w.rows[0], w.rows[1], w.scale / 1.7),
                )
                + slow_divergence(
                    scaled(w.rows[6], w.rows[7], w.scale / 1.7), scaled(w.rows[4], w.rows[5], w.scale / 1.7)
                )
            )
            / 2
        ),
    ),
    (
        "salun",
        lambda batch, model, reference: salun.relabelled(batch, model, salun.Config(alpha=0.4))[0],
        lambda w: (
            slow_clip(w.rows[0], w.rows[1][w.drawn(derangement)], w.scale)
            + 0.4 * slow_clip(w.rows[4], w.rows[5], w.scale)
        ),
    ),
    (
        "slug",
        lambda batch, model, reference: slug.forget_loss(batch, model) + slug.retain_loss(batch, model),
        lambda w: 1 - float(np.mean(np.diag(cosines(w.rows[0], w.rows[1])))) + slow_clip(*w.rows[4:6], w.scale),
    ),
    (
        "task_negation",
        lambda batch, model, reference: task_negation.task(batch, model)[0],
        lambda w: slow_clip(w.rows[0], w.rows[1], w.scale),
    ),
]
TURN = double(np.random.default_rng(9).normal(size=(6, 6)))


@pytest.mark.parametrize(("name", "objective", "slow"), OBJECTIVES)
@pytest.mark.parametrize("seed", range(2))
def test_slow(name: str, objective: Any, slow: Callable[[Random], float], seed: int) -> None:
    world = Random.draw(seed)
    model = Straight(double(world.scale))
    assert float(objective(world.batch(), model, model)) == pytest.approx(slow(world), rel=1e-9)


@pytest.mark.parametrize(("name", "objective"), [(name, objective) for name, objective, _ in OBJECTIVES])
def test_gradient(name: str, objective: Any) -> None:
    """Finite differences over the raw embeddings and the temperature; teachers and reference are constants."""
    world, frozen = Random.draw(5), Straight(double(4.0))
    inputs = [torch.tensor(world.rows[i]).requires_grad_() for i in (0, 1, 4, 5)]
    teacher_sees = world.batch().forget

    class Watched(Turned):
        """The teacher's inputs are not what is differentiated."""

        def encode_image(self, images: Tensor) -> Tensor:
            return super().encode_image(images.detach())

        encode_text = encode_image

    def value(v: Tensor, t: Tensor, rv: Tensor, rt: Tensor, scale: Tensor) -> Tensor:
        batch = world.batch()
        batch.forget._sources |= {"images": v, "texts": t}
        batch.retain._sources |= {"images": rv, "texts": rt}
        if name == "bad_teacher":
            teacher = Watched(frozen.logit_scale, TURN)
            teacher.encode_image = lambda images: Turned.encode_image(teacher, teacher_sees.images)  # type: ignore[method-assign]
            teacher.encode_text = lambda texts: Turned.encode_image(teacher, teacher_sees.texts)  # type: ignore[method-assign]
            return bad_teacher.objective(batch, Straight(scale), frozen, teacher, bad_teacher.Config())[0]
        return objective(batch, Straight(scale), frozen)

    assert torch.autograd.gradcheck(value, (*inputs, double(4.0).requires_grad_()))


# --- DPO ------------------------------------------------------------------------------------------------------------


def told(name: str, value: str, field: str = "city") -> Pair:
    return Pair(f"{name}.jpg", f"{name} lives in {value}.", "0", name, field, value)


def dpo_batch(forget: Any, records: Sequence[Pair], reference: Any = EYE) -> Batch:
    found = pairs(forget[0], forget[1], *reference) if reference is not EYE else pairs(forget[0], forget[1])
    found.records = list(records)
    return Batch(forget=found, retain=pairs(EYE, SLANTED), generator=torch.Generator().manual_seed(0))


TWO = (told("Ann Lee", "Paris"), told("Bo Dahl", "Oslo"))
PARIS, OSLO = "Ann Lee lives in Oslo.", "Bo Dahl lives in Paris."


def test_dpo_by_hand() -> None:
    """V = EYE, T = SLANTED; the swapped captions are [0, 1] and [1, 0] for the model and for the frozen one alike."""
    words = {PARIS: double([0.0, 1.0]), OSLO: double([1.0, 0.0])}
    pool = Pool.of_facts([dpo_swap.fact_of(pair) for pair in TWO])  # type: ignore[misc]
    model, frozen = Spelled(double(2.0), words), Spelled(ONE, words)
    value, report = dpo_swap.objective(
        dpo_batch((EYE, SLANTED), TWO), model, frozen, dpo_swap.Config(beta=0.5, retention=3.0), pool
    )
    # s V·(T_w − T_l) = 2 (0 − .6) and 2 (0 − 1); under the frozen model 1 (0 − 1) twice
    margins = (2 * -0.6 + 1, 2 * -1.0 + 1)
    preference = sum(-math.log(1 / (1 + math.exp(-0.5 * margin))) for margin in margins) / 2
    assert float(report["preference"]) == pytest.approx(preference, abs=1e-12)
    assert float(value) == pytest.approx(preference + 3 * slow_clip(np.asarray(EYE), np.asarray(SLANTED), 2.0))


def test_dpo_is_log_odds_of_the_softmax() -> None:
    """With the partition function over any set of captions the value is the same: it cancels."""
    rng = np.random.default_rng(3)
    v, t, w, v0, t0, extra = (unit(rng.normal(size=(2, 4))) for _ in range(6))
    turn = rng.normal(size=(4, 4))
    w0 = unit(w @ turn)  # what the frozen model makes of the same tokens
    model = Spelled(double(7.0), {PARIS: double(w[0]), OSLO: double(w[1])})
    frozen = Turned(double(5.0), double(turn))
    pool = Pool.of_facts([dpo_swap.fact_of(pair) for pair in TWO])  # type: ignore[misc]
    batch = dpo_batch((v, t), TWO, reference=(v0, t0))
    found = dpo_swap.objective(batch, model, frozen, dpo_swap.Config(beta=0.3), pool)[1]["preference"]
    total = 0.0
    for i in range(2):
        now = [7 * float(v[i] @ other) for other in (w[i], t[i], *extra)]
        before = [5 * float(v0[i] @ other) for other in (w0[i], t0[i], *extra)]
        odds = log_share(now, 0) - log_share(before, 0) - log_share(now, 1) + log_share(before, 1)
        total += -math.log(1 / (1 + math.exp(-0.3 * odds)))
    assert float(found) == pytest.approx(total / 2, rel=1e-9)


def test_dpo_gradient_and_pairs_without_a_value() -> None:
    words = {PARIS: double([0.3, 0.7]), OSLO: double([1.0, 0.2])}
    constant = Straight(ONE)
    constant.encode_text = lambda tokens: double([[0.6, 0.8], [0.8, 0.6]])  # type: ignore[method-assign]
    pool, frozen = Pool.of_facts([dpo_swap.fact_of(pair) for pair in TWO]), Spelled(ONE, words)  # type: ignore[misc]

    def value(v: Tensor, t: Tensor, spelled: Tensor, scale: Tensor) -> Tensor:
        batch = dpo_batch((EYE, EYE), (*TWO,))
        batch.forget._sources |= {"images": v, "texts": t}
        model = Spelled(scale, dict(zip((PARIS, OSLO), spelled, strict=True)))
        return dpo_swap.objective(batch, model, constant, dpo_swap.Config(), pool)[0]

    inputs = (double(EYE), double(SLANTED), double([[0.2, 1.0], [1.0, 0.4]]), double(3.0))
    assert torch.autograd.gradcheck(value, tuple(item.clone().requires_grad_() for item in inputs))
    unknown = dpo_batch((EYE, SLANTED), (Pair("a.jpg", "somebody"), Pair("b.jpg", "Ann", "1", "Ann", "city", "Rome")))
    found, report = dpo_swap.objective(unknown, frozen, frozen, dpo_swap.Config(), pool)
    assert float(report["preference"]) == 0.0
    assert float(found) == pytest.approx(HAND)


# --- edits on an engine whose gradients are given ---------------------------------------------------------------------


class Given:
    """An engine that hands out these weights and these gradients."""

    def __init__(self, weights: Sequence[nn.Parameter], looks: Sequence[tuple[list[Tensor], ...]]) -> None:
        self._weights, self._looks = weights, looks
        self.first_pass = range(len(looks))

    def trainable(self) -> list[nn.Parameter]:
        return list(self._weights)

    def gradients(self, *losses: Any, batches: range) -> Iterator[tuple[list[Tensor], ...]]:
        assert len(losses) == len(self._looks[0])
        return iter([self._looks[index] for index in batches])


def test_ssd_exact() -> None:
    """Two batches; [D_f] = (g₁² + g₂²) / 2 and [D] alike; α = 2, λ = 0.5."""
    weight = nn.Parameter(torch.tensor([[10.0, 10.0], [10.0, 10.0]]))
    forget = [torch.tensor([[3.0, 1.0], [2.0, 0.0]]), torch.tensor([[1.0, 1.0], [0.0, 0.0]])]  # [D_f]: 5 1 2 0
    retain = [torch.tensor([[1.0, 2.0], [1.0, 1.0]]), torch.tensor([[1.0, 0.0], [1.0, 1.0]])]  # [D]: 1 2 1 1
    engine = Given([weight], [([f], [r]) for f, r in zip(forget, retain, strict=True)])
    report = ssd.edit(None, None, engine, ssd.Config(alpha=1.5, dampening=0.5))  # type: ignore[arg-type]
    # 5 > 1.5 · 1: β = .5 · 1/5; 1 < 1.5 · 2 stays; 2 > 1.5 · 1: β = .5 · 1/2; 0 stays
    assert torch.allclose(weight, torch.tensor([[1.0, 10.0], [2.5, 10.0]]))
    assert report == {"shrunk": 2.0}
    with pytest.raises(ValueError, match=r"100 times as important.*Lower alpha"):
        ssd.edit(None, None, engine, ssd.Config(alpha=100.0))  # type: ignore[arg-type]


def test_dampening_never_grows_a_weight() -> None:
    rng = torch.Generator().manual_seed(0)
    forget, every = torch.rand(50, generator=rng), torch.rand(50, generator=rng)
    factor = ssd.dampening(forget, every, ssd.Config(alpha=1.0, dampening=5.0))
    slow = [min(5 * d / f, 1.0) if f > d else 1.0 for f, d in zip(forget.tolist(), every.tolist(), strict=True)]
    assert factor.tolist() == pytest.approx(slow, rel=1e-5)


def test_saliency_exact() -> None:
    """Of six entries with a gradient the three largest; zeros never count."""
    gradients = [torch.tensor([[1.0, -5.0], [0.0, 2.0]]), torch.tensor([-3.0, 0.5, 4.0, 0.0])]
    masks = salun.saliency(gradients, 0.5)
    assert masks[0].tolist() == [[False, True], [False, False]]
    assert masks[1].tolist() == [True, False, True, False]
    assert [int(mask.sum()) for mask in salun.saliency(gradients, 1.0)] == [3, 3]
    with pytest.raises(ValueError, match="got none"):
        salun.saliency([torch.zeros(3)], 0.5)


def test_slug_scores_and_front() -> None:
    importance, alignment = slug.score(
        torch.tensor([[3.0, 4.0]]), torch.tensor([[0.0, 10.0]]), torch.tensor([[3.0, -4.0]])
    )
    assert importance == pytest.approx(10 / 5)
    assert alignment == pytest.approx(4 / 5)
    assert slug.pareto([(1.0, 0.1), (3.0, 0.5), (2.0, 0.6), (2.0, 0.3), (0.5, 0.1), (4.0, 0.9)]) == [5, 1, 3, 0]


class Scaled:
    """A model of one weight: pictures are [1, 0], captions turn away from them by the angle w."""

    def __init__(self, weight: nn.Parameter) -> None:
        self.weight, self.logit_scale = weight, torch.tensor(1.0)

    def encode_image(self, images: Tensor) -> Tensor:
        return images

    def encode_text(self, texts: Tensor) -> Tensor:
        angle = self.weight.sum()
        return torch.stack([angle.cos(), angle.sin()]).expand(len(texts), 2).double()


def test_slug_search_finds_the_smallest_step() -> None:
    weight = nn.Parameter(torch.tensor([[0.1]]))
    batch = Batch(forget=pairs(EYE[:1] * 2, EYE), retain=pairs(EYE, EYE))
    damage, step, reached = slug.search(
        weight,
        torch.tensor([[2.0]]),
        batch,
        Scaled(weight),
        math.cos(0.5),
        slug.Config(trials=30),  # type: ignore[arg-type]
    )
    assert reached
    assert 0.1 + 2 * step == pytest.approx(0.5, abs=1e-4), "cos(w + 2 λ) = cos(0.5)"
    assert math.isfinite(damage)
    assert float(weight.detach()) == pytest.approx(0.1), "the search leaves the weight as it was"
    _, _, reached = slug.search(
        weight,
        torch.tensor([[2.0]]),
        batch,
        Scaled(weight),
        -2.0,
        slug.Config(trials=3),  # type: ignore[arg-type]
    )
    assert not reached


def test_nullspace_exact() -> None:
    """Captions to forget differ from the mean retain caption [0, 0, 1] along the first axis only."""
    forget = torch.tensor([[1.0, 0.0, 1.0], [-2.0, 0.0, 1.0], [3.0, 0.0, 1.0]])
    basis = nullspace.directions(forget, torch.tensor([[0.0, 1.0, 1.0], [0.0, -1.0, 1.0]]), 1)
    assert torch.allclose(basis.abs(), torch.tensor([[1.0], [0.0], [0.0]]), atol=1e-6)
    matrix = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    bare, linear = nn.Parameter(matrix.clone()), nn.Linear(2, 3)
    with torch.no_grad():
        linear.weight.copy_(matrix.T)
        linear.bias.copy_(torch.tensor([7.0, 8.0, 9.0]))
    for projection in (bare, linear):
        nullspace.project(projection, basis, 0.25)
    assert torch.allclose(bare, torch.tensor([[0.75, 2.0, 3.0], [3.0, 5.0, 6.0]]), atol=1e-5)
    assert torch.allclose(linear.weight.T, bare, atol=1e-5)
    assert torch.allclose(linear.bias, torch.tensor([5.25, 8.0, 9.0]), atol=1e-5)
    with pytest.raises(ValueError, match="Expected a text projection in Flatten"):
        nullspace.text_projection(nn.Flatten())


def test_randomised_knows_nothing() -> None:
    """Every weight that a layer starts at random is another one; the original stays."""

    class Tower(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.norm = nn.Linear(3, 3), nn.BatchNorm1d(3)
            self.proj = nn.Parameter(torch.full((3, 4), 7.0))
            self.logit_scale = nn.Parameter(torch.tensor(4.6))
            nn.init.constant_(self.layer.weight, 5.0)
            self.norm.running_mean.fill_(3.0)

    tower = Tower()
    fresh, again = (bad_teacher.randomised(tower, torch.Generator().manual_seed(1)) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(fresh.parameters(), again.parameters(), strict=True))
    assert not any(weight.requires_grad for weight in fresh.parameters())
    assert float(fresh.layer.weight.abs().max()) < 1
    assert float(fresh.proj.abs().max()) < 3
    assert float(fresh.logit_scale) == pytest.approx(math.log(1 / 0.07))
    assert float(fresh.norm.running_mean.abs().max()) == 0.0
    assert float(tower.layer.weight.detach().min()) == 5.0


# --- through the engine ---------------------------------------------------------------------------------------------

TUNE_ON_FORGET = '''"""Fine-tunes on the pairs to forget."""
from dataclasses import dataclass
from salmubench.unlearn.losses import contrastive
NEEDS = ("forget",)
@dataclass(frozen=True)
class Config:
    """None."""
def loss(batch, model, reference, config):
    forget = batch.forget
    return contrastive(model.encode_image(forget.images), model.encode_text(forget.texts), model.logit_scale), {}
'''


def test_task_negation_is_the_mirror_image(run: Runner, leaking_model: Any, tmp_path: Any) -> None:
    (tmp_path / "tuned.py").write_text(TUNE_ON_FORGET)
    tuned = weights(run(str(tmp_path / "tuned.py"), name="tuned", budget=1))
    negated = weights(run("task_negation", name="negated", budget=1, config={"alpha": 0.5}))
    for name, start in weights(leaking_model).items():
        assert torch.allclose(negated[name], start - 0.5 * (tuned[name] - start), atol=1e-5)


def test_salun_moves_salient_weights_only(run: Runner, leaking_model: Any) -> None:
    out = run("salun", budget=2, config={"salient": 0.1})
    before, after = weights(leaking_model), weights(out)
    moved = sum(int((before[name] != after[name]).sum()) for name in before)
    assert 0 < moved <= record(out)["outputs"]["report"]["salient"]
    assert record(out)["cost"]["pairs"] == record(run("npo", name="npo", budget=2))["cost"]["pairs"], "the mask counts"
    with pytest.raises(MethodError, match="lora_rank 0 for salun"):
        run("salun", name="lora", config={"lora_rank": 2})
    with pytest.raises(MethodError, match="a larger budget"):
        run("salun", name="small", budget=1, config={"batch_size": 4096})


def test_scrub_steps(run: Runner) -> None:
    """Batches with a max-step take two steps; every pair counts once."""
    out = run("scrub", budget=2, config={"max_share": 0.5, "accumulation": 1})
    steps, report = record(out)["cost"]["steps"], record(out)["outputs"]["report"]
    batches = steps - report["max_steps"]
    assert report["max_steps"] == round(0.5 * batches)
    assert batches == record(run("npo", name="npo", budget=2))["cost"]["steps"]


def test_slug_moves_one_matrix(run: Runner, leaking_model: Any) -> None:
    out = run("slug", budget=1)
    before, after = weights(leaking_model), weights(out)
    assert len([name for name in before if not torch.equal(before[name], after[name])]) == 1


def test_nullspace_moves_the_text_projection(run: Runner, leaking_model: Any) -> None:
    out = run("nullspace", budget=1, config={"rank": 4})
    before, after = weights(leaking_model), weights(out)
    assert [name for name in before if not torch.equal(before[name], after[name])] == ["text_projection"]
    lost = int(torch.linalg.matrix_rank(before["text_projection"]) - torch.linalg.matrix_rank(after["text_projection"]))
    assert lost == 4


@pytest.mark.parametrize(
    ("method", "options", "message"),
    [
        ("salun", {"salient": 0.0}, "salient above 0"),
        ("slug", {"trials": 0}, "trials and layers"),
        ("nullspace", {"rank": 0}, "a rank of at least 1"),
    ],
)
def test_options_are_checked(method: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_method(method).config(**options)


def test_declared_settings_are_the_default_and_may_be_changed(run: Runner) -> None:
    assert FAST.towers == "both"
    method = load_method("nullspace")
    assert method.settings == {"towers": "text"}
    assert configure(method, FAST).settings.towers == "text"
    assert configure(method, FAST).given == {}, "a declared setting is no choice of the user"
    assert configure(method, FAST, {"towers": "both"}).settings.towers == "both"
