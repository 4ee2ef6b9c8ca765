"""SALMUBench: a benchmark for sensitive association-level unlearning in CLIP.

The public names below are loaded when first used; importing the package imports neither torch nor pyarrow.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "Attribute": "salmubench.core.types",
    "Dataset": "salmubench.dataset.layout",
    "Pair": "salmubench.core.types",
    "SalmubenchError": "salmubench.core.errors",
    "Split": "salmubench.core.types",
    "encode_model": "salmubench.workflow.evaluation",
    "evaluate": "salmubench.workflow.evaluation",
    "evaluate_before_after": "salmubench.deletion.before_after",
    "import_dataset": "salmubench.deletion.importing",
    "load_model": "salmubench.clip.models",
    "load_recipe": "salmubench.workflow.recipe:load",
    "open_dataset": "salmubench.dataset.layout",
    "read_record": "salmubench.scoring.record_files",
    "run": "salmubench.workflow.pipeline",
    "score": "salmubench.metrics",
    "table": "salmubench.workflow.evaluation",
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
