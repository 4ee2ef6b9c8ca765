"""Renders blocks of pictures and keeps them until the shards are written.

A finished block is one parquet file below `.blocks/` of the dataset folder: file name, JPEG bytes, what is visible,
the caption where the backend gives one, and why pictures were drawn again. Blocks are rendered in this process, whose
renderers use all cores, or in several, here or on a cluster; a block's bytes are the same either way.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from salmubench.core import places, streams, writing
from salmubench.core.errors import StageError
from salmubench.core.executor import Executor, cores, parallel
from salmubench.core.types import Split
from salmubench.drawing.sizes import picture_size
from salmubench.generator import backends, curation
from salmubench.generator.casting import Face
from salmubench.generator.config import DatasetConfig
from salmubench.generator.curation import Fault
from salmubench.generator.plan import Block, PlannedPicture, integer

FOLDER = ".blocks"
_WORTH_PROCESSES = 5_000  # pictures: fewer are drawn before processes have started

_SCHEMA = pa.schema(
    [
        ("file_name", pa.string()),
        ("image", pa.binary()),
        ("facts", pa.string()),
        ("caption", pa.string()),
        ("rejects", pa.list_(pa.struct([("reason", pa.string()), ("detail", pa.string())]))),
    ]
)


@dataclass(frozen=True, slots=True)
class Rendered:
    """One finished picture without its bytes; the caption is `None` where the caption backend writes it."""

    file_name: str
    facts: dict[str, str]
    caption: str | None


class _Sketch(NamedTuple):
    drawn: Any
    facts: dict[str, str]
    caption: str | None


def block_path(folder: Path, block: Block) -> Path:
    """File of a finished block."""
    return folder / FOLDER / f"{block.name}.parquet"


def render_blocks(
    blocks: Sequence[Block], config: DatasetConfig, *, folder: Path, workers: int = 0, executor: Executor = "joblib"
) -> None:
    """Render all blocks that aren't there yet.

    Args:
        workers: how many; 1: this process alone; 0: as many as pay, or all of the cluster.

    Raises:
        StageError: a picture that stays unfit however often it is drawn again, or a worker was killed.
    """
    missing = [block for block in blocks if not block_path(folder, block).is_file()]
    if not workers and executor == "joblib":
        workers = cores() if sum(len(block.pictures) for block in missing) >= _WORTH_PROCESSES else 1
    first = {block.kind: block.name for block in reversed(missing)}  # each kernel is compiled once, side by side
    finished = parallel(
        partial(_render_block, config=config, folder=places.real(folder)),
        sorted(missing, key=lambda block: block.name != first[block.kind]),
        workers=workers,
        executor=executor,
        threads=2,  # one block's sketches and checks fill the other's pauses
        description="Rendering pictures",
        units=lambda block: len(block.pictures),
    )
    deque(finished, maxlen=0)


def read_block(folder: Path, block: Block) -> list[Rendered]:
    """What a finished block holds beside the pictures."""
    table = pq.read_table(block_path(folder, block), columns=["file_name", "facts", "caption"])
    return [Rendered(row["file_name"], json.loads(row["facts"]), row["caption"]) for row in table.to_pylist()]


def read_redrawn(folder: Path, block: Block) -> Iterator[tuple[str, list[Fault]]]:
    """File names of the pictures of a finished block that were drawn again, each with why, in order."""
    table = pq.read_table(block_path(folder, block), columns=["file_name", "rejects"])
    for row in table.to_pylist():
        if row["rejects"]:
            yield row["file_name"], [Fault(**item) for item in row["rejects"]]


def read_images(folder: Path, block: Block, positions: Sequence[int]) -> Iterator[bytes]:
    """JPEG bytes of some pictures of a finished block."""
    if not positions:
        return
    column = pq.read_table(block_path(folder, block), columns=["image"]).column("image")
    for position in positions:
        yield column[position].as_py()


def _render_block(block: Block, *, config: DatasetConfig, folder: Path) -> None:
    part: backends.Part[Any] = backends.PORTRAITS if block.kind == "portrait" else backends.SCENES
    artist = part.of(config.backends)
    quality = curation.QualityFilter(
        config.curation,
        sizes=[picture_size(picture.aspect, config.size) for picture in block.pictures],
        groups=[picture.owner if picture.label is None else f"class {picture.label}" for picture in block.pictures],
        checked=block.kind == "portrait",
    )
    # Of portraits only; an identity's face is drawn many times.
    appearance = cache(lambda face: artist.sample_identity(face.seed, gender=face.gender, age=face.age))
    sketches: dict[int, _Sketch] = {}
    images: dict[int, bytes] = {}
    rejects: list[list[Fault]] = [[] for _ in block.pictures]
    todo = list(range(len(block.pictures)))
    for redraw in range(config.curation.redraws + 1):
        fresh = {position: _sketch(artist, appearance, block, position, redraw) for position in todo}
        shots = [sketch.drawn for sketch in fresh.values()]
        jpegs = artist.render_jpeg(shots, size=config.size, samples=config.samples)
        faces = [getattr(shot, "face_view", None) for shot in shots]
        quality.see(todo, jpegs, [sketch.facts for sketch in fresh.values()], faces)
        sketches |= fresh
        images |= zip(todo, jpegs, strict=True)
        faults = quality.faults()
        todo = sorted(faults)
        if not todo:
            _write(block_path(folder, block), block.pictures, sketches, images, rejects)
            return
        for position, fault in faults.items():
            rejects[position].append(fault)
    first = todo[0]
    reasons = "; ".join(f"{fault.reason} ({fault.detail})" for fault in rejects[first])
    raise StageError(
        f"Expected a fit picture {block.pictures[first].file_name} after {config.curation.redraws} redraws, got each "
        f"unfit: {reasons}. Try another backend, a larger dataset.size, or other limits in dataset.curation."
    )


def _sketch(artist: Any, appearance: Callable[[Face], Any], block: Block, position: int, redraw: int) -> _Sketch:
    picture = block.pictures[position]
    seed = integer(*picture.seed, streams.Picture.REDRAW, redraw)
    if picture.label is None:
        shot = artist.sample_shot(appearance(block.faces[position]), seed, aspect=picture.aspect)
        return _Sketch(shot, dict(shot.facts), None)
    heldout = picture.split is Split.GENERAL_KNOWLEDGE
    if getattr(artist, "counted", False):
        seed = picture.number
    scene = artist.sample_scene(picture.label, seed, aspect=picture.aspect, heldout=heldout)
    if heldout:
        return _Sketch(scene, dict(scene.facts), artist.class_names(picture.label + 1)[picture.label])
    return _Sketch(scene, dict(scene.facts), artist.caption(scene, integer(*picture.seed, streams.Picture.WORDING)))


def _write(
    path: Path,
    pictures: Sequence[PlannedPicture],
    sketches: Mapping[int, _Sketch],
    images: Mapping[int, bytes],
    rejects: Sequence[Sequence[Fault]],
) -> None:
    columns = {
        "file_name": [picture.file_name for picture in pictures],
        "image": [images[position] for position in range(len(pictures))],
        "facts": [json.dumps(sketches[position].facts, ensure_ascii=False) for position in range(len(pictures))],
        "caption": [sketches[position].caption for position in range(len(pictures))],
        "rejects": [[fault._asdict() for fault in faults] for faults in rejects],
    }
    with writing.atomic_path(path) as temporary:
        pq.write_table(pa.table(columns, schema=_SCHEMA), temporary, compression="none")
