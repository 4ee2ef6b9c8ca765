"""FactHoldOther (ours, beside the eleven): can the values that should stay still be told by another picture?

FactRetOther on the facts of `holdout_identity` (the parts `…_identity`: other people) and `holdout_association` (the
parts `…_association`: other facts of the same people); sentences, other values, pictures, strangers and what is left
out are FactRetOther's, rows are sampled as FactHold's. The view K compares what is known of the person with
Compromised's. It describes and decides nothing: exact unlearning, which learns from fewer people, keeps .53 to .79 of
it in a world of development, so that no limit on the way to Compromised could be fair.
"""

from __future__ import annotations

from collections.abc import Iterator

from salmubench.core.types import HOLDOUT_SPLITS
from salmubench.dataset.layout import Dataset
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.inputs import EvalInputs
from salmubench.scoring.metric import PEOPLE, Metric, Outcome, of_sources
from salmubench.scoring.other_pictures import captions, other_outcome, other_texts

METRIC = Metric(
    name="FactHoldOther",
    pillar="utility",
    goal="compromised",
    needs=("holdout_identity", "holdout_association", "values", "portraits_unseen or retain_joint"),
    title="kept values by other pictures of the person",
    definition=of_sources(
        "1/rank of the true value of each holdout fact among others of its field",
        {
            "identity": "Only people who aren’t in forget.",
            "association": "Only the other associations of people in forget.",
        },
    ),
    view="kept",
    items="fact_mean",
    groups=PEOPLE,
)


def texts(dataset: Dataset, config: ScoreConfig) -> Iterator[str]:
    """A caption of each holdout fact with other values: mostly texts that FactHold has, too."""
    return other_texts(dataset, config, HOLDOUT_SPLITS, captions)


def score(inputs: EvalInputs) -> Outcome:
    """Ask each fact of the holdouts of other pictures of its person and of strangers."""
    return other_outcome(inputs, HOLDOUT_SPLITS, captions)
