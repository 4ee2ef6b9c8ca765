"""FactRetOther (ours, beside the eleven): can the value be told from others by another picture of the same person?

FactRet asks with the picture that the fact was trained with. This asks each fact (an identity, a field and a value,
however many rows tell it) with at most eight other pictures of the person, source by source, never averaged across
sources: portraits that no model has seen (`…_unseen`), portraits trained with what is visible only (`…_joint`), and
pictures that tell another fact (`…_sensitive`; of `forget` a method moves these itself). The sentence is one of the
fact's captions, drawn once; the other values are FactRet's, of them those of people of the same country where there
are three or more. rank, ties, MRR, R@1 and percentile are FactRet's, averaged over the pictures of a fact first.

A face gives away a country, and a sentence favours some values: `mrr_…_stranger` asks the same of pictures of other
people of the same source, country and apparent gender (as far as there are any), who don't share the value. What is
known *of the person* is `known_…` = MRR less the strangers' MRR; the view L compares it with Retrained's. Each part
also over `forget_identity` and `forget_association`. Verdict and tables take `_unseen`, else `_joint`. Facts that no
caption states, with fewer than three other values, or whose person has no other picture, are left out and counted.
"""

from __future__ import annotations

from collections.abc import Iterator

from salmubench.core.types import Split
from salmubench.dataset.layout import Dataset
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.inputs import EvalInputs
from salmubench.scoring.metric import PEOPLE, Metric, Outcome, of_sources
from salmubench.scoring.other_pictures import captions, other_outcome, other_texts
from salmubench.scoring.references import RETRAINED

METRIC = Metric(
    name="FactRetOther",
    pillar="efficacy",
    goal=RETRAINED,
    role="fact_other",
    needs=("forget", "values", "portraits_unseen or retain_joint"),
    title="true value by other pictures of the person",
    definition=of_sources(
        "1/rank of the true value of each fact of forget among others of its field",
        {
            "identity": "Only people all of whose associations must go.",
            "association": "Only people some of whose must stay.",
        },
    ),
    split="forget",
    view="leakage",
    items="fact_mean",
    groups=PEOPLE,
)


def texts(dataset: Dataset, config: ScoreConfig) -> Iterator[str]:
    """A caption of each fact of `forget` with other values: mostly texts that FactRet has, too."""
    return other_texts(dataset, config, (Split.FORGET,), captions)


def score(inputs: EvalInputs) -> Outcome:
    """Ask each fact of `forget` of other pictures of its person and of strangers."""
    return other_outcome(inputs, (Split.FORGET,), captions)
