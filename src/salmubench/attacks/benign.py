"""Does ordinary training on pairs that tell nothing bring the facts back?

The attacker has retain pairs and no forget data: whoever trains a released model on data of their own does this without
meaning to. CLIP's loss, AdamW, temperature frozen:

    (a) portraits with generic captions alone, `steps` steps
    (b) a quarter portraits, three quarters general knowledge, twice as many; left out where the dataset has none
    (c) as (b), but the portraits' captions tell facts of invented people in sentences of training; off by default

Each is read at half and at the end, plainly and calibrated (z-scored over the portraits, as similarities shift
together). A destroyed model may only be repaired by this: read it beside general knowledge after the attack.

(c) follows 2602.03379, where sentences of the same form are the strongest benign set for language models. At mini it
brings back about what (b) does and costs as much again. Without general knowledge in each batch it says nothing: names
on portraits alone take Compromised itself apart, retrieval and general knowledge.

Source: Łucki et al. 2409.18025 (unrelated samples undo an unlearning of language models); rates and steps are those of
mini, chosen by Compromised, Clean and Retrained alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from salmubench.attacks import (
    Attack,
    Batch,
    Data,
    Known,
    Model,
    Price,
    Sizes,
    Variant,
    copy_of,
    draws,
    fine_tune,
    generator_of,
    joined,
)
from salmubench.core.types import Pair
from salmubench.dataset.people import apparent_gender

ATTACK = Attack(
    name="benign",
    title="training on retain pairs",
    knows="retain",
    needs=("strangers", "templates"),
    paper="Łucki et al. 2409.18025; ours for CLIP",
)
_FACTS = 2
"""Told of each stranger."""


@dataclass(frozen=True)
class Config:
    """Rate, batch and steps."""

    lr: float = field(default=1e-4, metadata={"search": (1e-5, 3e-5, 1e-4, 3e-4, 1e-3)})
    """Of AdamW."""
    batch_size: int = 64
    """Pairs a step."""
    steps: int = field(default=40, metadata={"search": (20, 40, 80)})
    """On portraits alone; twice as many on the mixture."""
    strangers: bool = False
    """Also train on portraits whose captions tell invented people's facts, mixed in as generic ones are."""

    def __post_init__(self) -> None:
        if self.lr <= 0 or self.batch_size < 4 or self.steps < 2:
            raise ValueError(f"Expected a rate above 0, a batch of 4 or more and 2 steps or more, got {self}.")


def attack(model: Model, data: Data, seed: int, config: Config) -> Iterator[Variant]:
    """Train copies, and read them on the way."""
    size = config.batch_size
    portraits = data.retain_synth
    if len(portraits.records) < 2:
        raise ValueError("the dataset has no portraits in retain_synth")
    alone = draws(portraits, size, model, generator_of(seed, 0))
    yield from _train("portraits", model, alone, [portraits], config.steps, config.lr)
    if len(data.retain_real.records) > 1:
        mixture = joined(
            draws(portraits, size // 4, model, generator_of(seed, 1)),
            draws(data.retain_real, size - size // 4, model, generator_of(seed, 2)),
        )
        yield from _train("mixture", model, mixture, [portraits, data.retain_real], 2 * config.steps, config.lr)
    if config.strangers and len(data.retain_real.records) > 1:
        invented = Strangers(portraits, *told(portraits, data, np.random.default_rng(seed)), model)
        mixture = joined(
            draws(invented, size // 4, model, generator_of(seed, 3)),
            draws(data.retain_real, size - size // 4, model, generator_of(seed, 4)),
        )
        yield from _train("strangers", model, mixture, [invented, data.retain_real], 2 * config.steps, config.lr)


@dataclass(frozen=True, eq=False)
class Strangers:
    """Portraits with captions about invented people.

    Attributes:
        known: the portraits.
        rows: portrait of each caption.
        captions: what they tell.
        model: whose tokenizer counts.
    """

    known: Known
    rows: Sequence[int]
    captions: Sequence[str]
    model: Model

    @property
    def records(self) -> tuple[Pair, ...]:
        """The captions; nobody of the dataset is in them."""
        return tuple(Pair("", caption) for caption in self.captions)

    @cached_property
    def tokens(self) -> Tensor:
        """Of the captions, int64 (n, L)."""
        return self.model.tokenize(self.captions)

    def images(self, rows: Sequence[int], device: torch.device) -> Tensor:
        """Their portraits, float32 (len(rows), 3, H, W)."""
        return self.known.images([self.rows[row] for row in rows], device)


def told(portraits: Known, data: Data, rng: np.random.Generator) -> tuple[list[int], list[str]]:
    """Portraits of nobody in the dataset, each as an invented person of the apparent gender, with some facts.

    Returns:
        Portrait and caption of each fact.
    """
    rows, captions = list[int](), list[str]()
    met: Counter[str] = Counter()
    for row, pair in enumerate(portraits.records):
        if pair.identity is not None:
            continue
        gender = apparent_gender([pair.caption]) or "any"
        people = data.strangers.get(gender) or data.strangers["any"]
        person = people[met[gender] % len(people)]
        met[gender] += 1
        able = sorted(field for field in person.values if data.templates.get(field))
        for index in rng.permutation(len(able))[:_FACTS].tolist():
            sentences = data.templates[able[index]]
            text = sentences[int(rng.integers(len(sentences)))]
            rows.append(row)
            captions.append(text.replace("{name}", person.name).replace("{value}", person.values[able[index]]))
    if len(rows) < 2:
        raise ValueError("no portrait of somebody who isn't in the dataset, or no sentence to tell of them")
    return rows, captions


def _train(
    name: str, model: Model, batches: Iterator[Batch], sources: Sequence[Known | Strangers], steps: int, lr: float
) -> Iterator[Variant]:
    student, tokens = copy_of(model), torch.cat([source.tokens for source in sources])
    for step in fine_tune(student, batches, lr=lr, read_at=(steps // 2, steps), tokens=tokens):
        yield Variant(label=f"{name}, {step} steps", model=student, also_calibrated=True)


def price(config: Config, sizes: Sizes) -> Price:
    """Two trainings, or one where there is nothing to mix in; one more on strangers."""
    mixtures = (2 if config.strangers else 1) if sizes.real > 1 else 0
    steps = config.steps * (1 + 2 * mixtures)
    pairs = steps * min(config.batch_size, sizes.portraits + sizes.real)
    return Price(steps=steps, pairs=pairs, readings=2 * (1 + mixtures), calibrated=2 * (1 + mixtures))
