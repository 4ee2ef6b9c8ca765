"""The part of a selection world on which hyperparameters are chosen: no row of a holdout split is in it.

Over-generalisation shows only on associations that a method was not told to forget. Those are taken from the world's
own forget set: some people wholly, and single fields of others, are spared. In the part they stand where holdouts stand
(`holdout_identity`, `holdout_association`), so that every stage and number works as ever; the world's true holdouts are
left out of the folder.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from salmubench.core import manifest, streams, writing
from salmubench.core.errors import DatasetError
from salmubench.core.types import HOLDOUT_SPLITS, Pair, Split
from salmubench.dataset import layout
from salmubench.dataset.layout import Dataset


def write_part(world: Dataset, *, out: Path, spared: float, seed: int) -> Path:
    """Write the part as a dataset folder; a finished one of the same inputs is left as it is.

    Args:
        spared: share of the forget pairs that methods do not get.

    Raises:
        DatasetError: too few people in `forget` to spare some.
    """
    inputs = {"dataset": world.fingerprint}
    with manifest.stage_folder(out, "selection part", config={"spared": spared}, inputs=inputs, seed=seed) as stage:
        if stage.complete:
            return out
        rows = world.rows(Split.FORGET)
        places = divide(rows, spared=spared, seed=seed)
        for split in (Split.FORGET, *HOLDOUT_SPLITS):
            chosen = [index for index, place in enumerate(places) if place is split]
            _write(world, Split.FORGET, split, chosen, out)
        kept = {row.file_name for row, place in zip(rows, places, strict=True) if place is Split.FORGET}
        targets = [index for index, row in enumerate(world.rows(Split.FORGET_TARGET)) if row.file_name in kept]
        _write(world, Split.FORGET_TARGET, Split.FORGET_TARGET, targets, out)
        for path in sorted((world.folder / "data").glob("*.parquet")):
            if path.name.split("-")[0] in (Split.RETAIN_SYNTH, Split.RETAIN_REAL, Split.GENERAL_KNOWLEDGE):
                shutil.copyfile(path, out / "data" / path.name)
        _write_metadata(world, rows, out)
        stage.finish(outputs={"counts": dict(Dataset(out).counts)})
    return out


def divide(rows: Sequence[Pair], *, spared: float, seed: int) -> list[Split]:
    """Say of each row of `forget` whether it stays, or stands for another person's or for the same person's facts.

    Half of what is spared are people with all their rows. The other half are single fields of further people, each
    with all rows that tell it, so that no fact stands on both sides.

    Raises:
        DatasetError: fewer than four people, or nobody with two fields.
    """
    fields: dict[str, dict[str, list[int]]] = {}
    for index, row in enumerate(rows):
        if row.identity is not None:
            fields.setdefault(row.identity, {}).setdefault(row.field or row.file_name, []).append(index)
    if len(fields) < 4:
        raise DatasetError(f"Expected at least 4 people in the forget set of a selection world, got {len(fields)}.")
    splits, generator = [Split.FORGET] * len(rows), np.random.default_rng([seed, streams.Unlearning.SELECTION_WORLD])
    order = [list(fields)[place] for place in generator.permutation(len(fields))]
    half, taken = spared * len(rows) / 2, 0
    while order and (not taken or taken < half - 0.5) and len(order) > 2:
        for index in (index for group in fields[order.pop()].values() for index in group):
            splits[index], taken = Split.HOLDOUT_IDENTITY, taken + 1
    taken = 0
    left = {person: list(fields[person].values()) for person in order if len(fields[person]) > 1}
    while left and (not taken or taken < half - 0.5):
        person = next(iter(left))
        groups = left.pop(person)
        for index in groups.pop(int(generator.integers(len(groups)))):
            splits[index], taken = Split.HOLDOUT_ASSOCIATION, taken + 1
        if len(groups) > 1:
            left[person] = groups  # behind all others: a second field only when each has given one
    if not taken:
        raise DatasetError("Expected people with two fields or more in the forget set of a selection world, got none.")
    return splits


def _write(world: Dataset, source: Split, split: Split, chosen: Sequence[int], out: Path) -> None:
    selected = set(chosen)
    pairs = world.rows(source)
    rows = (
        layout.Row(image, pairs[index].caption, pairs[index].identity, pairs[index].file_name)
        for index, image in enumerate(world.images(source))
        if index in selected
    )
    layout.write_shard(out, split, 0, 1, rows)


def _write_metadata(world: Dataset, rows: Sequence[Pair], out: Path) -> None:
    """Metadata of what is left alone: the facts of holdout rows are in the captions' metadata too."""
    names = {row.file_name for row in rows}
    metadata = {name: facts for name, facts in world.captions_metadata.items() if name.rpartition("/")[2] in names}
    writing.write_json(out / layout.CAPTIONS, metadata)
    if rewrites := {name: of_file for name, of_file in world.rewrites.items() if name in names}:
        writing.write_json(out / layout.REWRITES, rewrites)
    people = {row.identity for split in (Split.FORGET, Split.RETAIN_SYNTH) for row in world.rows(split)}
    writing.write_json(
        out / layout.IDENTITIES, {name: facts for name, facts in world.identities.items() if name in people}
    )
    for name in (layout.GENERIC_CAPTIONS, layout.GENERAL_KNOWLEDGE):
        if (world.folder / name).is_file():
            shutil.copyfile(world.folder / name, out / name)
