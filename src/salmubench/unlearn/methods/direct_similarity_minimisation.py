"""Direct similarity minimisation: push the cosine of each pair to forget down.

`L = mean(diag(V_f T_fᵀ))`, with `V_f`, `T_f` (B, d) unit embeddings. Nothing bounds it from below but −1.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from salmubench.unlearn.interface import Batch, Method, Model
from salmubench.unlearn.losses import pair_similarity

METHOD = Method(
    title="Direct Similarity Minimisation",
    paper="SALMUBench, arXiv 2603.26316, baseline",
    cost="1 image, 1 text",
    row=4,
)
NEEDS = ("forget",)


@dataclass(frozen=True)
class Config:
    """No options."""


def loss(batch: Batch, model: Model, reference: Model, config: Config) -> tuple[Tensor, dict[str, Tensor]]:  # noqa: ARG001
    """Mean cosine of the pairs to forget."""
    images, texts = model.encode_image(batch.forget.images), model.encode_text(batch.forget.texts)
    return pair_similarity(images, texts).mean(), {}
