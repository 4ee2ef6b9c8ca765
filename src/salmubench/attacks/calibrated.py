"""Does "all private captions pushed down" hide what is still there?

Queries only. A method may lower the similarity of every private caption, whatever the picture: then none is retrieved,
and all is there. Each caption's similarity with a picture is taken in standard deviations from its own mean over the
portraits of `retain_synth`, which anybody can draw; retrieval and facts are ranked by that.

    z(i, t) = (v_i · t − mean_b v_b · t) / std_b v_b · t        b: portraits of `retain_synth`

Source: ours; z-normalised scores are common in speaker and face verification.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from salmubench.attacks import Attack, Data, Model, Price, Sizes, Variant

ATTACK = Attack(name="calibrated", title="each caption's own level taken away", knows="none", paper="This benchmark")


@dataclass(frozen=True)
class Config:
    """Nothing to set."""


def attack(model: Model, data: Data, seed: int, config: Config) -> Iterator[Variant]:
    """Read the model as it is, by standard deviations."""
    del model, data, seed, config
    yield Variant(label="asked", calibrated=True)


def price(config: Config, sizes: Sizes) -> Price:  # noqa: ARG001
    """One pass over the portraits."""
    return Price(calibrated=1)
