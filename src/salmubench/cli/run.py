"""`salmubench run`: the whole benchmark; `drop` and `world export`: what leaves its folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from salmubench.cli.arguments import Device, Precision, Repeated, names, numbers
from salmubench.cli.output import complain, on_terminal, print_json, print_results, print_table, say
from salmubench.core.executor import Executor


def run_(
    *,
    recipe: str | None = None,
    out: Path,
    world: str | None = None,
    methods: str = "recipe",
    budgets: str = "5",
    repeats: int = 1,
    untuned: bool = False,
    tuned: str | None = None,
    set: Repeated = (),  # noqa: A002 - as the option is called
    attacks: str = "",
    metrics: str = "",
    limit: int | None = None,
    seed: int | None = None,
    executor: Executor = "joblib",
    workers: int | None = None,
    device: Device = "auto",
    precision: Precision = "auto",
    timings: bool = False,
    json: bool = False,
) -> int:
    """Dataset, both references, every method, scores and page, in one folder. Call it again to go on.

    Other methods, options, tuned values, budgets, repeats, attacks and metrics join a folder; only dataset, pretraining
    and the options of scoring must be the same.

    Args:
        recipe: name (`salmubench list recipes`) or path of a YAML file; mini, or that of the world, by default.
        out: the folder.
        world: take dataset and references from another run's folder, a file of `world export` or a Hub dataset with
            such a file, and make none.
        methods: names or paths of Python files, comma-separated; `recipe` stands for the recipe's list.
        budgets: how often each forget pair is seen, comma-separated.
        repeats: how often each method runs, with seeds counted up from `--seed`.
        untuned: the recipe's own settings, where tuned ones exist.
        tuned: tuned.yaml of `salmubench tune`, instead of what the recipe says.
        set: METHOD.option=value, an option of a method or an engine setting for it, over all others; may be given
            several times.
        attacks: names or paths of attacks on the candidates, comma-separated; `all`, `none`, or as the recipe has it.
        metrics: names or paths of further metrics, comma-separated; they stay in the folder (`none`: no more).
        limit: a quick look, which can't be submitted: at most so many rows of each split, in OUT/limit-N.
        seed: another seed is another world; 0, or that of the world, by default.
        executor: where candidates are made side by side: processes of this machine, or a Ray cluster.
        workers: how many at once; what pays on this machine by default.
        device: where to compute.
        precision: `auto` takes what is faster on this machine.
        timings: print seconds and memory of every stage, too.
        json: print a summary as JSON: models, verdicts, failures, stages, page.
    """
    from salmubench.workflow.pipeline import run

    result = run(
        recipe=recipe, out=out, world=world, methods=names(methods), budgets=numbers(budgets, "--budgets"),
        repeats=repeats, untuned=untuned, tuned=tuned, set=set, attacks=names(attacks) or None, metrics=names(metrics),
        limit=limit, seed=seed,
        device=device, precision=precision, executor=executor, workers=workers,
    )  # fmt: skip
    if json:
        print_json(_summary(result))
    else:
        _show(result, timings=timings)
    for name, message in result.failed.items():
        complain(f"salmubench: {name}: {message}")
    return 1 if result.failed else 0


# Results are `Any` here: the parser would import their module, and with it pyarrow, for every --help.
def _show(result: Any, *, timings: bool) -> None:
    if timings:
        heads = ["stage", "seconds", "peak memory"]
        print_table(heads, [_stage_row(stage) for stage in result.stages], numbers=heads[1:])
        say()
    if on_terminal():
        from salmubench.report.seeds import pooled

        read = _read(result)
        print_results(pooled(read).records, read.info.titles)
    else:
        say(result.table)
    if not result.did and not result.failed:
        say(f"\nNothing to do: {result.out} is complete.")
    say(f"\nThe page: {result.page}")


def _stage_row(stage: Mapping[str, Any]) -> list[str]:
    if stage["seconds"] is None:  # measured in a run that died
        return [stage["name"], "–", "–"]
    return [stage["name"], f"{stage['seconds']:.1f}", f"{stage['peak_memory'] / 2**30:.2f} GiB"]


def _summary(result: Any) -> dict[str, Any]:
    models = {
        record.model.name: {"status": record.status, "verdict": record.verdict, "error": record.error}
        for record in _read(result).records
    }
    return {"models": models, **{name: getattr(result, name) for name in ("out", "page", "failed", "did", "stages")}}


def _read(result: Any) -> Any:
    from salmubench.metrics import descriptions
    from salmubench.report.collect import read_run

    return read_run(result.out, descriptions())


def drop_(run: Path, names: list[str]) -> None:
    """Delete candidates of a run: their checkpoints, embeddings, records, and rows of table and page.

    Args:
        run: folder of `salmubench run`.
        names: of candidates, as `run` calls them: <method>-<budget>x. A later `run` that asks for one makes it again.
    """
    from salmubench.workflow.drop import drop

    say(drop(run, names))


def export_(run: Path, *, out: Path) -> None:
    """Write dataset, references, their embeddings and records of a run into one file, which `run --world` takes.

    Args:
        run: folder of `salmubench run`; its candidates are left out.
        out: the file, *.tar.
    """
    from salmubench.workflow.world import export

    file = export(run, out)
    say(f"{file}: {file.stat().st_size / 1e6:.0f} MB. salmubench run --world {file} --methods ./mine.py --out DIR")
