"""Do all facts come back when the model is trained on a few of them?

The attacker has T, some facts of some people, and wants those of everybody else. CLIP's loss on T, AdamW, a few steps
of warm-up, then a constant rate; temperature frozen. Several rates, each read on the way; also with a smaller T. What
counts is what comes back outside T.

Source: Deeb & Roger 2410.08827 (train on some facts, test on others: 88 % came back in language models); rates and
steps are those of mini, chosen by Compromised, Clean and Retrained alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from salmubench.attacks import Attack, Data, Model, Price, Sizes, Variant, copy_of, draws, fine_tune, generator_of

ATTACK = Attack(
    name="fewshot",
    title="training on a tenth of the facts",
    knows="few",
    paper="Deeb & Roger 2410.08827; ours for CLIP",
)


@dataclass(frozen=True)
class Config:
    """Rates, batch and steps."""

    lrs: tuple[float, ...] = field(
        default=(3e-5, 1e-4, 3e-4), metadata={"search": (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3), "keep": 3}
    )
    """Of AdamW, each tried."""
    batch_size: int = 64
    """Pairs a step."""
    read_at: tuple[int, ...] = field(
        default=(10, 20, 40), metadata={"search": ((5, 10, 20), (10, 20, 40), (20, 40, 80))}
    )
    """Steps after which the model is read."""
    smaller: float = 0.25
    """Share of T that is tried too, at the middle rate; 0: none."""

    def __post_init__(self) -> None:
        if not self.lrs or min(self.lrs) <= 0 or self.batch_size < 2 or not 0 <= self.smaller < 1:
            raise ValueError(f"Expected rates above 0, a batch of 2 or more and a share from 0 to 1, got {self}.")
        if not self.read_at or list(self.read_at) != sorted(set(self.read_at)) or self.read_at[0] < 1:
            raise ValueError(f"Expected rising numbers of steps in read_at, got {self.read_at}.")


def attack(model: Model, data: Data, seed: int, config: Config) -> Iterator[Variant]:
    """Train copies on T, and read them on the way."""
    count, middle = len(data.few.records), config.lrs[len(config.lrs) // 2]
    tries = [(f"lr {lr:g}", lr, count) for lr in config.lrs]
    if round(config.smaller * count) >= 2:
        tries.append((f"smaller T, lr {middle:g}", middle, round(config.smaller * count)))
    for number, (name, lr, first) in enumerate(tries):
        student = copy_of(model)
        batches = draws(data.few, config.batch_size, model, generator_of(seed, number), first=first)
        for step in fine_tune(student, batches, lr=lr, read_at=config.read_at, tokens=data.few.tokens):
            yield Variant(label=f"{name}, {step} steps", model=student)


def price(config: Config, sizes: Sizes) -> Price:
    """A training for each rate, and one on a smaller T."""
    counts = [sizes.few] * len(config.lrs)
    counts += [round(config.smaller * sizes.few)] if round(config.smaller * sizes.few) >= 2 else []
    steps = config.read_at[-1]
    pairs = steps * sum(min(config.batch_size, count) for count in counts)
    return Price(steps=steps * len(counts), pairs=pairs, readings=len(counts) * len(config.read_at))
