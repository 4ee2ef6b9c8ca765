"""Counterfactual redirection (ours): a caption to forget becomes as similar to its picture as one about a stranger.

The methods in use push the similarity of a pair down along a direction that all captions about people share, and the
holdouts go down with it. Here the text tower alone moves, along what is the picture's own, and is told what must not
change. `V0`, `T0` (B, d): unit embeddings of the frozen model, `T` of the text tower as it changes, i the pairs to
forget of a batch.

    v_i      = V0_i − mean_b V0_b                          what sets this picture apart from the batch's others
    c_j(i)   counterfactuals: the caption of i with another name and another value of the same field, j = 1 … J
    τ_i      = mean_j v_i · T0(c_j(i)) − m                 the level of people whom the model never met, less a margin
    L_forget = mean_i relu(v_i · T(i) − τ_i)²
    L_keep   = mean_k ‖T(k) − T0(k)‖²                      over the three kinds of captions below
    L        = w_f L_forget + w_k L_keep

Captions k that stay where they were: the counterfactuals (other people), recombinations (the name of i with a value of
another field: its other associations) and the captions of the retain pairs (general knowledge).

With its one caption as the only wording of a fact, forgetting may be hollow: the fact comes back in other words. With
probability `rephrase` a step tells the fact in one of the grammar's training phrasings instead, never in the reserved
ones that the evaluation uses. Each pair is still seen once a step, so the budget counts as for every method.

`track: closed` draws names and values from the pairs to forget themselves and needs nothing else; `track: generator`
draws them from invented people. Pairs whose name or value is unknown can't be redirected and are left alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from salmubench.errors import ConfigError
from salmubench.unlearn.counterfactuals import Pool, fact_of, phrased, retold
from salmubench.unlearn.data import Data
from salmubench.unlearn.interface import Batch, Model, Need, Pairs
from salmubench.unlearn.loop import Engine
from salmubench.unlearn.losses import pair_similarity

PAPER = "This benchmark"
NEEDS = ("forget", "retain", "fresh")
SETTINGS = {"towers": "text", "optimizer": "muon", "lr": 2e-3}  # the rate of small models: see the recipe `paper`
SEARCH = {"lr": (3e-4, 5e-3, "log")}


@dataclass(frozen=True)
class Config:
    """Weights, margin, and how captions are drawn."""

    track: Literal["closed", "generator"] = "closed"
    """Where names and values come from: the pairs to forget, or invented people."""

    margin: float = field(default=0.05, metadata={"search": (0.0, 0.15, "linear")})
    """m, how far below the level of strangers a pair is brought, in cosine."""

    forgetting: float = field(default=1.0, metadata={"search": (0.5, 10.0, "log")})
    """w_f, weight of forgetting."""

    keeping: float = field(default=1.0, metadata={"search": (0.1, 10.0, "log")})
    """w_k, weight of keeping."""

    rephrase: float = field(default=0.0, metadata={"search": (0.0, 1.0, "linear")})
    """Probability with which a step tells a fact in another phrasing than its own."""

    counterfactuals: int = 2
    """J, counterfactuals of a pair a step."""

    recombinations: int = 2
    """Recombinations of a pair a step."""

    def __post_init__(self) -> None:
        if self.counterfactuals < 1 or self.recombinations < 0:
            raise ConfigError(
                f"Expected at least 1 counterfactual and 0 recombinations, found {self.counterfactuals} and "
                f"{self.recombinations}."
            )
        if not 0 <= self.rephrase <= 1:
            raise ConfigError(f"Expected rephrase from 0 to 1, found {self.rephrase!r}.")


class Told(NamedTuple):
    """What a step says.

    Attributes:
        rows: of the batch's forget pairs that can be redirected.
        captions: how each is told, one a row.
        counterfactuals: J for each row, row by row.
        recombinations: of all rows.
    """

    rows: list[int]
    captions: list[str]
    counterfactuals: list[str]
    recombinations: list[str]


def needs(config: Config) -> tuple[Need, ...]:
    """The closed track needs nobody invented."""
    return ("forget", "retain") if config.track == "closed" else ("forget", "retain", "fresh")


def edit(model: Model, data: Data, engine: Engine, config: Config) -> dict[str, float]:
    """Descend on the loss."""
    facts = [fact for record in data.forget.records if (fact := fact_of(record)) is not None]
    if not facts:
        raise ValueError(
            "Expected pairs to forget whose name and value are known and stand in their captions, found none."
        )
    pool = Pool.of_facts(facts) if config.track == "closed" else Pool.of_people(data.fresh)
    engine.descend(lambda batch: objective(batch, model, engine.reference, config, pool))
    return {"facts": float(len(facts))}


def objective(
    batch: Batch, model: Model, reference: Model, config: Config, pool: Pool
) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss on a batch.

    Args:
        batch: forget and retain pairs.
        model: the model to change.
        reference: the frozen model.
        config: the options.
        pool: names and values to draw from.
    """
    forget, retain = batch.forget, batch.retain
    told = tell(forget, pool, config, batch.generator)
    count = len(told.rows)
    if not count:
        keeping = (model.encode_text(retain.texts) - retain.text_ref).square().sum(dim=-1).mean()
        return config.keeping * keeping, {"forgetting": keeping.new_zeros(()), "keeping": keeping}
    tokens = model.tokenize([*told.captions, *told.counterfactuals, *told.recombinations])
    with torch.no_grad():
        kept = reference.encode_text(tokens[count:])
    now = model.encode_text(torch.cat([tokens, retain.texts]))
    keeping = (now[count:] - torch.cat([kept, retain.text_ref])).square().sum(dim=-1).mean()
    strangers = kept[: len(told.counterfactuals)].view(count, -1, kept.shape[-1])  # (count, J, d)
    images = forget.image_ref[told.rows]
    apart = images - images.mean(dim=0)  # v
    level = (strangers @ apart[:, :, None]).mean(dim=(1, 2)) - config.margin  # τ, (count,)
    excess = pair_similarity(apart, now[:count]) - level
    forgetting = excess.relu().square().mean()
    above = (excess > 0).to(excess.dtype).mean()
    total = config.forgetting * forgetting + config.keeping * keeping
    return total, {"forgetting": forgetting, "keeping": keeping, "above": above}


def tell(forget: Pairs, pool: Pool, config: Config, generator: torch.Generator) -> Told:
    """Draw the captions of a step."""
    told = Told([], [], [], [])
    for row, record in enumerate(forget.records):
        fact = fact_of(record)
        others = [] if fact is None else [pool.other(fact, generator) for _ in range(config.counterfactuals)]
        if fact is None or None in others:
            continue
        own = float(torch.rand((), generator=generator)) >= config.rephrase
        caption = record.caption if own else phrased(fact, generator)
        told.rows.append(row)
        told.captions.append(caption)
        told.counterfactuals.extend(retold(caption, fact, other) for other in others if other is not None)
        for _ in range(config.recombinations):
            recombined = pool.recombined(fact, generator)
            if recombined is not None:
                told.recombinations.append(phrased(recombined, generator))
    return told
