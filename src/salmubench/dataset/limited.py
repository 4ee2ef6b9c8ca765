"""A dataset of which only some rows are seen: for a quick look, never for a result that is shown."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from salmubench.core import manifest
from salmubench.core.errors import ConfigError
from salmubench.core.types import Pair, Split
from salmubench.dataset.layout import Dataset

_WHOLE = frozenset({Split.RETAIN_REAL})  # read by pretraining, and by methods no further than their budget goes


def limited(dataset: Dataset, limit: int | None) -> Dataset:
    """The dataset itself, or with a limit the rows of it that a quick look takes."""
    return dataset if limit is None else Limited(dataset, limit)


class Limited(Dataset):
    """At most `limit` rows of each split, spread evenly over it; of `forget_target` those of the kept `forget` rows.

    Its fingerprint differs from that of the whole dataset, so that numbers of the two are never put side by side.

    Raises:
        ConfigError: a limit below 2.
    """

    def __init__(self, dataset: Dataset, limit: int) -> None:
        check_limit(limit)
        super().__init__(dataset.folder, dataset.name, revision=dataset.revision)
        self._all, self._most = dataset, limit
        self.limit, self.imagenet = limit, dataset.imagenet

    @functools.cached_property
    def counts(self) -> Mapping[str, int]:
        """Rows of each split that are seen."""
        return {split: len(self._kept(split)) for split in self._all.counts}

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the whole dataset's fingerprint and the limit."""
        return manifest.sha256_json({"dataset": self._all.fingerprint, "limit": self.limit})

    @functools.cached_property
    def genders(self) -> Mapping[str, str]:
        """Apparent genders, as all rows of the dataset state them."""
        return self._all.genders

    def rows(self, split: str) -> list[Pair]:
        """The rows of a split that are seen, without pictures."""
        rows = self._all.rows(split)
        return [rows[number] for number in self._kept(str(split))]

    def images(self, split: str, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Stream the encoded pictures of the seen rows `start` to `stop` of a split."""
        kept = self._kept(str(split))[start:stop]
        first = 0
        while first < len(kept):  # neighbours are read together
            last = first + 1
            while last < len(kept) and kept[last] == kept[last - 1] + 1:
                last += 1
            yield from self._all.images(split, kept[first], kept[last - 1] + 1)
            first = last

    def forget_identity_ids(self) -> frozenset[str]:
        """Identities all of whose associations must go, as the whole dataset has it, as far as they are seen."""
        seen = {row.identity for row in self.rows(Split.FORGET)}
        return frozenset(self._all.forget_identity_ids() & seen)

    @functools.cache  # noqa: B019 - a dataset lives as long as the command that opened it
    def _kept(self, split: str) -> tuple[int, ...]:
        if split == Split.FORGET_TARGET:
            names = {row.file_name for row in self.rows(Split.FORGET)}
            return tuple(number for number, row in enumerate(self._all.rows(split)) if row.file_name in names)
        count = self._all.counts.get(split, 0)
        if split in _WHOLE or count <= self._most:
            return tuple(range(count))
        numbers: list[Any] = np.linspace(0, count - 1, self._most).round().astype(int).tolist()
        return tuple(numbers)


def check_limit(limit: int) -> None:
    """Raise `ConfigError` for a limit below 2, which leaves nothing to compare."""
    if limit < 2:
        raise ConfigError(f"Expected --limit of 2 or more rows of each split, got {limit}.")
