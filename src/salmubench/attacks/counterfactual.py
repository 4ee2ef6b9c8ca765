"""Is a caption ranked among counterfactuals where a model that never saw it would rank it?

Queries only. Each caption to forget is compared, by cosine with its picture, with the same sentence about `n` strangers
(invented name and value) and with `n` other values of the same name: per row the share of them below the true caption
is an AUC of .5 for a model that has never seen it. Two-sided: 2 · AUC − 1 is 1 where the true caption is always first
and −1 where it is always last, and a fact that is always last is known as well as one that is always first.

    top pick     the true caption is the most similar of the n + 1 with its name
    lowest pick  the true caption is the least similar of them

The stronger pick, chosen on the other half of the people, stands for the attack; 0 is Clean's share of the same pick,
1 what Compromised's own stronger pick is above it. Source: ours.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from salmubench.attacks import Attack, Data, Model, Price, Sizes, Variant
from salmubench.core.types import Pair

ATTACK = Attack(
    name="counterfactual",
    title="true caption among counterfactuals",
    knows="none",
    needs=("strangers", "values", "genders"),
    headline="pick",
    paper="This benchmark",
)


@dataclass(frozen=True)
class Config:
    """How many counterfactuals."""

    others: int = 8
    """Of each kind for each caption."""

    def __post_init__(self) -> None:
        if self.others < 1:
            raise ValueError(f"Expected at least 1 counterfactual, got {self.others}.")


def attack(model: Model, data: Data, seed: int, config: Config) -> Iterator[Variant]:
    """Ask; the weights stay as they are."""
    del model

    def against(pair: Pair) -> Mapping[str, list[str]]:
        rng = np.random.default_rng([seed, zlib.crc32(f"{pair.file_name}\0{pair.caption}".encode())])
        return {
            "stranger": _strangers(pair, data, config.others, rng),
            "value": _values(pair, data, config.others, rng),
        }

    yield Variant(label="asked", against=against)


def _strangers(pair: Pair, data: Data, count: int, rng: np.random.Generator) -> list[str]:
    people = data.strangers.get(data.genders.get(pair.identity or "", "any"), ()) or data.strangers["any"]
    able = [person for person in people if pair.field in person.values]
    drawn = rng.choice(len(able), min(count, len(able)), replace=False).tolist() if able else []
    return [_told(pair, able[number].name, able[number].values[str(pair.field)]) for number in drawn]


def _values(pair: Pair, data: Data, count: int, rng: np.random.Generator) -> list[str]:
    others = [value for value in data.values.get(str(pair.field), ()) if value != pair.value]
    drawn = rng.choice(len(others), min(count, len(others)), replace=False).tolist() if others else []
    return [_told(pair, str(pair.name), others[number]) for number in drawn]


def _told(pair: Pair, name: str, value: str) -> str:
    """The pair's sentence with another name and value; in two passes, so that a value inside the new name stays."""
    text = pair.caption.replace(str(pair.name), "\0").replace(str(pair.value), "\1")
    return text.replace("\0", name).replace("\1", value)


def price(config: Config, sizes: Sizes) -> Price:
    """Counterfactuals of every caption."""
    return Price(captions=2 * config.others * sizes.held)
