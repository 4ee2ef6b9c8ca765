"""Encoded pictures to model input: PIL's decoder, the model's own transforms, threads beside the forward passes."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from salmubench.core.pictures import open_picture

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

Pixels = npt.NDArray[np.uint8] | npt.NDArray[np.float32]

_GROUP = 64  # pictures a task: large enough that the pool's overhead doesn't show
_AHEAD = 4  # batches decoded ahead of the forward pass
_CACHE_BYTES = 256 * 2**20  # what may stay in memory between two models on one dataset


@dataclass(frozen=True)
class Preprocessor:
    """The model's evaluation transform, split at `ToTensor`: pictures stay uint8 until they are a batch.

    Attributes:
        transform: the whole transform, used picture by picture where it has an unexpected form.
        head: its steps before `ToTensor` (resize, crop, colour mode), or `None` in that case.
        size: side of the square when the head is "resize the short side, crop the centre", else `None`.
        mean: (3,) of the normalisation.
        std: (3,) of the normalisation.
    """

    transform: Callable[[Image.Image], Tensor]
    head: tuple[Callable[[Image.Image], Image.Image], ...] | None
    size: int | None
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def to_pixels(self, data: bytes, where: str = "a picture") -> Pixels:
        """Decode one picture to (H, W, 3) uint8, or (3, H, W) float32 where the transform has an unexpected form.

        Args:
            data: the encoded picture.
            where: it stands, for messages.

        Raises:
            DatasetError: it can't be decoded.
        """
        with open_picture(data, where=where, advice="Replace the file, or check the download.") as picture:
            if self.head is None:
                whole: Pixels = self.transform(picture).numpy()
                return whole
            if picture.mode == "RGB" and self.size is not None and min(picture.size) == self.size:
                # The resize would leave the picture as it is; the crop rounds as torchvision does.
                left, top = (int(round((side - self.size) / 2.0)) for side in picture.size)  # noqa: RUF046
                return np.asarray(picture)[top : top + self.size, left : left + self.size].copy()  # not the whole alive
            shown: Image.Image = picture
            for step in self.head:
                shown = step(shown)
            return np.asarray(shown)

    def to_batch(self, pixels: list[Pixels], device: str, *, channels_last: bool = False) -> Tensor:
        """Stack pictures to a normalised float32 batch (B, 3, H, W), with the arithmetic of torchvision.

        Args:
            pixels: what `to_pixels` gave.
            device: where to.
            channels_last: the order in memory.
        """
        import torch

        batch = torch.from_numpy(np.stack(pixels)).to(device)
        if self.head is None:
            return batch
        order = torch.channels_last if channels_last else torch.contiguous_format
        batch = batch.permute(0, 3, 1, 2).to(torch.float32, memory_format=order).div_(255)
        mean, std = (torch.tensor(values, device=batch.device).view(1, 3, 1, 1) for values in (self.mean, self.std))
        return batch.sub_(mean).div_(std)


def split_transform(transform: Any) -> Preprocessor:
    """Take open_clip's evaluation transform apart."""
    steps = list(getattr(transform, "transforms", ()))
    kinds = [type(step).__name__ for step in steps]
    if len(steps) < 3 or kinds[-2:] not in (["ToTensor", "Normalize"], ["MaybeToTensor", "Normalize"]):
        return Preprocessor(transform, None, None, (), ())
    size = None
    if kinds[:2] == ["Resize", "CenterCrop"] and isinstance(steps[0].size, int):
        square = tuple(np.broadcast_to(steps[1].size, 2).tolist())
        size = steps[0].size if square == (steps[0].size,) * 2 and steps[0].max_size is None else None
    mean, std = (tuple(float(value) for value in values) for values in (steps[-1].mean, steps[-1].std))
    return Preprocessor(transform, tuple(steps[:-2]), size, mean, std)


def decoded(
    batches: Iterable[list[tuple[str, bytes]]], preprocessor: Preprocessor, *, workers: int
) -> Generator[list[Pixels]]:
    """Decode batches of pictures in threads, ahead of the reader, in order.

    Args:
        batches: (where it stands, for messages; encoded bytes) of each picture.
        preprocessor: the model's.
        workers: threads; 0 chooses.

    Raises:
        DatasetError: a picture can't be decoded (says which).
    """

    def decode(group: list[tuple[str, bytes]]) -> list[Pixels]:
        return [preprocessor.to_pixels(data, f"{where}, column image") for where, data in group]

    waiting: deque[list[Future[list[Pixels]]]] = deque()
    with ThreadPoolExecutor(workers or min(os.cpu_count() or 1, 16), thread_name_prefix="salmubench-decode") as pool:
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
