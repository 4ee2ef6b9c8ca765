"""A trial after level redirection: weights averaged along the run, or the update without some of its directions.

What harms other associations looks like noise of single steps, which Muon makes as large as the steps that forget. The
mean of the weights along a run takes noise out (Polyak and Juditsky 1992, doi:10.1137/0330046), and so would keeping
the few directions in which a matrix moved most, if noise spreads over all directions and forgetting doesn't. If it is
the other way round, everything but these directions should stay. The loss, its captions and all its options are those
of `level_redirection`; a run that is resumed averages from there on.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from salmubench.unlearn.counterfactuals import Wording, Wordings, more_retained, neighbours_of, phrased
from salmubench.unlearn.data import Data
from salmubench.unlearn.interface import Batch, Method, Model
from salmubench.unlearn.loop import Engine
from salmubench.unlearn.methods import level_redirection
from salmubench.unlearn.methods.level_redirection import Material, needs, objective

METHOD = Method(title="Averaged Level Redirection", paper="This benchmark", cost=level_redirection.METHOD.cost)
NEEDS = level_redirection.NEEDS
SETTINGS = level_redirection.SETTINGS
__all__ = ["METHOD", "NEEDS", "SETTINGS", "Config", "edit", "needs"]


@dataclass(frozen=True)
class Config(level_redirection.Config):
    """Which weights are averaged, and how much of a matrix's update stays."""

    averaged: float = 0.0
    """Share of the steps, the last ones, over which the weights are averaged; 0: the last weights."""

    rank: int = 0
    """Strongest directions of a matrix's update that stay, or, below 0, that go; 0: all stay."""


def edit(model: Model, data: Data, engine: Engine, config: Config) -> dict[str, float]:
    """Descend on the loss; then put the mean, or its low-rank part, in the place of the last weights."""
    closed = config.track == "closed"
    neighbours, able = neighbours_of(data, closed=closed, unmet=config.unmet)
    wording: Wording = Wordings(data.forget.records) if closed else phrased
    material = Material(neighbours, wording, torch.unique(model.tokenize([""])))
    moved = engine.trainable()
    before, sums, counted = [weight.detach().clone() for weight in moved], [torch.zeros_like(w) for w in moved], 0
    first = round((1 - config.averaged) * len(engine.batches))

    def loss(batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        nonlocal counted
        if engine.steps > first:  # the weights are those after the steps so far
            counted += 1
            for total, weight in zip(sums, moved, strict=True):
                total.add_(weight.detach())
        more = more_retained(batch, data.retain, config.retain_captions)
        return objective(batch, model, engine.reference, config, material, more)

    engine.descend(loss)
    with torch.no_grad():
        for weight, old, total in zip(moved, before, sums, strict=True):
            mean = (total + weight) / (counted + 1)
            weight.copy_(old + of_rank(mean - old, config.rank))
    return {"facts": float(able), "left_alone": float(len(data.forget) - able), "averaged": float(counted + 1)}


def of_rank(update: Tensor, rank: int) -> Tensor:
    """The nearest matrix of a rank, or, below 0, what is beside it; what is no matrix stays, as all does at rank 0."""
    if not rank or update.ndim != 2:
        return update
    left, values, right = torch.linalg.svd(update, full_matrices=False)
    kept = slice(rank) if rank > 0 else slice(-rank, None)
    part: Tensor = (left[:, kept] * values[kept]) @ right[kept]
    return part
