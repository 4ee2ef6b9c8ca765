"""Retrieval under other roundings and tie rules: which of them gives the authors' numbers?

The authors' similarities are in half precision (means times n in their result files are exact at 2⁻⁹ to 2⁻¹⁷; fp16 or
bf16 can't be told from that), where many are equal, and how ties count is not printed. The ways are declared here, not
searched for: one of them has to fit every retrieval number of both models at once.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np

from salmubench.clip import embeddings
from salmubench.official.result_file import TOLERANCE, Published, compare_with_published, published_name
from salmubench.scoring.config import Ranking, Rounding, ScoreConfig, Ties
from salmubench.scoring.inputs import EvalInputs
from salmubench.scoring.metric import Metric, parts_of
from salmubench.scoring.plugin import Plugin

RANKINGS = tuple(Ranking(rounding, ties) for rounding, ties in itertools.product(get_args(Rounding), get_args(Ties)))
"""The ways that are tried; the first is the protocol's."""


@dataclass(frozen=True)
class Ranked:
    """Retrieval numbers of both official models under one way to rank.

    Attributes:
        numbers: `clean` and `compromised` → retrieval numbers beside the published ones.
    """

    ranking: Ranking
    numbers: Mapping[str, Sequence[Published]]

    @property
    def farthest(self) -> float:
        """The largest distance from a published number."""
        compared = [one for numbers in self.numbers.values() for one in numbers if one.found is not None]
        return max((abs(one.found - one.published) for one in compared if one.found is not None), default=0.0)

    @property
    def fits(self) -> bool:
        """Whether every number agrees."""
        return self.farthest <= TOLERANCE


def is_ranked(metric: Metric) -> bool:
    """Whether a metric's official numbers come from ranks."""
    return metric.items == "rank" and bool(metric.official)


def retrieval_numbers(
    folder: Path, plugins: Sequence[Plugin], ranking: Ranking, config: ScoreConfig | None = None
) -> dict[str, float | None]:
    """Published name → retrieval number of the embeddings in a folder, under one way to rank.

    Args:
        plugins: metrics; those whose official numbers come from ranks are computed.

    Raises:
        Unavailable: the dataset has no rows to rank.
    """
    inputs = EvalInputs(embeddings.open_embeddings(folder), config or ScoreConfig(), ranking=ranking)
    numbers: dict[str, float | None] = {}
    for plugin in plugins:
        if is_ranked(plugin.metric):
            items = plugin.score(inputs).per_item
            for name, part in parts_of(plugin.metric.items).items():
                value = None if items is None else float(np.mean(part.of(items.value, None)))
                numbers[published_name(plugin.metric, name)] = value
    return numbers


def rank_all_ways(folders: Mapping[str, Path], plugins: Sequence[Plugin]) -> list[Ranked]:
    """Both official models under every declared way to rank.

    Args:
        folders: `clean` and `compromised` → folder of embeddings.
    """
    ways = []
    for ranking in RANKINGS:
        found = {kind: retrieval_numbers(folder, plugins, ranking) for kind, folder in folders.items()}
        ways.append(
            Ranked(
                ranking,
                {
                    kind: [one for one in compare_with_published(numbers, kind) if one.name in numbers]
                    for kind, numbers in found.items()
                },
            )
        )
    return ways
