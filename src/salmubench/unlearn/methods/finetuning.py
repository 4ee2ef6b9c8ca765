"""Finetuning on retain pairs: the weakest baseline, forgetting is left to drift.

`L = L_C(V_r, T_r)`, with `V_r`, `T_r` (B, d) the unit embeddings of B retain pairs and `L_C` CLIP's symmetric InfoNCE
(Radford et al., 2103.00020, figure 3) at the model's own temperature.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from salmubench.unlearn.interface import Batch, Method, Model
from salmubench.unlearn.losses import contrastive

METHOD = Method(
    title="Finetuning",
    paper="SALMUBench, arXiv 2603.26316, baseline",
    cost="1 image, 1 text",
    row=1,
)
NEEDS = ("retain",)


@dataclass(frozen=True)
class Config:
    """No options."""


def loss(batch: Batch, model: Model, reference: Model, config: Config) -> tuple[Tensor, dict[str, Tensor]]:  # noqa: ARG001
    """CLIP's loss on the retain pairs."""
    images, texts = model.encode_image(batch.retain.images), model.encode_text(batch.retain.texts)
    return contrastive(images, texts, model.logit_scale), {}
