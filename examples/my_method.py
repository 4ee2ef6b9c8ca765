"""Margin hinge: a method of your own is one file like this.

Run it beside the nine with

    salmubench run --recipe mini --methods recipe,./examples/my_method.py --out runs/mine

It pushes a pair's cosine down only while it is above a margin, and holds the retain embeddings where they are. Direct
similarity minimisation goes on to −1 and takes the model with it; here the push ends at the margin.

    L = mean relu(diag(V_f T_fᵀ) − m)² + w (mse(V_r, V0_r) + mse(T_r, T0_r))

V, T (B, d): unit embeddings of the model; V0, T0 of the frozen original; f forget, r retain.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch.nn.functional as F
from torch import Tensor

from salmubench.unlearn import Batch, Model

# What the batch must hold. "forget_target" (the same pictures with generic captions) is the third kind there is;
# holdouts are not to be had.
NEEDS = ("forget", "retain")


@dataclass(frozen=True)
class Config:
    """Options: keys of the recipe's `unlearn.overrides.my_method`, or of the file given with --config."""

    margin: float = field(default=0.1, metadata={"search": (-0.1, 0.3, "linear")})
    """Cosine below which a pair counts as forgotten."""

    keep: float = field(default=10.0, metadata={"search": (1.0, 100.0, "log")})
    """Weight of holding the retain embeddings."""


def loss(batch: Batch, model: Model, reference: Model, config: Config) -> tuple[Tensor, dict[str, Tensor]]:  # noqa: ARG001
    """One number to minimise, and numbers to plot; the engine owns steps, batches, optimiser and checkpoints."""
    forget, retain = batch.forget, batch.retain
    similarity = (model.encode_image(forget.images) * model.encode_text(forget.texts)).sum(dim=-1)  # (B,)
    push = F.relu(similarity - config.margin).square().mean()
    # image_ref and text_ref are the frozen original's embeddings: computed once per pair, not once per step.
    drift = F.mse_loss(model.encode_image(retain.images), retain.image_ref)
    drift = drift + F.mse_loss(model.encode_text(retain.texts), retain.text_ref)
    return push + config.keep * drift, {"push": push, "drift": drift, "similarity": similarity.mean()}
