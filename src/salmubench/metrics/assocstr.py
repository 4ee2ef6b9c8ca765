"""1.2 AssocStr: mean cosine of picture and caption over `forget`. Source: the paper, section on efficacy."""

from __future__ import annotations

from salmubench.core.types import Split
from salmubench.scoring.inputs import EvalInputs
from salmubench.scoring.metric import PEOPLE, Metric, Outcome, of_forget, outcome

METRIC = Metric(
    name="AssocStr",
    pillar="efficacy",
    goal="clean",
    needs=("forget",),
    number="1.2",
    title="similarity of pairs to forget",
    definition=of_forget({"value": "Mean cosine similarity of forget pictures and their captions."}),
    split="forget",
    every_row=True,
    range=(-1.0, 1.0),
    view="leakage",
    groups=PEOPLE,
    panel=("Forget", "to be forgotten: should move onto Clean"),
    steady=True,
    official={"value": ("1.2_AssocStr", "mean")},
    official_items=("1.2_AssocStr", "scores"),
)


def score(inputs: EvalInputs) -> Outcome:
    """Cosine of each pair of `forget`."""
    rows = inputs.needed(Split.FORGET)
    return outcome(rows.items(inputs.similarity(rows)))
