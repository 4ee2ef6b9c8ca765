"""`salmubench pretrain`: one reference model from scratch."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from salmubench.cli.arguments import Device, Precision


def pretrain_(
    *,
    dataset: Path,
    kind: Literal["clean", "compromised"],
    recipe: str = "mini",
    out: Path,
    seed: int = 0,
    device: Device = "auto",
    precision: Precision = "auto",
    print_command: bool = False,
) -> None:
    """Train Clean (retain pairs only) or Compromised (retain and sensitive pairs). Call it again to go on.

    Args:
        dataset: a dataset folder.
        kind: which of the two.
        recipe: name or path of a recipe; its section `pretrain` counts.
        out: folder of the checkpoint.
        seed: of weights and data order.
        device: where to compute.
        precision: `auto` takes what is faster on this machine.
        print_command: print the exact shell command and train nothing.
    """
    from salmubench import recipe as recipes
    from salmubench.pretrain.launch import pretrain, shell_command

    config = recipes.load(recipe).recipe.pretrain
    act = shell_command if print_command else pretrain
    print(act(config, dataset=dataset, kind=kind, out=out, seed=seed, device=device, precision=precision))
