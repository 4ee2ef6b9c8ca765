"""The metrics: one module each, computed from stored embeddings without a model.

A metric of one's own is a file with `METRIC = Metric(…)`, `score(inputs: EvalInputs) -> Outcome` and, where it needs
texts besides the rows' captions, `texts(dataset, config)`; `ScoreConfig.extra_metrics` takes its path.
"""

from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.inputs import EvalInputs, Rows
from salmubench.scoring.metric import (
    Items,
    Metric,
    Outcome,
    Unavailable,
    outcome,
)
from salmubench.scoring.registry import (
    Plugin,
    load,
    names,
    required_texts,
)
from salmubench.scoring.score import score
from salmubench.scoring.score_again import score_again

__all__ = [
    "EvalInputs",
    "Items",
    "Metric",
    "Outcome",
    "Plugin",
    "Rows",
    "ScoreConfig",
    "Unavailable",
    "load",
    "names",
    "outcome",
    "required_texts",
    "score",
    "score_again",
]
