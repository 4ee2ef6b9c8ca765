"""SLUG, single layer unlearning gradient: one step of one layer along the gradient of forgetting.

Cai, Tan and Asif, Targeted Unlearning with Single Layer Unlearning Gradient, ICML 2025, arXiv 2407.11867, section 3:

    importance   I(l) = ‖∇_l L_f‖ / ‖θ_l‖          (large: this layer matters for what to forget)
    alignment    A(l) = |cos(∇_l L_f, ∇_l L_r)|    (small: forgetting through it leaves the rest alone)
    update       θ_l ← θ_l + λ ∇_l L_f, of one layer among those that no other beats in both

L_f = mean(1 − cos(V_f, T_f)), the paper's cosine embedding loss for CLIP, goes up; L_r is CLIP's own loss. Both
gradients are taken once, over one pass of the pairs to forget and as many retain pairs. λ is found by doubling and
halving.

The paper tries the layers on the Pareto front, and each λ, on validation data of the task. Nothing of the evaluation
may be looked at here, so the first batch decides: λ is the smallest that brings the mean similarity of its pairs to
forget down to that of the same pictures and captions paired wrongly under the frozen model, and the layer is the one
with the smallest L_r there. A layer is one weight matrix, as in the authors' code.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from salmubench.core.errors import ConfigError
from salmubench.unlearn.data import Data
from salmubench.unlearn.interface import Batch, Method, Model
from salmubench.unlearn.loop import Engine
from salmubench.unlearn.losses import contrastive, derangement, pair_similarity

METHOD = Method(
    title="SLUG",
    paper="Cai et al., Targeted Unlearning with Single Layer Unlearning Gradient, ICML 2025, arXiv 2407.11867, "
    "section 3",
    cost="2 images, 2 texts, once, and some forward",
)
NEEDS = ("forget", "retain")


@dataclass(frozen=True)
class Config:
    """How λ is looked for."""

    start: float = 0.1
    """The first λ makes a step of this share of the layer's length; 0.1 in the authors' code."""

    trials: int = 10
    """How many λ are tried for a layer; 10 in the paper."""

    layers: int = 8
    """How many layers of the front are tried, those of the largest importance; the paper tries all of its front."""

    def __post_init__(self) -> None:
        if self.trials < 1 or self.layers < 1 or not self.start > 0:
            raise ConfigError(
                f"Expected trials and layers of at least 1 and a start above 0, got {self.trials}, {self.layers} and "
                f"{self.start}."
            )


def edit(model: Model, data: Data, engine: Engine, config: Config) -> dict[str, float]:  # noqa: ARG001
    """Measure gradients, choose layer and step, take it."""
    weights = engine.trainable()
    forget, retain = ([torch.zeros_like(weight) for weight in weights] for _ in range(2))
    looks = engine.gradients(
        lambda batch: forget_loss(batch, model), lambda batch: retain_loss(batch, model), batches=engine.first_pass
    )
    for pair in looks:
        for totals, gradients in zip((forget, retain), pair, strict=True):
            for total, gradient in zip(totals, gradients, strict=True):
                total += gradient / len(engine.first_pass)
    matrices = [index for index, weight in enumerate(weights) if weight.ndim >= 2 and bool(forget[index].any())]
    scores = [score(weights[index].detach(), forget[index], retain[index]) for index in matrices]
    front = [matrices[place] for place in pareto(scores)[: config.layers]]
    batch = engine.batch(0)
    target = wrong_similarity(batch)
    tried = [(*search(weights[index], forget[index], batch, model, target, config), index) for index in front]
    reached = [entry for entry in tried if entry[2]] or tried
    damage, step, _, chosen = min(reached, key=lambda entry: entry[0])
    with torch.no_grad():
        weights[chosen].add_(forget[chosen], alpha=step)
    position = next(place for place, weight in enumerate(model.module.parameters()) if weight is weights[chosen])
    return {"parameter": float(position), "step": step, "retain_loss": damage, "front": float(len(front))}


def forget_loss(batch: Batch, model: Model) -> Tensor:
    """L_f: how far apart the pairs to forget are."""
    forget = batch.forget
    return 1 - pair_similarity(model.encode_image(forget.images), model.encode_text(forget.texts)).mean()


def retain_loss(batch: Batch, model: Model) -> Tensor:
    """L_r: CLIP's own loss on the retain pairs."""
    retain = batch.retain
    return contrastive(model.encode_image(retain.images), model.encode_text(retain.texts), model.logit_scale)


def score(weight: Tensor, forget: Tensor, retain: Tensor) -> tuple[float, float]:
    """Importance and alignment of a layer with these two gradients."""
    importance = float(forget.norm() / weight.norm().clamp(min=1e-12))
    alignment = float((forget * retain).sum() / (forget.norm() * retain.norm()).clamp(min=1e-30))
    return importance, abs(alignment)


def pareto(scores: list[tuple[float, float]]) -> list[int]:
    """Places of the scores (importance, alignment) that no other beats in both, the most important first."""
    order = sorted(range(len(scores)), key=lambda place: (-scores[place][0], scores[place][1]))
    front, least = [], float("inf")
    for place in order:
        if scores[place][1] < least:
            front.append(place)
            least = scores[place][1]
    return front


def wrong_similarity(batch: Batch) -> float:
    """Mean similarity of the batch's pictures to forget with captions of others, under the frozen model."""
    forget = batch.forget
    other = derangement(len(forget), batch.generator).to(forget.text_ref.device)
    return float(pair_similarity(forget.image_ref, forget.text_ref[other]).mean())


def search(
    weight: nn.Parameter, direction: Tensor, batch: Batch, model: Model, target: float, config: Config
) -> tuple[float, float, bool]:
    """Find the smallest λ that reaches the target, by doubling until it does and halving the interval after.

    Returns:
        The retain loss there, λ, and whether the target was reached.
    """
    before = weight.detach().clone()
    low, high = 0.0, float("inf")
    step = config.start * float(before.norm()) / float(direction.norm())
    best = (float("inf"), step, False)
    with torch.no_grad():
        for _ in range(config.trials):
            weight.copy_(before + step * direction)
            if 1 - float(forget_loss(batch, model)) <= target:
                high, best = step, (float(retain_loss(batch, model)), step, True)
            else:
                low = step
                if not best[2]:
                    best = (float(retain_loss(batch, model)), step, False)
            step = (low + high) / 2 if high < float("inf") else 2 * low
        weight.copy_(before)
    return best
