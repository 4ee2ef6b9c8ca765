"""The rules by which weights move, and how the learning rate goes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn

from salmubench.unlearn.config import UnlearnConfig

Rule = Literal["adamw", "muon", "gradient_descent"]


def learning_rates(seen: Sequence[int], total: int, forget: int, peak: float, settings: UnlearnConfig) -> list[float]:
    """The rate of each step: a linear warm-up, then half a cosine, by steps or by passes over the pairs to forget.

    With `schedule: epoch` a step that begins in pass e of E (from 0) has `peak · ½ (1 + cos(π e / E))`.

    Args:
        seen: pairs to forget shown before each step.
        peak: the highest rate.
        settings: `warmup` and `schedule`.
    """
    steps = len(seen)
    warm, passes = math.ceil(settings.warmup * steps), math.ceil(total / forget)
    rates = []
    for step, before in enumerate(seen):
        if step < warm:
            rates.append(peak * (step + 1) / warm)
            continue
        way = before // forget / passes if settings.schedule == "epoch" else (step - warm) / max(steps - warm, 1)
        rates.append(peak * 0.5 * (1 + math.cos(math.pi * way)))
    return rates


def make_optimizer(module: nn.Module, rule: Rule, lr: float, decay: float) -> torch.optim.Optimizer:
    """An optimiser of the weights that may move; gains, biases and the temperature don't decay."""
    named = [(name, weight) for name, weight in module.named_parameters() if weight.requires_grad]
    tables = [weight for name, weight in named if weight.ndim >= 2 and "embedding" in name]  # look-ups, not maps
    maps = [weight for name, weight in named if weight.ndim >= 2 and "embedding" not in name]
    vectors = [weight for _, weight in named if weight.ndim < 2]
    groups: list[dict[str, Any]] = [
        {"params": maps, "weight_decay": decay},
        {"params": tables, "weight_decay": decay, "use_fallback": True},
        {"params": vectors, "weight_decay": 0.0, "use_fallback": True},
    ]
    if rule == "muon":
        from timm.optim.muon import Muon

        from salmubench.clip import muon

        muon.fuse_adamw()
        return cast("torch.optim.Optimizer", Muon([group for group in groups if group["params"]], lr=lr))
    for group in groups:
        group.pop("use_fallback", None)
    if rule == "gradient_descent":
        return torch.optim.SGD(groups, lr=lr, foreach=False)
    return torch.optim.AdamW(groups, lr=lr, fused=True)


def state_bytes(optimizer: torch.optim.Optimizer) -> int:
    """Bytes of an optimiser's state."""
    tensors = [entry for state in optimizer.state.values() for entry in state.values() if isinstance(entry, Tensor)]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
