"""Where must the thresholds of our own failure modes lie, so that exact unlearning passes?

    python benchmarks/gold_standard.py --out runs/gold_standard [--worlds 1000,1001] [--seeds 3] [--recipe mini]

Each development world has Clean, Compromised and several Retrained, which differ by their pretraining seed. One
Retrained is judged against another of the same world, in every order: both are exact unlearning, so whatever lies
between them is noise, and a rule that calls one of them a failure is wrong. A threshold is the larger of its default
and the largest |end| of the intervals seen here. The bound of `ineffective` on people all of whose facts must go stays
as the paper has it; the drop of general knowledge between two trainings is no damage and sets none: its spread is
printed.

Over worlds the mean decides, and limits are tighter: `over_worlds` states, of each fact and of both kinds of people,
the smallest limit that a second Retrained passes in nine contests of ten, if worlds spread as they do here.

Each world is a run, `OUT/SEED`, as `scripts/try_method.py` takes them. What is there is kept. Writes
`gold_standard.json` into the folder.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import special

from salmubench.core import provenance, writing
from salmubench.dataset.layout import open_dataset
from salmubench.encode.encode import encode
from salmubench.metrics import descriptions, required_texts, score
from salmubench.pretrain.launch import pretrain
from salmubench.scoring.metric import Group, Metric, Role, label, main_part, part_of
from salmubench.scoring.record import Normalised, RunRecord, against
from salmubench.scoring.record_files import read_record
from salmubench.scoring.references import RETRAINED
from salmubench.scoring.roles import first as first_with
from salmubench.workflow import recipe as recipes
from salmubench.workflow.pipeline import run

FACTS: tuple[Role, ...] = ("fact", "fact_paraphrase", "fact_other", "fact_nameless")
DEFAULTS: dict[str, float] = {"ineffective_association": 0.01, **dict.fromkeys(FACTS, 0.05)}
"""Thresholds where the intervals allow them."""
DEVELOPMENT = range(1000, 1010)
"""Seeds of worlds that no result is reported on."""
GROUPS: tuple[Group, ...] = ("identity", "association")
"""People all of whose facts must go, and people some of whose facts must go."""
FEWEST = 8
"""Worlds below which no limit over worlds follows."""
CONTEST, PASSES, DRAWS = 10, 0.9, 10_000
"""Worlds of a contest, how often the exact answer must pass it, and contests that are simulated."""


def main() -> None:
    """Train, judge, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--worlds", default="1000,1001", help="seeds, comma-separated")
    parser.add_argument("--seeds", type=int, default=3, help="Retrained in each world")
    parser.add_argument("--recipe", default="mini")
    parser.add_argument("--methods", default="finetuning,cliperase", help="comma-separated; each world has them, too")
    parser.add_argument("--precision", default="auto", help="auto, fp32 or bf16")
    parser.add_argument("--workers", type=int, help="how many steps of a world at once; as many as pay by default")
    arguments = parser.parse_args()
    worlds = [int(seed) for seed in arguments.worlds.split(",")]
    strange = [seed for seed in worlds if seed not in DEVELOPMENT]
    if strange:
        parser.error(f"Expected development worlds, {DEVELOPMENT[0]} to {DEVELOPMENT[-1]}, got {strange[0]}.")
    judged = [row for seed in worlds for row in judge_world(arguments, seed)]
    content = summary(judged, arguments, worlds)
    writing.write_json(arguments.out / "gold_standard.json", content)
    print(json.dumps({name: content[name] for name in ("thresholds", "ends", "general_knowledge")}, indent=1))


def judge_world(arguments: argparse.Namespace, seed: int) -> list[dict[str, Any]]:
    """Every ordered pair of Retrained of one world: the first as the model, the second as the reference."""
    recipe, out = recipes.load(arguments.recipe).recipe, arguments.out / str(seed)
    run(
        recipe=arguments.recipe, out=out, seed=seed, methods=arguments.methods.split(","), untuned=True,
        attacks=["none"], precision=arguments.precision, workers=arguments.workers,
    )  # fmt: skip
    dataset = open_dataset(out / "dataset")
    folders = {0: out / "embeddings" / RETRAINED}
    for number in range(1, arguments.seeds):
        name = f"{RETRAINED}-{number + 1}"
        pretrain(
            recipe.pretrain, dataset=dataset.folder, kind=RETRAINED, out=out / "checkpoints" / name, seed=seed + number,
            precision=arguments.precision,
        )  # fmt: skip
        folders[number] = encode(
            model=out / "checkpoints" / name, dataset=dataset, out=out / "embeddings" / name,
            texts=required_texts(dataset, recipe.score), config=recipe.encode, precision=arguments.precision,
        )  # fmt: skip
    known = {kind: out / "embeddings" / kind for kind in ("clean", "compromised")}
    rows = []
    for first, second in itertools.permutations(folders, 2):
        record = read_record(
            score(
                embeddings=folders[first], **known, retrained=folders[second],
                out=out / "gold_standard" / f"retrained-{first}-by-{second}.json", config=recipe.score,
            )
        )  # fmt: skip
        rows.append({"world": seed, "fingerprint": dataset.fingerprint, "model": first, "reference": second,
                     **numbers(record)})  # fmt: skip
    return rows


def numbers(record: RunRecord) -> dict[str, Any]:
    """What the thresholds rest on, by name, and the verdict."""
    metrics = descriptions()

    def one(role: Role) -> Metric:
        return next(metric for metric in metrics.values() if metric.role == role)

    leakage, drop = one("leakage"), one("drop")
    association = part_of(main_part(leakage.items), "association")
    views: dict[str, tuple[str, Normalised | None]] = {
        "ineffective_association": (
            label(leakage.name, association), against(record.scores[leakage.name][association], RETRAINED)
        ),
        "drop": (drop.name, record.scores[drop.name]["value"].normalised),
    }  # fmt: skip
    for role in FACTS:
        if (held := first_with(record, role)) is not None:
            views[role] = (label(held.metric, held.part), held.score.normalised)
    return {
        "views": {
            name: {"number": number, "value": view and view.value, "ci95": view and view.ci95}
            for name, (number, view) in views.items()
        },
        "groups": {
            label(held.metric, part): record.scores[held.metric][part].normalised.value
            for role in FACTS
            if (held := first_with(record, role)) is not None
            for part in (held.part, *(part_of(held.part, group) for group in GROUPS))
            if part in record.scores[held.metric]
        },
        "kept": {
            label(name, part): score.normalised.value
            for name, parts in record.scores.items()
            for part, score in parts.items()
            if metrics[name].view == "kept" and score.normalised.value is not None
        },
        "verdict": writing.plain(record.verdict),
    }


def learnt(world: Path) -> dict[str, dict[str, float | None]]:
    """What Compromised and Retrained of a world know of each fact view, all people and both kinds."""
    known = {kind: read_record(world / "records" / f"{kind}.json") for kind in ("compromised", RETRAINED)}
    return {
        label(held.metric, part): {kind: record.scores[held.metric][part].value for kind, record in known.items()}
        for role in FACTS
        if (held := first_with(known[RETRAINED], role)) is not None
        for part in (held.part, *(part_of(held.part, group) for group in GROUPS))
    }


def summary(judged: list[dict[str, Any]], arguments: argparse.Namespace, worlds: list[int]) -> dict[str, Any]:
    """The thresholds, with all that they follow from."""
    ends = {
        name: max(abs(end) for row in judged for end in row["views"][name]["ci95"] or (0.0,))
        for name in DEFAULTS if name in judged[0]["views"]
    }  # fmt: skip
    drops = [row["views"]["drop"]["value"] for row in judged if row["views"]["drop"]["value"] is not None]
    return {
        "what": "noise between exact answers: Retrained judged against Retrained of another pretraining seed",
        "recipe": arguments.recipe,
        "worlds": worlds,
        "seeds": arguments.seeds,
        "defaults": DEFAULTS,
        "ends": ends,
        "thresholds": {name: max(DEFAULTS[name], end) for name, end in ends.items()},
        "over_worlds": over_worlds(judged),
        "learnt": {str(seed): learnt(arguments.out / str(seed)) for seed in worlds},
        "general_knowledge": {"drop_lowest": min(drops, default=None), "drop_highest": max(drops, default=None)},
        "judged": judged,
        "provenance": provenance.provenance(),
    }


def over_worlds(judged: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Number → mean and SD between worlds of the second Retrained against the first, and the limit that follows."""
    rows = [row for row in judged if (row["model"], row["reference"]) == (1, 0)]
    found = {}
    for name in rows[0]["groups"] if rows else ():
        values = [row["groups"].get(name) for row in rows]
        known = [value for value in values if value is not None]
        mean = float(np.mean(known)) if known else None
        sd = float(np.std(known, ddof=1)) if len(known) > 1 else None
        limit = None if mean is None or sd is None or len(known) < FEWEST else smallest_limit(mean, sd)
        found[name] = {"worlds": values, "mean": mean, "sd": sd, "limit": limit}
    return found


def smallest_limit(mean: float, sd: float) -> float:
    """The limit within which the 90 % interval of the mean over `CONTEST` worlds lies in `PASSES` of all contests."""
    drawn = np.random.default_rng(0).normal(mean, sd, (DRAWS, CONTEST))
    half = special.stdtrit(CONTEST - 1, 0.95) * drawn.std(axis=1, ddof=1) / np.sqrt(CONTEST)
    return float(np.quantile(np.abs(drawn.mean(axis=1)) + half, PASSES))


if __name__ == "__main__":
    main()
