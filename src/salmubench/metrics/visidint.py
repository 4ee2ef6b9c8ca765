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
)


def score(inputs: EvalInputs) -> Outcome:
    """Cosine of each pair of `retain_joint`."""
    rows = inputs.retain_joint()
    if not len(rows):
        raise Unavailable("no rows in retain_joint")
    return outcome(rows.items(inputs.similarity(rows)))
