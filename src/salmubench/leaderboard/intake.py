"""Read files of strangers: sizes are looked at before anything is read, and nothing in them is executed.

Every problem is a `RecordError`; its message is data for a list of findings.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from salmubench.core import reading, tables
from salmubench.core.errors import RecordError
from salmubench.scoring.attacks.table import SUFFIX
from salmubench.scoring.items import check_table
from salmubench.scoring.record_files import GALLERY

FACTS = "embeddings.dataset.json"
"""What embeddings say about their dataset, in a submission that has some."""

_ITEMS = tables.TableLimits(file=64_000_000, unpacked=512_000_000, rows=2_000_000, text=4_096, texts=1_000_000_000)
_GALLERY = tables.TableLimits(file=4_000_000, unpacked=64_000_000, rows=20_000, text=4_096, texts=64_000_000)


@dataclass(frozen=True)
class Limits:
    """What a submission may weigh.

    Attributes:
        array: bytes of an array of embeddings.
        facts: bytes of what embeddings say about their dataset.
        work: items × resamples of a record, each of which costs a draw of the bootstrap; of attacks people × resamples
            × numbers.
    """

    json_bytes: int = 1_000_000
    code_bytes: int = 1_000_000
    files: int = 32
    items: tables.TableLimits = _ITEMS
    gallery: tables.TableLimits = _GALLERY
    attack_rows: tables.TableLimits = _ITEMS
    attacks: int = 24
    variants: int = 200
    parts: int = 12
    metrics: int = 40
    array: int = 4_000_000_000
    facts: int = 16_000_000
    work: int = 2_500_000_000


LIMITS = Limits()
"""About ten times what a submission about the release has."""


def check_size(path: Path, most: int) -> None:
    """Refuse what is no regular file (links lead elsewhere) or is too large, without opening it.

    Raises:
        RecordError: missing, a link or folder or device, or larger than `most` bytes.
    """
    try:
        status = path.lstat()
    except OSError as error:
        raise RecordError(f"Expected the file {path.name}, got: {error.strerror}.") from error
    if not stat.S_ISREG(status.st_mode):
        raise RecordError(f"Expected {path.name} to be a plain file, got a link, folder or device.")
    if status.st_size > most:
        raise RecordError(f"Expected {path.name} of at most {most:,} bytes, got {status.st_size:,}.")


def most_bytes(name: str) -> int:
    """Most bytes of a file of a submission."""
    if name == GALLERY:
        return LIMITS.gallery.file
    if name.endswith(SUFFIX):
        return LIMITS.attack_rows.file
    if name == FACTS:
        return LIMITS.facts
    if name.endswith(".npy"):
        return LIMITS.array
    return {".json": LIMITS.json_bytes, ".py": LIMITS.code_bytes, ".parquet": LIMITS.items.file}[Path(name).suffix]


def read_json(path: Path) -> Any:
    """Read a JSON object through the gate of `salmubench.core.reading`.

    Raises:
        RecordError: too large, or not such JSON.
    """
    check_size(path, LIMITS.json_bytes)
    data = reading.read_bytes(path, error=RecordError, what="a JSON file", limit=LIMITS.json_bytes)
    return reading.parse_json(data, where=path.name, error=RecordError, mapping=True)


def read_table(path: Path, schema: pa.Schema, *, limits: tables.TableLimits = LIMITS.items) -> pa.Table:
    """Read a parquet table of exactly these flat columns.

    Raises:
        RecordError: too large, unreadable, or other columns.
    """
    check_size(path, limits.file)
    try:
        table = tables.read_table(path, error=RecordError, limits=limits)
        return check_table(table, schema, where=path.name)
    except RecordError as error:  # without the folders of the machine that checks
        raise RecordError(str(error).replace(str(path), path.name)) from error


def plain_text(value: str, *, most: int = 200) -> str:
    """A text on one line without control or direction characters, cut to `most` letters."""
    shown = "".join(letter if letter.isprintable() else " " for letter in value)
    return reading.cut(" ".join(shown.split()), most)
