"""A run folder made up for tests of the report: tiny dataset, invented scores that show every failure mode."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fake_embeddings import FakeRow, FakeWorld, Vectors, vectors, write_embeddings
from salmubench.core import manifest, writing
from salmubench.core.errors import MethodError
from salmubench.dataset import layout
from salmubench.leaderboard.method_code import built_in_sha256
from salmubench.metrics import descriptions
from salmubench.scoring.items import item_table, join, with_references
from salmubench.scoring.metric import Items, Metric
from salmubench.scoring.record import (
    BENCHMARK_VERSION,
    SCHEMA_VERSION,
    Cost,
    Dataset,
    Encoding,
    MetricInfo,
    Model,
    Protocol,
    Provenance,
    RunRecord,
)  # fmt: skip
from salmubench.scoring.record_files import GALLERY_SCHEMA, write_failed, write_record
from salmubench.scoring.verdict import THRESHOLDS, judge
from salmubench.scoring.views import Missing, score_items
from tiny import tiny_dataset


@dataclass(frozen=True)
class World:
    """What one invented model scores: MRR, similarity to forget, of other people, of the same people, GenKnow."""

    mrr: float
    forget: float
    inter: float
    intra: float
    knowledge: float


METRICS: dict[str, Metric] = descriptions()
"""Descriptions of the package's own metrics, in the order of the records."""
OTHERS = 20
"""Values beside its own among which a fact is ranked."""
WORLDS = {
    "clean": World(0.002, -0.12, -0.10, -0.11, 0.545),
    "compromised": World(0.764, 0.68, 0.67, 0.66, 0.552),
    "finetuning-5x": World(0.612, 0.61, 0.63, 0.62, 0.556),
    "generic_captions-5x": World(0.402, 0.55, 0.62, 0.60, 0.549),
    "shuffled_captions-5x": World(0.021, 0.31, 0.33, 0.32, 0.446),
    "direct_similarity_minimisation-5x": World(0.0006, -0.97, -0.93, -0.94, 0.301),
    "negative_gradient-5x": World(0.0031, -0.55, -0.42, -0.47, 0.508),
    "descent_to_delete-5x": World(0.71, 0.66, 0.65, 0.64, 0.5475),
    "vlunlearn-5x": World(0.055, 0.2, 0.32, 0.29, 0.551),
    "cliperase-5x": World(0.004, 0.02, -0.19, -0.21, 0.553),
    "delete-5x": World(0.0045, 0.01, -0.2, -0.22, 0.5525),
    "my_method-5x": World(0.0035, -0.1, 0.655, 0.64, 0.551),
}


def items(world: World, dataset: layout.Dataset, *, without: tuple[str, ...] = ()) -> pa.Table:
    """Scored items of an invented model over the pairs of a tiny dataset.

    Args:
        world: what it scores.
        dataset: the pairs.
        without: metrics that have no items.
    """
    rng = np.random.default_rng(5)
    forget, joint = dataset.rows("forget"), [row for row in dataset.rows("retain_synth") if row.identity is not None]
    loose = [row for row in dataset.rows("retain_synth") if row.identity is None]
    pictures = dataset.rows("general_knowledge") * 40

    def around(mean: float, count: int) -> np.ndarray:
        return np.clip(rng.normal(mean, 0.1 * (1.05 - abs(mean)), count), -1, 1)

    def share(mean: float, count: int) -> np.ndarray:
        return rng.permutation((np.arange(count) < round(mean * count)).astype(float))

    def ranks(mrr: float, count: int) -> np.ndarray:
        first = mrr > 0.02
        rare = np.round(np.exp(rng.normal(np.log(1 / mrr), 0.2, count))) if not first else np.full(count, 700.0)
        return np.where(share(mrr, count) == 1, 1.0, rare) if first else rare.clip(2, 2001)

    def fact_ranks(share_first: float, count: int) -> np.ndarray:
        return np.where(share(min(max(share_first, 0.1), 0.9), count) == 1, 1.0, rng.integers(2, OTHERS + 2, count))

    rest = {
        "forget": forget,
        "holdout_identity": dataset.rows("holdout_identity"),
        "holdout_association": dataset.rows("holdout_association"),
    }
    known, held = 0.52 + 0.1 * world.inter, len(rest["holdout_association"])
    values = {
        "RetFail": ("forget", forget, ranks(world.mrr, len(forget))),
        "AssocStr": ("forget", forget, around(world.forget, len(forget))),
        "ACS": ("forget", forget[:40], share(0.6 + 0.3 * world.forget, 40)),
        "IdZSC": ("forget", forget[:40], share(max(0.1 + 0.5 * world.forget, 0), 40)),
        "CoreAssoc": ("forget", forget, around(0.9 * world.forget, len(forget))),
        "RetFailPara": ("forget", forget, 1 / ranks(world.mrr * 0.4, len(forget))),
        "GenKnow": ("general_knowledge", pictures, share(world.knowledge, len(pictures))),
        "InterIdSim": (
            "holdout_identity",
            rest["holdout_identity"],
            around(world.inter, len(rest["holdout_identity"])),
        ),
        "IntraIdSim": (
            "holdout_association",
            rest["holdout_association"],
            around(world.intra, len(rest["holdout_association"])),
        ),
        "FactRet": ("forget", forget, fact_ranks(world.mrr, len(forget))),
        "FactRetPara": ("forget", forget, fact_ranks(world.mrr * 0.4, len(forget))),
        "FactHold": (
            np.array(["holdout_identity"] * len(rest["holdout_identity"]) + ["holdout_association"] * held, object),
            rest["holdout_identity"] + rest["holdout_association"],
            fact_ranks(0.5 + 0.4 * world.intra, len(rest["holdout_identity"]) + held),
        ),
        "VisIdInt": ("retain_synth", joint, around(known, len(joint))),
        "FragSim": ("retain_synth", loose[:9], around(known - 0.3, 9)),
        "FactRetOther": ("forget", forget, 1 / fact_ranks(world.mrr, len(forget))),
        "FactRetNameless": ("forget", forget, 1 / fact_ranks(world.mrr, len(forget))),
        "PersonRet": ("forget", forget, fact_ranks(world.mrr, len(forget))),
        "PersonHold": (
            "holdout_identity",
            rest["holdout_identity"],
            fact_ranks(0.5, len(rest["holdout_identity"])),
        ),
    }
    of_both = values["FactHold"][:2]
    values["FactHoldOther"] = (*of_both, 1 / fact_ranks(0.5 + 0.4 * world.intra, len(of_both[1])))
    tables = []
    for name, metric in METRICS.items():
        if name in without:
            continue
        split, rows, scored = values[name]
        columns = [
            np.array([getattr(row, key) for row in rows], dtype=object) for key in ("file_name", "caption", "identity")
        ]
        others = np.full(len(rows), OTHERS, np.int32) if metric.items in ("fact_rank", "fact_mean") else None
        own = Items(split, *columns, scored, others)
        tables.append(item_table(metric, of_unseen(own) if metric.items == "fact_mean" else own))
    return join(tables)


def of_unseen(mrr: Items) -> Items:
    """Means over two unseen portraits of each item's person, from their MRR (n,); strangers give a fifth."""
    control, n = np.full(len(mrr), 0.2), len(mrr)
    parts = {
        "known_unseen": mrr.value - control,
        "mrr_unseen": mrr.value,
        "r1_unseen": (mrr.value == 1).astype(float),
        "percentile_unseen": mrr.value,
        "mrr_unseen_stranger": control,
    }
    assert mrr.others is not None
    columns = (mrr.splits, mrr.file_name, mrr.caption, mrr.identity)
    return Items(
        *(np.tile(column, 5) for column in columns),
        np.concatenate(list(parts.values())),
        np.tile(mrr.others, 5),
        part=np.repeat(np.array(list(parts), object), n),
        pictures=np.full(5 * n, 2, np.int32),
    )


def record(name: str, table: pa.Table, dataset: layout.Dataset, *, without: tuple[str, ...] = ()) -> RunRecord:
    """A record computed from items, as `score` would.

    Args:
        name: of the model.
        table: its items, with reference values for a method.
        dataset: the dataset.
        without: metrics that have no items, and say so.
    """
    reference = name in ("clean", "compromised")
    method, _, budget = name.rpartition("-")
    found = METRICS
    reasons = {key: Missing(f"no {key.lower()} pairs in the dataset") for key in without}
    scores = score_items(table, metrics=found, missing=reasons, bootstraps=100)
    described = {key: MetricInfo.of(item) for key, item in found.items()}
    return RunRecord(
        schema_version=SCHEMA_VERSION,
        status="complete",
        error=None,
        model=Model(
            name=name,
            sha256=manifest.sha256_json(name),
            kind=name if reference else None,
            method=None if reference else method,
            config_given=None if reference else {"lr": 1e-4},
            config={},
            budget=None if reference else float(budget.removesuffix("x")),
            method_sha256=None if reference else min(built_in_sha256(method), default=None),
        ),
        dataset=Dataset("dataset", dataset.fingerprint, dict(dataset.counts)),
        encoding=Encoding("fp32", "cpu", {}, {}),
        gallery_sha256=None,
        fragile_set=None,
        scores=scores,
        verdict=judge(scores, found),
        protocol=Protocol(100, 0, 0.95, "a photo of {name}", THRESHOLDS, described),
        cost=Cost(75, 4800, 12.3 + len(name), 1_400_000_000),
        references={},
        inputs={},
        notes=(),
        provenance=Provenance(
            version="0.1.0",
            commit="0123abc",
            dirty=False,
            python="3.11.9",
            packages={"torch": "2.14.1", "open_clip_torch": "3.3.0"},
            hardware={"cpu": "A processor", "cores": 2, "memory": 2**34, "instructions": ["avx2"]},
            started="2026-08-22T10:00:00+00:00",
            seconds=3.2,
        ),
        benchmark_version=BENCHMARK_VERSION,
    )


def curves(name: str) -> pa.Table:
    """Logged values of an invented training."""
    steps = 600 if name in ("clean", "compromised") else 75
    rng = np.random.default_rng([len(name), 9])
    at = np.arange(steps)
    logged = {"loss": 5.5 * np.exp(-at / steps * 3) + 0.4 + rng.normal(0, 0.08, steps), "lr": np.full(steps, 1e-4)}
    if name not in ("clean", "compromised"):
        made = WORLDS[name]
        logged["probe_forget_similarity"] = made.forget + (0.68 - made.forget) * np.exp(-at / steps * 5)
        logged["probe_retain_similarity"] = made.inter + (0.67 - made.inter) * np.exp(-at / steps * 4)
        logged["forget_term"] = 1.2 * np.exp(-at / steps * 4) + rng.normal(0, 0.02, steps)
        logged["retain_term"] = 0.5 * np.exp(-at / steps * 2) + rng.normal(0, 0.02, steps)
    columns: dict[str, list[Any]] = {"step": [], "pairs": [], "name": [], "value": []}
    for key, values in logged.items():
        columns["step"] += at.tolist()
        columns["pairs"] += ((at + 1) * 64).tolist()
        columns["name"] += [key] * steps
        columns["value"] += values.tolist()
    return pa.table(columns)


def write_run(folder: Path, *, identities: int = 12, size: int = 48, broken: str | None = "loss is not finite") -> Path:
    """Write a whole run folder; with `broken`, one method has failed with that message."""
    tiny_dataset(folder / "dataset", identities=identities, pictures=8, size=size)
    dataset = layout.Dataset(folder / "dataset")
    gallery = GALLERY_SCHEMA.empty_table()
    references = {kind: items(WORLDS[kind], dataset) for kind in ("clean", "compromised")}
    for name, world in WORLDS.items():
        table = references.get(name)
        if table is None:
            table = with_references(items(world, dataset), references)
        write_record(folder / "records" / f"{name}.json", record(name, table, dataset), items=table, gallery=gallery)
        (folder / "checkpoints" / name).mkdir(parents=True)
        pq.write_table(curves(name), folder / "checkpoints" / name / "curves.parquet")
    models = list(WORLDS)
    if broken is not None:
        models.append("salun-5x")
        path = folder / "records" / "salun-5x.json"
        write_failed(path, model="salun-5x", error=MethodError("salun", 12, broken), dataset=dataset, budget=5.0)
    stages = [
        {"name": "dataset", "seconds": 96.4, "peak_memory": 1_200_000_000, "skipped": False},
        {"name": "pretrain clean", "seconds": 101.2, "peak_memory": 1_900_000_000, "skipped": False},
        {"name": "pretrain compromised", "seconds": 118.0, "peak_memory": 1_900_000_000, "skipped": False},
    ]
    info = {"schema_version": 1, "status": "running", "recipe": "mini", "seed": 0, "stages": stages, "models": models}
    writing.write_json(folder / "run.json", info)
    return folder


STRENGTHS = {"clean": 0.0, "compromised": 6.0, "finetuning-5x": 5.0, "cliperase-5x": 0.0}
"""Model whose embeddings are written → how much its captions lean to their pictures."""


def embedded_world(folder: Path) -> FakeWorld:
    """The rows of a run's dataset, as embeddings know them."""
    dataset = layout.Dataset(folder / "dataset")
    splits = ("forget", "retain_synth", "holdout_identity", "holdout_association")
    return FakeWorld(
        tuple(
            FakeRow(split, row.file_name, row.caption, row.identity, row.name, row.field, row.value, row.paraphrase)
            for split in splits
            for row in dataset.rows(split)
        ),
        classes=(),
        templates=(),
    )


def write_run_embeddings(
    folder: Path, name: str, world: FakeWorld, made: Vectors, fingerprint: str | None = None
) -> Path:
    """Write embeddings that a record of the run could have been scored from."""

    def change(outputs: dict[str, Any]) -> None:
        outputs["model"]["sha256"] = manifest.sha256_json(name)

    fingerprint = fingerprint or layout.Dataset(folder / "dataset").fingerprint
    return write_embeddings(folder / "embeddings" / name, world, made, fingerprint=fingerprint, change=change)


def embed(folder: Path) -> Path:
    """Add embeddings of some models to a run."""
    world = embedded_world(folder)
    for name, strength in STRENGTHS.items():
        write_run_embeddings(folder, name, world, vectors(world, seed=3, strength=strength))
    return folder
