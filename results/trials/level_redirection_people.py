"""A trial after level redirection: whole people go by name, several pictures of a person count, names may be missing.

`counterfactual_redirection` pushes a caption below a level, and goes on pushing: the true value ends as the lowest of
all, which tells it as surely as the highest. Here the level is met from both sides, by the caption and by the same
sentence with other values of the field alike. Notation as there; `V0`, `T0` are of the frozen model, `T` of the text
tower as it changes, i the pairs to forget of a batch.

    v_ip    = V0_p − mean V0                               what sets a picture of i's person apart from all to forget:
                                                           i's own (p = 0) and others of it (p = 1 … P)
    c_j(i)  strangers: the caption of i with another name and another value of the same field, j = 1 … J
    s_l(i)  siblings: the caption of i with its own name and another value of the field, l = 1 … S
    σ_ip    = mean_j v_ip · T0(c_j(i))                     what a person never met is told to be
    ν_ip    = mean_l v_ip · T0(s_l(i))                     what the name alone says
    τ_ip    = σ_ip + a_i (ν_ip − σ_ip) − m                 the level: a_i is 0 for people who go, else `known`
    L_level = mean_{t ∈ {i, s_l(i)}, p} (v_ip · T(t) − τ_ip)²
    L_value = mean_p (v_ip · T(i) − mean_l v_ip · T(s_l(i)))²
    L_keep  = mean_k ‖T(k) − T0(k)‖²
    L       = w_l L_level + w_v L_value + w_k L_keep

A picture that was trained with the caption has it by heart; if the value were levelled with that picture alone, every
other picture of the person would give it away by ranking it last.

Somebody goes who has more than half as many fields to forget as whoever has the most. Of the others a model that was
never told these facts still knows the face by name, from the facts that stay: exact unlearning leaves them a part of
what their name says, and so does `known`.

Captions k that stay where they were: the strangers', as far as they state a name, recombinations for people who don't
go (the name of i with a value of another field: its other associations), captions of retain pairs, and captions of
retain pairs in which a share of the words is replaced by any words of the vocabulary: classes that no retain pair shows
have names, too. A caption without a name is the same for whoever has that value, so that nothing can hold it.

The tracks, the wordings and the names of nobody are those of `counterfactual_redirection`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from salmubench.core.types import Pair
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
from salmubench.unlearn.data import Data, PairSource
from salmubench.unlearn.interface import Batch, Method, Model, Need, Pairs
from salmubench.unlearn.loop import Engine

METHOD = Method(
    title="Level Redirection by Person",
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

    known: float = field(default=0.5, metadata={"search": (0.0, 0.5, "linear")})
    """a of people of whom facts stay: where their level lies between that of strangers and that of their name."""

    margin: float = 0.05
    """m, how far below the level is aimed at: steps end a little above it."""

    pictures: int = 3
    """P, further pictures of the person that a caption is compared with."""

    siblings: int = 1
    """S, siblings of a caption."""

    rewordings: int = 1
    """Further wordings that a step draws for a fact; one that it has already is left out."""

    nameless: int = 1
    """Further wordings without the name, of those that pairs to forget have for the field."""

    strangers: int = 2
    """J, strangers of a caption."""

    recombinations: int = 4
    """Recombinations of a pair a step."""

    unmet: float = 2 / 3
    """Share of strangers whose name is fictitious: half recombined from two names to forget, half made up."""

    retain_captions: int = 3
    """Captions of retain pairs that a step holds, for each of its pairs; the first ones are the batch's."""

    scrambled: int = 1
    """Captions of retain pairs, for each pair of a step, that are held with some words replaced, too."""

    scrambling: float = 0.3
    """Share of the tokens of such a caption that are replaced."""

    def __post_init__(self) -> None:
        least = {"pictures": 0, "siblings": 1, "strangers": 1, "recombinations": 0, "rewordings": 0,
                 "nameless": 0, "retain_captions": 1, "scrambled": 0}  # fmt: skip
        check_options(self, least, ["unmet", "scrambling"])


class Material(NamedTuple):
    """What captions are made of.

    Attributes:
        neighbours: draws facts next to those to forget.
        wording: draws sentences for facts.
        nameless: those that state no name, of the fields that have any.
        special: tokens that are no words, (n,): they stay where words are replaced.
        middle: mean of all pictures to forget, (d,).
        pictures: name → the pictures to forget of that person less the mean, (n, d).
    """

    neighbours: Neighbours
    wording: Wording
    nameless: Wordings
    special: Tensor
    middle: Tensor
    pictures: Mapping[str, Tensor]


class StepCaptions(NamedTuple):
    """The captions of a step.

    Attributes:
        rows: of the batch's forget pairs, one for each caption told.
        known: whether other facts of that pair's person stay.
        told: the pair's own caption, or the same fact in another wording.
        siblings: S for each of these, in turn.
        strangers: J for each, in turn.
        named: of each stranger, whether it states a name.
        recombinations: of all pairs.
    """

    rows: list[int]
    known: list[bool]
    told: list[str]
    siblings: list[str]
    strangers: list[str]
    named: list[bool]
    recombinations: list[str]


def needs(config: Config) -> tuple[Need, ...]:
    """Nobody is invented for the closed track."""
    return ("forget", "retain") if config.track == "closed" else ("forget", "retain", "fresh")


def edit(model: Model, data: Data, engine: Engine, config: Config) -> dict[str, float]:
    """Descend on the loss."""
    closed = config.track == "closed"
    neighbours, able = neighbours_of(data, closed=closed, unmet=config.unmet)
    neighbours = without_those_who_go(neighbours)
    wording: Wording = Wordings(data.forget.records) if closed else phrased
    material = Material(
        neighbours,
        wording,
        nameless_wordings(data.forget.records),
        torch.unique(model.tokenize([""])),
        *by_person(data.forget),
    )

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
    held = torch.ones(len(tokens), dtype=torch.bool, device=tokens.device)  # strangers without a name aren't
    held[count + aside :][: len(step.named)] = torch.tensor(step.named, dtype=torch.bool, device=tokens.device)
    now = model.encode_text(torch.cat([tokens[held], texts]))
    still = torch.cat([before[aside:][held[count + aside :]], text_ref])
    keeping = (now[count + aside :] - still).square().sum(dim=-1).mean()
    if not count:
        return config.keeping * keeping, {"keeping": keeping}
    apart = faces(forget, step.rows, material, config.pictures, batch.generator)  # v, (count, d, 1 + P)
    siblings, strangers = before[:aside], before[aside : aside + len(step.strangers)]
    name, stranger = ((rows.view(count, -1, rows.shape[-1]) @ apart).mean(dim=1) for rows in (siblings, strangers))
    share = config.known * torch.tensor(step.known).to(stranger)[:, None]
    level = stranger + share * (name - stranger) - config.margin  # τ, (count, 1 + P)
    beside = now[count : count + aside].view(count, -1, now.shape[-1])
    similarity = torch.cat([now[:count, None], beside], dim=1) @ apart  # (count, 1 + S, 1 + P), its own caption first
    levels = (similarity - level[:, None]).square().mean()
    values = (similarity[:, 0] - similarity[:, 1:].mean(dim=1)).square().mean()
    total = config.level * levels + config.value * values + config.keeping * keeping
    return total, {"level": levels, "value": values, "keeping": keeping}


def goes(neighbours: Neighbours, name: str) -> bool:
    """Whether a person has more than half as many fields to forget as whoever has the most."""
    return 2 * len(neighbours.asked[name]) > max(map(len, neighbours.asked.values()))


def without_those_who_go(neighbours: Neighbours) -> Neighbours:
    """The same neighbours, but that no name of a person who goes is among those that stay known."""
    staying = {
        field: tuple(name for name in names if not goes(neighbours, name)) or names
        for field, names in neighbours.known.items()
    }
    return replace(neighbours, known=staying)


def nameless_wordings(records: Iterable[Pair]) -> Wordings:
    """The wordings without a name among the rewrites of some pairs."""
    return Wordings(
        replace(record, caption=rewrite.caption)
        for record in records
        for rewrite in record.rewrites
        if rewrite.nameless
    )


def by_person(source: PairSource) -> tuple[Tensor, dict[str, Tensor]]:
    """The mean of all pictures to forget, (d,), and name → that person's pictures less the mean, (n, d)."""
    pictures = source.take(range(len(source))).image_ref
    middle = pictures.mean(dim=0)
    rows: dict[str, list[int]] = {}
    for row, record in enumerate(source.records):
        rows.setdefault(record.name or "", []).append(row)
    return middle, {name: pictures[chosen] - middle for name, chosen in rows.items()}


def faces(forget: Pairs, rows: Sequence[int], material: Material, count: int, generator: torch.Generator) -> Tensor:
    """Pictures of the people of some pairs, less the mean: the pair's own, then others drawn, (rows, d, 1 + count)."""
    own = (forget.image_ref - material.middle)[list(rows), None]
    others = [material.pictures[forget.records[row].name or ""] for row in rows]
    drawn_rows = [torch.randint(len(of_person), (count,), generator=generator).tolist() for of_person in others]
    further = torch.stack([of_person[chosen] for of_person, chosen in zip(others, drawn_rows, strict=True)])
    return torch.cat([own, further], dim=1).mT


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
    step, neighbours = StepCaptions([], [], [], [], [], [], []), material.neighbours
    for row, record in enumerate(forget.records):
        fact = fact_of(record)
        if fact is None:
            continue
        rewordings = [material.wording(fact, generator) for _ in range(config.rewordings)]
        if material.nameless.templates[fact.field]:
            rewordings += [material.nameless(fact, generator) for _ in range(config.nameless)]
        for caption in dict.fromkeys((record.caption, *rewordings)):
            strangers = drawn(neighbours.other, fact, config.strangers, generator)
            siblings = drawn(neighbours.sibling, fact, config.siblings, generator)
            if strangers:  # else the field has no other value, and there are no siblings either
                template = Template.of(caption, fact)
                step.rows.append(row)
                step.known.append(not goes(neighbours, fact.name))
                step.told.append(caption)
                step.siblings.extend(template.tell(other) for other in siblings)
                step.strangers.extend(template.tell(other) for other in strangers)
                step.named.extend([any(template.names)] * len(strangers))
        if goes(neighbours, fact.name):
            continue
        recombined = drawn(neighbours.recombined, fact, config.recombinations, generator)
        step.recombinations.extend(material.wording(other, generator) for other in recombined)
    return step
