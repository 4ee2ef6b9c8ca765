"""Colours, paints, materials and places, as data; colours are sRGB here (0..255) and linear in the kernel."""

from __future__ import annotations

import dataclasses

from salmubench.drawing.things.kinds import (
    BRICKS,
    CHECKS,
    GRAIN,
    PLAIN,
    SCALES,
    SPECKLE,
    SPOTS,
    STRIPES,
    WEAVE,
)

# fmt: off (tables: one line holds what belongs together)
RGB = tuple[int, int, int]

COLOURS: dict[str, RGB] = {
    "red": (205, 42, 38),
    "orange": (238, 130, 30),
    "yellow": (245, 210, 50),
    "green": (62, 150, 62),
    "blue": (48, 88, 200),
    "purple": (126, 58, 165),
    "pink": (243, 140, 180),
    "brown": (128, 80, 46),
    "white": (238, 238, 234),
    "black": (42, 42, 46),
    "grey": (142, 144, 148),
    "turquoise": (48, 190, 185),
}


@dataclasses.dataclass(frozen=True)
class Finish:
    """How a surface answers to light, and the pattern on it (numbers of `kinds`)."""

    gloss: float = 0.06
    sharp: float = 14.0
    mirror: float = 0.0
    clear: float = 0.0
    pattern: int = PLAIN
    frequency: float = 4.0
    strength: float = 0.0
    glow: float = 0.0


@dataclasses.dataclass(frozen=True)
class Material:
    """A finish of the main paint and the word that captions may use for it ("" where it can't be seen)."""

    word: str
    finish: Finish


MATERIALS: dict[str, Material] = {
    "painted": Material("", Finish()),
    "plastic": Material("plastic", Finish(gloss=0.5, sharp=50.0)),
    "metal": Material("metal", Finish(gloss=0.6, sharp=40.0, mirror=0.62)),
    "wood": Material("wooden", Finish(gloss=0.05, pattern=GRAIN, frequency=3.0, strength=0.85)),
    "glass": Material("glass", Finish(gloss=1.1, sharp=90.0, mirror=0.25, clear=0.62)),
    "fabric": Material("fabric", Finish(gloss=0.0, pattern=WEAVE, frequency=5.0, strength=0.35)),
    "stone": Material("stone", Finish(gloss=0.02, pattern=SPECKLE, frequency=9.0, strength=0.7)),
    "ceramic": Material("ceramic", Finish(gloss=0.75, sharp=70.0, mirror=0.08)),
    "fur": Material("", Finish(gloss=0.0, pattern=SPECKLE, frequency=14.0, strength=0.3)),
    "skin": Material("", Finish(gloss=0.18, sharp=22.0)),
    "rind": Material("", Finish(gloss=0.22, sharp=24.0, pattern=SPECKLE, frequency=5.0, strength=0.22)),
    "crumb": Material("", Finish(gloss=0.0, pattern=SPECKLE, frequency=8.0, strength=0.4)),
    "scaly": Material("", Finish(gloss=0.25, sharp=24.0, pattern=SCALES, frequency=7.0, strength=0.6)),
    "patched": Material("", Finish(gloss=0.03, pattern=SPOTS, frequency=4.5, strength=0.9)),
    "bricked": Material("", Finish(gloss=0.05, pattern=BRICKS, frequency=7.0, strength=0.45)),
    "banded": Material("", Finish(gloss=0.1, pattern=STRIPES, frequency=2.6, strength=0.6)),
}
# Patterns that may decorate a plain material, with the words of captions.
DECORATIONS: dict[str, tuple[str, int, float]] = {
    "stripes": ("striped", STRIPES, 3.2),
    "spots": ("spotted", SPOTS, 3.6),
    "checks": ("checkered", CHECKS, 3.0),
}
DECORATED_MATERIALS = frozenset({"painted", "plastic", "fabric", "ceramic"})


@dataclasses.dataclass(frozen=True)
class Paint:
    """A paint of its own colour, the same in all pictures but for a little jitter."""

    colour: RGB
    finish: Finish = Finish()


_BRICK = Finish(gloss=0.0, pattern=BRICKS, frequency=9.0, strength=0.6)
_GRAIN = MATERIALS["wood"].finish
PAINTS: dict[str, Paint] = {
    **{name: Paint(colour, Finish(gloss=0.12)) for name, colour in COLOURS.items()},
    "tyre": Paint((38, 38, 40), Finish(gloss=0.05)),
    "steel": Paint((178, 182, 190), MATERIALS["metal"].finish),
    "iron": Paint((80, 82, 88), Finish(gloss=0.35, sharp=25.0, mirror=0.25)),
    "gold": Paint((226, 178, 70), MATERIALS["metal"].finish),
    "wood": Paint((165, 112, 62), _GRAIN),
    "bark": Paint((98, 70, 48), Finish(gloss=0.0, pattern=GRAIN, frequency=5.0, strength=0.9)),
    "leaf": Paint((70, 140, 52), Finish(gloss=0.1)),
    "window": Paint((96, 134, 165), Finish(gloss=0.9, sharp=60.0, mirror=0.4)),
    "glass": Paint((214, 232, 236), MATERIALS["glass"].finish),
    "pale": Paint((228, 236, 242), Finish(gloss=0.5, sharp=40.0, clear=0.25)),
    "cream": Paint((248, 232, 198), Finish(gloss=0.1)),
    "paper": Paint((244, 241, 230)),
    "straw": Paint((216, 182, 104), Finish(gloss=0.0, pattern=WEAVE, frequency=7.0, strength=0.5)),
    "skin": Paint((232, 178, 140), Finish(gloss=0.08)),
    "brick": Paint((170, 84, 62), _BRICK),
    "tiles": Paint((166, 74, 52), Finish(gloss=0.02, pattern=SCALES, frequency=9.0, strength=0.8)),
    "stone": Paint((150, 148, 142), MATERIALS["stone"].finish),
    "waffle": Paint((206, 142, 70), Finish(gloss=0.02, pattern=CHECKS, frequency=6.0, strength=0.55)),
    "bread": Paint((204, 146, 78), MATERIALS["crumb"].finish),
    "flame": Paint((255, 176, 60), Finish(gloss=0.0, glow=1.6)),
    "lamplight": Paint((255, 240, 196), Finish(gloss=0.0, glow=0.9)),
    "screen": Paint((58, 92, 120), Finish(gloss=0.8, sharp=60.0, mirror=0.2, glow=0.25)),
}


@dataclasses.dataclass(frozen=True)
class Place:
    """Where things stand: kinds and colours of ground and backdrop (`places`), and how light falls there."""

    phrase: str
    ground: float
    ground_colours: tuple[tuple[RGB, RGB], ...]
    backdrop: float
    backdrop_colours: tuple[tuple[RGB, RGB], ...]
    key: float = 2.1
    ambient: float = 0.75
    word: str = ""


_BLUE_SKY = (140, 186, 232)
_WALLS: tuple[tuple[RGB, RGB], ...] = (
    ((226, 214, 196), (190, 160, 128)),
    ((188, 206, 196), (150, 172, 160)),
    ((214, 198, 208), (176, 140, 160)),
    ((176, 190, 214), (232, 232, 232)),
    ((232, 222, 170), (250, 246, 230)),
    ((150, 128, 120), (220, 208, 190)),
)
PLACES: dict[str, Place] = {
    "studio": Place(
        "in front of a plain background",
        0.0,
        tuple(
            (c, c)
            for c in (
                (214, 214, 214),
                (180, 196, 220),
                (226, 200, 190),
                (190, 214, 190),
                (90, 96, 110),
                (236, 226, 180),
            )
        ),
        0.0,
        tuple(
            (c, c)
            for c in (
                (232, 232, 232),
                (190, 206, 226),
                (232, 210, 204),
                (204, 222, 204),
                (120, 126, 140),
                (240, 232, 200),
            )
        ),
        ambient=1.0,
    ),
    "table": Place(
        "on a table",
        2.0,
        (((176, 120, 70), (120, 74, 40)), ((214, 172, 120), (170, 126, 80)), ((110, 70, 48), (70, 42, 30))),
        1.0,
        _WALLS,
    ),
    "grass": Place(
        "on the grass",
        1.0,
        (((96, 160, 60), (50, 110, 36)), ((120, 168, 70), (70, 126, 44))),
        6.0,
        ((_BLUE_SKY, (70, 120, 66)), ((190, 206, 220), (90, 130, 80))),
    ),
    "street": Place(
        "in the street",
        3.0,
        (((92, 92, 96), (214, 210, 196)), ((120, 118, 116), (230, 226, 210))),
        5.0,
        (((166, 192, 222), (96, 88, 92)), ((214, 206, 200), (120, 96, 84))),
    ),
    "beach": Place(
        "on the beach",
        1.0,
        (((236, 212, 160), (206, 176, 120)), ((240, 224, 184), (220, 190, 140))),
        7.0,
        (((150, 200, 240), (30, 110, 160)), ((250, 206, 160), (60, 110, 150))),
    ),
    "snow": Place(
        "in the snow",
        1.0,
        (((244, 246, 252), (206, 218, 236)),),
        6.0,
        (((196, 214, 234), (222, 230, 242)), ((170, 190, 220), (160, 176, 196))),
        ambient=0.95,
    ),
    "tiles": Place(
        "on a tiled floor",
        4.0,
        (((232, 230, 224), (60, 60, 66)), ((222, 206, 180), (170, 110, 84)), ((226, 232, 236), (120, 160, 180))),
        2.0,
        (((222, 214, 196), (176, 212, 240)), ((196, 180, 170), (200, 222, 240))),
    ),
    "desert": Place(
        "in the desert",
        1.0,
        (((222, 160, 92), (190, 120, 62)), ((230, 184, 120), (200, 144, 86))),
        6.0,
        (((170, 206, 236), (200, 136, 84)), ((246, 204, 150), (190, 112, 74))),
    ),
    "night": Place(
        "at night",
        1.0,
        (((54, 64, 88), (34, 42, 64)), ((60, 70, 74), (36, 44, 52))),
        8.0,
        (((26, 34, 66), (240, 236, 214)), ((18, 22, 40), (236, 236, 226))),
        key=1.7,
        ambient=0.62,
    ),
    "forest": Place(
        "in the forest",
        7.0,
        (((110, 96, 58), (66, 92, 44)), ((90, 110, 60), (120, 84, 50))),
        9.0,
        (((150, 180, 130), (70, 54, 40)), ((190, 206, 170), (50, 60, 40))),
    ),
    "carpet": Place(
        "on a carpet",
        5.0,
        (((170, 52, 48), (220, 184, 120)), ((50, 74, 132), (200, 176, 140)), ((90, 120, 84), (224, 206, 160))),
        1.0,
        _WALLS,
    ),
    "water": Place(
        "on the water",
        6.0,
        (((40, 104, 150), (130, 184, 212)), ((50, 130, 140), (150, 206, 206))),
        7.0,
        (((160, 202, 236), (60, 110, 150)), ((236, 206, 180), (80, 120, 150))),
    ),
    "sky": Place(
        "in the sky",
        9.0,
        (((90, 140, 90), (60, 110, 60)),),
        4.0,
        (((104, 162, 226), (104, 162, 226)), ((160, 196, 232), (160, 196, 232)), ((240, 176, 130), (240, 176, 130))),
    ),
    "mountains": Place(
        "in the mountains",
        7.0,
        (((140, 134, 126), (96, 92, 90)), ((150, 146, 110), (110, 120, 84))),
        10.0,
        ((_BLUE_SKY, (110, 112, 126)), ((206, 214, 224), (90, 96, 110))),
    ),
    "counter": Place(
        "in the kitchen",
        7.0,
        (((206, 202, 196), (170, 166, 160)), ((70, 70, 74), (110, 108, 106))),
        3.0,
        (((236, 236, 230), (176, 180, 180)), ((150, 190, 200), (226, 230, 230)), ((226, 206, 150), (240, 236, 220))),
    ),
}
INDOORS = frozenset({"studio", "table", "tiles", "carpet", "counter"})
