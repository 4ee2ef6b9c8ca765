"""What does the page of a deletion say of exact unlearning, and of a method that leaves all, in worlds of development?

    python benchmarks/gold_deletions.py --worlds runs/gold_standard --seeds 1000,1001 --out runs/gold_deletions

The worlds are those of `benchmarks/gold_standard.py`, whose folders have a second Retrained and the candidates. Each
model is compared with Compromised as a deletion is, without a model that never saw the facts and with one (for
Retrained: the second one). The page is right if it says of Retrained that nothing of it shows, and of Finetuning that
it does. What a folder holds already is kept. Writes `gold_deletions.json` into the folder.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from salmubench.core import provenance, writing
from salmubench.deletion import page
from salmubench.deletion.before_after import evaluate_before_after
from salmubench.deletion.record import DeletionRecord, read_deletion
from salmubench.scoring.references import RETRAINED

MODELS = {RETRAINED: f"{RETRAINED}-2", "finetuning-5x": RETRAINED, "cliperase-5x": RETRAINED}
"""Model after the deletion → that of the same world which never saw the facts."""


def main() -> None:
    """Compare, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", type=Path, required=True, help="folder of the worlds, each called by its seed")
    parser.add_argument("--seeds", required=True, help="comma-separated")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    seeds = [int(seed) for seed in arguments.seeds.split(",")]
    found = [row for seed in seeds for row in answers_in(arguments.worlds / str(seed), arguments.out / str(seed), seed)]
    content = {
        "what": "what the page of a deletion says of exact unlearning and of two methods",
        "worlds": seeds,
        "pages": found,
        "provenance": provenance.provenance(),
    }
    writing.write_json(arguments.out / "gold_deletions.json", content)
    for row in found:
        print(f"{row['world']} {row['model']}, {row['beside'] or 'alone'}: {row['headline']}")


def answers_in(world: Path, out: Path, seed: int) -> list[dict[str, Any]]:
    """Each model's page alone and beside exact unlearning; each model is encoded once."""
    encoded: dict[str, Path] = {}
    rows = []
    for model, exact in MODELS.items():
        for beside in (None, exact):
            name, places = f"{model}{'-beside' if beside else ''}", world / "checkpoints"
            record = evaluate_before_after(
                before=encoded.get("compromised", places / "compromised"),
                after=encoded.get(model, places / model),
                retrained=None if beside is None else encoded.get(beside, places / beside),
                dataset=world / "dataset",
                out=out / f"{name}.json",
                report=out / f"{name}.html",
            )
            for which, one in (("before", "compromised"), ("after", model), ("retrained", beside)):
                if one is not None:
                    encoded.setdefault(one, out / f"{name}.embeddings" / which)
            rows.append({"world": seed, "model": model, "beside": beside, **told(read_deletion(record))})
    return rows


def told(record: DeletionRecord) -> dict[str, Any]:
    """What a page says: its headline, its answers, and the shares that are left with their intervals."""
    return {
        "headline": page.headline(record),
        "findings": dict(record.findings),
        "left": {
            name: {"value": level.left, "ci95": level.left_ci95, "people": level.people}
            for name, level in record.levels.items()
        },
        "dataset": record.dataset.fingerprint,
    }


if __name__ == "__main__":
    main()
