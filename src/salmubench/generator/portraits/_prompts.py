"""What a generated portrait is asked to show: one prompt per picture, with the facts that its caption may state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from salmubench.core import streams
from salmubench.generator.casting import Gender
from salmubench.generator.portraits._shots import age_word

VIEWS = {
    "facing the camera": "", "looking left": "looking left", "looking right": "looking right",
    "seen from slightly above": "", "seen from slightly below": "", "in three-quarter view": "",
}  # fmt: skip
"""Words of the prompt → fact, empty where a caption should not rely on it."""

EXPRESSIONS = {
    "with a calm face": "", "smiling": "smiling", "laughing": "laughing", "with a serious look": "with a serious look",
    "talking": "talking", "with a slight smile": "with a slight smile",
}  # fmt: skip

GARMENTS = (
    "T-shirt", "shirt", "sweater", "hoodie", "jacket", "turtleneck", "coat", "polo shirt", "cardigan", "raincoat",
    "denim jacket", "fleece",
)  # fmt: skip
COLOURS = (
    "white", "black", "grey", "navy blue", "light blue", "dark green", "olive", "red", "burgundy", "mustard yellow",
    "orange", "beige", "brown", "purple",
)  # fmt: skip
PLACES = (
    "in front of a plain wall", "in a kitchen", "in an office", "in a library", "in a park", "on a beach",
    "in a city street", "in the mountains", "in a café", "beside a window", "in a garden", "at a railway station",
    "in a workshop", "in front of a brick wall", "on a bridge", "in a snowy landscape", "in a living room", "by a lake",
)  # fmt: skip
LIGHTS = (
    "soft daylight", "golden evening light", "overcast light", "studio light", "backlight", "warm lamp light",
    "bright midday sun", "light from a window",
)  # fmt: skip
FRAMINGS = ("close-up portrait", "head and shoulders portrait", "half-length portrait", "candid photo")


class Wish(NamedTuple):
    """What a picture is asked to show: the generator's prompt, and the facts for its generic caption."""

    prompt: str
    facts: Mapping[str, str]


def wish(gender: Gender, age: int, seed: int) -> Wish:
    """Draw a prompt."""
    rng = np.random.default_rng([seed, streams.Portrait.PROMPT])
    noun = "woman" if gender == "female" else "man"
    view, view_fact = list(VIEWS.items())[rng.integers(len(VIEWS))]
    face, face_fact = list(EXPRESSIONS.items())[rng.integers(len(EXPRESSIONS))]
    clothes = f"{COLOURS[rng.integers(len(COLOURS))]} {GARMENTS[rng.integers(len(GARMENTS))]}"
    place, light = PLACES[rng.integers(len(PLACES))], LIGHTS[rng.integers(len(LIGHTS))]
    framing = FRAMINGS[rng.integers(len(FRAMINGS))]
    facts = {
        "gender": noun, "age": age_word(age), "clothes": clothes, "background": place, "view": view_fact,
        "expression": face_fact,
    }  # fmt: skip
    prompt = f"{framing} of a {age}-year-old {noun} {face}, {view}, wearing a {clothes}, {place}, {light}, sharp photo"
    return Wish(prompt, {key: value for key, value in facts.items() if value})
