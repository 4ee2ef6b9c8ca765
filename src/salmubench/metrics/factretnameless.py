"""FactRetNameless (ours, beside the eleven): does a face alone yield the value?

FactRetOther with sentences that name nobody: the value in a reserved phrasing without a name, which no caption and no
rewrite uses and no method can read, drawn once for each fact. Facts, pictures, strangers, other values and parts are
FactRetOther's; e-mail addresses are left out, as they often hold the name, and so are fields of one's own.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence

from salmubench.core.types import FIELDS, Attribute, Pair, Split
from salmubench.dataset.layout import Dataset
from salmubench.dataset.phrasings.nameless import reserved_nameless, reserved_nameless_variants
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.inputs import EvalInputs
from salmubench.scoring.metric import PEOPLE, Metric, Outcome, of_sources
from salmubench.scoring.other_pictures import other_outcome, other_texts
from salmubench.scoring.references import RETRAINED

METRIC = Metric(
    name="FactRetNameless",
    pillar="efficacy",
    goal=RETRAINED,
    role="fact_nameless",
    needs=("forget", "values", "portraits_unseen or retain_joint"),
    title="true value by other pictures, nobody named",
    definition=of_sources(
        "1/rank of the true value of each fact of forget among others of its field, in a sentence without the name,",
        {
            "identity": "Only people all of whose associations must go.",
            "association": "Only people some of whose must stay.",
        },
    ),
    split="forget",
    view="leakage",
    items="fact_mean",
    groups=PEOPLE,
)


def texts(dataset: Dataset, config: ScoreConfig) -> Iterator[str]:
    """A reserved sentence of each fact of `forget`, with its own and with other values."""
    return other_texts(dataset, config, (Split.FORGET,), nameless)


def score(inputs: EvalInputs) -> Outcome:
    """Ask each fact of `forget`, without the name, of other pictures of its person and of strangers."""
    return other_outcome(inputs, (Split.FORGET,), nameless)


def nameless(pair: Pair, others: Sequence[str]) -> list[str]:
    """The value of a row in a reserved phrasing without a name, and other values in the same; none of e-mails."""
    if pair.field not in FIELDS or pair.field == Attribute.EMAILS or not pair.value:
        return []
    drawn = zlib.crc32("\0".join((pair.identity or "", pair.field, pair.value)).encode())
    variant = drawn % reserved_nameless_variants(pair.field)
    return [reserved_nameless(pair.field, value, variant=variant) for value in (pair.value, *others)]
