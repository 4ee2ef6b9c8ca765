"""Captions of finished blocks, kept beside them until the metadata is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from salmubench import manifest, progress
from salmubench.dataset import backends
from salmubench.dataset.blocks import FOLDER, read_block
from salmubench.dataset.personas import Persona
from salmubench.dataset.plan import Block, Picture, integer
from salmubench.errors import StageError

_SENSITIVE, _PARAPHRASE, _GENERIC = 41, 42, 43  # streams of a picture's seeds


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of one picture.

    Attributes:
        caption: of its row.
        generic: what is visible (of a sensitive picture for `forget_target`), or `None` for scenes.
        paraphrase: the fact in a reserved phrasing, or `None` for generic rows.
    """

    caption: str
    generic: str | None
    paraphrase: str | None


def write_captions(blocks: Sequence[Block], personas: Sequence[Persona], backend: str, *, folder: Path) -> None:
    """Write the captions of all blocks that have none yet.

    Args:
        blocks: finished ones.
        personas: of the plan.
        backend: name of the caption backend.
        folder: the dataset folder.

    Raises:
        StageError: the backend left out name or value, or wrote a name into a generic caption.
    """
    missing = [block for block in blocks if not _path(folder, block).is_file()]
    writer = backends.captions(backend)
    for block in progress.track(missing, total=len(missing), description="Writing captions"):
        texts = [
            _texts(writer, picture, personas, rendered.facts, rendered.caption)
            for picture, rendered in zip(block.pictures, read_block(folder, block), strict=True)
        ]
        manifest.write_json(_path(folder, block), texts)


def read_captions(folder: Path, block: Block) -> list[Texts]:
    """Captions of a block, one per picture."""
    return [Texts(**entry) for entry in manifest.read_json(_path(folder, block))]


def _path(folder: Path, block: Block) -> Path:
    return folder / FOLDER / f"{block.name}.captions.json"


def _texts(
    writer: backends.Captions, picture: Picture, personas: Sequence[Persona], facts: dict[str, str], given: str | None
) -> Texts:
    if given is not None:
        return Texts(given, None, None)
    generic = writer.generic(facts, integer(*picture.seed, _GENERIC))
    if picture.owner is None:
        return Texts(generic, generic, None)
    persona, told = personas[picture.owner], picture.sensitive
    if persona.name in generic:
        raise StageError(f"Expected a generic caption without the name {persona.name!r}, got {generic!r}.")
    if told is None:
        return Texts(generic, generic, None)
    caption = writer.sensitive(
        persona.name, told.field, told.value, gender=persona.gender, style=told.style,
        seed=integer(*picture.seed, _SENSITIVE),
    )  # fmt: skip
    paraphrase = writer.paraphrase(
        persona.name, told.field, told.value, seed=integer(*picture.seed, _PARAPHRASE)
    )  # fmt: skip
    for text in (caption, paraphrase):
        if persona.name not in text or told.value not in text:
            raise StageError(f"Expected a caption with {persona.name!r} and {told.value!r} verbatim, got {text!r}.")
    return Texts(caption, generic, paraphrase)
