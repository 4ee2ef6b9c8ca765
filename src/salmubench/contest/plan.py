"""The plan of a contest: everything that decides about its result, in one YAML file that is fixed before it runs.

Paths in it are relative to the file. What a plan leads to is known by hashes: of the file, of its recipe and of each
method's and attack's file.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass as plain_dataclass
from dataclasses import field
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic.dataclasses import dataclass

from salmubench import attacks
from salmubench.core import manifest, options, places, plugins, reading
from salmubench.core.errors import ConfigError, UnknownName
from salmubench.scoring.contest_record import NUMBERS, Number, Track
from salmubench.scoring.origin import STRICT, Flag, Name, Real, Whole
from salmubench.scoring.references import KINDS, listed
from salmubench.unlearn.config import ENGINE_OPTIONS, PACKAGE, UnlearnConfig
from salmubench.unlearn.registry import load_method
from salmubench.workflow import recipe as recipes

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,79}")
_YAML = (".yaml", ".yml")


@dataclass(frozen=True, config=STRICT)
class Entry:
    """A method that takes part.

    Attributes:
        method: a name (`salmubench list methods`), or the path of a Python file.
        name: what it is called here, where one method takes part twice; the method's own name by default.
        track: `closed` saw the pairs and what is known of them only; `generator` may use grammar and invented people.
        options: of the method and of the engine; fixed, and not searched.
        pairs: those of `leagues.pairs` at which it takes part; none: all.
        tuned: whether options are chosen for it; else it runs with its own and with `options`.
    """

    method: Name
    name: Name | None = None
    track: Track = "closed"
    options: Mapping[Name, Any] = field(default_factory=dict)
    pairs: tuple[Real, ...] = ()
    tuned: Flag = True

    @property
    def called(self) -> str:
        """Its name in the contest."""
        return self.name or plugins.stem(self.method)


@dataclass(frozen=True, config=STRICT)
class Leagues:
    """On which terms candidates are compared.

    Attributes:
        pairs: budgets: how often each forget pair is seen.
        seconds: of older plans: processor seconds of each candidate of a further league. Refused where a contest runs.
    """

    pairs: tuple[Real, ...] = (5.0,)
    seconds: Real | None = None


@dataclass(frozen=True, config=STRICT)
class Tuning:
    """How options are chosen, on the selection worlds.

    Attributes:
        trials: settings that are tried for each method, each on every selection world; 0: none is tuned. The first is
            the recipe's own.
        search: engine setting → choices, or `[low, high, log or linear]`: searched for every loop method alike, beside
            its own options and instead of what it declares about these settings.
    """

    trials: Whole = 0
    search: Mapping[Name, tuple[Any, ...]] = field(default_factory=dict)


@dataclass(frozen=True, config=STRICT)
class Limits:
    """What a candidate may take: processor seconds after which it is given up and has failed; null: no limit."""

    seconds: Real | None = None


@dataclass(frozen=True, config=STRICT)
class Rule:
    """When a candidate passes.

    Attributes:
        thresholds: of the failure modes within a world, that the plan rests on; refused where the package judges by
            others.
        limits: view → limit over worlds, instead of the package's; |L| of facts.
        spreads: `contest.json` of an earlier contest, whose spreads between worlds say what this one can decide; null:
            those of the last one.
        worlds: of older plans: in how many worlds a method must pass. Refused where a contest runs.
    """

    thresholds: Mapping[Name, Real] = field(default_factory=dict)
    limits: Mapping[Name, Real] = field(default_factory=dict)
    spreads: Name | None = None
    worlds: Whole | None = None


@dataclass(frozen=True, config=STRICT)
class Compare:
    """Which paired differences are printed: Holm's correction is over all of them.

    Attributes:
        methods: pairs with at least one of these; none: all pairs.
        numbers: which numbers are compared.
    """

    methods: tuple[Name, ...] = ()
    numbers: tuple[Number, ...] = NUMBERS[:-1]


@dataclass(frozen=True, config=STRICT)
class Plan:
    """A plan as it stands in its file.

    Attributes:
        recipe: of all worlds: a name, or a path.
        evaluation: seeds of the worlds that decide.
        methods: what takes part.
        selection: seeds of the worlds on which options are chosen.
        attacks: names or paths of attacks on candidates; `all` is every one.
        attack_budgets: only candidates of these budgets are attacked; none: all are.
        second_retrained: whether each world has a second Retrained, which is judged against the first.
        history: folders in whose records no evaluation seed may occur.
        keep: what stays of a world that is done: its records, or everything.
        workers: candidates at once; null: as many as pay. The command line wins.
    """

    recipe: Name
    evaluation: tuple[Whole, ...]
    methods: tuple[Entry, ...]
    selection: tuple[Whole, ...] = ()
    leagues: Leagues = field(default_factory=Leagues)
    tuning: Tuning = field(default_factory=Tuning)
    attacks: tuple[Name, ...] = ()
    attack_budgets: tuple[Real, ...] = ()
    second_retrained: Flag = False
    limits: Limits = field(default_factory=Limits)
    rule: Rule = field(default_factory=Rule)
    compare: Compare = field(default_factory=Compare)
    history: tuple[Name, ...] = ()
    keep: Literal["records", "all"] = "records"
    workers: Whole | None = None


@plain_dataclass(frozen=True)
class Contestant:
    """A method of a plan, as it is called there; its origin is a name, or the absolute path of its file."""

    name: str
    origin: str
    path: Path
    sha256: str
    track: Track
    options: Mapping[str, Any]
    pairs: tuple[float, ...]
    tuned: bool


@plain_dataclass(frozen=True)
class LoadedPlan:
    """A plan with all that it names.

    Attributes:
        attacks: names, and absolute paths.
        spreads: `contest.json` of an earlier contest, or `None`.
        identity: what is fixed: hashes of the plan, its recipe, its methods and its attacks.
    """

    path: Path
    plan: Plan
    recipe: recipes.LoadedRecipe
    contestants: tuple[Contestant, ...]
    attacks: tuple[str, ...]
    history: tuple[Path, ...]
    spreads: Path | None
    identity: Mapping[str, str]

    @property
    def sha256(self) -> str:
        """Hash of the plan's file, as `sha256sum` gives it."""
        return self.identity["the plan"]

    @property
    def search(self) -> dict[str, Any]:
        """What is searched for every loop method, as a field's metadata says it: a range, or a list of choices."""
        return {name: _where(name, where) for name, where in self.plan.tuning.search.items()}


def load(path: Path) -> LoadedPlan:
    """Read a plan and find all that it names; what it asks for is checked by `checks.check`.

    Raises:
        ConfigError: no such file, not a plan, or a file it names isn't there.
        UnknownName: a recipe, method or attack that doesn't exist.
    """
    plan = read_plan(path)
    place = places.real(path).parent

    def found(name: str) -> str:
        return str(places.real(place / name)) if plugins.is_path(name) or name.endswith(_YAML) else name

    recipe = recipes.load(found(plan.recipe))
    shipped = resources.files("salmubench.workflow") / "recipes" / f"{plan.recipe}.yaml"
    file = Path(found(plan.recipe)) if plan.recipe.endswith(_YAML) else shipped
    contestants = tuple(_contestant(entry, found(entry.method)) for entry in plan.methods)
    attacking = tuple(found(name) for name in plan.attacks)
    loaded = attacks.load_all(attacking, recipe.recipe.attack.overrides)
    identity = {
        "the plan": manifest.sha256_file(path),
        f"the recipe {plan.recipe}": hashlib.sha256(file.read_bytes()).hexdigest(),
        **{f"the method {item.name}": item.sha256 for item in contestants},
        **{f"the attack {item.attack.name}": item.sha256 for item in loaded},
    }
    history = tuple(places.real(place / name) for name in plan.history)
    spreads = None if plan.rule.spreads is None else places.real(place / plan.rule.spreads)
    return LoadedPlan(path, plan, recipe, contestants, attacking, history, spreads, identity)


def read_plan(path: Path) -> Plan:
    """Read a plan, and nothing that it names.

    Raises:
        ConfigError: no such file, or not a plan.
    """
    content = reading.read_yaml(path, error=ConfigError, what="a plan of a contest", expected="a plan")
    return reading.validated(Plan, content, where=str(path), error=ConfigError, advice="See docs/contest.md.")


def _contestant(entry: Entry, origin: str) -> Contestant:
    method = load_method(origin)
    name = entry.called
    if not _NAME.fullmatch(name) or name in KINDS:
        raise ConfigError(f"Expected names of methods of A–Z a–z 0–9 . _ -, none called {listed()}, got {name!r}.")
    built_in = plugins.built_in_file(PACKAGE, name)
    if built_in is not None and manifest.sha256_file(built_in) != method.sha256:
        raise ConfigError(f"Expected another `name` for {entry.method}, got {name!r}, a method of the package.")
    options, pairs = dict(entry.options), tuple(entry.pairs)
    return Contestant(name, origin, method.path, method.sha256, entry.track, options, pairs, entry.tuned)


def _where(name: str, where: Sequence[Any]) -> Any:
    """A declared range or list of choices; YAML takes 1e-4 for a text."""
    if name not in ENGINE_OPTIONS:
        raise UnknownName("engine setting in tuning.search:", name, ENGINE_OPTIONS)
    is_range = len(where) == 3 and where[2] in ("log", "linear")
    ends = where[:2] if is_range else where
    try:
        typed = [getattr(options.build(UnlearnConfig, {name: value}), name) for value in ends]
    except (TypeError, ValueError, ConfigError) as error:
        raise ConfigError(
            f"Expected what unlearn.{name} can be in tuning.search, got {list(where)!r}: {error}"
        ) from error
    if not typed:
        raise ConfigError(f"Expected choices for {name} in tuning.search, got none.")
    if is_range and not (typed[0] < typed[1] and (where[2] == "linear" or typed[0] > 0)):
        raise ConfigError(
            f"Expected a smaller and a larger end for {name} in tuning.search, above 0 for log, got {list(where)!r}."
        )
    return (typed[0], typed[1], where[2]) if is_range else typed
