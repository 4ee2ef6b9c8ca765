"""2.2 InterIdSim: mean cosine of picture and caption over `holdout_identity`. Source: the paper, utility."""

from __future__ import annotations

from salmubench.core.types import Split
from salmubench.scoring.inputs import EvalInputs
from salmubench.scoring.metric import Metric, Outcome, outcome

METRIC = Metric(
    name="InterIdSim",
    pillar="utility",
    goal="compromised",
    needs=("holdout_identity",),
    role="kept",
    number="2.2",
    title="similarity of pairs of other identities",
    definition={"value": "Mean similarity of held-out pairs of people who are not in forget."},
    split="holdout_identity",
    every_row=True,
    range=(-1.0, 1.0),
    view="kept",
    panel=("Held out, inter-identity", "associations of people never unlearned: should stay on Compromised"),
    steady=True,
    official={"value": ("2.2_InterIdSim", "mean")},
)


def score(inputs: EvalInputs) -> Outcome:
    """Cosine of each pair of `holdout_identity`."""
    rows = inputs.needed(Split.HOLDOUT_IDENTITY)
    return outcome(rows.items(inputs.similarity(rows)))
