"""Which candidates a run makes: their methods, options, budgets and names, checked before anything runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Literal

from salmubench import plugins
from salmubench import recipe as recipes
from salmubench.candidates import Candidate
from salmubench.errors import ConfigError
from salmubench.tuned_values import TunedFile
from salmubench.unlearn.registry import check_settings

REFERENCES: tuple[Literal["clean"], Literal["compromised"]] = ("clean", "compromised")
RETRAINED: Literal["retrained"] = "retrained"
"""The third reference, where the recipe has it (`pretrain.retrained`): what exact unlearning gives."""
Budgets = Sequence[float] | Mapping[str, Sequence[float]]
"""How often each forget pair is seen: for all methods, or by name; one that isn't named has all budgets."""
LONGEST_NAME = 200
"""Bytes of a candidate's name: files are called by it, and most file systems take 255."""
RECIPE_WORD = "recipe"
"""In a list of methods: those of the recipe."""


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
) -> list[Candidate]:
    """Check methods, their configurations, budgets and repeats; give the candidates in order.

    Raises:
        ConfigError: an unknown method, a file that fails on import or breaks the interface, a budget below 0, two
            candidates of one name, or tuned values that were chosen on this very world.
    """
    requested: list[str] = []
    for name in methods if methods is not None else (RECIPE_WORD,):
        requested += recipe.unlearn.methods if name == RECIPE_WORD else (name,)
    requested = list(dict.fromkeys(requested))
    own = budgets if isinstance(budgets, Mapping) else {}
    given = list(dict.fromkeys(chain(*own.values()) if isinstance(budgets, Mapping) else budgets))
    if not given or any(not budget >= 0 for budget in given):
        raise ConfigError(f"Expected budgets of 0 or more, got {given!r}.")
    if repeats < 1:
        raise ConfigError(f"Expected repeats of 1 or more, got {repeats}.")
    stems = [plugins.stem(name) for name in requested]
    twice = sorted({name for name in stems if stems.count(name) > 1 or name in (*REFERENCES, RETRAINED)})
    if twice:
        raise ConfigError(
            f"Expected methods of different names, none called clean, compromised or retrained, got {twice!r}."
        )
    chosen = tuned.of if tuned is not None else lambda _: None
    configured = check_settings(replace(recipe.unlearn, methods=tuple(requested)), chosen)
    values = {item.method.origin: chosen(item.method) for item in configured}
    if (
        tuned is not None
        and seed in (tuned.selection_seed, *tuned.others)
        and any(item is not None for item in values.values())
    ):
        raise ConfigError(
            f"Expected a world on which nothing was chosen, got seed {seed}, on which {tuned.path} was tuned. Take "
            "another --seed, or --untuned."
        )
    candidates = [
        Candidate(
            candidate_name(item.method.origin, budget, repeat), item.resolved, budget, seed + repeat,
            values[item.method.origin] or {},
            tuned.about(item.method.name) if tuned is not None and values[item.method.origin] is not None else None,
        )
        for budget in given
        for item in configured
        if budget in own.get(item.method.name, given)
        for repeat in range(repeats)
    ]  # fmt: skip
    names = [item.name for item in candidates]
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        raise ConfigError(f"Expected candidates of different names, got {double!r}: rename a method's file.")
    longest = max(names, key=lambda name: len(name.encode()), default="")
    if len(longest.encode()) > LONGEST_NAME:
        raise ConfigError(
            f"Expected names of candidates of at most {LONGEST_NAME} bytes, got {longest[:40]!r}…: rename the method's "
            "file."
        )
    return candidates
