"""Is the fact still there, behind the space in which similarities are taken?

The attacker has T and changes no weights: a linear map is fitted on cached features of T and then read on everybody
else. Picture features are the final ones; text features are the final ones, or those behind an early block of the text
tower, which unlearning in the last layers leaves as they are. X (n, d), Y (n, k): features of T, less their means.

    ridge        W = (XᵀX / n + λ s I)⁻¹ XᵀY / n, s the mean of the diagonal of XᵀX / n; several λ
    contrastive  W from the ridge with the middle λ, then AdamW on CLIP's loss of (X W, Y)

A picture is read as (x − x̄) W and a text as y − ȳ, by cosine. Source: linear probes (Alain & Bengio 1610.01644) and
Patil et al. 2309.17410, who find facts that were edited away in hidden states; ours for CLIP.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from salmubench.attacks import Attack, Data, Model, Price, Sizes, Variant
from salmubench.clip import models
from salmubench.clip.clip_loss import contrastive

ATTACK = Attack(
    name="probe", title="linear maps of features", knows="few", paper="Patil et al. 2309.17410; ours for CLIP"
)
_BATCH = 256


@dataclass(frozen=True)
class Config:
    """What is fitted."""

    ridges: tuple[float, ...] = (0.03, 0.3, 3.0, 30.0)
    """λ, relative to the mean variance of a picture feature."""
    block: int = 1
    """Block of the text tower behind which texts are read too; 0: the final features alone."""
    steps: int = 100
    """Of the contrastive fit, on all of T."""
    lr: float = 1e-2
    """Of its AdamW."""

    def __post_init__(self) -> None:
        if not self.ridges or min(self.ridges) <= 0 or self.block < 0 or self.steps < 0 or self.lr <= 0:
            raise ValueError(f"Expected λ and rate above 0, block and steps of 0 or more, got {self}.")


def attack(model: Model, data: Data, seed: int, config: Config) -> Iterator[Variant]:
    """Fit maps on T."""
    del seed
    rows = range(len(data.few.records))
    with torch.no_grad():
        parts = [rows[start : start + _BATCH] for start in range(0, len(rows), _BATCH)]
        pictures = torch.cat([model.encode_image(data.few.images(part, model.device)) for part in parts])
        tokens = data.few.tokens.to(model.device)
        texts: dict[int | None, torch.Tensor] = {None: model.encode_text(tokens)}
        if config.block:
            texts[config.block] = models.text_block(model.module, tokens, config.block)
    x = _array(pictures)
    for block, features in texts.items():
        y, name = _array(features), "final" if block is None else f"block {block}"
        y /= np.linalg.norm(y, axis=1, keepdims=True)  # as they are read
        fitted = {f"ridge {ridge:g}": _ridge(x, y, ridge) for ridge in config.ridges}
        if config.steps:
            middle = fitted[f"ridge {config.ridges[len(config.ridges) // 2]:g}"]
            fitted["contrastive"] = _descend(x, y, middle, model.logit_scale.item(), config)
        for how, weights in fitted.items():
            yield Variant(
                label=f"{name}, {how}",
                picture_map=_shifted(x.mean(axis=0), weights),
                text_map=_shifted(y.mean(axis=0), None),
                text_block=block,
            )


def _ridge(x: Any, y: Any, ridge: float) -> Any:
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    covariance = x.T @ x / len(x)
    size = ridge * np.trace(covariance) / len(covariance)
    return np.linalg.solve(covariance + size * np.eye(len(covariance)), x.T @ y / len(x))


def _descend(x: Any, y: Any, start: Any, scale: float, config: Config) -> Any:
    pictures, texts, weights = (
        torch.tensor(array, dtype=torch.float32) for array in (x - x.mean(0), y - y.mean(0), start)
    )
    texts = torch.nn.functional.normalize(texts, dim=-1)
    weights.requires_grad_(True)
    optimizer = torch.optim.AdamW([weights], lr=config.lr * float(weights.detach().std()), weight_decay=0.0)
    for _ in range(config.steps):
        loss = contrastive(torch.nn.functional.normalize(pictures @ weights, dim=-1), texts, torch.tensor(scale))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return weights.detach().double().numpy()


def _shifted(mean: Any, weights: Any) -> Any:
    """Rows less a mean, mapped."""
    return lambda rows: (rows - mean) if weights is None else (rows - mean) @ weights


def _array(features: torch.Tensor) -> Any:
    return features.double().cpu().numpy()


def price(config: Config, sizes: Sizes) -> Price:
    """Features of T; behind the early block those of all captions that are read, too. Its steps are on features."""
    layers = 2 if config.block else 1
    again = sizes.ranked if config.block else 0
    return Price(steps=layers * config.steps, pictures=sizes.few, captions=sizes.few + again)
