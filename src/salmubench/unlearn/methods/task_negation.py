"""Task negation: fine-tune on what to forget, then go as far the other way.

Ilharco et al., Editing Models with Task Arithmetic, ICLR 2023, arXiv 2212.04089, section 3: with the task vector
`τ = θ_ft − θ_0` of a model fine-tuned on the task to forget,

    θ = θ_0 − α τ

θ_ft minimises CLIP's own loss on the pairs to forget over the budget's batches. The paper chooses α from 0.05, 0.1, … 1
as the largest with at least 95 % of the accuracy on a control task.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from salmubench.unlearn.data import Data
from salmubench.unlearn.interface import Batch, Method, Model
from salmubench.unlearn.loop import Engine
from salmubench.unlearn.losses import contrastive

METHOD = Method(
    title="Task Negation",
    paper="Ilharco et al., Editing Models with Task Arithmetic, ICLR 2023, arXiv 2212.04089, section 3",
    cost="1 image, 1 text",
)
NEEDS = ("forget",)
SEARCH = {"lr": (1e-5, 1e-3, "log")}


@dataclass(frozen=True)
class Config:
    """How far to go."""

    alpha: float = field(default=1.0, metadata={"search": (0.05, 1.0, "linear")})
    """α, length of the way back in task vectors; 0.05 to 1 in the paper, chosen on a control task."""


def edit(model: Model, data: Data, engine: Engine, config: Config) -> dict[str, float]:  # noqa: ARG001
    """Fine-tune, then negate."""
    engine.descend(lambda batch: task(batch, model))
    before = dict(engine.reference.module.named_parameters())
    length = 0.0
    with torch.no_grad():
        for name, weight in model.module.named_parameters():
            if weight.requires_grad:
                vector = weight - before[name]
                length += float(vector.square().sum())
                weight.copy_(before[name] - config.alpha * vector)
    return {"task_vector": length**0.5}


def task(batch: Batch, model: Model) -> tuple[Tensor, dict[str, Tensor]]:
    """CLIP's own loss on the pairs to forget."""
    forget = batch.forget
    return contrastive(model.encode_image(forget.images), model.encode_text(forget.texts), model.logit_scale), {}
