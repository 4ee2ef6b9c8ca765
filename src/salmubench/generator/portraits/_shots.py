"""Draws one picture of a person: pose, expression, light, clothes, background, framing, camera, and says what shows."""

from __future__ import annotations

import math

import numpy as np

from salmubench.core import streams
from salmubench.generator.portraits._appearance import HALF, Appearance, Shot
from salmubench.generator.portraits._palette import CLOTH
from salmubench.generator.portraits._styles import STYLES
from salmubench.generator.portraits._traits import Numbers, jitter, put, tuple3

GARMENTS: tuple[tuple[str, float], ...] = (
    ("sweater", 0.0),
    ("T-shirt", 0.0),
    ("V-neck sweater", 1.0),
    ("turtleneck", 2.0),
    ("shirt", 3.0),
    ("hoodie", 4.0),
    ("jacket", 5.0),
    ("top", 6.0),
)
PATTERNS: tuple[tuple[str, float, float], ...] = (
    ("", 0.0, 3.4),
    ("striped", 1.0, 1.0),
    ("pinstriped", 2.0, 0.5),
    ("checked", 3.0, 0.9),
    ("dotted", 4.0, 0.6),
    ("ribbed", 5.0, 0.7),
    ("two-tone", 6.0, 0.5),
    ("diagonally striped", 7.0, 0.4),
    ("patterned", 8.0, 0.6),
)
PLACES: tuple[str, ...] = (
    "in front of a plain wall",
    "in front of a shaded backdrop",
    "in front of hills",
    "by the sea",
    "in front of trees",
    "in front of city buildings",
    "in front of bookshelves",
    "in front of a window",
    "in front of a brick wall",
    "in front of blurred lights",
)
PLACE_WEIGHTS = (1.4, 1.2, 1.1, 0.8, 1.0, 0.9, 1.0, 0.9, 0.8, 0.8)
HATS = ("", "woolly hat", "cap", "straw hat", "hairband")
NARROWEST, WIDEST = 0.5, 2.0
"""Width / height that a picture may have."""


def _pose(rng: np.random.Generator, n: Numbers) -> None:
    n["yaw"] = math.radians(float(np.clip(rng.normal(0, 22), -50, 50)))
    n["pitch"] = math.radians(float(np.clip(rng.normal(0, 6.5), -15, 15)))
    n["roll"] = math.radians(float(np.clip(rng.normal(0, 4.5), -13, 13)))
    n["body_yaw"] = n["yaw"] * rng.uniform(0.2, 0.8) + math.radians(rng.normal(0, 6))
    n["gaze_x"] = float(np.clip(-0.35 * n["yaw"] * rng.uniform(0, 1.2) + rng.normal(0, 0.09), -0.30, 0.30))
    n["gaze_y"] = float(np.clip(rng.normal(0, 0.06), -0.14, 0.14))


def _expression(rng: np.random.Generator, n: Numbers) -> str:
    """Draw an expression; return its word or an empty string for a plain face."""
    u = rng.uniform
    kind = str(
        rng.choice(["calm", "smile", "laugh", "talk", "serious", "closed"], p=[0.25, 0.33, 0.14, 0.12, 0.10, 0.06])
    )
    n["smile"], n["open"], n["raise_"], n["squint"] = u(-0.05, 0.25), 0.0, u(-0.3, 0.4), u(0.0, 0.10)
    if kind == "smile":
        n["smile"], n["squint"] = u(0.45, 0.95), u(0.0, 0.18)
    elif kind == "laugh":
        n["smile"], n["open"], n["squint"], n["raise_"] = u(0.65, 1.0), u(0.35, 0.85), u(0.05, 0.30), u(0.0, 0.7)
    elif kind == "talk":
        n["smile"], n["open"] = u(-0.1, 0.2), u(0.25, 0.75)
    elif kind == "serious":
        n["smile"], n["frown"], n["squint"] = u(-0.25, -0.05), u(0.3, 1.0), u(0.0, 0.15)
    elif kind == "closed":
        n["squint"], n["smile"] = 1.0, u(-0.1, 0.7)
    words = {"smile": "smiling", "laugh": "laughing", "talk": "talking", "serious": "frowning", "closed": "eyes closed"}
    return words.get(kind, "")


def _light(rng: np.random.Generator, n: Numbers) -> None:
    u = rng.uniform
    n["light_az"], n["light_el"] = math.radians(u(-62, 62)), math.radians(u(8, 58))
    warm = u(-0.15, 0.17)
    power = u(0.95, 1.45)
    put(n, "key", (power * (1 + warm), power, power * (1 - 1.1 * warm)))
    put(n, "sky", (0.92 - 0.3 * warm, 0.97, 1.06 + 0.3 * warm))
    put(n, "ground", (0.62, 0.55, 0.48))
    n["ambient"], n["fill"], n["rim"] = u(0.40, 0.72), u(0.06, 0.20), u(0.05, 0.55)
    n["exposure"] = u(0.84, 1.12)


def _clothes(rng: np.random.Generator, n: Numbers, woman: bool) -> str:
    """Draw a garment; return its words."""
    chances = np.array([1.2, 1.0, 0.8, 0.8, 1.2, 0.8, 1.0, 0.7 if woman else 0.0])
    name, neckline = GARMENTS[int(rng.choice(len(GARMENTS), p=chances / chances.sum()))]
    weights = np.array([w for _, _, w in PATTERNS])
    pattern_name, pattern, _ = PATTERNS[int(rng.choice(len(PATTERNS), p=weights / weights.sum()))]
    if name == "jacket":
        pattern_name, pattern = ("", 0.0) if rng.uniform() < 0.7 else ("checked", 3.0)
    if name == "T-shirt" and pattern_name == "ribbed":
        pattern_name, pattern = "", 0.0
    colours = list(CLOTH)
    first, second, third = (colours[int(i)] for i in rng.choice(len(colours), 3, replace=False))
    n["neckline"], n["pattern"], n["pat_size"] = neckline, pattern, rng.uniform(0.75, 1.35)
    put(n, "cloth", jitter(rng, CLOTH[first], 0.18))
    put(n, "cloth2", jitter(rng, CLOTH[second], 0.18) if pattern != 5.0 else tuple3(0.35 * c for c in CLOTH[first]))
    put(
        n,
        "inner",
        jitter(rng, CLOTH[third if name == "jacket" else str(rng.choice(["white", "cream", "grey", first]))], 0.1),
    )
    if woman and neckline in (0.0, 1.0, 6.0) and rng.uniform() < 0.18:
        n["necklace"] = rng.uniform(0.3, 1.0)
        n.setdefault("metal_r", 0.0)
    return " ".join(word for word in (pattern_name, first, name) if word)


def _place(rng: np.random.Generator, n: Numbers) -> str:
    weights = np.array(PLACE_WEIGHTS)
    kind = int(rng.choice(len(PLACES), p=weights / weights.sum()))
    colours = list(CLOTH.values())
    n["bg"], n["bg_seed"] = float(kind), rng.uniform(0, 40)
    n["bg_shift"], n["bg_level"] = rng.uniform(-1.0, 1.0), rng.uniform(-0.25, 0.45)
    a, b, c = (colours[int(i)] for i in rng.choice(len(colours), 3, replace=False))
    a = tuple3(0.12 + 0.62 * v for v in a) if kind in (0, 1, 7) else a
    if kind == 2:
        a = jitter(rng, (0.10, 0.19, 0.06), 0.5)
    elif kind == 4:
        a = jitter(rng, (0.17, 0.30, 0.08), 0.5)
    elif kind == 5:
        a, b = jitter(rng, (0.30, 0.22, 0.17), 0.5), jitter(rng, (0.34, 0.34, 0.36), 0.4)
    elif kind == 6:
        c = jitter(rng, (0.16, 0.09, 0.05), 0.5)
    elif kind == 7:
        n["bg_shift"] = rng.choice([-1, 1]) * rng.uniform(0.7, 1.2)
    elif kind == 8:
        a, c = jitter(rng, (0.34, 0.13, 0.08), 0.4), jitter(rng, (0.42, 0.39, 0.35), 0.3)
        if rng.uniform() < 0.3:
            a = jitter(rng, (0.58, 0.56, 0.53), 0.15)
    put(n, "bg_a", a)
    put(n, "bg_b", jitter(rng, b, 0.2))
    put(n, "bg_c", c)
    return PLACES[kind]


def _hat(rng: np.random.Generator, n: Numbers, appearance: Appearance) -> str:
    """Perhaps put a hat on; return its words. Hats are rare, because they hide what makes a face known."""
    if not STYLES[appearance.hair_style].hat or rng.uniform() > 0.08:
        return ""
    band = appearance.gender == "female" and appearance.hair_style not in ("bald", "buzz")
    kind = int(rng.choice([1, 2, 3, 4], p=[0.40, 0.25, 0.15, 0.20] if band else [0.45, 0.35, 0.20, 0.0]))
    colours = list(CLOTH)
    first = colours[int(rng.integers(len(colours)))]
    n["hat"], n["hat_y"] = float(kind), rng.uniform(0.52, 0.62)
    put(n, "hat", jitter(rng, CLOTH[first], 0.15))
    put(n, "hat2", CLOTH[colours[int(rng.integers(len(colours)))]])
    if kind == 3:
        put(n, "hat", jitter(rng, (0.56, 0.42, 0.22), 0.15))
        return HATS[kind]
    return f"{first} {HATS[kind]}"


def _shows_clothes(appearance: Appearance, n: Numbers) -> bool:
    """Return whether the picture reaches down to the shoulders; a headscarf covers them further than hair."""
    low_edge = HALF / n["scale"] + n["shift_y"]
    return low_edge > (1.72 if appearance.covering == "headscarf" else 1.48)


def age_word(age: int) -> str:
    """Return "young" (below 35), "middle-aged" (below 60) or "elderly"."""
    return "young" if age < 35 else ("middle-aged" if age < 60 else "elderly")


def _hair_words(appearance: Appearance, hat: str, yaw: float) -> str:
    """Return the words of the hair as far as it shows: a hat hides short hair, the head hides what is behind it."""
    style = STYLES[appearance.hair_style]
    if hat and not hat.endswith(HATS[4]) and not style.values.get("curtain"):
        return ""
    words = style.front if style.front and abs(yaw) < 0.35 else style.words
    return words.format(appearance.hair_colour)


def sample_shot(appearance: Appearance, seed: int, *, aspect: float) -> Shot:
    """Draw one picture of a person, width over height = `aspect` from `NARROWEST` to `WIDEST`."""
    rng = np.random.default_rng([appearance.seed, seed, streams.Portrait.SHOT, round(aspect * 1000)])
    fixed = dict(appearance.values)
    n: Numbers = {}
    _pose(rng, n)
    expression = _expression(rng, n)
    _light(rng, n)
    woman = appearance.gender == "female"
    clothes = _clothes(rng, n, woman)
    if "necklace" in n:
        put(
            n,
            "metal",
            (0.60, 0.45, 0.18) if "metal_r" not in fixed else (fixed["metal_r"], fixed["metal_g"], fixed["metal_b"]),
        )
    if rng.uniform() < 0.06 and not fixed.get("curtain") and appearance.covering != "headscarf":
        n["scarf"] = 1.0
        put(n, "scarf", jitter(rng, list(CLOTH.values())[int(rng.integers(len(CLOTH)))], 0.2))
        clothes += " with a scarf"
    place = _place(rng, n)
    hat = _hat(rng, n, appearance)
    headwear = hat
    if appearance.covering:
        colours = list(CLOTH)
        first, second = (colours[int(i)] for i in rng.choice(len(colours), 2, replace=False))
        put(n, "wrap", jitter(rng, CLOTH[first], 0.15))
        put(n, "wrap2", jitter(rng, CLOTH[second], 0.15))
        headwear = f"{first} {appearance.covering}"
    _frame(rng, n, lift=_lift(fixed), aspect=aspect)
    facts = {"gender": "woman" if woman else "man", "age": age_word(appearance.age)}
    optional = {
        "hair": _hair_words(appearance, hat, n["yaw"]),
        "facial_hair": "" if appearance.facial_hair == "none" else appearance.facial_hair,
        "glasses": f"{appearance.glasses} glasses" if appearance.glasses else "",
        "headwear": headwear,
        "clothes": clothes if _shows_clothes(appearance, n) else "",
        "expression": expression,
        "background": place,
        "view": "looking left" if n["yaw"] < -0.30 else ("looking right" if n["yaw"] > 0.30 else ""),
    }
    facts.update({key: value for key, value in optional.items() if value})
    return Shot(
        appearance=appearance,
        seed=seed,
        aspect=aspect,
        facts=facts,
        values=tuple((k, float(v)) for k, v in n.items()),
        blur=float(rng.uniform(0.5, 5.5)) if rng.uniform() < 0.30 else 0.0,
        noise=float(rng.uniform(0.0, 4.0)),
        quality=int(rng.integers(78, 96)),
    )


def _frame(rng: np.random.Generator, n: Numbers, *, lift: float, aspect: float) -> None:
    n["scale"] = rng.uniform(0.88, 1.16 if lift > -0.2 else 1.02)
    room = 0.10 + 0.9 * max(0.0, aspect - 1.0)
    n["shift_x"] = rng.uniform(-room, room) * 0.8
    n["shift_y"] = rng.uniform(0.0, 0.20) + lift + 0.35 * max(0.0, 1.0 / aspect - 1.0) * rng.uniform(0.2, 1.0)


def _lift(fixed: Numbers) -> float:
    """Return how far the picture moves down so that hair above the skull stays in the frame."""
    if (
        fixed.get("bun_y", 0.0) > 0.9
        or fixed.get("top_ry", 0.0) > 0.95
        or (fixed.get("top") and fixed.get("top_rx", 1.0) < 0.25)
    ):
        return -0.22
    return -0.10 if fixed.get("wrap") in (2.0, 3.0) else -0.02
