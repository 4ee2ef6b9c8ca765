"""2.4 VisIdInt: mean cosine of picture and generic caption over `retain_joint`.

`retain_joint` are the rows of `retain_synth` whose identity occurs in `forget`. Source: the paper, section on utility.
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
    name="VisIdInt",
    pillar="utility",
    goal="compromised",
    needs=("retain_joint",),
    number="2.4",
    title="similarity of generic captions of forget identities",
    definition={"value": "Mean similarity of generic captions and pictures of people who occur in forget."},
    split="retain_joint",
    range=(-1.0, 1.0),
    panel=("Generic captions", "what the pictures show: should stay on Compromised"),
    steady=True,
    official={"value": ("2.4_VisIdInt", "mean")},
)


def score(inputs: EvalInputs) -> Outcome:
    """Cosine of each pair of `retain_joint`."""
    rows = inputs.retain_joint()
    if not len(rows):
        raise Unavailable("no rows in retain_joint")
    return outcome(rows.items(inputs.similarity(rows)))
