"""Level redirection (ours): a fact to forget becomes as likely as others, told of a person never met.

Its predecessor pushed a caption below a level, and went on pushing: the true value ended as the lowest of all, which
tells it as surely as the highest. Here the level is met from both sides, by the caption and by the same sentence with
other values of the field alike. The text tower alone moves. `V0`, `T0` (B, d): unit embeddings of the frozen model, `T`
of the text tower as it changes, i the pairs to forget of a batch.

    v_i     = V0_i − mean_b V0_b                           what sets this picture apart from the batch's others
    c_j(i)  strangers: the caption of i with another name and another value of the same field, j = 1 … J
    s_l(i)  siblings: the caption of i with its own name and another value of the field, l = 1 … S
    σ_i     = mean_j v_i · T0(c_j(i))                      what a person never met is told to be
    ν_i     = mean_l v_i · T0(s_l(i))                      what the name alone says
    τ_i     = σ_i + a_i (ν_i − σ_i) − m                    the level: a_i is 0 for people who go, else `known`
    L_level = mean_{t ∈ {i, s_l(i)}} (v_i · T(t) − τ_i)²
    L_value = mean_i (v_i · T(i) − mean_l v_i · T(s_l(i)))²
    L_keep  = mean_k ‖T(k) − T0(k)‖²
    L       = w_l L_level + w_v L_value + w_k L_keep

Somebody goes who has more than half as many fields to forget as whoever has the most. Of the others a model that was
never told these facts still knows the face by name, from the facts that stay: exact unlearning leaves them a part of
what their name says, and so does `known`.

Captions k that stay where they were: the strangers', recombinations (the name of i with a value of another field: its
other associations), captions of retain pairs, and captions of retain pairs in which a share of the words is replaced
by any words of the vocabulary: classes that no retain pair shows have names, too.

None of them tells an association that is to be forgotten, while there are others, not even with another value: it would
hold on to what the name says about the face, and through that to the fact. The names of strangers have to be many. Held
at a few hundred, the model learns to stay where it was at those alone, and people of whom no caption told lose their
facts. So two in three are of nobody (`unmet`): as many recombined from two names to forget as made up.

`track: closed` needs the pairs to forget alone: a wording is the caption of one, of the same field, with name and value
cut out; values are theirs; names are made up of pieces of their names. `track: generator` words in the training
phrasings of the generator's grammar, never in the reserved ones that the evaluation uses, and takes made-up names, and
half of the values, from invented people. Pairs whose name or value is unknown or doesn't stand in the caption verbatim,
or whose field has no other value in the track, are left alone, and the report counts them.
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

METHOD = Method(
    title="Level Redirection",
    paper="This benchmark",
    cost="3 texts with their siblings, and the strangers and recombinations, and these forward; no images",
)
NEEDS = ("forget", "retain", "fresh")
SETTINGS = {  # batch and rate are those of small models: see the recipe `paper`
    "towers": "text", "optimizer": "muon", "batch_size": 64, "lr": 3e-3,
}  # fmt: skip
SEARCH = {"lr": (1e-3, 6e-3, "log")}


@dataclass(frozen=True)
class Config:
    """Weights, levels, and how captions are drawn."""

    track: Literal["closed", "generator"] = "closed"
    """Where wordings, values and names come from: the pairs to forget, or grammar and invented people too."""

    level: float = field(default=4.0, metadata={"search": (1.0, 16.0, "log")})
    """w_l, weight of the level."""

    value: float = field(default=20.0, metadata={"search": (2.0, 50.0, "log")})
    """w_v, weight of the difference that the value makes: small beside levels, and all that tells the fact."""

    keeping: float = 4.0
    """w_k, weight of keeping. Steps of Muon don't depend on the scale of a loss: to search the others is enough."""

    known: float = field(default=0.15, metadata={"search": (0.0, 0.5, "linear")})
    """a of people of whom facts stay: where their level lies between that of strangers and that of their name."""

    margin: float = 0.1
    """m, how far below the level is aimed at: steps end a little above it."""

    siblings: int = 2
    """S, siblings of a caption."""

    rewordings: int = 2
    """Further wordings that a step draws for a fact; one that it has already is left out."""

    strangers: int = 4
    """J, strangers of a caption."""

    recombinations: int = 6
    """Recombinations of a pair a step."""

    unmet: float = 2 / 3
    """Share of strangers whose name is fictitious: half recombined from two names to forget, half made up."""

    retain_captions: int = 4
    """Captions of retain pairs that a step holds, for each of its pairs; the first ones are the batch's."""

    scrambled: int = 1
    """Captions of retain pairs, for each pair of a step, that are held with some words replaced, too."""

    scrambling: float = 0.3
    """Share of the tokens of such a caption that are replaced."""

    def __post_init__(self) -> None:
        least = {"siblings": 1, "strangers": 1, "recombinations": 0, "rewordings": 0, "retain_captions": 1,
                 "scrambled": 0}  # fmt: skip
        check_options(self, least, ["unmet", "scrambling"])


class Material(NamedTuple):
    """What captions are made of.

    Attributes:
        neighbours: draws facts next to those to forget.
        wording: draws sentences for facts.
        special: tokens that are no words, (n,): they stay where words are replaced.
    """

    neighbours: Neighbours
    wording: Wording
    special: Tensor


class StepCaptions(NamedTuple):
    """The captions of a step.

    Attributes:
        rows: of the batch's forget pairs, one for each caption told.
        known: whether other facts of that pair's person stay.
        told: the pair's own caption, or the same fact in another wording.
        siblings: S for each of these, in turn.
        strangers: J for each, in turn.
        recombinations: of all pairs.
    """

    rows: list[int]
    known: list[bool]
    told: list[str]
    siblings: list[str]
    strangers: list[str]
    recombinations: list[str]


def needs(config: Config) -> tuple[Need, ...]:
    """Nobody is invented for the closed track."""
    return ("forget", "retain") if config.track == "closed" else ("forget", "retain", "fresh")


def edit(model: Model, data: Data, engine: Engine, config: Config) -> dict[str, float]:
    """Descend on the loss."""
    closed = config.track == "closed"
    neighbours, able = neighbours_of(data, closed=closed, unmet=config.unmet)
    wording: Wording = Wordings(data.forget.records) if closed else phrased
    material = Material(neighbours, wording, torch.unique(model.tokenize([""])))

    def loss(batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        more = more_retained(batch, data.retain, config.retain_captions)
        return objective(batch, model, engine.reference, config, material, more)

    engine.descend(loss)
    return {"facts": float(able), "left_alone": float(len(data.forget) - able)}


def objective(
    batch: Batch, model: Model, reference: Model, config: Config, material: Material, more: Pairs | None = None
) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss on a batch.

    Args:
        batch: forget and retain pairs.
        model: the model to change.
        reference: the frozen model.
        config: the options.
        material: what captions are made of.
        more: retain pairs beside the batch's, of which only the captions are used.
    """
    forget, retained = batch.forget, [batch.retain] if more is None else [batch.retain, more]
    texts, text_ref = torch.cat([item.texts for item in retained]), torch.cat([item.text_ref for item in retained])
    step = draw_captions(forget, material, config, batch.generator)
    words = scrambled(texts[: config.scrambled * len(forget)], material.special, config.scrambling, batch.generator)
    count, aside = len(step.told), len(step.siblings)
    captions = [*step.told, *step.siblings, *step.strangers, *step.recombinations]
    tokens = torch.cat([model.tokenize(captions), words]) if captions else words
    with torch.no_grad():
        before = reference.encode_text(tokens[count:]) if len(tokens) else text_ref[:0]
    now = model.encode_text(torch.cat([tokens, texts]))
    keeping = (now[count + aside :] - torch.cat([before[aside:], text_ref])).square().sum(dim=-1).mean()
    if not count:
        return config.keeping * keeping, {"keeping": keeping}
    apart = (forget.image_ref - forget.image_ref.mean(dim=0))[step.rows][:, :, None]  # v, (count, d, 1)
    siblings, strangers = before[:aside], before[aside : aside + len(step.strangers)]
    name, stranger = ((rows.view(count, -1, rows.shape[-1]) @ apart).mean(dim=(1, 2)) for rows in (siblings, strangers))
    share = config.known * torch.tensor(step.known).to(stranger)
    level = stranger + share * (name - stranger) - config.margin  # τ, (count,)
    beside = now[count : count + aside].view(count, -1, now.shape[-1])
    similarity = (torch.cat([now[:count, None], beside], dim=1) @ apart)[:, :, 0]  # (count, 1 + S), its own first
    levels = (similarity - level[:, None]).square().mean()
    values = (similarity[:, 0] - similarity[:, 1:].mean(dim=1)).square().mean()
    total = config.level * levels + config.value * values + config.keeping * keeping
    return total, {"level": levels, "value": values, "keeping": keeping}


def scrambled(tokens: Tensor, special: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Put any token in the place of some.

    Args:
        tokens: (n, length).
        special: tokens that are no words, (m,): none is replaced, none is put in.
        share: of the words that are replaced.
        generator: of the draws.
    """
    if not len(tokens):
        return tokens
    chosen = torch.rand(tokens.shape, generator=generator) < share
    put_in = torch.randint(int(tokens.max()) + 1, tokens.shape, generator=generator).to(tokens)
    chosen = chosen.to(tokens.device) & ~torch.isin(tokens, special) & ~torch.isin(put_in, special)
    return torch.where(chosen, put_in, tokens)


def draw_captions(forget: Pairs, material: Material, config: Config, generator: torch.Generator) -> StepCaptions:
    """Draw the captions of a step."""
    step, neighbours = StepCaptions([], [], [], [], [], []), material.neighbours
    for row, record in enumerate(forget.records):
        fact = fact_of(record)
        if fact is None:
            continue
        rewordings = [material.wording(fact, generator) for _ in range(config.rewordings)]
        for caption in dict.fromkeys((record.caption, *rewordings)):
            strangers = drawn(neighbours.other, fact, config.strangers, generator)
            siblings = drawn(neighbours.sibling, fact, config.siblings, generator)
            if strangers:  # else the field has no other value, and there are no siblings either
                template = Template.of(caption, fact)
                step.rows.append(row)
                step.known.append(not neighbours.goes(fact))
                step.told.append(caption)
                step.siblings.extend(template.tell(other) for other in siblings)
                step.strangers.extend(template.tell(other) for other in strangers)
        recombined = drawn(neighbours.recombined, fact, config.recombinations, generator)
        step.recombinations.extend(material.wording(other, generator) for other in recombined)
    return step
