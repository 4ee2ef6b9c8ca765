"""Preference for the same caption with another value, by DPO, with a retain loss.

Rafailov et al., Direct Preference Optimization, NeurIPS 2023, arXiv 2305.18290, equation 7; as an unlearning method it
is the "preference optimization" baseline of Maini et al., TOFU, COLM 2024, arXiv 2401.06121, where the preferred answer
is an "I don't know". Here it is the pair's own caption with another value of the same field, y_w; y_l is the caption:

    L_DPO = −E_f log sigmoid(β [log(p(y_w|x) / p0(y_w|x)) − log(p(y_l|x) / p0(y_l|x))])
    L = L_DPO + w L_C(V_r, T_r)

For CLIP x is the picture and log p(y|x) = s V·T(y) − log Z(x) over whatever captions; Z is the same for y_w and y_l and
cancels: the bracket is `s V·(T_w − T_l) − s0 V0·(T_w0 − T_l0)`, index 0 the frozen model.

`track: closed` takes the values from other pairs to forget, `track: generator` from invented people. Pairs whose name
or value is unknown or doesn't stand in the caption verbatim have no y_w and take no part in L_DPO; the report counts
them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from salmubench.unlearn.counterfactuals import Pool, fact_of, substituted
from salmubench.unlearn.data import Data
from salmubench.unlearn.interface import Batch, Method, Model, Need, Pairs
from salmubench.unlearn.loop import Engine
from salmubench.unlearn.losses import contrastive, pair_similarity

METHOD = Method(
    title="DPO Swap",
    paper="Rafailov et al., Direct Preference Optimization, NeurIPS 2023, arXiv 2305.18290, equation 7",
    cost="2 images, 3 texts, and 1 text forward",
)
NEEDS = ("forget", "retain", "fresh")
SEARCH = {"lr": (1e-5, 1e-3, "log")}


@dataclass(frozen=True)
class Config:
    """Temperature of the preference, weight of the retain loss, source of the values."""

    beta: float = field(default=0.1, metadata={"search": (0.01, 3.0, "log")})
    """β, how strongly the frozen model holds; 0.1 in both papers."""

    retention: float = field(default=1.0, metadata={"search": (0.1, 10.0, "log")})
    """w, weight of the retain loss; 1 in TOFU."""

    track: Literal["closed", "generator"] = "closed"
    """Where values come from: other pairs to forget, or invented people."""


def needs(config: Config) -> tuple[Need, ...]:
    """Nobody is invented for the closed track."""
    return ("forget", "retain") if config.track == "closed" else ("forget", "retain", "fresh")


def edit(model: Model, data: Data, engine: Engine, config: Config) -> dict[str, float]:
    """Descend on the preference and the retain loss."""
    facts = [fact for record in data.forget.records if (fact := fact_of(record)) is not None]
    pool = Pool.of_facts(facts) if config.track == "closed" else Pool.of_people(data.fresh)
    engine.descend(lambda batch: objective(batch, model, engine.reference, config, pool))
    return {"facts": float(len(facts)), "left_alone": float(len(data.forget) - len(facts))}


def objective(
    batch: Batch, model: Model, reference: Model, config: Config, pool: Pool
) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss on a batch.

    Args:
        batch: forget and retain pairs.
        model: the model to change.
        reference: the frozen model.
        config: the options.
        pool: values to draw from.
    """
    forget, retain = batch.forget, batch.retain
    texts = model.encode_text(retain.texts)
    retention = contrastive(model.encode_image(retain.images), texts, model.logit_scale)
    swaps = swapped(forget, pool, batch.generator)
    if not swaps:
        return config.retention * retention, {"preference": retention.new_zeros(()), "retention": retention}
    rows = list(swaps)
    tokens = model.tokenize(list(swaps.values()))
    with torch.no_grad():
        preferred0 = reference.encode_text(tokens)
    images = model.encode_image(forget.images[rows])
    towards = pair_similarity(images, model.encode_text(tokens) - model.encode_text(forget.texts[rows]))
    towards0 = pair_similarity(forget.image_ref[rows], preferred0 - forget.text_ref[rows])
    margin = model.logit_scale * towards - reference.logit_scale.detach() * towards0  # (rows,)
    preference = F.softplus(-config.beta * margin).mean()
    return preference + config.retention * retention, {"preference": preference, "retention": retention}


def swapped(forget: Pairs, pool: Pool, generator: torch.Generator) -> dict[int, str]:
    """Row → its caption with another value of the same field, where that can be made."""
    captions = {}
    for row, record in enumerate(forget.records):
        fact = fact_of(record)
        value = None if fact is None else pool.value(fact.field, generator, but=fact.value)
        if fact is not None and value is not None:
            captions[row] = substituted(record.caption, fact, fact._replace(value=value))
    return captions
