"""Procedural pictures: people and things, drawn by ray marching. Knows nothing of the rest but the errors."""

from __future__ import annotations

import importlib
import threading
from typing import Any

_LOADING = threading.RLock()


def kernels(module: str) -> Any:
    """A module of kernels, e.g. `people.march`: imported when something is drawn, by one thread at a time.

    Portraits and scenes share helpers. Of two threads that import modules which wait for each other, Python lets one go
    on with half a module.
    """
    with _LOADING:
        return importlib.import_module(f"{__name__}.{module}")
