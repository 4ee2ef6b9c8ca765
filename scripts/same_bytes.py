"""Shows that a change which only moves code moved nothing else: the same bytes before and after.

`python scripts/same_bytes.py --write FILE` on the code before, `--check FILE` on the code after, on the same machine
(processors differ in the last digit). Compared are the datasets of `tiny` and `mini`, file by file, the plan of `small`
(nothing is drawn), and of a run of `tiny` the weights of every checkpoint, every score and verdict, and every item.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from salmubench.generator.build import build
from salmubench.generator.plan import make_plan
from salmubench.workflow import pipeline, recipe

SEED = 0


def main() -> int:
    """Compute all hashes, then write or compare them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--write", type=Path, metavar="FILE")
    choice.add_argument("--check", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        now = {"small plan": _plan("small"), **_dataset("mini", Path(folder) / "mini"), **_run(Path(folder) / "tiny")}
    if arguments.write is not None:
        arguments.write.write_text(json.dumps(now, indent=1) + "\n", encoding="utf-8")
        print(f"{len(now)} hashes written to {arguments.write}")
        return 0
    before = json.loads(arguments.check.read_text(encoding="utf-8"))
    differing = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
    for name in differing:
        print(f"differs: {name}")
    print(f"{len(before)} hashes before, {len(now)} now, {len(differing)} differ")
    return 1 if differing else 0


def _plan(name: str) -> str:
    plan = make_plan(recipe.load(name).recipe.dataset, SEED)
    return _hash(
        [dataclasses.astuple(block) for block in plan.blocks] + [dataclasses.astuple(p) for p in plan.personas]
    )


def _dataset(name: str, out: Path) -> dict[str, str]:
    build(recipe.load(name).recipe.dataset, out=out, seed=SEED)
    return {f"{name} {path.name}": _file(path) for path in sorted((out / "data").iterdir())} | {
        f"{name} {path.name}": _file(path) for path in sorted(out.glob("*.json")) if path.name != "manifest.json"
    }


def _run(out: Path) -> dict[str, str]:
    pipeline.run(recipe="tiny", out=out, seed=SEED, precision="fp32")
    hashes = {f"tiny {path.name}": _file(path) for path in sorted((out / "dataset" / "data").iterdir())}
    for path in sorted((out / "records").glob("*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        kept = {key: record[key] for key in ("status", "scores", "verdict")}
        hashes[f"record {path.stem}"] = _hash([kept, record["model"]["sha256"], record["dataset"]["fingerprint"]])
        items = path.with_suffix(".items.parquet")
        if items.is_file():
            hashes[f"items {path.stem}"] = _hash(pq.read_table(items).to_pydict())
    return hashes


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, default=str, sort_keys=True).encode()).hexdigest()


def _file(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
