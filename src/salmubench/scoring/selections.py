"""Which items of a metric each part of its score is about."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from salmubench.scoring.items import groups_of
from salmubench.scoring.metric import CLASSES, SOURCES, Group, Metric, parts_of

NO_HIDDEN_CLASSES = "the dataset hides no classes from methods"


@dataclass(frozen=True, eq=False)
class Selection:
    """Items that some parts of a score are about.

    Attributes:
        which: bool (n,) of the metric's items.
        reason: why there are none; `None` where there are some.
    """

    parts: tuple[str, ...]
    which: npt.NDArray[np.bool_]
    reason: str | None


def selections(metric: Metric, rows: pa.Table, held: frozenset[str] | None) -> list[Selection]:
    """The items of each part: all of them, those of a group, or of a kind of their own."""
    names: dict[tuple[Group | None, str | None], list[str]] = {}
    for name, part in parts_of(metric.items, metric.groups).items():
        names.setdefault((part.group, part.stored), []).append(name)
    groups = groups_of(rows, held) if metric.groups else None
    stored = rows.column("part").to_numpy(zero_copy_only=False)
    chosen_parts = []
    for (group, kind), parts in names.items():
        of_kind = np.ones(rows.num_rows, np.bool_) if kind is None else stored == kind
        which = of_kind if group is None or groups is None else of_kind & (groups == group)
        reason = None if which.any() else _why_none(group, kind, any_of_kind=bool(of_kind.any()))
        chosen_parts.append(Selection(tuple(parts), which, reason))
    return chosen_parts


def _why_none(group: Group | None, kind: str | None, *, any_of_kind: bool) -> str:
    if kind is not None and not any_of_kind:
        return f"no {next(what for source, what in SOURCES.items() if source in kind)} of these people"
    return NO_HIDDEN_CLASSES if group in CLASSES else f"no items of {group}"
