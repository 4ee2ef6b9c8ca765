"""Fine-tuning as several attacks do it: AdamW on CLIP's loss, warm-up, then a constant rate, temperature frozen."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_post_hook

from salmubench.attacks._interface import Known, Model
from salmubench.clip.clip_loss import contrastive

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
    tokens: Tensor | None = None,
    warmup: int = 3,
    clip: float = 1.0,
) -> Iterator[int]:
    """Train a model in place on CLIP's loss; give the number of steps done whenever it is to be read.

    Args:
        model: its weights change; layers stay in evaluation mode, as in unlearning.
        batches: as many as the last of `read_at`, or more.
        lr: of AdamW, without weight decay.
        read_at: numbers of steps, rising.
        tokens: those of all captions of the batches, any shape. The embeddings of others then take no time: they get no
            gradient and stay as they are in either case.
        warmup: steps in which the rate rises to `lr`.
        clip: largest norm of a gradient.

    Raises:
        ArithmeticError: a loss or gradient is not finite.
    """
    words = _Words(model.module, tokens) if tokens is not None and _has_words(model.module) else None
    weights = [weight for weight in model.module.parameters() if weight.requires_grad]
    if words is not None:
        weights = [words.weight, *(weight for weight in weights if weight is not words.whole.weight)]
    optimizer = torch.optim.AdamW(weights, lr=lr, weight_decay=0.0, fused=True)
    step, endless = 0, iter(batches)
    for until in read_at:
        with words or nullcontext():
            for images, tokenised in islice(endless, until - step):
                step += 1
                for group in optimizer.param_groups:
                    group["lr"] = lr * min(1.0, step / (warmup + 1))
                loss = contrastive(model.encode_image(images), model.encode_text(tokenised), model.logit_scale.detach())
                optimizer.zero_grad(set_to_none=True)
                loss.backward()  # type: ignore[no-untyped-call]
                norm = float(torch.nn.utils.clip_grad_norm_(weights, clip))
                if not (math.isfinite(norm) and math.isfinite(loss.item())):
                    raise ArithmeticError(
                        f"the model diverged under the attack: loss {loss.item()}, gradient {norm}, step {step}"
                    )
                optimizer.step()
        if step < until:
            return
        yield until


def _has_words(module: Any) -> bool:
    return isinstance(getattr(module, "token_embedding", None), nn.Embedding)


class _Words(nn.Module):
    """Stands for a model's token embedding while it is trained: those rows alone that occur.

    Four fifths of a small model's weights are embeddings of words that no caption has; a gradient of zeros for them and
    an optimiser step take as long as for any other.
    """

    def __init__(self, module: Any, tokens: Tensor) -> None:
        super().__init__()
        self._module, self.whole = [module], module.token_embedding  # in a list: not a part of this one
        rows = torch.unique(tokens).to(self.whole.weight.device)
        self.rows, self.weight = rows, nn.Parameter(self.whole.weight.detach()[rows])
        self.place = torch.full((len(self.whole.weight),), len(rows), device=rows.device)
        self.place[rows] = torch.arange(len(rows), device=rows.device)

    def forward(self, tokens: Tensor) -> Tensor:
        """Embeddings of tokens, as of the whole; a token that wasn't announced is an error."""
        return F.embedding(self.place[tokens], self.weight)

    def __enter__(self) -> None:
        self._module[0].token_embedding = self

    def __exit__(self, *_: object) -> None:
        with torch.no_grad():
            self.whole.weight[self.rows] = self.weight
        self._module[0].token_embedding = self.whole


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
