"""Options given as plain values, checked against the dataclass of a plug-in."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from salmubench.core.errors import ConfigError

T = TypeVar("T")

_KINDS = {
    "int": "a whole number", "float": "a number", "bool": "true or false", "str": "a text", "Path": "a path",
    "tuple": "a list", "list": "a list", "dict": "a mapping", "NoneType": "nothing",
}  # fmt: skip
LARGEST_SEED = 2**32 - 1


def check_seed(seed: int) -> None:
    """Refuse a seed that the libraries can't take, before anything is drawn or written.

    Raises:
        ConfigError: below 0 or above `LARGEST_SEED`.
    """
    if not 0 <= seed <= LARGEST_SEED:
        raise ConfigError(f"Expected a seed from 0 to {LARGEST_SEED}, got {seed}.")


def check_each(options: object, checks: Iterable[tuple[str, bool, str]], *, owner: str) -> None:
    """Refuse the first option that isn't good.

    Args:
        checks: name, whether its value is good, and what it should be, for the message.

    Raises:
        ConfigError: with the option's name behind that of its owner.
    """
    for name, good, expected in checks:
        if not good:
            raise ConfigError(f"Expected {owner}.{name} to be {expected}, got {getattr(options, name)!r}.")


def build(kind: type[T], values: Mapping[str, Any], *, owner: str = "") -> T:
    """Make a dataclass from plain values with jsonargparse's type checks; what is left out takes its default.

    Args:
        values: as YAML or a command line gives them; each key is a field of the dataclass.
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
        key, text = key_and_words(str(error))
        raise ConfigError(f"{owner}{key}: {text}" if key else owner + text) from error
    return kind(**{name: parsed[name] for name in values})


def key_and_words(message: str) -> tuple[str | None, str]:
    """Which option a message of jsonargparse is about, `None` where it names none, and the rest in plain words.

    Examples:
        >>> key_and_words("Parser key " + '"lr": ' + "Expected a <class 'float'>. Got value: fast")
        ('lr', "Expected a number, got 'fast'.")
    """
    text = " ".join(message.split())
    named = re.match(r'Parser key "([\w.]+)": (.*)', text)
    if named is None:
        return None, text
    text = named[2]
    if union := re.match(r"Does not validate against any of the Union subtypes Subtypes: \[(.*?)\] Errors: .*", text):
        given = text.rpartition("Given value: ")[2]
        text = f"Expected a {union[1].replace(', <class', ' or <class')}. Got value: {given}"
    text = re.sub(r"Expected an? typing\.Literal\[(.*?)\]", r"Expected one of \1", text)
    text = re.sub(r"(?:an? )?<class '(?:\w+\.)*(\w+)'>", lambda kind: _KINDS.get(kind[1], kind[1]), text)
    return named[1], re.sub(r"\. Got value: (.*)", r", got '\1'.", text)
