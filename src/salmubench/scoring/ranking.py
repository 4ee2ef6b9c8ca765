"""The order of models of one dataset: fewest failure modes first, then by distance; and who can't be told apart.

A distance is a sum over ratios of sums over people (of general knowledge, over classes). To first order each person
moves it by a known amount, which is how `intervals` measures errors, too. Two models are asked about the same people:
the differences of what each person moves give the standard error of the difference of their distances, which is a
paired one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from itertools import combinations
from typing import TypeVar

import numpy as np
import pyarrow as pa
from scipy import special

from salmubench.scoring.bootstrap import LEVEL
from salmubench.scoring.items import of_metric
from salmubench.scoring.metric import Floats, Role, parts_of
from salmubench.scoring.record import RunRecord
from salmubench.scoring.references import CLEAN, COMPROMISED
from salmubench.scoring.roles import Held, first, spared
from salmubench.scoring.selections import selections
from salmubench.scoring.verdict import answers
from salmubench.scoring.views import describe_all, held_of

FACT_ROLES: tuple[Role, ...] = ("fact", "fact_paraphrase")
"""Roles of numbers that say what is left of a fact among other values, by its own picture."""

T = TypeVar("T", bound=Hashable)


def far_out(record: RunRecord) -> list[Held | None]:
    """The numbers of which a distance is made: leakage left, fact left, kept, lost; `None` where there is none.

    Of the fact's sentences the one of which more is left counts, of what is kept the number furthest from 1.
    """
    leakage, drop = first(record, "leakage"), first(record, "drop")
    facts = [held for role in FACT_ROLES if (held := first(record, role)) is not None]
    fact, kept = _furthest(facts, 0.0), _furthest(spared(record), 1.0)
    return [one if one is not None and _value(one) is not None else None for one in (leakage, fact, kept, drop)]


def distances(record: RunRecord) -> tuple[float | None, ...]:
    """How far from the goal: |L|, |L of the fact|, |1 − K|, |D|; `None` what has no number.

    A record of schema 1 has no number of the fact.
    """
    held = far_out(record)
    asked = [(held[0], 0.0), *([] if record.schema_version == 1 else [(held[1], 0.0)]), (held[2], 1.0), (held[3], 0.0)]
    return tuple(None if one is None else abs(_known(one) - goal) for one, goal in asked)


def place(record: RunRecord) -> tuple[bool, int, int, int, float]:
    """What models are sorted by: failed, failure modes, those undecided, distances that are missing, their sum."""
    states, far = list(answers(record).values()), distances(record)
    known = math.fsum(one for one in far if one is not None)
    return record.status != "complete", states.count("yes"), states.count("undecided"), far.count(None), known


def moved_by(record: RunRecord, table: pa.Table) -> Mapping[str, float]:
    """By how much each person or class moves a model's distance, to first order.

    Args:
        table: its items; of several seeds of a method those of all.

    Returns:
        Name of the person or class → its part; they sum to 0.
    """
    metrics, people = describe_all(record), held_of(record, table)
    total: dict[str, float] = {}
    for held, goal in zip(far_out(record), (0.0, 0.0, 1.0, 0.0), strict=True):
        if held is None:
            continue
        metric, rows = metrics[held.metric], of_metric(table, held.metric)
        which = next(one.which for one in selections(metric, rows, people) if held.part in one.parts)
        rows = rows.filter(pa.array(which))
        part, others = parts_of(metric.items, metric.groups)[held.part], _floats(rows, "others")
        against = held.score.normalised.against or CLEAN
        value, one, zero = (part.of(_floats(rows, name), others) for name in ("value", COMPROMISED, against))
        top, bottom = (one - value, one) if metric.view == "drop" else (value - zero, one - zero)
        ratio = top.sum() / bottom.sum()
        side = math.copysign(1.0, _known(held) - goal)
        units = rows.column("caption" if metric.resample == "class" else "cluster").to_numpy(zero_copy_only=False)
        names, of_row = np.unique(units.astype(str), return_inverse=True)
        parts = side * np.bincount(of_row, top - ratio * bottom) / bottom.sum()
        for name, moved in zip(names.tolist(), parts.tolist(), strict=True):
            total[name] = total.get(name, 0.0) + moved
    return total


def chances(records: Sequence[RunRecord], moved: Sequence[Mapping[str, float]]) -> Floats:
    """Two-sided p of no difference between the distances of each two models, float64 (n, n).

    NaN where they don't have the same numbers, or one has no items.

    Args:
        moved: `moved_by` of each; empty without items.
    """
    units = {unit: place for place, unit in enumerate(dict.fromkeys(unit for each in moved for unit in each))}
    parts = np.zeros((len(records), len(units)))
    for row, each in zip(parts, moved, strict=True):
        row[[units[unit] for unit in each]] = list(each.values())
    products = parts @ parts.T
    sizes = np.diagonal(products)
    apart = np.maximum(sizes[:, None] + sizes - 2 * products, 0.0) * len(units) / max(len(units) - 1, 1)
    far = [distances(record) for record in records]
    sums = np.array([math.fsum(one for one in each if one is not None) for each in far])
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = np.nan_to_num(np.abs(sums[:, None] - sums) / np.sqrt(apart))
    found: Floats = 2 * special.ndtr(-scaled)
    lacks = [(*(one is None for one in each), not bool(items)) for each, items in zip(far, moved, strict=True)]
    comparable = [[x == y and not x[-1] for y in lacks] for x in lacks]
    return np.where(comparable, found, np.nan)


def ranked(records: Mapping[T, RunRecord], moved: Mapping[T, Mapping[str, float]]) -> list[list[T]]:
    """Models in their order, in tie groups: of those that can't be told apart from the first of the group.

    Two are told apart by a failure mode that the one is shown to have and the other not to have, or by their distances
    (`holm` over all pairs).
    """
    order = sorted(records, key=lambda name: (*place(records[name]), str(name)))
    found = chances([records[name] for name in order], [moved.get(name, {}) for name in order])
    pairs = list(combinations(range(len(order)), 2))
    adjusted = holm([None if math.isnan(p) else p for p in (float(found[pair]) for pair in pairs)])
    apart = {pair for pair, p in zip(pairs, adjusted, strict=True) if p is not None and p <= 1 - LEVEL}
    apart |= {(x, y) for x, y in pairs if _more_modes(records[order[x]], records[order[y]])}
    groups = tie_groups(range(len(order)), lambda one, two: (one, two) in apart)
    return [[order[one] for one in group] for group in groups]


def tie_groups(order: Sequence[T], are_apart: Callable[[T, T], bool]) -> list[list[T]]:
    """Names, the best first, in groups of those that can't be told apart from the first of the group.

    Examples:
        >>> tie_groups([1, 2, 4, 5], lambda one, two: two - one > 1)
        [[1, 2], [4, 5]]
    """
    groups: list[list[T]] = []
    for name in order:
        if groups and not are_apart(groups[-1][0], name):
            groups[-1].append(name)
        else:
            groups.append([name])
    return groups


def holm(values: Sequence[float | None]) -> list[float | None]:
    """Holm's adjusted p of each: compared with 5 %, they hold for all together. `None` is no comparison.

    The smallest of m is multiplied by m, the next by m − 1 and so on; none is below the one before it, none above 1
    (Holm, A simple sequentially rejective multiple test procedure, 1979).

    Examples:
        >>> holm([0.01, None, 0.04, 0.03])
        [0.03, None, 0.06, 0.06]
    """
    order = sorted((value, place) for place, value in enumerate(values) if value is not None)
    adjusted: list[float | None] = [None] * len(values)
    largest = 0.0
    for rank, (value, place) in enumerate(order):
        largest = max(largest, min((len(order) - rank) * value, 1.0))
        adjusted[place] = largest
    return adjusted


def _more_modes(better: RunRecord, worse: RunRecord) -> bool:
    """Whether the second has a failure mode that the first is shown not to have, and none the other way round."""
    pairs = {(answers(better)[mode], state) for mode, state in answers(worse).items() if mode in answers(better)}
    return ("no", "yes") in pairs and ("yes", "no") not in pairs


def _furthest(several: Sequence[Held], goal: float) -> Held | None:
    known = [one for one in several if _value(one) is not None]
    return max(known, key=lambda one: abs(_known(one) - goal), default=None)


def _value(held: Held) -> float | None:
    return held.score.normalised.value


def _known(held: Held) -> float:
    return held.score.normalised.value or 0.0


def _floats(rows: pa.Table, name: str) -> Floats:
    values: Floats = rows.column(name).to_numpy(zero_copy_only=False).astype(np.float64)
    return values
