"""1.2 AssocStr: mean cosine of picture and caption over `forget`. Source: the paper, section on efficacy."""

from __future__ import annotations

from salmubench.scoring.inputs import EvalInputs
from salmubench.scoring.metric import Metric, Outcome, outcome
from salmubench.types import Split

METRIC = Metric(
    name="AssocStr",
    pillar="efficacy",
    goal="clean",
    needs=("forget",),
    number="1.2",
    title="similarity of pairs to forget",
    view="leakage",
)


def score(inputs: EvalInputs) -> Outcome:
    """Cosine of each pair of `forget`."""
    rows = inputs.needed(Split.FORGET)
    return outcome(rows.items(inputs.similarity(rows)))
