"""The attacks: one module each, which tries to bring back what was unlearnt. The folder is the registry.

An attack of one's own is a file with `ATTACK = Attack(…)`, a frozen dataclass `Config` and
`attack(model, data, seed, config)`, which yields variants; `--attacks` takes its path. See docs/add_an_attack.md.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from salmubench.attacks._config import AttackConfig
from salmubench.attacks._interface import Attack, Control, Data, Headline, Known, Knows, Model, Price, Sizes, Variant
from salmubench.core import manifest, plugins
from salmubench.core import options as options_of
from salmubench.core.errors import ConfigError, UnknownName

if TYPE_CHECKING:
    from salmubench.attacks._training import (
        Batch,
        copy_of,
        draws,
        fine_tune,
        generator_of,
        joined,
        optimiser_steps,
    )

_TRAINING = ("Batch", "copy_of", "draws", "fine_tune", "generator_of", "joined", "optimiser_steps")

__all__ = [
    "Attack",
    "AttackConfig",
    "Batch",
    "Data",
    "Known",
    "Loaded",
    "Model",
    "Price",
    "Sizes",
    "Variant",
    "copy_of",
    "draws",
    "fine_tune",
    "generator_of",
    "joined",
    "load",
    "load_all",
    "names",
    "optimiser_steps",
]

_PARAMETERS = ("model", "data", "seed", "config")


def __getattr__(name: str) -> Any:
    if name not in _TRAINING:  # they need torch
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}._training"), name)


@dataclass(frozen=True, eq=False)
class Loaded:
    """An attack, loaded.

    Attributes:
        attack: its description.
        function: yields the variants.
        config: its options as they take effect.
        doc: its docstring.
        sha256: hash of its file.
        price: options and sizes → what it takes; `None` where its file doesn't say.
    """

    attack: Attack
    function: Callable[[Model, Data, int, Any], Iterator[Variant]]
    config: Any
    doc: str
    sha256: str
    price: Callable[[Any, Sizes], Price] | None = None


def names() -> list[str]:
    """Names of the attacks, sorted, without importing any."""
    return plugins.names(__name__)


def load(name: str, values: Mapping[str, Any] | None = None) -> Loaded:
    """Import an attack, check that its file keeps the interface, and set its options.

    Args:
        name: a name from `names()`, or the path of a Python file.
        values: options by name; the rest takes its default.

    Raises:
        UnknownName: no such attack or option.
        ConfigError: the file fails on import or breaks the interface, or an option is of another type.
    """
    module = plugins.load(__name__, name, kind="attack")
    path = Path(str(module.__file__))
    described, config, function = (getattr(module, item, None) for item in ("ATTACK", "Config", "attack"))
    if not isinstance(described, Attack) or not callable(function):
        raise ConfigError(
            f"Expected ATTACK = Attack(…) and a function attack({', '.join(_PARAMETERS)}) in {path}, got ATTACK "
            f"{type(described).__name__} and attack {type(function).__name__}."
        )
    parameters = tuple(inspect.signature(function).parameters)
    if parameters != _PARAMETERS:
        raise ConfigError(f"Expected attack({', '.join(_PARAMETERS)}) in {path}, got attack({', '.join(parameters)}).")
    if described.name != plugins.stem(name):
        raise ConfigError(f"Expected the name of its file, {plugins.stem(name)!r}, in ATTACK, got {described.name!r}.")
    for field, words in (("knows", Knows), ("control", Control), ("headline", Headline)):
        given, allowed = getattr(described, field), get_args(words)
        if given not in allowed:
            raise ConfigError(f"Expected {field} of ATTACK to be one of {', '.join(allowed)} in {path}, got {given!r}.")
    checked = plugins.check_config(path, config)
    known = [item.name for item in dataclasses.fields(checked)]
    for option in values or {}:
        if option not in known:
            raise UnknownName(f"option of the attack {described.name!r}:", option, known)
    owner = f"Options of the attack {described.name!r}: "
    try:
        settings = options_of.build(checked, values or {}, owner=owner)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{owner}{error}") from error
    doc, price = inspect.cleandoc(module.__doc__ or ""), getattr(module, "price", None)
    return Loaded(described, function, settings, doc, manifest.sha256_file(path), price)


def load_all(requested: Sequence[str], overrides: Mapping[str, Mapping[str, Any]] | None = None) -> list[Loaded]:
    """Load attacks; the word `all` stands for every one that is installed, `none` for no attack.

    Args:
        requested: names and paths.
        overrides: attack → options.

    Raises:
        UnknownName: no such attack or option.
        ConfigError: two attacks of one name, or a file that breaks the interface.
    """
    listed: list[str] = []
    for name in requested:
        listed += names() if name == "all" else [] if name == "none" else [name]
    listed = list(dict.fromkeys(listed))
    stems = [plugins.stem(name) for name in listed]
    double = sorted({name for name in stems if stems.count(name) > 1})
    if double:
        raise ConfigError(f"Expected attacks of different names, got {double[0]!r} more than once.")
    for name in overrides or {}:
        if name not in {*stems, *names()}:
            raise UnknownName("attack in the overrides:", name, {*stems, *names()})
    return [load(name, (overrides or {}).get(plugins.stem(name))) for name in listed]
