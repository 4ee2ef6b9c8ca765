"""Pictures decoded in threads beside the forward passes, and kept while they are few."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from salmubench.clip.pixels import Pixels, Preprocessor
from salmubench.core.pools import processors

_GROUP = 64  # pictures a task: large enough that the pool's overhead doesn't show
_AHEAD = 4  # batches decoded ahead of the forward pass
_CACHE_BYTES = 256 * 2**20  # what may stay in memory between two models on one dataset


def decoded(
    batches: Iterable[list[tuple[str, bytes]]], preprocessor: Preprocessor, *, workers: int
) -> Generator[list[Pixels]]:
    """Decode batches of pictures in threads, ahead of the reader, in order.

    Args:
        batches: (where it stands, for messages; encoded bytes) of each picture.
        workers: threads; 0 chooses.

    Raises:
        DatasetError: a picture can't be decoded (says which).
    """

    def decode(group: list[tuple[str, bytes]]) -> list[Pixels]:
        return [preprocessor.to_pixels(data, f"{where}, column image") for where, data in group]

    waiting: deque[list[Future[list[Pixels]]]] = deque()
    with ThreadPoolExecutor(workers or min(processors(), 16), thread_name_prefix="salmubench-decode") as pool:
        try:
            for batch in batches:
                waiting.append([pool.submit(decode, group) for group in grouped(batch, _GROUP)])
                if len(waiting) > _AHEAD:
                    yield [pixels for future in waiting.popleft() for pixels in future.result()]
            while waiting:
                yield [pixels for future in waiting.popleft() for pixels in future.result()]
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


class PixelCache:
    """Decoded pictures of the last dataset, kept while they are small: a run encodes one dataset with many models."""

    def __init__(self) -> None:
        self._key: object = None
        self._held: dict[int, Pixels] = {}
        self._bytes = 0

    def open(self, key: object) -> None:
        """Start with another dataset or transform: forget what was held, unless the key is the same."""
        if key != self._key:
            self._key, self._held, self._bytes = key, {}, 0

    def get(self, start: int, stop: int) -> list[Pixels] | None:
        """Pictures `start` to `stop` where all of them are held."""
        if all(row in self._held for row in range(start, stop)):
            return [self._held[row] for row in range(start, stop)]
        return None

    def put(self, start: int, pixels: list[Pixels]) -> None:
        """Keep some pictures while there is room."""
        for row, picture in enumerate(pixels, start):
            if row in self._held or self._bytes + picture.nbytes > _CACHE_BYTES:
                continue
            self._held[row] = picture
            self._bytes += picture.nbytes


def grouped(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Cut items into lists of `size`, the last one shorter."""
    group: list[Any] = []
    for item in items:
        group.append(item)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group
