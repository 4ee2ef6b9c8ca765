"""The loss that CLIP is trained with: what pretraining, methods and attacks have in common."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def contrastive(images: Tensor, texts: Tensor, logit_scale: Tensor) -> Tensor:
    """CLIP's symmetric InfoNCE, `L_C = ½ (CE(s V Tᵀ, i) + CE(s T Vᵀ, i))` (Radford et al. 2021, figure 3).

    Args:
        images: (B, d), unit norm.
        texts: (B, d), unit norm; row i belongs to picture i.
        logit_scale: 0-d, exponentiated.

    Returns:
        0-d.

    Examples:
        >>> pairs = torch.eye(2)  # two pairs at right angles: each of two classifiers gives e / (e + 1)
        >>> round(contrastive(pairs, pairs, torch.tensor(1.0)).item(), 4)
        0.3133
    """
    logits = logit_scale * images @ texts.T  # (B, B)
    targets = torch.arange(logits.shape[0], device=logits.device)
    return (F.cross_entropy(logits, targets) + F.cross_entropy(logits.T, targets)) / 2
