"""`salmubench run`: the whole benchmark."""

from __future__ import annotations

import sys
from pathlib import Path

from salmubench.cli.arguments import Device, Precision, names, numbers


def run_(
    *,
    recipe: str = "mini",
    out: Path,
    methods: str = "recipe",
    budgets: str = "5",
    seed: int = 0,
    device: Device = "auto",
    precision: Precision = "auto",
) -> int:
    """Dataset, both references, every method, scores and page, in one folder. Call it again to go on.

    Args:
        recipe: name (`salmubench list recipes`) or path of a YAML file.
        out: the folder.
        methods: names or paths of Python files, by commas; `recipe` stands for the recipe's list.
        budgets: how often each forget pair is seen, by commas.
        seed: another seed is another world.
        device: where to compute.
        precision: `auto` takes what is faster on this machine.
    """
    from salmubench.pipeline import run

    result = run(
        recipe=recipe, out=out, methods=names(methods), budgets=numbers(budgets, "--budgets"), seed=seed,
        device=device, precision=precision,
    )  # fmt: skip
    print(result.table)
    if result.did:
        print("\nstage                                   seconds   peak memory")
        for stage in result.stages:
            print(f"{stage['name']:<38} {stage['seconds']:>8.1f} {stage['peak_memory'] / 2**30:>9.2f} GiB")
    else:
        print(f"\nNothing to do: {result.out} is complete.")
    print(f"\nThe page: {result.page}")
    for name, message in result.failed.items():
        sys.stderr.write(f"salmubench: {name}: {message}\n")
    return 1 if result.failed else 0
