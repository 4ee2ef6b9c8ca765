"""FactHold (ours, beside the eleven): can the values that should stay still be told from others of their field?

FactRet on the pairs of `holdout_identity` and `holdout_association`: the rank of each caption by cosine among itself
and the same caption with other values of the field; values, ties, rows left out and sampling are those of FactRet, with
half as many rows of each holdout. The parts `…_identity` are about `holdout_identity` (other people), `…_association`
about `holdout_association` (other facts of the same people). Mean cosines of the holdouts stay high where a model has
lost every value and kept the people; this number doesn't.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from salmubench.core.types import HOLDOUT_SPLITS
from salmubench.dataset.layout import Dataset
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.fact_ranks import NONE_ABLE, caption, fact_items, fact_texts
from salmubench.scoring.inputs import EvalInputs
from salmubench.scoring.metric import PEOPLE, Items, Metric, Outcome, Unavailable, outcome

METRIC = Metric(
    name="FactHold",
    pillar="utility",
    goal="compromised",
    needs=("holdout_identity", "holdout_association", "values"),
    role="kept",
    title="kept values among others of their field",
    definition={
        "mrr": "Mean of 1/rank of the true caption of each holdout picture among copies of itself that tell other "
        "values of the same field.",
        "r1": "Share of holdout pictures whose true value ranks first.",
        "percentile": "Mean share of the other values that rank below the true one: 0.5 is chance.",
        "mrr_identity": "The MRR for people who aren’t in forget.",
        "r1_identity": "The share of first ranks for people who aren’t in forget.",
        "percentile_identity": "The percentile for people who aren’t in forget.",
        "mrr_association": "The MRR for the other associations of people in forget.",
        "r1_association": "The share of first ranks for the other associations of people in forget.",
        "percentile_association": "The percentile for the other associations of people in forget.",
    },
    view="kept",
    items="fact_rank",
    groups=PEOPLE,
)


def texts(dataset: Dataset, config: ScoreConfig) -> Iterator[str]:
    """The captions of both holdouts with other values."""
    return fact_texts(dataset, config, HOLDOUT_SPLITS, caption)


def score(inputs: EvalInputs) -> Outcome:
    """Rank the caption of each pair of the holdouts; items are the ranks."""
    if not any(len(inputs.rows(split)) for split in HOLDOUT_SPLITS):
        raise Unavailable(f"no rows in {' and '.join(HOLDOUT_SPLITS)}")
    parts = [fact_items(inputs, split, caption) for split in HOLDOUT_SPLITS]
    left_out = sum(count for _, count in parts)
    return outcome(joined([items for items, _ in parts]), ranks=True, left_out=left_out, empty=NONE_ABLE)


def joined(parts: list[Items]) -> Items:
    """Items of several splits behind one another."""
    names = ("splits", "file_name", "caption", "identity", "value", "others")
    return Items(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
