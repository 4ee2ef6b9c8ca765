"""Negative gradient: climb the training loss on the pairs to forget.

`L = −L_C(V_f, T_f)`, with `V_f`, `T_f` (B, d) unit embeddings and `L_C` CLIP's symmetric InfoNCE; unbounded from below.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from salmubench.unlearn.interface import Batch, Method, Model
from salmubench.unlearn.losses import contrastive

METHOD = Method(
    title="Negative Gradient",
    paper="NegGrad: Golatkar et al., Eternal Sunshine of the Spotless Net, arXiv 1911.04933",
    cost="1 image, 1 text",
    row=5,
)
NEEDS = ("forget",)


@dataclass(frozen=True)
class Config:
    """No options."""


def loss(batch: Batch, model: Model, reference: Model, config: Config) -> tuple[Tensor, dict[str, Tensor]]:  # noqa: ARG001
    """CLIP's loss on the pairs to forget, negated."""
    images, texts = model.encode_image(batch.forget.images), model.encode_text(batch.forget.texts)
    return -contrastive(images, texts, model.logit_scale), {}
