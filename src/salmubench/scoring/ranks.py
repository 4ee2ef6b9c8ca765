"""Ranks of true captions in the gallery."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from salmubench.scoring.inputs import EvalInputs, Rows
from salmubench.scoring.metric import Floats, Strings, Unavailable
from salmubench.scoring.products import Indices, SimilarityBlock, ahead_and_equal, blocks


def gallery_ranks(inputs: EvalInputs, rows: Rows, true: Strings, *, same: Sequence[Strings]) -> Floats:
    """Rank of each picture's true caption among itself and the gallery: 1 + #greater + ½ #equal, float64 (n,).

    `inputs.ranking` may round similarities first and count ties otherwise.

    Args:
        true: (n,) the caption to be ranked for each.
        same: arrays (n,) of texts that are no competitors of the row, wherever they stand in the gallery.

    Raises:
        Unavailable: no row has a competitor.
    """
    columns: dict[str, list[int]] = {}
    for column, caption in enumerate(inputs.gallery.caption):
        columns.setdefault(caption, []).append(column)
    gallery = inputs.texts(inputs.gallery.caption)  # (g, d)
    similarity = inputs.similarity(rows, inputs.embeddings.rows_of(list(true)))
    ranks, competitors, ranking = np.empty(len(rows), np.float64), 0, inputs.ranking
    for block in blocks(inputs.embeddings.images, rows.image_row, gallery):
        excluded = [
            (row - block.start, column)
            for row in range(block.start, block.stop)
            for column in {column for texts in same for column in columns.get(texts[row], ())}
        ]
        competitors += block.rough.size - len(excluded)
        where = np.array(excluded, np.int64).reshape(-1, 2)
        rough, left_out = similarity[block.start : block.stop], (where[:, 0], where[:, 1])
        if ranking.rounding == "exact":
            greater, equal = ahead_and_equal(block, rough, left_out)
        else:
            greater, equal = _rounded(block, rough, left_out, ranking.rounding)
        ranks[block.start : block.stop] = 1.0 + greater + ranking.weight * equal
    if not competitors:
        raise Unavailable("the gallery holds no other caption")
    return ranks


def _rounded(
    block: SimilarityBlock, rough: Floats, excluded: tuple[Indices, Indices], precision: str
) -> tuple[Indices, Indices]:
    """As `ahead_and_equal`, of similarities in half precision."""
    others = in_half_precision(block.images @ block.texts.T, precision)
    others[excluded] = -np.inf
    true = in_half_precision(rough, precision)[:, None]
    return np.count_nonzero(others > true, axis=1), np.count_nonzero(others == true, axis=1)


def in_half_precision(numbers: Floats, precision: str) -> Floats:
    """Numbers rounded to `fp16` or `bf16`, ties to even, as float64 of the same shape.

    Examples:
        >>> in_half_precision(np.array([0.3001, 0.3002]), "bf16")
        array([0.30078125, 0.30078125])
    """
    if precision == "fp16":
        return numbers.astype(np.float16).astype(np.float64)
    bits = np.asarray(numbers, np.float32).view(np.uint32)
    even = (bits >> np.uint32(16)) & np.uint32(1)
    kept = (bits + np.uint32(0x7FFF) + even) & np.uint32(0xFFFF0000)
    rounded: Floats = kept.view(np.float32).astype(np.float64)
    return rounded
