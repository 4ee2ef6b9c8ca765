"""`tune`: hyperparameters chosen on the selection world, by a fixed number of trials and a written rule.

The output folder holds the world (a run folder without methods), the part of it that is used, the references'
embeddings of that part, and a folder for each method: its trials, each with the record it was judged by, and Optuna's
journal. Several machines may run the same command on one folder: each takes trials that nobody is at.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import yaml

from salmubench.core import manifest, options, provenance, reading, writing
from salmubench.core.errors import ConfigError, OutputError, OutputLocked, OutputMismatch
from salmubench.core.executor import Executor, parallel
from salmubench.dataset.layout import Dataset, open_dataset
from salmubench.scoring.references import ENDS, OPTIONAL
from salmubench.scoring.stages import read_run_file
from salmubench.tuning import search
from salmubench.tuning.bench import Bench, SearchTerms, Trial, further_folder, results
from salmubench.tuning.selection_world import write_part
from salmubench.tuning.trials import SETTINGS, attempt
from salmubench.unlearn.registry import Configured, load_method
from salmubench.workflow import candidates, pipeline, planning
from salmubench.workflow import recipe as recipes
from salmubench.workflow.candidates import Stages
from salmubench.workflow.recipe import TuneConfig
from salmubench.workflow.run_world import RunWorld
from salmubench.workflow.tuned_values import SCHEMA_VERSION

TUNED = "tuned.yaml"
_PATIENCE = 2.0  # seconds between two looks at what another process holds

T = TypeVar("T")
log = logging.getLogger(__name__)


def tune(
    methods: Sequence[str],
    *,
    recipe: str | Path,
    out: str | Path,
    trials: int | None = None,
    world: str | Path | None = None,
    terms: SearchTerms | None = None,
    seed: int = 0,
    device: str = "auto",
    precision: str = "auto",
    executor: Executor = "joblib",
    workers: int | None = None,
) -> Path:
    """Choose the options of methods on the recipe's selection world; call it again to go on.

    Args:
        methods: names or paths of Python files; `recipe` stands for the recipe's list.
        recipe: name of a recipe or path of a YAML file.
        out: the folder; `tuned.yaml` in it holds what was chosen, for all methods tuned there.
        trials: how many settings of each method; by default the recipe's `tune.trials`.
        world: a finished run folder of the recipe with its `tune.selection_seed`; by default it is made in
            `out/world`.
        terms: what a contest adds: further selection worlds, equal searches, options that are fixed.
        seed: of the worlds that the values are for, and of the search; not that of the selection world.
        device: `auto`, `cpu` or `cuda`; of a world that is given, its own.
        precision: `auto`, `fp32` or `bf16`; of a world that is given, its own.
        executor: where trials are made side by side: `joblib`, processes of this machine, or `ray`, a cluster.
        workers: how many at once; by default as many as this machine makes faster than one after the other.

    Returns:
        The path of `tuned.yaml`.

    Raises:
        ConfigError: options make no sense, or the world is not the selection world.
    """
    options.check_seed(seed)
    out, alone, terms = Path(out), terms is None, terms or SearchTerms()
    manifest.check_ours(out, also=(*_BEFORE, *map(further_folder, terms.worlds)))
    loaded = recipes.load(recipe)
    settings = loaded.recipe.tune if trials is None else replace(loaded.recipe.tune, trials=trials)
    if seed in (settings.selection_seed, *terms.worlds):
        raise ConfigError(
            f"Expected a selection world other than the worlds to be evaluated, got the seed {seed} for both "
            "(tune.selection_seed and --seed)."
        )
    planned = planning.plan(loaded.recipe, methods=methods, budgets=(settings.budget,))
    configured = {item.configured.method.origin: item.configured for item in planned}
    if not configured:
        raise ConfigError("Expected a method to tune, got none.")
    spaces = {
        name: search.search_space(item, equal=terms.search, fixed=terms.fixed.get(item.method.name, ()))
        for name, item in configured.items()
    }
    idle = [item.method.name for name, item in configured.items() if not spaces[name]]
    if idle:
        log.warning("%s: nothing to search, no field of Config declares a range", ", ".join(idle))
    ground = out / "world" if world is None else Path(world)
    if world is not None:
        _check_world(loaded, ground, settings.selection_seed)
        _check_place(ground, device=device, precision=precision)
    else:
        make = partial(pipeline.run, recipe=recipe, methods=(), seed=settings.selection_seed, device=device)
        _alone(lambda: make(out=ground, precision=precision))
    bench = replace(_bench(loaded, ground, terms, out=out, seed=seed), one_model=alone)
    _alone(partial(_begin, bench, settings))
    run = partial(_side_by_side, bench, total=settings.trials, executor=executor, workers=workers)
    _search(bench, {name: item for name, item in configured.items() if spaces[name]}, spaces, settings.trials, run)
    return _write(bench, loaded, open_dataset(ground / "dataset"), configured, spaces, settings)


def _check_world(loaded: recipes.LoadedRecipe, folder: Path, seed: int) -> None:
    """Refuse a run folder that isn't the recipe's selection world of this seed."""
    run = read_run_file(folder)
    if run.seed != seed:
        raise ConfigError(
            f"Expected the selection world, a run of seed {seed}, in {folder}, got seed {run.seed}: "
            "values must not be chosen on a world that is evaluated."
        )
    ran = provenance.portable(run.recipe_given if isinstance(run.recipe_given, dict) else {})
    given, requested = (  # Retrained plays no part
        {name: {**(keys.get(name) or {}), **dict.fromkeys(OPTIONAL)} for name in ("dataset", "pretrain")}
        for keys in (ran, provenance.portable(writing.plain(loaded.given)))
    )
    other = [name for name in requested if given[name] != requested[name]]
    if other:
        raise ConfigError(
            f"Expected a run of the recipe {loaded.name!r} in {folder}, got other keys in {' and '.join(other)}."
        )
    for kind in ENDS:
        manifest.read_manifest(folder / "checkpoints" / kind, "pretrain")


def _check_place(folder: Path, **expected: str) -> None:
    """Refuse another device or precision than a world's own: trials are compared with its references."""
    run = read_run_file(folder)
    for name, value in expected.items():
        stated = getattr(run, name)
        if stated is not None and value not in ("auto", stated):
            raise ConfigError(
                f"Expected trials with the {name} of the world in {folder}, {stated}, got {value}. Leave --{name} out, "
                "or make the world so."
            )


def _bench(loaded: recipes.LoadedRecipe, ground: Path, terms: SearchTerms, *, out: Path, seed: int) -> Bench:
    """Prepare all selection worlds: the one in `ground` and those that the terms add."""
    tune_config, others = loaded.recipe.tune, []
    for further, folder in terms.worlds.items():
        _check_world(loaded, folder, further)
        others.append((further, _prepare(loaded, folder, out=out / further_folder(further), seed=further)))
    first = _prepare(loaded, ground, out=out, seed=tune_config.selection_seed)
    return Bench(first, seed, tune_config.budget, tuple(others))


def _prepare(loaded: recipes.LoadedRecipe, ground: Path, *, out: Path, seed: int) -> RunWorld:
    """Write the part of the world of this seed that is used and encode both references on it."""
    run, spared = read_run_file(ground), loaded.recipe.tune.spared
    dataset = open_dataset(ground / "dataset")
    part = _alone(lambda: write_part(dataset, out=out / "part", spared=spared, seed=seed))
    world = RunWorld(
        out=out,
        dataset=part,
        compromised=ground / "checkpoints" / "compromised",
        references={kind: out / "embeddings" / kind for kind in ENDS},
        recipe=replace(loaded.recipe, score=replace(loaded.recipe.score, bootstraps=_RESAMPLES)),
        device=run.device or "auto",
        precision=run.precision or "auto",
    )
    for kind in ENDS:
        _alone(partial(candidates.encode, world, kind, ground / "checkpoints" / kind, Stages()))
    return world


_RESAMPLES = 100  # trials are compared by their values; intervals only tell whether the references differ


def _search(
    bench: Bench,
    configured: Mapping[str, Configured],
    spaces: Mapping[str, search.Space],
    trials: int,
    run: Callable[[Sequence[Trial]], None],
) -> None:
    """Go through the rounds, all methods in each."""
    for start in range(0, trials, search.ROUND):
        numbers = range(start, min(start + search.ROUND, trials))
        pieces = []
        for name, item in configured.items():
            finished = results(bench, item.method.name)
            settings = search.settings_sha256(item, spaces[name])
            _check_same(bench, item, search.present_values(item, spaces[name]), settings, finished)
            earlier = [(entry["values"], entry["objective"]) for entry in finished.values() if entry["number"] < start]
            for number in numbers:
                if number not in finished:
                    values = (
                        search.propose(spaces[name], earlier, number=number, seed=bench.seed)
                        if number
                        else search.present_values(item, spaces[name])
                    )
                    pieces.append(Trial(name, number, values, spaces[name], settings))
        run(pieces)


def _folder(bench: Bench, settings: TuneConfig) -> AbstractContextManager[manifest.StageFolder]:
    """The tuning's folder, refused where it holds another one."""
    also = (*_BEFORE, *(further_folder(seed) for seed, _ in bench.others))
    return manifest.stage_folder(bench.world.out, "tune", config=bench.description(settings), also=also)


_BEFORE = ("world", "part", "embeddings")  # what is made before the folder is marked


def _begin(bench: Bench, settings: TuneConfig) -> None:
    """Mark the folder as this tuning's; the lock is not kept, others may join."""
    with _folder(bench, settings):
        pass


def _check_same(
    bench: Bench, item: Configured, first: Mapping[str, Any], settings: str, finished: Mapping[int, Mapping[str, Any]]
) -> None:
    """Refuse trials of another version of the method, or under other settings."""
    folder = bench.folder(item.method.name)
    if any(entry["method_sha256"] != item.method.sha256 for entry in finished.values()):
        raise OutputMismatch(
            f"Expected trials of {item.method.path} as it is in {folder}, got those of another version. Delete that "
            "folder, or choose another --out."
        )
    other = any(entry[SETTINGS] != settings for entry in finished.values())
    if other or (0 in finished and finished[0]["values"] != writing.plain(first)):
        raise OutputMismatch(
            f"Expected trials of {item.method.path} under the settings that the recipe gives it now in {folder}, got "
            "those under others. Delete that folder, choose another --out, or put the recipe back."
        )


def _progress(bench: Bench, trial: Trial, total: int) -> str:
    """One line about a finished trial: its number, what it is worth and why, its values, the best one so far."""
    method = load_method(trial.method).name
    finished = results(bench, method)
    entry = finished[trial.number]
    if "error" in entry:
        worth = f"failed, counts {search.WORST:g}: {entry['error']}"
    else:
        parts = ", ".join(f"{name} {entry[name]:.3f}" for name in search.PARTS if entry.get(name) is not None)
        worth = f"{entry['objective']:.3f} (lower is better; {parts})"
    values = ", ".join(
        f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in entry["values"].items()
    )
    best = search.best(list(finished.values()))
    return (
        f"{method}, trial {trial.number + 1} of {total}: {worth}; {values}. Best so far: {best['objective']:.3f}, "
        f"trial {best['number'] + 1}."
    )


def _side_by_side(
    bench: Bench, waiting: Sequence[Trial], *, total: int, executor: Executor, workers: int | None
) -> None:
    while waiting:
        count = candidates.workers_for(
            len(waiting), requested=workers, executor=executor, recipe=bench.world.recipe, device=bench.world.device
        )
        work = partial(attempt, bench, candidates.maker(alone=executor == "joblib" and count < 2))
        missed = []
        for trial, done in parallel(work, waiting, workers=count, executor=executor, description="trials"):
            if done:
                log.info("%s", _progress(bench, trial, total))
            else:
                missed.append(trial)
        if len(missed) == len(waiting):
            time.sleep(_PATIENCE)  # all of them are being made elsewhere
        waiting = missed


def _write(
    bench: Bench,
    loaded: recipes.LoadedRecipe,
    world: Dataset,
    configured: Mapping[str, Configured],
    spaces: Mapping[str, search.Space],
    settings: TuneConfig,
) -> Path:
    """Write `tuned.yaml`: what was tuned in this folder before stays in it."""
    path = bench.world.out / TUNED

    def work() -> None:
        content = {"recipe": loaded.name, "dataset": world.fingerprint, **bench.description(settings)}
        rule = search.RULE if bench.one_model else f"{search.RULE} {search.OWN_SETTING}"
        with _folder(bench, settings) as stage:
            earlier = reading.read_yaml(path, error=OutputError) if path.is_file() else {"methods": {}}
            methods = earlier["methods"]
            if earlier.get("rule", rule) != rule:  # what was chosen by another rule says so
                methods = {name: {"rule": earlier["rule"], **entry} for name, entry in methods.items()}
            for name, item in configured.items():
                if spaces[name]:
                    finished = results(bench, item.method.name).values()
                    counted = [entry for entry in finished if entry["number"] < settings.trials]
                    winner = search.best(counted) if bench.one_model else search.best_or_own(counted)
                    methods[item.method.name] = _chosen(item, spaces[name], counted, winner)
            whole = {
                "schema_version": SCHEMA_VERSION, "rule": rule, "selection": content,
                "provenance": writing.plain(provenance.provenance()), "methods": methods,
            }  # fmt: skip
            writing.write_text(
                path, _HEAD + yaml.safe_dump(writing.plain(whole), sort_keys=False, allow_unicode=True, width=120)
            )
            stage.finish(outputs={"methods": list(methods), "sha256": manifest.sha256_file(path)})

    _alone(work)
    return path


_HEAD = "# Written by `salmubench tune`. Use it by the recipe key `unlearn.tuned`.\n"


def _chosen(
    item: Configured, space: search.Space, trials: Sequence[Mapping[str, Any]], winner: Mapping[str, Any]
) -> dict[str, Any]:
    first, origin = trials[0], provenance.provenance()
    return {
        "values": dict(winner["values"]),
        "trial": winner["number"],
        "objective": winner["objective"],
        "default": None if "error" in first else first["objective"],
        "seconds": round(sum(entry["seconds"] for entry in trials), 1),
        "method_sha256": item.method.sha256,
        "provenance": {name: origin[name] for name in ("version", "commit", "dirty")},
        "space": {name: list(where) for name, where in space.items()},
        "trials": [
            {key: value for key, value in entry.items() if key not in ("method_sha256", SETTINGS)} for entry in trials
        ],
    }


def _alone(work: Callable[[], T]) -> T:
    """Do the work; wait while another process holds the folder."""
    reported = False
    while True:
        try:
            return work()
        except OutputLocked as held:
            if not reported:
                log.info("%s Waiting for it.", str(held).partition(". ")[0] + ".")
            reported = True
            time.sleep(_PATIENCE)
