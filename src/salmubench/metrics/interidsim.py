"""2.2 InterIdSim: mean cosine of picture and caption over `holdout_identity`. Source: the paper, utility."""

from __future__ import annotations

from salmubench.scoring.inputs import EvalInputs
from salmubench.scoring.metric import Metric, Outcome, outcome
from salmubench.types import Split

METRIC = Metric(
    name="InterIdSim",
    pillar="utility",
    goal="compromised",
    needs=("holdout_identity",),
    number="2.2",
    title="similarity of pairs of other identities",
    view="kept",
)


def score(inputs: EvalInputs) -> Outcome:
    """Cosine of each pair of `holdout_identity`."""
    rows = inputs.needed(Split.HOLDOUT_IDENTITY)
    return outcome(rows.items(inputs.similarity(rows)))
