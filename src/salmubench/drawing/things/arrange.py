"""A scene turned into the arrays of one picture: objects put in place, camera, light, paints."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from salmubench.drawing.things import kinds
from salmubench.drawing.things.catalogue import CLASSES
from salmubench.drawing.things.kinds import PAINT_COLUMNS
from salmubench.drawing.things.packing import Shape, shape
from salmubench.drawing.things.palette import (
    COLOURS,
    DECORATIONS,
    INDOORS,
    MATERIALS,
    PAINTS,
    PLACES,
    RGB,
    Finish,
)
from salmubench.drawing.things.scene import Scene

Floats = NDArray[np.float64]
EYE_DISTANCE = 6.5
# How deep things float on the water, as a share of their height.
DRAUGHT = 0.16
_ARRANGEMENT = 2  # after seed and class: a stream of random numbers apart from those of the scene


class Arrays(NamedTuple):
    """Arguments of the kernel, in its order, and the finish of the finished picture."""

    parts: Floats
    groups: Floats
    outline: Floats
    instances: Floats
    paints: Floats
    camera: Floats
    light: Floats
    place: Floats
    blur: float
    quality: int


class _Placed(NamedTuple):
    rows: Floats  # (count, INSTANCE_COLUMNS)
    points: Floats  # (N, 3), outside of all copies in the world


def _linear(colour: RGB) -> Floats:
    return (np.asarray(colour, float) / 255.0) ** 2


def _shifted(colour: RGB, amount: float, rng: np.random.Generator) -> Floats:
    return np.clip(
        _linear(colour) * (1.0 + amount * rng.standard_normal(3)) * math.exp(amount * rng.standard_normal()),
        0.004,
        0.98,
    )


def _paint_row(colour: Floats, second: Floats, finish: Finish) -> Floats:
    return np.array(
        [*colour, *second, finish.gloss, finish.sharp, finish.mirror, finish.clear, finish.pattern, finish.frequency,
         finish.strength, finish.glow]
    )  # fmt: skip


def _paints(scene: Scene, slots: tuple[str, ...], rng: np.random.Generator) -> Floats:
    finish = MATERIALS[scene.material].finish
    main = _shifted(COLOURS[scene.colour], 0.07, rng)
    others = [name for name in COLOURS if name != scene.colour]
    second = _shifted(COLOURS[others[int(rng.integers(len(others)))]], 0.07, rng)
    dark, light = main * 0.4, main + (1.0 - main) * 0.55
    rows = np.empty((len(slots), PAINT_COLUMNS))
    for i, name in enumerate(slots):
        if name == "main" and scene.decoration:
            _, pattern, frequency = DECORATIONS[scene.decoration]
            contrast = np.array([0.85, 0.84, 0.8]) if main.mean() < 0.4 else np.array([0.06, 0.07, 0.12])
            rows[i] = _paint_row(main, contrast, finish)
            rows[i, kinds.PATTERN], rows[i, kinds.FREQUENCY], rows[i, kinds.STRENGTH] = pattern, frequency, 0.9
        elif name in ("main", "dark", "light", "second", "contrast"):
            marks = np.full(3, 0.02 if main.mean() > 0.2 else 0.85)
            colour = {"main": main, "dark": dark, "light": light, "second": second, "contrast": marks}[name]
            contrast = colour * 0.35 if colour.mean() > 0.03 else colour + 0.06
            rows[i] = _paint_row(colour, contrast, finish)
        else:
            paint = PAINTS[name]
            colour = _shifted(paint.colour, 0.05, rng)
            rows[i] = _paint_row(colour, colour * 0.4, paint.finish)
    return rows


def _matrix(lean: float, yaw: float, stretch: Floats) -> Floats:
    (cl, sl), (cy, sy) = ((math.cos(a), math.sin(a)) for a in (math.radians(lean), math.radians(yaw)))
    about_z = np.array([[cl, -sl, 0.0], [sl, cl, 0.0], [0.0, 0.0, 1.0]])
    about_y = np.array([[cy, 0.0, sy], [0.0, 1.0, 0.0], [-sy, 0.0, cy]])
    product: Floats = about_z @ about_y @ np.diag(stretch)
    return product


def _objects(scene: Scene, packed: Shape, rng: np.random.Generator) -> _Placed:
    row = CLASSES[scene.class_index]
    amount = row.stretch
    stretch = np.exp(rng.uniform(-amount, amount, 3))
    afloat = scene.place == "water"
    aloft = scene.place == "sky"
    placed: list[tuple[Floats, Floats, Floats]] = []
    right = 0.0
    for i in range(scene.count):
        yaw = scene.yaw + (0.0 if i == 0 else float(rng.uniform(-25, 25)))
        matrix = _matrix(float(rng.uniform(-1, 1)) * (row.lean + 14.0 * aloft), yaw, stretch)
        points = packed.points @ matrix.T
        low, high = points.min(0), points.max(0)
        height = -low[1] - DRAUGHT * (high[1] - low[1]) * afloat + aloft * float(rng.uniform(1.2, 1.7))
        # Copies stand in a loose row, every other one further back, partly behind its neighbours.
        wide = high[0] - low[0]
        gap = float(rng.uniform(-0.3, 0.1)) * wide
        back = (high[2] - low[2]) * (0.75 * (i % 2) + float(rng.uniform(-0.1, 0.1)))
        position = np.array([right - low[0], height, -back])
        right += wide + gap
        placed.append((matrix, position, points + position))
    middle = 0.5 * (right - gap)
    rows = np.empty((scene.count, kinds.INSTANCE_COLUMNS))
    reach = float(np.sqrt((packed.points**2).sum(1)).max()) * 1.03
    for matrix_row, (matrix, position, points) in zip(rows, placed, strict=True):
        position[0] -= middle
        points[:, 0] -= middle
        matrix_row[kinds.MATRIX : kinds.MATRIX + 9] = np.linalg.inv(matrix).ravel()
        matrix_row[kinds.POSITION : kinds.POSITION + 3] = position
        matrix_row[kinds.BOUND : kinds.BOUND + 4] = 0.0, 0.0, 0.0, reach
        matrix_row[kinds.SCALE] = float(np.exp(np.log(stretch).mean()))
    return _Placed(rows, np.concatenate([points for _, _, points in placed]))


def _camera(scene: Scene, points: Floats, rng: np.random.Generator) -> Floats:
    pitch, roll = math.radians(scene.pitch), math.radians(float(rng.normal(0.0, 2.0)))
    distance = EYE_DISTANCE * (1.0 + 0.5 * (scene.count - 1)) * float(rng.uniform(0.7, 1.3))
    forward = np.array([0.0, -math.sin(pitch), -math.cos(pitch)])
    up, right = np.array([0.0, math.cos(pitch), -math.sin(pitch)]), np.array([1.0, 0.0, 0.0])
    right, up = math.cos(roll) * right + math.sin(roll) * up, math.cos(roll) * up - math.sin(roll) * right
    target = 0.5 * (points.min(0) + points.max(0))
    # The eye stays above the ground however low it looks.
    eye = target - forward * distance
    eye[1] = max(eye[1], 0.25)
    away = points - eye
    depth = away @ forward
    flat = np.stack([away @ right / depth, away @ up / depth])  # (2, N)
    low, high = flat.min(1), flat.max(1)
    wide, tall = max(scene.aspect, 1.0), max(1.0 / scene.aspect, 1.0)
    half = 0.5 * max((high[0] - low[0]) / wide, (high[1] - low[1]) / tall) / scene.fill
    slack = np.maximum(np.array([wide, tall]) * half - 0.5 * (high - low), 0.0) + 0.05 * half
    shift = 0.5 * (low + high) + slack * rng.uniform(-0.75, 0.75, 2)
    return np.array([*eye, *right, *up, *forward, *shift, half])


def _light(scene: Scene, rng: np.random.Generator) -> Floats:
    place = PLACES[scene.place]
    azimuth, height = math.radians(float(rng.uniform(-75, 75))), math.radians(float(rng.uniform(22, 68)))
    towards = (math.sin(azimuth) * math.cos(height), math.sin(height), math.cos(azimuth) * math.cos(height))
    warm = float(rng.normal(0.0, 0.07))
    key = place.key * float(rng.uniform(0.75, 1.1)) * np.array([1.0 + warm, 1.0, 1.0 - warm])
    sky = np.array([0.98, 1.0, 1.06]) if scene.place not in INDOORS else np.array([1.0, 0.98, 0.95])
    if scene.place == "night":
        key, sky = key * (0.8, 0.9, 1.15), sky * (0.8, 0.95, 1.3)
    ambient = place.ambient * float(rng.uniform(0.75, 1.1)) * sky
    bounce = 0.6 * place.ambient * (0.5 + 0.5 * _linear(place.ground_colours[0][0]))
    noise = float(rng.uniform(0.0, 0.03))
    return np.array(
        [*towards, *key, *ambient, *bounce, float(rng.uniform(0.42, 0.58)), noise, float(scene.seed % 65521)]
    )


def _place(scene: Scene, rng: np.random.Generator) -> Floats:
    place = PLACES[scene.place]
    ground = place.ground_colours[int(rng.integers(len(place.ground_colours)))]
    back = place.backdrop_colours[int(rng.integers(len(place.backdrop_colours)))]
    return np.array(
        [place.ground, *_shifted(ground[0], 0.05, rng), *_shifted(ground[1], 0.05, rng),
         place.backdrop, *_shifted(back[0], 0.05, rng), *_shifted(back[1], 0.05, rng),
         float(rng.integers(1000)), float(rng.uniform(1.7, 4.0))]
    )  # fmt: skip


def arrange(scene: Scene) -> Arrays:
    """Return the kernel's arguments for a scene."""
    rng = np.random.default_rng([scene.seed, scene.class_index, _ARRANGEMENT])
    packed = shape(scene.class_index, scene.variant)
    paints = _paints(scene, packed.slots, rng)
    placed = _objects(scene, packed, rng)
    camera = _camera(scene, placed.points, rng)
    light = _light(scene, rng)
    place = _place(scene, rng)
    blur = float(rng.uniform(0.2, 0.5)) if rng.random() < 0.25 else 0.0
    return Arrays(
        packed.parts,
        packed.groups,
        packed.outline,
        placed.rows,
        paints,
        camera,
        light,
        place,
        blur,
        int(rng.integers(75, 96)),
    )
