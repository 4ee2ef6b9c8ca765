"""Pieces that several methods share. `V`, `T`: unit image and text embeddings (B, d)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from salmubench.clip.clip_loss import contrastive as contrastive


def both_ways(images: Tensor, texts: Tensor, logit_scale: Tensor) -> tuple[Tensor, Tensor]:
    """A batch as two classifiers: a picture's classes are the batch's captions, a caption's classes its pictures.

    CLIP has no classes of its own; methods made for classifiers and language models are read this way here.

    Args:
        images: (B, d), unit norm.
        texts: (B, d), unit norm.
        logit_scale: 0-d, exponentiated.

    Returns:
        `log p(caption j | picture i)` and `log p(picture j | caption i)`, each (B, B).
    """
    logits = logit_scale * images @ texts.T  # (B, B)
    return logits.log_softmax(dim=-1), logits.T.log_softmax(dim=-1)


def divergence(before: tuple[Tensor, Tensor], now: tuple[Tensor, Tensor]) -> Tensor:
    """`KL(before ‖ now)` of two classifiers as `both_ways` gives them: the mean over rows, and over both directions.

    Args:
        before: two log-probabilities, each (B, B).

    Returns:
        0-d.
    """
    parts = [F.kl_div(new, old, reduction="batchmean", log_target=True) for old, new in zip(before, now, strict=True)]
    return (parts[0] + parts[1]) / 2


def pair_similarity(images: Tensor, texts: Tensor) -> Tensor:
    """Cosine of each pair, `diag(V Tᵀ)`: (B, d), (B, d) → (B,)."""
    return (images * texts).sum(dim=-1)


def fused(images: Tensor, texts: Tensor) -> Tensor:
    """One unit vector of a pair, `normalise((V + T) / 2)`: (B, d), (B, d) → (B, d)."""
    return F.normalize((images + texts) / 2, dim=-1)


def permutation(count: int, generator: torch.Generator) -> Tensor:
    """A random permutation of `count` rows, int64 (count,); rows may stay where they are."""
    return torch.randperm(count, generator=generator)


def derangement(count: int, generator: torch.Generator) -> Tensor:
    """A random permutation that moves every row, int64 (count,): one cycle through all rows in random order.

    Raises:
        ValueError: fewer than two rows.
    """
    if count < 2:
        raise ValueError(f"Expected at least 2 rows to permute without a fixed point, got {count}.")
    order = torch.randperm(count, generator=generator)
    permuted = torch.empty_like(order)
    permuted[order] = order.roll(-1)
    return permuted
