"""The rule of tuning, in pieces: where a method's search looks, what a trial is worth, which trial comes next.

Trial 0 is the recipe's own settings, so that tuning never chooses worse ones. Trials are proposed in rounds: those of a
round know the results of earlier rounds only, and each has a seed of its own. Who computes them, in which order and on
how many machines then makes no difference.
"""

from __future__ import annotations

import hashlib
import math
import warnings
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import numpy as np

from salmubench.core import provenance, writing
from salmubench.core.errors import ConfigError
from salmubench.scoring.record import RunRecord, Score
from salmubench.scoring.roles import score_in, spared
from salmubench.unlearn.config import UnlearnConfig
from salmubench.unlearn.registry import Configured, options

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

ROUND = 4
"""Trials of a round."""

WORST = 1.0
"""Objective of a trial whose method failed, and the largest there is."""

NOTHING = 0.5
"""Objective of a model that is left as it is: all of the leakage, no damage."""

RULE = (
    "Mean of leakage left and damage on the selection world, smallest is best. Leakage left: the largest of |L| of "
    "retrieval (MRR), of the fact among other values and of the paraphrased fact, against Clean. Damage: the mean of "
    "the utility drop D and of what is lost, 1 - K, of the associations that were spared (the smallest K of other and "
    "of the same people, of similarities and of facts among other values). Each is cut to 0 … 1. The "
    "spared associations are a part of the selection world's forget set; its holdout splits are not used. A trial "
    "whose method fails counts 1, and so does a number that is not finite; what a world can't tell is left out. Equal "
    "trials: the earlier one."
)
"""The objective in words, as it stands in `tuned.yaml`."""

OWN_SETTING = (
    "Where no trial is better than doing nothing, worth 0.5, the recipe's own setting stays, unless it fails: what "
    "does nothing says nothing about its method."
)
"""What a contest adds to it."""

PARTS = ("leakage", "fact", "fact_paraphrased", "drop", "kept")
"""What an objective is made of."""

_LR_DOWN, _LR_UP = 30.0, 10.0

Space = Mapping[str, tuple[float, float, str] | list[Any]]
"""Option → `(low, high, "log" or "linear")`, or a list of choices."""


def search_space(
    configured: Configured, *, equal: Mapping[str, Any] | None = None, fixed: Collection[str] = ()
) -> Space:
    """Where the search of a method looks: options whose field declares it, engine settings of its `SEARCH`.

    A loop method that declares no engine settings is searched over the learning rate, from a thirtieth to ten times
    the recipe's.

    Args:
        equal: engine settings that are searched for every loop method, instead of what it declares about these.

    Raises:
        ConfigError: an option's declaration makes no sense, for its type or the value it has.
    """
    method = configured.method
    space: dict[str, Any] = dict(method.search)
    if method.kind == "loop" and not space:
        rate = configured.settings.lr
        space["lr"] = (float(f"{rate / _LR_DOWN:.2g}"), float(f"{rate * _LR_UP:.2g}"), "log")
    if method.kind == "loop":
        space |= equal or {}
    space |= {item.name: item.search for item in options(method.config) if item.search is not None}
    space = {name: where for name, where in space.items() if name not in fixed}
    for name, where in space.items():
        if not _is_range(where) and not (isinstance(where, list) and where):
            raise ConfigError(
                f'Expected the search of {name!r} in {method.path} as (low, high, "log" or "linear") or a list of '
                f"choices, got {where!r}."
            )
    present = present_values(configured, space)
    return {
        name: _typed(configured, name, where, present[name]) if isinstance(where, tuple) else where
        for name, where in space.items()
    }


def _typed(configured: Configured, name: str, where: tuple[float, float, str], value: Any) -> tuple[float, float, str]:
    """A range with ends of the option's own type: whole numbers alone are tried where they are its ends."""
    method, (low, high, scale) = configured.method, where
    if not isinstance(value, int | float):
        raise ConfigError(
            f"Expected a number for {name!r} of the method {method.name!r}, whose search in {method.path} goes from "
            f"{low} to {high}, got {value!r}: the first trial takes it. Give it a number as its default."
        )
    hint = {**get_type_hints(UnlearnConfig), **get_type_hints(method.config)}[name]
    if int not in (hint, *get_args(hint)) or float in get_args(hint):
        return float(low), float(high), scale
    if low != int(low) or high != int(high):
        raise ConfigError(
            f"Expected whole numbers as ends of the search of {name!r} in {method.path}, as its type is int, got "
            f"{low} and {high}."
        )
    return int(low), int(high), scale


def _is_range(where: Any) -> bool:
    if not isinstance(where, tuple) or len(where) != 3 or where[2] not in ("log", "linear"):
        return False
    low, high, scale = where
    if not all(isinstance(end, int | float) and math.isfinite(end) for end in (low, high)):
        return False
    return bool(low < high and (scale == "linear" or low > 0))


def propose(
    space: Space, results: Sequence[tuple[Mapping[str, Any], float]], *, number: int, seed: int
) -> dict[str, Any]:
    """Values of a trial.

    Args:
        results: values and objective of the trials of earlier rounds, in order.
        number: of the trial, from 1.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    mixed = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        sampler = optuna.samplers.TPESampler(seed=mixed, n_startup_trials=ROUND, multivariate=True)
    study = optuna.create_study(sampler=sampler)
    for values, worth in results:
        params, distributions = as_parameters(space, values)
        if params:
            study.add_trial(optuna.create_trial(params=params, distributions=distributions, value=worth))
    return dict(study.ask({name: distribution(where) for name, where in space.items()}).params)


def present_values(configured: Configured, space: Space) -> dict[str, Any]:
    """The recipe's own values of what is searched."""
    effective = configured.effective
    return {name: effective["method"].get(name, effective["engine"].get(name)) for name in space}


def settings_sha256(configured: Configured, space: Space) -> str:
    """Hash of what all trials of a method share: its options and engine settings without those that are searched."""
    shared = {
        part: {name: value for name, value in values.items() if name not in space}
        for part, values in configured.effective.items()
    }
    text = writing.json_text(provenance.portable(writing.plain(shared)), where=f"settings of {configured.method.name}")
    return hashlib.sha256(text.encode()).hexdigest()


def as_parameters(space: Space, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, BaseDistribution]]:
    """Optuna's parameters of a trial, empty where one lies outside the space: the recipe's own may."""
    distributions = {name: distribution(where) for name, where in space.items()}
    if not all(_holds(space[name], values[name]) for name in distributions):
        return {}, {}
    return {name: values[name] for name in distributions}, distributions


def _holds(where: tuple[float, float, str] | list[Any], value: Any) -> bool:
    return value in where if isinstance(where, list) else bool(where[0] <= value <= where[1])


def distribution(where: tuple[float, float, str] | list[Any]) -> BaseDistribution:
    """Optuna's word for a range or list of choices, as `search_space` gives it."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(where, list):
        return CategoricalDistribution(where)
    low, high, scale = where
    if isinstance(low, int) and isinstance(high, int):
        return IntDistribution(low, high, log=scale == "log")
    return FloatDistribution(float(low), float(high), log=scale == "log")


def objective(record: RunRecord) -> tuple[float, dict[str, float | None]]:
    """What a trial is worth by `RULE`, and its parts: `leakage`, `fact`, `fact_paraphrased`, `drop`, `kept`.

    Raises:
        ConfigError: leakage left can't be told on this world, or no damage.
    """
    if record.status != "complete":
        return WORST, {}
    leakage, drop = _view(score_in(record, "leakage")), _view(score_in(record, "drop"))
    fact, paraphrased = _view(score_in(record, "fact")), _view(score_in(record, "fact_paraphrase"))
    kept = min((value for one in spared(record) if (value := _view(one.score)) is not None), default=None)
    parts = dict(zip(PARTS, (leakage, fact, paraphrased, drop, kept), strict=True))
    damage = [_cut(value) for value in (drop, None if kept is None else 1 - kept) if value is not None]
    if leakage is None or not damage:
        raise ConfigError(
            "Expected a selection world whose Compromised leaks more than its Clean and knows more of what was spared, "
            f"got a trial with {parts}: nothing can be chosen on it."
        )
    left = max(_cut(abs(value)) for value in (leakage, fact, paraphrased) if value is not None)
    return (left + sum(damage) / len(damage)) / 2, parts


def best(trials: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The trial with the smallest objective, of equal ones the earlier."""
    return min(trials, key=lambda entry: (entry["objective"], entry["number"]))


def best_or_own(trials: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The trial that a contest takes: see `OWN_SETTING`."""
    first, winner = trials[0], best(trials)
    return winner if winner["objective"] < NOTHING or "error" in first else first


def _view(score: Score | None) -> float | None:
    """L, K or D; where the references differ too little for an interval (a tiny world) the bare ratio must do."""
    if score is None or score.value is None or score.normalised.value is not None:
        return None if score is None else score.normalised.value
    clean, compromised = score.clean, score.compromised
    if score.normalised.view == "drop":
        return (compromised - score.value) / compromised if compromised else None
    if clean is None or compromised is None or compromised <= clean:
        return None
    return (score.value - clean) / (compromised - clean)


def _cut(value: float) -> float:
    return min(max(value, 0.0), 1.0) if math.isfinite(value) else WORST
