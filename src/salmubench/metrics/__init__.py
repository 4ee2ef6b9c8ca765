"""The metrics: one module each, computed from stored embeddings without a model.

A metric of one's own is a file with `METRIC = Metric(…)`, `score(inputs: EvalInputs) -> Outcome` and, where it needs
texts besides the rows' captions, `texts(dataset, config)`; `ScoreConfig.extra_metrics` takes its path.
"""

from salmubench.metrics._again import score_again
from salmubench.metrics._inputs import EvalInputs, Rows
from salmubench.metrics._registry import Plugin, load, names, required_texts
from salmubench.metrics._score import score
from salmubench.metrics.config import ScoreConfig
from salmubench.results.metric import Items, Metric, Outcome, Unavailable, outcome

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
