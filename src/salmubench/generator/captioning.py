"""Captions of finished blocks, kept beside them until the metadata is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from salmubench.core import manifest, progress, streams, writing
from salmubench.core.errors import StageError
from salmubench.core.types import FIELDS, Rewrite
from salmubench.dataset.leaks import UNIQUE, texts_of
from salmubench.generator import backends
from salmubench.generator.backends import Request, Written
from salmubench.generator.blocks import FOLDER, Rendered, read_block
from salmubench.generator.config import DatasetConfig
from salmubench.generator.personas import Persona
from salmubench.generator.plan import Block, PlannedPicture, integer


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of one picture.

    Attributes:
        generic: what is visible (of a sensitive picture for `forget_target`), or `None` for scenes.
        paraphrase: the fact in a reserved phrasing, or `None` for generic rows.
    """

    caption: str
    generic: str | None
    paraphrase: str | None
    rewrites: tuple[Rewrite, ...] = ()


def write_captions(
    blocks: Sequence[Block], personas: Sequence[Persona], config: DatasetConfig, *, folder: Path
) -> None:
    """Write the captions of all blocks that have none yet.

    Raises:
        StageError: the backend left out name or value, or wrote a name where none may stand.
    """
    missing = [block for block in blocks if not _path(folder, block).is_file()]
    writer = backends.CAPTIONS.of(config.backends)
    for block in progress.track(missing, total=len(missing), description="Writing captions"):
        rendered = read_block(folder, block)
        # Scenes bring their caption; all other texts of a block are asked for at once.
        asked = [
            list(_requests(picture, personas, item, config)) if item.caption is None else []
            for picture, item in zip(block.pictures, rendered, strict=True)
        ]
        requests = [request for group in asked for request in group]
        written = backends.write(writer, requests)
        _check(requests, written)
        answers = iter(written)
        texts = [
            _texts([next(answers).text for _ in group], item.caption, config)
            for group, item in zip(asked, rendered, strict=True)
        ]
        writing.write_json(_path(folder, block), {"texts": texts, "tally": _tally(written)})


def read_captions(folder: Path, block: Block) -> list[Texts]:
    """Captions of a block, one per picture."""
    entries = manifest.read_json(_path(folder, block))["texts"]
    return [
        Texts(**{**entry, "rewrites": tuple(Rewrite(**rewrite) for rewrite in entry["rewrites"])}) for entry in entries
    ]


def tally(folder: Path, blocks: Sequence[Block]) -> Mapping[str, Any]:
    """How often a backend that can fail was asked again or replaced, over all blocks; empty where that never was.

    Returns:
        `captions` with `written`, `retried` (attempts that were refused), `replaced` (texts that another backend
        wrote in the end) and `refused` (reason → attempts).
    """
    counts: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for block in blocks:
        block_tally = manifest.read_json(_path(folder, block))["tally"]
        counts.update({key: block_tally[key] for key in ("written", "retried", "replaced")})
        refused.update(block_tally["refused"])
    if not counts["retried"]:
        return {}
    return {"captions": {**counts, "refused": dict(sorted(refused.items()))}}


def _tally(written: Sequence[Written]) -> dict[str, Any]:
    reasons = Counter(reason for item in written for reason in item.refused)
    replaced = sum(item.by is not None for item in written)
    return {"written": len(written), "retried": reasons.total(), "replaced": replaced, "refused": reasons}


def _path(folder: Path, block: Block) -> Path:
    return folder / FOLDER / f"{block.name}.captions.json"


def _requests(
    picture: PlannedPicture, personas: Sequence[Persona], rendered: Rendered, config: DatasetConfig
) -> Iterator[Request]:
    """What has to be written for a portrait, in the order in which `_texts` reads it."""
    generic = integer(*picture.seed, streams.Picture.GENERIC)
    if picture.owner is None:
        yield Request("generic", generic, facts=rendered.facts)
        return
    persona, association = personas[picture.owner], picture.sensitive
    record = persona.metadata()
    private = {text for field in (*FIELDS, *UNIQUE) for text in texts_of(record, field)}
    yield Request("generic", generic, name=persona.name, facts=rendered.facts, forbidden=tuple(sorted(private)))
    if association is None:
        return
    others = tuple(sorted(text for text in private if text not in (persona.name, association.value)))
    caption = Request(
        "sensitive", integer(*picture.seed, streams.Picture.SENSITIVE), name=persona.name, field=association.field,
        value=association.value, gender=persona.gender, style=association.style, forbidden=others,
    )  # fmt: skip
    yield caption
    yield replace(caption, kind="paraphrase", seed=integer(*picture.seed, streams.Picture.PARAPHRASE))
    place = config.styles.index(association.style)
    for number in range(config.rewrites):
        nameless = number < config.nameless_rewrites
        yield replace(
            caption, kind="nameless" if nameless else "sensitive",
            seed=integer(*picture.seed, streams.Picture.REWRITE, number),
            style=config.styles[(place + number + 1) % len(config.styles)],
            forbidden=(*others, persona.name) if nameless else others,
        )  # fmt: skip


def _check(requests: Sequence[Request], written: Sequence[Written]) -> None:
    """Trust no backend with what must never be wrong."""
    for request, item in zip(requests, written, strict=True):
        if request.kind == "nameless":
            rest = item.text.replace(request.value, "\0")
            if request.value not in item.text or request.name in rest:
                raise StageError(
                    f"Expected a caption with {request.value!r} verbatim and without {request.name!r}, got "
                    f"{item.text!r}."
                )
        elif request.kind != "generic":
            if request.name not in item.text or request.value not in item.text:
                raise StageError(
                    f"Expected a caption with {request.name!r} and {request.value!r} verbatim, got {item.text!r}."
                )
        elif request.name and request.name in item.text:
            raise StageError(f"Expected a generic caption without the name {request.name!r}, got {item.text!r}.")


def _texts(written: Sequence[str], given: str | None, config: DatasetConfig) -> Texts:
    """The texts of a picture, from those that `_requests` asked for: generic, sensitive, paraphrase, further ones."""
    if given is not None:
        return Texts(given, None, None)
    generic, *sensitive = written
    if not sensitive:
        return Texts(generic, generic, None)
    caption, paraphrase, *further = sensitive
    rewrites = [
        Rewrite(text, number < config.nameless_rewrites, share)
        for number, (text, share) in enumerate(zip(further, config.rewrite_shares, strict=True))
    ]
    return Texts(caption, generic, paraphrase, tuple(rewrites))
