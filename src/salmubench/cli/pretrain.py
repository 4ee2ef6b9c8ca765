"""`salmubench pretrain`: one reference model from scratch."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from salmubench.cli.arguments import Device, Precision
from salmubench.cli.output import complain, say
from salmubench.scoring.references import Kind


def pretrain_(
    *,
    dataset: Path | None = None,
    kind: Kind | None = None,
    recipe: str = "mini",
    out: Path | None = None,
    seed: int = 0,
    device: Device = "auto",
    precision: Precision = "auto",
    print_command: bool = False,
    emit: Literal["slurm", "torchrun"] | None = None,
    estimate: bool = False,
) -> int:
    """Train one of the reference models from scratch. Call it again to go on.

    Clean sees the retain pairs, Compromised the sensitive pairs too, Retrained the retain pairs and both holdouts.

    Args:
        dataset: a dataset folder; not needed for `--estimate`, which then takes the recipe's counts.
        kind: which reference.
        recipe: name or path of a recipe; its section `pretrain` counts.
        out: folder of the checkpoint.
        seed: of weights and data order.
        device: where to compute.
        precision: `auto` takes what is faster on this machine.
        print_command: print the exact shell command and train nothing.
        emit: print a script for several machines (the recipe's `pretrain.nodes`) and train nothing.
        estimate: print what it will cost, after trying this machine for 20 seconds, and train nothing.
    """
    from salmubench.pretrain.launch import cluster_script, pretrain
    from salmubench.workflow import recipe as recipes

    loaded = recipes.load(recipe)
    config = loaded.recipe.pretrain
    if estimate:
        say(_estimate(loaded.recipe, dataset=dataset, kind=kind or "compromised", device=device, precision=precision))
        return 0
    if dataset is None or kind is None or out is None:
        given = {"--dataset": dataset, "--kind": kind, "--out": out}
        missing = ", ".join(name for name, value in given.items() if value is None)
        complain(f"salmubench pretrain: Expected {missing}. See: salmubench pretrain --help")
        return 2
    if emit is not None:
        text = cluster_script(
            config, dataset=dataset, kind=kind, recipe=recipe, out=out, seed=seed, launcher=emit, device=device,
            precision=precision,
        )  # fmt: skip
        say(text, end="")
        return 0
    say(pretrain(config, dataset=dataset, kind=kind, out=out, seed=seed, device=device, precision=precision,
                 print_command=print_command))  # fmt: skip
    return 0


def _estimate(recipe: Any, *, dataset: Path | None, kind: Kind, device: str, precision: str) -> str:
    """The recipe's estimate with that of its attacks, and below it those of the paper's run."""
    from salmubench.pretrain import estimate
    from salmubench.workflow import attack_price as price
    from salmubench.workflow import recipe as recipes

    paper = recipes.load("paper").recipe
    parts = [estimate.of_recipe(recipe.pretrain, kind=kind, counts=_counts(recipe), dataset=dataset, device=device,
                                precision=precision, size=recipe.dataset.size)]  # fmt: skip
    parts.append(price.of_recipe(recipe, _splits(recipe, dataset), try_here=True, device=device, precision=precision))
    if recipe.pretrain != paper.pretrain:
        parts.append(
            estimate.of_recipe(paper.pretrain, kind=kind, counts=_counts(paper), size=paper.dataset.size,
                               title="the paper's run", try_here=False)
        )  # fmt: skip
        parts.append(price.of_recipe(paper, _splits(paper, None), try_here=False, title="attacks on the paper's model"))
    return "\n\n".join(parts)


def _counts(recipe: Any) -> dict[str, int]:
    """Pairs that the recipe's dataset will have."""
    data = recipe.dataset
    sensitive = data.sensitive_pairs or data.identities * sum(data.pictures_range) // 2
    return {
        "retain": data.retain_real + data.retain_joint + data.retain_disjoint,
        "sensitive": sensitive,
        "holdouts": sensitive // 2,  # the proportions of the groups of people make it about half
    }


def _splits(recipe: Any, dataset: Path | None) -> dict[str, int]:
    """Rows of the splits that attacks deal with: the dataset's, or about those that the recipe's will have."""
    from salmubench.core.types import Split
    from salmubench.dataset.layout import open_dataset

    if dataset is not None:
        return dict(open_dataset(dataset).counts)
    data, sensitive = recipe.dataset, _counts(recipe)["sensitive"]
    return {
        Split.FORGET: sensitive // 2, Split.RETAIN_SYNTH: data.retain_joint + data.retain_disjoint,
        Split.RETAIN_REAL: data.retain_real, Split.GENERAL_KNOWLEDGE: data.classes * data.general_knowledge_per_class,
    }  # fmt: skip
