"""NPO, negative preference optimisation: a bounded negative gradient, with a retain loss.

Zhang, Lin, Bai and Mei, Negative Preference Optimization: From Catastrophic Collapse to Effective Unlearning, COLM
2024, arXiv 2404.05868, equation 3, with the retain loss of its NPO+RT:

    L_NPO = (2 / β) E_f log(1 + (p(y|x) / p0(y|x))^β) = −(2 / β) E_f log sigmoid(−β log(p(y|x) / p0(y|x)))
    L = L_NPO + w L_C(V_r, T_r)

As β goes to 0 its gradient is that of `negative_gradient`; a larger β stops sooner, once p(y|x) is well below p0(y|x).

The paper is about language models. Here p(y|x) is CLIP's softmax over the batch, `log p = log softmax(s V_f T_fᵀ)_ii`,
and the loss the mean of its two directions (caption given picture, picture given caption), each a mean over B rows;
p0 is the same of the frozen model, with its own temperature.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch.nn.functional as F
from torch import Tensor

from salmubench.unlearn.interface import Batch, Method, Model
from salmubench.unlearn.losses import both_ways, contrastive

METHOD = Method(
    title="NPO",
    paper="Zhang et al., Negative Preference Optimization, COLM 2024, arXiv 2404.05868, equation 3",
    cost="2 images, 2 texts",
)
NEEDS = ("forget", "retain")


@dataclass(frozen=True)
class Config:
    """Temperature of the preference and weight of the retain loss."""

    beta: float = field(default=0.1, metadata={"search": (0.01, 3.0, "log")})
    """β, how soon forgetting stops; the paper's value is 0.1."""

    retention: float = field(default=1.0, metadata={"search": (0.1, 10.0, "log")})
    """w, weight of the retain loss; the paper's value is 1."""


def loss(batch: Batch, model: Model, reference: Model, config: Config) -> tuple[Tensor, dict[str, Tensor]]:
    """Negative preference on the pairs to forget, CLIP's own loss on the retain pairs."""
    forget, retain = batch.forget, batch.retain
    now = both_ways(model.encode_image(forget.images), model.encode_text(forget.texts), model.logit_scale)
    before = both_ways(forget.image_ref, forget.text_ref, reference.logit_scale.detach())
    ratios = [new.diagonal() - old.diagonal() for new, old in zip(now, before, strict=True)]  # 2 × (B,)
    forgetting = sum((F.softplus(config.beta * ratio).mean() for ratio in ratios), start=ratios[0].new_zeros(()))
    forgetting = forgetting / config.beta  # 2 / β times the mean of the two directions
    retention = contrastive(model.encode_image(retain.images), model.encode_text(retain.texts), model.logit_scale)
    return forgetting + config.retention * retention, {"forgetting": forgetting, "retention": retention}
