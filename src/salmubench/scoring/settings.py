"""By which settings a model is scored: those of the records that it is put beside, else those of its dataset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from salmubench.core import options
from salmubench.core.errors import RecordError
from salmubench.scoring.config import STATED, ScoreConfig
from salmubench.scoring.record_files import read_record

_FREE = "bootstraps"  # models compare whatever the number of resamples

Settings = ScoreConfig | Mapping[str, Any] | None
"""All options of scoring, or those that differ from what references and dataset state."""


def settled(config: Settings, records: Iterable[str | Path | None], dataset: Mapping[str, Any] | None) -> ScoreConfig:
    """All options of scoring: those that are given, then those of the records, then the dataset's, then the defaults.

    Args:
        config: what is given.
        records: of models that the model is put beside; what is no record (`*.json`) is passed over.
        dataset: what the dataset states.

    Raises:
        RecordError: a record was scored by other settings, so that its items are others, too.
        ConfigError: the dataset states what is no option.
    """
    paths = [path for source in records if source is not None and (path := Path(source)).suffix == ".json"]
    read = ((path, read_record(path).protocol) for path in paths)
    protocols = {path: ScoreConfig.of(protocol) for path, protocol in read if protocol is not None}
    if not isinstance(config, ScoreConfig):
        stated = next((one.stated for one in protocols.values()), dataset or {})
        config = options.build(ScoreConfig, {**stated, **(config or {})}, owner="Options of scoring: ")
    for path, protocol in protocols.items():
        for name in STATED:
            here, there = getattr(config, name), getattr(protocol, name)
            if here != there and name != _FREE:
                raise RecordError(
                    f"Expected records scored with {name} {here!r}, got {there!r} in {path}: items of the two are "
                    "others. Give references that were scored alike, their embeddings, or the models."
                )
    return config
