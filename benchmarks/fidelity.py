r"""Does the miniature predict the paper's table? From the three contests of `results/fidelity`.

    python benchmarks/fidelity.py --anchor runs/anchor --study runs/fidelity --share runs/share \
        --out results/fidelity/fidelity.json

The anchor's contest chooses the rate; the study is judged at that rate, and shown at all; so is the study of a larger
retain base.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
from collections import defaultdict
from pathlib import Path
from typing import Any

import fidelity_statistics as fidelity
from fidelity_statistics import World

from salmubench.contest.checks import WORLDS
from salmubench.core import provenance, writing
from salmubench.metrics import descriptions
from salmubench.official.result_file import published
from salmubench.scoring.contest_record import read_contest
from salmubench.scoring.references import ENDS

ANCHOR = "cliperase"
PLANS = {"anchor": "anchor", "study": "fidelity", "share": "share"}
"""Which contest is which plan's."""
TOLD = fidelity.columns(list(descriptions().values()))
SUPPORTED = 0.9
"""Least concordance of a world that predicts the table."""


def main() -> None:
    """Read all three, write what follows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, plan in PLANS.items():
        help_ = f"folder of the contest of results/fidelity/{plan}.yaml"
        parser.add_argument(f"--{name}", type=Path, required=True, help=help_)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--resamples", type=int, default=10_000, help="behind each interval")
    arguments = parser.parse_args()
    anchor = by_rate(arguments.anchor)
    kept = {rate: statistics.fmean(kept_by(world) for world in worlds) for rate, worlds in anchor.items()}
    goal = kept_in(published())
    chosen = min(kept, key=lambda rate: abs(kept[rate] - goal))
    studies = {name: whole(getattr(arguments, name), chosen, arguments.resamples) for name in ("study", "share")}
    content = {
        "anchor": {"method": ANCHOR, "published": goal, "kept": kept, "chosen": chosen},
        **studies,
        "plans": {name: read_contest(getattr(arguments, name) / "contest.json").plan.sha256 for name in PLANS},
        "provenance": provenance.provenance(),
    }
    writing.write_json(arguments.out, content)
    print(f"{ANCHOR} keeps {goal:.2f} in the paper; rate {chosen}: {kept[chosen]:.2f}")
    for name, study in studies.items():
        print(f"{name}: {study['answers']}")


def whole(contest: Path, chosen: str, resamples: int) -> dict[str, Any]:
    """Everything that a contest says at each rate, and the answers at the chosen one."""
    rates = {rate: judged(worlds, resamples) for rate, worlds in by_rate(contest).items()}
    return {"answers": answers(rates, chosen), "rates": rates}


def by_rate(contest: Path) -> dict[str, list[World]]:
    """Rate → worlds, of candidates that are called `<method>_<rate>-5x`; the lowest rate first."""
    found: defaultdict[str, list[World]] = defaultdict(list)
    for folder in sorted((contest / WORLDS).iterdir()):
        names: defaultdict[str, dict[str, str]] = defaultdict(dict)
        for path in sorted((folder / "records").glob("*_*-5x.json")):
            method, _, rate = path.stem.removesuffix("-5x").rpartition("_")
            names[rate][method] = path.stem
        for rate, methods in names.items():
            named = {**methods, **{str(name): str(name) for name in ENDS}}
            found[rate].append(fidelity.read_world(folder / "records", named, TOLD))
    return {rate: found[rate] for rate in sorted(found, key=float)}


def judged(worlds: list[World], resamples: int) -> dict[str, Any]:
    """Columns and classes of one rate."""
    means = {
        method: {one.column: statistics.fmean(world[method][one.column].whole for world in worlds) for one in TOLD}
        for method in worlds[0]
    }
    compared = fidelity.compare(worlds, TOLD, published(), left_out=[ANCHOR], resamples=resamples)
    return {
        "worlds": len(worlds),
        "columns": [dataclasses.asdict(one) for one in compared],
        "classes": {mode: dataclasses.asdict(one) for mode, one in fidelity.classes(means, published(), TOLD).items()},
        "means": means,
    }


def kept_by(world: World) -> float:
    """K of the anchor, mean of both holdouts."""
    return kept_in({name: {column: one.whole for column, one in row.items()} for name, row in world.items()})


def kept_in(table: Any) -> float:
    """K of the anchor in a table, mean of both holdouts."""
    return statistics.fmean(fidelity.between(table, ANCHOR, one.column) for one in TOLD if one.role == "kept")


def answers(rates: dict[str, Any], chosen: str) -> dict[str, str]:
    """Column → supported, refuted or open, as the plan says."""
    found = {}
    for place, column in enumerate(one.column for one in TOLD):
        intervals = {rate: one["columns"][place]["ci95"] for rate, one in rates.items()}
        if intervals[chosen][0] >= SUPPORTED:
            found[column] = "supported"
        else:
            refuted = all(high < SUPPORTED for _, high in intervals.values())
            found[column] = "refuted" if refuted else "open"
    return found


if __name__ == "__main__":
    main()
