"""How often each end of a 95 % interval misses the truth, by kind of interval, near the thresholds of the verdict.

    python benchmarks/interval_coverage.py [--items FILE…] [--samples 2000] [--bootstraps 10000] [--out FILE]

A *population* are the items of a model, by identity (by class and picture for the drop D): its own number is the truth.
From it identities are drawn with replacement, as many as it has, and an interval is made of the sample alone, 2,000
times over. Items come from committed files: three Retrained, and the methods at `mini` where a number of the verdict is
near its threshold (L between .3 and 5 %, K between 80 and 100 %). `scaled` moves each value towards Clean's by one
share, so that the population's number is at the threshold, which keeps their skew (and how often ends miss); in
`sparse` each item takes Compromised's value by chance, otherwise Clean's: few are still known, wholly; in `people` the
same by identity. `as it is` isn't moved. Parts that a verdict rests on by groups of people (`_identity`,
`_association`, facts of either holdout) are populations of their own, against the reference that counts there.

Kinds: `percentile`, `bca` (Efron's, acceleration from the jackknife), `bootstrap_t` with several factors, and `of_one`:
bootstrap-t, made wider by several factors in samples in which one person has more than a sixth of what is left. The
smallest factor with which each end misses at most 3.5 % (nominal 2.5 %) in every population that sets it is `wider` and
`wider_of_one`; `scoring/intervals.py` states both. R@1 (four pairs known) sets none. `wider` is set by populations of
100 people or more of whom nobody has 15 % of what is left, `wider_of_one` by those in which at least nine samples of
ten show a person with more than a sixth, and nobody has half. How often the ends of all others miss is written, too:
37 % of samples are without the person who has most, and where these look harmless, no factor helps. Populations are
written as they are done; a second call goes on.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import ndtr, ndtri

from salmubench.core import manifest, provenance, writing
from salmubench.metrics import descriptions
from salmubench.scoring.bootstrap import BOOTSTRAPS, SEED, Units, find_units, leaf_sums, resampled_sums
from salmubench.scoring.failure_modes import MODES
from salmubench.scoring.intervals import WIDER, WIDER_OF_ONE, Ratio, bootstrap_t, intervals
from salmubench.scoring.items import held_identities, of_metric
from salmubench.scoring.metric import PEOPLE, Floats, Metric, parts_of
from salmubench.scoring.record_files import read_items_file
from salmubench.scoring.selections import selections

COMMITTED = Path(__file__).resolve().parents[1] / "results"
RESULTS = COMMITTED / "coverage"
METHODS = sorted(COMMITTED.glob("mini*/records/*x.items.parquet"))
"""Items of the methods."""
FACTORS = (1.0, 1.05, 1.1, 1.15, 1.2, 1.25, 1.3, 1.4, 1.5)
MOST = 0.035
"""Share of samples in which an end may miss."""
THRESHOLDS = {"leakage": 0.01, "kept": 0.9}
NEAR = {"leakage": 0.04, "kept": 0.1}
"""How far from its threshold a method's number may lie; below a third of it, scaling would blow up noise."""
OF_ONE_FACTORS = (1.25, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0)
MOST_OF_ONE = 0.15
"""Share of what is left from which one person alone decides whether an end misses."""
HALF = 0.5
SHOWS = 0.9
"""Share of samples in which one person has much: what a sample doesn't show, its interval can't heed."""
MANY = 100
"""People from whom on a resample is like another sample."""
PARTS = ("mrr", "r1", "value")
TOGETHER = 50
"""Samples whose intervals are made at once."""


@dataclass(frozen=True, eq=False)
class Population:
    """Numbers of a model.

    Attributes:
        name: metric, part, where the values come from, how they were moved.
        whole: sums over each identity, or picture.
        units: what is drawn.
        most: share that one identity has; `None` of classes.
        moved: whether its number is at a threshold; others set no factor.
    """

    name: str
    whole: Ratio
    units: Units
    most: float | None
    moved: bool


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=Path, nargs="*", default=[*sorted(RESULTS.glob("*.items.parquet")), *METHODS])
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--bootstraps", type=int, default=BOOTSTRAPS)
    parser.add_argument("--out", type=Path, default=RESULTS / "coverage.json")
    options = parser.parse_args()
    provenance.began()
    settings = {
        "samples": options.samples,
        "bootstraps": options.bootstraps,
        "items": {f"{source_of(path)}.items.parquet": manifest.sha256_file(path) for path in options.items},
    }
    found: dict[str, Any] = {**settings, "populations": {}}
    if options.out.is_file():
        before = manifest.read_json(options.out)
        same = all(before[name] == settings[name] for name in ("samples", "bootstraps"))
        if same and before["items"].items() <= settings["items"].items():  # files may be added
            found["populations"] = before["populations"]
    for population in populations(options.items):
        if population.name not in found["populations"]:
            measured = measure(population, options.samples, options.bootstraps)
            found["populations"][population.name] = measured
            writing.write_json(options.out, found | _factors(found["populations"]))
        print(population.name, shown(found["populations"][population.name]), flush=True)
    found |= _factors(found["populations"])
    writing.write_json(options.out, found)
    print(f"smallest factor {found['wider']}, in use {WIDER}; of one {found['wider_of_one']}, in use {WIDER_OF_ONE}")


def _factors(measured: dict[str, Any]) -> dict[str, Any]:
    """What follows from the populations that are done."""
    few, many = (smallest_factor(measured, *kind) for kind in (("of_one", OF_ONE_FACTORS), ("bootstrap_t", FACTORS)))
    return {"wider": many, "wider_of_one": few, "provenance": provenance.provenance()}


def kind_that_it_sets(population: Population, shows: float) -> str | None:
    """The kind of interval whose factor a population sets, if any; `shows`: share of samples in which one has much."""
    if not population.moved or population.most is None:
        return None
    if population.most < MOST_OF_ONE and population.units.count >= MANY:
        return "bootstrap_t"
    return "of_one" if population.most < HALF and shows >= SHOWS else None


def populations(files: list[Path]) -> Iterator[Population]:
    """All of them; identities by every model's values moved to the threshold, classes as they are."""
    for path in files:
        table, name = read_items_file(path), source_of(path)
        held = held_identities(table)
        for metric in descriptions().values():
            rows = of_metric(table, metric.name)
            if rows.num_rows and metric.view in THRESHOLDS:
                for part, described in parts_of(metric.items).items():
                    if described.group is None and part in PARTS:
                        zero = "retrained" if metric.goal == "retrained" and _has(rows, "retrained") else "clean"
                        goal = Goal(zero, THRESHOLDS[metric.view])
                        yield from _moved(metric, part, rows, name, goal, first=path == files[0])
                for part, of_group, goal in _judged_by_group(metric, rows, held):
                    yield from _moved(metric, part, of_group, name, goal, first=path == files[0])
            elif rows.num_rows and metric.view == "drop" and "/" not in name:
                yield from _drops(metric, rows, name, first=path == files[0])


def source_of(path: Path) -> str:
    """The file's model; of a method in its run."""
    name = path.name.removesuffix(".items.parquet")
    return f"{path.parent.parent.name}/{name}" if path.resolve() in METHODS else name


@dataclass(frozen=True)
class Goal:
    """Where a population is moved to: the reference at which its view is 0, and the view's limit."""

    zero: str
    limit: float


def _has(rows: Any, reference: str) -> bool:
    return not rows.column(reference).null_count


def _judged_by_group(metric: Metric, rows: Any, held: frozenset[str] | None) -> Iterator[tuple[str, Any, Goal]]:
    """Parts over groups of people that a verdict rests on, with their rows."""
    grounds = [ground for mode in MODES for ground in mode.grounds if ground.role == metric.role]
    parts = parts_of(metric.items, metric.groups)
    for one in selections(metric, rows, held) if grounds else ():
        for part in one.parts if one.reason is None else ():
            group = parts[part].group
            for ground in grounds if group in PEOPLE and part.split("_")[0] in ("mrr", "value") else ():
                zero = ground.against or "clean"
                if (ground.each or ground.group == group) and _has(rows, zero):
                    yield part, rows.filter(pa.array(one.which)), Goal(zero, ground.limit.value)


def _moved(metric: Metric, part: str, rows: Any, source: str, to: Goal, *, first: bool) -> Iterator[Population]:
    of, goal = parts_of(metric.items, metric.groups)[part].of, to.limit
    u, c, p = (of(rows.column(name).to_numpy(), None) for name in ("value", to.zero, "compromised"))
    cluster = rows.column("cluster").to_numpy(zero_copy_only=False)
    units = find_units(cluster)
    name = f"{metric.name} {part}"
    base = p.sum() - c.sum()

    def population(how: str, values: Floats, *, moved: bool = True) -> Population:
        top, bottom = leaf_sums(np.stack([values - c, p - c], axis=1), units)[:, :2].T
        whole = Ratio(top, bottom, left=metric.view == "leakage")
        return Population(f"{name}, {how}", whole, units, whole.most_of_one(), moved)

    by_mean = not part.startswith("r1")
    own, near = float((u - c).sum() / base), max(NEAR[metric.view or ""], goal if metric.view == "leakage" else 0.0)
    if "/" in source and not (by_mean and metric.role and goal / 3 <= own and abs(own - goal) <= near):
        return
    if not by_mean:
        yield population(f"{source}, as it is", u, moved=False)
    else:
        yield population(f"{source}, scaled", c + goal * base / (u.sum() - c.sum()) * (u - c))
    if first and by_mean:
        for number in range(2):
            chance = np.random.default_rng([SEED, number]).random(len(u)).argsort().argsort() / len(u)
            yield population(f"compromised, sparse {number}", _known(chance, c, p, goal))
        people = np.random.default_rng(SEED).random(units.leaves)[units.of_item]
        yield population("compromised, people", _known(people, c, p, goal))


def _known(chance: Floats, c: Floats, p: Floats, goal: float) -> Floats:
    """Compromised's values where chance is below a bound, otherwise Clean's; the bound meets the goal as it can."""
    bounds = np.unique(chance)
    order = np.argsort(chance, kind="stable")
    reached = np.cumsum((p - c)[order])[np.searchsorted(chance[order], bounds, side="right") - 1] / (p - c).sum()
    found: Floats = np.where(chance <= bounds[np.argmin(np.abs(reached - goal))], p, c)
    return found


def _drops(metric: Metric, rows: Any, source: str, *, first: bool) -> Iterator[Population]:
    u, p = (rows.column(name).to_numpy() for name in ("value", "compromised"))
    classes = rows.column("caption").to_numpy(zero_copy_only=False)
    units = find_units(rows.column("cluster").to_numpy(zero_copy_only=False), classes)
    kept = np.random.default_rng(SEED).random(len(u))
    lost = np.isin(classes, pc.unique(rows.column("caption")).to_pylist()[::4])
    for how, moved in (
        (f"{source}, as it is", u),
        ("compromised, 1 % lost", np.where(kept < 0.01, 0.0, p)),
        ("compromised, a quarter of the classes lost", np.where(lost, 0.0, p)),
    )[: 3 if first else 1]:
        top, bottom = leaf_sums(np.stack([p - moved, p], axis=1), units)[:, :2].T
        yield Population(f"{metric.name} value, {how}", Ratio(top, bottom), units, most=None, moved=False)


def measure(population: Population, samples: int, bootstraps: int) -> dict[str, Any]:
    """Share of samples in which the lower and the upper end miss, and the mean width, by kind of interval."""
    rng, whole = np.random.default_rng(SEED + 1), population.whole
    truth, shows = float(whole.top.sum() / whole.bottom.sum()), 0
    ends: dict[str, list[Floats]] = {}
    for first in range(0, samples, TOGETHER):
        drawn = [_sample(population, rng) for _ in range(min(TOGETHER, samples - first))]
        shows += sum(one.is_of_one() for one in drawn)
        made = _by_class if population.units.classes else _by_identity
        for kind, found in made(drawn, population.units, bootstraps).items():
            ends.setdefault(kind, []).append(found)
    kinds = {kind: np.concatenate(found) for kind, found in ends.items()}
    return {
        "truth": truth,
        "units": population.units.count,
        "most_of_one": population.most,
        "shows": shows / samples,
        "sets": kind_that_it_sets(population, shows / samples),
        "decides": population.moved,
        "intervals": {
            kind: {
                "low_misses": float(np.mean(truth < found[:, 0])),
                "high_misses": float(np.mean(truth > found[:, 1])),
                "width": float(np.mean(found[:, 1] - found[:, 0])),
            }
            for kind, found in kinds.items()
        },
    }


def _sample(population: Population, rng: np.random.Generator) -> Ratio:
    units = population.units
    if units.classes is None:
        drawn = rng.integers(0, units.leaves, units.leaves)
    else:  # classes first, pictures second: another world has other classes and other pictures of them
        start, size = np.cumsum([0, *units.classes])[:-1], units.classes[0]
        of_class = start[rng.integers(0, units.count, units.count)][:, None]
        drawn = (of_class + rng.integers(0, size, (units.count, size))).ravel()
    whole = population.whole
    return Ratio(whole.top[drawn], whole.bottom[drawn], whole.left)


def _by_identity(samples: list[Ratio], units: Units, bootstraps: int) -> dict[str, Floats]:
    top, bottom = (np.stack([getattr(one, side) for one in samples], axis=1) for side in ("top", "bottom"))
    sums = resampled_sums(np.concatenate([top, bottom], axis=1)[None], units, bootstraps=bootstraps, seed=SEED)
    drawn = np.sort(sums[:, : len(samples)] / sums[:, len(samples) :], axis=0)
    made = bootstrap_t(samples, units, bootstraps, SEED)
    ends = {
        "percentile": np.quantile(drawn, [0.025, 0.975], axis=0).T,
        "bca": np.array([bca(*one) for one in zip(drawn.T, top.T, bottom.T, strict=True)]),
    }
    for factor in FACTORS:
        ends[f"bootstrap_t {factor:.2f}"] = np.array([one.interval(factor) for one in made if one is not None])
    for factor in OF_ONE_FACTORS if samples[0].left else ():
        pairs = zip(samples, made, strict=True)
        ends[f"of_one {factor:.2f}"] = np.array(
            [summary.of(one, of_one=factor) for one, summary in pairs if summary is not None]
        )
    return ends


def bca(drawn: Floats, top: Floats, bottom: Floats) -> tuple[float, float]:
    """Efron's bias-corrected and accelerated interval of a ratio of sums.

    Args:
        drawn: (bootstraps,) the resampled ratios.
        top: (units,).
        bottom: (units,).
    """
    whole = top.sum() / bottom.sum()
    left_out = (top.sum() - top) / (bottom.sum() - bottom)
    away = left_out.mean() - left_out
    if not away.any():
        return float(whole), float(whole)
    acceleration = (away**3).sum() / (6 * (away**2).sum() ** 1.5)
    bias = ndtri(((drawn < whole).mean() + (drawn <= whole).mean()) / 2)
    z = bias + ndtri(np.array([0.025, 0.975]))
    low, high = np.quantile(drawn, ndtr(bias + z / (1 - acceleration * z)))
    return float(low), float(high)


def _by_class(samples: list[Ratio], units: Units, bootstraps: int) -> dict[str, Floats]:
    """As scoring makes it, and with classes alone drawn, each with all its pictures."""
    classes, sizes = np.arange(units.count), units.classes or ()
    alone = Units(classes, units.count)
    start = np.cumsum([0, *sizes])[:-1]
    totals = [Ratio(np.add.reduceat(one.top, start), np.add.reduceat(one.bottom, start)) for one in samples]
    return {
        "classes, then pictures": np.array(intervals(samples, units, bootstraps=bootstraps)),
        "classes alone, percentile": np.array(
            [np.quantile(column, [0.025, 0.975]) for column in _ratios(totals, alone, bootstraps).T]
        ),
        "classes alone, bootstrap_t": np.array(intervals(totals, alone, bootstraps=bootstraps)),
    }


def _ratios(samples: list[Ratio], units: Units, bootstraps: int) -> Floats:
    columns = np.stack([one.top for one in samples] + [one.bottom for one in samples], axis=1)[None]
    sums = resampled_sums(columns, units, bootstraps=bootstraps, seed=SEED)
    found: Floats = sums[:, : len(samples)] / sums[:, len(samples) :]
    return found


def smallest_factor(measured: dict[str, Any], kind: str, factors: Sequence[float]) -> float | None:
    """The smallest factor with which no end misses too often, in the populations that set it; `None`: none does."""
    setting = [one["intervals"] for one in measured.values() if one["sets"] == kind]
    for factor in factors:
        found = [one[f"{kind} {factor:.2f}"] for one in setting]
        if found and all(max(one["low_misses"], one["high_misses"]) <= MOST for one in found):
            return factor
    return None


def shown(measured: dict[str, Any]) -> str:
    """One line: truth, and in per cent how often the ends miss."""
    kinds = (
        f"{kind} {100 * one['low_misses']:.1f}/{100 * one['high_misses']:.1f} ({one['width']:.4f})"
        for kind, one in measured["intervals"].items()
    )
    return f"truth {measured['truth']:.4f}: " + ", ".join(kinds)


if __name__ == "__main__":
    main()
