"""Rules about pictures (decode, size, duplicates) and about counts."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Annotated, NamedTuple

from pydantic import Field

from salmubench.core import manifest, progress, reading
from salmubench.core.errors import DatasetError
from salmubench.core.pictures import open_picture
from salmubench.core.pools import processors
from salmubench.core.types import SENSITIVE_SPLITS, Split
from salmubench.dataset import layout
from salmubench.dataset.groups import Group, group_sizes
from salmubench.dataset.layout import IDENTITIES, Dataset, RawRow
from salmubench.dataset.violations import Violation, in_row

_ASPECT = re.compile(r"_ar-(?P<aspect>[0-9]+\.[0-9]+)")
_BATCH = 256  # pictures in memory at once
_TWINS = frozenset({Split.FORGET, Split.FORGET_TARGET})


class _Seen(NamedTuple):
    """A picture: hash of the file, width and height, or what is wrong; hash of the pixels where that was asked for."""

    digest: bytes
    size: tuple[int, int] | None
    problem: str = ""
    pixels: bytes = b""


_NOTHING = _Seen(b"", None, "Expected a picture that decodes, got: no bytes.")


def check_pictures(dataset: Dataset) -> Iterator[Violation]:
    """Decode every picture; compare its size with its file name and with all other pictures."""
    recipe = _recipe(dataset)
    short = None if recipe is None else recipe.size
    pictures: dict[bytes, tuple[Split, RawRow]] = {}
    names: dict[str, tuple[Split, RawRow]] = {}
    forget: dict[str, bytes] = {}  # file name → hash of the pixels
    splits = [split for split in Split if dataset.has(split)]
    total = sum(dataset.counts[split] for split in splits)
    with (
        ThreadPoolExecutor(processors()) as pool,
        progress.bar(total=total, description="Checking pictures") as advance,
    ):
        for split in splits:
            rows = dataset.raw_rows(split, images=True)
            while batch := list(islice(rows, _BATCH)):
                there = pool.map(partial(_decode, pixels=split in _TWINS), [row for row in batch if row.image])
                for full in batch:
                    seen, row = next(there) if full.image else _NOTHING, replace(full, image=None)  # what is kept
                    if seen.size is None:
                        yield in_row("picture", row, seen.problem)
                    else:
                        yield from _check_size(row, seen.size, short)
                        yield from _check_twin(row, split, pictures.setdefault(seen.digest, (split, row)), "picture")
                        yield from _check_target(row, split, seen.pixels, forget)
                    if row.file_name:
                        yield from _check_twin(row, split, names.setdefault(row.file_name, (split, row)), "file name")
                advance(len(batch))


def _decode(row: RawRow, *, pixels: bool) -> _Seen:
    data = row.image or b""
    digest = hashlib.sha256(data).digest()
    try:
        with open_picture(data, where="column image") as image:
            image.load()
            shown = hashlib.sha256(image.convert("RGB").tobytes()).digest() if pixels else b""
            return _Seen(digest, image.size, pixels=shown)
    except DatasetError as error:
        return _Seen(digest, None, str(error))


def _check_size(row: RawRow, size: tuple[int, int], short: int | None) -> Iterator[Violation]:
    width, height = size
    named = _ASPECT.search(row.file_name or "")
    # Two decimals in the name, and a pixel of rounding on either side.
    if named and abs(width / height - float(named["aspect"])) > 0.006 + width / height * (1 / width + 1 / height):
        message = f"Expected width / height {named['aspect']} as the file name says, got {width}×{height}."
        yield in_row("aspect", row, message)
    if short is not None and min(size) != short:
        yield in_row("size", row, f"Expected a short side of {short} pixels as the recipe says, got {width}×{height}.")


def _check_twin(row: RawRow, split: Split, first: tuple[Split, RawRow], what: str) -> Iterator[Violation]:
    """Report a picture or file name that another split has, or that stands twice in one split under another name."""
    other_split, other = first
    same_row = (other.shard, other.row) == (row.shard, row.row)
    if same_row or ({split, other_split} == _TWINS and other.file_name == row.file_name):
        return
    column = "image" if what == "picture" else "file_name"
    message = f"Expected a {what} of its own, got that of {other.shard}, row {other.row}."
    yield in_row("duplicate", row, message, column=column)


def _check_target(row: RawRow, split: Split, pixels: bytes, forget: dict[str, bytes]) -> Iterator[Violation]:
    """Report a row of `forget_target` that shows another picture than the row of `forget` with its file name."""
    if split is Split.FORGET:
        forget[row.file_name or ""] = pixels
    elif split is Split.FORGET_TARGET and forget.get(row.file_name or "", pixels) != pixels:
        yield in_row("target", row, "Expected the picture of forget of this file name, got another.", column="image")


def check_counts(dataset: Dataset) -> Iterator[Violation]:
    """Compare numbers of rows and identities with the recipe, where the folder's manifest has one."""
    recipe = _recipe(dataset)
    if recipe is None:
        return
    groups: defaultdict[str, set[str]] = defaultdict(set)
    pictures: defaultdict[str, int] = defaultdict(int)
    for split in SENSITIVE_SPLITS:
        for row in dataset.raw_rows(split):
            if row.identity is not None:
                groups[split].add(row.identity)
                pictures[row.identity] += 1
    mixed = groups[Split.FORGET] & groups[Split.HOLDOUT_ASSOCIATION]
    sizes, rows = group_sizes(recipe.identities), dataset.counts
    compared: dict[str, tuple[int, int]] = {  # what the recipe says, and what is there
        "identities": (recipe.identities, len(dataset.identities)),
        Group.FORGET: (sizes[Group.FORGET], len(groups[Split.FORGET] - mixed)),
        Group.MIXED: (sizes[Group.MIXED], len(mixed)),
        Group.HOLDOUT: (sizes[Group.HOLDOUT], len(groups[Split.HOLDOUT_IDENTITY])),
        Split.FORGET_TARGET: (rows[Split.FORGET], rows[Split.FORGET_TARGET]),
        Split.RETAIN_SYNTH: (recipe.retain_joint + recipe.retain_disjoint, rows[Split.RETAIN_SYNTH]),
        Split.RETAIN_REAL: (recipe.retain_real, rows.get(Split.RETAIN_REAL, 0)),
        Split.GENERAL_KNOWLEDGE: (
            recipe.classes * recipe.general_knowledge_per_class, rows.get(Split.GENERAL_KNOWLEDGE, 0),
        ),
        Split.PORTRAITS_UNSEEN: (recipe.identities * recipe.unseen_per_identity, rows.get(Split.PORTRAITS_UNSEEN, 0)),
        layout.REWRITES: (sum(pictures.values()) * recipe.rewrites, sum(map(len, dataset.rewrites.values()))),
    }  # fmt: skip
    for what, (expected, actual) in compared.items():
        if actual != expected:
            yield Violation("count", manifest.MANIFEST, None, what, f"Expected {expected}, got {actual}.")
    given = recipe.pictures_per_identity
    low, high = (given, given) if isinstance(given, int) else given
    for identity in dataset.identities:
        if not low <= pictures[identity] <= high:
            message = f"Expected {low} to {high} sensitive pictures, got {pictures[identity]}."
            yield Violation("count", IDENTITIES, None, identity, message)


_Count = Annotated[int, Field(strict=True, ge=0, le=10_000_000)]


@dataclass(frozen=True)
class _Recipe:
    """What is read of the configuration that a dataset was built from."""

    size: Annotated[int, Field(strict=True, ge=1)]
    identities: _Count
    pictures_per_identity: _Count | tuple[_Count, _Count]
    retain_joint: _Count
    retain_disjoint: _Count
    retain_real: _Count
    classes: _Count
    general_knowledge_per_class: _Count
    unseen_per_identity: _Count = 0
    rewrites: _Count = 0


def _recipe(dataset: Dataset) -> _Recipe | None:
    """What the dataset was built from; `None` for a downloaded one."""
    path = dataset.folder / manifest.MANIFEST
    content = reading.read_json(path, error=DatasetError, limit=reading.LARGE) if path.is_file() else None
    if not isinstance(content, dict) or content.get("stage") != "dataset":
        return None
    return reading.validated(_Recipe, content.get("config"), where=f"config of {path}", error=DatasetError)
