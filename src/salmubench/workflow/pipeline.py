"""The stages in order, skipping what is done: a stage reads and writes files, and never calls another one."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from salmubench.attacks import AttackConfig
from salmubench.attacks import load_all as load_attacks
from salmubench.core import manifest, options, plugins, provenance, writing
from salmubench.core.executor import Executor, graph
from salmubench.dataset.layout import open_dataset
from salmubench.scoring.stages import RUN, read_run_file
from salmubench.unlearn.given import Given, by_method
from salmubench.unlearn.registry import method_titles
from salmubench.workflow import recipe as recipes
from salmubench.workflow.candidates import Stages, lasting_precision, workers_for
from salmubench.workflow.current import check_references
from salmubench.workflow.planning import Budgets, check_first, check_limit, plan
from salmubench.workflow.references import Training, joins, missing, train, write_shards
from salmubench.workflow.run_world import Candidate, RunWorld, record_path
from salmubench.workflow.steps import graph_of, with_notes
from salmubench.workflow.tuned_values import TunedFile, choose_tuned
from salmubench.workflow.world import World, known_world, open_world

SCHEMA_VERSION = 1
"""Version of `run.json`."""


@dataclass(frozen=True)
class RunResult:
    """What a run left.

    Attributes:
        failed: model name → message of each method that failed.
        did: names of the stages that had work to do; empty where all was done before.
        stages: name, seconds, peak memory (bytes) of every stage; null where it was measured in a run that died.
    """

    out: Path
    table: str
    page: Path
    failed: Mapping[str, str]
    did: tuple[str, ...]
    stages: tuple[Mapping[str, Any], ...]


def run(
    *,
    recipe: str | Path | None = None,
    out: str | Path,
    world: str | Path | None = None,
    methods: Sequence[str] | None = None,
    budgets: Budgets = (5,),
    repeats: int = 1,
    untuned: bool = False,
    tuned: str | Path | None = None,
    set: Given = (),  # noqa: A002 - as the option is called
    attacks: Sequence[str] | None = None,
    metrics: Sequence[str] = (),
    limit: int | None = None,
    seed: int | None = None,
    device: str = "auto",
    precision: str = "auto",
    executor: Executor = "joblib",
    workers: int | None = None,
) -> RunResult:
    """Run the whole benchmark into one folder; what is there already is kept.

    Methods, their options, tuned values, budgets, repeats, attacks and metrics join a folder: a second call with other
    ones keeps dataset, references and candidates, and makes again those whose options changed. Only what the recipe
    says about dataset, pretraining, encoding and scoring must be the same, and seed, device and precision.

    Args:
        recipe: name of a recipe or path of a YAML file; `mini`, or that of the world, by default.
        out: the folder.
        world: take dataset and references from here and make none: the folder of another run, a file of `salmubench
            world export`, or a Hub dataset with such a file. Later calls into the folder know it.
        methods: names or paths of Python files; the word `recipe` stands for the recipe's list, which is the default.
        budgets: how often each forget pair is seen; by the name of the method, where they differ.
        repeats: how often each method runs, with the seeds `seed`, `seed + 1`, ….
        untuned: take the recipe's settings where tuned ones exist.
        tuned: file of tuned values, instead of the recipe's `unlearn.tuned`.
        set: options of methods that win over all others: `METHOD.option=value`, or by method.
        attacks: names or paths of attacks on the candidates, `all` or `none`; the recipe's by default.
        metrics: names or paths of further metrics; all models of the folder are scored by them, in later calls, too.
            The word `none`: the recipe's alone from now on.
        limit: a quick look: candidates are made and judged on at most so many rows of each split, in `out/limit-N`;
            nothing of it can be submitted, and nothing is attacked.
        seed: of dataset, weights, batches; another seed is another world. 0, or that of the world, by default.
        device: `auto`, `cpu` or `cuda`.
        precision: `auto`, `fp32` or `bf16`.
        executor: where candidates are made side by side: `joblib`, processes of this machine, or `ray`, a cluster.
        workers: how many at once; by default as many as this machine makes faster than one after the other.

    Raises:
        ConfigError: anything wrong in recipe, methods or arguments, before any stage starts.
        SalmubenchError: a stage failed. A method that fails doesn't raise: see `RunResult.failed`.

    Examples:
        >>> from salmubench import run
        >>> result = run(recipe="tiny", out="runs/tiny", budgets=[1, 5])  # doctest: +SKIP
        >>> print(result.table)  # doctest: +SKIP
        >>> run(recipe="tny", out="runs/tiny")
        Traceback (most recent call last):
        salmubench.core.errors.UnknownName: Unknown recipe 'tny'. Did you mean 'tiny'?
    """
    out = Path(out)
    place = out if limit is None else out / f"limit-{limit}"
    source = world if world is not None else known_world(out)
    ready = None if source is None else open_world(source, beside=out.parent)
    if seed is None:
        seed = 0 if ready is None else ready.made.seed or 0
    options.check_seed(seed)
    further = _further(read_run_file(place).metrics, metrics)
    loaded = (recipes.load(recipe or "mini") if recipe or ready is None else ready.recipe).measuring(further)
    choice = choose_tuned(
        tuned, setting=loaded.recipe.unlearn.tuned, untuned=untuned, recipe=loaded.name, shipped=loaded.shipped
    )
    candidates = plan(
        loaded.recipe,
        methods=methods,
        budgets=budgets,
        repeats=repeats,
        seed=seed,
        tuned=choice,
        given=by_method(set),
    )
    attacking = loaded.recipe.attack if attacks is None else replace(loaded.recipe.attack, attacks=tuple(attacks))
    load_attacks(attacking.attacks, attacking.overrides)
    lasting = _lasting(loaded.recipe)
    if ready is not None:
        ready.check_asked(lasting, loaded.recipe.pretrain.kinds, seed=seed, precision=precision)
    check_first(
        loaded.recipe, out if ready is None else ready.folder, device=device, precision=precision, executor=executor,
        workers=workers,
    )  # fmt: skip
    if limit is not None:
        check_limit(limit, attacks)
        run(
            recipe=recipe,
            out=out,
            world=world,
            methods=(),
            attacks=("none",),
            seed=seed,
            device=device,
            precision=precision,
            executor=executor,
            workers=workers,
        )
        attacking = replace(attacking, attacks=("none",))
        lasting = {**lasting, "limit": limit}
    with manifest.stage_folder(
        place,
        "run",
        config=lasting,
        seed=seed,
        given=loaded.given,
        inputs={"device": device, "precision": precision},
        free=("recipe", "unlearn"),
        notes=(RUN,),
    ) as folder:
        if ready is not None and limit is None:
            ready.link(out)
        steps = _Steps(
            place, loaded, seed=seed, device=device, precision=precision, base=out, limit=limit, metrics=further,
            ready=ready,
        )  # fmt: skip
        failed = steps.everything(candidates, attacking, tuned=choice, executor=executor, workers=workers)
        if not folder.complete:
            folder.finish(outputs={} if ready is None else {"world": ready.stated})
        return RunResult(place, steps.table, steps.page, failed, tuple(steps.did), tuple(steps.stages.values()))


def _further(there: Sequence[str], requested: Sequence[str]) -> tuple[str, ...]:
    """Metrics beside the recipe's: those that joined a folder and those of this call, each once."""
    kept = () if "none" in requested else there
    return tuple({plugins.stem(name): name for name in (*kept, *requested) if name != "none"}.values())


def _lasting(recipe: recipes.Recipe) -> dict[str, Any]:
    """What all models of a folder share; everything about methods may change, and Retrained and metrics may come."""
    return {
        "pretrain": recipe.pretrain.training,
        **{name: getattr(recipe, name) for name in ("dataset", "encode")},
        "score": replace(recipe.score, extra_metrics=()),
    }


def _page_settings(given: Any) -> Any:
    """What a recipe says about the page, as `run.json` has it."""
    section = given.get("report") if isinstance(given, Mapping) else None
    return provenance.portable(writing.plain(section or {}))


class _Steps:
    """The steps of one run, with what each cost."""

    def __init__(
        self, out: Path, loaded: recipes.LoadedRecipe, *, seed: int, device: str, precision: str,
        base: Path | None = None, limit: int | None = None, metrics: Sequence[str] = (),
        ready: World | None = None,
    ) -> None:  # fmt: skip
        self.metrics, self.ready = metrics, ready
        self.out, self.loaded, self.seed, self.limit = out, loaded, seed, limit
        self.base = base or out  # where dataset and references are
        self.device, self.asked = device, precision
        self.did: list[str] = []
        self.table, self.page = "", out / "report" / "index.html"
        earlier = read_run_file(out)
        self.stages: dict[str, dict[str, Any]] = {stage.name: writing.plain(stage) for stage in earlier.stages}
        self.models: list[str] = list(earlier.models)
        self.earlier, self.clock = earlier, time.perf_counter()
        self.titles: dict[str, str] = dict(earlier.titles)
        self.precision, self.probe = lasting_precision(earlier, precision, device)
        self.beside: Mapping[str, Any] | None = earlier.side_by_side
        self.kinds = loaded.recipe.pretrain.kinds
        self.world = RunWorld(
            out=out,
            dataset=self.base / "dataset",
            compromised=self._checkpoint("compromised"),
            references={kind: out / "embeddings" / kind for kind in self.kinds},
            recipe=loaded.recipe,
            device=device,
            precision=self.precision,
            limit=limit,
        )

    def everything(
        self,
        candidates: Sequence[Candidate],
        attacking: AttackConfig,
        *,
        tuned: TunedFile | None,
        executor: Executor,
        workers: int | None,
    ) -> dict[str, str]:
        """Do what is missing; give the message of each candidate that failed."""
        self.titles |= method_titles(
            [name for item in candidates if plugins.is_path(name := item.configured.method.origin)]
        )
        if not (self.out / RUN).is_file():
            self._write_run("running")  # first of all: what `auto` stands for must not be measured twice
        self._step("dataset", self.base / "dataset", self._build)
        used = {item.configured.method.name for item in candidates}
        if tuned is not None and used & set(tuned.methods):
            tuned.check_world(open_dataset(self.base / "dataset").fingerprint)
        training = self._training()
        if not joins(training):
            for kind in missing(training):
                self._note(train(training, kind))
        failed = self._graph(training, candidates, executor, workers)
        attacked = [item for item in candidates if not attacking.budgets or item.budget in attacking.budgets]
        self._attack([item.name for item in attacked if item.name not in failed], attacking, executor, workers)
        self._report(failed)
        return failed

    def _graph(
        self, training: Training, candidates: Sequence[Candidate], executor: Executor, workers: int | None
    ) -> dict[str, str]:
        """Do all steps between dataset and page that aren't done; give the message of each candidate that failed."""
        check_references(self.world)
        made = {item.name for item in candidates}
        others = [name for name in self.models if name not in made and name not in self.kinds]
        tasks = graph_of(self.world, training, candidates, others=others)
        failed: dict[str, str] = {}
        if tasks:
            if any(task.name.startswith("pretrain") for task in tasks):
                write_shards(training)
            workers = workers_for(
                len(tasks), requested=workers, executor=executor, recipe=self.world.recipe, device=self.device,
                threads=training.config.threads,
            )  # fmt: skip
            apart = executor != "joblib" or workers > 1
            started, busy = time.perf_counter(), 0.0
            waiting = with_notes(tasks) if apart else tasks
            for step, made in graph(waiting, workers=workers, executor=executor, description="steps"):
                self._note(made.stages)
                busy += sum(stage["seconds"] for stage in made.stages)
                if made.error is not None:
                    failed[step.partition(" ")[2]] = str(made.error)
            seconds = time.perf_counter() - started
            self.beside = {
                "steps": len(tasks),
                "workers": max(workers, 1),
                "seconds": round(seconds, 2),
                "busy": round(busy / seconds / max(workers, 1), 3),
            }
        names = [*self.kinds, *(item.name for item in candidates)]
        self.models += [name for name in names if name not in self.models]  # they finish in any order
        return {name: failed[name] for name in names if name in failed}

    def _attack(self, names: Sequence[str], config: AttackConfig, executor: Executor, workers: int | None) -> None:
        """Attack the candidates; the records of those that were attacked before stay as they are."""
        if not set(config.attacks) - {"none"} or not names:
            return
        from salmubench.workflow.attacked import recover_candidates

        stages = Stages()
        work = partial(
            recover_candidates, self.world, names, config, seed=self.seed, executor=executor, workers=workers
        )
        before = [manifest.sha256_file(record_path(self.world, name)) for name in names]
        stages.measured("attacks", work)
        if before != [manifest.sha256_file(record_path(self.world, name)) for name in names]:
            self._note(stages.done)

    def _build(self) -> None:
        from salmubench.generator.build import build

        recipe = self.loaded.recipe
        build(recipe.dataset, out=self.out / "dataset", seed=self.seed, scoring=recipe.score.stated)

    def _training(self) -> Training:
        config = self.loaded.recipe.pretrain
        return Training(
            config=config,
            dataset=self.out / "dataset",
            checkpoints={kind: self._checkpoint(kind) for kind in self.kinds},
            seed=self.seed,
            device=self.device,
            precision=self.precision if config.precision == "auto" else self.asked,
        )

    def _report(self, failed: Mapping[str, str]) -> None:
        from salmubench.metrics import descriptions
        from salmubench.report.collect import read_run
        from salmubench.report.page import report
        from salmubench.report.seeds import pooled
        from salmubench.report.tables import text_table

        metrics = descriptions(self.loaded.recipe.score)
        status = "failed" if failed else "complete"
        stated = _page_settings(self.earlier.recipe_given) == _page_settings(self.loaded.given)
        if self.did or failed or not self.page.is_file() or self.earlier.status != status or not stated:
            self._write_run("running")
            stages = Stages()
            config = self.loaded.recipe.report
            stages.measured(
                "report",
                lambda: report(
                    [self.out], out=self.out / "report", config=config, metrics=metrics, titles=method_titles()
                ),
            )
            self.stages["report"] = stages.done[0]
            self._write_run(status)
        self.table = text_table(pooled(read_run(self.out, metrics)).records, {**method_titles(), **self.titles})

    def _step(self, stage: str, folder: Path, work: Callable[[], object]) -> None:
        stages = Stages()
        stages.step(stage, folder, work)
        self._note(stages.done)

    def _note(self, stages: Sequence[dict[str, Any]]) -> None:
        for stage in stages:
            self.did.append(stage["name"])
            self.stages[stage["name"]] = stage
        if stages:
            self._write_run("running")

    def _write_run(self, status: str) -> None:
        writing.write_json(
            self.out / RUN,
            {
                "schema_version": SCHEMA_VERSION,
                "status": status,
                "recipe": self.loaded.name,
                "recipe_given": provenance.portable(writing.plain(self.loaded.given)),
                "seed": self.seed,
                "device": self.device,
                "precision": self.precision,
                "probe": self.probe,
                "side_by_side": self.beside,
                "wall_seconds": round(self.earlier.wall_seconds + time.perf_counter() - self.clock, 2),
                "stages": list(self.stages.values()),
                "models": self.models,
                "metrics": self.metrics,
                "world": None if self.ready is None else self.ready.stated,
                "titles": self.titles,  # of methods given by path: their files may be gone
                "provenance": provenance.provenance(),
            },
        )

    def _checkpoint(self, kind: str) -> Path:
        """Where a reference's checkpoint is."""
        return self.base / "checkpoints" / kind
