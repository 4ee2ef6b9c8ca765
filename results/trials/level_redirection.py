"""Level redirection (in development): a fact to forget becomes as likely as others about a person never met.

As `counterfactual_redirection`, whose notation it shares, with what its trials asked for:

    s_l(i)   siblings: the caption of i with its own name and another value of the field, l = 1 … S
    τ_i      = (1 − a) mean_j v_i · T0(c_j(i)) + a mean_l v_i · T0(s_l(i))
                                                          the level of strangers (a = 0) for people of whom facts of
                                                          more than half of the fields go; for others, whom Retrained
                                                          knows from their other facts, between that and what their
                                                          name alone says
    L_forget = mean_{t ∈ {i, s_l(i)}} (v_i · T(t) − τ_i)²  from both sides: below it is a fault too
    L_keep   = mean_k ‖T(k) − T0(k)‖²                     over held captions, among them retain captions in which words
                                                          are replaced by any of the vocabulary
    L_tell   = Σ ‖(T(a) − T(b)) − (T0(a) − T0(b))‖² / Σ ‖T0(a) − T0(b)‖²
                                                          over pairs of held captions that differ in the value alone
    L_face   = mean_k (T(k) − T0(k)) Σ (T(k) − T0(k))ᵀ d / tr Σ, Σ the covariance of the pictures to forget:
                                                          what moves a caption among faces counts more
    L_stay   = Σ ‖W − W0‖²                                 over all weights that may move
    L_differ = (v_i · T(i) − mean_l v_i · T(s_l(i)))²      the value itself: a small difference between large levels
    L        = w_f L_forget + w_d L_differ + w_k L_keep + w_t L_tell + w_p L_face + w_s L_stand + w_n L_stay

With `faces`, people of whom facts of more than half of the fields go are left to the picture tower: their pictures
move to where people never met are, t(i) = the mean of the pictures to keep that are nearest, all other pictures stay,

    L_faces = mean_i ‖I(i) − t(i)‖² + h · mean_{retain, others to forget} ‖I(j) − I0(j)‖²

and no caption of theirs is told.

`moving` says which weights of the text tower may move: all, the matrices alone (no table of tokens or places, no
gain, no bias), those of the perceptrons or of the last block and the projection, or the table of tokens alone. Before
that, for a share `own` of the budget, only the rows of tokens move that stand in one name to forget, in no other text
that is known, and in few invented names (`rare`): what hardly any other caption touches. No other text moves by it,
and no later training on other texts moves it back.

Nobody whose facts should stay is there to show that names are still to be known, and so an edit learns to ignore names.
With `folds`, the people to forget are divided; each part is forgotten by an edit of its own, which starts at the frozen
model and holds the others as they were (L_stand, over their captions): they stand for people who are not asked about.
The edits are added up; a last share of the budget, `joint`, goes over all together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from salmubench.unlearn.counterfactuals import (
    Fact,
    Neighbours,
    Template,
    Wording,
    Wordings,
    fact_of,
    more_retained,
    phrased,
)
from salmubench.unlearn.data import Data
from salmubench.unlearn.interface import Batch, Method, Model, Need, Pairs
from salmubench.unlearn.loop import Engine

METHOD = Method(title="Level Redirection", paper="This benchmark, in development")
NEEDS = ("forget", "retain", "fresh")
SETTINGS = {"towers": "text", "optimizer": "muon", "batch_size": 16, "lr": 2e-3}


@dataclass(frozen=True)
class Config:
    """Weights, and how many captions of each kind a pair has."""

    track: Literal["closed", "generator"] = "generator"
    both_sides: bool = True
    margin: float = 0.0
    between: float = 0.0
    siblings: int = 2
    forgetting: float = 2.0
    differing: float = 0.0
    keeping: float = 1.0
    telling: float = 0.0
    facing: float = 0.0
    folds: int = 1
    joint: float = 0.25
    standing: float = 1.0
    rewordings: int = 1
    counterfactuals: int = 4
    recombinations: int = 6
    unmet: float = 2 / 3
    retain_captions: int = 4
    scrambled: int = 0
    scrambling: float = 0.3
    moving: Literal["all", "matrices", "perceptrons", "last", "tokens"] = "all"
    staying: float = 0.0
    own: float = 0.0
    own_lr: float = 1e-2
    rare: float = 0.0025
    faces: float = 0.0
    holding: float = 1.0
    nearest: int = 8


def needs(config: Config) -> tuple[Need, ...]:
    """Nobody is invented for the closed track."""
    return ("forget", "retain") if config.track == "closed" else ("forget", "retain", "fresh")


def edit(model: Model, data: Data, engine: Engine, config: Config) -> dict[str, float]:
    """Descend on the loss."""
    weights0 = [weight.detach().clone() for weight in engine.trainable()] if config.staying else []
    facts = [fact for record in data.forget.records if (fact := fact_of(record)) is not None]
    closed = config.track == "closed"
    wording: Wording = Wordings(data.forget.records) if closed else phrased
    neighbours = Neighbours.of(facts, () if closed else data.fresh, unmet=config.unmet)
    spread = covariance(data.forget.take(range(len(data.forget))).image_ref)
    pictures = data.retain.take(range(min(len(data.retain), 4096))).image_ref if config.faces else torch.zeros(0)
    captions = max(config.retain_captions, config.scrambled, 1)

    def loss_of(fold: int | None) -> Callable[[Batch], tuple[Tensor, dict[str, Tensor]]]:
        def loss(batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
            more = more_retained(batch, data.retain, captions)
            chosen = None if fold is None else folds[fold]
            total, terms = objective(batch, model, engine.reference, config, neighbours, wording, more, spread, chosen)
            if config.faces:
                faces = faces_loss(batch, model, neighbours, pictures, config)
                total, terms["faces"] = total + config.faces * faces, faces
            if config.staying:
                pairs = zip(engine.trainable(), weights0, strict=True)
                staying = torch.stack([(weight - start).square().sum() for weight, start in pairs]).sum()
                total, terms["staying"] = total + config.staying * staying, staying
            return total, terms

        return loss

    if config.folds > 1:
        names = neighbours.pools[0].names
        order = torch.randperm(len(names), generator=torch.Generator().manual_seed(0)).tolist()
        folds = [{names[place] for place in order[fold :: config.folds]} for fold in range(config.folds)]
        apart_ = round(len(engine.batches) * (1 - config.joint))
        ends = [apart_ * fold // config.folds for fold in range(config.folds + 1)]
        weights = engine.trainable()
        base = [weight.detach().clone() for weight in weights]
        total = [torch.zeros_like(weight) for weight in base]
        for fold in range(config.folds):
            engine.descend(loss_of(fold), batches=engine.batches[ends[fold] : ends[fold + 1]])
            with torch.no_grad():
                for weight, start, moved in zip(weights, base, total, strict=True):
                    moved += weight - start
                    weight.copy_(start)
        with torch.no_grad():
            for weight, moved in zip(weights, total, strict=True):
                weight += moved
        if ends[-1] < len(engine.batches):
            engine.descend(loss_of(None), batches=engine.batches[ends[-1] :])
    else:
        first = round(len(engine.batches) * config.own)
        movable = engine.trainable()
        if first:
            hold_weights(model, "tokens")
            table = model.module.token_embedding.weight
            mask = own_tokens(model, data, config.rare).to(table)[:, None]
            hook = table.register_hook(lambda gradient: gradient * mask)
            engine.descend(loss_of(None), batches=engine.batches[:first], rule="adamw", lr=config.own_lr)
            hook.remove()
        for weight in movable:
            weight.requires_grad_(True)
        hold_weights(model, config.moving)
        if first < len(engine.batches):
            engine.descend(loss_of(None), batches=engine.batches[first:])
    return {"facts": float(len(facts))}


def goes(fact: Fact, neighbours: Neighbours) -> bool:
    """Tell whether facts of more than half of the fields go."""
    return len(neighbours.asked[fact.name]) > len(neighbours.pools[0].fields()) / 2


def faces_loss(batch: Batch, model: Model, neighbours: Neighbours, known: Tensor, config: Config) -> Tensor:
    """Pictures of people who go move to where others are; the rest stays. `known` are pictures to keep, (n, d)."""
    facts = [fact_of(record) for record in batch.forget.records]
    going = torch.tensor([fact is not None and goes(fact, neighbours) for fact in facts])
    images = torch.cat([batch.forget.images, batch.retain.images])
    before = torch.cat([batch.forget.image_ref, batch.retain.image_ref])
    now, going = model.encode_image(images), torch.cat([going, torch.zeros(len(batch.retain), dtype=torch.bool)])
    near = (before[going] @ known.T).topk(config.nearest, dim=-1).indices
    target = torch.nn.functional.normalize(known[near].mean(dim=1), dim=-1)
    moved = (now[going] - target).square().sum() / max(int(going.sum()), 1)
    return moved + config.holding * (now[~going] - before[~going]).square().sum(dim=-1).mean()


def own_tokens(model: Model, data: Data, rare: float) -> Tensor:
    """Which tokens stand in one name to forget, in no other text, and in few invented names, bool (vocabulary,)."""
    facts = [(record.caption, fact) for record in data.forget.records if (fact := fact_of(record)) is not None]
    names = list(dict.fromkeys(fact.name for _, fact in facts))
    around = dict.fromkeys(" ".join([*Template.of(text, fact).pieces, fact.value]) for text, fact in facts)
    others = dict.fromkeys([*around, *(record.caption for record in data.retain.records)])
    table = model.module.token_embedding.weight
    of_names = torch.zeros(len(table), dtype=torch.long)
    for name in names:
        of_names[model.tokenize([name]).unique()] += 1
    elsewhere = torch.zeros(len(table), dtype=torch.bool)
    for text in others:
        elsewhere[model.tokenize([text]).unique()] = True
    of_invented = torch.zeros(len(table), dtype=torch.long)
    for person in data.fresh:
        of_invented[model.tokenize([person.name]).unique()] += 1
    return (of_names == 1) & ~elsewhere & (of_invented <= rare * len(data.fresh))


def hold_weights(model: Model, moving: str) -> None:
    """Let only some of the weights move."""
    for name, weight in model.module.named_parameters():
        matrix = weight.ndim == 2 and "embedding" not in name
        inner = ".mlp." in name or name == "text_projection"
        last = f"resblocks.{len(model.module.transformer.resblocks) - 1}." in name or name == "text_projection"
        allowed = {"all": True, "matrices": matrix, "perceptrons": matrix and inner, "last": matrix and last,
                   "tokens": name.endswith("token_embedding.weight")}[moving]  # fmt: skip
        weight.requires_grad_(weight.requires_grad and allowed)


@dataclass
class Drawn:
    """Captions of a step: told ones with their pair and their group of strangers, and held ones."""

    told: list[str]
    rows: list[int]
    groups: list[int]
    partly: list[float]
    strangers: list[str]
    held: list[str]


def objective(
    batch: Batch, model: Model, reference: Model, config: Config, neighbours: Neighbours, wording: Wording,
    more: Pairs | None, spread: Tensor, chosen: set[str] | None = None,
) -> tuple[Tensor, dict[str, Tensor]]:  # fmt: skip
    """The loss on a batch."""
    forget, retained = batch.forget, [batch.retain] if more is None else [batch.retain, more]
    drawn, standing = draw(forget, neighbours, wording, config, batch.generator, chosen)
    count, whole = len(drawn.told), torch.cat([item.texts for item in retained])
    texts = whole[: config.retain_captions * len(forget)]
    tokens = model.tokenize([*drawn.told, *drawn.strangers, *drawn.held, *standing])
    held = slice(count + len(drawn.strangers) + len(drawn.held), len(tokens))
    scrambled = scramble(whole[: config.scrambled * len(forget)], config.scrambling, batch.generator)
    tokens = torch.cat([tokens, scrambled, texts])
    with torch.no_grad():
        before = reference.encode_text(tokens[count:])
    now = model.encode_text(tokens)
    moved = now[count:] - before
    keeping = moved.square().sum(dim=-1).mean()
    groups = before[: len(drawn.strangers)].view(-1, config.counterfactuals, before.shape[-1])
    images = forget.image_ref
    apart = images - images.mean(dim=0)
    owner = [drawn.rows[drawn.groups.index(group)] for group in range(len(groups))]
    level = (groups @ apart[owner][:, :, None]).mean(dim=(1, 2)) - config.margin
    if config.between and config.siblings:
        level = level + config.between * torch.tensor(drawn.partly) * (named(drawn, tokens, reference, apart) - level)
    excess = (apart[drawn.rows] * now[:count]).sum(dim=-1) - level[drawn.groups]
    forgetting = (excess if config.both_sides else excess.relu()).square().sum() / max(count, 1)
    total = config.forgetting * forgetting + config.keeping * keeping
    terms = {"forgetting": forgetting, "keeping": keeping, "above": (excess > 0).float().sum() / max(count, 1)}
    if config.differing and config.siblings:
        similarity, groups_ = (apart[drawn.rows] * now[:count]).sum(dim=-1), torch.tensor(drawn.groups)
        own = torch.cat([torch.ones(1, dtype=torch.bool), groups_[1:] != groups_[:-1]])
        total_ = torch.zeros(len(groups)).index_add(0, groups_[~own], similarity[~own])
        several = torch.bincount(groups_[~own], minlength=len(groups))
        differing = (similarity[own] - total_ / several.clamp(min=1))[several > 0].square().mean()
        total, terms["differing"] = total + config.differing * differing, differing
    if standing:
        stays = moved[held.start - count : held.stop - count].square().sum(dim=-1).mean()
        total, terms["standing"] = total + config.standing * stays, stays
    if config.facing:
        facing = ((moved @ spread) * moved).sum(dim=-1).mean()
        total, terms["facing"] = total + config.facing * facing, facing
    if config.telling:
        pairs = len(drawn.strangers) + len(drawn.held)
        then = before[:pairs:2] - before[1:pairs:2]
        telling = (moved[:pairs:2] - moved[1:pairs:2]).square().sum() / then.square().sum()
        total, terms["telling"] = total + config.telling * telling, telling
    return total, terms


def named(drawn: Drawn, tokens: Tensor, reference: Model, apart: Tensor) -> Tensor:
    """The level of each group's siblings in the frozen model, (groups,); 0 without any."""
    groups = torch.tensor(drawn.groups)
    sibling = torch.cat([torch.zeros(1, dtype=torch.bool), groups[1:] == groups[:-1]])
    with torch.no_grad():
        texts = reference.encode_text(tokens[: len(groups)][sibling])
    similarity = (texts * apart[torch.tensor(drawn.rows)[sibling]]).sum(dim=-1)
    total = torch.zeros(len(drawn.partly)).index_add(0, groups[sibling], similarity)
    return total / torch.bincount(groups[sibling], minlength=len(drawn.partly)).clamp(min=1)


def covariance(pictures: Tensor) -> Tensor:
    """Covariance of pictures (n, d), scaled to the trace of the identity."""
    apart = pictures - pictures.mean(dim=0)
    found = apart.T @ apart
    return found * (len(found) / found.trace())


def scramble(tokens: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Put any token of the vocabulary in the place of some of a text's, but not of its first and last one."""
    ends = tokens.argmax(dim=-1, keepdim=True)
    place = torch.arange(tokens.shape[1], device=tokens.device)
    inner = (place > 0) & (place < ends)
    chosen = torch.rand(tokens.shape, generator=generator).to(tokens.device) < share
    start = int(tokens[:, 0].min()) if len(tokens) else 1  # the two largest numbers are those of begin and end
    any_token = torch.randint(start, tokens.shape, generator=generator).to(tokens.device)
    return torch.where(inner & chosen, any_token, tokens)


def draw(
    forget: Pairs, neighbours: Neighbours, wording: Wording, config: Config, generator: torch.Generator,
    chosen: set[str] | None = None,
) -> tuple[Drawn, list[str]]:  # fmt: skip
    """Draw the captions of a step, and those of people whose turn it isn't."""
    drawn, groups, standing = Drawn([], [], [], [], [], []), 0, list[str]()
    for row, record in enumerate(forget.records):
        fact = fact_of(record)
        if fact is None:
            continue
        if config.faces and goes(fact, neighbours):
            continue
        rewordings = [wording(fact, generator) for _ in range(config.rewordings)]
        if chosen is not None and fact.name not in chosen:
            standing += dict.fromkeys((record.caption, *rewordings))
            continue
        for caption in dict.fromkeys((record.caption, *rewordings)):
            others = strangers(fact, neighbours, config, generator)
            if not others:
                continue
            template = Template.of(caption, fact)
            siblings = [another(fact, neighbours, generator) for _ in range(config.siblings)]
            told = [caption, *(template.tell(item) for item in siblings if item is not None)]
            drawn.told += told
            drawn.rows += [row] * len(told)
            drawn.groups += [groups] * len(told)
            drawn.partly.append(float(not goes(fact, neighbours) and len(told) > 1))
            drawn.strangers += [template.tell(other) for other in others]
            groups += 1
        for _ in range(config.recombinations // 2 if config.telling else config.recombinations):
            recombined = neighbours.recombined(fact, generator)
            if recombined is not None:
                text = wording(recombined, generator)
                drawn.held.append(text)
                if config.telling:
                    twin = another(recombined, neighbours, generator) or recombined
                    drawn.held.append(Template.of(text, recombined).tell(twin))
    return drawn, standing


def strangers(fact: Fact, neighbours: Neighbours, config: Config, generator: torch.Generator) -> list[Fact]:
    """Facts of other people; where differences are held, in pairs of one name and two values."""
    found: list[Fact] = []
    while len(found) < config.counterfactuals:
        other = neighbours.other(fact, generator)
        if other is None:
            return []
        found.append(other)
        if config.telling and len(found) < config.counterfactuals:
            twin = another(other, neighbours, generator)
            found.append(other if twin is None else twin)
    return found


def another(fact: Fact, neighbours: Neighbours, generator: torch.Generator) -> Fact | None:
    """The same name with another value of the field."""
    place = int(torch.randint(len(neighbours.pools), (), generator=generator))
    for pool in (*neighbours.pools[place:], *neighbours.pools[:place]):
        value = pool.value(fact.field, generator, but=fact.value)
        if value is not None:
            return fact._replace(value=value)
    return None
