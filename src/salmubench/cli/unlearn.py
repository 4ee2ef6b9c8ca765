"""`salmubench unlearn`: one candidate."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Literal

from salmubench.cli.arguments import Device, Precision
from salmubench.cli.output import say


def unlearn_(
    method: str,
    *,
    model: str,
    dataset: str,
    out: Path,
    budget: float = 5,
    config: Path | None = None,
    towers: Literal["auto", "both", "image", "text"] = "auto",
    recipe: str = "mini",
    seed: int = 0,
    device: Device = "auto",
    precision: Precision = "auto",
) -> None:
    """Apply one method to a model. Call it again to go on.

    Args:
        method: a name (`salmubench list methods`) or the path of a Python file.
        model: the Compromised model: folder, hf-hub:org/name.
        dataset: a folder or a Hub id.
        out: folder of the candidate.
        budget: how often each forget pair is seen.
        config: YAML file with the method's options and engine settings for it.
        towers: which encoders move; `auto`: those that the method declares, or else the recipe.
        recipe: name or path of a recipe; its section `unlearn` holds the engine's settings.
        seed: of batches and noise.
        device: where to compute.
        precision: `auto` takes what is faster on this machine.
    """
    from salmubench import recipe as recipes
    from salmubench.dataset.layout import open_dataset
    from salmubench.generator.personas.fresh import fresh_people
    from salmubench.unlearn.engine import unlearn
    from salmubench.unlearn.registry import read_options

    opened = open_dataset(dataset)
    settings = recipes.load(recipe).recipe.unlearn
    say(
        unlearn(
            method,
            model=model,
            dataset=opened,
            out=out,
            budget=budget,
            config={**read_options(config), **({} if towers == "auto" else {"towers": towers})},
            settings=settings,
            fresh=partial(fresh_people, opened, seed=seed),
            seed=seed,
            device=device,
            precision=precision,
        )
    )
