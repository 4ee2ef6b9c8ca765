"""What a picture of an object shows, drawn at random: the facts, and the numbers behind them."""

from __future__ import annotations

import dataclasses
import math
import zlib

import numpy as np

from salmubench.core.errors import ConfigError
from salmubench.drawing.things.catalogue import CLASSES
from salmubench.drawing.things.classes import ObjectClass
from salmubench.drawing.things.palette import (
    DECORATED_MATERIALS,
    DECORATIONS,
    MATERIALS,
    PLACES,
)

COUNT_WORDS = ("one", "two", "three")
COUNT_SHARES = (0.85, 0.1, 0.05)
DECORATED_SHARE = 0.12
HOME_SHARE = {"ground": 0.0, "sky": 0.4, "water": 0.35}
YAW_BINS, PITCH_BINS = 3, 2
# One cell in this many is kept for held-out pictures.
HELD_OUT_ONE_IN = 5
# From this elevation of the camera on, captions may say that a thing is seen from above.
ABOVE_DEGREES = 30.0
# How much of the frame's short side a thing spans.
FILL = (0.64, 1.02)
# Shares of the frame up to which captions may call a thing small, and from which large.
SMALL, LARGE = 0.72, 0.95


@dataclasses.dataclass(frozen=True)
class Scene:
    """One picture to be drawn; everything not named here follows from `seed`.

    Attributes:
        class_index: row of the catalogue.
        seed: of this scene.
        aspect: width / height.
        variant: which shape of the class.
        colour: of the main paint.
        material: key of `palette.MATERIALS`.
        decoration: key of `palette.DECORATIONS`, or "".
        place: key of `palette.PLACES`.
        count: how many copies, 1–3.
        yaw: turn of the objects about the upright axis, degrees.
        pitch: elevation of the camera, degrees.
        fill: share of the frame's short side that the objects span.
    """

    class_index: int
    seed: int
    aspect: float
    variant: int
    colour: str
    material: str
    decoration: str
    place: str
    count: int
    yaw: float
    pitch: float
    fill: float

    @property
    def facts(self) -> dict[str, str]:
        """What is to be seen, in plain words; keys that do not apply are left out."""
        row = CLASSES[self.class_index]
        facts = {
            "object": row.name,
            "colour": self.colour if row.described else "",
            "material": MATERIALS[self.material].word if row.described else "",
            "pattern": DECORATIONS[self.decoration][0] if row.described and self.decoration else "",
            "place": PLACES[self.place].phrase,
            "count": COUNT_WORDS[self.count - 1],
            "size": "small" if self.fill < SMALL else "large" if self.fill > LARGE else "",
            "view": "seen from above" if self.pitch >= ABOVE_DEGREES else "",
        }
        return {key: value for key, value in facts.items() if value}


def cell(scene: Scene) -> tuple[str, str, str, int]:
    """Return the scene's cell: class, colour, place and bin of the view."""
    row = CLASSES[scene.class_index]
    turn = _bin(scene.yaw, row.yaw, YAW_BINS)
    tilt = _bin(scene.pitch, _pitch_range(row, scene.place), PITCH_BINS)
    return row.name, scene.colour, scene.place, turn * PITCH_BINS + tilt


def is_reserved(key: tuple[str, str, str, int]) -> bool:
    """Whether a cell is kept for held-out pictures (one in five, by a hash of the cell's words)."""
    return zlib.crc32("|".join(map(str, key)).encode()) % HELD_OUT_ONE_IN == 0


def _bin(value: float, limits: tuple[float, float], count: int) -> int:
    return min(int((value - limits[0]) / (limits[1] - limits[0]) * count), count - 1)


def _pitch_range(row: ObjectClass, place: str) -> tuple[float, float]:
    return (-22.0, 25.0) if place == "sky" else row.pitch


def _place(row: ObjectClass, rng: np.random.Generator) -> str:
    if rng.random() < HOME_SHARE[row.home]:
        return row.home
    common = [name for name in PLACES if name not in ("sky", "water")]
    return common[int(rng.integers(len(common)))]


def _draw(class_index: int, seed: int, aspect: float, rng: np.random.Generator) -> Scene:
    row = CLASSES[class_index]
    material = row.materials[int(rng.integers(len(row.materials)))]
    decorated = row.decorated and material in DECORATED_MATERIALS and rng.random() < DECORATED_SHARE
    place = _place(row, rng)
    low, high = _pitch_range(row, place)
    return Scene(
        class_index=class_index, seed=seed, aspect=aspect,
        variant=int(rng.integers(len(row.variants))),
        colour=row.colours[int(rng.integers(len(row.colours)))],
        material=material,
        decoration=tuple(DECORATIONS)[int(rng.integers(len(DECORATIONS)))] if decorated else "",
        place=place,
        count=1 + int(rng.choice(3, p=COUNT_SHARES)),
        yaw=float(rng.uniform(*row.yaw)), pitch=float(rng.uniform(low, high)), fill=float(rng.uniform(*FILL)),
    )  # fmt: skip


def sample_scene(class_index: int, seed: int, *, aspect: float = 1.0, heldout: bool = False) -> Scene:
    """Draw a scene of a class: same arguments, same scene.

    Training scenes and held-out scenes never share a cell of (class, colour, place, view bin): one cell in five, chosen
    by a hash, belongs to the held-out ones.

    Args:
        class_index: row of the catalogue.
        seed: of this scene, at least 0.
        aspect: width / height of the picture.
        heldout: draw from the reserved cells instead of the others.

    Raises:
        ConfigError: no such class, or an aspect that is not a positive number.
    """
    if not 0 <= class_index < len(CLASSES):
        raise ConfigError(f"Expected a class index in 0..{len(CLASSES) - 1}, got {class_index}. See class_names().")
    if not (math.isfinite(aspect) and aspect > 0):
        raise ConfigError(f"Expected a positive aspect (width / height), got {aspect}.")
    rng = np.random.default_rng([seed, class_index, int(heldout)])
    while True:
        scene = _draw(class_index, seed, aspect, rng)
        if is_reserved(cell(scene)) == heldout:
            return scene
