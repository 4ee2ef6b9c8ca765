"""Recipes: one YAML file says everything a run does.

A recipe has the sections `dataset`, `pretrain`, `unlearn`, `tune`, `encode`, `score`, `attack` and `report`; what is
left out takes its default, or what another recipe says: `extends: mini`, a name, or a path beside the file. Unknown
keys are reported first, with their path and the nearest known one.
"""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Protocol, TypeVar

import yaml

from salmubench.attacks import AttackConfig
from salmubench.core import places, reading, writing
from salmubench.core.errors import ConfigError, UnknownName
from salmubench.encode.config import EncodeConfig
from salmubench.generator.config import DatasetConfig
from salmubench.pretrain.config import PretrainConfig
from salmubench.report.config import ReportConfig
from salmubench.scoring.config import ScoreConfig
from salmubench.unlearn.config import UnlearnConfig

T = TypeVar("T")


class _Chosen(Protocol):
    """`recovery.rates.Chosen`, whose module reading a recipe would import, and torch with it."""

    @property
    def overrides(self) -> Mapping[str, Mapping[str, Any]]: ...
    @property
    def dataset(self) -> str: ...
    @property
    def seed(self) -> int: ...


EXTENDS = "extends"
"""Key of the recipe whose keys a recipe's stand over."""


@dataclass(frozen=True)
class TuneConfig:
    """How hyperparameters are chosen."""

    selection_seed: int = 1000
    """Seed of the world on which they are chosen; no world of this seed can be evaluated with them."""

    trials: int = 12
    """Settings that are tried for each method; the first ones are the recipe's own."""

    spared: float = 0.2
    """Share of that world's forget pairs that methods do not get, so that damage to other associations can be seen
    without a holdout split: half of it whole people, half single facts of others."""

    budget: float = 5.0
    """How often each of the other forget pairs is seen."""

    def __post_init__(self) -> None:
        if not 1 <= self.trials <= 10_000:
            raise ConfigError(f"Expected tune.trials from 1 to 10,000, got {self.trials}.")
        if not 0.02 <= self.spared <= 0.5:
            raise ConfigError(f"Expected tune.spared from 0.02 to 0.5, got {self.spared}.")
        if not 0 < self.budget < 1e6:
            raise ConfigError(f"Expected a tune.budget above 0, got {self.budget}.")
        if self.selection_seed < 0:
            raise ConfigError(f"Expected a tune.selection_seed of 0 or more, got {self.selection_seed}.")


@dataclass(frozen=True)
class Recipe:
    """All settings of a run."""

    dataset: DatasetConfig = dataclasses.field(default_factory=DatasetConfig)
    """How the dataset is made."""
    pretrain: PretrainConfig = dataclasses.field(default_factory=PretrainConfig)
    """How the reference models are trained."""
    unlearn: UnlearnConfig = dataclasses.field(default_factory=UnlearnConfig)
    """Which methods run, and with which settings."""
    tune: TuneConfig = dataclasses.field(default_factory=TuneConfig)
    """How hyperparameters are chosen, and on which world."""
    encode: EncodeConfig = dataclasses.field(default_factory=EncodeConfig)
    """How models are turned into embeddings."""
    score: ScoreConfig = dataclasses.field(default_factory=ScoreConfig)
    """How embeddings are turned into numbers."""
    attack: AttackConfig = dataclasses.field(default_factory=AttackConfig)
    """Which attacks run on the candidates; none by default."""
    report: ReportConfig = dataclasses.field(default_factory=ReportConfig)
    """How the page looks."""


class LoadedRecipe(typing.NamedTuple):
    """A parsed recipe.

    Attributes:
        name: the recipe's name (the stem of its file).
        recipe: with defaults filled in.
        given: as it stands in the file, over what it extends.
    """

    name: str
    recipe: Recipe
    given: dict[str, Any]
    shipped: bool = False

    def measuring(self, metrics: Sequence[str]) -> LoadedRecipe:
        """The same with further metrics."""
        every = dict.fromkeys((*self.recipe.score.extra_metrics, *metrics))
        score = dataclasses.replace(self.recipe.score, extra_metrics=tuple(every))
        return self._replace(recipe=dataclasses.replace(self.recipe, score=score))


def names() -> list[str]:
    """Names of the recipes that come with the package."""
    folder = resources.files("salmubench.workflow") / "recipes"
    return sorted(item.name.removesuffix(".yaml") for item in folder.iterdir() if item.name.endswith(".yaml"))


def load(source: str | Path) -> LoadedRecipe:
    """Load a recipe by name or from a YAML file.

    Raises:
        UnknownName: no recipe of that name, or a key that no section has.
        ConfigError: not YAML, or a value of the wrong type.

    Examples:
        >>> from salmubench import load_recipe
        >>> load_recipe("tiny").recipe.unlearn.batch_size
        16
        >>> path = Path("mine.yaml")
        >>> _ = path.write_text("unlearn: {batch_size: 32}")
        >>> load_recipe(path).recipe.unlearn.batch_size
        32
    """
    text = str(source)
    if text.endswith((".yaml", ".yml")):
        path = Path(text)
        if not path.is_file():
            raise ConfigError(f"Expected a recipe file, got none at {path}.")
        given = reading.read_yaml(path, error=ConfigError, what="a recipe", expected=_sections())
        return LoadedRecipe(path.stem, *_parse(_extended(given, path), origin=str(path)))
    if text not in names():
        raise UnknownName("recipe", text, names())
    content = (resources.files("salmubench.workflow") / "recipes" / f"{text}.yaml").read_bytes()
    origin = f"the recipe {text!r}"
    given = reading.parse_yaml(content, where=origin, error=ConfigError, expected=_sections())
    return LoadedRecipe(text, *_parse(given, origin=origin), shipped=True)


def stated(name: str, given: Mapping[str, Any], *, origin: str) -> LoadedRecipe:
    """The recipe of a run, as its `run.json` states it.

    Args:
        origin: that file, for messages.

    Raises:
        ConfigError: it doesn't fit this version.
    """
    recipe, given = _parse(dict(given), origin=origin)
    return LoadedRecipe(name, recipe, given, shipped=name in names() and load(name).given == given)


def _extended(given: Mapping[str, Any], path: Path, *, below: Sequence[Path] = ()) -> dict[str, Any]:
    """A recipe's keys over those of the one that it extends, if any; sections are merged key by key, lists aren't."""
    changes = {name: value for name, value in given.items() if name != EXTENDS}
    if EXTENDS not in given:
        return changes
    base = given[EXTENDS]
    if not isinstance(base, str):
        raise ConfigError(f"Expected the name or path of a recipe as {EXTENDS} in {path}, got {base!r}.")
    if not base.endswith((".yaml", ".yml")):
        return _merged(load(base).given, changes)
    file, below = path.parent / base, (*below, places.real(path))
    if places.real(file) in below:
        raise ConfigError(f"Expected {path} to extend another recipe, got {base!r}, which extends it.")
    if not file.is_file():
        raise ConfigError(f"Expected the recipe that {path} extends at {file}, got none.")
    there = reading.read_yaml(file, error=ConfigError, what="a recipe", expected=_sections())
    return _merged(_extended(there, file, below=below), changes)


def _merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    both = {**base, **changes}
    for name, value in changes.items():
        there = base.get(name)
        if isinstance(value, Mapping) and isinstance(there, Mapping):
            both[name] = _merged(there, value)
    return both


def _sections() -> str:
    return f"sections ({', '.join(_fields(Recipe))})"


def _parse(given: dict[str, Any], *, origin: str) -> tuple[Recipe, dict[str, Any]]:
    check_keys(given, Recipe)
    return parse(given, Recipe, origin=origin), given


def parse(given: Mapping[str, Any], kind: type[T], *, origin: str) -> T:
    """Check plain values against a configuration dataclass and make one.

    Args:
        origin: for messages.

    Raises:
        ConfigError: a value of the wrong type or out of range.
    """
    form: Any = kind
    parser = _parser(form)
    try:
        config = parser.instantiate(parser.parse_object({"it": dict(given)})).it
    except Exception as error:
        inner = error.__cause__ if isinstance(error.__cause__, ConfigError) else error
        if isinstance(inner, ConfigError):
            raise inner from error
        message = " ".join(str(error).replace('"it.', '"').replace("typing.", "").split())
        raise ConfigError(f"Expected values that fit in {origin}, got: {message}") from error
    if not isinstance(config, kind):
        raise ConfigError(f"Expected a {kind.__name__} in {origin}, got {config!r}.")
    return config


@cache  # making one takes as long as using it
def _parser(kind: Hashable) -> Any:
    import jsonargparse

    parser = jsonargparse.ArgumentParser(exit_on_error=False)
    made: Any = kind
    parser.add_argument("--it", type=made, default=made())
    return parser


def check_keys(given: Mapping[str, Any], kind: type, prefix: str = "") -> None:
    """Report the first key that `kind` has no field for, with its path.

    Raises:
        UnknownName: with the nearest known keys.
        ConfigError: a section that is no mapping.
    """
    allowed = _fields(kind)
    for key, value in given.items():
        path = f"{prefix}{key}"
        if key not in allowed:
            raise UnknownName("recipe key", path, [f"{prefix}{name}" for name in allowed])
        for nested in _dataclasses_in(allowed[key]):
            if isinstance(value, Mapping):
                check_keys(value, nested, f"{path}.")
            elif allowed[key] is nested:
                raise ConfigError(f"Expected keys and values for the recipe key {path!r}, got {value!r}.")


@cache
def _fields(kind: type) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _dataclasses_in(annotation: Any) -> Iterable[type]:
    if dataclasses.is_dataclass(annotation) and isinstance(annotation, type):
        return [annotation]
    if typing.get_origin(annotation) in (dict, tuple, list):
        return []
    return [item for item in typing.get_args(annotation) if dataclasses.is_dataclass(item) and isinstance(item, type)]


def write_overrides(path: Path, chosen: _Chosen) -> None:
    """Write what was chosen into the section `attack` of a recipe; the rest of the file stays as it is.

    Args:
        path: a YAML file; made if missing.
        chosen: as `choose_rates` gives it.

    Raises:
        ConfigError: no recipe, or another ending.
    """
    if path.suffix not in (".yaml", ".yml"):
        raise ConfigError(f"Expected a recipe file, *.yaml, got {path}.")
    given = load(path).given if path.is_file() else {}
    section = dict(given.get("attack") or {})
    section["overrides"] = {**section.get("overrides", {}), **writing.plain(chosen.overrides)}
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    block = (
        f"attack: # overrides chosen by the references of dataset {chosen.dataset[:12]} alone, seed {chosen.seed}\n"
        + "".join(f"  {line}\n" for line in yaml.safe_dump(section, sort_keys=False).splitlines())
    )
    old = re.search(r"^attack:.*\n(?:(?:[ #].*)?\n)*", f"{text}\n", re.MULTILINE)
    kept = text if old is None else text[: old.start()] + text[old.end() :]
    writing.write_text(path, f"{kept.rstrip()}\n\n{block}".lstrip())
    load(path)
