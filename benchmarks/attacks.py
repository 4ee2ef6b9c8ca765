"""What each attack costs: processor seconds a model and seed, and its share of the suite, from a folder of attacks.

    python benchmarks/attacks.py runs/mini/attacks

Each finished attack notes what it took beside its rows; encodings that several attacks share count for the first one.
"""

from __future__ import annotations

import statistics
import sys
from collections import defaultdict
from pathlib import Path

import pyarrow.parquet as pq

from salmubench.recovery.worker import SPENT


def main(folder: Path) -> None:
    """Print a table."""
    spent: defaultdict[str, list[float]] = defaultdict(list)
    for path in sorted(folder.rglob("*.parquet")):
        name = path.name.rsplit("-", 2)[0]
        spent[name].append(float((pq.read_schema(path).metadata or {})[SPENT]))
    medians = {name: statistics.median(seconds) for name, seconds in spent.items()}
    total = sum(medians.values())
    for name, seconds in sorted(medians.items(), key=lambda item: -item[1]):
        print(f"{name:<16} {seconds:8.1f} s {100 * seconds / total:5.0f} %   {len(spent[name])} times")
    print(f"{'all':<16} {total:8.1f} s")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
