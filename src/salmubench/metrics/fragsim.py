"""2.5 FragSim: mean cosine of picture and generic caption over `fragile_set`.

`fragile_set` is the dataset's own list, or the tenth of `retain_disjoint` with the lowest similarity under Compromised.
Source: the paper, section on utility.
"""

from __future__ import annotations

from salmubench.scoring.inputs import EvalInputs
from salmubench.scoring.metric import (
    Metric,
    Outcome,
    Unavailable,
    outcome,
)

METRIC = Metric(
    name="FragSim",
    pillar="utility",
    goal="compromised",
    needs=("fragile_set",),
    number="2.5",
    title="similarity of the least known retain pairs",
    definition={"value": "Mean similarity of the generic pairs that Compromised knows least well."},
    split="fragile_set",
    range=(-1.0, 1.0),
    official={"value": ("2.5_FragSim", "mean")},
)


def score(inputs: EvalInputs) -> Outcome:
    """Cosine of each pair of `fragile_set`."""
    rows = inputs.fragile_set()
    if not len(rows):
        raise Unavailable("no rows in fragile_set")
    return outcome(rows.items(inputs.similarity(rows)))
