"""Products of many pictures with many texts: screened in float32, decided in float64.

A float32 product tells almost all comparisons apart; what lies within its rounding error is computed again in float64.
The results are those of float64 throughout, for half the time and memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from salmubench.clip.embeddings import Array
from salmubench.core.errors import EmbeddingsError
from salmubench.scoring.metric import Floats

Indices = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

BLOCK = 1024
"""Rows a block: memory stays flat in the number of pairs."""

TIE = 1e-9
"""Similarities closer than this are equal: far above the rounding of float64, far below that of float32 vectors."""

_MANY = 0.05  # share of undecided comparisons in a block above which the whole block is computed in float64


def unit(array: Array, rows: Indices) -> Floats:
    """Rows of a float32 array as float64 unit vectors (n, d)."""
    if len(rows) and (rows.min() < 0 or rows.max() >= len(array)):
        raise EmbeddingsError(f"Expected rows 0 to {len(array) - 1}, got {rows.min()} to {rows.max()}.")
    return unit_rows(array[rows])


def unit_rows(vectors: npt.NDArray[Any]) -> Floats:
    """Vectors (n, d) as float64 unit vectors."""
    wide = np.asarray(vectors, np.float64)
    normalised: Floats = wide / np.sqrt(np.einsum("ij,ij->i", wide, wide))[:, None]
    return normalised


@dataclass(frozen=True, eq=False)
class SimilarityBlock:
    """Similarities of some pictures with all texts.

    Attributes:
        images: float64 (b, d) unit vectors.
        texts: float64 (t, d) unit vectors.
        rough: float32 (b, t) similarities, each within `error`.
        error: bound of the rounding error of `rough`.
    """

    start: int
    stop: int
    images: Floats
    texts: Floats
    rough: Array
    error: float

    def exact(self, rows: Indices, columns: Indices) -> Floats:
        """Similarities of some pairs in float64 (n,)."""
        similarities = np.empty(len(rows))
        for start in range(0, len(rows), BLOCK):
            part = slice(start, start + BLOCK)
            similarities[part] = np.einsum("ij,ij->i", self.images[rows[part]], self.texts[columns[part]])
        return similarities

    def refined(self, doubtful: Mask) -> Floats:
        """Similarities in float64 (b, t): exact where the mask says, rough elsewhere."""
        if np.count_nonzero(doubtful) > _MANY * doubtful.size:
            whole: Floats = self.images @ self.texts.T
            return whole
        similarities: Floats = self.rough.astype(np.float64)
        rows, columns = np.nonzero(doubtful)
        similarities[rows, columns] = self.exact(rows, columns)
        return similarities


def blocks(images: Array, rows: Indices, texts: Floats) -> Iterator[SimilarityBlock]:
    """Go through pictures in blocks.

    Args:
        images: float32 (pictures, d).
        rows: int64 (n,) which of them.
        texts: float64 (t, d) unit vectors.
    """
    rough_texts = texts.astype(np.float32).T
    # Products of float32 unit vectors: (d + 2) half units in the last place at worst, each input rounded once.
    error = (texts.shape[1] + 4) * 2.0**-23
    for start in range(0, len(rows), BLOCK):
        stop = min(start + BLOCK, len(rows))
        vectors = unit(images, rows[start:stop])
        yield SimilarityBlock(start, stop, vectors, texts, vectors.astype(np.float32) @ rough_texts, error)


def ahead_and_equal(
    block: SimilarityBlock, true_similarity: Floats, excluded: tuple[Indices, Indices]
) -> tuple[Indices, Indices]:
    """Count for each picture the texts that are more similar than its own, and those that are equally similar.

    Args:
        true_similarity: float64 (b,) similarity of each picture's own text.
        excluded: rows and columns that count for neither.
    """
    block.rough[excluded] = -np.inf
    margin = block.rough - true_similarity[:, None].astype(np.float32)  # (b, t)
    bound = np.float32(2 * block.error)
    above = margin > bound
    doubtful = (margin >= -bound) & ~above
    if np.count_nonzero(doubtful) > _MANY * doubtful.size:
        exact = block.refined(doubtful)
        exact[excluded] = -np.inf
        greater = np.count_nonzero(exact > true_similarity[:, None] + TIE, axis=1)
        return greater, np.count_nonzero(exact >= true_similarity[:, None] - TIE, axis=1) - greater
    rows, columns = np.nonzero(doubtful)
    difference = block.exact(rows, columns) - true_similarity[rows]
    greater = np.count_nonzero(above, axis=1) + np.bincount(rows[difference > TIE], minlength=len(true_similarity))
    return greater, np.bincount(rows[np.abs(difference) <= TIE], minlength=len(true_similarity))


def rank(margin: Floats) -> Floats:
    """Rank of a text among others, 1 + #above + ½ #equal, float64: along the last axis.

    Args:
        margin: similarity of each other text less the own one's; −∞ where it doesn't compete.
    """
    above = np.count_nonzero(margin > TIE, axis=-1)
    ranks: Floats = 1.0 + above + 0.5 * np.count_nonzero(np.abs(margin) <= TIE, axis=-1)
    return ranks


def top_share(images: Array, rows: Indices, texts: Floats, right: Indices) -> Floats:
    """Share of the right text among the most similar ones, float64 (n,): 1, 1/k in a tie of k, or 0.

    Args:
        images: float32 (pictures, d).
        rows: int64 (n,) which of them.
        texts: float64 (t, d) unit vectors, one a class.
        right: int64 (n,) number of the right class.
    """
    shares = np.empty(len(rows))
    for block in blocks(images, rows, texts):
        best = block.rough.max(axis=1, keepdims=True)
        similarity = block.refined(block.rough >= best - 2 * np.float32(block.error))
        # What was not doubtful lies below the best by more than its error, so it can't be taken for a tie.
        top = similarity >= similarity.max(axis=1, keepdims=True) - TIE
        inside = top[np.arange(block.stop - block.start), right[block.start : block.stop]]
        shares[block.start : block.stop] = inside / np.count_nonzero(top, axis=1)
    return shares
