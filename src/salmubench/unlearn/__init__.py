"""Unlearning: methods as one file each, one engine that runs them all.

`from salmubench.unlearn import Batch, Data, Engine, Model, Pairs` gives a method's author the types; `unlearn` makes
one candidate checkpoint. Names are resolved on first use, so that importing the package leaves torch alone.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from salmubench.unlearn.config import UnlearnConfig
    from salmubench.unlearn.data import Data
    from salmubench.unlearn.engine import unlearn
    from salmubench.unlearn.interface import Batch, Method, Model, Pairs
    from salmubench.unlearn.loop import Engine
    from salmubench.unlearn.registry import LoadedMethod, load_method, method_names

_HOMES = {
    "Batch": "interface",
    "Data": "data",
    "Engine": "loop",
    "LoadedMethod": "registry",
    "Method": "interface",
    "Model": "interface",
    "Pairs": "interface",
    "UnlearnConfig": "config",
    "load_method": "registry",
    "method_names": "registry",
    "unlearn": "engine",
}

__all__ = [
    "Batch",
    "Data",
    "Engine",
    "LoadedMethod",
    "Method",
    "Model",
    "Pairs",
    "UnlearnConfig",
    "load_method",
    "method_names",
    "unlearn",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
