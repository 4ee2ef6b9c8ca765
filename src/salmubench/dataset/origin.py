"""Where a dataset comes from, as the manifest of its build or import tells."""

from __future__ import annotations

from dataclasses import dataclass, field

from salmubench.core import manifest, reading
from salmubench.core.errors import DatasetError
from salmubench.dataset.card import DatasetOrigin
from salmubench.dataset.layout import Dataset


def origin_of(dataset: Dataset) -> DatasetOrigin:
    """Where a dataset comes from, by the manifest of its build; empty for one that wasn't built here."""
    return _told(dataset) or DatasetOrigin()


def is_imported(dataset: Dataset) -> bool | None:
    """Whether its people are a user's own and may exist; `None` where nothing tells who they are."""
    told = _told(dataset)
    return None if told is None else told.imported


def _told(dataset: Dataset) -> DatasetOrigin | None:
    path = dataset.folder / manifest.MANIFEST
    content = reading.read_json(path, error=DatasetError, mapping=True) if path.is_file() else {}
    if content.get("stage") not in ("dataset", "import"):
        return None
    built = reading.validated(_Built, content, where=str(path), error=DatasetError)
    return built.outputs.origin or DatasetOrigin(built.config.size, built.seed)


@dataclass(frozen=True)
class _Config:
    size: int | None = None


@dataclass(frozen=True)
class _Outputs:
    origin: DatasetOrigin | None = None


@dataclass(frozen=True)
class _Built:
    """What is read of the manifest of a dataset's build."""

    config: _Config = field(default_factory=_Config)
    outputs: _Outputs = field(default_factory=_Outputs)
    seed: int | None = None
