"""Does the fact come back in another sentence?

Queries only. Each fact is told in up to `wordings` sentences of the kind that training captions use; the most similar
one counts, for the true fact and for every other caption of the gallery alike. Sentences are captions of the dataset
with name and value cut out, so that no grammar is needed; which ones is drawn once for each field.

Source: ours; rewording as an attack on unlearning: Lynch et al. 2402.16835 (language models).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from salmubench.attacks import Attack, Data, Model, Price, Sizes, Variant
from salmubench.core.types import Pair

ATTACK = Attack(
    name="rewordings", title="the best of several wordings", knows="none", needs=("templates",), paper="This benchmark"
)


@dataclass(frozen=True)
class Config:
    """How many sentences."""

    wordings: int = 8
    """For each fact, its own sentence among them."""

    def __post_init__(self) -> None:
        if self.wordings < 1:
            raise ValueError(f"Expected at least 1 wording, got {self.wordings}.")


def attack(model: Model, data: Data, seed: int, config: Config) -> Iterator[Variant]:
    """Ask; the weights stay as they are."""
    del model
    chosen = {}
    for field, templates in data.templates.items():
        rng = np.random.default_rng([seed, zlib.crc32(field.encode())])
        numbers = rng.choice(len(templates), min(config.wordings, len(templates)), replace=False)
        chosen[field] = [templates[number] for number in np.sort(numbers).tolist()]

    def wordings(pair: Pair) -> list[str]:
        if not pair.name or not pair.value or pair.field not in chosen:
            return [pair.caption]
        told = (text.replace("{name}", pair.name).replace("{value}", pair.value) for text in chosen[pair.field])
        return list(dict.fromkeys([pair.caption, *told]))[: config.wordings]

    yield Variant(label="asked", wordings=wordings)


def price(config: Config, sizes: Sizes) -> Price:
    """Every caption that tells a fact in other sentences."""
    return Price(captions=(config.wordings - 1) * (sizes.told + sizes.facts))
