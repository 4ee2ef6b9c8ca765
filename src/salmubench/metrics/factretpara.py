"""FactRetPara (ours, beside the eleven): FactRet with each caption in a phrasing that occurs nowhere in training.

For each pair of `forget` the rank of its paraphrase (that of RetFailPara) by cosine among itself and the same
paraphrase with other values of the field; values, ties, parts, rows left out and sampling are those of FactRet; rows
without a paraphrase are left out, too. It tells whether the fact is forgotten or only its wording.
"""

from __future__ import annotations

from collections.abc import Iterator

from salmubench.core.types import Pair, Split
from salmubench.dataset.layout import Dataset
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.fact_ranks import NONE_ABLE, fact_items, fact_texts
from salmubench.scoring.inputs import EvalInputs
from salmubench.scoring.metric import PEOPLE, Metric, Outcome, of_forget, outcome
from salmubench.scoring.paraphrases import paraphrase_of
from salmubench.scoring.references import RETRAINED

METRIC = Metric(
    name="FactRetPara",
    pillar="efficacy",
    goal=RETRAINED,
    needs=("forget", "values", "paraphrases"),
    role="fact_paraphrase",
    title="true value among others, paraphrased",
    definition=of_forget(
        {
            "mrr": "FactRet MRR with each caption in a phrasing that no training caption uses.",
            "r1": "Share of forget pictures whose true value ranks first in that phrasing.",
            "percentile": "Mean share of the other values that rank below the true one in it: 0.5 is chance.",
        }
    ),
    split="forget",
    view="leakage",
    items="fact_rank",
    groups=PEOPLE,
)


def texts(dataset: Dataset, config: ScoreConfig) -> Iterator[str]:
    """The paraphrases of `forget` with their own and with other values."""
    return fact_texts(dataset, config, (Split.FORGET,), paraphrase)


def score(inputs: EvalInputs) -> Outcome:
    """Rank the paraphrase of each pair of `forget`; items are the ranks."""
    inputs.needed(Split.FORGET)
    items, left_out = fact_items(inputs, Split.FORGET, paraphrase)
    return outcome(items, ranks=True, left_out=left_out, empty=NONE_ABLE)


def paraphrase(pair: Pair) -> str | None:
    """The row's fact in a phrasing kept for tests."""
    return paraphrase_of(
        file_name=pair.file_name, name=pair.name, field=pair.field, value=pair.value, given=pair.paraphrase
    )
