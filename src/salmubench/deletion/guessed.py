"""How well a value fits people whose it isn't: where the true value of an unknown person would rank.

A model that knows nothing of a person doesn't rank the true value in the middle of the others: some values fit any name
and face better than others, above all those of people whom it does know. So each value of `forget` is asked of other
people who have another one, in their sentences, beside their pictures: the item is the mean share of other values,
neither's own, that rank below it. Source: ours; see docs/did_my_deletion_work.md.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from salmubench.core.types import Pair, Split
from salmubench.scoring.fact_ranks import candidates, caption, pairs_in, sampled, values_of, wanted_rows
from salmubench.scoring.inputs import EvalInputs
from salmubench.scoring.metric import Floats, Metric, Outcome, Unavailable, outcome
from salmubench.scoring.plugin import Plugin
from salmubench.scoring.products import TIE, unit

MOST = 50
"""Other people of whom a value is asked."""
SEED = 260326319
"""Seed of their choice, the same for every model."""

METRIC = Metric(
    name="Guessed",
    pillar="efficacy",
    goal="clean",
    needs=("forget",),
    title="values asked of people whose they aren't",
    definition={"value": "Mean share of other values that rank below a value, asked of people who have another one."},
    split="forget",
    range=(0.0, 1.0),
)


def guessed() -> Plugin:
    """The comparison as a metric, to be computed beside the others; all its texts are asked for by others."""
    return Plugin(METRIC, _score, lambda _dataset, _config: (), __doc__ or "")


def _score(inputs: EvalInputs) -> Outcome:
    rows, pairs, values = inputs.needed(Split.FORGET), pairs_in(inputs, Split.FORGET), values_of(inputs)
    chosen = np.flatnonzero(sampled(pairs, wanted_rows(inputs.config, Split.FORGET))).tolist()
    texts_of_row = {number: texts for number in chosen if (texts := candidates(pairs[number], values, caption))}
    ranked: dict[int, Floats] = {}
    of_value: defaultdict[tuple[str | None, str], list[tuple[int, int]]] = defaultdict(list)
    for number, texts in texts_of_row.items():
        image = unit(inputs.embeddings.images, rows.image_row[number : number + 1])[0]
        ranked[number] = unit(inputs.embeddings.texts, inputs.embeddings.rows_of(texts)) @ image
        for place, value in enumerate(values.others(pairs[number]), start=1):
            of_value[pairs[number].field, value].append((number, place))
    items = {
        number: float(np.mean([_below(ranked[other], place) for other, place in drawn]))
        for number in texts_of_row
        if (drawn := _drawn(pairs[number], of_value[pairs[number].field, str(pairs[number].value)]))
    }
    if not items:
        raise Unavailable("no value that could be asked of other people")
    return outcome(rows.take(np.array(list(items))).items(np.array(list(items.values()))))


def _drawn(pair: Pair, places: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    if len(places) <= MOST:
        return list(places)
    rng = np.random.default_rng([SEED, zlib.crc32(f"{pair.identity}\0{pair.field}\0{pair.value}".encode())])
    return [places[number] for number in np.sort(rng.choice(len(places), MOST, replace=False)).tolist()]


def _below(similarity: Floats, place: int) -> float:
    """Share of the values, but the person's own (first) and this one, that rank below it; ties half."""
    margin = np.delete(similarity, [0, place]) - similarity[place]
    return float(np.mean((margin < -TIE) + 0.5 * (np.abs(margin) <= TIE)))
