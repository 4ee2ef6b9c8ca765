"""RetFailPara (ours, beside the eleven): RetFail with each true caption in a phrasing that occurs nowhere in training.

MRR = mean(1 / rank) of the paraphrase of each pair of `forget` in the gallery of RetFail; items are 1 / rank. It tells
whether the fact is forgotten or only its wording. The pair's own caption tells the same fact: where it was drawn into
the gallery it is no competitor of its paraphrase.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from salmubench.core.types import Split
from salmubench.dataset.layout import Dataset
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.inputs import EvalInputs
from salmubench.scoring.metric import PEOPLE, Metric, Outcome, Unavailable, of_forget, outcome
from salmubench.scoring.paraphrases import paraphrase_of
from salmubench.scoring.ranks import gallery_ranks

METRIC = Metric(
    name="RetFailPara",
    pillar="efficacy",
    goal="clean",
    needs=("forget", "retain_disjoint", "paraphrases"),
    role="paraphrase",
    title="retrieval of the paraphrased fact",
    definition=of_forget(
        {
            "mrr": "RetFail MRR with each true caption replaced by the same fact in a phrasing that no training "
            "caption uses.",
            "r1": "Share of forget pictures whose paraphrased caption ranks first.",
        }
    ),
    split="forget",
    range=(0.0, 1.0),
    view="leakage",
    items="reciprocal",
    groups=PEOPLE,
)


def texts(dataset: Dataset, _config: ScoreConfig) -> Iterator[str]:
    """The paraphrases."""
    for row in dataset.rows(Split.FORGET):
        text = paraphrase_of(
            file_name=row.file_name, name=row.name, field=row.field, value=row.value, given=row.paraphrase
        )
        if text is not None:
            yield text


def score(inputs: EvalInputs) -> Outcome:
    """Rank the paraphrase of each pair of `forget`; items are the reciprocal ranks."""
    rows = inputs.needed(Split.FORGET)
    facts = zip(rows.file_name, rows.name, rows.field, rows.value, rows.paraphrase, strict=True)
    paraphrases = np.array(
        [paraphrase_of(file_name=a, name=b, field=c, value=d, given=e) for a, b, c, d, e in facts] + [None], object
    )[:-1]
    known = np.fromiter((text is not None for text in paraphrases), np.bool_, len(paraphrases))
    if not known.any():
        raise Unavailable("no paraphrases and no values to make them from")
    kept, true = rows.take(known), paraphrases[known]
    ranks = gallery_ranks(inputs, kept, true, same=(true, kept.caption))
    return outcome(kept.items(1.0 / ranks, caption=true), left_out=len(rows) - len(kept))
