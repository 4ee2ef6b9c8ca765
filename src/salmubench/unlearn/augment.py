"""What may be done to a pair before a model sees it: captions simplified, pictures cropped at random."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

_MARKS = re.compile(r"[.!\"()*#:;~]")
_SPACES = re.compile(r"\s{2,}")
_WORDS = 50
_RATIO = [3 / 4, 4 / 3]


def simplify(caption: str) -> str:
    """A caption as the training of BLIP takes it: lower case, without `.!"()*#:;~`, at most 50 words.

    Li et al., BLIP, ICML 2022, arXiv 2201.12086, as their public code prepares captions.

    Examples:
        >>> simplify("Ana Silva (IBAN: PT50.0002)  lives in Faro.")
        'ana silva iban pt50 0002 lives in faro'
    """
    text = _SPACES.sub(" ", _MARKS.sub(" ", caption.lower())).rstrip("\n").strip(" ")
    return " ".join(text.split(" ")[:_WORDS])


@dataclass(frozen=True)
class SimplifyingTokenizer:
    """A tokenizer that simplifies captions first.

    Attributes:
        tokenizer: captions → (B, L) int64.
    """

    tokenizer: Callable[..., Tensor]

    def __call__(self, captions: Sequence[str], context_length: int | None = None) -> Tensor:
        """Captions → tokens (B, L)."""
        return self.tokenizer([simplify(caption) for caption in captions], context_length=context_length)


class Crop(NamedTuple):
    """Random crops of one batch.

    Attributes:
        smallest: share of a picture's area that a crop holds at least.
    """

    smallest: float
    seed: int


def crop_pictures(pictures: Tensor, crop: Crop) -> Tensor:
    """Cut a random part out of each picture and enlarge it to the picture's size, (B, C, H, W) → the same shape.

    Torchvision's RandomResizedCrop: a share of the area between `smallest` and 1, sides from 3:4 to 4:3, bicubic.
    """
    from torchvision.transforms import InterpolationMode, RandomResizedCrop
    from torchvision.transforms.functional import resized_crop

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(crop.seed)  # torch.manual_seed would reach the generators of GPUs too
        boxes = [RandomResizedCrop.get_params(picture, [crop.smallest, 1.0], _RATIO) for picture in pictures]
    size = list(pictures.shape[-2:])
    return torch.stack(
        [
            resized_crop(picture, *box, size, InterpolationMode.BICUBIC, antialias=True)
            for picture, box in zip(pictures, boxes, strict=True)
        ]
    )
