"""Facts told apart: a caption ranked among copies of itself that tell other values of the same field.

The name stays in every copy, so that what is measured is the value alone: whether the model knows *which* city this
person lives in, not whether it knows the person. Source: ours; see docs/protocol.md.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain

import numpy as np
import numpy.typing as npt

from salmubench.core.types import SENSITIVE_SPLITS, Pair, Split
from salmubench.dataset.layout import Dataset
from salmubench.dataset.verbatim import whole_words
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.inputs import EvalInputs, Rows
from salmubench.scoring.metric import Counts, Floats, Items, Unavailable
from salmubench.scoring.products import TIE, Indices, unit

SEED = 260326317
"""Seed of the draws of values and of associations: a constant of the protocol."""
FEWEST = 3
"""Other values that a row needs: among fewer a rank says little."""
NONE_ABLE = f"no sentence states a value that has {FEWEST} others of its field to be told from"
"""Why nothing is ranked where all rows are left out."""

Sentence = Callable[[Pair], str | None]
"""Which sentence of a row is ranked."""

_TEXTS = 4096  # texts held at once: 16 MB of vectors at width 512, whatever the number of rows


class Values:
    """The values of each field that facts are told apart from.

    Where there are too many, each association has a draw of its own, the same for every model: a few values shared by
    all would make a model's taste for one of them look like knowledge.

    Args:
        pairs: the rows of all sensitive splits, in any order: their values are those of the captions' metadata.
        most: other values of an association; where its field has more, so many are drawn.

    Examples:
        >>> people = {"1": "Lyon", "2": "Rome", "3": "Oslo"}
        >>> pairs = [Pair(f"{id}.jpg", "", identity=id, field="city", value=city) for id, city in people.items()]
        >>> Values(pairs, most=100).others(pairs[0])
        ['Oslo', 'Rome']
    """

    def __init__(self, pairs: Iterable[Pair], *, most: int) -> None:
        known: defaultdict[str, set[str]] = defaultdict(set)
        self._own: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        for pair in pairs:
            if pair.field and pair.value:
                known[pair.field].add(pair.value)
                if pair.identity is not None:
                    self._own[pair.identity, pair.field].add(pair.value)
        self._known = {field: sorted(values) for field, values in known.items()}
        self._most = most
        self._drawn: dict[tuple[str, str, str], list[str]] = {}

    def others(self, pair: Pair) -> list[str]:
        """Values of the pair's field that are neither its own nor another of the same person's, sorted."""
        if not pair.field or not pair.value:
            return []
        key = (*_association(pair), pair.value)
        if key not in self._drawn:
            self._drawn[key] = self._draw(pair, pair.field, pair.value)
        return self._drawn[key]

    def _draw(self, pair: Pair, field: str, value: str) -> list[str]:
        excluded = {value, *(self._own.get((pair.identity, field), ()) if pair.identity is not None else ())}
        able = [other for other in self._known.get(field, ()) if other not in excluded]
        if len(able) <= self._most:
            return able
        rng = np.random.default_rng([SEED, zlib.crc32("\0".join(_association(pair)).encode())])
        return [able[number] for number in np.sort(rng.choice(len(able), self._most, replace=False)).tolist()]


def replaced(sentence: str, value: str, others: Sequence[str]) -> list[str]:
    """The sentence with each of some other values at every place where its own stands, not inside a longer word.

    Returns:
        One text per other value; none where the value doesn't stand there.

    Examples:
        >>> replaced("Rome? Anna is in Rome, not in Romes.", "Rome", ["Oslo"])
        ['Oslo? Anna is in Oslo, not in Romes.']
        >>> replaced("Anna is in Romes.", "Rome", ["Oslo"])
        []
    """
    pieces = whole_words(value).split(sentence)[::2]
    return [] if len(pieces) < 2 else [other.join(pieces) for other in others]


def sampled(pairs: Sequence[Pair], rows: int) -> npt.NDArray[np.bool_]:
    """Which rows of a split are ranked, bool (n,): whole associations until there are so many rows; 0: all."""
    if not rows or len(pairs) <= rows:
        return np.ones(len(pairs), np.bool_)
    names = [_association(pair) for pair in pairs]
    sizes: defaultdict[tuple[str, str], int] = defaultdict(int)
    for name in names:
        sizes[name] += 1
    unique, chosen, rows_drawn = sorted(sizes), set[tuple[str, str]](), 0
    for number in np.random.default_rng(SEED).permutation(len(unique)).tolist():
        if rows_drawn >= rows:
            break
        chosen.add(unique[number])
        rows_drawn += sizes[unique[number]]
    return np.fromiter((name in chosen for name in names), np.bool_, len(names))


def fact_texts(dataset: Dataset, config: ScoreConfig, splits: Sequence[Split], sentence: Sentence) -> Iterator[str]:
    """Every text that `fact_items` ranks on these splits: the sentences and their copies with other values."""
    values = Values((pair for split in SENSITIVE_SPLITS for pair in dataset.rows(split)), most=config.fact_values)
    for split in splits:
        pairs = dataset.rows(split)
        for number in np.flatnonzero(sampled(pairs, wanted_rows(config, split))).tolist():
            yield from candidates(pairs[number], values, sentence)


def fact_items(inputs: EvalInputs, split: Split, sentence: Sentence) -> tuple[Items, int]:
    """Rank the sentence of each row of a split among its copies with other values.

    Rank = 1 + #above + ½ #equal by cosine with the row's picture; `others` says among how many.

    Returns:
        The items, and how many rows were left out: no sentence, the value doesn't stand in it, or fewer than three
        others.

    Raises:
        Unavailable: a sensitive split isn't encoded, so that the values aren't known.
    """
    counts = inputs.embeddings.dataset.counts
    absent = [name for name in SENSITIVE_SPLITS if name not in counts]
    if absent:
        raise Unavailable(f"{absent[0]} is not encoded, and its values belong to those to tell apart")
    values, pairs = values_of(inputs), pairs_in(inputs, split)
    chosen = np.flatnonzero(sampled(pairs, wanted_rows(inputs.config, split)))
    texts = inputs.shared(
        (split, sentence), lambda: [candidates(pairs[number], values, sentence) for number in chosen.tolist()]
    )
    able = np.fromiter((bool(copies) for copies in texts), np.bool_, len(texts))
    kept, ranked = inputs.rows(split).take(chosen[able]), [copies for copies in texts if copies]
    ranks, others = _ranks(inputs, kept, ranked)
    captions = np.array([copies[0] for copies in ranked] + [None], object)[:-1]
    return kept.items(ranks, caption=captions, others=others), len(texts) - len(ranked)


def values_of(inputs: EvalInputs) -> Values:
    """The values of all sensitive splits."""
    every = chain.from_iterable(pairs_in(inputs, split) for split in SENSITIVE_SPLITS)
    return inputs.shared("values", lambda: Values(every, most=inputs.config.fact_values))


def caption(pair: Pair) -> str:
    """A row's own caption, as a sentence."""
    return pair.caption


def wanted_rows(config: ScoreConfig, split: Split) -> int:
    """Rows of a split that are ranked at least: `fact_rows` of forget, half as many of each holdout; 0: all."""
    return config.fact_rows if split == Split.FORGET else -(-config.fact_rows // 2)


def _association(pair: Pair) -> tuple[str, str]:
    return (pair.identity if pair.identity is not None else f"/{pair.file_name}", pair.field or "")


def pairs_in(inputs: EvalInputs, split: Split) -> list[Pair]:
    """Rows of a split as pairs."""
    return inputs.shared(f"pairs of {split}", partial(pairs_of, inputs.rows(split)))


def pairs_of(rows: Rows) -> list[Pair]:
    """Rows as pairs, in their order."""
    columns = (rows.file_name, rows.caption, rows.identity, rows.name, rows.field, rows.value, rows.paraphrase)
    return [Pair(*row) for row in zip(*columns, strict=True)]


def candidates(pair: Pair, values: Values, sentence: Sentence) -> list[str]:
    """The sentence and its copies; nothing where the row is left out."""
    text = sentence(pair)
    if text is None or not pair.value:
        return []
    copies = replaced(text, pair.value, values.others(pair))
    return [text, *copies] if len(copies) >= FEWEST else []


def _ranks(inputs: EvalInputs, rows: Rows, texts: Sequence[Sequence[str]]) -> tuple[Floats, Counts]:
    """Rank of the first of each row's texts among them, float64 (n,), and the number of the others, int32 (n,)."""
    counts = np.fromiter((len(copies) for copies in texts), np.int64, len(texts))
    ranks = np.empty(len(texts), np.float64)
    for block in _blocks(counts):
        text_rows = inputs.embeddings.rows_of([text for copies in texts[block] for text in copies])
        ranks[block] = _block_ranks(inputs, rows.image_row[block], text_rows, counts[block])
    return ranks, (counts - 1).astype(np.int32)


def _block_ranks(inputs: EvalInputs, image_rows: Indices, text_rows: Indices, counts: Indices) -> Floats:
    images, texts = unit(inputs.embeddings.images, image_rows), unit(inputs.embeddings.texts, text_rows)
    owner, first = np.repeat(np.arange(len(counts)), counts), np.cumsum(counts) - counts
    similarity = np.einsum("ij,ij->i", images[owner], texts)
    margin = similarity - similarity[first][owner]
    margin[first] = -np.inf  # its own text is no competitor
    above = np.bincount(owner[margin > TIE], minlength=len(counts))
    equal = np.bincount(owner[np.abs(margin) <= TIE], minlength=len(counts))
    ranks: Floats = 1.0 + above + 0.5 * equal
    return ranks


def _blocks(counts: Indices) -> Iterator[slice]:
    """Slices of rows whose texts together are at most about `_TEXTS`."""
    start, held = 0, 0
    for row, count in enumerate(counts.tolist()):
        if held and held + count > _TEXTS:
            yield slice(start, row)
            start, held = row, 0
        held += count
    if held:
        yield slice(start, len(counts))
