"""What bf16 does to each number: the models of a run, encoded in both precisions and scored.

    python benchmarks/precision.py RUN --models clean,compromised,cliperase-5x [--out results/evaluation/precision.json]

Each model is judged in bf16 between references in bf16, and in fp32 between references in fp32.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from salmubench.core import provenance, writing
from salmubench.dataset.layout import open_dataset
from salmubench.metrics import score
from salmubench.scoring.record_files import read_record
from salmubench.workflow.evaluation import encode_model

TOLERANCE = 0.002


def main() -> None:
    """Encode, score, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--models", default="clean,compromised")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    names, dataset = arguments.models.split(","), open_dataset(arguments.run / "dataset")
    values: dict[str, dict[str, dict[str, float | None]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for precision in ("fp32", "bf16"):
            root = Path(folder) / precision
            made = {
                name: encode_model(
                    model=arguments.run / "checkpoints" / name, dataset=dataset, out=root / name, precision=precision
                )
                for name in dict.fromkeys(("clean", "compromised", *names))
            }
            for name in names:
                path = score(
                    embeddings=made[name], clean=made["clean"], compromised=made["compromised"],
                    out=root / "records" / f"{name}.json",
                )  # fmt: skip
                values.setdefault(name, {})[precision] = {
                    metric if part == "value" else f"{metric} {part}": one.value
                    for metric, parts in read_record(path).scores.items()
                    for part, one in parts.items()
                }
    largest: dict[str, float] = {}
    for name, pair in values.items():
        for metric, exact in pair["fp32"].items():
            rough = pair["bf16"][metric]
            apart = None if exact is None or rough is None else abs(exact - rough)
            if apart is not None:
                largest[metric] = max(largest.get(metric, 0.0), apart)
            print(f"{name:14s} {metric:14s} {exact} {rough} {'' if apart is None else f'{apart:.5f}'}")
    for metric, apart in largest.items():
        print(f"{metric:14s} at most {apart:.5f} apart {'' if apart <= TOLERANCE else '(!)'}")
    if arguments.out is not None:
        writing.write_json(arguments.out, {"models": values, "largest": largest, "provenance": provenance.provenance()})


if __name__ == "__main__":
    main()
