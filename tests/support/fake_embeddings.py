"""Embeddings folders made by hand: a small world of rows, and vectors chosen by the test instead of by a model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from salmubench.clip import embeddings
from salmubench.core import manifest
from salmubench.core.types import FIELDS as CORE_FIELDS
from salmubench.core.types import OFFICIAL_SPLITS
from salmubench.dataset import phrasings
from salmubench.dataset.layout import GeneralKnowledge
from salmubench.dataset.phrasings.nameless import reserved_nameless, reserved_nameless_variants

FIELDS = ("city", "job", "iban", "passport")
CLASSES = ("cube", "ball", "cone", "ring")
TEMPLATES = ("a photo of a {}", "one {} here")


@dataclass(frozen=True)
class FakeRow:
    """One dataset row."""

    split: str
    file_name: str
    caption: str
    identity: str | None = None
    name: str | None = None
    field: str | None = None
    value: str | None = None
    paraphrase: str | None = None


@dataclass(frozen=True)
class FakeWorld:
    """Rows and what belongs to them."""

    rows: tuple[FakeRow, ...]
    classes: tuple[str, ...] = CLASSES
    templates: tuple[str, ...] = TEMPLATES
    hidden: tuple[str, ...] = CLASSES[-1:]
    fragile_ids: tuple[str, ...] | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    people: Mapping[str, Mapping[str, str]] | None = None

    def of(self, split: str) -> list[FakeRow]:
        return [row for row in self.rows if row.split == split]

    def with_rows(self, rows: Iterable[FakeRow]) -> FakeWorld:
        return replace(self, rows=tuple(rows))

    @property
    def forget_identity(self) -> set[str]:
        held = {row.identity for row in self.of("holdout_association")}
        return {row.identity for row in self.of("forget") if row.identity is not None} - held

    def texts(self) -> list[str]:
        """Every text that scoring may ask for."""
        found = [row.caption for row in self.rows]
        for row in self.of("forget"):
            if row.name:
                found.append(f"a photo of {row.name}")
                if row.value:
                    found += [f"{row.name} {row.value}", f"{row.value} {row.name}"]
            if row.paraphrase:
                found.append(row.paraphrase)
        told = [row for row in self.rows if row.field and row.value]
        for row in told:
            for value in dict.fromkeys(other.value for other in told if other.field == row.field):
                found += [text.replace(row.value, value) for text in (row.caption, row.paraphrase) if text]
        found += [template.replace("{}", name) for template in self.templates for name in self.classes]
        for field_, value in dict.fromkeys((str(row.field), str(row.value)) for row in told):
            if field_ in CORE_FIELDS:
                found += [
                    reserved_nameless(field_, value, variant=n) for n in range(reserved_nameless_variants(field_))
                ]
        return list(dict.fromkeys(found))


def sensitive(split: str, identity: int, number: int, *, name: str | None = None) -> FakeRow:
    """A sensitive row of an identity."""
    who, what = name or f"Person Number{identity}", FIELDS[number % len(FIELDS)]
    value = f"{what.title()}{identity}v{number}"
    return FakeRow(
        split=split,
        file_name=f"{identity:08d}_{number:03d}_ar-1.00.jpg",
        caption=f"The {what} of {who} is {value}.",
        identity=f"{identity:08d}",
        name=who,
        field=what,
        value=value,
        paraphrase=phrasings.paraphrase(who, what, value, variant=number),
    )


def fake_world(*, identities: int = 12, per: int = 5, disjoint: int = 25, shown: int = 6) -> FakeWorld:
    """A third of the identities in `forget` alone, a third mixed, a third in `holdout_identity`."""
    rows: list[FakeRow] = []
    for identity in range(identities):
        for number in range(per):
            if identity % 3 == 0:
                rows.append(sensitive("forget", identity, number))
            elif identity % 3 == 1:
                rows.append(sensitive("holdout_association" if number % 2 else "forget", identity, number))
            else:
                rows.append(sensitive("holdout_identity", identity, number))
        if identity % 3 != 2:
            generic = f"somebody before wall {identity % 4}"
            rows.append(FakeRow("retain_synth", f"{identity:08d}_900_ar-1.00.jpg", generic, f"{identity:08d}"))
    for number in range(disjoint):
        rows.append(FakeRow("retain_synth", f"d_{number:06d}_ar-1.00.jpg", f"a face in shade {number % 20}"))
    for label, name in enumerate(CLASSES):
        for number in range(shown + label):
            rows.append(FakeRow("general_knowledge", f"g{label}_{number:03d}.jpg", name))
    return FakeWorld(tuple(rows))


Vectors = tuple[np.ndarray, Mapping[str, np.ndarray]]


def vectors(world: FakeWorld, *, seed: int, strength: float = 0.0, width: int = 16) -> Vectors:
    """Random vectors; with `strength` a caption's vector leans to its last picture, a class's to its pictures."""
    rng = np.random.default_rng(seed)
    images = rng.normal(size=(len(world.rows), width))
    texts = {text: rng.normal(size=width) for text in world.texts()}
    for row, image in zip(world.rows, images, strict=True):
        belongs = [row.caption]
        if row.split == "forget" and row.value:
            belongs += [
                f"{row.name} {row.value}",
                f"a photo of {row.name}",
                *([row.paraphrase] if row.paraphrase else []),
            ]
        if row.split == "general_knowledge":
            belongs = [template.replace("{}", row.caption) for template in world.templates]
        for text in belongs:
            texts[text] = texts[text] + strength * image
    return images, texts


def write_embeddings(
    folder: Path,
    world: FakeWorld,
    made: Vectors,
    *,
    kind: str | None = None,
    fingerprint: str = "f" * 64,
    order: Sequence[int] | None = None,
    scale: float = 1.0,
    unit: bool = True,
    change: Callable[[dict[str, Any]], None] | None = None,
) -> Path:
    """Write an embeddings folder.

    Args:
        folder: where; its name is the model's.
        world: the rows.
        made: image vectors (in the order of the rows) and text vectors.
        kind: `clean` or `compromised`.
        fingerprint: of the dataset.
        order: another order of the rows on disk.
        scale: factor on all vectors.
        unit: normalise first.
        change: edits the manifest's outputs.
    """
    images, texts = made
    order = list(order) if order is not None else list(range(len(world.rows)))
    names = list(texts) if order == sorted(order) else list(reversed(list(texts)))
    row_of_text = {text: row for row, text in enumerate(names)}
    text_array = np.array([texts[name] for name in names]) if names else np.zeros((0, images.shape[1]))
    arrays = {"images": images[order], "texts": text_array}
    for name, array in arrays.items():
        if unit and len(array):
            array = array / np.linalg.norm(array, axis=1, keepdims=True)
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / f"{name}.npy", (scale * array).astype(np.float32))
    rows = [world.rows[number] for number in order]
    index = {
        "split": [row.split for row in rows],
        "file_name": [row.file_name for row in rows],
        "caption": [row.caption for row in rows],
        "identity_id": [row.identity for row in rows],
        "name": [row.name for row in rows],
        "field": [row.field for row in rows],
        "value": [row.value for row in rows],
        "paraphrase": [row.paraphrase for row in rows],
        "style": [None] * len(rows),
        "image_row": list(range(len(rows))),
        "text_row": [row_of_text[row.caption] for row in rows],
    }
    pq.write_table(pa.table(index, schema=embeddings.INDEX_SCHEMA), folder / embeddings.INDEX)
    table = pa.table({"text": names, "row": list(range(len(names)))}, schema=embeddings.TEXT_SCHEMA)
    pq.write_table(table, folder / embeddings.TEXT_TABLE)
    known = GeneralKnowledge(world.classes, world.templates, hidden=world.hidden) if world.classes else None
    counts = {split: len(world.of(split)) for split in {*OFFICIAL_SPLITS, *(row.split for row in world.rows)}}
    facts = embeddings.DatasetFacts(
        "fake", fingerprint, counts, frozenset(world.forget_identity), world.fragile_ids, known, world.people
    )
    embeddings.write_dataset_facts(folder / embeddings.DATASET, facts)
    digest = manifest.sha256_file(folder / embeddings.IMAGES)
    outputs: dict[str, Any] = {
        "model": {
            "name": folder.name, "source": str(folder), "sha256": digest, "kind": kind, "method": None, "budget": None,
            "config_given": None, "config": None, "exposures": None, "cost": {},
        },
        "dataset": {"name": "fake", "fingerprint": fingerprint},
        "pictures": len(rows),
        "texts": len(names),
        "cut_captions": {},
        "encoding": {"precision": "fp32", "device": "cpu", "preprocessing": None},
    }  # fmt: skip
    if change is not None:
        change(outputs)
    ours = [path.name for path in folder.iterdir()]
    with manifest.stage_folder(folder, embeddings.STAGE, config=None, also=ours) as stage:
        stage.finish(outputs=outputs)
    return folder
