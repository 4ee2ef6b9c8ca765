"""Options given as plain values, checked against the dataclass of a plug-in."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from salmubench.errors import ConfigError

T = TypeVar("T")

LARGEST_SEED = 2**32 - 1


def check_seed(seed: int) -> None:
    """Refuse a seed that the libraries can't take, before anything is drawn or written.

    Raises:
        ConfigError: below 0 or above `LARGEST_SEED`.
    """
    if not 0 <= seed <= LARGEST_SEED:
        raise ConfigError(f"Expected a seed from 0 to {LARGEST_SEED}, got {seed}.")


def build(kind: type[T], values: Mapping[str, Any], *, owner: str = "") -> T:
    """Make a dataclass from plain values with jsonargparse's type checks; what is left out takes its default.

    Args:
        kind: the dataclass; each key of `values` is one of its fields.
        values: as YAML or a command line gives them.
        owner: whose options they are, put in front of a message.

    Raises:
        ConfigError: a value of another type, or one that the dataclass refuses.

    Examples:
        >>> from dataclasses import dataclass
        >>> @dataclass(frozen=True)
        ... class Config:
        ...     rate: float = 0.1
        >>> build(Config, {"rate": "1e-3"})
        Config(rate=0.001)
    """
    import jsonargparse

    parser = jsonargparse.ArgumentParser(exit_on_error=False)
    hints = typing.get_type_hints(kind)
    for name in values:
        parser.add_argument(f"--{name}", type=hints[name])
    try:
        parsed = parser.parse_object(dict(values))
    except jsonargparse.ArgumentError as error:
        raise ConfigError(owner + " ".join(str(error).split())) from error
    return kind(**{name: parsed[name] for name in values})
