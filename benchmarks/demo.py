"""Time and peak memory of each stage of the demo, as JSON.

    python benchmarks/demo.py [--recipe mini] [--precision fp32]

Runs the recipe into a temporary folder. Stages of the candidates are summed over the methods; rates are pairs or
pictures a second of the whole stage, set-up included.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import defaultdict
from pathlib import Path

from salmubench.core import manifest, provenance
from salmubench.workflow.pipeline import run


def main() -> None:
    """Run the recipe and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", default="mini")
    parser.add_argument("--precision", default="auto")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        result = run(recipe=arguments.recipe, out=out, precision=arguments.precision)
        seconds: dict[str, float] = defaultdict(float)
        for stage in result.stages:
            kind = stage["name"].split()[0]
            seconds[stage["name"] if kind == "pretrain" else kind] += stage["seconds"]
        trained = {
            kind: manifest.read_json(out / "checkpoints" / kind / "manifest.json") for kind in ("clean", "compromised")
        }
        built = manifest.read_json(out / "dataset" / "manifest.json")
        print(
            json.dumps(
                {
                    "recipe": arguments.recipe,
                    "precision": arguments.precision,
                    "hardware": provenance.hardware(),
                    "seconds": {name: round(value, 1) for name, value in seconds.items()},
                    "all_seconds": round(sum(seconds.values()), 1),
                    "peak_memory": max(stage["peak_memory"] for stage in result.stages),
                    "dataset_phases": built["cost"]["phases"],
                    "pretrain_cost": {kind: found["cost"] for kind, found in trained.items()},
                },
                indent=1,
            )
        )


if __name__ == "__main__":
    main()
