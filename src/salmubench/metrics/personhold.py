"""PersonHold (ours, beside the eleven): is a person who should stay still recognised by what other captions tell?

PersonRet on the pictures of `holdout_identity`: people who aren't in `forget`. Candidates, captions, ranks and what is
left out are PersonRet's; the number stands beside Compromised's. Printed, no view.
"""

from __future__ import annotations

from salmubench.core.types import Split
from salmubench.scoring.inputs import EvalInputs
from salmubench.scoring.metric import Metric, Outcome, outcome
from salmubench.scoring.person_ranks import NOBODY_TOLD, person_items

METRIC = Metric(
    name="PersonHold",
    pillar="utility",
    goal="compromised",
    needs=("holdout_identity",),
    title="kept person among people",
    definition={
        "mrr": "Mean of 1/rank of the person of each holdout_identity picture among all people, by captions that tell "
        "other facts.",
        "r1": "Share of these pictures whose person ranks first.",
        "percentile": "Mean share of the other people that rank below the person: 0.5 is chance.",
    },
    split="holdout_identity",
    items="fact_rank",
)


def score(inputs: EvalInputs) -> Outcome:
    """Rank the person of each picture; items are the ranks."""
    items, left_out = person_items(inputs, inputs.needed(Split.HOLDOUT_IDENTITY))
    return outcome(items, ranks=True, left_out=left_out, empty=NOBODY_TOLD)
