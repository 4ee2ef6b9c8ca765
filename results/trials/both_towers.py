"""A trial that moves both towers: the text tower levels sentences with a name, the picture tower those without.

A sentence such as "the blood type is A+" is the same for whoever has that value, so that the text tower can't lower it
for one person. A picture can: it need only stop telling this value from others of its field. Notation as in
`level_redirection`; `V0`, `T0` are of the frozen model, p a picture of i's person (its own or another), v0 = V0(p) −
mean V0 and v = V(p) − mean V0 as it changes. Levels are the text tower's alone: a picture tower that lowers them lowers
sentences with a name for everybody's picture.

    n_l(i)  sentences of i's field without a name: the true value (l = 0) and others
    L_level = mean_{t ∈ {i, s_l(i)}, p} (v0_p · T(t) − τ_ip)²     with a name, the text tower alone
    L_value = mean_p (v0_p · T(i) − mean_l v0_p · T(s_l(i)))²     with a name, the text tower alone
    L_face  = mean_p (v_p · (T0(n_0(i)) − mean_l T0(n_l(i))))²    without a name, the picture tower alone
    L_cross = mean_k (V(p) · T(k) − V0(p) · T0(k))²               k: the name with a field that stays
    L_text  = mean_k ‖T(k) − T0(k)‖²                              strangers, recombinations, retain, scrambled, nameless
    L_image = mean_r ‖V(r) − V0(r)‖²                              retain pictures, but for those of people to forget
    L_still = mean_p ‖V(p) − V0(p)‖²                              pictures of people of whom facts stay
    L_other = mean_o ‖V(o) − V0(o)‖²                              retain portraits of nobody in the dataset

A tower learns the pictures that it is shown by heart: with `mixed`, further pictures of a person are mixtures of two of
them, and portraits that stay are mixed with one another and with those of people who go, each step in another frame.

    L = w_l L_level + w_v L_value + w_f L_face + w_c L_cross + w_k (L_text + L_image) + w_s L_still + w_o L_other
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from salmubench.core.types import Pair
from salmubench.unlearn.config import check_options
from salmubench.unlearn.counterfactuals import (
    Fact,
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

METHOD = Method(title="Redirection of Both Towers", paper="This benchmark")
NEEDS = ("forget", "retain", "fresh")
SETTINGS = {"towers": "both", "optimizer": "muon", "batch_size": 64, "lr": 2e-3}


@dataclass(frozen=True)
class Config:
    """Weights, and how captions are drawn."""

    track: Literal["closed", "generator"] = "closed"
    level: float = 4.0
    value: float = 20.0
    face: float = 20.0
    cross: float = 4.0
    keeping: float = 4.0
    image: float = 4.0
    """Weight of retain pictures that stay."""
    still: float = 0.5
    other: float = 20.0
    portraits: int = 64
    """Retain portraits of people who have no facts that a step holds: of a retain batch they are one in twelve."""
    mixed: bool = False
    """Whether further pictures and portraits are mixtures of two."""
    frame: float = 0.75
    """The smallest part of a mixture's sides that a step shows."""
    known: float = field(default=0.15, metadata={"search": (0.0, 0.5, "linear")})
    margin: float = 0.05
    pictures: int = 1
    siblings: int = 1
    rewordings: int = 0
    nameless: int = 1
    strangers: int = 1
    recombinations: int = 2
    unmet: float = 2 / 3
    retain_captions: int = 1
    scrambled: int = 1
    scrambling: float = 0.3

    def __post_init__(self) -> None:
        least = {"pictures": 0, "siblings": 1, "strangers": 1, "recombinations": 0, "rewordings": 0, "nameless": 0,
                 "retain_captions": 1, "scrambled": 0, "portraits": 0}  # fmt: skip
        check_options(self, least, ["unmet", "scrambling", "frame"])


class Material(NamedTuple):
    """What captions are made of; `rows` maps a name to its pairs of `source`."""

    neighbours: Neighbours
    wording: Wording
    bare: Wordings
    special: Tensor
    middle: Tensor
    source: PairSource
    rows: dict[str, list[int]]
    people: frozenset[str | None]
    portraits: list[int]


class Captions(NamedTuple):
    """Captions of a step; `rows` and `bare_rows` are of the batch's pairs, `recombined_rows` too."""

    rows: list[int]
    stays: list[bool]
    told: list[str]
    siblings: list[str]
    strangers: list[str]
    bare_rows: list[int]
    bare: list[str]
    bare_siblings: list[str]
    recombined_rows: list[int]
    recombined: list[str]


def needs(config: Config) -> tuple[Need, ...]:
    """Nobody is invented for the closed track."""
    return ("forget", "retain") if config.track == "closed" else ("forget", "retain", "fresh")


def edit(model: Model, data: Data, engine: Engine, config: Config) -> dict[str, float]:
    """Descend on the loss."""
    closed = config.track == "closed"
    neighbours, able = neighbours_of(data, closed=closed, unmet=config.unmet)
    records = data.forget.records
    rows: dict[str, list[int]] = {}
    for row, record in enumerate(records):
        rows.setdefault(record.name or "", []).append(row)
    material = Material(
        without_those_who_go(neighbours),
        Wordings(records) if closed else phrased,
        bare_wordings(records),
        torch.unique(model.tokenize([""])),
        data.forget.take(range(len(records))).image_ref.mean(dim=0),
        data.forget,
        rows,
        frozenset(record.identity for record in records),
        [row for row, one in enumerate(data.retain.records) if one.file_name.startswith("disjoint_")],
    )

    def loss(batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        more = more_retained(batch, data.retain, config.retain_captions)
        portraits = data.retain.take(of_others(material, config, batch.generator))
        return objective(batch, model, engine.reference, config, material, more, portraits)

    engine.descend(loss)
    return {"facts": float(able)}


def objective(
    batch: Batch,
    model: Model,
    reference: Model,
    config: Config,
    material: Material,
    more: Pairs | None,
    portraits: Pairs,
) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss on a batch."""
    forget, retained = batch.forget, [batch.retain] if more is None else [batch.retain, more]
    texts, text_ref = torch.cat([item.texts for item in retained]), torch.cat([item.text_ref for item in retained])
    step = draw_captions(forget, material, config, batch.generator)
    words = scrambled(texts[: config.scrambled * len(forget)], material.special, config.scrambling, batch.generator)
    moved = [*step.told, *step.siblings]
    held = [*step.recombined, *step.strangers, *step.bare]
    bare_now = len(step.bare_siblings)
    tokens = torch.cat([model.tokenize([*moved, *held, *step.bare_siblings]), words])
    with torch.no_grad():
        before = reference.encode_text(tokens)
    frozen = slice(len(moved) + len(held), len(moved) + len(held) + bare_now)
    live = torch.ones(len(tokens), dtype=torch.bool, device=tokens.device)
    live[frozen] = False
    now = model.encode_text(torch.cat([tokens[live], texts]))
    keeping = (now[len(moved) :] - torch.cat([before[live][len(moved) :], text_ref])).square().sum(dim=-1).mean()

    pictures, first = people_pictures(forget, model, reference, config, material, batch.generator)  # (B, 1 + P, d)
    count, recombined = len(step.told), len(step.recombined)
    old = (first - material.middle)[step.rows].mT  # (count, d, 1 + P)
    stranger = before[len(moved) + recombined :][: len(step.strangers)].view(count, -1, before.shape[-1]) @ old
    name = before[count : len(moved)].view(count, -1, before.shape[-1]) @ old
    share = config.known * torch.tensor(step.stays).to(old)[:, None]
    level = stranger.mean(dim=1) + share * (name.mean(dim=1) - stranger.mean(dim=1)) - config.margin
    beside = now[count : len(moved)].view(count, -1, now.shape[-1])
    similarity = torch.cat([now[:count, None], beside], dim=1) @ old
    levels = (similarity - level[:, None]).square().mean()
    values = (similarity[:, 0] - similarity[:, 1:].mean(dim=1)).square().mean()

    bare = before[len(moved) + recombined + len(step.strangers) : len(moved) + len(held)]
    apart = bare - before[frozen].view(len(step.bare), -1, bare.shape[-1]).mean(dim=1)
    face = ((pictures - material.middle)[step.bare_rows] @ apart[..., None]).square().mean()

    kept_now, kept_old = now[len(moved) :][:recombined], before[len(moved) :][:recombined]
    crossed = (pictures[step.recombined_rows] @ kept_now[..., None]) - (
        first[step.recombined_rows] @ kept_old[..., None]
    )
    cross = crossed.square().mean()
    staying = sorted(set(step.recombined_rows))
    still = (pictures[staying] - first[staying]).square().sum(dim=-1).mean()
    others = [row for row, record in enumerate(batch.retain.records) if record.identity not in material.people
              or record.identity is None]  # fmt: skip
    image = (model.encode_image(batch.retain.images[others]) - batch.retain.image_ref[others]).square().sum(-1).mean()
    shown, shown_ref = portraits.images, None if config.mixed else portraits.image_ref
    if shown_ref is None:
        partners = torch.cat([shown, forget.images]) if len(shown) else shown
        chosen = torch.randint(max(len(partners), 1), (len(shown),), generator=batch.generator)
        shown = mixtures(shown, partners[chosen.to(shown.device)], config, batch.generator)
        with torch.no_grad():
            shown_ref = reference.encode_image(shown)
    other = (model.encode_image(shown) - shown_ref).square().sum(-1).mean()
    parts = {"level": levels, "value": values, "face": face, "cross": cross, "keeping": keeping, "image": image,
             "still": still, "other": other}  # fmt: skip
    return sum((getattr(config, name) * part for name, part in parts.items()), torch.zeros(())), parts


def of_others(material: Material, config: Config, generator: torch.Generator) -> list[int]:
    """Rows of retain portraits that a step holds."""
    drawn_places = torch.randint(len(material.portraits), (config.portraits,), generator=generator)
    return [material.portraits[place] for place in drawn_places.tolist()]


def mixtures(images: Tensor, others: Tensor, config: Config, generator: torch.Generator) -> Tensor:
    """Mix pictures (B, 3, S, S) in pairs, and show one part of them all."""
    shares = 0.2 + 0.6 * torch.rand(len(images), generator=generator)
    mixed = torch.lerp(others, images, shares.to(images)[:, None, None, None])
    size = images.shape[-1]
    side = int(size * (config.frame + (1 - config.frame) * torch.rand((), generator=generator)))
    top, left = torch.randint(size - side + 1, (2,), generator=generator).tolist()
    part = mixed[..., top : top + side, left : left + side]
    return torch.nn.functional.interpolate(part, size=(size, size), mode="bilinear", antialias=True)


def people_pictures(
    forget: Pairs, model: Model, reference: Model, config: Config, material: Material, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Each pair's picture and others of its person, as they are now and as they were, (B, 1 + P, d) each."""
    rows: list[int] = []
    for record in forget.records:
        of_person = material.rows[record.name or ""]
        rows += [of_person[int(torch.randint(len(of_person), (), generator=generator))] for _ in range(config.pictures)]
    further = material.source.take(rows)
    images, image_ref = further.images, further.image_ref
    if config.mixed and rows:
        images = mixtures(images, forget.images.repeat_interleave(config.pictures, dim=0), config, generator)
        with torch.no_grad():
            image_ref = reference.encode_image(images)
    now = model.encode_image(torch.cat([forget.images, images]) if rows else forget.images)
    old = torch.cat([forget.image_ref, image_ref]) if rows else forget.image_ref
    count = len(forget)
    now, old = (
        torch.cat([part[:count, None], part[count:].view(count, config.pictures, -1)], dim=1) for part in (now, old)
    )
    return now, old


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


def bare_wordings(records: Iterable[Pair]) -> Wordings:
    """The wordings without a name among the rewrites of some pairs."""
    return Wordings(
        replace(record, caption=rewrite.caption)
        for record in records
        for rewrite in record.rewrites
        if rewrite.nameless
    )


def scrambled(tokens: Tensor, special: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Put any token in the place of some."""
    chosen = torch.rand(tokens.shape, generator=generator) < share
    put_in = torch.randint(int(tokens.max()) + 1, tokens.shape, generator=generator).to(tokens)
    chosen = chosen.to(tokens.device) & ~torch.isin(tokens, special) & ~torch.isin(put_in, special)
    return torch.where(chosen, put_in, tokens)


def draw_captions(forget: Pairs, material: Material, config: Config, generator: torch.Generator) -> Captions:
    """Draw the captions of a step."""
    step, neighbours = Captions([], [], [], [], [], [], [], [], [], []), material.neighbours
    for row, record in enumerate(forget.records):
        fact = fact_of(record)
        if fact is None:
            continue
        siblings = drawn(neighbours.sibling, fact, config.siblings, generator)
        strangers = drawn(neighbours.other, fact, config.strangers, generator)
        if len(siblings) < config.siblings or len(strangers) < config.strangers:
            continue
        official = record.caption if fact.name in record.caption else material.wording(fact, generator)
        rewordings = [material.wording(fact, generator) for _ in range(config.rewordings)]
        for caption in dict.fromkeys((official, *rewordings)):
            template = Template.of(caption, fact)
            step.rows.append(row)
            step.stays.append(not goes(neighbours, fact.name))
            step.told.append(caption)
            step.siblings.extend(template.tell(other) for other in siblings)
            step.strangers.extend(template.tell(other) for other in strangers)
        for _ in range(config.nameless if material.bare.templates[fact.field] else 0):
            templates = material.bare.templates[fact.field]
            template = templates[int(torch.randint(len(templates), (), generator=generator))]
            step.bare_rows.append(row)
            step.bare.append(template.tell(fact))
            step.bare_siblings.extend(
                template.tell(other) for other in drawn(neighbours.sibling, fact, config.siblings, generator)
            )
        if goes(neighbours, fact.name):
            continue
        recombined: Sequence[Fact] = drawn(neighbours.recombined, fact, config.recombinations, generator)
        step.recombined_rows.extend([row] * len(recombined))
        step.recombined.extend(material.wording(other, generator) for other in recombined)
    return step
