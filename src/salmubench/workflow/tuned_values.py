"""Tuned values: the file that `salmubench tune` writes and `salmubench run` uses.

`tuned.yaml` holds, for each method, the chosen values with all trials, and of which world they are. Those that come
with the package lie in `salmubench/workflow/recipes/tuned/<recipe>.yaml`, with the number of trials in place of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field

from salmubench.core import manifest, plugins, reading
from salmubench.core.errors import ConfigError
from salmubench.unlearn.registry import LoadedMethod

SCHEMA_VERSION = 1
"""Version of `tuned.yaml`."""


@dataclass(frozen=True)
class _Entry:
    """What is read about a method."""

    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"allow_inf_nan": False}

    values: Mapping[str, Any]
    method_sha256: str
    trials: tuple[Any, ...] | Annotated[int, Field(strict=True, ge=0)]
    objective: float
    default: float | None


@dataclass(frozen=True)
class _World:
    """The world on which values were chosen: seed, fingerprints of its dataset and of the part that was used.

    Further worlds on which they were chosen stand in `others`: seed → fingerprint.
    """

    seed: Annotated[int, Field(strict=True)]
    dataset: str | None = None
    part: str | None = None
    others: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _File:
    """What is read of the file."""

    selection: _World
    methods: Mapping[str, _Entry]


@dataclass(frozen=True)
class TunedFile:
    """A file of tuned values.

    Attributes:
        selection_seed: seed of the world on which the values were chosen.
        fingerprints: of that world's dataset, and of the part of it that was used.
        methods: name → values, trials and what they are worth.
        others: seeds of further worlds on which they were chosen.
        asked: the caller named the file (`--tuned`), so that it must hold values of one of the methods.
    """

    path: str
    sha256: str
    selection_seed: int
    fingerprints: tuple[str, ...]
    methods: Mapping[str, _Entry]
    others: tuple[int, ...] = ()
    asked: bool = False

    def of(self, method: LoadedMethod) -> Mapping[str, Any] | None:
        """Values of a method, or `None`; a file given by its path must be the very one that was tuned."""
        entry = self.methods.get(method.name)
        if entry is None or (plugins.is_path(method.origin) and entry.method_sha256 != method.sha256):
            return None
        return dict(entry.values)

    def why_not(self, method: LoadedMethod) -> str:
        """Why the file has no values for a method, for a message."""
        if method.name in self.methods:
            return f"{self.path} was tuned with another version of {method.path.name}: tune it again"
        return f"{self.path} holds values of {', '.join(self.methods) or 'no method'} only"

    def check_world(self, fingerprint: str) -> None:
        """Refuse the world on which the values were chosen.

        Raises:
            ConfigError: a dataset of this fingerprint took part in the choice.
        """
        if fingerprint in self.fingerprints:
            raise ConfigError(f"Expected another dataset than that on which {self.path} was tuned, got the same.")

    def about(self, name: str) -> dict[str, Any]:
        """What a record says about the tuning of a method (`results.schema.Tuned`)."""
        entry = self.methods[name]
        return {
            "selection_seed": self.selection_seed,
            "trials": entry.trials if isinstance(entry.trials, int) else len(entry.trials),
            "objective": entry.objective,
            "default": entry.default,
            "sha256": self.sha256,
        }


def find_tuned(setting: str, *, recipe: str, shipped: bool) -> TunedFile | None:
    """Find the tuned values of a recipe.

    Args:
        setting: `unlearn.tuned` of the recipe.
        shipped: the recipe is one of the package: only then its name says which values are its own.

    Raises:
        ConfigError: no such file, or not one that `tune` writes.
    """
    if setting == "none":
        return None
    if setting != "auto":
        path = Path(setting)
        if not path.is_file():
            raise ConfigError(f"Expected a file of tuned values, as `salmubench tune` writes it, got none at {path}.")
        data = reading.read_bytes(path, error=ConfigError, what="tuned values", limit=reading.YAML_BYTES)
        return parse_tuned(data, origin=str(path))
    file = resources.files("salmubench.workflow") / "recipes" / "tuned" / f"{recipe}.yaml"
    if not shipped or not file.is_file():
        return None
    return parse_tuned(file.read_bytes(), origin=f"tuned/{recipe}.yaml")


def choose_tuned(
    tuned: str | Path | None, *, setting: str, untuned: bool, recipe: str, shipped: bool
) -> TunedFile | None:
    """The values that a call uses: those it names, else the recipe's, or none.

    Args:
        tuned: a file, or what `unlearn.tuned` may be; `None`: as the recipe says.
        setting: `unlearn.tuned` of the recipe.

    Raises:
        ConfigError: both a file and none are asked for, or no such file.
    """
    if tuned is None:
        return find_tuned("none" if untuned else setting, recipe=recipe, shipped=shipped)
    if untuned:
        raise ConfigError("Expected tuned values or none, got both: leave --tuned or --untuned out.")
    tuned_file = find_tuned(str(tuned), recipe=recipe, shipped=shipped)
    return None if tuned_file is None else replace(tuned_file, asked=True)


def named_values(
    path: Path | None, method: LoadedMethod, *, dataset: Callable[[], str]
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Values of one method in a file that the caller names, and what a record says about them.

    Args:
        path: the file; `None`: no values.
        dataset: gives the fingerprint of the dataset that they are used on.

    Raises:
        ConfigError: no such file, no values of the method in it, or chosen on that very dataset.
    """
    if path is None:
        return {}, None
    tuned_file = find_tuned(str(path), recipe="", shipped=False)
    if tuned_file is None:  # the words that a recipe may have for it
        raise ConfigError(
            f"Expected a file of tuned values, as `salmubench tune` writes it, got {str(path)!r}. Give its path, or "
            "leave --tuned out to use none."
        )
    values = tuned_file.of(method)
    if values is None:
        raise ConfigError(f"Expected tuned values of {method.name!r}, got none: {tuned_file.why_not(method)}.")
    tuned_file.check_world(dataset())
    return dict(values), tuned_file.about(method.name)


def parse_tuned(content: bytes, *, origin: str) -> TunedFile:
    """Read a file of tuned values.

    Raises:
        ConfigError: not YAML, or not what `tune` writes.
    """
    parsed = reading.parse_yaml(content, where=origin, error=ConfigError)
    if parsed.get("schema_version") != SCHEMA_VERSION:
        raise ConfigError(f"Expected tuned values with schema_version {SCHEMA_VERSION} in {origin}, got another file.")
    file = reading.validated(_File, parsed, where=origin, error=ConfigError, advice="Run `salmubench tune` again.")
    world = file.selection
    return TunedFile(
        path=origin,
        sha256=manifest.sha256_json(parsed),
        selection_seed=world.seed,
        fingerprints=tuple(text for text in (world.dataset, world.part) if text is not None),
        methods=file.methods,
        others=tuple(world.others),
    )
