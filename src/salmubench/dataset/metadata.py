"""The JSON files beside a dataset's rows: their names, and what is read of each, checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from salmubench.core import reading
from salmubench.core.errors import DatasetError
from salmubench.core.types import Rewrite

IDENTITIES = "identities_metadata.json"
CAPTIONS = "sensitive_set_captions_metadata.json"
GENERIC_CAPTIONS = "sensitive_set_generic_captions.json"
REWRITES = "sensitive_set_rewrites.json"
GENERAL_KNOWLEDGE = "general_knowledge.json"
FRAGILE = "fragile_set_ids.json"
_METADATA_DEPTH = 10  # of brackets; in the release it is 3


NAMES: Any = tuple[str, ...]
"""What is read of a list of names."""

_REWRITES: Any = Mapping[str, tuple[Rewrite, ...]]


@dataclass(frozen=True)
class Knowledge:
    """What is read of `general_knowledge.json`."""

    classes: tuple[str, ...] = ()
    templates: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    hidden_pairs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class PersonaEntry:
    """What is read of an identity's metadata, beside its private values."""

    name: str | None = None
    country_code: str | None = None


@dataclass(frozen=True)
class Caption:
    """What is read of a caption's metadata."""

    data_field: str | None = None
    value: str | None = None
    caption: str | None = None
    style: str | None = None
    paraphrase: str | None = None


def read_rewrites(path: Path) -> Mapping[str, tuple[Rewrite, ...]]:
    """Further captions of sensitive rows by file name; empty where there is no such file.

    Raises:
        DatasetError: another form, or shares that leave the official caption no sight.
    """
    if not path.is_file():
        return {}
    rewrites: Mapping[str, tuple[Rewrite, ...]] = reading.validated(
        _REWRITES, read_json(path, mapping=True), where=str(path), error=DatasetError
    )
    for file_name, of_file in rewrites.items():
        shares = [rewrite.share for rewrite in of_file]
        if any(not 0 <= share < 1 for share in shares) or math.fsum(shares) >= 1:
            raise DatasetError(
                f"Expected shares of sights in {path} that leave the official caption of each row some, got "
                f"{reading.shown(shares)} for {reading.shown(file_name)}. Correct `share`, or delete the file."
            )
    return rewrites


def check_hidden(stated: Knowledge, path: Path) -> None:
    """Raise `DatasetError` unless `hidden` names some of the classes, not all, each once."""
    hidden = stated.hidden
    if not set(hidden) <= set(stated.classes) or len(set(hidden)) < len(hidden):
        raise DatasetError(
            f"Expected `hidden` in {path} to be a list of some of its `classes`, each once, got "
            f"{reading.shown(list(hidden))}. Correct the names, or take `hidden` out."
        )
    if hidden and len(hidden) >= len(stated.classes):
        raise DatasetError(f"Expected a class in {path} that isn't in `hidden`, got none. Methods need some to read.")


def read_entries(path: Path, kind: Any) -> Mapping[str, Mapping[str, Any]]:
    """Entries in which the fields that are read have the right types."""
    content: dict[str, dict[str, Any]] = read_json(path)
    reading.validated(_entries_of(kind), content, where=str(path), error=DatasetError)
    return content


def _entries_of(kind: Any) -> Any:
    return Mapping[str, kind]


def read_json(path: Path, *, mapping: bool = False) -> Any:
    """A file of any shape, or an object, at most as large and deep as metadata may be."""
    return reading.read_json(path, error=DatasetError, limit=reading.LARGE, depth=_METADATA_DEPTH, mapping=mapping)
