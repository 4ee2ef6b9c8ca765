"""1.1 RetFail: can the true caption still be retrieved?

For each pair of `forget` the rank of its caption by cosine among itself, 1,000 captions of `forget` and 1,000 of
`retain_disjoint` (drawn once per dataset); MRR = mean(1 / rank), R@1 = share of rank 1. A distractor whose text equals
the true caption is the same candidate; ties count half (ours). Source: the paper, section on efficacy.
"""

from __future__ import annotations

from salmubench.core.types import Split
from salmubench.scoring.inputs import EvalInputs
from salmubench.scoring.metric import PEOPLE, Metric, Outcome, of_forget, outcome
from salmubench.scoring.ranks import gallery_ranks

METRIC = Metric(
    name="RetFail",
    pillar="efficacy",
    goal="clean",
    needs=("forget", "retain_disjoint"),
    role="leakage",
    main=True,
    number="1.1",
    title="retrieval of the true caption",
    definition=of_forget(
        {
            "mrr": "Mean of 1/rank of the true caption of each forget picture, among up to 1,000 captions of forget "
            "and 1,000 generic captions. The main number of forgetting.",
            "r1": "Share of forget pictures whose true caption ranks first in that gallery.",
        }
    ),
    split="forget",
    every_row=True,
    view="leakage",
    items="rank",
    groups=PEOPLE,
    official={"mrr": ("1.1_RetFail", "MRR"), "r1": ("1.1_RetFail", "R@1")},
    official_items=("1.1_RetFail", "outcomes"),
)


def score(inputs: EvalInputs) -> Outcome:
    """Rank the caption of each pair of `forget`; items are the ranks."""
    rows = inputs.needed(Split.FORGET)
    ranks = gallery_ranks(inputs, rows, rows.caption, same=(rows.caption,))
    return outcome(rows.items(ranks), ranks=True)
