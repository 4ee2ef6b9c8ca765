"""`salmubench tune`: hyperparameters from the selection world."""

from __future__ import annotations

from pathlib import Path

from salmubench.cli.arguments import Device, Precision, names
from salmubench.cli.output import say
from salmubench.executor import Executor


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
        device: where to compute.
        precision: `auto` takes what is faster on this machine.
    """
    from salmubench import reading
    from salmubench.errors import OutputError
    from salmubench.tuning.study import tune

    path = tune(
        names(methods), recipe=recipe, out=out, trials=trials, world=world, seed=seed, executor=executor,
        workers=workers, device=device, precision=precision,
    )  # fmt: skip
    say(f"{'method':<34}{'trials':>7}{'objective':>11}{'of the recipe':>15}  values")
    for name, entry in reading.read_yaml(path, error=OutputError)["methods"].items():
        values = ", ".join(f"{key} {value:.3g}" if isinstance(value, float) else f"{key} {value}"
                           for key, value in entry["values"].items())  # fmt: skip
        before = "failed" if entry["default"] is None else f"{entry['default']:.3f}"
        say(f"{name:<34}{len(entry['trials']):>7}{entry['objective']:>11.3f}{before:>15}  {values}")
    say(f"\n{path}")
