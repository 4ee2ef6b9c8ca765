"""The retrieval gallery: drawn once per dataset, the same for every model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from salmubench.core.errors import RecordError
from salmubench.core.types import Pair, Split
from salmubench.dataset.layout import Dataset
from salmubench.scoring.metric import ItemKind, Metric, Strings
from salmubench.scoring.record import RunRecord
from salmubench.scoring.record_files import GALLERY_SCHEMA, gallery_sha256

DRAWN = 1000
"""Captions drawn from each source; all of them where there are fewer."""
SEED = 260326101
"""Seed of the draws: a constant of the protocol."""
_RANKED: tuple[ItemKind, ...] = ("rank", "reciprocal")
"""Items that are ranks among the gallery's captions; facts are ranked among copies of their own sentence."""


@dataclass(frozen=True, eq=False)
class Gallery:
    """Drawn rows: a text may stand twice, and each counts.

    Arrays (g,); sources are `forget` and `retain_disjoint`.
    """

    source: Strings
    file_name: Strings
    caption: Strings

    def __len__(self) -> int:
        return len(self.caption)

    def table(self) -> pa.Table:
        """As it is stored."""
        columns = {name: pa.array(getattr(self, name), pa.string()) for name in GALLERY_SCHEMA.names}
        return pa.table(columns, GALLERY_SCHEMA)


def gallery_of(dataset: Dataset) -> Gallery:
    """As scoring draws it: from all of `forget` and all portraits without identity, in its own order."""

    def ordered(pairs: Sequence[Pair]) -> tuple[Strings, Strings]:
        rows = sorted(pairs, key=lambda pair: (pair.file_name, pair.caption, str(pair.identity)))
        return tuple(
            np.array([getattr(row, name) for row in rows] + [None], object)[:-1] for name in ("file_name", "caption")
        )  # type: ignore[return-value]

    retain = [pair for pair in dataset.rows(Split.RETAIN_SYNTH) if pair.identity is None]
    return draw_gallery(ordered(dataset.rows(Split.FORGET)), ordered(retain))


def draw_gallery(forget: tuple[Strings, Strings], retain: tuple[Strings, Strings]) -> Gallery:
    """Draw rows without replacement.

    Args:
        forget: file names and captions (n,) of `forget`, in an order that doesn't depend on the files.
        retain: the same of `retain_disjoint`.
    """
    parts = []
    for number, (source, (file_name, caption)) in enumerate((("forget", forget), ("retain_disjoint", retain))):
        rng = np.random.default_rng([SEED, number])
        drawn = np.sort(rng.choice(len(caption), min(DRAWN, len(caption)), replace=False))
        parts.append((np.full(len(drawn), source, object), file_name[drawn], caption[drawn]))
    return Gallery(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def check_ranked(
    record: RunRecord, items: pa.Table, gallery: pa.Table, metrics: Mapping[str, Metric], *, path: Path
) -> None:
    """Refuse a reference whose ranks are among other captions: a share of them would mean nothing.

    Raises:
        RecordError: it has such ranks, in another gallery or in an unknown one.
    """
    names = items.column("metric").unique().to_pylist()
    ranked = [name for name in names if name in metrics and metrics[name].items in _RANKED]
    drawn = gallery_sha256(gallery) if gallery.num_rows else None
    if ranked and record.gallery_sha256 != drawn:
        raise RecordError(
            f"Expected {', '.join(ranked)} in the gallery of the model judged ({drawn}), got ranks in "
            f"{record.gallery_sha256 or 'an unknown gallery'} in {path}. Give the reference itself or its embeddings, "
            "or score it again on this dataset."
        )
