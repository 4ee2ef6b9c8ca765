"""What the tests of losses share: models that do nothing, a 2×2 example, slow arithmetic on lists and floats."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from salmubench.core.types import Pair
from salmubench.unlearn import Batch, Pairs, load_method
from salmubench.unlearn.counterfactuals import Fact

EYE = [[1.0, 0.0], [0.0, 1.0]]
SLANTED = [[0.6, 0.8], [0.0, 1.0]]  # V = EYE gives S = V Tᵀ = [[.6, 0], [.8, 1]]


@dataclass
class Straight:
    """A model whose inputs are its embeddings."""

    logit_scale: Tensor

    def encode_image(self, images: Tensor) -> Tensor:
        return F.normalize(images, dim=-1)

    encode_text = encode_image


@dataclass
class Turned(Straight):
    """A model that turns its inputs: another network than `Straight`."""

    turn: Tensor

    def encode_image(self, images: Tensor) -> Tensor:
        return F.normalize(images @ self.turn, dim=-1)

    encode_text = encode_image


@dataclass
class Spelled(Straight):
    """A model that reads captions: each has an embedding of its own, its "tokens"."""

    words: dict[str, Tensor]

    def tokenize(self, captions: Sequence[str]) -> Tensor:
        return torch.stack([self.words[caption] for caption in captions])


def pairs(images: Any, texts: Any, image_ref: Any = EYE, text_ref: Any = EYE) -> Pairs:
    tensors = [torch.as_tensor(item, dtype=torch.float64) for item in (images, texts, image_ref, text_ref)]
    return Pairs(*tensors, [Pair(f"{row}.jpg", f"caption {row}") for row in range(len(tensors[0]))])


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def double(rows: Any) -> Tensor:
    return torch.as_tensor(np.asarray(rows), dtype=torch.float64)


class Frozen(Straight):
    """A reference that turns what it is given by a fixed matrix and lets no gradient through."""

    turn = double([[0.0, 1.0], [1.0, 0.0]])

    def encode_text(self, texts: Tensor) -> Tensor:
        return super().encode_text(texts.detach() @ self.turn)


def told(fact: Fact, caption: str = "{name} lives in {value}.") -> Pair:
    """The pair of a fact."""
    text = caption.format(name=fact.name, value=fact.value)
    return Pair(f"{fact.name}.jpg", text, "0", fact.name, fact.field, fact.value)


def evaluate(name: str, batch: Batch, scale: float = 1.0, **options: Any) -> float:
    method = load_method(name)
    model = Straight(torch.tensor(scale, dtype=torch.float64))
    value, report = method.function(batch, model, model, method.config(**options))
    assert value.shape == ()
    assert all(entry.numel() == 1 for entry in report.values())
    return float(value)


def softplus(value: float) -> float:
    return math.log1p(math.exp(value))


HAND = (softplus(-0.6) + softplus(-0.2)) / 4 + (softplus(0.2) + softplus(-1.0)) / 4
"""L_C of S = [[.6, 0], [.8, 1]]: rows 0.6 against 0 and 1 against .8, columns .6 against .8 and 1 against 0."""

SWAPPED = (softplus(0.6) + softplus(0.2)) / 4 + (softplus(1.0) + softplus(-0.2)) / 4
"""The same with the two captions exchanged; also −log of the wrong column's share, which is DELETE for B = 2."""


def hand_batch() -> Batch:
    """Forget and retain alike: V = EYE, T = SLANTED; the reference has V0 = T0 = EYE."""
    return Batch(forget=pairs(EYE, SLANTED), forget_target=pairs(EYE, SLANTED), retain=pairs(EYE, SLANTED))


def kl(before: list[float], now: list[float]) -> float:
    old, new = np.exp(before) / np.exp(before).sum(), np.exp(now) / np.exp(now).sum()
    return float((old * np.log(old / new)).sum())


Rows = np.ndarray[Any, Any]


def unit(rows: Rows) -> Rows:
    return np.stack([row / math.sqrt(sum(value * value for value in row)) for row in rows])


def cosines(images: Rows, texts: Rows) -> list[list[float]]:
    return [[float(sum(a * b for a, b in zip(image, text, strict=True))) for text in texts] for image in images]


def log_share(values: list[float], index: int) -> float:
    return values[index] - math.log(sum(math.exp(value) for value in values))


def slow_clip(images: Rows, texts: Rows, scale: float) -> float:
    total, table = 0.0, cosines(images, texts)
    for i in range(len(images)):
        total -= log_share([scale * value for value in table[i]], i)
        total -= log_share([scale * table[j][i] for j in range(len(images))], i)
    return total / (2 * len(images))


def slow_mse(left: Any, right: Any) -> float:
    left, right = np.asarray(left), np.asarray(right)
    return float(sum((a - b) ** 2 for a, b in zip(left.ravel(), right.ravel(), strict=True)) / left.size)


def slow_delete(table: list[list[float]], before: list[list[float]]) -> float:
    total, count = 0.0, len(table)
    for rows, old in ((table, before), (list(zip(*table, strict=True)), list(zip(*before, strict=True)))):
        for i in range(count):
            others = [j for j in range(count) if j != i]
            mass = sum(math.exp(old[i][j]) for j in others)
            for j in others:
                share = math.exp(old[i][j]) / mass
                total += share * (math.log(share) - log_share(list(rows[i]), j))
    return total / (2 * count)


def slow_kl(before: Rows, now: Rows) -> float:
    return sum(
        math.exp(log_share(list(old), k)) * (log_share(list(old), k) - log_share(list(new), k))
        for old, new in zip(before, now, strict=True)
        for k in range(len(old))
    ) / len(before)


@dataclass
class Random:
    """Random embeddings of five forget and five retain pairs in six dimensions."""

    rows: list[Rows]
    scale: float
    seed: int

    @classmethod
    def draw(cls, seed: int) -> Random:
        generator = np.random.default_rng(seed)
        return cls([unit(generator.normal(size=(5, 6))) for _ in range(8)], float(generator.uniform(1, 30)), seed)

    def batch(self) -> Batch:
        v, t, v0, t0, rv, rt, rv0, rt0 = self.rows
        forget = pairs(v, t, v0, t0)
        generator = torch.Generator().manual_seed(self.seed)
        return Batch(forget=forget, forget_target=forget, retain=pairs(rv, rt, rv0, rt0), generator=generator)

    def drawn(self, how: Callable[[int, torch.Generator], Tensor]) -> Rows:
        return how(5, torch.Generator().manual_seed(self.seed)).numpy()


def fuse(images: Rows, texts: Rows) -> Rows:
    return unit((images + texts) / 2)


def transposed(table: list[list[float]]) -> list[list[float]]:
    return [list(row) for row in zip(*table, strict=True)]
