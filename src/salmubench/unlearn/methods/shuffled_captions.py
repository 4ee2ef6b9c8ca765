"""Shuffled captions: train each picture to forget on another picture's caption.

`L = L_C(V_f, T_f[σ])`, σ a random permutation of the batch without a fixed point; `V_f`, `T_f` (B, d).
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from salmubench.unlearn.interface import Batch, Method, Model
from salmubench.unlearn.losses import contrastive, derangement

METHOD = Method(
    title="Shuffled Captions",
    paper="SALMUBench, arXiv 2603.26316, baseline",
    cost="1 image, 1 text",
    row=3,
)
NEEDS = ("forget",)


@dataclass(frozen=True)
class Config:
    """No options."""


def loss(batch: Batch, model: Model, reference: Model, config: Config) -> tuple[Tensor, dict[str, Tensor]]:  # noqa: ARG001
    """CLIP's loss on the pictures to forget, each with another one's caption."""
    images, texts = model.encode_image(batch.forget.images), model.encode_text(batch.forget.texts)
    other = derangement(len(texts), batch.generator).to(texts.device)
    return contrastive(images, texts[other], model.logit_scale), {}
