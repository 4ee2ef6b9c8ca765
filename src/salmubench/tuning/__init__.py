"""Options chosen on worlds that are never evaluated."""

from __future__ import annotations

from typing import Any

from salmubench import _moved


def __getattr__(name: str) -> Any:
    return _moved.attribute(__name__, name)
