"""A metric as scoring is handed it: its description and its functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from salmubench.core import interruption, plugins
from salmubench.core.errors import SalmubenchError, StageError
from salmubench.core.writing import check_room
from salmubench.dataset.layout import Dataset
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.inputs import EvalInputs
from salmubench.scoring.metric import Metric, Outcome, Unavailable


@dataclass(frozen=True, eq=False)
class Plugin:
    """A metric, loaded."""

    metric: Metric
    score: Callable[[EvalInputs], Outcome]
    texts: Callable[[Dataset, ScoreConfig], Iterable[str]]
    doc: str


@contextmanager
def authors_code(plugin: Plugin) -> Iterator[None]:
    """Turn an error of a metric's code into one that names its file and line.

    Raises:
        StageError: what was raised, and where.
    """
    try:
        yield
    except (Unavailable, SalmubenchError):
        raise
    except Exception as error:
        interruption.pass_on(error)
        name = plugin.metric.name
        check_room(error, f"the metric {name!r}")
        text = plugins.described(error, plugins.file_of(plugin.score))
        raise StageError(f"The metric {name!r} failed: {text}") from error


def texts_of(metrics: Sequence[Plugin], dataset: Dataset, config: ScoreConfig) -> list[str]:
    """Texts that metrics need besides the captions of the rows: prompts, bare captions, paraphrases; each once."""
    texts: dict[str, None] = {}
    for plugin in metrics:
        with authors_code(plugin):
            texts |= dict.fromkeys(plugin.texts(dataset, config))
    return list(texts)
