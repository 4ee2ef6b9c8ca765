"""`salmubench tune`: hyperparameters from the selection world."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from salmubench.cli.arguments import Device, Precision, names
from salmubench.cli.output import complain, print_table, say
from salmubench.core import plugins
from salmubench.core.executor import Executor


def tune_(
    methods: str,
    *,
    recipe: str = "mini",
    out: Path,
    trials: int | None = None,
    world: Path | None = None,
    seed: int = 0,
    executor: Executor = "joblib",
    workers: int | None = None,
    device: Device = "auto",
    precision: Precision = "auto",
) -> None:
    """Choose a method's options on a world of another seed. Call it again, or on further machines, to go on.

    Args:
        methods: names or paths of Python files, comma-separated; `recipe` stands for the recipe's list.
        recipe: name (`salmubench list recipes`) or path of a YAML file.
        out: the folder; `tuned.yaml` in it is what `run` takes by the recipe key `unlearn.tuned`.
        trials: settings tried for each method; the recipe's `tune.trials` by default.
        world: a finished run folder of the recipe with the seed `tune.selection_seed`; made in OUT/world by default.
        seed: of the worlds that the values are for, and of the search.
        executor: where trials are made side by side: processes of this machine, or a Ray cluster.
        workers: how many at once; what pays on this machine by default.
        device: where to compute; with `--world`, as that was made.
        precision: `auto` takes what is faster on this machine; with `--world`, as that was made.
    """
    from salmubench.core import reading
    from salmubench.core.errors import OutputError
    from salmubench.tuning.search import NOTHING
    from salmubench.tuning.study import tune
    from salmubench.workflow.planning import RECIPE_WORD

    path = tune(
        names(methods), recipe=recipe, out=out, trials=trials, world=world, seed=seed, executor=executor,
        workers=workers, device=device, precision=precision,
    )  # fmt: skip
    chosen = reading.read_yaml(path, error=OutputError)["methods"]
    heads = ["method", "trials", "objective", "of the recipe", "values"]
    print_table(heads, [_row(name, entry) for name, entry in chosen.items()], numbers=heads[1:4])
    say(f"\nObjective: mean of leakage left and damage, 0 to 1; lower is better; doing nothing is {NOTHING:g}.")
    requested = {plugins.stem(name) for name in names(methods)}
    for name, entry in chosen.items():
        if entry["objective"] >= NOTHING and (name in requested or RECIPE_WORD in requested):
            complain(
                f"salmubench: {name}: the best of {len(entry['trials'])} trials ({entry['objective']:.3f}) is no "
                f"better than doing nothing ({NOTHING:g}). Search longer (--trials) or elsewhere (ranges in its file)."
            )
    say(f"\n{path}\n\nNext:\n\n    {_next(methods, recipe, path)}")


def _row(name: str, entry: dict[str, Any]) -> list[str]:
    values = (
        f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}" for key, value in entry["values"].items()
    )
    before = "failed" if entry["default"] is None else f"{entry['default']:.3f}"
    return [name, str(len(entry["trials"])), f"{entry['objective']:.3f}", before, ", ".join(values)]


def _next(methods: str, recipe: str, tuned: Path) -> str:
    """The command that uses what was chosen."""
    out = Path("runs") / Path(recipe).stem
    words = ["salmubench", "run", "--recipe", recipe, "--out", str(out), "--methods", methods, "--tuned", str(tuned)]
    return shlex.join(words)
