"""The estimate of a pretraining against the pretraining itself: seconds and memory, estimated / measured.

    python benchmarks/estimate.py --dataset DIR [--recipe mini] [--epochs 1] [--kind clean] [--out FILE]

Prints and writes JSON.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import replace
from pathlib import Path

from salmubench.clip import devices
from salmubench.core import manifest, provenance, writing
from salmubench.dataset import shards
from salmubench.dataset.layout import open_dataset
from salmubench.pretrain import estimate
from salmubench.pretrain.launch import pretrain
from salmubench.scoring.references import KINDS, OF
from salmubench.workflow import recipe as recipes


def main() -> None:
    """Estimate, train, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", type=Path, required=True)
    parser.add_argument("--recipe", default="mini")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--kind", default="clean", choices=KINDS)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    config = replace(recipes.load(arguments.recipe).recipe.pretrain, epochs=arguments.epochs, keep_epochs=(), warmup=1)
    opened = open_dataset(arguments.dataset)
    found = shards.find_or_write(opened, opened.folder / shards.FOLDER)
    beside = OF[arguments.kind].beside
    rows = found.rows("retain") + (shards.rows_of(opened, beside) if beside else 0)
    precision = devices.resolve_precision(config.precision, "cpu")
    guess = estimate.probe(
        config, rows=rows, shard=found.folder / shards.shard_name("retain", 0), device="cpu", precision=precision
    )
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "model"
        pretrain(
            config, dataset=arguments.dataset, kind=arguments.kind, out=out, seed=0, device="cpu", precision=precision
        )
        cost = manifest.read_manifest(out, "pretrain")["cost"]
    content = {
        "recipe": arguments.recipe,
        "kind": arguments.kind,
        "epochs": arguments.epochs,
        "pairs": cost["pairs"],
        "estimated": {"seconds": guess.seconds, "startup": guess.startup, "memory": guess.memory},
        "measured": {"seconds": cost["seconds"], "memory_of_all_processes": cost["peak_memory"]},
        "seconds_estimated / measured": guess.seconds / cost["seconds"],
        "provenance": provenance.provenance(),
    }
    text = json.dumps(writing.plain(content), indent=1)
    print(text)
    if arguments.out:
        writing.write_text(arguments.out, text + "\n")


if __name__ == "__main__":
    main()
