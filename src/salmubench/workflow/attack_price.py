"""What attacks cost a model before any is run: encodings, optimiser steps, operations, seconds here, hours on a GPU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from salmubench.attacks import AttackConfig, Loaded, Price, Sizes, load_all
from salmubench.core.types import Split
from salmubench.pretrain import estimate
from salmubench.scoring.gallery import DRAWN
from salmubench.workflow.recipe import Recipe

_COUNTS = ("steps", "pairs", "pictures", "captions")
_TEMPLATES = 3  # sentences that name a class, in the datasets that we make


@dataclass(frozen=True)
class Priced:
    """What one attack on one model takes with one seed.

    Attributes:
        name: of the attack; empty for the one reading of the model as it is, which attacks share.
    """

    name: str
    steps: int
    pairs: int
    pictures: int
    captions: int

    def operations(self, picture: float, caption: float) -> float:
        """Multiplications and additions, given those of one picture and of one caption forward."""
        return 3 * self.pairs * (picture + caption) + self.pictures * picture + self.captions * caption


def sizes_of(config: AttackConfig, counts: Mapping[str, int], *, fact_rows: int, fact_values: int, identity: int,
             classes: int) -> Sizes:  # fmt: skip
    """How much attacks deal with, from the rows of a dataset.

    Args:
        counts: split → rows.
        fact_rows: pairs whose facts are ranked; 0: all.
        fact_values: other values of each.
        identity: pairs about people all of whose associations had to go.
    """
    forget = counts.get(Split.FORGET, 0)
    few = round(config.share * forget)
    held = min(config.rows, forget - few)
    gallery = min(DRAWN, forget)
    return Sizes(
        few=few, held=held, identity=identity,
        portraits=min(config.retain_rows, counts.get(Split.RETAIN_SYNTH, 0)),
        real=min(config.retain_rows, counts.get(Split.RETAIN_REAL, 0)),
        # of V about the share of the gallery is in it already
        told=round(gallery + held * (1 - gallery / forget)) if forget else 0,
        generic=min(DRAWN, counts.get(Split.RETAIN_SYNTH, 0)),
        facts=(min(fact_rows, held) if fact_rows else held) * fact_values,
        knowledge=min(config.knowledge_pictures, counts.get(Split.GENERAL_KNOWLEDGE, 0)),
        prompts=classes * _TEMPLATES,
    )  # fmt: skip


def priced(loaded: Sequence[Loaded], sizes: Sizes) -> list[Priced]:
    """The reading of the model as it is, then each attack that states its price."""
    prices = [(item.attack.name, item.price(item.config, sizes)) for item in loaded if item.price is not None]
    return [Priced("", 0, 0, sizes.held, sizes.ranked), *(_priced(name, price, sizes) for name, price in prices)]


def _priced(name: str, price: Price, sizes: Sizes) -> Priced:
    pictures = price.pictures + price.readings * (sizes.held + sizes.knowledge) + price.calibrated * sizes.portraits
    prompts = sizes.prompts if sizes.knowledge else 0
    captions = price.captions + price.readings * (sizes.ranked + prompts)
    return Priced(name, price.steps, price.pairs, pictures, captions)


def of_recipe(
    recipe: Recipe,
    counts: Mapping[str, int],
    *,
    try_here: bool,
    device: str = "auto",
    precision: str = "auto",
    title: str = "attacks on a model",
) -> str:
    """The price of a recipe's attacks, or of all where it names none, as lines for a terminal.

    Args:
        counts: split → rows, of its dataset or about.
        try_here: train for some seconds on this machine.
        device: `auto`, `cpu` or `cuda`.
        precision: `auto`, `fp32` or `bf16`.
    """
    config = recipe.attack
    loaded = load_all(config.attacks or ("all",), config.overrides)
    sizes = sizes_of(
        config, counts, fact_rows=recipe.score.fact_rows, fact_values=recipe.score.fact_values,
        identity=counts.get(Split.FORGET, 0) // 3, classes=recipe.dataset.classes,
    )  # fmt: skip
    entries = priced(loaded, sizes)
    picture, caption = estimate.towers(recipe.pretrain)
    spent = {entry.name or "as it is": entry.operations(picture, caption) for entry in entries}
    total = sum(spent.values())
    whole = Priced("", *(sum(getattr(entry, name) for entry in entries) for name in _COUNTS))
    facts = {"T and V": f"{sizes.few:,} and {sizes.held:,} pairs; {config.seeds} seeds"}
    facts |= {
        name: f"{cost / max(total, 1.0):4.0%}  {_words(entry)}"
        for entry, (name, cost) in zip(entries, spent.items(), strict=True)
    }
    facts["together"] = f"{_words(whole)}: {total:.3g} operations a model and seed"
    unpriced = [item.attack.name for item in loaded if item.price is None]
    if unpriced:
        facts["not stated"] = ", ".join(unpriced)
    if try_here:
        facts["this machine"] = _here(recipe, total, device=device, precision=precision)
    hours = total / (estimate.H100 * estimate.UTILISATION) / 3600
    facts["H100"] = f"{estimate.duration(3600 * hours)} a model and seed (at {estimate.UTILISATION:.0%} of the peak)"
    head = f"{title}; the {len(recipe.pretrain.kinds)} references cost as much each, once"
    return "\n".join([head, *(f"  {name:<16}{text}" for name, text in facts.items())])


def _words(entry: Priced) -> str:
    steps = f"{entry.steps:,} optimiser steps of {entry.pairs:,} pairs; " if entry.steps else ""
    return f"{steps}{entry.pictures:,} pictures, {entry.captions:,} captions encoded"


def _here(recipe: Recipe, operations: float, *, device: str, precision: str) -> str:
    """Seconds on this machine, at the rate at which it trains with the threads of one model's attacks."""
    from salmubench.clip.devices import resolve_device, resolve_precision

    threads = recipe.attack.threads
    config: Any = replace(
        recipe.pretrain, processes=1, nodes=1, global_batch=0, batch_size=64, threads=threads, retain_data=""
    )
    where = resolve_device(device)
    chosen = resolve_precision(recipe.pretrain.precision if precision == "auto" else precision, where)
    trial = estimate.probe(config, rows=64, shard=None, device=where, precision=chosen, seconds=10.0)
    seconds = operations / (trial.pairs_per_second * estimate.work(config, rows=64).pair_operations)
    return f"about {estimate.duration(seconds)} a model and seed with {threads} thread(s)"
