"""`salmubench unlearn`: one candidate."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Literal

from salmubench.cli.arguments import Device, Precision, Repeated
from salmubench.cli.output import say


def unlearn_(
    method: str,
    *,
    model: str,
    dataset: str,
    out: Path,
    budget: float = 5,
    config: Path | None = None,
    set: Repeated = (),  # noqa: A002 - as the option is called
    tuned: Path | None = None,
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
        set: METHOD.option=value, an option of the method or an engine setting for it, over all others; may be given
            several times.
        tuned: tuned.yaml of `salmubench tune`: the values of this method in it.
        towers: which encoders move; `auto`: those that the method declares, or else the recipe.
        recipe: name or path of a recipe; its section `unlearn` holds the engine's settings.
        seed: of batches and noise.
        device: where to compute.
        precision: `auto` takes what is faster on this machine.
    """
    from salmubench.dataset.layout import open_dataset
    from salmubench.generator.personas.fresh import fresh_people
    from salmubench.unlearn.engine import unlearn
    from salmubench.unlearn.given import of_method
    from salmubench.unlearn.registry import load_method, read_options
    from salmubench.workflow import recipe as recipes
    from salmubench.workflow.tuned_values import named_values

    loaded, settings, opened = load_method(method), recipes.load(recipe).recipe.unlearn, open_dataset(dataset)
    options = {
        **read_options(config),
        **of_method(set, loaded.name),
        **({} if towers == "auto" else {"towers": towers}),
    }
    values, about = named_values(tuned, loaded, dataset=lambda: opened.fingerprint)
    say(
        unlearn(
            method,
            model=model,
            dataset=opened,
            out=out,
            budget=budget,
            config={**values, **options},
            settings=settings,
            tuned=None if options else about,
            fresh=partial(fresh_people, opened, seed=seed),
            seed=seed,
            device=device,
            precision=precision,
        )
    )
