"""DELETE: distil the frozen model's answers with the true one masked out.

Zhou et al., Decoupled Distillation to Erase: A General Unlearning Method for Any Class-centric Tasks, CVPR 2025,
arXiv 2503.23751. `V`, `T` (B, d): unit embeddings; f forget, r retain; S = V Tᵀ, index 0 the frozen model.

`variant: paper`: `KL(softmax(mask(z0)) ‖ softmax(z))`, mask puts −∞ at the true class; no retain data. CLIP has no
classes: a picture's classes are the captions of the batch and the other way round, `z = s S_f` (s the inverse
temperature), and the loss is the mean of the two directions, each a mean over its B rows.

`variant: released`, what the authors' released code has under this name (it is not DELETE):
    mse(S_f, 0) + mse(S_fᵀ, 0) + mse(S_r, S0_r) + mse(S_rᵀ, S0_rᵀ)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from salmubench.unlearn.config import RELEASED
from salmubench.unlearn.interface import Batch, Method, Model, Need

METHOD = Method(
    title="DELETE",
    paper="Zhou et al., Decoupled Distillation to Erase, CVPR 2025, arXiv 2503.23751",
    cost="1 image, 1 text; released: 2 and 2",
    row=9,
)
NEEDS = ("forget", "retain")


@dataclass(frozen=True)
class Config:
    """Which DELETE."""

    variant: Literal["paper", "released"] = "paper"
    """`paper`: as its paper defines it, on forget pairs alone. `released`: the loss and the engine's settings of
    the authors' released code."""


def needs(config: Config) -> tuple[Need, ...]:
    """The paper's method uses no retain data."""
    return ("forget",) if config.variant == "paper" else ("forget", "retain")


def settings(config: Config) -> dict[str, Any]:
    """The released variant runs in the released engine."""
    return RELEASED if config.variant == "released" else {}


def loss(batch: Batch, model: Model, reference: Model, config: Config) -> tuple[Tensor, dict[str, Tensor]]:
    """Masked distillation on the pairs to forget, or the released loss."""
    forget = batch.forget
    similarities = model.encode_image(forget.images) @ model.encode_text(forget.texts).T  # (B, B)
    if config.variant == "released":
        retain = batch.retain
        kept = model.encode_image(retain.images) @ model.encode_text(retain.texts).T  # (B, B)
        forgetting = 2 * similarities.square().mean()  # S and its transpose have the same mean square
        retention = 2 * F.mse_loss(kept, retain.image_ref @ retain.text_ref.T)
        return forgetting + retention, {"forgetting": forgetting, "retention": retention}
    logits = model.logit_scale * similarities
    before = reference.logit_scale.detach() * forget.image_ref @ forget.text_ref.T  # (B, B)
    of_image, of_text = _masked_distillation(before, logits), _masked_distillation(before.T, logits.T)
    return (of_image + of_text) / 2, {"of_image": of_image, "of_text": of_text}


def _masked_distillation(before: Tensor, now: Tensor) -> Tensor:
    """Mean over rows of `KL(softmax(before, diagonal at −∞) ‖ softmax(now))`: (B, B), (B, B) → 0-d."""
    diagonal = torch.eye(len(before), dtype=torch.bool, device=before.device)
    target = before.masked_fill(diagonal, -torch.inf).softmax(dim=-1)
    return F.kl_div(now.log_softmax(dim=-1), target, reduction="batchmean")
