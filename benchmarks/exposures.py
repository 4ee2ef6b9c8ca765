"""How many exposures does a model need until it has learnt an association?

    python benchmarks/exposures.py --out runs/exposures [--divide 4] [--epochs 32] [--clean-epochs 8] [--figure FILE]

Clean and Compromised are trained by the recipe `mini`, in its world or in one with a fraction of its people and
pictures (`--divide`). The learning rate is constant after the warm-up: an exposure counts the same early and late, and
a shorter training is the beginning of a longer one. Each pair is seen once an epoch, so after epoch k every association
has had exactly k exposures, and none more than another. The weights after 1, 2, 4, … epochs are kept and scored.

Writes `exposures.json` into the folder: RetFail, AssocStr and GenKnow of both models by exposures, and the share of
associations that are learnt for good: the true caption ranks first then, and in all later checkpoints. Intervals are
95 %, over identities. `--figure` draws them.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

from salmubench.core import provenance, writing
from salmubench.dataset.layout import open_dataset
from salmubench.encode.encode import encode
from salmubench.generator.build import build
from salmubench.metrics import required_texts, score
from salmubench.pretrain.launch import pretrain
from salmubench.scoring.bootstrap import find_units, resampled_means
from salmubench.scoring.intervals import percentiles
from salmubench.scoring.record_files import read_items, read_record
from salmubench.scoring.references import Kind
from salmubench.workflow import recipe as recipes

SHOWN = (("RetFail", "mrr"), ("RetFail", "r1"), ("AssocStr", "value"), ("GenKnow", "value"))


def main() -> None:
    """Train, score, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--divide", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=32)
    parser.add_argument("--clean-epochs", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--precision", default="auto", help="auto, fp32 or bf16")
    parser.add_argument("--figure", type=Path)
    arguments = parser.parse_args()
    content = measure(arguments)
    writing.write_json(arguments.out / "exposures.json", content)
    print(json.dumps(writing.plain(content), indent=1))
    if arguments.figure:
        draw(content, arguments.figure)


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """All numbers; what a folder holds already is kept."""
    recipe, out, share = recipes.load("mini").recipe, arguments.out, arguments.divide
    world = {
        name: getattr(recipe.dataset, name) // share
        for name in ("identities", "retain_joint", "retain_disjoint", "retain_real", "general_knowledge_per_class")
    }
    dataset = open_dataset(build(replace(recipe.dataset, **world), out=out / "dataset", seed=arguments.seed))
    config = replace(recipe.pretrain, lr_scheduler="const")
    embeddings: dict[tuple[str, int], Path] = {}
    wanted: dict[Kind, int] = {"clean": arguments.clean_epochs, "compromised": arguments.epochs}
    for kind, epochs in wanted.items():
        checkpoint = out / "checkpoints" / kind
        kept = tuple(2**power for power in range(epochs.bit_length()) if 2**power <= epochs)
        settings = replace(config, epochs=epochs, keep_epochs=kept)
        pretrain(
            settings, dataset=dataset.folder, kind=kind, out=checkpoint, seed=arguments.seed,
            precision=arguments.precision,
        )  # fmt: skip
        for epoch in kept:
            embeddings[kind, epoch] = encode(
                model=checkpoint / "epochs" / f"{epoch:05d}", dataset=dataset,
                out=out / "learning" / "embeddings" / f"{kind}-{epoch:05d}",
                texts=required_texts(dataset, recipe.score), config=recipe.encode, precision=arguments.precision,
            )  # fmt: skip
    references = {kind: folder for (kind, _), folder in embeddings.items()}  # the last of each
    rows, ranks, people = [], [], np.array([])
    for (name, epoch), folder in embeddings.items():
        path = out / "learning" / "records" / f"{name}-{epoch:05d}.json"
        record = read_record(score(embeddings=folder, out=path, config=recipe.score, **references))
        for metric, part in SHOWN:
            found = record.scores[metric][part]
            rows.append(
                {"kind": name, "exposures": epoch, "metric": metric, "part": part, "value": found.value,
                 "ci95": found.ci95, "n": found.n}
            )  # fmt: skip
        if name == "compromised":
            items = read_items(path)
            items = items.filter((pc.field("metric") == "RetFail") & (pc.field("part") == "rank"))
            ranks.append(np.asarray(items.column("value").to_numpy()))
            people = np.array(items.column("identity_id").to_pylist())
    return {
        "what": "exposures of each pair until an association is learnt",
        "world": {**world, "divided_by": share, "seed": arguments.seed, "fingerprint": dataset.fingerprint},
        "training": {
            "model": config.model,
            "batch": config.batch_size,
            "lr": config.lr,
            "schedule": "constant",
            "precision": arguments.precision,
        },
        "scores": rows,
        "learnt": learnt(np.stack(ranks), people, kept),
        "provenance": provenance.provenance(),
    }


def learnt(ranks: np.ndarray, people: np.ndarray, kept: tuple[int, ...]) -> dict[str, Any]:
    """Share of associations learnt for good by exposures, with intervals, and the median.

    Args:
        ranks: float64 (checkpoints, associations): rank of the true caption.
        people: (associations,) identity of each.
        kept: exposures of each checkpoint.
    """
    stays = np.logical_and.accumulate((ranks == 1)[::-1], axis=0)[::-1]  # (K, N): first now and ever after
    units = find_units(people)
    shares: list[dict[str, Any]] = []
    for exposures, first in zip(kept, stays, strict=True):
        values = first.astype(np.float64)
        spread = percentiles(resampled_means(values[:, None], units)[:, 0])
        shares.append({"exposures": exposures, "share": float(values.mean()), "ci95": spread})
    half = next((row["exposures"] for row in shares if row["share"] >= 0.5), None)
    return {"n": int(ranks.shape[1]), "identities": units.count, "shares": shares, "median_at_most": half}


def draw(content: dict[str, Any], path: Path) -> None:
    """Two panels as an SVG file: the scores of both models, and the share learnt."""
    from salmubench.report.drawings import svg
    from salmubench.report.drawings.svg import Scale

    width, height, colours = 760.0, 260.0, {"clean": "#1f77b4", "compromised": "#c0392b", "learnt": "#333333"}
    panels = [
        ("RetFail MRR", [row for row in content["scores"] if row["part"] == "mrr"]),
        ("GenKnow", [row for row in content["scores"] if row["metric"] == "GenKnow"]),
        ("share learnt for good", [
            {"kind": "learnt", "exposures": row["exposures"], "value": row["share"], "ci95": row["ci95"]}
            for row in content["learnt"]["shares"]
        ]),
    ]  # fmt: skip
    parts = [svg.element("rect", width=width, height=height, fill="#fff")]
    for place, (kind, name) in enumerate((("compromised", "Compromised"), ("clean", "Clean"))):
        parts.append(svg.element("text", name, x=48, y=52 + 15 * place, fill=colours[kind]))
    for index, (title, rows) in enumerate(panels):
        left, right, top, base = 34.0 + index * 250, 240.0 + index * 250, 34.0, 206.0
        last = max(row["exposures"] for row in rows)
        x, y = Scale(0.0, float(np.log2(last)), left + 8, right - 8), Scale(0.0, 1.0, base, top)
        parts.append(svg.text((left + right) / 2, 20, title, "title", anchor="middle"))
        for value in (0.0, 0.25, 0.5, 0.75, 1.0):
            parts += [svg.line(left, y(value), right, y(value), "grid"),
                      svg.text(left - 4, y(value) + 4, f"{value:g}", "tick", anchor="end")]  # fmt: skip
        for kind in dict.fromkeys(row["kind"] for row in rows):
            line = [row for row in rows if row["kind"] == kind]
            at = [x(float(np.log2(row["exposures"]))) for row in line]
            for spot, row in zip(at, line, strict=True):
                low, high = (y(end) for end in row["ci95"])
                parts += [
                    svg.element("line", x1=spot, x2=spot, y1=low, y2=high, stroke=colours[kind], stroke_width=2),
                    svg.element("circle", cx=spot, cy=y(row["value"]), r=3.5, fill=colours[kind]),
                    svg.text(spot, base + 15, str(row["exposures"]), "tick", anchor="middle"),
                ]
            curve = svg.polyline(at, [y(row["value"]) for row in line])
            parts.append(svg.element("path", d=curve, fill="none", stroke=colours[kind], stroke_width=1.5))
        parts.append(svg.text((left + right) / 2, base + 32, "exposures", "tick", anchor="middle"))
    style = "text{font:11px sans-serif}.title{font-weight:bold}.tick{fill:#333}.grid{stroke:#ddd}"
    label = "Scores of Clean (blue) and Compromised (red), and the share of associations learnt, by exposures"
    drawing = str(svg.drawing(width, height, *parts, label=label, class_="figure"))
    opening, _, rest = drawing.partition(">")
    writing.write_text(path, f'{opening} xmlns="http://www.w3.org/2000/svg"><style>{style}</style>{rest}\n')


if __name__ == "__main__":
    main()
