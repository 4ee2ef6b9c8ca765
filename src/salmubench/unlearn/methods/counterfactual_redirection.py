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
another field: its other associations) and captions of retain pairs (general knowledge). An association is a person and
a field. None that is to be forgotten stands among them while there are others, not even with another value: it would
hold on to what the name says about the face, and through that to the fact.

With its one caption as the only wording of a fact, forgetting may be hollow: the fact comes back in other words. So a
step tells it in up to `rewordings` others too, each with its own counterfactuals. Each pair is still seen once a step:
the budget counts as for every method.

The names of other people have to be many. Held at a few hundred names, the model learns to stay where it was at those
alone and drifts at every other, and people of whom no caption told lose their facts. So two in three are of nobody
known (`unmet`): as many recombined from two names to forget as made up.

`track: closed` needs the pairs to forget alone: a wording is the caption of one, of the same field, with name and value
cut out; values are theirs; names are made up of pieces of their names. `track: generator` words in the training
phrasings of the generator's grammar, never in the reserved ones that the evaluation uses, and takes made-up names, and
half of the values, from invented people. Pairs whose name or value is unknown or doesn't stand in the caption verbatim,
or whose field has no other value in the track, can't be redirected: they are left alone, and the report counts them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from salmubench.unlearn.config import check_options
from salmubench.unlearn.counterfactuals import (
    Neighbours,
    Template,
    Wording,
    Wordings,
    drawn,
    fact_of,
    more_retained,
    neighbours_of,
    phrased,
)
from salmubench.unlearn.data import Data
from salmubench.unlearn.interface import Batch, Method, Model, Need, Pairs
from salmubench.unlearn.loop import Engine
from salmubench.unlearn.losses import pair_similarity

METHOD = Method(
    title="Counterfactual Redirection",
    paper="This benchmark",
    cost="2 texts and the counterfactuals and recombinations, and these forward; no images",
)
NEEDS = ("forget", "retain", "fresh")
SETTINGS = {  # batch and rate are those of small models: see the recipe `paper`
    "towers": "text", "optimizer": "muon", "batch_size": 16, "lr": 2e-3,
}  # fmt: skip
SEARCH = {"lr": (1e-3, 6e-3, "log")}


@dataclass(frozen=True)
class Config:
    """Weights, margin, and how captions are drawn."""

    track: Literal["closed", "generator"] = "closed"
    """Where wordings, values and names come from: the pairs to forget, or grammar and invented people too."""

    margin: float = field(default=0.05, metadata={"search": (0.0, 0.15, "linear")})
    """m, how far below the level of strangers a pair is brought, in cosine."""

    forgetting: float = field(default=2.0, metadata={"search": (0.5, 8.0, "log")})
    """w_f, weight of forgetting."""

    keeping: float = 1.0
    """w_k, weight of keeping. Steps of Muon don't depend on the scale of a loss: to search w_f is enough."""

    rewordings: int = field(default=1, metadata={"search": [0, 1, 2]})
    """Further wordings that a step draws for a fact; one that it has already is left out."""

    counterfactuals: int = 4
    """J, counterfactuals of a pair a step."""

    recombinations: int = 6
    """Recombinations of a pair a step."""

    unmet: float = 2 / 3
    """Share of counterfactuals whose name is fictitious: half recombined from two names to forget, half made up."""

    retain_captions: int = 4
    """Captions of retain pairs that a step holds, for each of its pairs; the first ones are the batch's."""

    def __post_init__(self) -> None:
        least = {"counterfactuals": 1, "recombinations": 0, "rewordings": 0, "retain_captions": 1}
        check_options(self, least, ["unmet"])


class StepCaptions(NamedTuple):
    """The captions of a step.

    Attributes:
        rows: of the batch's forget pairs that can be redirected, one for each caption.
        captions: the pair's own, or the same fact in another wording.
        counterfactuals: J for each caption, in turn.
        recombinations: of all pairs.
    """

    rows: list[int]
    captions: list[str]
    counterfactuals: list[str]
    recombinations: list[str]


def needs(config: Config) -> tuple[Need, ...]:
    """Nobody is invented for the closed track."""
    return ("forget", "retain") if config.track == "closed" else ("forget", "retain", "fresh")


def edit(model: Model, data: Data, engine: Engine, config: Config) -> dict[str, float]:
    """Descend on the loss."""
    closed = config.track == "closed"
    neighbours, able = neighbours_of(data, closed=closed, unmet=config.unmet)
    wording: Wording = Wordings(data.forget.records) if closed else phrased

    def loss(batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        more = more_retained(batch, data.retain, config.retain_captions)
        return objective(batch, model, engine.reference, config, neighbours, wording, more)

    engine.descend(loss)
    return {"facts": float(able), "left_alone": float(len(data.forget) - able)}


def objective(
    batch: Batch,
    model: Model,
    reference: Model,
    config: Config,
    neighbours: Neighbours,
    wording: Wording,
    more: Pairs | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss on a batch.

    Args:
        batch: forget and retain pairs.
        model: the model to change.
        reference: the frozen model.
        config: the options.
        neighbours: draws the facts of captions that must not change.
        wording: draws sentences for facts.
        more: retain pairs beside the batch's, of which only the captions are used.
    """
    forget, retained = batch.forget, [batch.retain] if more is None else [batch.retain, more]
    texts, text_ref = torch.cat([item.texts for item in retained]), torch.cat([item.text_ref for item in retained])
    step = draw_captions(forget, neighbours, wording, config, batch.generator)
    count = len(step.rows)
    if not count:
        keeping = (model.encode_text(texts) - text_ref).square().sum(dim=-1).mean()
        return config.keeping * keeping, {"forgetting": keeping.new_zeros(()), "keeping": keeping}
    tokens = model.tokenize([*step.captions, *step.counterfactuals, *step.recombinations])
    with torch.no_grad():
        kept = reference.encode_text(tokens[count:])
    now = model.encode_text(torch.cat([tokens, texts]))
    keeping = (now[count:] - torch.cat([kept, text_ref])).square().sum(dim=-1).mean()
    strangers = kept[: len(step.counterfactuals)].view(count, -1, kept.shape[-1])  # (count, J, d)
    images = forget.image_ref[step.rows]
    apart = images - images.mean(dim=0)  # v
    level = (strangers @ apart[:, :, None]).mean(dim=(1, 2)) - config.margin  # τ, (count,)
    excess = pair_similarity(apart, now[:count]) - level
    forgetting = excess.relu().square().mean()
    above = (excess > 0).to(excess.dtype).mean()
    total = config.forgetting * forgetting + config.keeping * keeping
    return total, {"forgetting": forgetting, "keeping": keeping, "above": above}


def draw_captions(
    forget: Pairs, neighbours: Neighbours, wording: Wording, config: Config, generator: torch.Generator
) -> StepCaptions:
    """Draw the captions of a step."""
    step = StepCaptions([], [], [], [])
    for row, record in enumerate(forget.records):
        fact = fact_of(record)
        if fact is None:
            continue
        rewordings = [wording(fact, generator) for _ in range(config.rewordings)]
        for caption in dict.fromkeys((record.caption, *rewordings)):
            others = drawn(neighbours.other, fact, config.counterfactuals, generator)
            if others:  # else the field has no other value, and each of the draws was None
                template = Template.of(caption, fact)
                step.rows.append(row)
                step.captions.append(caption)
                step.counterfactuals.extend(template.tell(other) for other in others)
        for _ in range(config.recombinations):
            recombined = neighbours.recombined(fact, generator)
            if recombined is not None:
                step.recombinations.append(wording(recombined, generator))
    return step
