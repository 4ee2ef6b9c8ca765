"""Arrays written chunk by chunk, so that a killed run goes on where it stopped and no file is ever half-written."""

from __future__ import annotations

import io
import itertools
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from salmubench.clip.embeddings import Array
from salmubench.core import writing

CHUNK = 2048
"""Rows a chunk. A constant: chunks of an earlier run must fit."""


@dataclass(frozen=True)
class Span:
    """Rows `start` to `stop` of an array and the chunk file that holds them."""

    start: int
    stop: int
    path: Path


@dataclass(frozen=True)
class ChunkStore:
    """Chunks of one array, `<folder>/.chunks/<name>-NNNNN.npy`, joined into `<folder>/<name>.npy` at the end.

    Attributes:
        name: of the array, e.g. `images`.
    """

    folder: Path
    name: str
    rows: int

    @property
    def target(self) -> Path:
        """The joined file."""
        return self.folder / f"{self.name}.npy"

    def missing(self, rank: int = 0, size: int = 1) -> list[Span]:
        """Chunks still to be computed; none when the joined file is there.

        Args:
            size: how many processes share the work, every `size`-th chunk each.
        """
        if self.target.is_file():
            return []
        spans = itertools.islice(self._spans(), rank, None, size)
        return [span for span in spans if not span.path.is_file()]

    def write(self, span: Span, rows: Array) -> None:
        """Write one chunk atomically."""
        _save(span.path, rows)

    def join(self, width: int, *, copies: Mapping[int, int] | None = None) -> None:
        """Join the chunks in order; memory stays that of one chunk.

        Args:
            copies: row → row that it is a copy of.
        """
        if self.target.is_file():
            return
        if not self.rows:  # nothing to map
            _save(self.target, np.zeros((0, width), np.float32))
            return
        with writing.atomic_path(self.target) as path:
            whole = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(self.rows, width))
            writing.reserve(path, path.stat().st_size)
            for span in self._spans():
                whole[span.start : span.stop] = np.load(span.path)
            for row, original in (copies or {}).items():
                whole[row] = whole[original]
            whole.flush()

    def delete(self) -> None:
        """Delete what there is of this array, joined or in chunks."""
        self.target.unlink(missing_ok=True)
        for span in self._spans():
            span.path.unlink(missing_ok=True)

    def clear(self) -> None:
        """Delete the chunks of all arrays."""
        shutil.rmtree(self.folder / ".chunks", ignore_errors=True)

    def _spans(self) -> Iterator[Span]:
        for number, start in enumerate(range(0, self.rows, CHUNK)):
            path = self.folder / ".chunks" / f"{self.name}-{number:05d}.npy"
            yield Span(start, min(start + CHUNK, self.rows), path)


def _save(path: Path, rows: Array) -> None:
    stream = io.BytesIO()  # NumPy writes to a file by itself, and says of a full disk only how much it has written
    np.save(stream, rows)
    writing.write_bytes(path, stream.getvalue())
