"""Ranks of true captions in the gallery, for RetFail and RetFailPara."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from salmubench.metrics._inputs import BLOCK, TIE, EvalInputs, Rows, unit
from salmubench.results.metric import Floats, Strings, Unavailable


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
    own = inputs.similarity(rows, inputs.embeddings.rows_of(list(true)))
    ranks, competitors = np.empty(len(rows), np.float64), 0
    for start in range(0, len(rows), BLOCK):
        stop = min(start + BLOCK, len(rows))
        ahead = unit(inputs.embeddings.images, rows.image_row[start:stop]) @ gallery.T  # (b, g)
        ahead -= own[start:stop, None]
        excluded = 0
        for row in range(start, stop):
            for column in {column for texts in same for column in columns.get(texts[row], ())}:
                ahead[row - start, column] = -np.inf
                excluded += 1
        competitors += ahead.size - excluded
        greater = np.count_nonzero(ahead > TIE, axis=1)
        equal = np.count_nonzero(ahead >= -TIE, axis=1) - greater
        ranks[start:stop] = 1.0 + greater + 0.5 * equal
    if not competitors:
        raise Unavailable("the gallery holds no other caption")
    return ranks
