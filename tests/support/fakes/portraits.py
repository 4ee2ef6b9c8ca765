"""A portrait backend for tests: a coloured gradient per person, tilted by the shot."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Face:
    seed: int
    gender: str
    age: int


@dataclass(frozen=True)
class Shot:
    face: Face
    seed: int
    aspect: float
    facts: dict[str, str]


def sample_identity(seed, *, gender, age):
    return Face(seed, gender, age)


def sample_shot(appearance, seed, *, aspect):
    rng = np.random.default_rng(seed)
    hair = f"{rng.choice(['long', 'short'])} {rng.choice(['red', 'black', 'grey'])} hair"
    word = {"female": "woman", "male": "man"}[appearance.gender]
    return Shot(appearance, seed, aspect, {"gender": word, "hair": hair})


def render_jpeg(shots, *, size, samples=1):
    return [_render(shot, size) for shot in shots]


def _render(shot, size):
    long = round(size * max(shot.aspect, 1 / shot.aspect))
    width, height = (long, size) if shot.aspect >= 1 else (size, long)
    colour = np.random.default_rng(shot.face.seed).uniform(60, 190, 3)
    rng = np.random.default_rng(shot.seed)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    angle = rng.uniform(0, 2 * np.pi)
    slope = 60 * np.sin(3 * (x * np.cos(angle) + y * np.sin(angle)) + rng.uniform(0, 6))
    noise = rng.normal(0, 4, (height, width, 3))
    stream = io.BytesIO()
    pixels = np.clip(colour + slope[..., None] + noise, 0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(stream, "JPEG", quality=90)
    return stream.getvalue()
