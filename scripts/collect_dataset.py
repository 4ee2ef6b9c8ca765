"""Put together what the docs say about building a dataset; a built dataset is validated on the way.

    python scripts/collect_dataset.py OUT.json BENCHMARK.json... [--dataset FOLDER]

The benchmarks are what `benchmarks/dataset.py` printed, of one machine; growth is kept by the size of the pictures.
Parts that OUT.json has already stay unless they are given anew.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from salmubench.core import manifest, writing
from salmubench.dataset.layout import open_dataset
from salmubench.dataset.validate import validate


def built(folder: Path) -> dict[str, Any]:
    """What a finished dataset cost, and whether it keeps the rules."""
    content = manifest.read_manifest(folder, "dataset")
    report = validate(open_dataset(folder))
    return {
        "size": content["config"]["size"],
        **{key: content["outputs"][key] for key in ("fingerprint", "counts", "redrawn")},
        **content["cost"],
        "rows_checked": report.rows,
        "violations": report.found,
        "provenance": content["provenance"],
    }


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("benchmarks", type=Path, nargs="*")
    parser.add_argument("--dataset", type=Path)
    options = parser.parse_args()
    found: dict[str, Any] = manifest.read_json(options.out) if options.out.is_file() else {}
    for path in options.benchmarks:
        printed = manifest.read_json(path)
        growth, size = printed.pop("growth", None), printed.pop("size")
        found |= printed
        if growth is not None:
            found.setdefault("growth", {})[str(size)] = growth
    if options.dataset is not None:
        found["build"] = built(options.dataset)
    writing.write_json(options.out, found)


if __name__ == "__main__":
    main()
