"""One trial of a tuning: made on every selection world, judged, entered in the journal."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from salmubench.core import manifest, provenance
from salmubench.core.errors import ConfigError, MethodError, OutputLocked
from salmubench.core.writing import explained
from salmubench.dataset.layout import open_dataset
from salmubench.scoring.record_files import read_record, write_failed
from salmubench.tuning import search
from salmubench.tuning.bench import Bench, Trial, further_folder
from salmubench.unlearn.registry import LoadedMethod, configure, load_method
from salmubench.workflow import planning
from salmubench.workflow.run_world import Candidate, Made, RunWorld, record_path

TRIAL = "tuning trial"
SETTINGS = "settings_sha256"
"""In a trial's entry and inputs."""


def attempt(bench: Bench, make: Callable[[RunWorld, Candidate], Made], trial: Trial) -> bool:
    """Make one trial; false where another process is at it."""
    method = load_method(trial.method)
    folder = bench.folder(method.name) / "trials" / f"{trial.number:03d}"
    places = [replace(bench.world, out=folder)]
    places += [replace(world, out=folder / further_folder(seed)) for seed, world in bench.others]
    name = planning.candidate_name(trial.method, bench.budget)
    inputs = {
        "method": method.name,
        "method_sha256": method.sha256,
        "dataset": open_dataset(bench.world.dataset).fingerprint,
        SETTINGS: trial.settings_sha256,
    }
    try:
        with manifest.stage_folder(folder, TRIAL, config=dict(trial.values), inputs=inputs, seed=bench.seed) as stage:
            if not stage.complete:
                work = _work(bench, make, trial, method, name)
                entry = _entry(bench, trial, method.sha256, name, places, [work(world) for world in places])
                stage.finish(outputs={**entry, SETTINGS: trial.settings_sha256})
            _report(bench, trial, method.name, stage.manifest["outputs"])
            for world in places:  # the record says all that is needed, at a thousandth of the room
                for part in ("checkpoints", "embeddings"):
                    shutil.rmtree(world.out / part, ignore_errors=True)
    except OutputLocked:
        return False
    return True


def _work(
    bench: Bench, make: Callable[[RunWorld, Candidate], Made], trial: Trial, method: LoadedMethod, name: str
) -> Callable[[RunWorld], Made]:
    """What makes the trial on a world; values that the method refuses together make a trial that failed."""
    try:
        configured = configure(method, bench.world.recipe.unlearn, trial.values)
    except ConfigError as refusal:
        if trial.number == 0:
            raise
        return partial(_refuse, name, bench.budget, trial.values, MethodError(method.name, None, str(refusal)))
    candidate = Candidate(name, configured, bench.budget, bench.seed, trial.values)
    return lambda world: make(world, candidate)


def _refuse(name: str, budget: float, values: Mapping[str, Any], error: MethodError, world: RunWorld) -> Made:
    path = record_path(world, name)
    write_failed(path, model=name, error=error, dataset=world.open(), budget=budget, config=dict(values))
    return Made([], error)


def _entry(
    bench: Bench, trial: Trial, method_sha256: str, name: str, places: Sequence[RunWorld], outcomes: Sequence[Made]
) -> dict[str, Any]:
    """What is kept of a trial: its objective is the mean over the selection worlds."""
    judged = [search.objective(read_record(record_path(world, name))) for world in places]
    entry: dict[str, Any] = {"number": trial.number, "values": dict(trial.values), **judged[0][1]}
    if bench.others:
        seeds = [seed for seed, _ in bench.others]
        entry["others"] = {
            str(seed): {**parts, "objective": worth} for seed, (worth, parts) in zip(seeds, judged[1:], strict=True)
        }
    entry["method_sha256"] = method_sha256
    for outcome in outcomes:
        if outcome.error is not None:
            entry["error"] = provenance.portable(str(outcome.error))  # the file is for others
    entry["seconds"] = round(sum(item["seconds"] for outcome in outcomes for item in outcome.stages), 1)
    return {**entry, "objective": sum(worth for worth, _ in judged) / len(judged)}


def _report(bench: Bench, trial: Trial, method: str, entry: Mapping[str, Any]) -> None:
    """Add a finished trial to the journal; only the holder of the trial's folder does."""
    import optuna

    study = bench.study(method)
    if trial.number in {reported.user_attrs.get("number") for reported in study.get_trials(deepcopy=False)}:
        return
    attributes = {key: value for key, value in entry.items() if key != "objective"}
    params, distributions = search.as_parameters(trial.space, entry["values"])
    done = optuna.create_trial(
        params=params, distributions=distributions, value=entry["objective"], user_attrs=attributes
    )
    with explained(bench.folder(method)):
        study.add_trial(done)
