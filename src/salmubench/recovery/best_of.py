"""Ranks where a fact may be told in several sentences and the most similar one counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from salmubench.clip.embeddings import Embedded
from salmubench.core.types import Pair, Split
from salmubench.dataset.layout import Dataset
from salmubench.scoring.fact_ranks import FEWEST, pairs_of, replaced, sampled, values_of, wanted_rows
from salmubench.scoring.gallery import Gallery
from salmubench.scoring.inputs import EvalInputs, Rows
from salmubench.scoring.metric import Floats
from salmubench.scoring.products import rank, unit

Wordings = Callable[[Pair], Sequence[str]]
_ROWS = 128


def best_ranks(embeddings: Embedded, rows: Rows, gallery: Gallery, dataset: Dataset, wordings: Wordings) -> Floats:
    """Rank of each true caption in the gallery, 1 + #greater + ½ #equal, float64 (n,); equal captions don't compete.

    Args:
        wordings: a pair → sentences.
    """
    forget = {(pair.file_name, pair.caption): pair for pair in dataset.rows(Split.FORGET)}
    sentences = [
        forget.get((name, caption), Pair(name, caption))
        for name, caption in zip(gallery.file_name, gallery.caption, strict=True)
    ]
    groups, starts = _grouped([wordings(pair) for pair in sentences])
    text_rows = embeddings.rows_of(groups)
    own, own_starts = _grouped([wordings(pair) for pair in pairs_of(rows)])
    own_rows = embeddings.rows_of(own)
    texts, own_texts = unit(embeddings.texts, text_rows), unit(embeddings.texts, own_rows)
    ends = [*own_starts[1:], len(own)]
    ranks = np.empty(len(rows))
    for first in range(0, len(rows), _ROWS):
        block = slice(first, first + _ROWS)
        images = unit(embeddings.images, rows.image_row[block])
        best = np.maximum.reduceat(images @ texts.T, starts, axis=1)  # (b, g)
        for place, image in enumerate(images, start=first):
            true = (own_texts[own_starts[place] : ends[place]] @ image).max()
            margin = np.where(gallery.caption == rows.caption[place], -np.inf, best[place - first] - true)
            ranks[place] = rank(margin)
    return ranks


def best_fact_ranks(
    embeddings: Embedded, rows: Rows, inputs: EvalInputs, wordings: Wordings
) -> tuple[list[int], Floats]:
    """Rank of each true value among others of its field, every one told in all wordings.

    Returns:
        Numbers of the rows that have at least three other values, and their ranks.
    """
    values = values_of(inputs)
    pairs, ranks, by_value = pairs_of(rows), list[float](), dict[int, tuple[list[str], list[int]]]()
    for number in np.flatnonzero(sampled(pairs, wanted_rows(inputs.config, Split.FORGET))).tolist():
        pair = pairs[number]
        others = values.others(pair)
        copies = replaced(pair.caption, pair.value or "\0", others)
        if len(copies) < FEWEST:
            continue
        facts = [pair, *(replace(pair, caption=text, value=value) for text, value in zip(copies, others, strict=True))]
        by_value[number] = _grouped([wordings(fact) for fact in facts])
    embeddings.rows_of([text for texts, _ in by_value.values() for text in texts])  # encoded together
    for number, (texts, starts) in by_value.items():
        image = unit(embeddings.images, rows.image_row[[number]])[0]
        best = np.maximum.reduceat(unit(embeddings.texts, embeddings.rows_of(texts)) @ image, starts)
        ranks.append(float(rank(best[1:] - best[0])))
    return list(by_value), np.array(ranks)


def _grouped(groups: Sequence[Sequence[str]]) -> tuple[list[str], list[int]]:
    """All texts in one list, and where each group begins."""
    starts = np.cumsum([0, *(len(group) for group in groups)])[:-1].tolist()
    return [text for group in groups for text in group], starts
