"""Nearest duplicates: pairs of pictures, and pairs of captions, that are most alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_PAIRS = 12  # that are shown
_CHUNK = 512  # rows compared at once with all others


class Alike(NamedTuple):
    """Two rows that are alike: mean difference of luminance (0 to 255) of pictures, cosine of captions."""

    first: int
    second: int
    value: float


class Nearest(NamedTuple):
    """Result of a search.

    Attributes:
        pairs: the most alike pairs, each row at most once, most alike first.
        values: of each row and its nearest other one, float64 (n,).
    """

    pairs: tuple[Alike, ...]
    values: NDArray[np.float64]


def nearest_pictures(thumbnails: NDArray[np.uint8]) -> Nearest:
    """Find for each picture the one that is most like it.

    Candidates are found by the root mean square difference, which is a product of matrices; what is reported is the
    mean absolute one, as curation has it.

    Args:
        thumbnails: luminance, uint8 (n, d); memory is n × 512 numbers.
    """
    x = thumbnails.astype(np.float32)
    squares = (x**2).sum(1)
    other = np.zeros(len(x), dtype=np.int64)
    for start in range(0, len(x), _CHUNK):
        part = slice(start, min(start + _CHUNK, len(x)))
        distance = squares[part, None] - 2 * x[part] @ x.T + squares
        distance[np.arange(part.stop - start), np.arange(start, part.stop)] = np.inf
        other[part] = distance.argmin(1)
    values = np.abs(x - x[other]).mean(1).astype(np.float64) if len(x) > 1 else np.zeros(0)
    return Nearest(_pairs(other, values), values)


def nearest_captions(captions: Sequence[str]) -> Nearest:
    """Find for each of some thousand captions the one most like it: cosine of TF-IDF over words and pairs of words."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    if len(captions) < 2:
        return Nearest((), np.zeros(0))
    vectoriser = TfidfVectorizer(ngram_range=(1, 2), tokenizer=str.split, token_pattern=None, lowercase=False)
    x = vectoriser.fit_transform(captions)  # (n, words), unit rows
    other, values = np.zeros(x.shape[0], dtype=np.int64), np.zeros(x.shape[0])
    for start in range(0, x.shape[0], _CHUNK):
        stop = min(start + _CHUNK, x.shape[0])
        cosine = (x[start:stop] @ x.T).toarray()
        cosine[np.arange(stop - start), np.arange(start, stop)] = -1.0
        other[start:stop], values[start:stop] = cosine.argmax(1), cosine.max(1)
    return Nearest(_pairs(other, -values, sign=-1.0), values)


def repeated(texts: Sequence[str]) -> dict[str, Any]:
    """Count texts that stand more than once.

    Returns:
        `rows`, `distinct`, and `most`: the most frequent texts that do, with their number.
    """
    counted = Counter(texts)
    most = [{"text": text, "rows": number} for text, number in counted.most_common(5) if number > 1]
    return {"rows": len(texts), "distinct": len(counted), "most": most}


def _pairs(other: NDArray[np.int64], order_by: NDArray[np.float64], *, sign: float = 1.0) -> tuple[Alike, ...]:
    pairs: list[Alike] = []
    seen: set[int] = set()
    for first in np.argsort(order_by, kind="stable").tolist():
        second = int(other[first])
        if len(pairs) == _PAIRS:
            break
        if first not in seen and second not in seen:
            seen |= {first, second}
            pairs.append(Alike(first, second, sign * float(order_by[first])))
    return tuple(pairs)
