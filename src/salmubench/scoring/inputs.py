"""What a metric is given: rows of the dataset, their unit vectors, the gallery, the fragile set."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from salmubench.clip.embeddings import Embedded
from salmubench.core.types import Split
from salmubench.dataset.layout import GeneralKnowledge
from salmubench.scoring.config import PROTOCOL_RANKING, Ranking, ScoreConfig
from salmubench.scoring.gallery import Gallery, draw_gallery
from salmubench.scoring.metric import (
    Counts,
    Flags,
    Floats,
    Items,
    Strings,
    Unavailable,
)
from salmubench.scoring.products import BLOCK, Indices, unit

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Rows:
    """Some rows of one split, ordered by file name, caption and identity, whatever the order on disk.

    Arrays (n,); of nobody's rows, and of those that tell no value, what isn't there is `None`.

    Attributes:
        value: verbatim.
        image_row: int64, rows of the picture vectors.
        text_row: int64, rows of the text vectors.
    """

    split: str
    file_name: Strings
    caption: Strings
    identity: Strings
    name: Strings
    field: Strings
    value: Strings
    paraphrase: Strings
    image_row: Indices
    text_row: Indices

    def __len__(self) -> int:
        return len(self.file_name)

    def take(self, which: npt.NDArray[np.bool_] | Indices) -> Rows:
        """Some of the rows: by mask or by number."""
        arrays = {name: getattr(self, name)[which] for name in _COLUMNS.values()}
        return Rows(self.split, **arrays)

    def items(
        self,
        value: Floats,
        *,
        caption: Strings | None = None,
        others: Counts | None = None,
        hidden: Flags | None = None,
    ) -> Items:
        """Items of these rows.

        Args:
            value: float64 (n,).
            caption: (n,) where another text than the row's own was scored.
            others: int32 (n,) how many others each rank is among.
            hidden: bool (n,) whether each row's class is hidden from methods.
        """
        text = self.caption if caption is None else caption
        return Items(self.split, self.file_name, text, self.identity, value, others, hidden)


def sorted_columns(table: pa.Table) -> dict[str, Any]:
    """Columns of the index as arrays (n,), ordered by file name, caption and identity, none as the text `None`.

    Not by numpy's texts, each of which takes four bytes for every letter of the longest one.
    """
    keys = {name: table.column(name).fill_null("None") for name in ("file_name", "caption", "identity_id")}
    order = pc.sort_indices(pa.table(keys), sort_keys=[(name, "ascending") for name in keys])
    return {ours: table.column(theirs).take(order).to_numpy() for theirs, ours in _COLUMNS.items()}


_COLUMNS = {
    "file_name": "file_name", "caption": "caption", "identity_id": "identity", "name": "name", "field": "field",
    "value": "value", "paraphrase": "paraphrase", "image_row": "image_row", "text_row": "text_row",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class EvalInputs:
    """All that a metric may look at.

    Attributes:
        fragile_ids: file names of the fragile set, or `None`.
        fixed_gallery: the gallery, where it is not to be drawn from the rows.
    """

    embeddings: Embedded
    config: ScoreConfig
    fragile_ids: frozenset[str] | None = None
    no_fragile: str = "no fragile set"
    ranking: Ranking = PROTOCOL_RANKING
    fixed_gallery: Gallery | None = None
    _rows: dict[str, Rows] = field(default_factory=dict)
    _shared: dict[Hashable, Any] = field(default_factory=dict)

    def shared(self, name: Hashable, make: Callable[[], T]) -> T:
        """What several metrics need of the rows, never of vectors: made by the first that asks."""
        if name not in self._shared:
            self._shared[name] = make()
        value: T = self._shared[name]
        return value

    def rows(self, split: str) -> Rows:
        """All rows of a split on disk; none where the dataset has none."""
        if split not in self._rows:
            index = self.embeddings.index
            table = index.filter(pc.equal(index.column("split"), str(split)))
            self._rows[split] = Rows(str(split), **sorted_columns(table))
        return self._rows[split]

    def needed(self, split: str) -> Rows:
        """All rows of a split.

        Raises:
            Unavailable: there are none.
        """
        rows = self.rows(split)
        if not len(rows):
            raise Unavailable(f"no rows in {split}")
        return rows

    def forget_identity(self) -> Rows:
        """Rows of `forget` whose identity must go altogether."""
        rows, ids = self.rows(Split.FORGET), self.embeddings.dataset.forget_identity
        return rows.take(np.fromiter((identity in ids for identity in rows.identity), np.bool_, len(rows)))

    def people(self) -> Mapping[str, Mapping[str, str]]:
        """Identity id → country code and apparent gender, where the dataset states them."""
        return self.embeddings.dataset.people or {}

    def retain_joint(self) -> Rows:
        """Rows of `retain_synth` whose identity occurs in `forget`."""
        rows, ids = self.rows(Split.RETAIN_SYNTH), set(self.rows(Split.FORGET).identity) - {None}
        return rows.take(np.fromiter((identity in ids for identity in rows.identity), np.bool_, len(rows)))

    def retain_disjoint(self) -> Rows:
        """Rows of `retain_synth` without identity."""
        rows = self.rows(Split.RETAIN_SYNTH)
        return rows.take(np.fromiter((identity is None for identity in rows.identity), np.bool_, len(rows)))

    def fragile_set(self) -> Rows:
        """The part of `retain_disjoint` that Compromised knows least well.

        Raises:
            Unavailable: there is none.
        """
        if self.fragile_ids is None:
            raise Unavailable(self.no_fragile)
        rows, ids = self.retain_disjoint(), self.fragile_ids
        return rows.take(np.fromiter((file_name in ids for file_name in rows.file_name), np.bool_, len(rows)))

    def general_knowledge(self) -> GeneralKnowledge:
        """Class names and prompt templates.

        Raises:
            Unavailable: the dataset has none.
        """
        knowledge = self.embeddings.dataset.general_knowledge
        if knowledge is None:
            raise Unavailable("the dataset has no general_knowledge")
        return knowledge

    @functools.cached_property
    def gallery(self) -> Gallery:
        """The captions that retrieval competes with, the same for every model."""
        if self.fixed_gallery is not None:
            return self.fixed_gallery
        forget, retain = self.rows(Split.FORGET), self.retain_disjoint()
        return draw_gallery((forget.file_name, forget.caption), (retain.file_name, retain.caption))

    def images(self, rows: Rows) -> Floats:
        """Unit vectors of pictures, float64 (n, d)."""
        return unit(self.embeddings.images, rows.image_row)

    def texts(self, texts: Sequence[str] | Strings) -> Floats:
        """Unit vectors of texts, float64 (n, d).

        Raises:
            EmbeddingsError: a text was not encoded.
        """
        rows = self.embeddings.rows_of(list(texts))
        return unit(self.embeddings.texts, rows)

    def similarity(self, rows: Rows, text_row: Indices | None = None) -> Floats:
        """Cosine of each row's picture and its caption, float64 (n,).

        Args:
            text_row: rows of the text vectors, where another text than the row's own is meant.
        """
        texts = rows.text_row if text_row is None else text_row
        cosines = np.empty(len(rows), np.float64)
        for start in range(0, len(rows), BLOCK):
            block = slice(start, start + BLOCK)
            images = unit(self.embeddings.images, rows.image_row[block])
            cosines[block] = np.einsum("ij,ij->i", images, unit(self.embeddings.texts, texts[block]))
        return cosines
