"""CLIPErase: break the pairs to forget, train on the retain pairs, stay close to the original model on them.

Yang et al., CLIPErase: Efficient Unlearning of Visual-Textual Associations in CLIP, ACL 2025, arXiv 2410.23330.
`V`, `T`, `V0`, `T0` (B, d): unit embeddings of the model and of the frozen one; f forget, r retain.

`variant: paper`: `L = λ1 L_RM + λ2 L_FM + λ3 L_CM` with λ = (1, 3, 3) as in its experiments:
    forgetting module   L_FM = mean diag(V_f T_fᵀ)
    retention module    L_RM = L_C(V_r, T_r), CLIP's own loss
    consistency module  L_CM = mean_n [KL(p0_img ‖ p_img) + KL(p0_txt ‖ p_txt)] on retain pairs, p the softmax over
                        the d outputs of one encoder (the paper says "unimodal output distributions")

`variant: released`, as the authors' released code has it, with S = V Tᵀ and S0 = V0 T0ᵀ (all weights 1):
    mse(S_f, 0) + mse(S_fᵀ, 0) + mse(S_r, S0_r) + mse(S_rᵀ, S0_rᵀ) + mse(V_r, V0_r) + mse(T_r, T0_r)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import torch.nn.functional as F
from torch import Tensor

from salmubench.unlearn.config import RELEASED
from salmubench.unlearn.interface import Batch, Method, Model
from salmubench.unlearn.losses import contrastive, pair_similarity

METHOD = Method(
    title="CLIPErase",
    paper="Yang et al., CLIPErase, ACL 2025, arXiv 2410.23330",
    cost="2 images, 2 texts",
    row=8,
)
NEEDS = ("forget", "retain")


@dataclass(frozen=True)
class Config:
    """Weights of the three modules."""

    variant: Literal["paper", "released"] = "paper"
    """`paper`: as its paper defines it. `released`: the loss and the engine's settings of the authors' released
    code; the weights are then 1."""

    retention: float = field(default=1.0, metadata={"search": (0.1, 10.0, "log")})
    """λ1, weight of the retention module."""

    forgetting: float = field(default=3.0, metadata={"search": (0.3, 30.0, "log")})
    """λ2, weight of the forgetting module."""

    consistency: float = field(default=3.0, metadata={"search": (0.3, 30.0, "log")})
    """λ3, weight of the consistency module."""


def settings(config: Config) -> dict[str, Any]:
    """The released variant runs in the released engine."""
    return RELEASED if config.variant == "released" else {}


def loss(batch: Batch, model: Model, reference: Model, config: Config) -> tuple[Tensor, dict[str, Tensor]]:  # noqa: ARG001
    """Forgetting, retention and consistency."""
    forget, retain = batch.forget, batch.retain
    forget_images, forget_texts = model.encode_image(forget.images), model.encode_text(forget.texts)
    images, texts = model.encode_image(retain.images), model.encode_text(retain.texts)
    if config.variant == "released":
        similarities = forget_images @ forget_texts.T  # (B, B)
        forgetting = 2 * similarities.square().mean()  # S and its transpose have the same mean square
        retention = 2 * F.mse_loss(images @ texts.T, retain.image_ref @ retain.text_ref.T)
        consistency = F.mse_loss(images, retain.image_ref) + F.mse_loss(texts, retain.text_ref)
        total = forgetting + retention + consistency
    else:
        forgetting = pair_similarity(forget_images, forget_texts).mean()
        retention = contrastive(images, texts, model.logit_scale)
        consistency = _divergence(images, retain.image_ref) + _divergence(texts, retain.text_ref)
        total = config.retention * retention + config.forgetting * forgetting + config.consistency * consistency
    return total, {"forgetting": forgetting, "retention": retention, "consistency": consistency}


def _divergence(outputs: Tensor, reference: Tensor) -> Tensor:
    """Mean over rows of `KL(softmax(reference) ‖ softmax(outputs))`: (B, d), (B, d) → 0-d."""
    return F.kl_div(
        F.log_softmax(outputs, dim=-1), F.log_softmax(reference, dim=-1), reduction="batchmean", log_target=True
    )
