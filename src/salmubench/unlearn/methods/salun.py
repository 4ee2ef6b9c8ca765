"""SalUn: random relabelling that moves only the weights that matter for what to forget.

Fan et al., SalUn: Empowering Machine Unlearning via Gradient-based Weight Saliency in Both Image Classification and
Generation, ICLR 2024, arXiv 2310.12508:

    equation 3   m_S = 1(|∇_θ ℓ_f(θ0; D_f)| ≥ γ), γ the median of these gradients
    equation 4   θ = m_S ⊙ (Δθ + θ0) + (1 − m_S) ⊙ θ0
    equation 5   L = E_{f, y' ≠ y} ℓ(θ; x, y') + α E_r ℓ(θ; x, y)

The paper is about classifiers. For CLIP ℓ is its own loss on a batch and a wrong label is another caption of the batch
(permuted without a fixed point). Weights without any gradient (tokens that occur in no caption to forget) are never
salient and don't count in the median: with CLIP's vocabulary it would be zero. The mask takes the first `looking` of
the budget's batches, at 5 × and 0.2 one pass over the pairs to forget; the descent takes the rest, without weight
decay, which would move the other weights.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field

import torch
from torch import Tensor

from salmubench.core.errors import ConfigError
from salmubench.unlearn.data import Data
from salmubench.unlearn.interface import Batch, Method, Model
from salmubench.unlearn.loop import Engine
from salmubench.unlearn.losses import contrastive, derangement

METHOD = Method(
    title="SalUn",
    paper="Fan et al., SalUn, ICLR 2024, arXiv 2310.12508, equations 3 to 5",
    cost="1 image, 1 text, then 2 and 2",
)
NEEDS = ("forget", "retain")
SEARCH = {"lr": (1e-5, 1e-3, "log")}


@dataclass(frozen=True)
class Config:
    """How much moves, and the weight of the retain loss."""

    salient: float = field(default=0.5, metadata={"search": (0.1, 1.0, "linear")})
    """Share of the weights with a gradient that move; the paper's 0.5 makes γ the median."""

    alpha: float = field(default=1.0, metadata={"search": (0.1, 10.0, "log")})
    """α, weight of the retain loss; 1 in the authors' code, which adds the two."""

    looking: float = 0.2
    """Share of the budget's batches that the mask is made from; the paper makes one pass over the forget set."""

    def __post_init__(self) -> None:
        for name in ("salient", "looking"):
            if not 0 < getattr(self, name) <= 1:
                raise ConfigError(f"Expected {name} above 0 and at most 1, got {getattr(self, name)!r}.")


def edit(model: Model, data: Data, engine: Engine, config: Config) -> dict[str, float]:  # noqa: ARG001
    """Find the salient weights, then descend on them alone."""
    if engine.settings.lora_rank:
        raise ConfigError("Expected lora_rank 0 for salun, which masks the weights themselves.")
    looked = max(round(config.looking * len(engine.batches)), 1)
    if looked >= len(engine.batches):
        raise ConfigError(
            f"Expected a budget of batches beyond the {looked} that the mask takes, got {len(engine.batches)}. "
            "Give a larger budget, or a smaller batch_size or looking."
        )
    sums = [torch.zeros_like(weight) for weight in engine.trainable()]
    for (gradients,) in engine.gradients(lambda batch: forget_loss(batch, model), batches=engine.batches[:looked]):
        for total, gradient in zip(sums, gradients, strict=True):
            total += gradient
    masks = saliency(sums, config.salient)
    with ExitStack() as stack:
        for weight, mask in zip(engine.trainable(), masks, strict=True):
            stack.callback(weight.register_hook(mask.__mul__).remove)  # type: ignore[no-untyped-call]
        engine.descend(
            lambda batch: relabelled(batch, model, config), batches=engine.batches[looked:], weight_decay=0.0
        )
    return {"salient": float(sum(int(mask.sum()) for mask in masks))}


def forget_loss(batch: Batch, model: Model) -> Tensor:
    """ℓ_f: CLIP's own loss on the pairs to forget (its sign doesn't matter for the saliency)."""
    forget = batch.forget
    return contrastive(model.encode_image(forget.images), model.encode_text(forget.texts), model.logit_scale)


def saliency(gradients: list[Tensor], share: float) -> list[Tensor]:
    """Equation 3: masks of the `share` of all entries with a gradient whose gradients are the largest."""
    sizes = torch.cat([gradient.abs().flatten() for gradient in gradients])
    sizes = sizes[sizes > 0]
    if not len(sizes):
        raise ValueError("Expected a gradient of the forget loss to choose weights by, got none.")
    kept = max(round(share * len(sizes)), 1)
    threshold = sizes.kthvalue(len(sizes) - kept + 1).values
    return [gradient.abs() >= threshold for gradient in gradients]


def relabelled(batch: Batch, model: Model, config: Config) -> tuple[Tensor, dict[str, Tensor]]:
    """Equation 5 on a batch."""
    forget, retain = batch.forget, batch.retain
    texts = model.encode_text(forget.texts)
    other = derangement(len(texts), batch.generator).to(texts.device)
    wrong = contrastive(model.encode_image(forget.images), texts[other], model.logit_scale)
    right = contrastive(model.encode_image(retain.images), model.encode_text(retain.texts), model.logit_scale)
    return wrong + config.alpha * right, {"relabelled": wrong, "retain": right}
