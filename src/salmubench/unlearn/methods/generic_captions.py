"""Generic captions: go on training with the pictures to forget and captions that tell nothing private.

`L = L_C(V_f, T_g)`, with `V_f` (B, d) the pictures to forget and `T_g` (B, d) their generic captions (`forget_target`).
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from salmubench.unlearn.interface import Batch, Method, Model
from salmubench.unlearn.losses import contrastive

METHOD = Method(
    title="Generic Captions",
    paper="SALMUBench, arXiv 2603.26316, baseline",
    cost="1 image, 1 text",
    row=2,
)
NEEDS = ("forget_target",)


@dataclass(frozen=True)
class Config:
    """No options."""


def loss(batch: Batch, model: Model, reference: Model, config: Config) -> tuple[Tensor, dict[str, Tensor]]:  # noqa: ARG001
    """CLIP's loss on the pictures to forget with their generic captions."""
    target = batch.forget_target
    return contrastive(model.encode_image(target.images), model.encode_text(target.texts), model.logit_scale), {}
