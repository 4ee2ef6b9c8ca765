"""Options given one by one, as `METHOD.option=value`, for commands and Python functions alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from salmubench.core import plugins, reading
from salmubench.core.errors import ConfigError, UnknownName

Given = Sequence[str] | Mapping[str, Mapping[str, Any]]
"""`("mine.weight=0.2", "mine.lr=1e-4")`, or the same as `{"mine": {"weight": 0.2, "lr": 1e-4}}`."""


def by_method(given: Given) -> dict[str, dict[str, Any]]:
    """Options by the name of their method; of one that is given twice the later value counts.

    Args:
        given: texts `METHOD.option=value`, the value as YAML writes it, or options by method. METHOD may be the path of
            a file.

    Raises:
        ConfigError: another form, or a value that isn't YAML.

    Examples:
        >>> by_method(["other.beta=0.2", "./mine.py.towers=text"])
        {'other': {'beta': 0.2}, 'mine': {'towers': 'text'}}
    """
    if isinstance(given, Mapping):
        return {plugins.stem(method): dict(options) for method, options in given.items()}
    options: dict[str, dict[str, Any]] = {}
    for text in given:
        name, equals, value = text.partition("=")
        method, _, option = name.strip().rpartition(".")
        if not (equals and method and option):
            raise ConfigError(f"Expected METHOD.option=value for --set, got {reading.shown(text)}.")
        where = f"--set {reading.printable(name, 200)}"
        parsed = reading.parse_yaml(f"value: {value}".encode(), where=where, error=ConfigError)
        options.setdefault(plugins.stem(method), {})[option] = parsed["value"]
    return options


def of_method(given: Given, method: str) -> dict[str, Any]:
    """Options of the one method that there is.

    Raises:
        UnknownName: options of another one.
    """
    options = by_method(given)
    for name in options:
        if name != method:
            raise UnknownName("method in --set:", name, [method])
    return options.get(method, {})
