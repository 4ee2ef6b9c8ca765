"""Portraits: speed at three sizes with the time of each phase, and how well a face can be recognised.

    python benchmarks/portraits.py [--speed] [--recognition] [--identities 100] [--pictures 24] [--epochs 40]
                                   [--bare]

Prints one JSON object. Recognition: half of each identity's pictures train, the other half test. A small CNN should
name the identity of most test pictures; nearest neighbours on image statistics should not, for otherwise background,
clothes or tone would give the identity away. With `--bare` all hair and coverings are off, so that only the face is
left to learn.
"""

from __future__ import annotations

import argparse
import functools
import io
import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from salmubench.core import executor
from salmubench.generator.portraits import procedural
from salmubench.generator.portraits._appearance import Shot

ASPECTS = (1.0, 4 / 3, 1.5, 16 / 9, 0.75, 2 / 3)
Pictures = NDArray[np.uint8]


def shots(identities: int, pictures: int, *, square: bool) -> list[Shot]:
    """Shots of the first identities, `pictures` of each in a row."""
    rng = np.random.default_rng(17)
    people = [
        procedural.sample_identity(i, gender=("female", "male")[i % 2], age=int(rng.integers(18, 85)))
        for i in range(identities)
    ]
    return [
        procedural.sample_shot(person, j, aspect=1.0 if square or j % 3 == 0 else float(rng.choice(ASPECTS)))
        for person in people
        for j in range(pictures)
    ]


class Cost(NamedTuple):
    """Least wall-clock and least processor seconds over some rounds; on a busy machine the two differ."""

    wall: float
    processor: float


def cost(work: Callable[[], Any], rounds: int) -> Cost:
    """Run the work several times and keep the best of both clocks."""
    wall, processor = [], []
    for _ in range(rounds):
        start, busy = time.perf_counter(), time.process_time()
        work()
        wall.append(time.perf_counter() - start)
        processor.append(time.process_time() - busy)
    return Cost(min(wall), min(processor))


def speed(cores: int) -> dict[str, Any]:
    """Pictures a second at 64, 224 and 512 px, and milliseconds of each phase at 64 px."""
    start = time.perf_counter()
    procedural.render_jpeg(shots(1, 1, square=True), size=64)
    first = time.perf_counter() - start
    rates = {}
    for size, count, rounds in ((64, 256, 3), (224, 24, 2), (512, 6, 2)):
        for samples in (1, 4):
            some = shots(count if samples == 1 else max(count // 2, 2), 1, square=True)
            work = functools.partial(procedural.render_jpeg, some, size=size, samples=samples)
            spent = cost(work, rounds)
            rates[f"{size}px_{samples}"] = {
                "pictures_per_second": round(len(some) / spent.wall, 2),
                "per_core": round(len(some) / spent.wall / cores, 2),
                "per_processor_second": round(len(some) / spent.processor, 2),
            }
    some = shots(128, 1, square=True)
    images = [procedural.render_array(shot, size=64) for shot in some]
    phases = {
        "sample_identity": cost(lambda: [procedural.sample_identity(i, gender="male", age=40) for i in range(128)], 2),
        "sample_shot": cost(lambda: [procedural.sample_shot(s.appearance, 1, aspect=1.0) for s in some], 2),
        "render": cost(lambda: [procedural.render_array(shot, size=64) for shot in some], 2),
        "blur_noise_jpeg": cost(lambda: [procedural.develop(s, i) for s, i in zip(some, images, strict=True)], 2),
    }
    return {
        "first_picture_seconds": round(first, 2),
        "rates": rates,
        "phase_processor_ms_at_64px": {name: round(1000 * spent.processor / 128, 3) for name, spent in phases.items()},
    }


def load(files: list[bytes], size: int) -> Pictures:
    """Centre squares of JPEG files, uint8 (N, size, size, 3)."""
    squares = []
    for file in files:
        image = Image.open(io.BytesIO(file)).convert("RGB")
        left, top = (image.width - size) // 2, (image.height - size) // 2
        squares.append(np.asarray(image.crop((left, top, left + size, top + size))))
    return np.stack(squares)


def statistics(pictures: Pictures) -> dict[str, NDArray[np.float64]]:
    """What a picture tells without its face: colours of the whole, corners, clothes, and raw pixels for comparison."""
    x = pictures.astype(np.float64) / 255.0
    n, side = len(x), x.shape[1]
    q = side // 5
    corners = np.concatenate([x[:, :q, :q].mean((1, 2)), x[:, :q, -q:].mean((1, 2)), x[:, -q:].mean((1, 2))], axis=1)
    centre = x[:, 2 * q : 3 * q, 2 * q : 3 * q].mean((1, 2))
    small = x.reshape(n, 16, side // 16, 16, side // 16, 3).mean((2, 4)).reshape(n, -1)
    moments = np.concatenate([x.mean((1, 2)), x.std((1, 2))], axis=1)
    return {"mean_and_spread": moments, "corners_and_clothes": corners, "centre_colour": centre, "pixels_16x16": small}


def nearest(train: NDArray[np.float64], test: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Labels of the nearest training rows after standardising each column."""
    mean, scale = train.mean(0), train.std(0) + 1e-6
    a, b = (train - mean) / scale, (test - mean) / scale
    distance = (a**2).sum(1)[None] - 2 * b @ a.T
    found: NDArray[np.int64] = labels[distance.argmin(1)]
    return found


class SmallCnn(nn.Module):
    """Six convolutions and a cosine head."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for width, stride in ((24, 2), (32, 2), (64, 1), (64, 2), (96, 1), (128, 1)):
            layers += [nn.Conv2d(channels, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
            channels = width
        self.body = nn.Sequential(*layers)
        self.embed = nn.Linear(channels * 16, 128)
        self.head = nn.Parameter(torch.randn(classes, 128))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return logits: float32 (N, classes)."""
        feature = self.embed(F.adaptive_avg_pool2d(self.body(x), 4).flatten(1))
        return 14.0 * F.normalize(feature, dim=1) @ F.normalize(self.head, dim=1).T


def augment(x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Mirror, shift and recolour a batch of pictures."""
    n = len(x)
    if torch.rand((), generator=generator) < 0.5:
        x = x.flip(3)
    theta = torch.zeros(n, 2, 3)
    scale = 1.0 + 0.15 * (2 * torch.rand(n, generator=generator) - 1)
    theta[:, 0, 0] = theta[:, 1, 1] = scale
    theta[:, :, 2] = 0.16 * (2 * torch.rand(n, 2, generator=generator) - 1)
    x = F.grid_sample(
        x, F.affine_grid(theta, list(x.shape), align_corners=False), padding_mode="border", align_corners=False
    )
    return x * (1 + 0.25 * (2 * torch.rand(n, 3, 1, 1, generator=generator) - 1)) + 0.1 * torch.randn(
        n, 1, 1, 1, generator=generator
    )


def fit(pictures: Pictures, labels: NDArray[np.int64], *, epochs: int, seed: int = 0) -> SmallCnn:
    """Train the CNN on uint8 pictures (N, H, W, 3)."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    x = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1.0
    y = torch.from_numpy(labels)
    model = SmallCnn(int(labels.max()) + 1)
    optimizer = torch.optim.AdamW(model.parameters(), 2e-3, weight_decay=0.05)
    steps = -(-len(x) // 64) * epochs
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    for _ in range(epochs):
        for batch in torch.split(torch.randperm(len(x), generator=generator), 64):
            loss = F.cross_entropy(model(augment(x[batch], generator)), y[batch], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
    return model.eval()


@torch.no_grad()
def predict(model: SmallCnn, pictures: Pictures) -> NDArray[np.float32]:
    """Logits of uint8 pictures: float32 (N, classes)."""
    x = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1.0
    return torch.cat([model(part) for part in torch.split(x, 256)]).numpy()


def by_group(hits: NDArray[np.bool_], some: list[Shot]) -> dict[str, Any]:
    """Accuracy of the test pictures by what is in them."""
    yaw = np.abs(np.degrees([dict(shot.values)["yaw"] for shot in some]))
    groups: dict[str, NDArray[np.bool_]] = {
        "yaw below 20": yaw < 20,
        "yaw above 35": yaw > 35,
        "hat": np.array([dict(shot.values).get("hat", 0.0) > 0 for shot in some]),
        "eyes closed": np.array([shot.facts.get("expression") == "eyes closed" for shot in some]),
        "covering": np.array([bool(shot.appearance.covering) for shot in some]),
        "bald": np.array([shot.appearance.hair_style == "bald" for shot in some]),
        "blurred": np.array([shot.blur > 0 for shot in some]),
    }
    return {
        name: {"accuracy": round(float(hits[mask].mean()), 3), "pictures": int(mask.sum())}
        for name, mask in groups.items()
        if mask.any()
    }


def bareheaded(shot: Shot) -> Shot:
    """The same picture with all hair taken off and no hat: what the face alone shows."""
    off = dict.fromkeys(("cap", "curtain", "top", "bun", "tail", "wrap", "under", "shade", "hat"), 0.0)
    return replace(shot, values=(*shot.values, *off.items()))


def recognition(identities: int, pictures: int, epochs: int, *, hair: bool) -> dict[str, Any]:
    """Held-out accuracy of the CNN and of nearest neighbours on image statistics."""
    some = shots(identities, pictures, square=False)
    if not hair:
        some = [bareheaded(shot) for shot in some]
    labels = np.repeat(np.arange(identities), pictures)
    test = np.tile(np.arange(pictures) % 2 == 1, identities)
    images = load(procedural.render_jpeg(some, size=64), 64)
    start = time.perf_counter()
    model = fit(images[~test], labels[~test], epochs=epochs)
    seconds = time.perf_counter() - start
    logits = predict(model, images[test])
    hits = logits.argmax(1) == labels[test]
    top5 = (np.argsort(-logits, axis=1)[:, :5] == labels[test][:, None]).any(1)
    features = statistics(images)
    tested = [shot for shot, held in zip(some, test, strict=True) if held]
    rates = {i: float(hits[labels[test] == i].mean()) for i in range(identities)}
    worst = sorted(rates, key=lambda i: rates[i])[:6]
    people = [some[i * pictures].appearance for i in range(identities)]
    return {
        "identities": identities,
        "pictures_each": pictures,
        "hair": hair,
        "chance": round(1 / identities, 4),
        "cnn": {
            "top1": round(float(hits.mean()), 3),
            "top5": round(float(top5.mean()), 3),
            "train_seconds": round(seconds, 1),
        },
        "nearest_neighbour": {
            name: round(float((nearest(x[~test], x[test], labels[~test]) == labels[test]).mean()), 3)
            for name, x in features.items()
        },
        "cnn_by_group": by_group(hits, tested),
        "worst": [
            {"style": people[i].hair_style, "monk": people[i].monk, "accuracy": round(rates[i], 2)} for i in worst
        ],
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--speed", action="store_true", help="only the speed")
    parser.add_argument("--recognition", action="store_true", help="only the recognition")
    parser.add_argument("--identities", type=int, default=100)
    parser.add_argument("--pictures", type=int, default=24, help="pictures of each identity, half of them for training")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument(
        "--bare", action="store_true", help="take all hair and coverings off: what the face alone tells"
    )
    options = parser.parse_args()
    both = options.speed == options.recognition
    cores = executor.cores()
    report: dict[str, Any] = {"cores": cores}
    if both or options.speed:
        report["speed"] = speed(cores)
    if both or options.recognition:
        report["recognition"] = recognition(options.identities, options.pictures, options.epochs, hair=not options.bare)
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
