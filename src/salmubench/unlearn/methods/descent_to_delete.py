"""Descent-to-Delete: a few gradient steps on what remains, then Gaussian noise on every weight.

Neel, Roth and Sharifi-Malvajerdi, Descent-to-Delete: Gradient-Based Methods for Machine Unlearning, ALT 2021, arXiv
2007.02923. For an L-Lipschitz, M-smooth, m-strongly convex loss over n records, I steps of size `2 / (M + m)` and noise
of the scale of theorem 3.1 make an (ε, δ)-certified deletion:

    γ = (M − m) / (M + m)
    σ = 4 √2 L γᴵ / ( m n (1 − γᴵ) ( √(log(1/δ) + ε) − √(log(1/δ)) ) )

CLIP's loss is neither convex nor Lipschitz in the weights, so nothing is certified here; the constants are those of a
loss with weight decay m: L = 1 + m, M = 4 − m.

`variant: paper`: gradient descent on `L_C(V_r, T_r) + m/2 ‖θ‖²` (gradients longer than L are cut to L) over the
budget's retain pairs, I the steps taken, n the forget and retain pairs of the dataset. With the few thousand pairs of a
miniature the theorem asks for more noise than any network survives.
`variant: released`, as the authors' released code has it: no step, noise once with I = 1, n = 4·10⁸: σ = 0.0734.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from salmubench.unlearn.data import Data
from salmubench.unlearn.interface import Batch, Method, Model, Need
from salmubench.unlearn.loop import Engine
from salmubench.unlearn.losses import contrastive

METHOD = Method(
    title="Descent-to-Delete",
    paper="Neel et al., Descent-to-Delete, ALT 2021, arXiv 2007.02923",
    cost="1 image, 1 text; released: nothing",
    row=6,
)
NEEDS = ("retain",)


@dataclass(frozen=True)
class Config:
    """Constants of theorem 3.1."""

    variant: Literal["paper", "released"] = "paper"
    """`paper`: steps, then noise. `released`: noise alone, as the authors' released code has it."""

    epsilon: float = field(default=5.0, metadata={"search": (0.5, 50.0, "log")})
    """ε of the certificate; larger means less noise."""

    strong_convexity: float = field(default=1e-3, metadata={"search": (1e-4, 1e-1, "log")})
    """m; L and M follow from it."""

    records: int = 0
    """n; 0 takes the forget and retain pairs of the dataset (`paper`) or of the release, 4·10⁸ (`released`)."""


def needs(config: Config) -> tuple[Need, ...]:
    """Noise alone needs no data."""
    return ("retain",) if config.variant == "paper" else ()


def edit(model: Model, data: Data, engine: Engine, config: Config) -> dict[str, float]:
    """Descend on the retain pairs, then add noise."""
    convexity = config.strong_convexity
    lipschitz, smoothness = 1 + convexity, 4 - convexity
    if config.variant == "released":
        iterations, records = 1, config.records or 400_000_000
    else:
        engine.descend(
            lambda batch: _retain_loss(batch, model),
            rule="gradient_descent",
            lr=2 / (smoothness + convexity),
            weight_decay=convexity,
            grad_clip=lipschitz,
        )
        iterations, records = max(engine.steps, 1), config.records or data.training_pairs
    scale = noise_scale(
        iterations=iterations, records=records, lipschitz=lipschitz, smoothness=smoothness, convexity=convexity,
        epsilon=config.epsilon, delta=records**-2,
    )  # fmt: skip
    with torch.no_grad():
        for weight in engine.trainable():
            noise = torch.randn(weight.shape, generator=engine.generator, dtype=torch.float32)
            weight.add_(noise.to(weight), alpha=scale)
    return {"sigma": scale, "iterations": float(iterations), "records": float(records)}


def noise_scale(
    *,
    iterations: int,
    records: int,
    lipschitz: float,
    smoothness: float,
    convexity: float,
    epsilon: float,
    delta: float,
) -> float:
    """σ of theorem 3.1.

    Args:
        iterations: gradient steps taken after the deletion, I.
        records: n.
        lipschitz: L.
        smoothness: M.
        convexity: m.
        epsilon: ε.
        delta: δ.
    """
    contraction = ((smoothness - convexity) / (smoothness + convexity)) ** iterations
    budget = math.sqrt(math.log(1 / delta) + epsilon) - math.sqrt(math.log(1 / delta))
    return 4 * math.sqrt(2) * lipschitz * contraction / (convexity * records * (1 - contraction) * budget)


def _retain_loss(batch: Batch, model: Model) -> tuple[Tensor, dict[str, Tensor]]:
    images, texts = model.encode_image(batch.retain.images), model.encode_text(batch.retain.texts)
    return contrastive(images, texts, model.logit_scale), {}
