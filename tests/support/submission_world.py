"""A small run whose records keep the whole protocol, for tests of submissions; made once, copied by each test."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from report_world import WORLDS, World, items, record
from salmubench.core import manifest, writing
from salmubench.dataset import layout
from salmubench.scoring.bootstrap import SEED
from salmubench.scoring.items import ITEM_SCHEMA, with_references
from salmubench.scoring.origin import Cost
from salmubench.scoring.record import Protocol, RunRecord
from salmubench.scoring.record_files import GALLERY_SCHEMA, gallery_sha256, read_record, write_record
from salmubench.scoring.views import rescore
from tiny import tiny_dataset

RESAMPLES = 100
_BATCH = 64
OTHER_BUDGETS = {
    "cliperase-1x": World(0.2, 0.35, 0.41, 0.39, 0.5525),
    "cliperase-2x": World(0.04, 0.15, 0.02, 0.0, 0.552),
}
"""The same method with less unlearning, for curves over the budget."""
_ALL = {**WORLDS, **OTHER_BUDGETS}


def gallery_of(dataset: layout.Dataset) -> pa.Table:
    """All rows of forget and of retain_disjoint: the dataset is small."""
    rows = [("forget", row.file_name, row.caption) for row in dataset.rows("forget")]
    rows += [
        ("retain_disjoint", row.file_name, row.caption) for row in dataset.rows("retain_synth") if row.identity is None
    ]
    return pa.table([list(column) for column in zip(*rows, strict=True)], schema=GALLERY_SCHEMA)


def ranks_within(table: pa.Table, most: int) -> pa.Table:
    """The invented ranks, brought into a gallery of this size."""
    where = np.array(table.column("metric").to_pylist()) == "RetFail"
    values = table.column("value").to_numpy().copy()
    values[where] = np.minimum(values[where], most)
    return table.set_column(ITEM_SCHEMA.get_field_index("value"), "value", pa.array(values))


def finish(
    name: str, table: pa.Table, dataset: layout.Dataset, gallery: pa.Table, references: dict[str, str]
) -> RunRecord:
    """The record that follows from the items, with everything a submission needs."""
    made = record(name, table, dataset)
    assert made.protocol is not None
    protocol: Protocol = dataclasses.replace(made.protocol, bootstraps=RESAMPLES, bootstrap_seed=SEED)
    forget = dataset.counts["forget"]
    pairs = round((made.model.budget or 0) * forget)
    steps = math.ceil(pairs / min(_BATCH, forget))
    if pairs:
        made = dataclasses.replace(made, model=dataclasses.replace(made.model, config=config_of(_BATCH)))
    made = dataclasses.replace(
        made,
        protocol=protocol,
        gallery_sha256=gallery_sha256(gallery),
        references=references,
        cost=Cost(steps, pairs, 12.5, 1_400_000_000, pictures=2 * pairs, captions=2 * pairs),
    )
    found = rescore(made, table)
    return dataclasses.replace(made, scores=found.scores, verdict=found.verdict)


def write_submittable_run(
    folder: Path, *, names: tuple[str, ...] = tuple(WORLDS), identities: int = 12, **judged: str
) -> Path:
    """A run folder with dataset and records.

    Args:
        folder: of the run.
        names: models.
        identities: of the dataset; attacks need 16.
        **judged: references that are judged, e.g. `retrained`: the model whose items each has.
    """
    tiny_dataset(folder / "dataset", identities=identities, pictures=8, size=48)
    dataset = layout.Dataset(folder / "dataset")
    gallery = gallery_of(dataset)
    most = gallery.num_rows + 1
    own = {kind: ranks_within(items(_ALL[kind], dataset), most) for kind in ("clean", "compromised")}
    judged = {kind: like for kind, like in judged.items() if like}
    own |= {kind: ranks_within(items(_ALL[like], dataset), most) for kind, like in judged.items()}
    hashes = {kind: manifest.sha256_json(kind) for kind in own}
    for kind, like in judged.items():
        table = with_references(own[kind], own)
        made = finish(like, table, dataset, gallery, hashes)
        about = dataclasses.replace(made.model, name=kind, kind=kind, sha256=hashes[kind], method=None, budget=None)
        made = dataclasses.replace(made, model=about)
        made = dataclasses.replace(made, verdict=rescore(made, table).verdict)
        write_record(folder / "records" / f"{kind}.json", made, items=table, gallery=gallery)
    for name in dict.fromkeys(("clean", "compromised", *names)):
        table = own.get(name)
        if table is None:
            table = with_references(ranks_within(items(_ALL[name], dataset), most), own)
        made = finish(name, table, dataset, gallery, hashes)
        write_record(folder / "records" / f"{name}.json", made, items=table, gallery=gallery)
    return folder


def made_with(code: Path, run: Path, model: str) -> Path:
    """A run that says by which file one of its models was made."""
    path = run / "records" / f"{model}.json"
    made = read_record(path)
    edit_json(path, lambda data: data["model"].update(method_sha256=manifest.sha256_file(code)))
    content = manifest.Manifest(
        "unlearn", inputs={"method_sha256": manifest.sha256_file(code)}, outputs={"sha256": made.model.sha256}
    )
    writing.write_json(run / "checkpoints" / model / "manifest.json", content)
    return run


def config_of(batch: int) -> dict[str, Any]:
    """What a record states of a loss without retain pairs, in batches of so many."""
    return {"method": {}, "engine": {"batch_size": batch, "retain_batch_size": 0, "accumulation": 1}}


def of_schema_1(folder: Path) -> None:
    """The same submission as a package of schema 1 packed it, with verdicts of its own rules."""

    def older(data: dict[str, object]) -> None:
        data["schema_version"] = 1
        verdict = data["verdict"]
        assert isinstance(verdict, dict)
        for name in ("hollow", "ineffective_paper", "ignored"):
            del verdict[name]
        protocol = data["protocol"]
        assert isinstance(protocol, dict)
        for name in ("ineffective_association", "fact", "fact_paraphrase", "fact_other", "fact_nameless"):
            del protocol["thresholds"][name]

    for name in ("record.json", "clean.json", "compromised.json"):
        edit_json(folder / name, older)
    mend(folder)


def older(record: Path) -> None:
    """A record that is too old to state its benchmark version and whose code made its model."""

    def change(data: Any) -> None:
        del data["benchmark_version"], data["model"]["method_sha256"]

    edit_json(record, change)


# --- cheating: each mends the hashes of submission.json afterwards ------------------------------------------------


def mend(folder: Path) -> None:
    """Write the hashes of the files as they are now: what a cheat does, too."""
    path = folder / "submission.json"
    info = json.loads(path.read_text())
    info["files"] = {
        item.name: manifest.sha256_file(item) for item in sorted(folder.iterdir()) if item.name != "submission.json"
    }
    path.write_text(json.dumps(info))


def edit_json(path: Path, change: Callable[[Any], None]) -> None:
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def edit_items(path: Path, metric: str, change: Callable[[np.ndarray], np.ndarray], *, column: str = "value") -> None:
    """Change the values of one metric's items."""
    table = pq.read_table(path)
    where = np.array(table.column("metric").to_pylist()) == metric
    values = table.column(column).to_numpy(zero_copy_only=False).astype(float).copy()
    values[where] = change(values[where])
    pq.write_table(table.set_column(table.column_names.index(column), column, pa.array(values)), path)


def rescored(folder: Path, role: str = "record") -> None:
    """Compute a record's scores from its (changed) items and mend all hashes: the best a cheat can do."""
    from salmubench.scoring.record_files import read_items

    path = folder / f"{role}.json"
    made = read_record(path)
    found = rescore(made, read_items(path))
    writing.write_json(path, dataclasses.replace(made, scores=found.scores, verdict=found.verdict))
    mend(folder)
