"""The metrics: one module each, computed from stored embeddings without a model. The folder is the registry.

A metric of one's own is a file with `METRIC = Metric(…)`, `score(inputs: EvalInputs) -> Outcome` and, where it needs
texts besides the rows' captions, `texts(dataset, config)`; `ScoreConfig.extra_metrics` takes its path.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from salmubench.clip.embeddings import open_embeddings
from salmubench.core import plugins
from salmubench.core.errors import ConfigError, UnknownName
from salmubench.dataset.layout import Dataset
from salmubench.dataset.origin import scoring_of
from salmubench.scoring import score as scoring
from salmubench.scoring import score_again as again
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.inputs import EvalInputs, Rows
from salmubench.scoring.metric import Items, Metric, Outcome, Unavailable, outcome
from salmubench.scoring.plugin import Plugin, texts_of
from salmubench.scoring.references import CLEAN, COMPROMISED, KINDS, RETRAINED
from salmubench.scoring.settings import Settings, settled

__all__ = [
    "EvalInputs",
    "Items",
    "Metric",
    "Outcome",
    "Plugin",
    "Rows",
    "ScoreConfig",
    "Unavailable",
    "descriptions",
    "load",
    "load_all",
    "names",
    "outcome",
    "required_texts",
    "score",
    "score_again",
]


def names() -> list[str]:
    """Names of the metrics' modules, sorted, without importing them."""
    return plugins.names(__name__)


def load(name: str) -> Plugin:
    """Load one metric by the name of its module, its own name, or the path of its file.

    Raises:
        UnknownName: no such metric.
        ConfigError: the file has no `METRIC` or no `score`, or they are of another kind.
    """
    module = plugins.load(__name__, name, kind="metric")
    metric, compute = getattr(module, "METRIC", None), getattr(module, "score", None)
    if not isinstance(metric, Metric) or not callable(compute):
        raise ConfigError(
            f"Expected METRIC = Metric(…) and a function score(inputs) in the metric {name}, got "
            f"METRIC {type(metric).__name__} and score {type(compute).__name__}."
        )
    return Plugin(metric, compute, getattr(module, "texts", _no_texts), _doc(module))


def load_all(config: ScoreConfig | None = None) -> list[Plugin]:
    """Load the package's metrics and those of the configuration, in the order of the paper's tables.

    Raises:
        UnknownName: no such metric.
        ConfigError: two metrics of one name, or a file that breaks the interface.
    """
    requested = list(dict.fromkeys([*names(), *(config.extra_metrics if config is not None else ())]))
    loaded = sorted((load(name) for name in requested), key=lambda plugin: plugin.metric.order)
    titles = [plugin.metric.name for plugin in loaded]
    twice = sorted({title for title in titles if titles.count(title) > 1})
    if twice:
        raise ConfigError(f"Expected metrics of different names, got {twice[0]!r} twice. Rename METRIC.name.")
    return loaded


def descriptions(config: ScoreConfig | None = None) -> dict[str, Metric]:
    """Name → description of every metric, in the order of the paper's tables: what lower layers are handed.

    Raises:
        UnknownName: no such metric.
        ConfigError: two metrics of one name, or a file that breaks the interface.
    """
    return {plugin.metric.name: plugin.metric for plugin in load_all(config)}


def required_texts(dataset: Dataset, config: ScoreConfig | None = None) -> list[str]:
    """Texts that the metrics need besides the captions of the rows: prompts, bare captions, paraphrases.

    Args:
        dataset: the dataset that will be encoded.
        config: options of scoring; as the dataset states them, if left out.
    """
    config = settled(config, (), scoring_of(dataset))
    return texts_of(load_all(config), dataset, config)


def score(
    *,
    embeddings: str | Path,
    clean: str | Path,
    compromised: str | Path,
    out: str | Path,
    retrained: str | Path | None = None,
    config: Settings = None,
    **others: str | Path,
) -> Path:
    """Score a model between its references with the package's metrics: `scoring.score.score`, which see.

    Args:
        embeddings: folder of the model judged.
        clean: embeddings folder or record (with its items) of Clean.
        compromised: embeddings folder or record (with its items) of Compromised.
        out: path of the record, `.json`.
        retrained: embeddings folder or record (with its items) of Retrained, where there is one.
        config: options; those that a mapping leaves out are as the references' records or the dataset state them.
        **others: the same of further references, by name.

    Returns:
        The path of the record.

    Raises:
        EmbeddingsError: embeddings are missing, damaged, not finite, or of another dataset.
        RecordError: a reference's record failed, is of another dataset, was scored by other options, or has other items
            or another gallery.
        OutputMismatch: the folder holds records of another gallery.
    """
    given = {CLEAN: clean, COMPROMISED: compromised, RETRAINED: retrained, **others}
    for kind in given:
        if kind not in KINDS:
            raise UnknownName("reference", kind, KINDS)
    references: dict[str, Path] = {kind: Path(source) for kind in KINDS if (source := given.get(kind)) is not None}
    if not isinstance(config, ScoreConfig):
        config = settled(config, references.values(), open_embeddings(Path(embeddings)).dataset.scoring)
    return scoring.score(
        embeddings=Path(embeddings), references=references, out=Path(out), metrics=load_all(config), config=config
    )


def score_again(
    items: Path,
    *,
    out: Path,
    gallery: Path | None = None,
    dataset: str | None = None,
    config: ScoreConfig | None = None,
) -> Path:
    """Compute a record again from its stored items: `scoring.score_again.score_again`, which see.

    Args:
        items: `<stem>.items.parquet`.
        out: path of the new record, `.json`; items and gallery are written beside it.
        gallery: the gallery; `gallery.parquet` beside the items by default.
        dataset: folder or Hub id, needed for breakdowns only.
        config: options; the resamples are those of the old record where it is there.

    Returns:
        The path of the record.

    Raises:
        RecordError: items or gallery are missing or damaged, or hold a metric that nothing describes.
        DatasetError: breakdowns are asked for and the dataset isn't there.
    """
    return again.score_again(
        items, out=out, metrics=descriptions(config), gallery=gallery, dataset=dataset, config=config
    )


def _no_texts(_dataset: Dataset, _config: ScoreConfig) -> tuple[str, ...]:
    return ()


def _doc(module: ModuleType) -> str:
    return (module.__doc__ or "").strip()
