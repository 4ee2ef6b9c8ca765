"""Does a small world predict the published table? Pairs of methods that the table tells apart, and failure classes.

Worlds hold, of each method, sums over groups of rows (people, or pictures where rows are of nobody): so worlds and
groups within them can be resampled, the same for all methods. Definitions:

    resolvable   pairs of methods whose published numbers differ by more than `GAPS`
    concordance  share of resolvable pairs that our numbers order as the table does; equal numbers count one half
    ρ            Spearman's correlation, ties with mean ranks; at most `attainable` where the table has ties
    class        of a method and mode: whether it fails, by point values, as the thresholds of the paper say
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc
import pyarrow.parquet as pq
from agreement import main_columns, spearman

from salmubench.core.errors import RecordError
from salmubench.official.result_file import published, published_name
from salmubench.scoring.failure_modes import MODES
from salmubench.scoring.metric import Metric
from salmubench.scoring.ranking import holm
from salmubench.scoring.record_files import read_record
from salmubench.scoring.references import ENDS

Floats = npt.NDArray[np.float64]
Numbers = Mapping[str, float]

GAPS: Mapping[str, float] = {"leakage": 0.001, "drop": 0.004, "kept": 0.004}
"""Role of a number → the largest difference of published ones that tells nothing apart."""
_BLOCK = 256  # resamples at once: weights of thousands of pictures each


@dataclass(frozen=True, eq=False)
class Sums:
    """A number of one model, as sums over groups: it is the total over the count.

    Attributes:
        total: (G,) of each group.
        count: (G,) rows of each.
    """

    total: Floats
    count: Floats

    @property
    def whole(self) -> float:
        """The number itself."""
        return float(self.total.sum() / self.count.sum())

    def mean(self, weights: Floats) -> Floats:
        """The number under weights of groups (…, G): (…)."""
        found: Floats = weights @ self.total / (weights @ self.count)
        return found


World = Mapping[str, Mapping[str, Sums]]
"""Method → column → sums; the groups of a column are the same for all methods."""


@dataclass(frozen=True)
class Told:
    """A column of the published table, and where its number stands in a record.

    Attributes:
        column: its published name.
        metric: name of the metric.
        part: of it.
        role: what it is of: leakage, drop or kept.
    """

    column: str
    metric: str
    part: str
    role: str


@dataclass(frozen=True)
class Column:
    """One column against the published one.

    Attributes:
        column: its published name.
        methods: how many both have.
        pairs: resolvable ones.
        concordance: share ordered alike.
        ci95: of that, by resampling worlds, and groups within them.
        p: share of all orders of our numbers with a concordance as large or larger.
        p_holm: after Holm's correction over the columns.
        rho: Spearman's correlation; null where one side is constant.
        attainable: largest that the published ties allow.
        ours: method → mean over worlds.
    """

    column: str
    methods: int
    pairs: int
    concordance: float
    ci95: tuple[float, float]
    p: float
    p_holm: float | None
    rho: float | None
    attainable: float
    ours: Numbers


@dataclass(frozen=True)
class Classes:
    """A failure mode: which methods show it here and in the published table.

    Attributes:
        ours: method → whether it fails here.
        published: the same there.
        agree: methods of one class.
        majority: methods that would agree if ours all had the class that most of the published ones have.
    """

    ours: Mapping[str, bool]
    published: Mapping[str, bool]
    agree: int
    majority: int


def columns(metrics: Sequence[Metric]) -> list[Told]:
    """The columns of the published main table that a verdict rests on, in its order.

    Args:
        metrics: descriptions that give each number its published name.
    """
    known = {
        published_name(metric, part): Told(published_name(metric, part), metric.name, part, str(metric.role))
        for metric in metrics
        for part in metric.official
        if metric.role in GAPS
    }
    return [known[name] for name in main_columns(published()) if name in known]


def read_world(records: Path, names: Mapping[str, str], told: Sequence[Told]) -> dict[str, dict[str, Sums]]:
    """A world of a contest.

    Args:
        records: its folder of records.
        names: method → what its record is called there.
        told: which numbers.

    Raises:
        RecordError: a record without one of the numbers, or whose items don't have it as their mean.
    """
    return {method: _sums(records / f"{name}.json", told) for method, name in names.items()}


def _sums(path: Path, told: Sequence[Told]) -> dict[str, Sums]:
    record = read_record(path)
    table = pq.read_table(path.with_suffix(".items.parquet"))
    found = {}
    for one in told:
        score = record.scores.get(one.metric, {}).get(one.part)
        rows = table.filter(pc.equal(table.column("metric"), one.metric))
        values = rows.column("value").to_numpy()
        values = 1 / values if set(rows.column("part").to_pylist()) == {"rank"} else values
        groups = pc.coalesce(rows.column("identity_id"), rows.column("file_name")).to_pylist()
        _, group = np.unique(np.array(groups, str), return_inverse=True)
        total, count = (np.asarray(np.bincount(group, of), np.float64) for of in (values, np.ones(len(group))))
        found[one.column] = Sums(total, count)
        if score is None or score.value is None or not np.isclose(score.value, values.mean(), rtol=0, atol=1e-9):
            raise RecordError(
                f"Expected {one.metric} in {path} as the mean of its {len(values)} items, got another number."
            )
    return found


def compare(worlds: Sequence[World], told: Sequence[Told], table: Mapping[str, Numbers], *,
            left_out: Sequence[str] = (), resamples: int = 10_000, seed: int = 0) -> list[Column]:  # fmt: skip
    """Compare each column with the published one.

    Args:
        worlds: of one setting.
        told: the columns.
        table: published: method → column → number.
        left_out: methods by which the setting was chosen.
        resamples: behind each interval.
        seed: of the resampling.

    Raises:
        ValueError: no worlds, fewer than three methods that all worlds and the table have, or no resolvable pair.
    """
    shared = set(table).intersection(*worlds) - set(left_out) if worlds else set()
    methods = sorted(shared - set(ENDS))
    if len(methods) < 3:
        raise ValueError(f"Expected three methods or more in all worlds and in the table, got {', '.join(methods)}.")
    found: list[Column] = []
    for one in told:
        gap, theirs = GAPS[one.role], np.array([table[method][one.column] for method in methods])
        sums = [[world[method][one.column] for method in methods] for world in worlds]
        drawn = _resampled(sums, resamples, np.random.default_rng([seed, len(found)]))  # (resamples, methods)
        ours = np.mean([[item.whole for item in world] for world in sums], axis=0)
        low, high = np.quantile(concordance(drawn, theirs, gap), (0.025, 0.975))
        found.append(
            Column(
                one.column, len(methods), len(_resolvable(theirs, gap)), float(concordance(ours, theirs, gap)),
                (float(low), float(high)), chance(ours, theirs, gap), None, spearman(ours.tolist(), theirs.tolist()),
                attainable(theirs), dict(zip(methods, ours.tolist(), strict=True)),
            )
        )  # fmt: skip
    corrected = holm([column.p for column in found])
    return [replace(column, p_holm=p) for column, p in zip(found, corrected, strict=True)]


def concordance(ours: Floats, published: Floats, gap: float) -> Floats:
    """Share of resolvable pairs ordered alike.

    Args:
        ours: (…, methods).
        published: (methods,).
        gap: differences up to this are none.

    Raises:
        ValueError: no pair is resolvable.

    Examples:
        >>> float(concordance(np.array([1.0, 2.0, 2.0]), np.array([0.1, 0.2, 0.3]), 0.05))
        0.8333333333333334
    """
    pairs = _resolvable(published, gap)
    if not pairs:
        raise ValueError(f"Expected published numbers that differ by more than {gap:g}, got {published.tolist()}.")
    first, second = np.array(pairs).T
    same = np.sign(ours[..., first] - ours[..., second]) * np.sign(published[first] - published[second])
    share: Floats = ((same + 1) / 2).mean(axis=-1)
    return share


def chance(ours: Floats, published: Floats, gap: float) -> float:
    """Share of all orders of our numbers whose concordance is as large as theirs or larger: exact."""
    orders = np.array(list(itertools.permutations(ours.tolist())))
    return float((concordance(orders, published, gap) >= concordance(ours, published, gap) - 1e-12).mean())


def attainable(published: Floats) -> float:
    """The largest ρ with numbers without ties: that of an order which agrees with the table wherever it has one."""
    order = np.argsort(np.argsort(published, kind="stable"), kind="stable")
    return spearman(order.tolist(), published.tolist()) or 0.0


def classes(ours: Mapping[str, Numbers], table: Mapping[str, Numbers], told: Sequence[Told]) -> dict[str, Classes]:
    """Failure classes of the methods that both tables have, by mode.

    Args:
        ours: method → column → number; with both references.
        table: the published one, likewise.
        told: the columns.
    """
    methods = sorted((set(ours) & set(table)) - set(ENDS))
    found = {}
    for mode in (mode.name for mode in MODES if mode.since == 1):
        here, there = ({method: fails(one, method, told)[mode] for method in methods} for one in (ours, table))
        agree = sum(here[method] == there[method] for method in methods)
        found[mode] = Classes(here, there, agree, max(Counter(there.values()).values(), default=0))
    return found


def fails(table: Mapping[str, Numbers], method: str, told: Sequence[Told]) -> dict[str, bool]:
    """Failure modes of a row by point values: L and D above their thresholds, the smallest K below its own."""
    found = {}
    for mode in (mode for mode in MODES if mode.since == 1):
        role, limit = mode.grounds[0].role, mode.grounds[0].limit.value
        value = dropped if role == "drop" else between
        found[mode.name] = any(
            mode.beyond(value(table, method, one.column), limit) > 0 for one in told if one.role == role
        )
    return found


def between(table: Mapping[str, Numbers], method: str, column: str) -> float:
    """Where a row's number stands between Clean, 0, and Compromised, 1."""
    low, high = (table[name][column] for name in ENDS)
    return (table[method][column] - low) / (high - low)


def dropped(table: Mapping[str, Numbers], method: str, column: str) -> float:
    """The share of Compromised's number that a row has lost."""
    compromised = table[ENDS[1]][column]
    return (compromised - table[method][column]) / compromised


def _resolvable(published: Floats, gap: float) -> list[tuple[int, int]]:
    places = range(len(published))
    return [(a, b) for a, b in itertools.combinations(places, 2) if abs(published[a] - published[b]) > gap]


def _resampled(sums: Sequence[Sequence[Sums]], resamples: int, rng: np.random.Generator) -> Floats:
    """Means over worlds (resamples, methods): worlds drawn with replacement, and groups within each."""
    chosen = rng.multinomial(len(sums), np.full(len(sums), 1 / len(sums)), size=resamples)  # (resamples, worlds)
    found = np.zeros((resamples, len(sums[0])))
    for world, times in zip(sums, chosen.T, strict=True):
        groups = len(world[0].count)
        for first in range(0, resamples, _BLOCK):
            block = slice(first, min(first + _BLOCK, resamples))
            weights = rng.multinomial(groups, np.full(groups, 1 / groups), size=block.stop - first).astype(np.float64)
            found[block] += times[block, None] * np.stack([one.mean(weights) for one in world], axis=1)
    return found / len(sums)
