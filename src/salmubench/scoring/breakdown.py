"""Scores by group: the same items, split by what the dataset says about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from salmubench.clip.embeddings import Embeddings
from salmubench.core.errors import EmbeddingsError
from salmubench.core.types import Pair
from salmubench.dataset.layout import Dataset
from salmubench.scoring import items as item_tables
from salmubench.scoring.bootstrap import BOOTSTRAPS
from salmubench.scoring.metric import Metric
from salmubench.scoring.record import Score
from salmubench.scoring.views import chance_of, score_items

UNKNOWN = "unknown"
OTHER = "other"
_COLUMNS = ("file_name", "caption", "identity_id", "name", "field", "value", "paraphrase", "style")


class IndexedFacts:
    """Rows and people from `index.parquet` and `dataset.json`, as an open dataset has them.

    Raises:
        EmbeddingsError: a folder that tells nothing about people.
    """

    def __init__(self, opened: Embeddings) -> None:
        self._opened = opened
        if opened.dataset.people is None:
            raise EmbeddingsError(f"Expected countries of people in {opened.folder}, got none. Encode the model again.")
        self._people = opened.dataset.people

    def rows(self, split: str) -> Sequence[Pair]:
        """Rows of a split."""
        table = self._opened.index
        table = table.filter(pc.equal(table.column("split"), str(split)))
        return [Pair(*row) for row in zip(*(table.column(name).to_pylist() for name in _COLUMNS), strict=True)]

    @property
    def identities(self) -> Mapping[str, Mapping[str, str]]:
        """Identity id → what is known of it."""
        return self._people

    @property
    def genders(self) -> Mapping[str, str]:
        """Identity id → apparent gender."""
        return {identity: person["gender"] for identity, person in self._people.items() if "gender" in person}

    def forget_identity_ids(self) -> frozenset[str]:
        """Identities all of whose associations must go."""
        return self._opened.dataset.forget_identity


Facts = Dataset | IndexedFacts
"""What groups are made from."""


@dataclass(frozen=True)
class ItemGroup:
    """The items of one group.

    Attributes:
        scores: part → score, as in a record.
    """

    label: str
    scores: Mapping[str, Score]


def breakdown(
    items: pa.Table,
    labels: Sequence[str],
    *,
    metric: Metric,
    bootstraps: int = BOOTSTRAPS,
    order: Sequence[str] | None = None,
    held: frozenset[str] | None = None,
) -> list[ItemGroup]:
    """Score each group of a metric's items.

    Args:
        items: n rows of one metric, all that it has (`ITEM_SCHEMA`).
        labels: group of each row (n,).
        order: groups to show, in order; by default all, the largest first.
        held: identities of `holdout_association`, for parts over groups of people (`items.held_identities` of the
            whole table); by default those that these items name.

    Raises:
        ValueError: not one label a row.
    """
    if len(labels) != items.num_rows:
        raise ValueError(f"Expected a label for each of {items.num_rows} items, got {len(labels)}.")
    of_row = np.array(labels, dtype=object)
    requested = order if order is not None else [label for label, _ in sorted(Counter(labels).items(), key=_by_size)]
    held = item_tables.held_identities(items) if held is None else held
    described, chance = {metric.name: metric}, {metric.name: chance_of(metric, items)}
    groups = []
    for label in requested:
        rows = items.filter(pa.array(of_row == label))
        if rows.num_rows:
            scores = score_items(rows, metrics=described, bootstraps=bootstraps, held=held, chance=chance)
            groups.append(ItemGroup(label, scores[metric.name]))
    return groups


def score_groups(
    items: pa.Table, facts: Facts, by: str, *, metrics: Mapping[str, Metric], bootstraps: int = BOOTSTRAPS
) -> dict[str, dict[str, Mapping[str, Score]]]:
    """Break every number down by one grouping: metric → group → part → score.

    A metric about whose items the dataset says nothing of that kind is left out.
    """
    by_metric, held = {}, item_tables.partly_forgotten(items, facts.forget_identity_ids())
    for name, metric in metrics.items():
        rows = item_tables.of_metric(items, name)
        labels = labels_of(rows, facts, by)
        if set(labels) - {UNKNOWN}:
            groups = breakdown(rows, labels, metric=metric, bootstraps=bootstraps, held=held)
            by_metric[name] = {group.label: group.scores for group in groups}
    return by_metric


def labels_of(items: pa.Table, facts: Facts, by: str) -> list[str]:
    """Group of each item, (n,) labels; what the dataset doesn't say is `unknown`."""
    describe = _DESCRIBE[by](facts)
    pairs: dict[tuple[str, str], Pair] = {}
    names = [items.column(key).to_pylist() for key in ("split", "file_name")]
    for split in dict.fromkeys(names[0]):
        for row in facts.rows(split):
            pairs[split, row.file_name] = row
    return [
        describe(split, pair) if (pair := pairs.get((split, file_name))) is not None else UNKNOWN
        for split, file_name in zip(*names, strict=True)
    ]


def merge_rare(labels: Sequence[str], most: int) -> list[str]:
    """Keep the `most` largest groups and call the rest `other`."""
    counts = sorted(Counter(labels).items(), key=_by_size)
    if len(counts) <= most:
        return list(labels)
    kept = {label for label, _ in counts[: most - 1]}
    return [label if label in kept else OTHER for label in labels]


def _by_size(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]


Describe = Callable[[str, Pair], str]


def _by_column(name: str) -> Callable[[Facts], Describe]:
    return lambda _facts: lambda _, pair: getattr(pair, name) or UNKNOWN


def _by_country(facts: Facts) -> Describe:
    people = facts.identities
    return lambda _, pair: str(people.get(pair.identity or "", {}).get("country_code") or UNKNOWN)


def _by_gender(facts: Facts) -> Describe:
    genders = facts.genders
    return lambda _, pair: genders.get(pair.identity or "", UNKNOWN)


def _by_kind(facts: Facts) -> Describe:
    whole = facts.forget_identity_ids()

    def describe(split: str, pair: Pair) -> str:
        if pair.identity is None:
            return UNKNOWN
        if split == "forget":
            return "forget_identity" if pair.identity in whole else "forget_association"
        return split

    return describe


_DESCRIBE: Mapping[str, Callable[[Facts], Describe]] = {
    "attribute": _by_column("field"),
    "style": _by_column("style"),
    "country": _by_country,
    "gender": _by_gender,
    "kind": _by_kind,
}
