"""VLUnlearn, i.e. MultiDelete: decouple the two sides of a pair, keep what the model knows of the rest.

Cheng and Amiri, MultiDelete for Multimodal Machine Unlearning, ECCV 2024, arXiv 2311.12047: `L = α L_MD + β L_UKR +
γ L_MKR`, each a mean squared distance to the frozen model `f`. The paper leaves open what `f(I, T)` is for a model
with two separate towers. `V`, `T`, `V0`, `T0` (B, d): unit embeddings of the model and of the frozen one; f forget, r
retain.

`variant: paper`, read for CLIP:
    modality decoupling     L_MD  = mse(diag(V_f T_fᵀ), diag(V0_r T0_r[σ]ᵀ)): a pair to forget becomes as similar as
                            unassociated retain pairs (p ≠ q) are to the frozen model; σ has no fixed point
    unimodal knowledge      L_UKR = mse([V_r; T_r], [V0_r; T0_r])
    multimodal knowledge    L_MKR = mse(fused(V_r, T_r), fused(V0_r, T0_r)),  fused(V, T) = normalise((V + T) / 2)

`variant: released`, as the authors' released code has it (all weights 1), π any permutation of the batch's captions:
    mse(S_f, V0_f T0_f[π]ᵀ) + the same of the transposes + mse(fused_r, fused0_r) + mse(V_r, V0_r) + mse(T_r, T0_r)
It matches the whole matrix S_f = V_f T_fᵀ: once in each row a wrong pair is asked to reach the true pair's similarity.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from salmubench.unlearn.config import RELEASED
from salmubench.unlearn.interface import Batch, Method, Model
from salmubench.unlearn.losses import derangement, fused, pair_similarity, permutation

METHOD = Method(
    title="VLUnlearn",
    paper="Cheng and Amiri, MultiDelete for Multimodal Machine Unlearning, ECCV 2024, arXiv 2311.12047",
    cost="2 images, 2 texts",
    row=7,
)
NEEDS = ("forget", "retain")


@dataclass(frozen=True)
class Config:
    """Weights of the three properties."""

    variant: Literal["paper", "released"] = "paper"
    """`paper`: as its paper defines it. `released`: the loss and the engine's settings of the authors' released
    code; the weights are then 1."""

    alpha: float = field(default=1.0, metadata={"search": (0.1, 10.0, "log")})
    """Weight of modality decoupling."""

    beta: float = field(default=1.0, metadata={"search": (0.1, 10.0, "log")})
    """Weight of unimodal knowledge retention."""

    gamma: float = field(default=1.0, metadata={"search": (0.1, 10.0, "log")})
    """Weight of multimodal knowledge retention."""


def settings(config: Config) -> dict[str, Any]:
    """The released variant runs in the released engine."""
    return RELEASED if config.variant == "released" else {}


def loss(batch: Batch, model: Model, reference: Model, config: Config) -> tuple[Tensor, dict[str, Tensor]]:  # noqa: ARG001
    """Decouple the pairs to forget, keep the retain pairs where the frozen model has them."""
    forget, retain = batch.forget, batch.retain
    forget_images, forget_texts = model.encode_image(forget.images), model.encode_text(forget.texts)
    images, texts = model.encode_image(retain.images), model.encode_text(retain.texts)
    multimodal = F.mse_loss(fused(images, texts), fused(retain.image_ref, retain.text_ref))
    image_drift, text_drift = F.mse_loss(images, retain.image_ref), F.mse_loss(texts, retain.text_ref)
    if config.variant == "released":
        other = permutation(len(forget_texts), batch.generator).to(forget_texts.device)
        target = forget.image_ref @ forget.text_ref[other].T  # (B, B)
        decoupling = 2 * F.mse_loss(forget_images @ forget_texts.T, target)  # the transposes have the same distance
        unimodal = image_drift + text_drift
        total = decoupling + multimodal + unimodal
    else:
        other = derangement(len(texts), batch.generator).to(texts.device)
        unassociated = pair_similarity(retain.image_ref, retain.text_ref[other])  # (B,)
        decoupling = _mse_of_sets(pair_similarity(forget_images, forget_texts), unassociated)
        unimodal = (image_drift + text_drift) / 2  # the mean over [V; T], which has 2d entries
        total = config.alpha * decoupling + config.beta * unimodal + config.gamma * multimodal
    return total, {"decoupling": decoupling, "unimodal": unimodal, "multimodal": multimodal}


def _mse_of_sets(outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean squared distance row by row; `wanted` is repeated where it is shorter."""
    rows = torch.arange(len(outputs), device=outputs.device) % len(targets)
    return F.mse_loss(outputs, targets[rows])
