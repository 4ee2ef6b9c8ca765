"""What a method's file must hold, and whose fault an error in it is. No torch of its own."""

from __future__ import annotations

import dataclasses
import inspect
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

from salmubench.core import options as options_of
from salmubench.core import places, plugins
from salmubench.core.errors import ConfigError, UnknownName
from salmubench.unlearn.config import ENGINE_OPTIONS, PACKAGE, UnlearnConfig

if TYPE_CHECKING:
    from salmubench.unlearn.interface import Method

_NEEDS = ("forget", "forget_target", "retain", "fresh")
_SIGNATURES = {"loss": ("batch", "model", "reference", "config"), "edit": ("model", "data", "engine", "config")}


@contextmanager
def authors_code(path: Path, what: str, *, but: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Turn any error of the author's code, beside the loss or edit, into one that names the file.

    Args:
        but: errors that pass, beside `ConfigError`.

    Raises:
        ConfigError: what was raised, and in which line of the file.
    """
    passing: tuple[type[Exception], ...] = (ConfigError, *but)
    try:
        yield
    except passing:
        raise
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if places.real(frame.filename) == places.real(path)]
        text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        where = f"line {lines[-1]} of {path}" if lines else str(path)
        raise ConfigError(f"Expected {what} to work, got {text}, in {where}.") from error


def find_function(path: Path, module: ModuleType) -> tuple[Literal["loop", "edit"], Callable[..., Any]]:
    """Which of the two functions a file has, and that one; refused where it has both, neither, or other parameters."""
    functions = {name: getattr(module, name) for name in _SIGNATURES if callable(getattr(module, name, None))}
    if len(functions) != 1:
        raise ConfigError(
            f"Expected either loss(batch, model, reference, config) or edit(model, data, engine, config) in {path}, "
            f"got {' and '.join(functions) or 'neither'}."
        )
    name, function = functions.popitem()
    parameters = inspect.signature(function).parameters.values()
    if tuple(item.name for item in parameters) != _SIGNATURES[name]:
        raise ConfigError(
            f"Expected {name}({', '.join(_SIGNATURES[name])}) in {path}, got {name}"
            f"({', '.join(item.name for item in parameters)})."
        )
    return ("loop" if name == "loss" else "edit"), function


def check_name(name: str, path: Path) -> None:
    """A name of the package's methods stands for the package's code, in records and on boards; copies may bear it."""
    built_in = plugins.built_in_file(PACKAGE, name)
    if built_in is not None and path.read_bytes() != built_in.read_bytes():
        raise ConfigError(
            f"Expected a method with a name of its own, got {name!r} in {path}, which is a method of the package. "
            f"Rename the file, e.g. my_{name}.py."
        )


def check_description(path: Path, described: Any) -> Method | None:
    """`METHOD`, where a file has one."""
    if described is None:
        return None
    from salmubench.unlearn.interface import Method  # it imports torch, as a file with a description has done

    if not isinstance(described, Method):
        raise ConfigError(f"Expected METHOD = Method(title=…) in {path}, got {described!r}.")
    return described


def check_needs(path: Path, needs: Any) -> tuple[str, ...]:
    """`NEEDS`, or what `needs(config)` gave, in the order of `_NEEDS`."""
    if isinstance(needs, str) or not isinstance(needs, tuple | list):
        raise ConfigError(f'Expected NEEDS, a tuple such as ("forget", "retain"), in {path}, got {needs!r}.')
    for name in needs:
        if name not in _NEEDS:
            raise UnknownName(f"kind of pairs in NEEDS of {path}:", str(name), _NEEDS)
    return tuple(name for name in _NEEDS if name in needs)


def check_declared(path: Path, declared: Any) -> Mapping[str, Any]:
    """`SETTINGS`, or what `settings(config)` gave: engine settings, whose values the engine takes."""
    settings = check_names(path, "SETTINGS or settings", declared)
    try:
        options_of.build(UnlearnConfig, settings)
    except (TypeError, ValueError, ConfigError) as error:
        raise ConfigError(f"SETTINGS of {path}: {error}") from error
    return settings


def check_names(path: Path, variable: str, declared: Any) -> Mapping[str, Any]:
    """A mapping by names of engine settings."""
    if not isinstance(declared, dict):
        raise ConfigError(f"Expected {variable}, by names of engine settings, in {path}, got {declared!r}.")
    for name in declared:
        if name not in ENGINE_OPTIONS:
            raise UnknownName(f"engine setting in {variable} of {path}:", str(name), ENGINE_OPTIONS)
    return declared


def check_config(path: Path, config: Any) -> None:
    """A frozen dataclass whose options all have defaults, none with the name of an engine setting."""
    plugins.check_config(path, config)
    for item in dataclasses.fields(config):
        if item.name in ENGINE_OPTIONS:
            raise ConfigError(
                f"Expected Config in {path} to leave {item.name!r} to the engine, got an option of that name. "
                "Rename it, or set the engine's in the recipe."
            )
