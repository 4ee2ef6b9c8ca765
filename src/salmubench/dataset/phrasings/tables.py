"""Reads the phrasings, which are data files of this package."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

import yaml

from salmubench.core.errors import UnknownName
from salmubench.core.types import FIELDS


@cache
def read(name: str) -> Any:
    """Content of `<name>.yaml`, with tuples for lists; each file says what stands in it."""
    text = (resources.files(__package__) / f"{name}.yaml").read_text(encoding="utf-8")
    return _fixed(yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))  # noqa: S506 - both are safe


def of_field(name: str, field: str) -> tuple[str, ...]:
    """The phrasings of a field in a file, with placeholders.

    Raises:
        UnknownName: no such field.
    """
    if field not in FIELDS:
        raise UnknownName("field", field, FIELDS)
    texts: tuple[str, ...] = read(name)[field]
    return texts


def _fixed(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _fixed(value) for key, value in content.items()}
    return tuple(content) if isinstance(content, list) else content
