"""`salmubench unlearn`: one candidate."""

from __future__ import annotations

from pathlib import Path

from salmubench.cli.arguments import Device, Precision


def unlearn_(
    method: str,
    *,
    model: str,
    dataset: str,
    out: Path,
    budget: float = 5,
    config: Path | None = None,
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
        config: YAML file with the method's options.
        recipe: name or path of a recipe; its section `unlearn` holds the engine's settings.
        seed: of batches and noise.
        device: where to compute.
        precision: `auto` takes what is faster on this machine.
    """
    from salmubench import recipe as recipes
    from salmubench.layout import open_dataset
    from salmubench.unlearn.engine import unlearn

    settings = recipes.load(recipe).recipe.unlearn
    print(
        unlearn(
            method,
            model=model,
            dataset=open_dataset(dataset),
            out=out,
            budget=budget,
            config=config,
            settings=settings,
            seed=seed,
            device=device,
            precision=precision,
        )
    )
