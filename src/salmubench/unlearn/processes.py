"""The processes of a run, one or as many as torchrun started, and how they share a batch."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def launch(device: str) -> Fabric:
    """Start Fabric: one process, or as many as torchrun started."""
    logging.getLogger("lightning_fabric").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Lightning says about unused GPUs or environments is no news here
        from lightning_fabric import Fabric

        world = int(os.environ.get("WORLD_SIZE", "1"))
        local = int(os.environ.get("LOCAL_WORLD_SIZE", str(world)))
        fabric = Fabric(
            accelerator="cuda" if device == "cuda" else "cpu",
            devices=local,
            num_nodes=max(world // local, 1),
            strategy="ddp" if world > 1 else "auto",
        )
        fabric.launch()
    return fabric


class Share:
    """How the processes of a Fabric share a batch (`interface.Gatherer`)."""

    def __init__(self, fabric: Fabric) -> None:
        self._fabric = fabric
        self.rank, self.world = fabric.global_rank, fabric.world_size

    def gather(self, rows: Tensor) -> Tensor:
        """Join the slices (b, d) of all processes, with gradients; Fabric adds an axis unless it is alone."""
        if self.world == 1:
            return rows
        gathered = cast("Tensor", self._fabric.all_gather(rows, sync_grads=True))
        return gathered.reshape(-1, *rows.shape[1:])

    def total(self, number: float) -> float:
        """Sum of a number over all processes."""
        if self.world == 1:
            return number
        return float(cast("Tensor", self._fabric.all_reduce(torch.tensor(number), reduce_op="sum")))

    def reduce(self, weights: Sequence[nn.Parameter]) -> None:
        """Average the gradients of all processes.

        Each process computes the loss of the whole batch; through the gather, its slice's encoder gets the sum over
        processes of that loss's gradient. The mean of these is the gradient that one process would have.
        """
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        if self.world == 1 or not gradients:
            return
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        mean = cast("Tensor", self._fabric.all_reduce(flat, reduce_op="mean"))
        for gradient, part in zip(gradients, torch.split(mean, [item.numel() for item in gradients]), strict=True):
            gradient.copy_(part.reshape(gradient.shape))
