"""What a metric says about itself and what it hands back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Strings = npt.NDArray[np.object_]

Pillar = Literal["efficacy", "utility"]
Goal = Literal["clean", "compromised"]
View = Literal["leakage", "kept", "drop"]


@dataclass(frozen=True, slots=True)
class Metric:
    """Description of a metric.

    Attributes:
        name: as it stands in records; its lower case is the module's name.
        pillar: what it tells about: forgetting efficacy or utility impact.
        goal: the reference whose value is the target.
        needs: splits, derived sets and texts it is computed from, for documentation and reasons.
        main: whether it is the pillar's main number.
        number: as the paper numbers it, e.g. `1.1`; `None` for extensions.
        title: one line for tables.
        view: how the number is normalised between the references; `None`: not defined.
        items: `value`: the score is the mean of the items; `rank`: the parts `mrr` and `r1` of the items' ranks.
        resample: what a bootstrap resamples: identities (rows without one are units of their own), or pictures within
            each class (the item's caption).

    Examples:
        >>> METRIC = Metric("MySim", pillar="efficacy", goal="clean", needs=("forget",), title="Mine")
        >>> METRIC.items, METRIC.resample
        ('value', 'identity')
    """

    name: str
    pillar: Pillar
    goal: Goal
    needs: tuple[str, ...] = ()
    main: bool = False
    number: str | None = None
    title: str = ""
    view: View | None = None
    items: Literal["value", "rank"] = "value"
    resample: Literal["identity", "class"] = "identity"


@dataclass(frozen=True, eq=False)
class Items:
    """Scored items of a metric: arrays of one length n.

    Attributes:
        split: the split on disk that they belong to.
        file_name: (n,) of the picture.
        caption: (n,) the text that was scored with it.
        identity: (n,) identity id or `None`.
        value: float64 (n,).
    """

    split: str
    file_name: Strings
    caption: Strings
    identity: Strings
    value: Floats

    def __len__(self) -> int:
        return len(self.value)


@dataclass(frozen=True, eq=False)
class Outcome:
    """Result of a metric.

    Attributes:
        value: the number (of ranks: the mean reciprocal rank); `None` where it can't be computed.
        per_item: what it is the mean of; `None` with `value`.
        n: how many items.
        reason: why there is no number.
        left_out: rows that had to be left out of it.
    """

    value: float | None
    per_item: Items | None
    n: int
    reason: str | None = None
    left_out: int = 0


class Unavailable(Exception):
    """Raised by a metric that can't be computed on this dataset; its message is the reason in the record."""


PARTS: Mapping[str, Mapping[str, Any]] = {
    "value": {"value": lambda value: value},
    "rank": {"mrr": lambda rank: 1.0 / rank, "r1": lambda rank: (rank <= 1.0).astype(np.float64)},
}
"""Part of an item → parts of the score: each is the mean of a function of the item's value."""


def mean(values: Floats) -> float:
    """Mean, exactly rounded, so that the order of the items can't matter."""
    return math.fsum(values.tolist()) / len(values)


def outcome(items: Items, *, ranks: bool = False, left_out: int = 0) -> Outcome:
    """Outcome whose number is the mean of the items (of ranks: of their reciprocals).

    Args:
        items: what was scored.
        ranks: the items' values are ranks.
        left_out: rows that had to be left out.

    Raises:
        Unavailable: no items.

    Examples:
        >>> texts = np.array(["a", "b"], dtype=object)
        >>> items = Items("forget", file_name=texts, caption=texts, identity=texts, value=np.array([1.0, 4.0]))
        >>> outcome(items).value
        2.5
        >>> outcome(items, ranks=True).value  # (1 / 1 + 1 / 4) / 2
        0.625
    """
    if not len(items):
        raise Unavailable("no items")
    value = mean(1.0 / items.value if ranks else items.value)
    return Outcome(value=value, per_item=items, n=len(items), left_out=left_out)
