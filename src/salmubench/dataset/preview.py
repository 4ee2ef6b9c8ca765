"""A contact sheet of a dataset: one identity (or class) a row, its pictures side by side."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from anyascii import anyascii
from PIL import Image, ImageDraw, ImageFont

from salmubench.core import writing
from salmubench.core.errors import ConfigError, DatasetError
from salmubench.core.pictures import open_picture
from salmubench.core.types import SENSITIVE_SPLITS, Split
from salmubench.dataset.layout import Dataset

_BACKGROUND, _INK, _FAINT = (250, 250, 248), (30, 30, 30), (110, 110, 110)
_WIDTH, _HEIGHT = 230, 128  # pixels of a picture with the gap beside it
_LINE = 12  # pixels of a caption line
_LINES = 4
_TITLE = 16
_GAP = 6


T = TypeVar("T")


class _Cell(NamedTuple):
    split: str
    row: int
    caption: str


def preview(dataset: Dataset, out: Path, *, identities: int = 8, pictures: int = 6, seed: int = 0) -> Path:
    """Draw a contact sheet as PNG, some identities and as many pictures of each other split; give its path.

    Raises:
        ConfigError: a number below 1.
        DatasetError: the dataset has no rows, or a picture that doesn't decode.
    """
    for name, value in (("identities", identities), ("pictures", pictures)):
        if value < 1:
            raise ConfigError(f"Expected {name} to be at least 1, got {value}.")
    rows = list(_sample(dataset, identities, pictures, np.random.default_rng(seed)))
    if not rows:
        raise DatasetError(f"Expected rows in {dataset.folder} to show, got none.")
    tall = _HEIGHT + _LINE * _LINES + _GAP
    sheet = Image.new("RGB", (_WIDTH * pictures + _GAP, (tall + _TITLE) * len(rows) + _GAP), _BACKGROUND)
    pen = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=10)
    for number, (title, cells) in enumerate(rows):
        top = number * (tall + _TITLE) + _GAP
        pen.text((_GAP, top), anyascii(title), fill=_INK, font=font)
        for column, cell in enumerate(cells):
            left = column * _WIDTH + _GAP
            sheet.paste(_picture(dataset, cell, _WIDTH - _GAP, _HEIGHT), (left, top + _TITLE))
            # The font that comes with Pillow has ASCII letters only.
            text = _wrapped(anyascii(f"[{cell.split}] {cell.caption}"), pen, font, _WIDTH - _GAP)
            pen.multiline_text((left, top + _TITLE + _HEIGHT + 2), text, fill=_FAINT, font=font, spacing=1)
    stream = io.BytesIO()
    sheet.save(stream, "PNG")
    writing.write_bytes(out, stream.getvalue())
    return out


def _sample(
    dataset: Dataset, identities: int, pictures: int, rng: np.random.Generator
) -> Iterator[tuple[str, list[_Cell]]]:
    """Rows to look at: some identities with at most so many pictures each, then as many of each other split."""
    by_identity: defaultdict[str, list[_Cell]] = defaultdict(list)
    names: dict[str, str | None] = {}
    for split in SENSITIVE_SPLITS:
        for number, row in enumerate(dataset.rows(split)):
            if row.identity is not None:
                by_identity[row.identity].append(_Cell(split, number, row.caption))
                names[row.identity] = row.name
    for identity in _some(sorted(by_identity), identities, rng):
        cells = sorted(by_identity[identity], key=lambda cell: cell.row)
        yield f"{identity} {names[identity] or ''}", _some(cells, pictures, rng)
    for split in (Split.FORGET_TARGET, Split.RETAIN_SYNTH, Split.RETAIN_REAL, Split.GENERAL_KNOWLEDGE):
        shown = _some(range(dataset.counts.get(split, 0)), pictures, rng)
        if shown:
            rows = dataset.rows(split)
            yield str(split), [_Cell(split, number, rows[number].caption) for number in shown]


def _some(items: Sequence[T], count: int, rng: np.random.Generator) -> list[T]:
    if not items:
        return []
    chosen = rng.choice(len(items), size=min(count, len(items)), replace=False)
    return [items[index] for index in sorted(int(index) for index in chosen)]


def _picture(dataset: Dataset, cell: _Cell, width: int, height: int) -> Image.Image:
    data = next(dataset.images(cell.split, cell.row, cell.row + 1))
    with open_picture(data, where=f"split {cell.split}, row {cell.row}, column image") as image:
        scale = min(width / image.width, height / image.height)
        size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        return image.convert("RGB").resize(size, Image.Resampling.LANCZOS)


def _wrapped(
    text: str, pen: ImageDraw.ImageDraw, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int
) -> str:
    lines, line = [], ""
    for word in text.split():
        longer = f"{line} {word}".strip()
        if line and pen.textlength(longer, font=font) > width:
            lines.append(line)
            line = word
        else:
            line = longer
    lines.append(line)
    return "\n".join(lines[:_LINES])
