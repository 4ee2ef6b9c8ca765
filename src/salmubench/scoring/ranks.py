"""Ranks of true captions in the gallery."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from salmubench.scoring.inputs import EvalInputs, Rows
from salmubench.scoring.metric import Floats, Strings, Unavailable
from salmubench.scoring.products import ahead_and_equal, blocks


def gallery_ranks(inputs: EvalInputs, rows: Rows, true: Strings, *, same: Sequence[Strings]) -> Floats:
    """Rank of each picture's true caption among itself and the gallery: 1 + #greater + ½ #equal, float64 (n,).

    Args:
        inputs: vectors and gallery.
        rows: the pictures.
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
    ranks, competitors = np.empty(len(rows), np.float64), 0
    for block in blocks(inputs.embeddings.images, rows.image_row, gallery):
        excluded = [
            (row - block.start, column)
            for row in range(block.start, block.stop)
            for column in {column for texts in same for column in columns.get(texts[row], ())}
        ]
        competitors += block.rough.size - len(excluded)
        where = np.array(excluded, np.int64).reshape(-1, 2)
        greater, equal = ahead_and_equal(block, similarity[block.start : block.stop], (where[:, 0], where[:, 1]))
        ranks[block.start : block.stop] = 1.0 + greater + 0.5 * equal
    if not competitors:
        raise Unavailable("the gallery holds no other caption")
    return ranks
