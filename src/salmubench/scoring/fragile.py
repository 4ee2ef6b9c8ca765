"""The fragile set: the dataset's own list, or the pairs that Compromised knows least well."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow.compute as pc

from salmubench.clip import embeddings
from salmubench.core import manifest, writing
from salmubench.core.errors import OutputError
from salmubench.scoring import items as item_tables
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.inputs import EvalInputs
from salmubench.scoring.origin import FragileSet
from salmubench.scoring.record_files import read_items

SHARE = 10
"""One pair in so many is fragile (rounded up)."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fragile:
    """The fragile set and where it comes from.

    Attributes:
        ids: file names, or `None` where there is no such set.
        source: the dataset's list, or computed from Compromised.
    """

    ids: frozenset[str] | None
    source: Literal["dataset", "compromised"]
    reason: str = ""

    def described(self) -> FragileSet | None:
        """As it is named in records."""
        if self.ids is None:
            return None
        return FragileSet(self.source, len(self.ids), manifest.sha256_json(sorted(self.ids)))


def find_fragile(
    facts: embeddings.DatasetFacts,
    compromised: embeddings.Embeddings | Path,
    config: ScoreConfig,
    *,
    metric: str | None,
) -> Fragile:
    """Find the fragile set: the dataset's own list, where it has one.

    Args:
        compromised: embeddings of Compromised (the list is then kept beside them), or the path of its record.
        metric: name of the metric whose items are the set, or `None`.
    """
    if facts.fragile_ids is not None:
        return Fragile(frozenset(name.rpartition("/")[2] for name in facts.fragile_ids), "dataset")
    if isinstance(compromised, Path):
        if metric is None:
            return Fragile(None, "compromised", "no metric is about the fragile set")
        rows = item_tables.of_metric(read_items(compromised), metric)
        names = frozenset(pc.unique(rows.column("file_name")).to_pylist())
        return Fragile(names or None, "compromised", "no rows in retain_disjoint")
    compromised.check_vectors()
    inputs = EvalInputs(compromised, config)
    rows_ = inputs.retain_disjoint()
    if not len(rows_):
        return Fragile(None, "compromised", "no rows in retain_disjoint")
    similarity = inputs.similarity(rows_)
    ordered = sorted(zip(similarity.tolist(), rows_.file_name.tolist(), strict=True))
    names = frozenset(name for _, name in ordered[: math.ceil(len(ordered) / SHARE)])
    lowest = [name for _, name in ordered if name in names]
    _keep(compromised.folder, lowest, dict(zip(rows_.file_name.tolist(), similarity.tolist(), strict=True)))
    return Fragile(names, "compromised")


def _keep(folder: Path, names: list[str], similarities: dict[str, float]) -> None:
    for path, content in (
        (folder / embeddings.FRAGILE_SIMILARITIES, similarities),
        (folder / embeddings.FRAGILE, names),
    ):
        if path.is_file():
            continue
        try:
            writing.write_json(path, content)
        except (OutputError, OSError) as error:  # the list is in the items too: scoring goes on
            log.warning("The fragile set could not be kept beside Compromised's embeddings: %s", error)
            return
