"""Which candidates a run makes: their methods, options, budgets and names, checked before anything runs."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

from salmubench.core import executor as executors
from salmubench.core import manifest, plugins
from salmubench.core.errors import ConfigError, UnknownName
from salmubench.core.executor import Executor
from salmubench.dataset import limited
from salmubench.scoring.references import KINDS, listed
from salmubench.unlearn.batch_plan import check_budget
from salmubench.unlearn.registry import Configured, LoadedMethod, check_settings, method_names
from salmubench.workflow import recipe as recipes
from salmubench.workflow.run_world import Candidate
from salmubench.workflow.tuned_values import TunedFile

Budgets = Sequence[float] | Mapping[str, Sequence[float]]
"""How often each forget pair is seen: for all methods, or by name; one that isn't named has all budgets."""
LONGEST_NAME = 200
"""Bytes of a candidate's name: files are called by it, and most file systems take 255."""
RECIPE_WORD = "recipe"
"""In a list of methods: those of the recipe."""

log = logging.getLogger(__name__)


def candidate_name(method: str, budget: float, repeat: int = 0) -> str:
    """Name of a candidate, `<method>-5x`; its second run, with another seed, is `<method>-r2-5x`.

    Examples:
        >>> candidate_name("./my_method.py", 5)
        'my_method-5x'
        >>> candidate_name("./my_method.py", 0.5, repeat=1)
        'my_method-r2-0.5x'
    """
    return f"{plugins.stem(method)}{f'-r{repeat + 1}' if repeat else ''}-{budget:g}x"


def plan(
    recipe: recipes.Recipe,
    *,
    methods: Sequence[str] | None,
    budgets: Budgets,
    repeats: int = 1,
    seed: int = 0,
    tuned: TunedFile | None = None,
    given: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[Candidate]:
    """Check methods, their configurations, budgets and repeats; give the candidates in order.

    Args:
        methods: names or paths; the recipe's by default.
        budgets: how often each forget pair is seen.
        repeats: how often each method runs.
        given: method → options that win over all others (`--set`); such a candidate doesn't count as tuned.

    Raises:
        UnknownName: an unknown method, also among those that budgets are given for.
        ConfigError: a file that fails on import or breaks the interface, a budget below 0 or of 1,000,000 and more, two
            candidates of one name, or tuned values that were chosen on this very world.
    """
    given = given or {}
    requested = _requested(recipe, methods)
    by_method = budgets if isinstance(budgets, Mapping) else {}
    every = list(dict.fromkeys(chain(*by_method.values()) if isinstance(budgets, Mapping) else budgets))
    if not every or any(not budget >= 0 for budget in every):
        raise ConfigError(f"Expected budgets of 0 or more, got {every!r}.")
    for budget in every:
        check_budget(budget)
    method_stems = {*map(plugins.stem, requested), *method_names()}  # the budgets may be those of several calls
    for name in by_method:
        if name not in method_stems:
            raise UnknownName("method in budgets:", name, method_stems)
    if repeats < 1:
        raise ConfigError(f"Expected repeats of 1 or more, got {repeats}.")
    _check_given(given, [plugins.stem(name) for name in requested])
    chosen = tuned.of if tuned is not None else lambda _: None

    def options(method: LoadedMethod) -> dict[str, Any]:
        return {**(chosen(method) or {}), **given.get(method.name, {})}

    configured = check_settings(replace(recipe.unlearn, methods=tuple(requested)), options)
    values = {item.method.origin: chosen(item.method) for item in configured}
    if tuned is not None:
        _check_tuned(tuned, configured, values, seed)
    candidates = [
        Candidate(
            candidate_name(item.method.origin, budget, repeat), item, budget, seed + repeat,
            options(item.method),
            None if tuned is None or values[item.method.origin] is None or item.method.name in given
            else tuned.about(item.method.name),
        )
        for budget in every
        for item in configured
        if budget in by_method.get(item.method.name, every)
        for repeat in range(repeats)
    ]  # fmt: skip
    _check_names([item.name for item in candidates])
    return candidates


def check_first(
    recipe: recipes.Recipe,
    out: Path,
    *,
    device: str = "auto",
    precision: str = "auto",
    executor: Executor = "joblib",
    workers: int | None = None,
) -> None:
    """Check what a stage would complain about only when its turn comes, before anything is written.

    Args:
        out: the run's folder; what is finished in it isn't looked at again.
        device: `auto`, `cpu` or `cuda`.
        precision: `auto`, `fp32` or `bf16`.

    Raises:
        SalmubenchError: no such metric, backend, architecture or device, retain data that can't be read, ….
    """
    from salmubench.metrics import load_all

    executors.check(workers or 0, executor)
    load_all(recipe.score)
    if device != "auto" or precision not in ("auto", "fp32", "bf16"):
        from salmubench.clip.devices import resolve_device, resolve_precision

        resolve_precision("fp32" if precision == "auto" else precision, resolve_device(device))
    if not (out / "dataset" / manifest.MANIFEST).is_file():
        from salmubench.generator import build

        build.check(recipe.dataset)
    kinds = recipe.pretrain.kinds
    if not all((out / "checkpoints" / kind / manifest.MANIFEST).is_file() for kind in kinds):
        from salmubench.pretrain import launch

        launch.check_config(recipe.pretrain)


def check_limit(limit: int, attacks: Sequence[str] | None) -> None:
    """Check a quick look.

    Raises:
        ConfigError: too few rows, or attacks beside it.
    """
    limited.check_limit(limit)
    if set(attacks or ()) - {"none"}:
        raise ConfigError("Expected no --attacks beside --limit: a quick look attacks nothing.")


def _check_given(given: Mapping[str, Any], stems: Sequence[str]) -> None:
    for name in given:
        if name in stems:
            continue
        if name in method_names():
            raise ConfigError(
                f"Expected --set for a method of this call ({', '.join(stems) or 'none'}), got {name!r}. Add it to "
                "--methods."
            )
        raise UnknownName("method in --set:", name, stems)


def _requested(recipe: recipes.Recipe, methods: Sequence[str] | None) -> list[str]:
    """The methods, with those of the recipe for its word; names stand once."""
    requested: list[str] = []
    for name in methods if methods is not None else (RECIPE_WORD,):
        requested += recipe.unlearn.methods if name == RECIPE_WORD else (name,)
    requested = list(dict.fromkeys(requested))
    stems = [plugins.stem(name) for name in requested]
    twice = sorted({name for name in stems if stems.count(name) > 1 or name in KINDS})
    if twice:
        raise ConfigError(f"Expected methods of different names, none called {listed()}, got {twice!r}.")
    return requested


def _check_tuned(
    tuned: TunedFile, configured: Sequence[Configured], values: Mapping[str, Mapping[str, Any] | None], seed: int
) -> None:
    """Say of which methods a file has no values though it might; refuse the world that values were chosen on."""
    without = [item.method for item in configured if values[item.method.origin] is None]
    if len(without) < len(configured) and seed in (tuned.selection_seed, *tuned.others):
        raise ConfigError(
            f"Expected a world on which nothing was chosen, got seed {seed}, on which {tuned.path} was tuned. Take "
            "another --seed, or --untuned."
        )
    if tuned.asked and without and len(without) == len(configured):
        raise ConfigError(f"Expected tuned values of {without[0].name!r}, got none: {tuned.why_not(without[0])}.")
    for method in without:
        if tuned.asked or method.name in tuned.methods:
            log.warning("%s runs with the recipe's settings: %s.", method.name, tuned.why_not(method))


def _check_names(names: Sequence[str]) -> None:
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        raise ConfigError(f"Expected candidates of different names, got {double!r}: rename a method's file.")
    longest = max(names, key=lambda name: len(name.encode()), default="")
    if len(longest.encode()) > LONGEST_NAME:
        raise ConfigError(
            f"Expected names of candidates of at most {LONGEST_NAME} bytes, got {longest[:40]!r}…: rename the method's "
            "file."
        )
