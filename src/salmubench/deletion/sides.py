"""The items of a model before and after a deletion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa

from salmubench.scoring import items as item_tables
from salmubench.scoring.metric import Metric
from salmubench.scoring.score import Evaluated


@dataclass(frozen=True, eq=False)
class Sides:
    """Both models' items.

    Attributes:
        held: identities some of whose associations are to be kept.
        telling: picture and caption of facts whose value a name tells, as most e-mail addresses.
        exact: of a model trained without what was to be deleted, where there is one.
    """

    before: Evaluated
    after: Evaluated
    held: frozenset[str] | None
    telling: frozenset[tuple[str, str]]
    bootstraps: int
    exact: Evaluated | None = None

    def rows(self, name: str) -> tuple[pa.Table, pa.Table]:
        """Items of a metric: before, after."""
        before, after = (item_tables.of_metric(side.items, name) for side in (self.before, self.after))
        return before, after

    @cached_property
    def metrics(self) -> Mapping[str, Metric]:
        """Descriptions by name."""
        return self.after.metrics
