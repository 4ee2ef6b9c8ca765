"""PersonRet (ours, beside the eleven): is a person to forget recognised by what other captions tell?

For each picture of `forget_identity` the rank of its person among all people of the sensitive splits, by the mean
cosine of the picture with each person's captions; captions of a field that the picture's own captions tell are left
out, of everybody. rank = 1 + #above + ½ #equal; MRR, R@1, percentile (.5 is chance). Chance in MRR is the mean of
1 / 1 … 1 / n over n people: .029 of 200. A face that is recognised isn't a fact that is known: printed, no view.
Pictures whose person has no other captions are left out and counted.
"""

from __future__ import annotations

from salmubench.scoring.inputs import EvalInputs
from salmubench.scoring.metric import Metric, Outcome, Unavailable, outcome
from salmubench.scoring.person_ranks import NOBODY_TOLD, person_items
from salmubench.scoring.references import RETRAINED

METRIC = Metric(
    name="PersonRet",
    pillar="efficacy",
    goal=RETRAINED,
    needs=("forget_identity",),
    title="person to forget among people",
    definition={
        "mrr": "Mean of 1/rank of the person of each forget_identity picture among all people, by captions that tell "
        "other facts.",
        "r1": "Share of these pictures whose person ranks first.",
        "percentile": "Mean share of the other people that rank below the person: 0.5 is chance.",
    },
    split="forget_identity",
    items="fact_rank",
)


def score(inputs: EvalInputs) -> Outcome:
    """Rank the person of each picture; items are the ranks."""
    rows = inputs.forget_identity()
    if not len(rows):
        raise Unavailable("no rows in forget_identity")
    items, left_out = person_items(inputs, rows)
    return outcome(items, ranks=True, left_out=left_out, empty=NOBODY_TOLD)
