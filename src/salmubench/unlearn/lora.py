"""LoRA: low-rank updates are trained instead of the weights, and merged into them at the end.

Hu et al., LoRA: Low-Rank Adaptation of Large Language Models, ICLR 2022, arXiv 2106.09685, equation 3:
`W = W0 + (α / r) B A`, B starting at zero. Built on torch's parametrisations, not on modules that stand in for others:
CLIP's towers read many weights directly (the packed projection of attention, the pooling of ResNets, the bare matrix of
the projection), where a stand-in would be passed over. Convolutions count as matrices of (out, in · h · w).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from salmubench.core.errors import ConfigError


class LowRank(nn.Module):
    """The update of one weight.

    Args:
        weight: the weight, 2-d or more.
        rank: r; not more than the weight's smaller side is used.
    """

    def __init__(self, weight: Tensor, *, rank: int, alpha: float, generator: torch.Generator) -> None:
        super().__init__()
        rows, columns = weight.shape[0], weight[0].numel()
        rank = min(rank, rows, columns)
        start = (torch.rand(rank, columns, generator=generator) * 2 - 1) / math.sqrt(columns)
        self.down = nn.Parameter(start.to(weight))  # A
        self.up = nn.Parameter(torch.zeros(rows, rank).to(weight))  # B
        self._scale = alpha / rank

    def forward(self, weight: Tensor) -> Tensor:
        """The weight with its update."""
        return weight + self._scale * (self.up @ self.down).view_as(weight)


def attach(module: nn.Module, *, rank: int, alpha: float, layers: Sequence[str], generator: torch.Generator) -> None:
    """Freeze every weight and train low-rank updates of some of those that could move.

    Args:
        module: the model; changed in place.
        layers: parts of names; a matrix is updated if its name holds one of them. None: every matrix but embeddings of
            tokens and positions, which are look-ups.

    Raises:
        ConfigError: no matrix that may move has such a name.
    """
    chosen = [
        name
        for name, weight in module.named_parameters()
        if weight.requires_grad
        and weight.ndim >= 2
        and (any(part in name for part in layers) if layers else "embedding" not in name)
    ]
    if not chosen:
        able = sorted(name for name, weight in module.named_parameters() if weight.requires_grad and weight.ndim >= 2)
        raise ConfigError(
            f"Expected lora_layers to be parts of names of matrices that may move, got {list(layers)!r}; "
            f"these are: {', '.join(able[:8])}{', …' if len(able) > 8 else ''}."
        )
    module.requires_grad_(False)
    for name in chosen:
        owner, _, leaf = name.rpartition(".")
        part = module.get_submodule(owner)
        update = LowRank(getattr(part, leaf), rank=rank, alpha=alpha, generator=generator)
        parametrize.register_parametrization(part, leaf, update)


def merge(module: nn.Module) -> None:
    """Add all updates to their weights and take them off: names and shapes are those of the model before."""
    for part in list(module.modules()):
        if parametrize.is_parametrized(part):
            for leaf, updates in list(part.parametrizations.items()):  # type: ignore[union-attr, operator]
                if any(isinstance(update, LowRank) for update in updates):
                    parametrize.remove_parametrizations(part, leaf, leave_parametrized=True)
