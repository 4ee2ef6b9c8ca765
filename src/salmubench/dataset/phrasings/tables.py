"""Reads the phrasings, which are data files of this package."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Final, NamedTuple

import yaml

from salmubench.core.errors import ConfigError
from salmubench.core.types import FIELDS

_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")
_KNOWN: Final = frozenset({"name", "value", "a", "A", "the", "The", "he", "his", "him"})


@cache
def read_phrasings(name: str) -> Mapping[str, tuple[str, ...]]:
    """Read the phrasings of a style, or the reserved ones: field → phrasings with placeholders, in order.

    Args:
        name: a style, or `reserved`: of the file `<name>.yaml`.

    Raises:
        ConfigError: the file isn't as it must be.
    """
    content, fields = _read(name), [str(field) for field in FIELDS]
    if list(content) != fields:
        raise _wrong(name, f"the fields {', '.join(fields)}, in this order", list(content))
    return {field: tuple(_checked(name, field, content[field])) for field in fields}


class Nameless(NamedTuple):
    """What is read of `nameless.yaml`: style → what stands for a name, and field → phrasings of its own."""

    standins: Mapping[str, tuple[str, ...]]
    phrasings: Mapping[str, tuple[str, ...]]


@cache
def read_nameless() -> Nameless:
    """Read the phrasings without a name that datasets use.

    Raises:
        ConfigError: the file isn't as it must be.
    """
    content = _read("nameless")
    if list(content) != ["standins", "phrasings"]:
        raise _wrong("nameless", "the keys standins and phrasings", list(content))
    standins = {style: tuple(_texts("nameless", style, texts)) for style, texts in content["standins"].items()}
    return Nameless(standins, _without_names("nameless", content["phrasings"]))


@cache
def read_reserved_nameless() -> Mapping[str, tuple[str, ...]]:
    """Read the reserved phrasings without a name: field → phrasings.

    Raises:
        ConfigError: the file isn't as it must be.
    """
    return _without_names("reserved_nameless", _read("reserved_nameless"))


@cache
def read_forms() -> tuple[str, ...]:
    """Read the forms of generic captions.

    Raises:
        ConfigError: the file isn't as it must be.
    """
    content = _read("generic")
    if list(content) != ["forms"]:
        raise _wrong("generic", "the key forms", list(content))
    return tuple(_texts("generic", "forms", content["forms"]))


@cache
def read_custom() -> Mapping[str, tuple[str, ...]]:
    """Read the phrasings of fields of the user's own: `training` and `reserved`, each with a `{field}`.

    Raises:
        ConfigError: the file isn't as it must be.
    """
    content = _read("custom")
    if list(content) != ["training", "reserved"]:
        raise _wrong("custom", "the keys training and reserved", list(content))
    for key, texts in content.items():
        for text in _texts("custom", key, texts):
            if sorted(_PLACEHOLDER.findall(text)) != ["field", "name", "value"]:
                raise _wrong("custom", "{field}, {name} and {value} once each", text)
    return {key: tuple(texts) for key, texts in content.items()}


def _read(name: str) -> dict[str, Any]:
    text = (resources.files(__package__) / f"{name}.yaml").read_text(encoding="utf-8")
    content = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    if not isinstance(content, dict):
        raise _wrong(name, "a mapping", content)
    return content


def _texts(name: str, key: str, given: Any) -> list[str]:
    if not isinstance(given, list) or not given or not all(isinstance(text, str) and text.strip() for text in given):
        raise _wrong(name, f"texts below {key}", given)
    if len(set(given)) < len(given):
        twice = next(text for text in given if given.count(text) > 1)
        raise _wrong(name, f"texts that differ below {key}", f"{twice!r} twice")
    return given


def _without_names(name: str, content: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    if list(content) != [str(field) for field in FIELDS]:
        raise _wrong(name, f"the fields {', '.join(FIELDS)}, in this order", list(content))
    for field, texts in content.items():
        for text in _texts(name, field, texts):
            parts = _PLACEHOLDER.findall(text)
            if parts.count("value") != 1 or set(parts) - (_KNOWN - {"name"}):
                raise _wrong(name, f"{{value}} once and no {{name}} in a phrasing of {field}", text)
    return {field: tuple(texts) for field, texts in content.items()}


def _checked(name: str, field: str, given: Any) -> list[str]:
    texts = _texts(name, field, given)
    for text in texts:
        parts = _PLACEHOLDER.findall(text)
        if parts.count("name") != 1 or parts.count("value") != 1 or set(parts) - _KNOWN:
            expected = f"{{name}} and {{value}} once each in a phrasing of {field}, and no placeholders but "
            raise _wrong(name, expected + ", ".join(sorted(_KNOWN)), text)
    return texts


def _wrong(name: str, expected: str, value: object) -> ConfigError:
    return ConfigError(
        f"Expected {expected} in {name}.yaml of {__package__}, got {value!r:.200}. Correct the file, or install "
        "salmubench again."
    )
