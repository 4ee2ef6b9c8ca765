"""Scores from stored items: values, intervals, views between the references."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from salmubench.core.errors import RecordError
from salmubench.core.types import Split
from salmubench.scoring import items as item_tables
from salmubench.scoring.bootstrap import BOOTSTRAPS, SEED, check_resamples, find_units, leaf_sums
from salmubench.scoring.intervals import Interval, Ratio, intervals, is_learnt
from salmubench.scoring.metric import (
    Floats,
    Metric,
    View,
    mean,
    parts_of,
)
from salmubench.scoring.record import (
    NOT_LEARNT,
    MetricInfo,
    Normalised,
    RunRecord,
    Score,
    Verdict,
)
from salmubench.scoring.references import CLEAN, KINDS, OPTIONAL, Kind, is_judged_reference
from salmubench.scoring.roles import role_of
from salmubench.scoring.selections import selections
from salmubench.scoring.verdict import judge

NOT_DEFINED = "not defined"
NO_DIFFERENCE = "references don't differ"
"""The interval of compromised − clean (or another zero) isn't above 0; for D: Compromised's accuracy reaches chance."""
OWN_RECORD = "a reference's own record"
Quantity = tuple[Literal["value", "base", "view"], Kind | None]
"""What is resampled: the number, Compromised's distance from a reference, or the number between these two."""
VALUE: Quantity = ("value", None)
SEED_COLUMN = "seed"
"""Column of items that says which seed of a method a row is of, where several are scored together."""


@dataclass(frozen=True)
class Missing:
    """A metric without a number: why, and how many rows were left out."""

    reason: str
    left_out: int = 0


def score_items(
    table: pa.Table,
    *,
    metrics: Mapping[str, Metric],
    missing: Mapping[str, Missing] | None = None,
    left_out: Mapping[str, int] | None = None,
    bootstraps: int = BOOTSTRAPS,
    seed: int = SEED,
    held: frozenset[str] | None = None,
    chance: Mapping[str, float] | None = None,
) -> Mapping[str, Mapping[str, Score]]:
    """Compute all scores from a table of items (`ITEM_SCHEMA`), in the order of the metrics.

    Args:
        missing: name → why there are no items.
        left_out: name → rows that were left out of its items.
        held: identities of `holdout_association` (`items.held_identities`), where the table alone doesn't tell.
        chance: name → what guessing gives (`chance_of`), where the table doesn't hold all items of a metric.
    """
    by_metric: dict[str, Mapping[str, Score]] = {}
    held = item_tables.held_identities(table) if held is None else held
    for name, metric in metrics.items():
        rows = item_tables.of_metric(table, name)
        if rows.num_rows:
            _check_ranks(metric, rows)
            guessed = (chance or {}).get(name, chance_of(metric, rows))
            scores = _score_metric(metric, rows, held, guessed, bootstraps, seed)
            by_metric[name] = {
                part: replace(score, left_out=(left_out or {}).get(name, 0)) for part, score in scores.items()
            }
        else:
            why = (missing or {}).get(name, Missing("no items"))
            by_metric[name] = {part: _no_score(metric, why, part) for part in parts_of(metric.items, metric.groups)}
    return by_metric


@dataclass(frozen=True)
class Rescored:
    """Scores and verdict, computed again."""

    scores: Mapping[str, Mapping[str, Score]]
    verdict: Verdict


def rescore(record: RunRecord, table: pa.Table, *, keep_stated: bool = False) -> Rescored:
    """Compute a record's scores and verdict again from its items.

    What the metrics are is taken from the record's protocol: give a record of unknown origin the package's own
    descriptions first (`roles.with_descriptions`).

    Args:
        record: what was claimed; gives the metrics, the reasons of missing numbers and the number of resamples.
        keep_stated: keep numbers that the record states and its items have nothing of, such as another evaluator's;
            never where the record is to be checked.

    Raises:
        RecordError: the record claims more resamples than anybody makes.
    """
    resamples = record.protocol.bootstraps if record.protocol is not None else BOOTSTRAPS
    check_resamples(resamples, where=f"the record of {record.model.name:.80}")
    metrics = describe_all(record)
    first = {name: next(iter(scores.values())) for name, scores in record.scores.items()}
    scores = score_items(
        table,
        metrics=metrics,
        missing={name: Missing(score.reason or "no items", score.left_out) for name, score in first.items()},
        left_out={name: score.left_out for name, score in first.items()},
        bootstraps=resamples,
        held=held_of(record, table),
    )
    if keep_stated:
        scores = {**scores, **_without_items(record, table)}
    independent = is_judged_reference(record)
    return Rescored(scores, judge(scores, metrics, independent=independent, schema_version=record.schema_version))


def held_of(record: RunRecord, table: pa.Table) -> frozenset[str] | None:
    """Identities some of whose associations are held out: as the record states them, else as its items tell.

    Returns:
        The identities; `None` where nothing tells them, though there may be some.
    """
    stated = record.dataset.held
    if stated is not None:
        return frozenset(stated)
    return item_tables.held_identities(table, record.dataset.counts.get(str(Split.HOLDOUT_ASSOCIATION)))


def _without_items(record: RunRecord, table: pa.Table) -> Mapping[str, Mapping[str, Score]]:
    """Numbers of a record that never had items: with a value, of nothing that could be resampled."""
    scored = set(table.column("metric").unique().to_pylist())
    return {
        name: parts
        for name, parts in record.scores.items()
        if name not in scored and any(score.value is not None and not score.units for score in parts.values())
    }


def with_seeds(tables: Sequence[pa.Table]) -> pa.Table:
    """Items of several seeds of a method in one table: scored together, seeds are drawn as well as units."""
    columns = [pa.array(np.full(table.num_rows, seed)) for seed, table in enumerate(tables)]
    return pa.concat_tables(
        [table.append_column(SEED_COLUMN, column) for table, column in zip(tables, columns, strict=True)]
    )


def describe_all(record: RunRecord) -> dict[str, Metric]:
    """Descriptions of a record's metrics (`describe`)."""
    infos = record.protocol.metrics if record.protocol is not None else {}
    return {name: describe(name, infos.get(name), scores) for name, scores in record.scores.items()}


def describe(name: str, info: MetricInfo | None, scores: Mapping[str, Score]) -> Metric:
    """A metric's description as the record tells it; a record without protocol tells its goal only."""
    goal = next(iter(scores.values())).goal if info is None or info.goal is None else info.goal
    if info is None:
        return Metric(name, "efficacy" if goal == "clean" else "utility", goal)
    return Metric(
        name, info.pillar, goal, role=role_of(info), main=info.main, number=info.number, title=info.title,
        definition=info.definition, split=info.split, view=info.view, items=info.items, groups=info.groups,
        resample=info.resample,
    )  # fmt: skip


def _check_ranks(metric: Metric, rows: pa.Table) -> None:
    """Ranks and numbers of others begin at 1: nothing is divided by 0."""
    columns = {"rank": ("value", *KINDS)}.get(metric.items.removeprefix("fact_"), ())
    for name in (*columns, *(("others",) if metric.items == "fact_rank" else ())):
        least = pc.min(rows.column(name)).as_py()
        if least is not None and least < 1:
            raise RecordError(
                f"Expected numbers of 1 or more in column {name} of the items of {metric.name}, got {least:g}. "
                "Score the model again."
            )


def _score_metric(
    metric: Metric, rows: pa.Table, held: frozenset[str] | None, chance: float, bootstraps: int, seed: int
) -> dict[str, Score]:
    """Each part over its items, which are resampled alone: all of them, or some."""
    scores: dict[str, Score] = {}
    for one in selections(metric, rows, held):
        if one.reason is None:
            chosen = rows.filter(pa.array(one.which))
            scores |= _score_parts(metric, chosen, one.parts, bootstraps, seed, chance)
        else:
            scores |= {name: _no_score(metric, Missing(one.reason), name) for name in one.parts}
    return {name: scores[name] for name in parts_of(metric.items, metric.groups)}


def chance_of(metric: Metric, rows: pa.Table) -> float:
    """What guessing gives: pictures of some classes, whichever they are, compete with the names of all."""
    classes = len(rows.column("caption").unique()) if metric.resample == "class" else 0
    return 1 / classes if classes else 0.0


def _score_parts(
    metric: Metric, rows: pa.Table, names: Sequence[str], bootstraps: int, seed: int, chance: float
) -> dict[str, Score]:
    models = {name: _floats(rows, name) for name in ("value", *KINDS)}
    others, parts = _floats(rows, "others"), parts_of(metric.items, metric.groups)
    classes = rows.column("caption").to_numpy(zero_copy_only=False) if metric.resample == "class" else None
    units = find_units(rows.column("cluster").to_numpy(zero_copy_only=False), classes)
    columns: list[Floats] = []
    layout: dict[tuple[str, str], int] = {}
    for part in names:
        for name, values in models.items():
            if values is not None:
                layout[part, name] = len(columns)
                columns.append(parts[part].of(values, others))
    stacked = np.stack(columns, axis=1)  # (n, parts × models)
    sums = np.stack([leaf_sums(stacked[of], units.of(of)) for of in _by_seed(rows)])
    ratios = {
        (part, quantity): ratio
        for part in names
        for quantity, ratio in _ratios(_view(metric, part), _columns(sums, layout, part), sums[:, :, -1]).items()
    }
    most = {which: ratio.most_of_one() for which, ratio in ratios.items() if not units.classes and ratio.is_of_one()}
    by_part = dict(zip(ratios, intervals(list(ratios.values()), units, bootstraps=bootstraps, seed=seed), strict=True))
    scores = {}
    for part in names:
        numbers = {name: mean(stacked[:, column]) for (of, name), column in layout.items() if of == part}
        drawn = Drawn(
            {quantity: interval for (of, quantity), interval in by_part.items() if of == part},
            {quantity: share for (of, quantity), share in most.items() if of == part},
        )
        # L and K are 0 at the goal where that is a reference that may be missing and isn't, else at Clean.
        zero: Kind = metric.goal if metric.goal in OPTIONAL and metric.goal in numbers else CLEAN
        view = _view(metric, part)
        beside = [kind for kind in OPTIONAL if view == "leakage" and zero == CLEAN and kind in numbers]
        more: dict[str, Any] = {kind: numbers.get(kind) for kind in OPTIONAL}
        more |= {f"against_{kind}": _normalise(view, numbers, drawn, chance, kind) for kind in beside}
        scores[part] = Score(
            value=numbers["value"],
            reason=None,
            n=len(stacked),
            units=units.count,
            left_out=0,
            ci95=drawn.ends[VALUE],
            goal=CLEAN if metric.goal in OPTIONAL and zero == CLEAN else metric.goal,
            clean=numbers.get("clean"),
            compromised=numbers.get("compromised"),
            normalised=_normalise(view, numbers, drawn, chance, zero),
            **more,
        )
    return scores


@dataclass(frozen=True)
class Drawn:
    """What resampling a part says: of the number and of its views by their references.

    Attributes:
        ends: interval of each.
        most_of_one: view → share that one person has of what is left.
    """

    ends: Mapping[Quantity, Interval | None]
    most_of_one: Mapping[Quantity, float]


def _by_seed(rows: pa.Table) -> list[npt.NDArray[np.bool_]]:
    """Which rows are of each seed of a method (`with_seeds`); all of them where there are no several."""
    if SEED_COLUMN not in rows.column_names:
        return [np.ones(rows.num_rows, bool)]
    seeds = rows.column(SEED_COLUMN).to_numpy()
    return [seeds == seed for seed in np.unique(seeds)]


def _columns(sums: Floats, layout: Mapping[tuple[str, str], int], part: str) -> dict[str, Floats]:
    return {name: sums[:, :, column] for (of, name), column in layout.items() if of == part}


def _view(metric: Metric, part: str) -> View | None:
    return metric.view if parts_of(metric.items, metric.groups)[part].viewed else None


def _ratios(view: View | None, sums: Mapping[str, Floats], n: Floats) -> dict[Quantity, Ratio]:
    """What needs an interval: the number, how far the references are apart, and the number between them."""
    ratios = {VALUE: Ratio(sums["value"], n)}
    if view is None or "compromised" not in sums:
        return ratios
    if view == "drop":
        ratios["base", CLEAN] = Ratio(sums["compromised"], n)
        ratios["view", CLEAN] = Ratio(sums["compromised"] - sums["value"], sums["compromised"])
        return ratios
    for zero in (CLEAN, *OPTIONAL) if view == "leakage" else (CLEAN,):
        if zero in sums:
            base = sums["compromised"] - sums[zero]
            ratios["base", zero] = Ratio(base, n)
            ratios["view", zero] = Ratio(sums["value"] - sums[zero], base, left=view == "leakage")
    return ratios


def _normalise(
    view: View | None,
    numbers: Mapping[str, float],
    drawn: Drawn,
    chance: float,
    zero: Kind,
) -> Normalised:
    """L, K or D with its interval, all models resampled together; `zero` is the reference at which L and K are 0."""
    if view is None:
        return Normalised(None, None, None, NOT_DEFINED)
    against = zero if view == "leakage" else None
    if "clean" not in numbers and "compromised" not in numbers:
        return Normalised(view, None, None, OWN_RECORD, against)
    needed = ("compromised",) if view == "drop" else (zero, "compromised")
    absent = [name for name in needed if name not in numbers]
    if absent:
        return Normalised(view, None, None, f"{' and '.join(absent)} has no such number", against)
    if view == "drop":
        value = _ratio(numbers["compromised"] - numbers["value"], numbers["compromised"])
        floor = chance
    else:
        value = _ratio(numbers["value"] - numbers[zero], numbers["compromised"] - numbers[zero])
        floor = 0.0
    base = drawn.ends["base", zero]
    if base is None:
        return Normalised(view, None, None, "fewer than two units to resample", against)
    if value is None or not math.isfinite(value) or base[0] <= floor:  # a difference of rounding alone
        return Normalised(view, None, None, NO_DIFFERENCE, against)
    if view != "drop" and not is_learnt(numbers["compromised"] - numbers[zero], base):
        return Normalised(view, None, None, NOT_LEARNT, against)
    most = drawn.most_of_one.get(("view", zero))
    return Normalised(view, value, drawn.ends["view", zero], None, against, most_of_one=most)


def _ratio(top: float, bottom: float) -> float | None:
    return top / bottom if bottom else None


def _floats(rows: pa.Table, name: str) -> Floats | None:
    column = rows.column(name)
    if column.null_count:
        return None
    values: Floats = column.to_numpy().astype(np.float64, copy=False)
    return values


def _no_score(metric: Metric, why: Missing, part: str) -> Score:
    view = _view(metric, part)
    reason = why.reason if view is not None else NOT_DEFINED
    goal = CLEAN if metric.goal in OPTIONAL else metric.goal
    return Score(
        value=None, reason=why.reason, n=0, units=0, left_out=why.left_out, ci95=None, goal=goal, clean=None,
        compromised=None, normalised=Normalised(view, None, None, reason),
    )  # fmt: skip
