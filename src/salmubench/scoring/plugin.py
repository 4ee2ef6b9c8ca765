"""A metric as scoring is handed it: its description and its functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from salmubench.dataset.layout import Dataset
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.inputs import EvalInputs
from salmubench.scoring.metric import Metric, Outcome


@dataclass(frozen=True, eq=False)
class Plugin:
    """A metric, loaded."""

    metric: Metric
    score: Callable[[EvalInputs], Outcome]
    texts: Callable[[Dataset, ScoreConfig], Iterable[str]]
    doc: str


def texts_of(metrics: Sequence[Plugin], dataset: Dataset, config: ScoreConfig) -> list[str]:
    """Texts that metrics need besides the captions of the rows: prompts, bare captions, paraphrases; each once."""
    return list(dict.fromkeys(text for plugin in metrics for text in plugin.texts(dataset, config)))
