"""Contests small enough for tests: worlds whose datasets and references are there, so that only methods have to run."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from report_world import WORLDS, items, record
from salmubench.contest.plan import load
from salmubench.contest.room import Room
from salmubench.contest.table import Members, ReadWorld, summary, terms_of
from salmubench.core import writing
from salmubench.dataset import layout
from salmubench.dataset.layout import open_dataset
from salmubench.scoring.contest_record import ContestRecord
from salmubench.scoring.items import with_references
from salmubench.scoring.record import RunRecord, Verdict
from taught import teach
from tiny import tiny_dataset
from tiny_model import tiny_model

RECIPE: dict[str, Any] = {
    "dataset": {"identities": 8, "size": 32},
    "pretrain": {"model": "salmu-tiny", "epochs": 1, "warmup": 0, "threads": 1},
    "unlearn": {"batch_size": 8, "lr": 1e-3, "probe_every": 0, "checkpoint_every": 0, "threads": 1},
    "tune": {"spared": 0.3, "budget": 1},
    "encode": {"batch_size": 64},
    "score": {"bootstraps": 100},
}
SEEDS = (101, 102, 103)
METHOD = '''"""Pushes pairs apart."""

from dataclasses import dataclass

NEEDS = ("forget",)


@dataclass(frozen=True)
class Config:
    """Options."""

    weight: float = 1.0
    """Weight."""


def loss(batch, model, reference, config):
    similarity = (model.encode_image(batch.forget.images) * model.encode_text(batch.forget.texts)).sum(-1)
    return config.weight * similarity.mean(), {}
'''
LEARNT = {"clean": (), "compromised": ("forget", "holdout_identity", "holdout_association"),
          "retrained": ("holdout_identity", "holdout_association")}  # fmt: skip
"""Reference → splits that it has learnt."""


def write_plan(folder: Path, **changes: Any) -> Path:
    """A plan with its recipe and a method of its own beside it; `None` takes a key away.

    Args:
        folder: where to.
        changes: keys of the plan.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "small.yaml").write_text(yaml.safe_dump(RECIPE))
    if not (folder / "apart.py").is_file():
        (folder / "apart.py").write_text(METHOD)
    plan = {
        "recipe": "small.yaml",
        "evaluation": list(SEEDS),
        "methods": [{"method": "delete"}, {"method": "apart.py"}],
        "leagues": {"pairs": [1]},
        "workers": 1,
        "keep": "all",
        **changes,
    }
    path = folder / "plan.yaml"
    path.write_text(yaml.safe_dump({key: value for key, value in plan.items() if value is not None}))
    return path


def write_references(run: Path, seed: int) -> Path:
    """A run folder in which building and pretraining are done: a hand-made dataset, models that learnt parts of it."""
    tiny_dataset(run / "dataset", seed=seed)
    dataset = open_dataset(run / "dataset")
    writing.write_json(run / "dataset" / "manifest.json", {"stage": "dataset"})
    for kind, splits in LEARNT.items():
        folder = tiny_model(run / "checkpoints" / kind, seed=seed)
        if splits:
            teach(folder, dataset, splits, folder, steps=40)
        writing.write_json(folder / "manifest.json", {"stage": "pretrain", "outputs": {"kind": kind}})
    return run


def begin(references: Path, out: Path, seeds: tuple[int, ...] = SEEDS) -> Path:
    """A contest's folder in which building and pretraining are done."""
    for seed in seeds:
        shutil.copytree(references / str(seed), out / "worlds" / str(seed))
    return out


def without_time(content: dict[str, Any]) -> dict[str, Any]:
    """`contest.json` without what the clock says: processor seconds, hashes of records, when it was written."""
    rows = [*content["rows"], content["retrained"]]
    for row in rows:
        del row["numbers"]["processor_seconds"]
        for one in row["worlds"].values():
            del one["record"], one["numbers"]["processor_seconds"]
    kept = {"worlds": content["worlds"], "notes": content["notes"], "rows": rows}
    return {**kept, "differences": [item for item in content["differences"] if item["number"] != "processor_seconds"]}


# --- contests of invented records ---------------------------------------------------------------------------------

INVENTED = (201, 202, 203, 204, 205, 206)
FREE = Verdict("no", "no", "no", hollow="no", ineffective_paper="no")
OPEN = replace(FREE, hollow="undecided")
BAD = replace(FREE, over_generalised="yes")
LEAKAGE = {
    "delete-1x": [0.004, 0.011, -0.002, 0.009, 0.02, 0.006],
    "apart-1x": [0.3, 0.21, 0.34, 0.27, None, 0.31],
    "retrained": [0.05, 0.04, 0.06, 0.05, 0.05, 0.04],
}
VERDICTS = {
    "delete-1x": [FREE, FREE, OPEN, FREE, FREE, BAD],
    "apart-1x": [BAD] * 6,
    "retrained": [replace(FREE, catastrophic="undecided", ignored={"catastrophic": ("GenKnow",)})] * 6,
}
EVIL = '<script>window.hacked=1</script><img src=x onerror="window.hacked=1">'


def base_record(folder: Path) -> RunRecord:
    """A record of invented items."""
    dataset = layout.Dataset(tiny_dataset(folder / "dataset", identities=12, pictures=8))
    references = {kind: items(WORLDS[kind], dataset) for kind in ("clean", "compromised")}
    table = with_references(items(WORLDS["delete-5x"], dataset), references)
    return record("delete-5x", table, dataset)


def invented(base: RunRecord, name: str, leakage: float | None, verdict: Verdict) -> RunRecord:
    """A record with this L, D half of it and this verdict."""
    values: dict[str, float | None] = {"RetFail": leakage, "GenKnow": None if leakage is None else leakage / 2}
    scores: dict[str, Any] = dict(base.scores)
    for metric, value in values.items():
        scores[metric] = {
            part: replace(score, normalised=replace(score.normalised, value=value))
            for part, score in base.scores[metric].items()
        }
    kind = "retrained" if name == "retrained" else None
    cost = replace(base.cost, processor_seconds=20.0)
    return replace(
        base,
        model=replace(base.model, name=name, kind=kind, method_sha256=None),
        scores=scores,
        verdict=verdict,
        cost=cost,
    )


def worlds(base: RunRecord, verdicts: Mapping[str, Sequence[Verdict]] = VERDICTS) -> list[ReadWorld]:
    """Six worlds of two methods and Retrained."""
    found = []
    for place, seed in enumerate(INVENTED):
        records = {
            name: (invented(base, name, LEAKAGE[name][place], verdicts[name][place]), f"{name}{seed}")
            for name in LEAKAGE
        }
        found.append(ReadWorld(seed, None, f"{seed}" * 8, records))
    return found


def summed(
    folder: Path, found: Sequence[ReadWorld], identity: Mapping[str, str] | None = None, **changes: Any
) -> ContestRecord:
    """What follows from worlds, by a plan in the folder.

    Args:
        folder: where to.
        found: the worlds.
        identity: what else is fixed.
        changes: keys of the plan.
    """
    plan = write_plan(folder, evaluation=list(INVENTED), **changes)
    room = Room(load(plan), folder / "out", "joblib", None, "auto", "auto")
    room.write_files()
    members = [Members("pairs-1x", "Equal pairs", dict.fromkeys(room.methods, 1.0))]
    loaded = replace(room.loaded, identity={**room.loaded.identity, **(identity or {})})
    return summary(terms_of(loaded, room.methods), found, members)


def hostile(contest: ContestRecord) -> ContestRecord:
    """Markup in every free text."""
    rows = tuple(replace(row, title=EVIL + row.name) for row in contest.rows)
    leagues = tuple(replace(league, title=EVIL) for league in contest.leagues)
    lost = replace(contest.worlds[0], status="failed", fingerprint=EVIL, message=EVIL)
    plan = replace(contest.plan, file=EVIL, commit=EVIL, recipe=EVIL, identity={EVIL: "0", "the plan": "1"})
    return replace(
        contest, rows=rows, leagues=leagues, notes=(EVIL,), plan=plan, worlds=(lost, *contest.worlds[1:]),
        provenance=replace(contest.provenance, version=EVIL),
    )  # fmt: skip
