"""Fine-tuning as several attacks do it: AdamW on CLIP's loss, warm-up, then a constant rate, temperature frozen."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.optim.optimizer import register_optimizer_step_post_hook

from salmubench.attacks._interface import Known, Model
from salmubench.clip_loss import contrastive

Batch = tuple[Tensor, Tensor]
"""Pictures (B, 3, H, W) and tokens (B, L)."""


def copy_of(model: Model) -> Model:
    """A copy with weights of its own, which move; the temperature doesn't."""
    module = copy.deepcopy(model.module)
    for name, weight in module.named_parameters():
        weight.requires_grad_(weight.is_floating_point() and not name.startswith("logit_"))
    return model.around(module)


def fine_tune(
    model: Model,
    batches: Iterable[Batch],
    *,
    lr: float,
    read_at: Sequence[int],
    warmup: int = 3,
    clip: float = 1.0,
) -> Iterator[int]:
    """Train a model in place on CLIP's loss; give the number of steps done whenever it is to be read.

    Args:
        model: its weights change; layers stay in evaluation mode, as in unlearning.
        batches: as many as the last of `read_at`, or more.
        lr: of AdamW, without weight decay.
        read_at: numbers of steps, rising.
        warmup: steps in which the rate rises to `lr`.
        clip: largest norm of a gradient.

    Raises:
        ArithmeticError: a loss or gradient is not finite.
    """
    weights = [weight for weight in model.module.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=lr, weight_decay=0.0, fused=True)
    for step, (images, tokens) in enumerate(batches, start=1):
        for group in optimizer.param_groups:
            group["lr"] = lr * min(1.0, step / (warmup + 1))
        loss = contrastive(model.encode_image(images), model.encode_text(tokens), model.logit_scale.detach())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = float(torch.nn.utils.clip_grad_norm_(weights, clip))
        if not (math.isfinite(norm) and math.isfinite(loss.item())):
            raise ArithmeticError(
                f"the model diverged under the attack: loss {loss.item()}, gradient {norm}, step {step}"
            )
        optimizer.step()
        if step in read_at:
            yield step
        if step >= read_at[-1]:
            return


def draws(
    known: Known, size: int, model: Model, generator: torch.Generator, *, first: int | None = None
) -> Iterator[Batch]:
    """Batches without end: permutations of the pairs, one behind the other, cut into pieces of `size`.

    Args:
        known: the pairs, at least one.
        size: pairs a batch; all of them where there are fewer.
        model: where the batches go.
        generator: of the permutations.
        first: only so many of the pairs.
    """
    count, left = len(known.records) if first is None else first, list[int]()
    size = min(size, count)
    while True:
        rows: list[int] = []
        while len(rows) < size:
            if not left:
                left = torch.randperm(count, generator=generator).tolist()
            rows.append(left.pop())
        yield known.images(rows, model.device), known.tokens[rows].to(model.device)


def joined(*sources: Iterator[Batch]) -> Iterator[Batch]:
    """Batches of several sources put together."""
    for parts in zip(*sources, strict=False):
        yield torch.cat([images for images, _ in parts]), torch.cat([tokens for _, tokens in parts])


def generator_of(seed: int, *numbers: int) -> torch.Generator:
    """A generator of its own for each seed and numbers."""
    drawn = np.random.SeedSequence([seed, *numbers]).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(drawn[0] >> 1))


@dataclass
class Steps:
    """How many optimiser steps were taken."""

    count: int = 0


@contextmanager
def optimiser_steps() -> Iterator[Steps]:
    """Count the steps of all optimisers, whoever made them."""
    steps = Steps()

    def one_more(*_: object) -> None:
        steps.count += 1

    handle = register_optimizer_step_post_hook(one_more)
    try:
        yield steps
    finally:
        handle.remove()
