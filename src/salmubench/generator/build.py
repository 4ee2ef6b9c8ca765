"""Builds a dataset: personas, splits, pictures, captions, parquet shards, metadata, pretraining shards.

Everything is decided in a plan first (`plan.py`), from recipe and seed alone. Pictures are rendered in blocks, which
are kept until the end: a build that was killed goes on with the first missing block or shard and ends with the same
bytes. Nothing but the plan and one block is held in memory.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from salmubench.core import cost, manifest, options, writing
from salmubench.core import executor as executors
from salmubench.core.errors import ConfigError, UnknownName
from salmubench.core.executor import Executor
from salmubench.core.types import OFFICIAL_SPLITS, Rewrite, Split
from salmubench.dataset import layout
from salmubench.dataset.card import DatasetOrigin, card
from salmubench.generator import backends, blocks, captioning, curation
from salmubench.generator.config import DatasetConfig
from salmubench.generator.personas import TERRITORIES
from salmubench.generator.plan import Block, DatasetPlan, hidden_labels, make_plan

STAGE = "dataset"
CURATION = "curation.json"
CARD = "README.md"
SHARDS = "shards"


def build(
    config: DatasetConfig, *, out: Path, seed: int, workers: int | None = None, executor: Executor = "joblib",
    scoring: Mapping[str, Any] | None = None,
) -> Path:  # fmt: skip
    """Build a dataset, or go on with one, and give its folder; a finished one is left as it is.

    Args:
        workers: render processes, overriding the recipe's; the bytes don't depend on it.
        executor: whether these are processes of this machine or of a Ray cluster whose machines all see `out`.
        scoring: options of scoring of the recipe, which the manifest states for those who score on the dataset.

    Raises:
        ConfigError: the recipe can't be built; nothing is written.
        OutputError: the folder is in use, or holds something else.
        StageError: a backend failed.
    """
    check(config)
    options.check_seed(seed)
    workers = config.workers if workers is None else workers
    executors.check(workers, executor)
    config = replace(config, workers=0)  # not part of what the dataset is
    render = partial(blocks.render_blocks, config=config, folder=out, workers=workers, executor=executor)
    watch = _Watch()
    with cost.measure() as total:
        done = (out / manifest.MANIFEST).is_file()
        with watch.phase("plan"):
            plan = None if done else _plan(config, seed)  # impossible recipes fail here, before anything is written
        inputs = {"backends": backends.file_hashes(config)}
        with manifest.stage_folder(out, STAGE, config=config, inputs=inputs, seed=seed) as stage:
            outputs = {} if plan is None or stage.complete else _make(plan, config, out, seed, render, watch)
            total.seconds = time.perf_counter() - watch.started
            if outputs:
                spent = {"seconds": total.seconds, "peak_memory": total.peak_memory, "phases": watch.seconds}
                stage.finish(outputs={**outputs, "scoring": scoring}, cost=spent)
            shutil.rmtree(out / blocks.FOLDER, ignore_errors=True)
    return out


def check(config: DatasetConfig) -> None:
    """Check what needs the backends: that they exist, know countries, have classes, can draw portraits so.

    Raises:
        ConfigError: with the field of the recipe.
    """
    chosen = config.backends
    writer = backends.CAPTIONS.of(chosen)
    if config.nameless and not hasattr(writer, "nameless"):
        raise ConfigError(
            f"Expected a function `nameless` in the captions backend {chosen.captions!r} for dataset.nameless above 0, "
            "got none. Write one, or set nameless to 0."
        )
    portraits = backends.PORTRAITS.of(chosen)
    if hasattr(portraits, "examine"):
        portraits.examine(config)
    for name, settings in config.curation.checks.items():
        backends.CHECKS.load(name, settings)
    for code in config.countries or ():
        if code not in TERRITORIES:
            raise UnknownName("country in dataset.countries", code, TERRITORIES)
    if config.classes:
        try:
            artist = backends.SCENES.of(chosen)
            classes = len(artist.class_names(config.classes))
        except (ValueError, IndexError) as error:
            raise ConfigError(f"Expected fewer dataset.classes than {config.classes}: {error}") from error
        if classes < config.classes:
            raise ConfigError(f"Expected dataset.classes to be at most {classes}, got {config.classes}.")


class _Watch:
    """Seconds of each phase."""

    def __init__(self) -> None:
        self.started = time.perf_counter()
        self.seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time what runs inside: seconds (three decimals) in `seconds[name]`; none where it raises."""
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 3)


def _plan(config: DatasetConfig, seed: int) -> DatasetPlan:
    things = backends.SCENES.of(config.backends)
    if config.classes and hasattr(things, "examine"):
        things.examine(config)
    artist = backends.PORTRAITS.of(config.backends)
    return make_plan(config, seed, artist.cast(config, seed) if hasattr(artist, "cast") else None)


def _make(
    plan: DatasetPlan,
    config: DatasetConfig,
    out: Path,
    seed: int,
    render: Callable[[Sequence[Block]], None],
    watch: _Watch,
) -> dict[str, Any]:
    with watch.phase("pictures"):
        render(plan.blocks)
    with watch.phase("captions"):
        captioning.write_captions(plan.blocks, plan.personas, config, folder=out)
    with watch.phase("parquet"):
        for split in _splits(config):
            _write_split(plan, split, out, config.rows_per_shard)
    with watch.phase("metadata"):
        redrawn = _write_metadata(plan, config, out, seed)
        dataset = layout.Dataset(out)
        fingerprint, counts = dataset.fingerprint, dict(dataset.counts)
        origin, people = _origin(config, seed), len(plan.personas)
        text = card(counts, identities=people, origin=origin, fingerprint=fingerprint, rewrites=bool(config.rewrites))
        writing.write_text(out / CARD, text)
    with watch.phase("shards"):
        from salmubench.dataset.shards import write_shards

        if counts[Split.RETAIN_SYNTH] or counts.get(Split.RETAIN_REAL):  # else there is nothing to pretrain on
            write_shards(dataset, out / SHARDS)
    return {
        "fingerprint": fingerprint,
        "counts": counts,
        "identities": {group: plan.groups.count(group) for group in sorted(set(plan.groups))},
        "redrawn": redrawn,
        "origin": asdict(origin),
        **captioning.tally(out, plan.blocks),
    }


def _origin(config: DatasetConfig, seed: int) -> DatasetOrigin:
    """Where the dataset comes from, in the words of its backends."""
    portraits = backends.PORTRAITS.describe(config.backends.portraits)
    captions = backends.CAPTIONS.describe(config.backends.captions)
    return DatasetOrigin(
        config.size, seed, pictures=portraits.card, people=portraits.statement, language=captions.statement,
        licence=portraits.licence,
    )  # fmt: skip


def _splits(config: DatasetConfig) -> list[Split]:
    """The official splits, and those of ours that the recipe asks for."""
    counts = {
        Split.RETAIN_REAL: config.retain_real,
        Split.GENERAL_KNOWLEDGE: config.general_knowledge_per_class,
        Split.PORTRAITS_UNSEEN: config.unseen_per_identity,
    }
    return [split for split in Split if split in OFFICIAL_SPLITS or counts[split]]


def _write_split(plan: DatasetPlan, split: Split, out: Path, rows_per_shard: int) -> None:
    rows = plan.rows(split)
    count = max(1, -(-len(rows) // rows_per_shard))
    for index in range(count):
        if not (out / "data" / layout.shard_name(split, index, count)).is_file():
            part = rows[index * rows_per_shard : (index + 1) * rows_per_shard]
            layout.write_shard(out, split, index, count, _rows(plan, split, part, out))


def _rows(plan: DatasetPlan, split: Split, part: Sequence[tuple[int, int]], out: Path) -> Iterator[layout.Row]:
    for number, group in groupby(part, key=lambda row: row[0]):
        block, positions = plan.blocks[number], [position for _, position in group]
        texts = captioning.read_captions(out, block)
        for position, image in zip(positions, blocks.read_images(out, block, positions), strict=True):
            picture, captions = block.pictures[position], texts[position]
            text = captions.generic if split is Split.FORGET_TARGET else captions.caption
            owner = None if picture.owner is None else plan.personas[picture.owner].identity_id
            yield layout.Row(image, text or "", owner, picture.file_name)


def _write_metadata(plan: DatasetPlan, config: DatasetConfig, out: Path, seed: int) -> int:
    """Write the JSON files; give the number of pictures that were drawn again."""
    entries: dict[str, dict[str, str | None]] = {}
    generic: dict[str, str | None] = {}
    rewrites: dict[str, Sequence[Rewrite]] = {}
    for block in plan.blocks:
        if any(picture.sensitive for picture in block.pictures):
            for picture, texts in zip(block.pictures, captioning.read_captions(out, block), strict=True):
                if picture.sensitive is not None:
                    entries[picture.file_name] = {
                        "data_field": picture.sensitive.field,
                        "value": picture.sensitive.value,
                        "caption": texts.caption,
                        "style": picture.sensitive.style,
                        "paraphrase": texts.paraphrase,
                    }
                    generic[picture.file_name] = texts.generic
                    rewrites[picture.file_name] = texts.rewrites
    people = {persona.identity_id: persona.metadata() for persona in plan.personas}
    writing.write_json(out / layout.IDENTITIES, people)
    writing.write_json(out / layout.CAPTIONS, entries)
    writing.write_json(out / layout.GENERIC_CAPTIONS, generic)
    if config.rewrites:
        writing.write_json(out / layout.REWRITES, rewrites)
    if config.general_knowledge_per_class:
        writing.write_json(out / layout.GENERAL_KNOWLEDGE, _knowledge(plan, config, seed))
    return _write_curation(plan, config, out)


def _knowledge(plan: DatasetPlan, config: DatasetConfig, seed: int) -> dict[str, Any]:
    """Classes and prompts, and which classes with which pairs of `retain_real` are hidden from methods, if any."""
    artist = backends.SCENES.of(config.backends)
    classes = list(artist.class_names(config.classes))
    knowledge: dict[str, Any] = {"classes": classes, "templates": list(artist.TEMPLATES)}
    if hidden := hidden_labels(config, seed):
        pairs: dict[str, list[str]] = {classes[label]: [] for label in hidden}
        for number, position in plan.rows(Split.RETAIN_REAL):
            picture = plan.blocks[number].pictures[position]
            if picture.label in hidden:
                pairs[classes[picture.label]].append(picture.file_name)
        knowledge |= {"hidden": list(pairs), "hidden_pairs": pairs}
    return knowledge


def _write_curation(plan: DatasetPlan, config: DatasetConfig, out: Path) -> int:
    """Write the report of what was drawn again; give the number of pictures."""
    redrawn = [picture for block in plan.blocks for picture in blocks.read_redrawn(out, block)]
    summary = curation.summary(sum(len(block.pictures) for block in plan.blocks), redrawn, config.curation)
    writing.write_json(out / CURATION, summary)
    return len(redrawn)
