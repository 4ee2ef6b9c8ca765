"""FactRet (ours, beside the eleven): can the true value be told from other values of the same field?

For each pair of `forget` the rank of its caption by cosine among itself and the same caption with the value (every
verbatim occurrence, not inside a longer word) replaced by other values of the field: all that the dataset has, or
`score.fact_values` drawn once for each association; the pair's own value and others of the same person are excluded.
rank = 1 + #above + ½ #equal; MRR = mean(1 / rank), R@1 = share of rank 1, percentile = mean share of the others ranked
below the true value, ties half: .5 is chance, whatever their number. Each also over `forget_identity` and
`forget_association`.

Unlike RetFail it leaves the name in every candidate: a model that knows a person from other facts ranks all captions
that name the person higher, which says nothing about the value. Chance isn't 1 / n in MRR: Clean is the zero.
Rows whose value doesn't stand in the caption, or that have fewer than three others, are left out and counted. Of more
than `score.fact_rows` rows so many are drawn, association by association.
"""

from __future__ import annotations

from collections.abc import Iterator

from salmubench.core.types import Split
from salmubench.dataset.layout import Dataset
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.fact_ranks import NONE_ABLE, caption, fact_items, fact_texts
from salmubench.scoring.inputs import EvalInputs
from salmubench.scoring.metric import PEOPLE, Metric, Outcome, of_forget, outcome
from salmubench.scoring.references import RETRAINED

METRIC = Metric(
    name="FactRet",
    pillar="efficacy",
    goal=RETRAINED,
    needs=("forget", "values"),
    role="fact",
    title="true value among others of its field",
    definition=of_forget(
        {
            "mrr": "Mean of 1/rank of the true caption of each forget picture among copies of itself that tell other "
            "values of the same field.",
            "r1": "Share of forget pictures whose true value ranks first.",
            "percentile": "Mean share of the other values that rank below the true one: 0.5 is chance.",
        }
    ),
    split="forget",
    view="leakage",
    items="fact_rank",
    groups=PEOPLE,
)


def texts(dataset: Dataset, config: ScoreConfig) -> Iterator[str]:
    """The captions of `forget` with other values."""
    return fact_texts(dataset, config, (Split.FORGET,), caption)


def score(inputs: EvalInputs) -> Outcome:
    """Rank the caption of each pair of `forget`; items are the ranks."""
    inputs.needed(Split.FORGET)
    items, left_out = fact_items(inputs, Split.FORGET, caption)
    return outcome(items, ranks=True, left_out=left_out, empty=NONE_ABLE)
