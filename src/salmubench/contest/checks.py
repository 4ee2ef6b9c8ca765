"""What is checked before anything runs: a contest that could decide nothing is refused, with the reason."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from salmubench.contest.plan import LoadedPlan, Plan
from salmubench.core import manifest, options, places, provenance, reading, writing
from salmubench.core.errors import ConfigError, OutputMismatch, UnknownName
from salmubench.scoring.contest_record import EarlierPlan
from salmubench.scoring.verdict import THRESHOLDS
from salmubench.unlearn.registry import configure, load_method

DEVELOPMENT = range(1000, 1010)
"""Seeds of the worlds on which everything was developed; they may select, never decide."""
UNSEEN = 100
"""Smallest seed of a world that was kept for a decision: smaller ones are what everybody tries first."""
WORLDS = "worlds"
"""Folder of the evaluation worlds."""
PLANS = "plans.json"
"""Plans that stood in a contest's folder, in order."""

_RECORDS = f"{WORLDS}/*/records/*.json"

log = logging.getLogger(__name__)


def check(loaded: LoadedPlan, out: Path) -> None:
    """Check a plan.

    Args:
        out: the contest's folder: what lies in it is no history.

    Raises:
        ConfigError: with what is wrong.
        UnknownName: an option, setting or threshold that doesn't exist.
    """
    plan = loaded.plan
    _check_seeds(plan)
    _check_methods(loaded)
    _check_terms(plan)
    _ = loaded.search  # raises where a range makes no sense
    for folder in loaded.history:
        _check_history(loaded, folder, places.real(out))


def notes(plan: Plan) -> list[str]:
    """What keeps a plan from being decisive."""
    said, early = [], sorted(seed for seed in plan.evaluation if seed < UNSEEN)
    if early:
        said.append(
            f"Worlds of seeds below {UNSEEN} ({', '.join(map(str, early))}) are those that methods are developed on: "
            "a decision rests on seeds that nobody has looked at."
        )
    if not plan.history:
        said.append("The plan names no history: whether the evaluation worlds are new was not checked.")
    if not plan.tuning.trials:
        said.append("No method was tuned: each ran with the recipe's settings.")
    return said


def freeze(loaded: LoadedPlan, out: Path) -> None:
    """Note in the contest's folder what is fixed, or check that it is still the same; the folder's lock is held.

    Raises:
        OutputMismatch: something changed after the first dataset was made.
    """
    path, now = out / manifest.BEGUN, dict(loaded.identity)
    before = manifest.read_any(path).inputs if path.is_file() else {}
    if before != now:
        changed = _changed(before, now)
        if (before and _has_begun(out)) or any(out.glob(_RECORDS)):
            raise OutputMismatch(
                f"Expected the contest in {out} as it was when its first dataset was made, got another content of "
                f"{', '.join(changed)}. Put it back, or begin another contest: in another folder, with other "
                "evaluation worlds."
            )
        if before:
            log.info("taken as it is now, since no dataset is made: %s", ", ".join(changed))
        writing.write_json(path, {"schema_version": 1, "stage": "contest", "inputs": now})
    content = provenance.portable(writing.plain(loaded.plan))
    plans = _plans(out)
    if not plans or plans[-1]["identity"] != now:
        writing.write_json(out / PLANS, [*plans, {"content": content, "identity": now}])


def earlier_plans(out: Path) -> list[EarlierPlan]:
    """Plans that stood in a contest's folder before this one, the first first, each with what changed after it."""
    plans, earlier = _plans(out), []
    for before, after in pairwise(plans):
        keys, files = (_changed(before[part], after[part]) for part in ("content", "identity"))
        changed = [f"`{key}`" for key in keys] + [
            name for name in files if name != "the plan" and name in after["identity"]
        ]
        earlier.append(EarlierPlan(before["identity"]["the plan"], tuple(changed or ["comments alone"])))
    return earlier


def _plans(out: Path) -> list[dict[str, Any]]:
    """Each plan as it stood in the folder (`content`), and what was fixed → SHA-256 (`identity`)."""
    return manifest.read_json(out / PLANS) if (out / PLANS).is_file() else []


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    return [name for name in {**before, **after} if before.get(name) != after.get(name)]


def _has_begun(out: Path) -> bool:
    """Whether a dataset was made, of a world that decides or of one on which something is chosen."""
    patterns = (f"{WORLDS}/*/dataset/{manifest.MANIFEST}", "selection/*", "tuning/*")
    return any(any(out.glob(pattern)) for pattern in patterns)


def _check_seeds(plan: Plan) -> None:
    for name in ("evaluation", "selection"):
        seeds = getattr(plan, name)
        for seed in seeds:
            options.check_seed(seed)
        if double := sorted({seed for seed in seeds if seeds.count(seed) > 1}):
            raise ConfigError(f"Expected different seeds in `{name}`, got {double[0]} more than once.")
    if not plan.evaluation:
        raise ConfigError("Expected at least one seed in `evaluation`, got none.")
    if both := sorted(set(plan.evaluation) & set(plan.selection)):
        raise ConfigError(
            f"Expected evaluation worlds on which nothing was chosen, got seed {both[0]} in `selection` too."
        )
    if seen := sorted(set(plan.evaluation) & set(DEVELOPMENT)):
        raise ConfigError(
            f"Expected evaluation seeds other than {DEVELOPMENT[0]}–{DEVELOPMENT[-1]}, the worlds of development, got "
            f"{seen[0]}."
        )


def _check_methods(loaded: LoadedPlan) -> None:
    names = [item.name for item in loaded.contestants]
    if not names:
        raise ConfigError("Expected at least one method, got none.")
    if double := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(f"Expected methods of different names, got {double[0]!r} more than once. Give one a `name`.")
    for item in loaded.contestants:
        method, settings = load_method(item.origin), loaded.recipe.recipe.unlearn
        given = {**settings.overrides.get(method.name, {}), **item.options}
        configured = configure(method, replace(settings, overrides={}), given)
        if others := sorted(set(item.pairs) - set(loaded.plan.leagues.pairs)):
            raise ConfigError(
                f"Expected pairs of those in leagues.pairs, {list(loaded.plan.leagues.pairs)}, for the method "
                f"{item.name!r}, got {others[0]:g}."
            )
        if item.track == "closed" and "fresh" in method.needs_of(configured.config):
            raise ConfigError(
                f"Expected track generator for the method {item.name!r}, which uses invented people, got closed."
            )
    for name in loaded.plan.compare.methods:
        if name not in names:
            raise UnknownName("method in compare.methods:", name, names)


def _check_terms(plan: Plan) -> None:
    for budget in plan.leagues.pairs:
        if not 0 < budget < 1e6:
            raise ConfigError(f"Expected budgets above 0 in leagues.pairs, got {budget:g}.")
    if plan.leagues.seconds is not None:
        raise ConfigError(
            f"Expected a plan without leagues.seconds, got {plan.leagues.seconds:g}: candidates are compared at equal "
            "pairs, and the time of each is shown. Take the key out."
        )
    if plan.limits.seconds is not None and not plan.limits.seconds > 0:
        raise ConfigError(f"Expected limits.seconds above 0, got {plan.limits.seconds:g}.")
    if not plan.leagues.pairs:
        raise ConfigError("Expected budgets in leagues.pairs, got none.")
    if not 0 <= plan.tuning.trials <= 10_000:
        raise ConfigError(f"Expected tuning.trials from 0 to 10,000, got {plan.tuning.trials}.")
    if others := sorted(set(plan.attack_budgets) - set(plan.leagues.pairs)):
        raise ConfigError(
            f"Expected attack_budgets of those in leagues.pairs, {list(plan.leagues.pairs)}, got {others[0]:g}."
        )
    if plan.attack_budgets and not plan.attacks:
        raise ConfigError("Expected `attacks` beside attack_budgets, got none.")
    if not plan.selection and plan.tuning.trials:
        raise ConfigError("Expected seeds in `selection`, on whose worlds options are chosen, got none.")
    if plan.tuning.trials and 0 in plan.selection:
        raise ConfigError("Expected seeds above 0 in `selection` where options are tuned: 0 draws the trials.")
    if plan.rule.worlds is not None:
        raise ConfigError(
            f"Expected a plan without rule.worlds, got {plan.rule.worlds}: a candidate passes by the means of its "
            "views over all worlds, not in a number of worlds. Take the key out."
        )
    for name, limit in plan.rule.limits.items():
        if not limit > 0:
            raise ConfigError(f"Expected limits above 0 in rule.limits, got {limit:g} for {name}.")
    thresholds = writing.plain(THRESHOLDS)
    for name, value in plan.rule.thresholds.items():
        if name not in thresholds:
            raise UnknownName("threshold in rule.thresholds:", name, thresholds)
        if value != thresholds[name]:
            raise ConfigError(
                f"Expected the threshold {name} by which this version judges, {thresholds[name]:g}, got {value:g} in "
                "the plan. Install the version that the plan was written for, or write another plan."
            )


def _check_history(loaded: LoadedPlan, folder: Path, out: Path) -> None:
    """Refuse an evaluation seed that a record of earlier work names, or another plan."""
    if not places.is_folder(folder):
        raise ConfigError(f"Expected a folder of earlier records in `history`, got none at {folder}.")
    plan_path = places.real(loaded.path)
    for path in sorted([*folder.rglob("*.json"), *folder.rglob("*.yaml"), *folder.rglob("*.yml")]):
        real = places.real(path)
        if real.is_relative_to(out) or real == plan_path:
            continue
        if path.suffix == ".json":
            seeds = _seeds_in(reading.read_json(path, error=ConfigError), loaded.sha256)
        else:
            seeds = _seeds_planned(path, loaded.sha256)
        for seed in {seed for seed in seeds if isinstance(seed, int)} & set(loaded.plan.evaluation):
            raise ConfigError(
                f"Expected evaluation worlds that nobody has looked at, got seed {seed}, which occurs in {path}. Take "
                "another seed."
            )


def _seeds_planned(path: Path, sha256: str) -> Iterator[Any]:
    """Seeds that another plan has taken, whose worlds may not be there yet."""
    try:
        content = reading.read_yaml(path, error=ConfigError, what="a plan", expected="a plan")
    except ConfigError:  # a plan can be read
        return
    if {"recipe", "evaluation", "methods"} <= set(content) and manifest.sha256_file(path) != sha256:
        for name in ("evaluation", "selection"):
            yield from content[name] if isinstance(content.get(name), list) else ()


def _seeds_in(content: Any, sha256: str) -> Iterator[Any]:
    """Seeds that a record, a run or a contest names; none of what belongs to the contest of this plan."""
    if not isinstance(content, dict):
        return
    provenance, plan = content.get("provenance"), content.get("plan")
    if isinstance(provenance, dict) and provenance.get("plan") == sha256:
        return
    model = content.get("model")
    if "scores" in content and isinstance(model, dict):
        tuned = model.get("tuned")
        yield from (model.get("seed"), tuned.get("selection_seed") if isinstance(tuned, dict) else None)
    if "recipe" in content:
        yield content.get("seed")
    if isinstance(plan, dict):
        for seeds in (plan.get("evaluation"), plan.get("selection")):
            yield from seeds if isinstance(seeds, list) else ()
