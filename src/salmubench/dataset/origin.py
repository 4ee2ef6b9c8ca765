"""Where a dataset comes from, as the manifest of its build or import tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from salmubench.core import manifest, reading
from salmubench.core.errors import DatasetError
from salmubench.dataset.card import DatasetOrigin
from salmubench.dataset.layout import Dataset


def origin_of(dataset: Dataset) -> DatasetOrigin:
    """Where a dataset comes from, by the manifest of its build; empty for one that wasn't built here."""
    return _told(dataset) or DatasetOrigin()


def scoring_of(dataset: Dataset) -> Mapping[str, Any] | None:
    """Options of scoring of the recipe that a dataset was built by; `None` where nothing states them."""
    built = _built(dataset)
    return None if built is None else built.outputs.scoring


def is_imported(dataset: Dataset) -> bool | None:
    """Whether its people are a user's own and may exist; `None` where nothing tells who they are."""
    content = _told(dataset)
    return None if content is None else content.imported


def _told(dataset: Dataset) -> DatasetOrigin | None:
    built = _built(dataset)
    return None if built is None else built.outputs.origin or DatasetOrigin(built.config.size, built.seed)


def _built(dataset: Dataset) -> _Built | None:
    path = dataset.folder / manifest.MANIFEST
    content = reading.read_json(path, error=DatasetError, mapping=True) if path.is_file() else {}
    if content.get("stage") not in ("dataset", "import"):
        return None
    return reading.validated(_Built, content, where=str(path), error=DatasetError)


@dataclass(frozen=True)
class _Config:
    size: int | None = None


@dataclass(frozen=True)
class _Outputs:
    origin: DatasetOrigin | None = None
    scoring: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class _Built:
    """What is read of the manifest of a dataset's build."""

    config: _Config = field(default_factory=_Config)
    outputs: _Outputs = field(default_factory=_Outputs)
    seed: int | None = None
