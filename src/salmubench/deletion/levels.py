"""What a model's numbers would be if it didn't know the people: by chance, and for captions about strangers."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from salmubench.deletion.record import Level, LevelName, PersonRow
from salmubench.scoring.bootstrap import find_units, leaf_sums
from salmubench.scoring.intervals import Ratio, intervals
from salmubench.scoring.items import are_same, of_metric
from salmubench.scoring.metric import Floats, Metric, Role, main_part, mean, parts_of
from salmubench.scoring.references import RETRAINED
from salmubench.scoring.roles import role_of
from salmubench.scoring.score import Evaluated


@dataclass(frozen=True, eq=False)
class Sides:
    """The items of the model before and after a deletion.

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
    exact: Evaluated | None

    def rows(self, name: str) -> tuple[pa.Table, pa.Table]:
        """Items of a metric: before, after."""
        return of_metric(self.before.items, name), of_metric(self.after.items, name)

    def why_none(self, name: str) -> str:
        """Why a metric has no items."""
        missing = self.after.missing.get(name) or self.before.missing.get(name)
        return "no items" if missing is None else missing.reason


def find_levels(sides: Sides, strangers: str, guessed: str) -> dict[LevelName, Level]:
    """The levels that can be computed, by the metrics of these names about strangers and about guessed values."""
    levels: dict[LevelName, Level] = {}
    other = next(_with_role(sides, "fact_other"), None)
    if other is not None:
        levels["new_photo"] = _by_new_photos(other, sides)
    leakage, rows = _leakage(sides)
    if leakage is not None:
        part, chance = main_part(leakage.items), _chance(rows[1], sides.after.gallery)
        levels["chance"] = _level(leakage, part, rows, (chance, chance), sides)
        levels["strangers"] = _beside_others(leakage, part, rows, strangers, sides)
        if sides.exact is not None:
            levels[RETRAINED] = _beside(of_metric(sides.exact.items, leakage.name), leakage, part, rows, sides)
    fact = next((metric for metric in _with_role(sides, "fact") if metric.items == "fact_rank"), None)
    if fact is not None:
        part, rows = "percentile", sides.rows(fact.name)
        there, none = rows[1].num_rows, Level(fact.name, part, reason=sides.why_none(fact.name))
        levels["other_values"] = _beside_others(fact, part, rows, guessed, sides) if there else none
        if there and sides.exact is not None:
            levels["retrained_values"] = _beside(of_metric(sides.exact.items, fact.name), fact, part, rows, sides)
    return levels


def _with_role(sides: Sides, role: Role) -> Iterator[Metric]:
    return (metric for metric in sides.after.metrics.values() if role_of(metric) == role)


def _leakage(sides: Sides) -> tuple[Metric | None, tuple[pa.Table, pa.Table]]:
    """The metric of leakage by rank and its items; `None` where the model after has none."""
    for metric in _with_role(sides, "leakage"):
        if metric.items == "rank":
            rows = sides.rows(metric.name)
            return metric if rows[1].num_rows else None, rows
    return None, sides.rows("")


def _by_new_photos(metric: Metric, sides: Sides) -> Level:
    """What other photos yield beyond strangers', by the first source that there is; beside Retrained's where given.

    Without it, values that a name tells are left out: they show of people who are known by other facts.
    """
    rows = sides.rows(metric.name)
    for part, described in parts_of(metric.items).items():
        before, after = (table.filter(pc.equal(table.column("part"), part)) for table in rows)
        if not (described.table and after.num_rows):
            continue
        if sides.exact is not None:
            exact = of_metric(sides.exact.items, metric.name)
            return _beside(exact.filter(pc.equal(exact.column("part"), part)), metric, part, (before, after), sides)
        untold = np.array([key not in sides.telling for key in _keys(after)], np.bool_)
        if untold.any():
            before, after = (table.filter(pa.array(untold)) for table in (before, after))
        level = np.zeros(after.num_rows)
        return _level(metric, part, (before, after), (level, level), sides)
    return Level(metric.name, main_part(metric.items), reason=sides.why_none(metric.name))


def _beside_others(metric: Metric, part: str, rows: tuple[pa.Table, pa.Table], others_of: str, sides: Sides) -> Level:
    """Beside another metric's items of the same rows; rows without one are left out."""
    others = sides.rows(others_of)
    if not others[1].num_rows:
        return Level(metric.name, part, reason=sides.why_none(others_of))
    by_row = [_by_key(table) for table in others]
    shared = np.array([key in by_row[1] for key in _keys(rows[1])], np.bool_)
    kept = (rows[0].filter(pa.array(shared)), rows[1].filter(pa.array(shared)))
    levels = [np.array([values_by_row[key] for key in _keys(kept[1])]) for values_by_row in by_row]
    return _level(metric, part, kept, (levels[0], levels[1]), sides)


def _beside(exact: pa.Table, metric: Metric, part: str, rows: tuple[pa.Table, pa.Table], sides: Sides) -> Level:
    """Beside the same rows in a model that never saw them."""
    if not are_same(rows[1], exact):
        return Level(metric.name, part, reason="the model without these facts has other items")
    values = parts_of(metric.items, metric.groups)[part].of(_floats(exact, "value"), _others(exact))
    return _level(metric, part, rows, (values, values), sides)


def _keys(rows: pa.Table) -> list[tuple[str, str]]:
    return list(zip(rows.column("file_name").to_pylist(), rows.column("caption").to_pylist(), strict=True))


def _by_key(rows: pa.Table) -> dict[tuple[str, str], float]:
    return dict(zip(_keys(rows), _floats(rows, "value").tolist(), strict=True))


def _chance(rows: pa.Table, gallery: pa.Table) -> Floats:
    """Mean of 1 / rank of each row (n,) if all orders of its candidates were as likely: H(n) / n of n candidates."""
    same = Counter(gallery.column("caption").to_pylist())
    sizes = [gallery.num_rows - same[caption] + 1 for caption in rows.column("caption").to_pylist()]
    harmonic = {size: math.fsum(1 / rank for rank in range(1, size + 1)) / size for size in set(sizes)}
    return np.array([harmonic[size] for size in sizes])


def _level(
    metric: Metric, part: str, rows: tuple[pa.Table, pa.Table], levels: tuple[Floats, Floats], sides: Sides
) -> Level:
    of = parts_of(metric.items, metric.groups)[part].of
    values = [of(_floats(table, "value"), _others(table)) for table in rows]
    units = find_units(rows[1].column("cluster").to_numpy(zero_copy_only=False))
    gaps = np.stack([values[0] - levels[0], values[1] - levels[1]], axis=1)
    before, after, count = leaf_sums(gaps, units).T
    ratios = [Ratio(before, count), Ratio(after, count), Ratio(after, before)]
    ends = intervals(ratios, units, bootstraps=sides.bootstraps)
    above = [mean(gaps[:, 0]), mean(gaps[:, 1])]
    knew = ends[0] is not None and ends[0][0] > 0
    return Level(
        metric=metric.name, part=part, before=mean(values[0]), after=mean(values[1]),
        level_before=mean(levels[0]), level_after=mean(levels[1]), above_before=above[0], above_before_ci95=ends[0],
        above_after=above[1], above_after_ci95=ends[1], left=above[1] / above[0] if knew else None,
        left_ci95=ends[2] if knew else None, n=len(gaps), people=units.count, reason=None,
    )  # fmt: skip


def people_rows(sides: Sides, strangers: str) -> tuple[PersonRow, ...]:
    """Each person's main number, those best retrieved after the deletion first."""
    leakage, (before, after) = _leakage(sides)
    if leakage is None:
        return ()
    of_strangers = _by_key(sides.rows(strangers)[1])
    of: dict[str, list[tuple[float, float, float | None]]] = {}
    x, y = ((1.0 / _floats(table, "value")).tolist() for table in (before, after))
    z = [of_strangers.get(key) for key in _keys(after)]
    for identity, numbers in zip(after.column("identity_id").to_pylist(), zip(x, y, z, strict=True), strict=True):
        if identity is not None:
            of.setdefault(identity, []).append(numbers)
    rows = [
        PersonRow(
            identity,
            len(values),
            before=math.fsum(x for x, _, _ in values) / len(values),
            after=math.fsum(y for _, y, _ in values) / len(values),
            strangers=_mean([z for _, _, z in values if z is not None]),
        )
        for identity, values in of.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-row.after, row.identity)))


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def _floats(table: pa.Table, name: str) -> Floats:
    values: Floats = table.column(name).to_numpy().astype(np.float64, copy=False)
    return values


def _others(table: pa.Table) -> Floats | None:
    return None if table.column("others").null_count else _floats(table, "others")
