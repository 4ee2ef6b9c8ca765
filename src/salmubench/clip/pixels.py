"""Encoded pictures to model input, one way for encoding, unlearning and pretraining: PIL, the model's own transform."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from salmubench.core.pictures import open_picture

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

Pixels = npt.NDArray[np.uint8] | npt.NDArray[np.float32]


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
            where: it stands, for messages.

        Raises:
            DatasetError: it can't be decoded.
        """
        with open_picture(data, where=where, advice="Replace the file, or check the download.") as picture:
            return self.pixels_of(picture)

    def pixels_of(self, picture: Image.Image) -> Pixels:
        """As `to_pixels`, of a picture that is open."""
        if self.head is None:
            whole: Pixels = self.transform(picture).numpy()
            return whole
        if picture.mode == "RGB" and self.size is not None and min(picture.size) == self.size:
            # The resize would leave the picture as it is; the crop rounds as torchvision does.
            left, top = (int(round((side - self.size) / 2.0)) for side in picture.size)  # noqa: RUF046
            return np.asarray(picture)[top : top + self.size, left : left + self.size].copy()  # not the whole alive
        for step in self.head:
            picture = step(picture)
        return np.asarray(picture)

    def to_batch(self, pixels: list[Pixels], device: str, *, channels_last: bool = False) -> Tensor:
        """Stack what `to_pixels` gave to a normalised float32 batch (B, 3, H, W)."""
        import torch

        batch = torch.from_numpy(np.stack(pixels)).to(device)
        return batch if self.head is None else self.normalised(batch.permute(0, 3, 1, 2), channels_last=channels_last)

    def normalised(self, pictures: Tensor, *, channels_last: bool = False) -> Tensor:
        """Scale and normalise uint8 pictures (B, 3, H, W) to float32, with the arithmetic of torchvision.

        Where the transform has an unexpected form, pictures are normalised already and stay as they are.
        """
        import torch

        if self.head is None:
            return pictures
        order = torch.channels_last if channels_last else torch.contiguous_format
        batch = pictures.to(torch.float32, memory_format=order).div_(255)
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
