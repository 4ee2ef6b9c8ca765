"""One model under all attacks: what a worker does. Each attack and seed is a file of rows, written when it is done."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from salmubench.attacks import AttackConfig, Loaded, Variant, load_all
from salmubench.core import interruption, manifest, plugins, provenance, writing
from salmubench.core.cost import EncodedCount, measure
from salmubench.core.errors import SalmubenchError
from salmubench.core.writing import check_room
from salmubench.dataset.layout import open_dataset
from salmubench.scoring.attacks.recovery import PEOPLE
from salmubench.scoring.attacks.table import SCHEMA
from salmubench.scoring.config import ScoreConfig

REASON = b"reason"
"""In a file's metadata: why the attack gave no rows."""
SPENT, STEPS, PICTURES, CAPTIONS, PEAK = b"seconds", b"steps", b"pictures", b"captions", b"peak_memory"
"""In a file's metadata: processor seconds, optimiser steps, pictures and captions encoded, and peak memory, bytes."""


log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AttackJob:
    """What the workers share, with device and precision as they take effect."""

    out: Path
    dataset: Path
    fingerprint: str
    attacks: tuple[str, ...]
    config: AttackConfig
    scoring: ScoreConfig
    seed: int
    device: str
    precision: str

    @property
    def seeds(self) -> tuple[int, ...]:
        """Of the repetitions."""
        return tuple(range(self.seed, self.seed + self.config.seeds))

    def key(self, item: Loaded) -> str:
        """Hash of all that decides about an attack's rows but the weights and the seed."""
        of_the_call = ("attacks", "budgets", "seeds", "overrides")
        config = {name: value for name, value in vars(self.config).items() if name not in of_the_call}
        facts = {name: getattr(self.scoring, name) for name in ("fact_values", "fact_rows")}
        about = [self.fingerprint, config, facts, self.precision, item.sha256, item.config, provenance.version()]
        return manifest.sha256_json(about)


def piece_path(job: AttackJob, item: Loaded, sha256: str, seed: int) -> Path:
    """Where the rows of one attack on one model with one seed are."""
    return job.out / "attacks" / sha256[:16] / f"{item.attack.name}-{job.key(item)[:16]}-s{seed}.parquet"


def attack_model(job: AttackJob, model: tuple[str, str]) -> None:
    """Do what is missing on one model, given by where it is and the hash of its weights."""
    from salmubench.unlearn.engine import threads

    with threads(job.config.threads if job.device == "cpu" else 0):
        _attack(job, *model)


def _attack(job: AttackJob, source: str, sha256: str) -> None:
    loaded = load_all(job.attacks, job.config.overrides)
    folder = job.out / "attacks" / sha256[:16]
    opened = Opened(job, source, scratch=folder)
    for seed in job.seeds:
        waiting = [item for item in loaded if not piece_path(job, item, sha256, seed).is_file()]
        if not waiting:
            continue
        with manifest.folder_lock(folder):
            reader = opened.reader(seed)
            for item in waiting:
                table, reason, metadata = _measured(item, opened, reader, seed)
                if reason is not None:
                    log.warning("%s, attack %s: %s", source, item.attack.name, reason)
                    metadata[REASON] = provenance.portable(reason).encode()
                with writing.atomic_path(piece_path(job, item, sha256, seed)) as temporary:
                    pq.write_table(table.replace_schema_metadata(metadata), temporary, compression="zstd")


def _measured(item: Loaded, opened: Opened, reader: Any, seed: int) -> tuple[pa.Table, str | None, dict[bytes, bytes]]:
    """An attack's rows, or why there are none, and what it took; encodings that several share count for the first."""
    from salmubench.attacks import optimiser_steps

    before = replace(opened.encoded)
    with measure() as cost, optimiser_steps() as steps:
        table, reason = _rows(item, opened.copy(), reader, seed)
    pictures, captions = (getattr(opened.encoded, name) - getattr(before, name) for name in ("pictures", "captions"))
    counts = {STEPS: steps.count, PICTURES: pictures, CAPTIONS: captions, PEAK: cost.peak_memory}
    metadata = {name: str(count).encode() for name, count in counts.items()}
    return table, reason, {SPENT: f"{cost.processor_seconds:.3f}".encode(), **metadata}


class Opened:
    """A model in memory, to be attacked and read.

    Args:
        scratch: folder for temporary files; made if missing.
    """

    def __init__(self, job: AttackJob, source: str, *, scratch: Path) -> None:
        from salmubench.clip.models import load_model
        from salmubench.clip.padding import skip_padding
        from salmubench.metrics import load_all as load_metrics
        from salmubench.unlearn.interface import Model

        scratch.mkdir(parents=True, exist_ok=True)
        self._job, self._scratch, self._dataset = job, scratch, open_dataset(job.dataset)
        self._plugins = {str(item.metric.role): item for item in load_metrics() if item.metric.role is not None}
        self.clip = load_model(source, device=job.device)
        skip_padding(self.clip.module)
        self.encoded = EncodedCount()
        self._base = Model(self.clip, precision=job.precision, encoded=self.encoded)

    def copy(self) -> Any:
        """The model as an attack is given it: with weights of its own."""
        return self._base.around(copy.deepcopy(self.clip.module))

    def reader(self, seed: int) -> Any:
        """Reads the model, and what attacks make of it, on the pairs of one seed that attackers never see."""
        from salmubench.recovery.reading import Reader
        from salmubench.recovery.world import AttackedWorld

        world = AttackedWorld(self._dataset, self.clip, seed=seed, config=self._job.config, scratch=self._scratch)
        return Reader(world, self._plugins, self._job.scoring, self._job.precision, self.encoded)


def _rows(item: Loaded, model: Any, reader: Any, seed: int) -> tuple[pa.Table, str | None]:
    """An attack's rows, or why there are none: what is wrong with an attack ends nothing but that attack."""
    nothing, cut = SCHEMA.empty_table(), reader.world.cut
    few = item.attack.knows == "few"
    if not cut.held or (few and len(cut.known) < 2):
        return nothing, f"too few facts: {len(cut.known)} in T, {cut.outside} outside"
    if few and len(cut.known) > cut.outside:
        return nothing, f"T is larger than what is left to judge on: {len(cut.known)} and {cut.outside} pairs"
    data = reader.world.data(item.attack)
    tables: list[pa.Table] = []
    seen: set[str] = set()
    try:
        for variant in _checked(item, item.function(model, data, seed, item.config)):
            if variant.label in seen:
                return nothing, f"two variants are called {variant.label!r}"
            seen.add(variant.label)
            tables.append(reader.read(variant))
    except Exception as error:  # noqa: BLE001 - whatever an attack raises is its result
        interruption.pass_on(error)
        check_room(error, f"the attack {item.attack.name}")
        if isinstance(error, SalmubenchError):
            return nothing, str(error)
        return nothing, plugins.described(error, plugins.file_of(item.function)).partition("\n")[0]
    if not tables:
        return nothing, "the attack yields nothing"
    table = pa.concat_tables(tables).combine_chunks()
    named = pa.array([item.attack.name] * table.num_rows, pa.string())
    alone = few and cut.known_people < PEOPLE
    reason = f"fewer than {PEOPLE} people in T: {cut.known_people}" if alone else None  # the rows are kept all the same
    return table.set_column(0, "attack", named), reason


def _checked(item: Loaded, variants: Any) -> Iterator[Variant]:
    if not hasattr(variants, "__iter__"):
        raise TypeError(f"Expected attack(…) to yield variants, got {type(variants).__name__}.")
    for variant in variants:
        if not isinstance(variant, Variant):
            raise TypeError(f"Expected a Variant, got {type(variant).__name__}.")
        if variant.scores is not None and item.attack.knows != "all":
            raise TypeError("Expected scores of its own only of an attack with knows='all'.")
        yield variant
