"""Identity lies in the face: a small network learns it from half of the pictures, image statistics do not know it."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from salmubench.generator.portraits import procedural

pytestmark = pytest.mark.stage

PEOPLE = 12
PICTURES = 32
SIZE = 32


@pytest.fixture
def one_thread():
    """Pictures this small are learned faster by one thread than by several that wait for one another."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def pictures() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pictures (N, 32, 32, 3) in 0..1, labels and which of them are held out."""
    people = [procedural.sample_identity(i, gender=("female", "male")[i % 2], age=20 + 5 * i) for i in range(PEOPLE)]
    shots = [procedural.sample_shot(person, j, aspect=1.0) for person in people for j in range(PICTURES)]
    files = procedural.render_jpeg(shots, size=SIZE)
    images = np.stack([np.asarray(Image.open(io.BytesIO(file)).convert("RGB")) for file in files]) / 255.0
    return images, np.repeat(np.arange(PEOPLE), PICTURES), np.tile(np.arange(PICTURES) % 2 == 1, PEOPLE)


def nearest(train: np.ndarray, test: np.ndarray, labels: np.ndarray) -> np.ndarray:
    scale = train.std(0) + 1e-6
    return labels[((test[:, None] / scale - train[None] / scale) ** 2).sum(2).argmin(1)]


def train_network(images: np.ndarray, labels: np.ndarray) -> torch.nn.Module:
    torch.manual_seed(0)
    layers: list[torch.nn.Module] = []
    for before, after in ((3, 24), (24, 48), (48, 64)):
        layers += [torch.nn.Conv2d(before, after, 3, 2, 1), torch.nn.BatchNorm2d(after), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers, torch.nn.Flatten(), torch.nn.Dropout(0.3), torch.nn.Linear(64 * 16, PEOPLE))
    optimizer = torch.optim.AdamW(model.parameters(), 2e-3, weight_decay=0.05)
    generator = torch.Generator().manual_seed(0)
    x = torch.from_numpy(images).permute(0, 3, 1, 2).float()
    y = torch.from_numpy(labels)
    for _ in range(45):
        for batch in torch.randperm(len(x), generator=generator).split(32):
            dx, dy = (int(v) for v in torch.randint(-4, 5, (2,), generator=generator))
            part = x[batch].roll((dy, dx), (2, 3))
            part = part * (0.8 + 0.4 * torch.rand(len(batch), 3, 1, 1, generator=generator))
            loss = F.cross_entropy(model(part), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model.eval()


@pytest.mark.night
def test_faces_are_recognised_and_statistics_are_not(one_thread):
    images, labels, held_out = pictures()
    model = train_network(images[~held_out], labels[~held_out])
    with torch.no_grad():
        named = model(torch.from_numpy(images[held_out]).permute(0, 3, 1, 2).float()).argmax(1).numpy()
    network = (named == labels[held_out]).mean()
    moments = np.concatenate([images.mean((1, 2)), images.std((1, 2))], axis=1)
    surroundings = np.concatenate(
        [images[:, :6, :6].mean((1, 2)), images[:, :6, -6:].mean((1, 2)), images[:, -5:].mean((1, 2))], axis=1
    )
    by_moments, by_surroundings = (
        (nearest(x[~held_out], x[held_out], labels[~held_out]) == labels[held_out]).mean()
        for x in (moments, surroundings)
    )
    chance = 1 / PEOPLE
    assert network > 0.6, (network, by_moments, by_surroundings)
    assert by_moments < 3.5 * chance
    assert by_surroundings < 3 * chance
    assert network > 2 * max(by_moments, by_surroundings)
