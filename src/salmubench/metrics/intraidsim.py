"""2.3 IntraIdSim: mean cosine of picture and caption over `holdout_association`. Source: the paper, utility."""

from __future__ import annotations

from salmubench.core.types import Split
from salmubench.scoring.inputs import EvalInputs
from salmubench.scoring.metric import Metric, Outcome, outcome

METRIC = Metric(
    name="IntraIdSim",
    pillar="utility",
    goal="compromised",
    needs=("holdout_association",),
    role="kept",
    number="2.3",
    title="similarity of other pairs of forget identities",
    definition={"value": "Mean similarity of held-out pairs of people of whom other facts have to be forgotten."},
    split="holdout_association",
    every_row=True,
    range=(-1.0, 1.0),
    view="kept",
    panel=("Held out, intra-identity", "other associations of the same people: should stay on Compromised"),
    steady=True,
    official={"value": ("2.3_IntraIdSim", "mean")},
)


def score(inputs: EvalInputs) -> Outcome:
    """Cosine of each pair of `holdout_association`."""
    rows = inputs.needed(Split.HOLDOUT_ASSOCIATION)
    return outcome(rows.items(inputs.similarity(rows)))
