"""SALMUBench: a benchmark for sensitive association-level unlearning in CLIP.

The public names below are loaded when first used; importing the package imports neither torch nor pyarrow.
"""

from __future__ import annotations

import importlib
from typing import Any

from salmubench import _moved

_HOMES = {
    "Attribute": "salmubench.types",
    "Dataset": "salmubench.dataset.layout",
    "Pair": "salmubench.types",
    "SalmubenchError": "salmubench.errors",
    "Split": "salmubench.types",
    "encode_model": "salmubench.evaluation",
    "evaluate": "salmubench.evaluation",
    "evaluate_before_after": "salmubench.deletion",
    "import_dataset": "salmubench.importing",
    "load_model": "salmubench.models",
    "load_recipe": "salmubench.recipe:load",
    "open_dataset": "salmubench.dataset.layout",
    "read_record": "salmubench.scoring.record_files",
    "run": "salmubench.pipeline",
    "score": "salmubench.metrics",
    "table": "salmubench.evaluation",
    "tune": "salmubench.tuning.study",
    "unlearn_model": "salmubench.unlearn.engine:unlearn",
}

__all__ = [
    "Attribute",
    "Dataset",
    "Pair",
    "SalmubenchError",
    "Split",
    "encode_model",
    "evaluate",
    "evaluate_before_after",
    "import_dataset",
    "load_model",
    "load_recipe",
    "open_dataset",
    "read_record",
    "run",
    "score",
    "table",
    "tune",
    "unlearn_model",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'salmubench' has no attribute {name!r}")
    home, _, attribute = _HOMES[name].partition(":")
    return getattr(importlib.import_module(home), attribute or name)


def __dir__() -> list[str]:
    return __all__


_moved.install()
