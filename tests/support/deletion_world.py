"""A model before and after a deletion, from hand-made embeddings: what it knows of the people is a number."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fake_embeddings import FakeWorld, Vectors, vectors, write_embeddings
from salmubench.core.types import SENSITIVE_SPLITS, Pair, Person, Split
from salmubench.deletion.before_after import compare_before_after
from salmubench.deletion.record import DeletionRecord, read_deletion
from salmubench.deletion.strangers import strangers, told_of
from salmubench.metrics import load_all
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.fact_ranks import Values

FEW = ScoreConfig(bootstraps=400)
PEOPLE = [
    Person(f"Stranger Nobody{number}", {"city": f"Town{number}", "job": f"trade{number}"}) for number in range(40)
]


def pairs_of(world: FakeWorld) -> dict[Split, list[Pair]]:
    return {
        split: [
            Pair(row.file_name, row.caption, row.identity, row.name, row.field, row.value, row.paraphrase)
            for row in world.of(split)
        ]
        for split in Split
    }


def stranger_texts(world: FakeWorld) -> list[str]:
    pairs = pairs_of(world)
    values = Values([pair for split in SENSITIVE_SPLITS for pair in pairs[split]], most=FEW.fact_values)
    return [text for pair in pairs[Split.FORGET] for text in told_of(pair, PEOPLE, values)]


def known(world: FakeWorld, *, seed: int, strength: float) -> Vectors:
    """Vectors of a model that knows the world so well; of strangers nothing."""
    images, texts = vectors(world, seed=seed, strength=strength)
    rng = np.random.default_rng(99)
    return images, {**texts, **{text: rng.normal(size=16) for text in stranger_texts(world)}}


def written(folder: Path, world: FakeWorld, **strengths: float) -> dict[str, Path]:
    """Models that differ in their texts alone; each has a hash of its own."""

    def named(name: str) -> Callable[[dict[str, Any]], None]:
        return lambda outputs: outputs["model"].update(sha256=hashlib.sha256(name.encode()).hexdigest())

    return {
        name: write_embeddings(folder / name, world, known(world, seed=1, strength=strength), change=named(name))
        for name, strength in strengths.items()
    }


def compared(folder: Path, world: FakeWorld, before: Path, after: Path, **more) -> DeletionRecord:
    path = compare_before_after(
        before=before, after=after, out=folder / "deletion.json", pairs=pairs_of(world), metrics=load_all(),
        strangers=strangers(PEOPLE), config=FEW, **more,
    )  # fmt: skip
    return read_deletion(path)
