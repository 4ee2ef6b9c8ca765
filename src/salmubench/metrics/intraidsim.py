"""2.3 IntraIdSim: mean cosine of picture and caption over `holdout_association`. Source: the paper, utility."""

from __future__ import annotations

from salmubench.scoring.inputs import EvalInputs
from salmubench.scoring.metric import Metric, Outcome, outcome
from salmubench.types import Split

METRIC = Metric(
    name="IntraIdSim",
    pillar="utility",
    goal="compromised",
    needs=("holdout_association",),
    number="2.3",
    title="similarity of other pairs of forget identities",
    view="kept",
)


def score(inputs: EvalInputs) -> Outcome:
    """Cosine of each pair of `holdout_association`."""
    rows = inputs.needed(Split.HOLDOUT_ASSOCIATION)
    return outcome(rows.items(inputs.similarity(rows)))
