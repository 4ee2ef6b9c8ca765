"""What a folder was made from, compared with what is asked."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from salmubench.core import reading
from salmubench.core.errors import OutputMismatch

_SHOWN = 4  # differences in a message
_ABSENT = object()


def check_same(path: Path, stored: Mapping[str, Any], expected: Mapping[str, Any], free: Collection[str] = ()) -> None:
    """Refuse a folder that was made from something else: two lines, what to do and the keys that differ.

    Args:
        free: keys of `config` that may differ, or be missing.

    Raises:
        OutputMismatch: with the first keys that differ, and how many more do.
    """
    if differing := differences(stored, expected, free):
        raise OutputMismatch(
            f"Expected {path} to be empty or of the same inputs, got another run. Choose another folder, or delete "
            f"this one.\nDiffering: {differing}."
        )


def differences(stored: Mapping[str, Any], expected: Mapping[str, Any], free: Collection[str] = ()) -> str:
    """The first keys that differ, with both values; empty where none does. Arguments are those of `check_same`."""
    there, expected_leaves = (_leaves({key: side.get(key) for key in expected}, free) for side in (stored, expected))
    keys = [key for key in {**there, **expected_leaves} if there.get(key, _ABSENT) != expected_leaves.get(key, _ABSENT)]
    details = [
        f"{reading.printable(key, 80)}: {_brief(there.get(key))} there, {_brief(expected_leaves.get(key))} asked"
        for key in keys[:_SHOWN]
    ]
    return "; ".join(details) + (f"; and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else "")


def _leaves(description: Mapping[str, Any], free: Collection[str]) -> dict[str, Any]:
    """Dotted key → value of everything that isn't a mapping with keys itself, without the free keys of `config`."""
    leaves: dict[str, Any] = {}
    waiting = list(description.items())
    while waiting:
        key, value = waiting.pop(0)
        if isinstance(value, Mapping) and value:
            inner = [(f"{key}.{name}", part) for name, part in value.items() if key != "config" or name not in free]
            waiting = inner + waiting
        else:
            leaves[key] = value
    return leaves


def _brief(value: Any) -> str:
    return reading.shown(value, 60)
