"""Draws the fixed look of a person: everything that makes the face recognisable."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from salmubench.core import streams
from salmubench.generator.casting import Gender
from salmubench.generator.portraits._appearance import Appearance, Colour
from salmubench.generator.portraits._palette import EYES, FRAMES, HAIR, MONK, linear
from salmubench.generator.portraits._styles import DEFAULTS, STYLES

Numbers = dict[str, float]

_FACIAL_HAIR = {
    "none": 2.4, "stubble": 1.6, "moustache": 0.9, "goatee": 0.8, "short beard": 1.1, "full beard": 1.1,
    "long beard": 0.6,
}  # fmt: skip
"""Weights of what `_beard` draws."""
_BEARDS = {
    "goatee": {"beard_thick": (0.05, 0.09), "beard_len": (0.0, 0.22)},
    "short beard": {"beard_thick": (0.035, 0.06), "beard_cheek": (-0.52, -0.36)},
    "full beard": {"beard_thick": (0.08, 0.13), "beard_cheek": (-0.50, -0.34), "beard_len": (0.08, 0.20)},
    "long beard": {"beard_thick": (0.10, 0.15), "beard_cheek": (-0.48, -0.32), "beard_len": (0.38, 0.75)},
}
"""Ranges of the numbers of a beard, in the order in which they are drawn."""


def put(numbers: Numbers, name: str, colour: Colour) -> None:
    """Store a colour under `name_r`, `name_g`, `name_b`."""
    for channel, value in zip("rgb", colour, strict=True):
        numbers[f"{name}_{channel}"] = value


def jitter(rng: np.random.Generator, colour: Colour, amount: float) -> Colour:
    """Return a colour changed a little in brightness and, less, in hue."""
    light = math.exp(amount * rng.uniform(-1, 1))
    r, g, b = (min(c * light * math.exp(0.4 * amount * rng.uniform(-1, 1)), 0.95) for c in colour)
    return (r, g, b)


def _pick(rng: np.random.Generator, weights: dict[str, float]) -> str:
    names = list(weights)
    chances = np.array([weights[name] for name in names])
    return names[int(rng.choice(len(names), p=chances / chances.sum()))]


def _shape(rng: np.random.Generator, fem: float, age: float) -> Numbers:
    """Return skull, jaw, cheeks, ears and shoulders; `fem` runs 0..1, `age` 0 (20 years) to 1 (80 years)."""
    u = rng.uniform
    masculine = 1.0 - fem
    n: Numbers = {}
    width, height = u(0.92, 1.08), u(0.93, 1.10)
    n["cran_w"], n["cran_h"], n["cran_d"] = 0.79 * width, 0.80 * height, u(0.86, 0.94)
    n["face_w"] = u(0.590, 0.705) - 0.012 * fem
    n["face_h"] = 0.78 * u(0.92, 1.08)
    n["jaw_w"] = u(0.34, 0.45) + u(0.02, 0.12) * masculine
    n["jaw_y"] = u(-0.68, -0.58)
    n["jaw_h"] = u(0.36, 0.44)
    n["chin_w"] = u(0.0, 0.05) + u(0.0, 0.09) * masculine
    n["chin_r"] = u(0.135, 0.18) + 0.025 * masculine
    n["chin_y"] = u(-1.02, -0.88) - 0.05 * masculine
    n["chin_z"] = u(0.36, 0.47)
    n["cheek_r"] = u(0.19, 0.31)
    n["cheek_x"], n["cheek_y"] = u(0.32, 0.42), u(-0.34, -0.20)
    n["jowl"] = max(0.0, u(-0.8, 0.5) + 0.7 * age)
    n["ridge"] = max(0.0, u(-0.4, 0.5) + 0.6 * masculine)
    n["ear_size"] = u(0.84, 1.18) + 0.10 * age
    n["ear_out"] = u(0.0, 0.40)
    n["ear_y"] = u(-0.16, -0.02)
    n["neck_w"] = u(0.80, 0.96) + 0.18 * masculine
    n["shoulder_w"] = u(0.88, 1.02) + 0.20 * masculine
    return n


def _features(rng: np.random.Generator, fem: float, age: float) -> Numbers:
    """Return eyes, nose, mouth and brows."""
    u = rng.uniform
    masculine = 1.0 - fem
    n: Numbers = {}
    n["eye_x"] = u(0.280, 0.375)
    n["eye_r"] = u(0.158, 0.200) + 0.016 * fem
    n["eye_x"] = max(n["eye_x"], n["eye_r"] * 1.25 + 0.075)
    n["eye_tilt"] = u(-0.13, 0.24)
    n["lid_up"], n["lid_lo"] = u(0.38, 0.66) - 0.10 * age, u(0.34, 0.50)
    n["eye_deep"] = u(0.70, 0.90)
    n["iris"] = u(0.50, 0.60)
    n["lash"] = u(0.15, 0.45) + 0.55 * fem
    n["fold"] = float(rng.choice([0.0, 0.5, 0.8, 1.0]))
    n["bags"] = min(1.0, u(0.0, 0.5) + 0.5 * age)
    n["nose_len"] = u(0.29, 0.42) - 0.03 * fem + 0.03 * age + 0.02
    n["nose_w"] = u(0.076, 0.140) + 0.020 * masculine
    n["nose_tip"] = u(0.064, 0.100) + 0.010 * age + 0.008 * masculine
    n["nose_proj"] = u(0.12, 0.27)
    n["nose_bridge"] = u(-0.008, 0.022) + 0.010 * masculine
    n["nose_hump"] = u(-0.035, 0.045)
    n["nose_ala"] = u(0.046, 0.072) + 0.008 * masculine
    n["mouth_gap"] = u(0.205, 0.285)
    n["mouth_w"] = u(0.20, 0.315)
    lip = u(0.028, 0.056) * (1.0 - 0.25 * age) + 0.010 * fem
    ratio = u(0.75, 1.25)
    n["lip_u"], n["lip_l"] = lip * ratio, lip * 1.12 / ratio
    n["lip_bow"] = u(0.0, 0.45)
    n["brow_thick"] = u(0.020, 0.048) + u(0.0, 0.030) * masculine
    n["brow_len"] = u(0.28, 0.40)
    n["brow_high"] = n["eye_r"] * u(1.18, 1.42) + 0.045 + 0.02 * fem
    n["brow_arch"] = u(0.0, 0.075)
    n["brow_tilt"] = u(-0.08, 0.08)
    n["brow_gap"] = u(0.085, 0.165)
    n["brow_dense"] = u(0.75, 1.0)
    return n


def _marks(rng: np.random.Generator, fem: float) -> Numbers:
    """Return freckles, moles, scars, blush and make-up."""
    u = rng.uniform
    n: Numbers = {"freckle_seed": float(rng.integers(1, 1000)), "blush": u(0.25, 0.95)}
    if u() < 0.22:
        n["freckles"] = u(0.45, 1.0)
    if u() < 0.03:
        n["vitiligo"] = u(0.6, 1.0)
    for name, chance in (("mole1", 0.40), ("mole2", 0.18)):
        if u() < chance:
            angle, radius = u(0, 2 * math.pi), u(0.28, 0.55)
            x, y = 0.85 * radius * math.cos(angle), -0.42 + radius * math.sin(angle)
            if y > -0.18:
                y -= 0.42
            n[f"{name}_x"], n[f"{name}_y"], n[f"{name}_r"] = x, y, u(0.016, 0.032)
    if u() < 0.12:
        n["scar"] = 1.0
        n["scar_x"], n["scar_y"] = (
            float(rng.choice([-1, 1])) * u(0.20, 0.46),
            float(rng.choice([u(-0.5, -0.25), u(0.2, 0.42)])),
        )
        n["scar_angle"], n["scar_len"] = u(0.3, 2.8), u(0.08, 0.17)
    if fem > 0.5:
        if u() < 0.45:
            n["lipstick"] = u(0.4, 0.85)
        if u() < 0.35:
            n["shadow"] = u(0.25, 0.6)
    return n


def _colours(rng: np.random.Generator, n: Numbers, hair_colour: str, age: float) -> int:
    """Draw skin, lips, eyes, hair and brows into `n`; return the Monk step 1..10."""
    u = rng.uniform
    position = u(0, len(MONK) - 1)
    low = int(position)
    part = position - low
    tone = tuple(a + (b - a) * part for a, b in zip(MONK[low], MONK[min(low + 1, 9)], strict=True))
    skin = jitter(rng, (tone[0], tone[1], tone[2]), 0.07)
    put(n, "skin", skin)
    depth = position / 9.0
    red, dark = u(0.80, 1.0), u(0.72, 0.92)
    put(n, "lip", (skin[0] * red, skin[1] * (0.56 + 0.14 * depth) * dark, skin[2] * (0.62 + 0.14 * depth) * dark))
    # make-up is mixed with the skin, so that it never glows on a dark face
    hue = [linear(170, 40, 52), linear(150, 50, 70), linear(188, 84, 90), linear(120, 30, 44), linear(176, 90, 72)][
        int(rng.integers(5))
    ]
    strength = 0.75 - 0.40 * depth
    put(
        n,
        "lipstick",
        tuple3(
            0.5 * s * (1 - strength) + h * (strength * (0.35 + 0.65 * (1 - depth)))
            for s, h in zip(skin, hue, strict=True)
        ),
    )
    lid = [linear(110, 80, 140), linear(70, 110, 140), linear(130, 90, 66), linear(80, 70, 74), linear(160, 100, 110)][
        int(rng.integers(5))
    ]
    put(n, "shadow", tuple3(0.45 * s + 0.45 * h for s, h in zip(skin, lid, strict=True)))
    eye = _pick(
        rng, {"dark brown": 2.4, "brown": 2.2, "amber": 0.7, "hazel": 1.0, "green": 1.0, "blue": 1.4, "grey": 0.6}
    )
    put(n, "iris", jitter(rng, EYES[eye], 0.25))
    hair = jitter(rng, HAIR[hair_colour], 0.14)
    put(n, "hair", hair)
    tip = 1.0 if u() < 0.75 else u(1.3, 2.4)
    put(n, "hair_tip", tuple3(min(c * tip, 0.8) for c in hair))
    natural = (
        hair
        if hair_colour not in ("pink", "blue", "purple", "green", "white", "platinum blond")
        else HAIR[_pick(rng, {"dark brown": 1, "brown": 1, "dark blond": 1})]
    )
    if hair_colour == "white":
        natural = HAIR["grey"]
    darker = u(0.30, 0.62)
    put(
        n,
        "brow",
        tuple3(
            min(c * darker, 0.5 * s) if sum(hair) < sum(skin) else min(c * darker, 0.72 * s)
            for c, s in zip(natural, skin, strict=True)
        ),
    )
    shade = u(0.75, 1.05)
    put(n, "beard", tuple3(c * shade for c in natural))
    if age > 0.35 and u() < 0.6:
        n["grey"] = min(1.0, 1.4 * (age - 0.30) * u(0.5, 1.2)) if hair_colour not in ("grey", "white") else 0.0
    put(n, "tie", linear(120, 50, 60))
    return low + 1 if part < 0.5 else min(low + 2, 10)


def tuple3(values: Iterable[float]) -> Colour:
    """Return three numbers as a colour."""
    r, g, b = (float(value) for value in values)
    return (r, g, b)


def _hair_colour(rng: np.random.Generator, age: float) -> str:
    natural = {
        "black": 2.0, "dark brown": 1.6, "brown": 1.5, "light brown": 1.0, "auburn": 1.0, "red": 1.0, "dark blond": 0.9,
        "blond": 1.2, "platinum blond": 0.5, "pink": 0.15, "blue": 0.15, "purple": 0.15, "green": 0.08,
    }  # fmt: skip
    faded = max(0.0, min(1.0, 1.5 * (age - 0.35)))
    if rng.uniform() < faded:
        return "white" if rng.uniform() < 0.25 + 0.5 * max(0.0, age - 0.6) else "grey"
    return _pick(rng, natural)


def _beard(rng: np.random.Generator, n: Numbers) -> str:
    """Draw a man's facial hair into `n`; return its name."""
    u = rng.uniform
    kind = _pick(rng, _FACIAL_HAIR)
    n["beard_curl"] = float(rng.choice([0.0, 0.0, 0.015, 0.024]))
    n["mou_r"], n["mou_len"], n["mou_drop"] = u(0.044, 0.062), u(1.05, 1.30), u(-0.03, 0.09)
    if kind == "stubble":
        n["stubble"] = u(0.55, 1.0)
    if kind in ("moustache", "goatee", "full beard", "long beard") or (kind == "short beard" and u() < 0.7):
        n["moustache"] = 1.0
    if kind in _BEARDS:
        n.update({name: u(*ends) for name, ends in _BEARDS[kind].items()})
        n["goatee" if kind == "goatee" else "beard"] = 1.0
        n["beard_mouth"] = 2.0 * max(n["lip_u"], n["lip_l"])
        if kind != "goatee":
            n["stubble"] = 0.8 if kind == "short beard" else 0.9  # softens the beard's edge on the cheek
    n["bound_r"] = max(n["bound_r"], 1.30 + n.get("beard_len", 0.0))
    return kind


def _glasses(rng: np.random.Generator, n: Numbers, age: float) -> str:
    """Draw glasses (or none) into `n`; return the colour of the frame or an empty string."""
    u = rng.uniform
    if u() > 0.22 + 0.22 * age:
        return ""
    colour = _pick(rng, {"black": 2.0, "brown": 1.2, "red": 0.8, "blue": 0.6, "gold": 0.9, "silver": 0.9, "green": 0.4})
    n["glasses"] = 1.0
    n["gl_w"] = min(u(0.215, 0.275), n["eye_x"] - 0.035)
    n["gl_h"] = n["gl_w"] * u(0.66, 0.98)
    n["gl_round"] = u(0.30, 1.0)
    n["gl_rim"] = u(0.016, 0.036)
    n["gl_top"] = float(rng.choice([0.0, 0.0, 0.9]))
    put(n, "frame", jitter(rng, FRAMES[colour], 0.15))
    return colour


def sample_identity(seed: int, *, gender: Gender, age: int) -> Appearance:
    """Draw the fixed look of a person, of 16 to 100 years.

    Everything but gender and age is drawn from the seed alone, so that a look reveals nothing else about a person.
    """
    rng = np.random.default_rng([seed, streams.Portrait.IDENTITY, int(gender == "female"), age])
    old = min(max((age - 20) / 60.0, 0.0), 1.1)
    fem = float(rng.beta(4.0, 1.4)) if gender == "female" else float(rng.beta(1.4, 4.0))
    numbers: Numbers = dict(DEFAULTS)
    numbers.update(_shape(rng, fem, old), age=old, hair_seed=float(rng.uniform(0, 50)))
    numbers.update(_features(rng, fem, old))
    numbers.update(_marks(rng, fem))
    weights = {name: s.women if gender == "female" else s.men for name, s in STYLES.items()}
    if gender == "male":
        for name in ("balding", "bald"):
            weights[name] *= 0.5 + 1.8 * old
    hair_style = _pick(rng, {name: weight for name, weight in weights.items() if weight > 0})
    hair_colour = _hair_colour(rng, old)
    style = STYLES[hair_style]
    numbers.update(style.values)
    _vary_style(rng, numbers, style.covering)
    monk = _colours(rng, numbers, hair_colour, old)
    facial_hair = _beard(rng, numbers) if gender == "male" else "none"
    glasses = _glasses(rng, numbers, old)
    ears_free = not style.covering and not numbers.get("curtain") and numbers.get("cap_side", 0.0) <= 0.1
    if ears_free and rng.uniform() < (0.55 if gender == "female" else 0.10):
        numbers["earring"] = float(rng.integers(1, 4 if gender == "female" else 3))
        put(numbers, "metal", FRAMES[str(rng.choice(["gold", "silver"]))])
    return Appearance(
        seed=seed,
        gender=gender,
        age=age,
        hair_style=hair_style,
        hair_colour=hair_colour,
        facial_hair=facial_hair,
        glasses=glasses,
        covering=style.covering,
        monk=monk,
        values=tuple(numbers.items()),
    )


def _vary_style(rng: np.random.Generator, n: Numbers, covering: str) -> None:
    """Change the numbers of a hair style a little, or draw how a covering is worn."""
    u = rng.uniform
    if covering:
        n.update(wrap_open=u(0.90, 1.06), wrap_top=u(-0.02, 0.14), wrap_back=u(-0.02, 0.16), wrap_fold=u(0.008, 0.024))
        n.update(
            wrap_knot=u(-1, 1),
            wrap_pattern=float(rng.choice([0, 0, 0, 1, 4, 7, 8])),
            wrap_drape=float(rng.choice([0.0, 0.5, 1.0])),
        )
        if covering == "turban":
            n.update(wrap_top=u(0.02, 0.22), wrap_drape=u(0.0, 1.0))
        if covering == "headscarf":
            n["wrap_pin"] = float(rng.choice([0.0, -1.0, 1.0]))
            if u() < 0.45:
                n["under"] = 1.0
                n["line_y"] = u(0.34, 0.46)
                n["wrap_open"] = u(1.00, 1.08)
        put(n, "under", linear(*rng.uniform(30, 210, 3)))
        return
    for name in ("cap_top", "cap_side", "curl", "wave", "strand", "top_rx", "top_ry", "bun_r", "sweep"):
        if name in n:
            n[name] *= u(0.86, 1.14)
    if "cur_len" in n:
        n["cur_len"] *= u(0.90, 1.12)
    n["line_y"] += u(-0.035, 0.035)
    if rng.uniform() < 0.5:
        for name in ("part_x", "t0_x", "t1_x", "t2_x"):
            if name in n and not n.get("tail_mirror"):
                n[name] = -n[name]
        if "part_deep" in n:
            n["part_deep"] = -n["part_deep"]
