"""1.5 CoreAssoc: does the picture still fit name and value without any phrasing?

For each pair of `forget` the larger cosine of the bare captions "{name} {value}" and "{value} {name}"; mean. Rows whose
value is not known are left out and counted. Source: the paper, section on efficacy.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from salmubench.core.types import Split
from salmubench.dataset import phrasings
from salmubench.dataset.layout import Dataset
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.inputs import EvalInputs
from salmubench.scoring.metric import (
    Metric,
    Outcome,
    Unavailable,
    outcome,
)

METRIC = Metric(
    name="CoreAssoc",
    pillar="efficacy",
    goal="clean",
    needs=("forget", "values"),
    number="1.5",
    title="similarity of bare name and value",
    definition={"value": "Mean similarity of forget pictures to the bare name and value, the better of both orders."},
    split="forget",
    range=(-1.0, 1.0),
    view="leakage",
    official={"value": ("1.5_CoreAssoc", "mean")},
    official_items=("1.5_CoreAssoc", "scores"),
    official_gaps=True,
)


def texts(dataset: Dataset, _config: ScoreConfig) -> Iterator[str]:
    """Both bare captions of each pair of `forget`."""
    for row in dataset.rows(Split.FORGET):
        if row.name and row.value:
            yield from phrasings.bare_captions(row.name, row.value)


def score(inputs: EvalInputs) -> Outcome:
    """The better of both bare captions for each pair of `forget`."""
    rows = inputs.needed(Split.FORGET)
    known = np.fromiter(
        (bool(name and value) for name, value in zip(rows.name, rows.value, strict=True)), np.bool_, len(rows)
    )
    kept, left_out = rows.take(known), int(len(rows) - known.sum())
    if not len(kept):
        raise Unavailable("no pair of forget has a known name and value")
    bare = [phrasings.bare_captions(name, value) for name, value in zip(kept.name, kept.value, strict=True)]
    orders = [inputs.embeddings.rows_of([pair[order] for pair in bare]) for order in (0, 1)]
    best = np.maximum(*(inputs.similarity(kept, text_row) for text_row in orders))
    return outcome(kept.items(best), left_out=left_out)
