"""SSD, selective synaptic dampening: weights that matter more for what to forget than for the rest are shrunk, once.

Foster, Schoepf and Brintrup, Fast Machine Unlearning Without Retraining Through Selective Synaptic Dampening, AAAI
2024, arXiv 2308.07707, with the diagonals of two Fisher matrices, `[D]_i = E (∂ℓ / ∂θ_i)²`:

    selection    [D_f]_i > α [D]_i
    dampening    θ_i ← β_i θ_i for these, β_i = min(λ [D]_i / [D_f]_i, 1)

No training. The paper is about classifiers and takes the gradient of one example at a time or of a batch, as its code
does; CLIP's loss exists for batches only, so [D] are means over batches of the squared gradient of CLIP's own loss. D,
the whole training set, is estimated on retain pairs, which are most of it. One pass over the pairs to forget and as
many retain pairs are seen.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from salmubench.unlearn.data import Data
from salmubench.unlearn.interface import Method, Model, Pairs
from salmubench.unlearn.loop import Engine
from salmubench.unlearn.losses import contrastive

METHOD = Method(
    title="SSD",
    paper="Foster et al., Selective Synaptic Dampening, AAAI 2024, arXiv 2308.07707, section 4",
    cost="2 images, 2 texts, once",
)
NEEDS = ("forget", "retain")


@dataclass(frozen=True)
class Config:
    """Which weights are shrunk, and by how much."""

    alpha: float = field(default=10.0, metadata={"search": (1.0, 100.0, "log")})
    """α: how many times as important for the forget set a weight must be; 10 in the paper."""

    dampening: float = field(default=1.0, metadata={"search": (0.1, 5.0, "log")})
    """λ: scale of the factor that remains of a weight; 1 in the paper."""


def edit(model: Model, data: Data, engine: Engine, config: Config) -> dict[str, float]:  # noqa: ARG001
    """Measure both importances, then shrink."""

    def task(pairs: Pairs) -> Tensor:
        return contrastive(model.encode_image(pairs.images), model.encode_text(pairs.texts), model.logit_scale)

    weights = engine.trainable()
    of_forget, of_all = ([torch.zeros_like(weight) for weight in weights] for _ in range(2))
    looks = engine.gradients(
        lambda batch: task(batch.forget), lambda batch: task(batch.retain), batches=engine.first_pass
    )
    for pair in looks:
        for totals, gradients in zip((of_forget, of_all), pair, strict=True):
            for total, gradient in zip(totals, gradients, strict=True):
                total += gradient.square() / len(engine.first_pass)
    shrunk = 0
    with torch.no_grad():
        for weight, forget, every in zip(weights, of_forget, of_all, strict=True):
            factor = dampening(forget, every, config)
            shrunk += int((factor < 1).sum())
            weight.mul_(factor)
    if not shrunk:
        raise ValueError(
            f"Expected weights {config.alpha:g} times as important for the forget set as for the rest, got none. "
            "Lower alpha."
        )
    return {"shrunk": float(shrunk)}


def dampening(of_forget: Tensor, of_all: Tensor, config: Config) -> Tensor:
    """Selection and dampening: the factor of each weight.

    Args:
        of_forget: [D_f], any shape.
        of_all: [D], the same shape.
        config: the options.
    """
    beta = (config.dampening * of_all / of_forget.clamp(min=torch.finfo(of_forget.dtype).tiny)).clamp(max=1.0)
    return torch.where(of_forget > config.alpha * of_all, beta, torch.ones_like(beta))
