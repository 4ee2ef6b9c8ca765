"""Can an identity be recognised across its pictures? A small network learns half of them and names the other half."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from salmubench.core import progress, streams
from salmubench.core.errors import DatasetError
from salmubench.core.pictures import open_picture
from salmubench.core.types import SENSITIVE_SPLITS
from salmubench.dataset.layout import Dataset

_SIDE = 64  # pixels of the square that the network sees
_EPOCHS = 40
_BATCH = 64
_WIDTHS = ((24, 2), (32, 2), (64, 1), (64, 2), (96, 1), (128, 1))  # channels and stride of each convolution
_LEAST = 4  # pictures of an identity, half of them for training


class Recognition(NamedTuple):
    """What the network got right.

    Attributes:
        right: per tested picture 1 or 0, float64 (n,).
        identities: number of the identity of each, int64 (n,).
        names: identity of each number.
    """

    right: NDArray[np.float64]
    identities: NDArray[np.int64]
    names: tuple[str, ...]


def recognise(dataset: Dataset, *, identities: int = 48, pictures: int = 24, seed: int = 0) -> Recognition:
    """Train on half of the pictures of some identities and test on the other half.

    The centre square of each picture is scaled to 64 × 64 pixels. Mirroring, shifts and changes of colour while
    training leave little but the face to learn from.

    Args:
        identities: at most so many, drawn by the seed.
        pictures: at most so many of each.
        seed: of the choice, the weights and the batches; torch's own generators keep their state.

    Raises:
        DatasetError: fewer than two identities with four sensitive pictures.
    """
    chosen = _choose(dataset, identities, pictures, np.random.default_rng([seed, streams.Statistics.RECOGNITION]))
    if len(chosen) < 2:
        raise DatasetError(
            f"Expected at least two identities with {_LEAST} sensitive pictures to look for recognition, got fewer."
        )
    images, labels = _load(dataset, chosen)
    turn = np.concatenate([np.arange(len(rows)) for rows in chosen.values()])
    test = turn % 2 == 1
    guessed = _fit_and_guess(images[~test], labels[~test], images[test], seed=seed)
    return Recognition((guessed == labels[test]).astype(np.float64), labels[test], tuple(chosen))


def _choose(
    dataset: Dataset, identities: int, pictures: int, rng: np.random.Generator
) -> Mapping[str, Sequence[tuple[str, int]]]:
    """Identity → split and row of some of its pictures, in random order."""
    rows: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
    for split in SENSITIVE_SPLITS:
        for number, row in enumerate(dataset.rows(split)):
            if row.identity is not None:
                rows[row.identity].append((str(split), number))
    able = sorted(name for name, places in rows.items() if len(places) >= _LEAST)
    names = [able[index] for index in sorted(rng.permutation(len(able))[:identities].tolist())]
    return {
        name: [rows[name][index] for index in rng.permutation(len(rows[name]))[:pictures].tolist()] for name in names
    }


def _load(
    dataset: Dataset, chosen: Mapping[str, Sequence[tuple[str, int]]]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Centre squares, float32 (n, 3, 64, 64) from −1 to 1, and numbers of identities."""
    places = {place: number for number, place in enumerate(place for rows in chosen.values() for place in rows)}
    images = np.empty((len(places), 3, _SIDE, _SIDE), dtype=np.float32)
    for split in SENSITIVE_SPLITS:
        numbers = {row: number for (name, row), number in places.items() if name == split}
        if numbers:
            for row, data in enumerate(dataset.images(split, 0, max(numbers) + 1)):
                if row in numbers:
                    images[numbers[row]] = _square(data, f"split {split}, row {row}")
    labels = np.repeat(np.arange(len(chosen)), [len(rows) for rows in chosen.values()])
    return images, labels


def _square(data: bytes, where: str) -> NDArray[np.float32]:
    with open_picture(data, where=where) as image:
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        small = image.convert("RGB").resize(
            (_SIDE, _SIDE), Image.Resampling.BOX, box=(left, top, left + side, top + side)
        )
    return np.asarray(small, dtype=np.float32).transpose(2, 0, 1) / 127.5 - 1.0


def _fit_and_guess(
    train: NDArray[np.float32], labels: NDArray[np.int64], test: NDArray[np.float32], *, seed: int
) -> NDArray[np.int64]:
    import torch
    import torch.nn.functional as F

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        body, head = _network(int(labels.max()) + 1)
        parameters = [*body.parameters(), head]
        optimiser = torch.optim.AdamW(parameters, 2e-3, weight_decay=0.05)
        x, y = torch.from_numpy(train), torch.from_numpy(labels)
        size = min(_BATCH, max(len(x) // 8, 8))  # few pictures need small batches to make some steps
        steps = -(-len(x) // size) * _EPOCHS
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=steps)

        def logits(images: Any) -> Any:
            return 14.0 * F.normalize(body(images), dim=1) @ F.normalize(head, dim=1).T

        for _ in progress.track(range(_EPOCHS), total=_EPOCHS, description="Learning faces"):
            for part in torch.randperm(len(x)).split(size):  # type: ignore[no-untyped-call]
                loss = F.cross_entropy(logits(_varied(x[part])), y[part], label_smoothing=0.05)
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                schedule.step()
        body.eval()
        with torch.no_grad():
            parts: Any = torch.from_numpy(test).split(256)  # type: ignore[no-untyped-call]
            guesses: NDArray[np.int64] = np.concatenate([logits(part).argmax(1).numpy() for part in parts])
        return guesses


def _network(classes: int) -> tuple[Any, Any]:
    """Six convolutions to 128 numbers, and one direction per class to compare them with."""
    import torch
    from torch import nn

    layers: list[nn.Module] = []
    channels = 3
    for width, stride in _WIDTHS:
        layers += [nn.Conv2d(channels, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        channels = width
    layers += [nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(channels * 16, 128)]
    return nn.Sequential(*layers), nn.Parameter(torch.randn(classes, 128))


def _varied(x: Any) -> Any:
    """Mirror, shift, scale and recolour a batch (N, 3, H, W)."""
    import torch
    import torch.nn.functional as F

    count = len(x)
    x = torch.where(torch.rand(count, 1, 1, 1) < 0.5, x.flip(3), x)
    place = torch.zeros(count, 2, 3)
    place[:, 0, 0] = place[:, 1, 1] = 1.0 + 0.15 * (2 * torch.rand(count) - 1)
    place[:, :, 2] = 0.16 * (2 * torch.rand(count, 2) - 1)
    grid = F.affine_grid(place, list(x.shape), align_corners=False)
    x = F.grid_sample(x, grid, padding_mode="border", align_corners=False)
    return x * (1 + 0.25 * (2 * torch.rand(count, 3, 1, 1) - 1)) + 0.1 * torch.randn(count, 1, 1, 1)
