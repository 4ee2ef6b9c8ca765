"""Metrics by name: the folder is the registry."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import ModuleType

from salmubench import plugins
from salmubench.dataset.layout import Dataset
from salmubench.errors import ConfigError
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.inputs import EvalInputs
from salmubench.scoring.metric import Metric, Outcome

PACKAGE = "salmubench.metrics"
_NOT_METRICS = ("config",)
# The order of the paper's tables; what is not in it follows by name.
_ORDER = (
    "retfail", "assocstr", "acs", "idzsc", "coreassoc", "genknow", "interidsim", "intraidsim", "visidint", "fragsim",
    "retfailpara",
)  # fmt: skip


@dataclass(frozen=True)
class Plugin:
    """A metric, loaded.

    Attributes:
        metric: its description.
        score: computes it.
        texts: which texts it needs besides the rows' captions.
        doc: its docstring.
    """

    metric: Metric
    score: Callable[[EvalInputs], Outcome]
    texts: Callable[[Dataset, ScoreConfig], Iterable[str]]
    doc: str


def names() -> list[str]:
    """Names of the metrics' modules, in the order of the paper's tables, without importing them."""
    found = [name for name in plugins.names(PACKAGE) if name not in _NOT_METRICS]
    return sorted(found, key=lambda name: (_ORDER.index(name) if name in _ORDER else len(_ORDER), name))


def load(name: str) -> Plugin:
    """Load one metric by name or by the path of its file.

    Raises:
        UnknownName: no such metric.
        ConfigError: the file has no `METRIC` or no `score`, or they are of another kind.
    """
    module = plugins.load(PACKAGE, name, kind="metric")
    metric, score = getattr(module, "METRIC", None), getattr(module, "score", None)
    if not isinstance(metric, Metric) or not callable(score):
        raise ConfigError(
            f"Expected METRIC = Metric(…) and a function score(inputs) in the metric {name}, found "
            f"METRIC {type(metric).__name__} and score {type(score).__name__}."
        )
    return Plugin(metric, score, getattr(module, "texts", _no_texts), _doc(module))


def load_all(config: ScoreConfig) -> list[Plugin]:
    """Load the built-in metrics and those of the configuration.

    Raises:
        UnknownName: no such metric.
        ConfigError: two metrics of one name, or a file that breaks the interface.
    """
    wanted = list(dict.fromkeys([*names(), *config.extra_metrics]))
    loaded = [load(name) for name in wanted]
    titles = [plugin.metric.name for plugin in loaded]
    twice = sorted({title for title in titles if titles.count(title) > 1})
    if twice:
        raise ConfigError(f"Expected metrics of different names, found {twice[0]!r} twice. Rename METRIC.name.")
    return loaded


def required_texts(dataset: Dataset, config: ScoreConfig | None = None) -> list[str]:
    """Texts that the metrics need besides the captions of the rows: prompts, bare captions, paraphrases.

    Args:
        dataset: the dataset that will be encoded.
        config: options of scoring.
    """
    config = config or ScoreConfig()
    texts = (text for plugin in load_all(config) for text in plugin.texts(dataset, config))
    return list(dict.fromkeys(texts))


def _no_texts(_dataset: Dataset, _config: ScoreConfig) -> tuple[str, ...]:
    return ()


def _doc(module: ModuleType) -> str:
    return (module.__doc__ or "").strip()
