"""Scores by group: the same items, split by what the dataset says about them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from salmubench.layout import Dataset
from salmubench.results.bootstrap import BOOTSTRAPS, SEED
from salmubench.results.metric import Metric
from salmubench.results.schema import Score
from salmubench.results.scores import score_items
from salmubench.types import Pair

UNKNOWN = "unknown"
OTHER = "other"
_ASPECT = re.compile(r"_ar-(\d+(?:\.\d+)?)")


@dataclass(frozen=True)
class Group:
    """The items of one group.

    Attributes:
        label: what they have in common.
        scores: part → score, with n, interval and views as in a record.
    """

    label: str
    scores: Mapping[str, Score]


def breakdown(
    items: pa.Table,
    labels: Sequence[str],
    *,
    metric: Metric,
    bootstraps: int = BOOTSTRAPS,
    seed: int = SEED,
    order: Sequence[str] | None = None,
) -> list[Group]:
    """Score each group of a metric's items.

    Args:
        items: n rows of one metric (`ITEM_SCHEMA`).
        labels: group of each row (n,).
        metric: its description.
        bootstraps: resamples behind an interval.
        seed: of the resamples.
        order: groups to show, in order; by default all, the largest first.

    Raises:
        ValueError: not one label a row.
    """
    if len(labels) != items.num_rows:
        raise ValueError(f"Expected a label for each of {items.num_rows} items, found {len(labels)}.")
    of_row = np.array(labels, dtype=object)
    wanted = order if order is not None else [label for label, _ in sorted(Counter(labels).items(), key=_by_size)]
    found = []
    for label in wanted:
        rows = items.filter(pa.array(of_row == label))
        if rows.num_rows:
            scores = score_items(rows, metrics={metric.name: metric}, bootstraps=bootstraps, seed=seed)
            found.append(Group(label, scores[metric.name]))
    return found


def labels_of(items: pa.Table, dataset: Dataset, by: str) -> list[str]:
    """Group of each item: by `attribute`, `style`, `country`, `aspect` or `kind` of identity.

    Args:
        items: n rows (`ITEM_SCHEMA`).
        dataset: where they come from.
        by: one of `GROUPINGS`.

    Returns:
        (n,) labels; what the dataset doesn't say is `unknown`.
    """
    describe = GROUPINGS[by](dataset)
    pairs: dict[tuple[str, str], Pair] = {}
    names = [items.column(key).to_pylist() for key in ("split", "file_name")]
    for split in dict.fromkeys(names[0]):
        for row in dataset.rows(split):
            pairs[split, row.file_name] = row
    return [
        describe(split, pair) if (pair := pairs.get((split, file_name))) is not None else UNKNOWN
        for split, file_name in zip(*names, strict=True)
    ]


def lump(labels: Sequence[str], most: int) -> list[str]:
    """Keep the `most` largest groups and call the rest `other`."""
    counts = sorted(Counter(labels).items(), key=_by_size)
    if len(counts) <= most:
        return list(labels)
    kept = {label for label, _ in counts[: most - 1]}
    return [label if label in kept else OTHER for label in labels]


def _by_size(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]


Describe = Callable[[str, Pair], str]


def _by_attribute(dataset: Dataset) -> Describe:
    del dataset
    return lambda _, pair: pair.field or UNKNOWN


def _by_style(dataset: Dataset) -> Describe:
    del dataset
    return lambda _, pair: pair.style or UNKNOWN


def _by_country(dataset: Dataset) -> Describe:
    people = dataset.identities
    return lambda _, pair: str(people.get(pair.identity or "", {}).get("country_code") or UNKNOWN)


def _by_aspect(dataset: Dataset) -> Describe:
    del dataset

    def describe(split: str, pair: Pair) -> str:
        del split
        found = _ASPECT.search(pair.file_name)
        if found is None:
            return UNKNOWN
        ratio = float(found[1])
        return "upright" if ratio < 0.95 else "square" if ratio <= 1.05 else "wide"

    return describe


def _by_kind(dataset: Dataset) -> Describe:
    whole = dataset.forget_identity_ids()

    def describe(split: str, pair: Pair) -> str:
        if split == "forget":
            return "forget_identity" if pair.identity in whole else "forget_association"
        return split

    return describe


GROUPINGS: Mapping[str, Callable[[Dataset], Describe]] = {
    "attribute": _by_attribute,
    "style": _by_style,
    "country": _by_country,
    "aspect": _by_aspect,
    "kind": _by_kind,
}
"""Name → how an item's group is found."""
