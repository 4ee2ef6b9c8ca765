"""What each attack took: processor seconds, steps and encodings a model and seed, from a folder of attacks.

    salmubench attack runs/mini/checkpoints/cliperase-5x --repeats 1 --out runs/price …
    python benchmarks/attacks.py runs/price/attacks [--recipe mini --dataset runs/mini/dataset] [--out FILE.json]

Each finished attack notes what it took beside its rows; encodings that several attacks share count for the first one,
tokens that models share for the first model. Medians over models and seeds. With a recipe and a dataset the price that
`pretrain --estimate` states stands beside it, as estimated / measured.
"""

from __future__ import annotations

import argparse
import statistics
from collections import defaultdict
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from salmubench.attacks import load_all
from salmubench.core import provenance, writing
from salmubench.dataset.layout import open_dataset
from salmubench.recovery.worker import CAPTIONS, PEAK, PICTURES, SPENT, STEPS
from salmubench.workflow import attack_price as price
from salmubench.workflow import recipe as recipes

KEYS = (SPENT, STEPS, PICTURES, CAPTIONS)


def main() -> None:
    """Print a table, and write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("attacks", type=Path)
    parser.add_argument("--recipe", default="")
    parser.add_argument("--dataset", type=Path)
    parser.add_argument("--precision", default="", help="of the forward passes, to be written beside the numbers")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    taken: defaultdict[str, list[tuple[float, ...]]] = defaultdict(list)
    peak = 0
    for path in sorted(arguments.attacks.rglob("*.parquet")):
        metadata = pq.read_schema(path).metadata or {}
        taken[path.name.rsplit("-", 2)[0]].append(tuple(float(metadata.get(key, b"0")) for key in KEYS))
        peak = max(peak, int(metadata.get(PEAK, b"0")))
    medians = {name: [statistics.median(column) for column in zip(*rows, strict=True)] for name, rows in taken.items()}
    total = [sum(column) for column in zip(*medians.values(), strict=True)]
    for name, numbers in (*sorted(medians.items(), key=lambda item: -item[1][0]), ("all", total)):
        seconds, *counts = numbers
        share = f"{100 * seconds / total[0]:4.0f} %" if total[0] else ""
        words = " ".join(f"{count:9,.0f} {key.decode()}" for key, count in zip(KEYS[1:], counts, strict=True))
        print(f"{name:<16} {seconds:8.1f} s {share}  {words}   {len(taken.get(name, ()))} times")
    found: dict[str, Any] = {
        "attacks": {
            name: {key.decode(): number for key, number in zip(KEYS, numbers, strict=True)}
            for name, numbers in medians.items()
        },
        "times": max(len(rows) for rows in taken.values()),
        "peak_memory": peak,
        "precision": arguments.precision,
    }
    if arguments.recipe and arguments.dataset:
        found["estimated"] = _compare(arguments.recipe, arguments.dataset, total, set(medians))
        found["recipe"] = arguments.recipe
    if arguments.out:
        writing.write_json(arguments.out, {**found, "provenance": provenance.provenance()})


def _compare(name: str, folder: Path, total: list[float], ran: set[str]) -> dict[str, float]:
    loaded, dataset = recipes.load(name).recipe, open_dataset(folder)
    whole = dataset.forget_identity_ids()
    sizes = price.sizes_of(
        loaded.attack, dataset.counts, fact_rows=loaded.score.fact_rows, fact_values=loaded.score.fact_values,
        identity=sum(pair.identity in whole for pair in dataset.rows("forget")), classes=loaded.dataset.classes,
    )  # fmt: skip
    attacks = [item for item in load_all(["all"], loaded.attack.overrides) if item.attack.name in ran]
    entries = price.priced(attacks, sizes)
    stated = {
        STEPS: sum(entry.steps for entry in entries),
        PICTURES: sum(entry.pictures + entry.pairs for entry in entries),
        CAPTIONS: sum(entry.captions + entry.pairs for entry in entries),
    }
    ratios = {}
    for key, measured in zip(KEYS[1:], total[1:], strict=True):
        ratios[key.decode()] = ratio = stated[key] / max(measured, 1)
        print(f"{key.decode():<10} estimated / measured: {stated[key]:,} / {measured:,.0f} = {ratio:.2f}")
    return ratios


if __name__ == "__main__":
    main()
