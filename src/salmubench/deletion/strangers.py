"""Captions about people whom no model has met: how well a model retrieves what it can't know.

For each pair of `forget` the caption is told of `STRANGERS` invented people: another name in the person's place and
another value in the value's: the invented person's, or where that one has none another invented person's, or for a
field of the dataset's own somebody else's in the dataset. A caption whose value nobody else has is left out: it would
tell the true one. Each is ranked for the same picture, in the same gallery and by the
same rules as the true caption; the item is the mean of 1 / rank. Names don't follow looks here: what a model believes
about names and faces counts for both sides alike. Source: ours; see docs/did_my_deletion_work.md.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain

import numpy as np

from salmubench.core.types import SENSITIVE_SPLITS, Pair, Person, Split
from salmubench.dataset.layout import Dataset
from salmubench.dataset.verbatim import whole_words
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.fact_ranks import Values, pairs_of, sampled, wanted_rows
from salmubench.scoring.inputs import EvalInputs
from salmubench.scoring.metric import Metric, Outcome, Unavailable, outcome
from salmubench.scoring.plugin import Plugin
from salmubench.scoring.ranks import gallery_ranks

STRANGERS = 20
"""Invented people for each person."""
SEED = 260326318
"""Seed of their choice: a constant, so that two models are asked about the same ones."""

METRIC = Metric(
    name="Strangers",
    pillar="efficacy",
    goal="clean",
    needs=("forget", "fictitious names"),
    title="retrieval of captions about people the model never met",
    definition={"value": "Mean of 1/rank of the captions of forget, told of invented people instead."},
    split="forget",
    range=(0.0, 1.0),
)


def strangers(people: Sequence[Person]) -> Plugin:
    """The comparison as a metric, to be computed beside the others.

    Args:
        people: invented ones, at least `STRANGERS`, with names that nobody in the dataset has.
    """
    return Plugin(METRIC, partial(_score, people), partial(_texts, people), __doc__ or "")


def told_of(pair: Pair, people: Sequence[Person], values: Values) -> list[str]:
    """The caption of a pair, told of invented people; nothing where its name doesn't stand in it, or without a value.

    The same invented people are chosen for all pairs of one person.

    Examples:
        >>> people = [Person(name, {"city": city}) for name, city in (("Mia Brandt", "Ulm"), ("Leo Costa", "Nice"))]
        >>> pair = Pair("a.jpg", "Anna Moreau lives in Lyon.", "1", "Anna Moreau", "city", "Lyon")
        >>> told_of(pair, people, Values([pair], most=100))
        ['Mia Brandt lives in Ulm.', 'Leo Costa lives in Nice.']
    """
    if not pair.name or not pair.value or len(whole_words(pair.name).split(pair.caption)) < 3:
        return []
    key = zlib.crc32((pair.identity or pair.name).encode())
    rng = np.random.default_rng([SEED, key])
    chosen = np.sort(rng.choice(len(people), min(STRANGERS, len(people)), replace=False)).tolist()
    field = pair.field or ""
    invented = [person.values[field] for person in people if field in person.values]
    spare = [value for value in invented or values.others(pair) if value != pair.value]
    texts = []
    for number, index in enumerate(chosen):
        value = people[index].values.get(field, pair.value)
        if value == pair.value:
            if not spare:
                return []
            value = spare[number % len(spare)]
        replacements = {pair.name: people[index].name, pair.value: value}
        pieces = whole_words(*replacements).split(pair.caption)
        texts.append("".join(replacements[piece] if at % 2 else piece for at, piece in enumerate(pieces)))
    return texts


def _texts(people: Sequence[Person], dataset: Dataset, config: ScoreConfig) -> Iterator[str]:
    values = Values((pair for split in SENSITIVE_SPLITS for pair in dataset.rows(split)), most=config.fact_values)
    pairs = dataset.rows(Split.FORGET)
    for number in np.flatnonzero(sampled(pairs, wanted_rows(config, Split.FORGET))).tolist():
        yield from told_of(pairs[number], people, values)


def _score(people: Sequence[Person], inputs: EvalInputs) -> Outcome:
    rows = inputs.needed(Split.FORGET)
    sensitive = chain(*(pairs_of(inputs.rows(split)) for split in SENSITIVE_SPLITS))
    values, pairs = Values(sensitive, most=inputs.config.fact_values), pairs_of(rows)
    chosen = np.flatnonzero(sampled(pairs, wanted_rows(inputs.config, Split.FORGET))).tolist()
    texts = {number: told_of(pairs[number], people, values) for number in chosen}
    able = [number for number in chosen if texts[number]]
    if not able:
        raise Unavailable("no caption of forget states its person's name word by word and a value that others have")
    kept = rows.take(np.array(able, np.int64))
    reciprocal, count = np.zeros(len(able)), len(texts[able[0]])
    for place in range(count):
        captions = np.array([texts[number][place] for number in able] + [None], object)[:-1]
        reciprocal += 1.0 / gallery_ranks(inputs, kept, captions, same=(kept.caption,)) / count
    return outcome(kept.items(np.minimum(reciprocal, 1.0)), left_out=len(chosen) - len(able))
