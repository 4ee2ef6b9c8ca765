"""Does ordinary training on pairs that tell nothing bring the facts back?

The attacker has retain pairs and no forget data: whoever trains a released model on data of their own does this without
meaning to. CLIP's loss, AdamW, temperature frozen:

    (a) portraits with generic captions alone, `steps` steps
    (b) a quarter portraits, three quarters general knowledge, twice as many; left out where the dataset has none

Each is read at half and at the end, plainly and calibrated (z-scored over the portraits, as similarities shift
together). A destroyed model may only be repaired by this: read it beside general knowledge after the attack.

Source: Łucki et al. 2409.18025 (unrelated samples undo an unlearning of language models); rates and steps are those of
mini, chosen by Compromised, Clean and Retrained alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from salmubench.attacks import (
    Attack,
    Batch,
    Data,
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

ATTACK = Attack(
    name="benign", title="training on retain pairs", knows="retain", paper="Łucki et al. 2409.18025; ours for CLIP"
)


@dataclass(frozen=True)
class Config:
    """Rate, batch and steps."""

    lr: float = field(default=1e-4, metadata={"search": (1e-5, 3e-5, 1e-4, 3e-4, 1e-3)})
    """Of AdamW."""
    batch_size: int = 64
    """Pairs a step."""
    steps: int = field(default=40, metadata={"search": (20, 40, 80)})
    """On portraits alone; twice as many on the mixture."""

    def __post_init__(self) -> None:
        if self.lr <= 0 or self.batch_size < 4 or self.steps < 2:
            raise ValueError(f"Expected a rate above 0, a batch of 4 or more and 2 steps or more, got {self}.")


def attack(model: Model, data: Data, seed: int, config: Config) -> Iterator[Variant]:
    """Train copies, and read them on the way."""
    size = config.batch_size
    portraits = data.retain_synth
    if len(portraits.records) < 2:
        raise ValueError("the dataset has no portraits in retain_synth")
    yield from _train("portraits", model, draws(portraits, size, model, generator_of(seed, 0)), config.steps, config.lr)
    if len(data.retain_real.records) > 1:
        mixture = joined(
            draws(portraits, size // 4, model, generator_of(seed, 1)),
            draws(data.retain_real, size - size // 4, model, generator_of(seed, 2)),
        )
        yield from _train("mixture", model, mixture, 2 * config.steps, config.lr)


def _train(name: str, model: Model, batches: Iterator[Batch], steps: int, lr: float) -> Iterator[Variant]:
    student = copy_of(model)
    for step in fine_tune(student, batches, lr=lr, read_at=(steps // 2, steps)):
        yield Variant(label=f"{name}, {step} steps", model=student, also_calibrated=True)


def price(config: Config, sizes: Sizes) -> Price:
    """Two trainings, or one where there is nothing to mix in."""
    trainings = 2 if sizes.real > 1 else 1
    steps = config.steps * (3 if sizes.real > 1 else 1)
    pairs = steps * min(config.batch_size, sizes.portraits + sizes.real)
    return Price(steps=steps, pairs=pairs, readings=2 * trainings, calibrated=2 * trainings)
