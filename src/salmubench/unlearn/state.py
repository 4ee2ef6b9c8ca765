"""A run's state on disk, and how far its weights have moved."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from salmubench.core import writing
from salmubench.core.errors import OutputError

CHECKPOINT = "resume.pt"
"""Weights, optimiser and position of a run that isn't finished; deleted at its end."""
_SHOWN = 3  # parameters that a message names


@dataclass
class Progress:
    """How far a run is.

    Attributes:
        descent: number of the engine's descent (an edit may call several), from 0.
        pairs: kind of pairs → how many were seen.
        budget_pairs: pairs to forget that were seen, or of methods that see none those of retain in their place: what
            the budget counts.
        curves: rows (step, pairs, name, value).
    """

    descent: int = 0
    step: int = 0
    steps: int = 0
    pairs: dict[str, int] = field(default_factory=dict)
    budget_pairs: int = 0
    seconds: float = 0.0
    processor_seconds: float = 0.0
    encoded: tuple[int, int] = (0, 0)
    gradient: bool = False
    curves: list[tuple[int, int, str, float]] = field(default_factory=list)


def save_checkpoint(folder: Path, *, module: nn.Module, optimizer: torch.optim.Optimizer, progress: Progress) -> None:
    """Write `resume.pt` atomically."""
    content = {"weights": module.state_dict(), "optimizer": optimizer.state_dict(), "progress": vars(progress)}
    with writing.atomic_path(folder / CHECKPOINT) as temporary, temporary.open("wb") as stream:
        torch.save(content, stream)  # to a name torch writes by itself, and doesn't say that the disk is full


def load_checkpoint(folder: Path) -> dict[str, Any] | None:
    """Read `resume.pt`, or `None` where there is none.

    Raises:
        OutputError: it can't be read.
    """
    path = folder / CHECKPOINT
    if not path.is_file():
        return None
    try:
        saved: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise OutputError(f"Expected a checkpoint in {path}, got: {error}. Delete it to start over.") from error
    return saved


def is_finite(module: nn.Module) -> bool:
    """Tell whether every weight is a finite number."""
    return all(bool(torch.isfinite(weight).all()) for weight in module.parameters())


def other_parameters(module: nn.Module, before: nn.Module) -> str:
    """In which parameters and saved buffers a model isn't built like the other; empty where it is.

    Examples:
        >>> other_parameters(nn.Linear(2, 3), nn.Linear(2, 4, bias=False))
        'bias, which is new; weight of shape (3, 2), was (4, 2)'
    """
    here, there = (
        {name: (tuple(value.shape), value.dtype) for name, value in model.state_dict().items()}
        for model in (module, before)
    )
    changes = [f"{name}, which is new" for name in here if name not in there]
    changes += [f"no {name}" for name in there if name not in here]
    for name in here.keys() & there.keys():
        changes += [
            f"{name} of {what} {now}, was {then}"
            for what, now, then in zip(("shape", "type"), here[name], there[name], strict=True)
            if now != then
        ]
    return "; ".join(sorted(changes)[:_SHOWN]) + ("; …" if len(changes) > _SHOWN else "")


def has_moved(module: nn.Module, before: nn.Module) -> bool:
    """Tell whether any weight differs from the other model's, which has the same parameters."""
    old = dict(before.named_parameters())
    return any(not torch.equal(weight, old[name]) for name, weight in module.named_parameters())


def movement(module: nn.Module, before: nn.Module) -> dict[str, dict[str, float]]:
    """How far each layer went: `l2`, the distance, and `relative`, its share of the layer's own length."""
    old: Mapping[str, Tensor] = dict(before.named_parameters())
    way: dict[str, float] = {}
    size: dict[str, float] = {}
    for name, weight in module.named_parameters():
        layer, start = layer_of(name), old[name].detach().double()
        way[layer] = way.get(layer, 0.0) + float((weight.detach().double() - start).square().sum())
        size[layer] = size.get(layer, 0.0) + float(start.square().sum())
    return {
        layer: {"l2": way[layer] ** 0.5, "relative": (way[layer] / size[layer]) ** 0.5 if size[layer] else 0.0}
        for layer in way
    }


def layer_of(name: str) -> str:
    """Layer of a parameter: up to the first number in its name, or the name without `.weight` and `.bias`."""
    match = re.match(r"(.*?\.\d+)\.", name)
    return match[1] if match else re.sub(r"\.(weight|bias)$", "", name)
