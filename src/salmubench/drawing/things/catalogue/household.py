"""Things of a household: crockery, furniture, lamps, clocks."""

from __future__ import annotations

from salmubench.drawing.things.classes import ANY, ObjectClass
from salmubench.drawing.things.parts import (
    Parts,
    arc,
    around,
    ball,
    block,
    both,
    can,
    curve,
    egg,
    lathe,
    moved,
    plate,
    ring,
    rod,
    smooth,
    taper,
    tube,
)

# fmt: off (tables: one line holds what belongs together)

TABLEWARE = ("ceramic", "metal", "painted")
FURNITURE = ("wood", "painted", "plastic", "metal")
SOFT = ("fabric", "painted")


def vessel(outside: list[tuple[float, float]], wall: float) -> list[tuple[float, float]]:
    """Outline of an open vessel: from the middle of its foot up the outside, back down the inside."""
    inside = [(max(x - wall, 0.02), max(y, wall)) for x, y in reversed(outside) if x > 0.0]
    return [*outside, *inside, (0.0, wall)]


def posts(x: float, z: float, low: float, high: float, radius: float) -> Parts:
    """Four square legs."""
    return tuple(
        block(radius, 0.5 * (high - low), radius, 0.2 * radius).at(sx, 0.5 * (low + high), sz)
        for sx in (x, -x) for sz in (z, -z)
    )


TEAPOT = (
    lathe(smooth([(0, 0), (0.4, 0), (0.5, 0.06), (0.72, 0.3), (0.76, 0.5), (0.66, 0.75), (0.4, 0.92), (0, 0.95)])),
    lathe([(0, 0.9), (0.4, 0.9), (0.36, 1.0), (0.15, 1.07), (0, 1.08)]).of("light"), ball(0.1).at(0, 1.15),
    *curve([(0.62, 0.42, 0), (0.95, 0.5, 0), (1.1, 0.8, 0), (1.3, 0.92, 0)], 0.17, 0.08),
    ring(0.32, 0.075, 130).turn(z=90).at(-0.75, 0.55),
)
MUG = (
    lathe(vessel([(0, 0), (0.46, 0), (0.5, 0.05), (0.5, 1.05)], 0.07)),
    ring(0.28, 0.075, 125).turn(z=-90).at(0.52, 0.53),
    can(0.43, 0.02).at(0, 0.85).of("bark"),
)
CHAIR = (
    block(0.5, 0.06, 0.48, 0.04).at(0, 0.85), *posts(0.42, 0.4, 0, 0.85, 0.06),
    *posts(0.42, -0.42, 0.85, 1.9, 0.055)[:0],
    *both(block(0.055, 0.55, 0.05, 0.02).at(0.42, 1.4, -0.42)), block(0.46, 0.12, 0.04, 0.03).at(0, 1.8, -0.42),
    block(0.42, 0.07, 0.035, 0.02).at(0, 1.4, -0.42),
)
CHAIR_SLAT = (
    block(0.5, 0.06, 0.48, 0.04).at(0, 0.85), *posts(0.42, 0.4, 0, 0.85, 0.05),
    block(0.48, 0.5, 0.04, 0.08).at(0, 1.45, -0.44),
)
TABLE = (block(1.1, 0.06, 0.7, 0.03).at(0, 1.0), *posts(0.95, 0.55, 0, 1.0, 0.07))
TABLE_ROUND = (can(0.95, 0.06, 0.03).at(0, 1.0), can(0.1, 0.5).at(0, 0.5), taper(0.5, 0.12, 0.08).at(0, 0.08))
LAMP = (
    can(0.42, 0.05, 0.03).at(0, 0.05), rod((0, 0.05, 0), (0, 0.9, 0), 0.055),
    lathe([(0, 0.12), (0.2, 0.3), (0.22, 0.45), (0.06, 0.8), (0, 0.8)]),
    lathe([(0.28, 1.6), (0.62, 0.85), (0.58, 0.85), (0.25, 1.6)], 0.02).of("lamplight"),
)
LAMP_DESK = (
    can(0.4, 0.06, 0.04).at(0, 0.06), *tube([(0, 0.1, 0), (-0.45, 0.8, 0), (0.25, 1.45, 0)], 0.05),
    *moved((lathe([(0.08, 0.5), (0.14, 0.5), (0.42, 0), (0.36, 0)], 0.015), ball(0.17).at(0, 0.1).of("lamplight")),
        turn=(0, 0, 40), at=(0.55, 1.05, 0)),
)
CLOCK = (
    can(0.9, 0.14, 0.06).turn(x=90), can(0.78, 0.03).turn(x=90).at(0, 0, 0.14).of("paper"),
    *around(12, block(0.03, 0.08, 0.02).at(0, 0.65, 0.17).of("black"), axis="z"),
    rod((0, 0, 0.19), (0.26, 0.3, 0.19), 0.045).of("black"), rod((0, 0, 0.19), (-0.42, 0.34, 0.19), 0.03).of("black"),
    ball(0.07).at(0, 0, 0.19).of("red"),
)
ALARM = (
    *moved(CLOCK, at=(0, 1.05, 0)), *both(rod((0.4, 0.4, 0), (0.62, 0.05, 0), 0.09),
        egg(0.3, 0.2, 0.2).turn(z=-38).at(0.55, 1.92, 0)),
    rod((0, 1.9, 0), (0, 2.1, 0), 0.06),
)
BED = (
    block(1.3, 0.16, 0.75, 0.05).at(0, 0.32).of("wood"), block(1.25, 0.2, 0.72, 0.14).at(0, 0.6).of("white"),
    block(0.85, 0.23, 0.76, 0.14).at(0.42, 0.62), block(0.07, 0.65, 0.78, 0.05).at(-1.32, 0.75).of("wood"),
    block(0.07, 0.4, 0.78, 0.05).at(1.32, 0.5).of("wood"),
    egg(0.26, 0.14, 0.5).at(-0.95, 0.85).of("paper"), *posts(1.25, 0.68, 0, 0.3, 0.07),
)
SOFA = (
    block(1.25, 0.25, 0.55, 0.1).at(0, 0.4), block(1.25, 0.55, 0.18, 0.14).at(0, 0.75, -0.5),
    *both(block(0.2, 0.42, 0.55, 0.15).at(1.2, 0.55), block(0.5, 0.14, 0.45, 0.1).at(0.52, 0.72, 0.06).of("light")),
    *posts(1.2, 0.45, 0, 0.2, 0.06),
)
TELEVISION = (
    block(1.1, 0.68, 0.08, 0.05).at(0, 1.0).of("black"), block(1.02, 0.6, 0.03).at(0, 1.0, 0.07).of("screen"),
    block(0.12, 0.15, 0.06).at(0, 0.22).of("black"), block(0.45, 0.04, 0.22, 0.03).at(0, 0.04),
    egg(0.2, 0.3, 0.01).turn(z=-30).at(-0.6, 1.2, 0.1).of("pale"),
)
TELEVISION_OLD = (
    block(0.95, 0.7, 0.5, 0.12).at(0, 0.9), block(0.6, 0.5, 0.1, 0.09).at(-0.22, 0.92, 0.46).of("screen"),
    *(can(0.1, 0.06).turn(x=90).at(0.65, y, 0.5).of("steel") for y in (1.2, 0.85)),
    rod((0, 1.55, 0), (-0.55, 2.2, 0), 0.035).of("steel"), rod((0, 1.55, 0), (0.55, 2.2, 0), 0.035).of("steel"),
    *both(rod((0.6, 0.25, 0), (0.75, 0.02, 0), 0.07).of("black")),
)
BOTTLE = (
    lathe([(0, 0), (0.36, 0), (0.4, 0.05), (0.4, 1.0), (0.3, 1.25), (0.13, 1.42), (0.13, 1.85), (0, 1.85)]),
    can(0.16, 0.1, 0.02).at(0, 1.86).of("dark"),
    can(0.405, 0.24).at(0, 0.6).of("paper"),
)
WINEGLASS = (
    lathe([(0, 0), (0.42, 0), (0.4, 0.04), (0.06, 0.08), (0.05, 0.75), (0.25, 0.9), (0.42, 1.2), (0.38, 1.7),
        (0.34, 1.7),
           (0.37, 1.2), (0.2, 0.97), (0, 0.92)]),
)
VASE = (
    lathe(vessel([(0, 0), (0.28, 0), (0.3, 0.05), (0.55, 0.5), (0.5, 0.85), (0.2, 1.2), (0.2, 1.35), (0.36, 1.55)],
        0.05)),
    ring(0.5, 0.04).turn(x=90).at(0, 0.72).of("second"), ring(0.25, 0.035).turn(x=90).at(0, 1.2).of("second"),
)
CANDLE = (
    can(0.2, 0.55, 0.05).at(0, 0.75), rod((0, 1.3, 0), (0, 1.4, 0), 0.025).of("black"),
    lathe([(0, 1.36), (0.1, 1.48), (0.11, 1.56), (0.05, 1.75), (0, 1.9)], 0.01).of("flame"),
    lathe([(0, 0), (0.5, 0.08), (0.55, 0.18), (0.5, 0.18), (0.24, 0.12), (0.24, 0.28), (0, 0.28)]).of("gold"),
    ring(0.14, 0.045).at(0.65, 0.18).of("gold"),
)
SAUCEPAN = (
    lathe(vessel([(0, 0), (0.66, 0), (0.7, 0.05), (0.72, 0.62), (0.76, 0.65)], 0.06)),
    rod((0.72, 0.52, 0), (1.75, 0.66, 0), 0.075, 0.1).of("black"), can(0.6, 0.02).at(0, 0.35).of("dark"),
)
FRYINGPAN = (
    lathe(vessel([(0, 0), (0.72, 0), (0.9, 0.2)], 0.05)), rod((0.88, 0.18, 0), (2.0, 0.32, 0), 0.07, 0.1).of("black"),
    egg(0.42, 0.03, 0.38).at(0.05, 0.08, 0.05).of("white"), egg(0.17, 0.12, 0.17).at(0.08, 0.1, 0.05).of("yellow"),
)
BUCKET = (
    lathe(vessel([(0, 0), (0.5, 0), (0.72, 1.1), (0.76, 1.12)], 0.06)), ring(0.72, 0.035, 88).at(0, 1.1).of("steel"),
    rod((-0.16, 1.82, 0), (0.16, 1.82, 0), 0.07).of("wood"),
)
UMBRELLA = (
    lathe([(0.98, 1.15), *arc(1.0, 8, 90, at=(0, 1.05), steps=7), *arc(0.94, 90, 8, at=(0, 1.05), steps=7)]),
    *around(8, egg(0.4, 0.3, 0.4).at(0, 0.98, 0.98).cut(), start=22.5),
    rod((0, 0.15, 0), (0, 2.15, 0), 0.04).of("wood"), ring(0.16, 0.05, 90).turn(z=180).at(-0.16, 0.16).of("wood"),
    *around(8, egg(0.02, 0.02, 0.02).at(0, 2.05, 0).of("second"))[:1],
)
BATHTUB = (
    egg(1.25, 0.75, 0.68).at(0, 0.85), block(2, 1, 2).at(0, 1.85).cut(),
    egg(1.12, 0.62, 0.56).at(0, 0.9).of("white").cut(),
    *posts(0.75, 0.4, 0, 0.4, 0.08), *tube([(1.05, 0.8, 0), (1.05, 1.2, 0), (0.8, 1.25, 0), (0.78, 1.12, 0)], 0.05),
)
BATHTUB = tuple(part.of("gold") if part.kind == 2 else part for part in BATHTUB)
BROOM = (
    rod((0, 0.6, 0), (0, 2.7, 0), 0.05).of("wood"), taper(0.3, 0.12, 0.12).at(0, 0.68),
    *(rod((0.1 * i, 0.62, 0), (0.21 * i, 0.02, 0.04 * (i % 2)), 0.07, 0.09).of("straw") for i in (-2, -1, 0, 1, 2)),
)
BOOKSHELF = (
    *both(block(0.06, 1.2, 0.3).at(0.8, 1.2)), block(0.8, 1.2, 0.03).at(0, 1.2, -0.28),
    *(block(0.8, 0.045, 0.3).at(0, y) for y in (0.05, 0.8, 1.55, 2.36)),
    *(
        block(0.075, h, 0.2).at(x, y + h, 0.02).of(c)
        for y, row in ((0.1, "rgbyp"), (0.85, "ywrgo"), (1.6, "gpbrw"))
        for x, h, c in zip(
            (-0.62, -0.44, -0.22, 0.05, 0.35), (0.28, 0.24, 0.3, 0.22, 0.27),
            ({"r": "red", "g": "green", "b": "blue", "y": "yellow", "p": "purple", "w": "white", "o": "orange"}[k]
                for k in row),
            strict=True,
        )
    ),
)
DOOR = (
    block(0.62, 1.3, 0.06).at(0, 1.3),
    *both(*(block(0.2, h, 0.02, 0.02).at(0.28, y, 0.06).of("dark") for y, h in ((0.65, 0.4), (1.85, 0.45)))),
    ball(0.08).at(0.48, 1.22, 0.12).of("gold"), *both(block(0.08, 1.38, 0.09).at(0.7, 1.38).of("white")),
    block(0.78, 0.08, 0.09).at(0, 2.7).of("white"),
)
WASHER = (
    block(0.72, 0.85, 0.65, 0.06).at(0, 0.85), ring(0.44, 0.09).at(0, 0.75, 0.66).of("steel"),
    egg(0.4, 0.4, 0.12).at(0, 0.75, 0.64).of("screen"),
    block(0.25, 0.07, 0.02).at(-0.35, 1.5, 0.65).of("dark"), can(0.09, 0.05).turn(x=90).at(0.35, 1.5, 0.67).of("steel"),
)
TOASTER = (
    block(0.8, 0.5, 0.42, 0.2).at(0, 0.58), *(block(0.55, 0.3, 0.06).at(0, 1.05, z).of("black").cut()
        for z in (0.17, -0.17)),
    *(block(0.42, 0.3, 0.05, 0.05).at(0, 1.1, z).of("bread") for z in (0.17, -0.17)),
    block(0.06, 0.08, 0.15, 0.03).at(0.84, 0.75).of("black"),
    block(0.7, 0.06, 0.36).at(0, 0.05).of("black"),
)
TEDDY = (
    egg(0.52, 0.55, 0.42).at(0, 0.6), egg(0.34, 0.36, 0.2).at(0, 0.58, 0.28).of("light"), ball(0.44).at(0, 1.42),
    egg(0.2, 0.16, 0.16).at(0, 1.32, 0.38).of("light"), egg(0.07, 0.05, 0.05).at(0, 1.4, 0.53).of("black"),
    *both(ball(0.17).at(0.36, 1.78), ball(0.11).at(0.37, 1.79, 0.1).of("light"),
        ball(0.055).at(0.16, 1.52, 0.38).of("black"),
          rod((0.42, 0.92, 0.1), (0.78, 0.65, 0.25), 0.17), rod((0.3, 0.25, 0.15), (0.5, 0.18, 0.65), 0.2),
          can(0.14, 0.05).turn(x=80).at(0.5, 0.2, 0.83).of("light")),
)
IRON = (
    plate([(-0.75, -0.42), (-0.75, 0.42), (0.1, 0.42), (0.95, 0), (0.1, -0.42)], 0.05, 0.03).turn(x=-90).at(0,
        0.08).of("steel"),
    plate([(-0.68, 0), (0.75, 0), (0.35, 0.3), (-0.6, 0.36)], 0.24, 0.06).at(0, 0.2),
    *tube([(-0.5, 0.5, 0), (-0.55, 0.92, 0), (0.25, 0.92, 0), (0.32, 0.5, 0)], 0.1),
)
FAN = (
    can(0.42, 0.06, 0.03).at(0, 0.06), rod((0, 0.1, 0), (0, 1.0, 0), 0.07), egg(0.16, 0.16, 0.24).at(0, 1.5, -0.05),
    ring(0.78, 0.05).at(0, 1.5, 0.1), *moved(around(3, egg(0.22, 0.34, 0.03).turn(y=20).at(0, 0.36), axis="z"),
        at=(0, 1.5, 0.1)), ball(0.1).at(0, 1.5, 0.18).of("dark"),
    *(rod((0.13 * c, 1.5 + 0.13 * s, 0.24), (0.76 * c, 1.5 + 0.76 * s, 0.12), 0.018).of("steel") for c,
        s in ((1, 0), (-1, 0), (0, 1), (0, -1), (0.7, 0.7), (-0.7, 0.7), (0.7, -0.7), (-0.7, -0.7))),
)
FAN = tuple(part.of("second") if part.kind == 0 and part.size[0] == 0.22 else part for part in FAN)
STOOL = (can(0.55, 0.07, 0.04).at(0, 1.2), *around(3, rod((0, 1.15, 0.3), (0, 0.05, 0.55), 0.06)),
    ring(0.42, 0.04).turn(x=90).at(0, 0.5))

CLASSES: tuple[ObjectClass, ...] = (
    ObjectClass("teapot", (TEAPOT,), materials=TABLEWARE),
    ObjectClass("chair", (CHAIR, CHAIR_SLAT), materials=FURNITURE, yaw=(-70, 70)),
    ObjectClass("mug", (MUG,), materials=TABLEWARE, pitch=(8, 42)),
    ObjectClass("lamp", (LAMP, LAMP_DESK), materials=("metal", "ceramic", "painted", "wood")),
    ObjectClass("bottle", (BOTTLE,), materials=("glass", "plastic"), yaw=ANY),
    ObjectClass("bed", (BED,), materials=SOFT, yaw=(-60, 60), pitch=(10, 42)),
    ObjectClass("umbrella", (UMBRELLA,), materials=SOFT, yaw=ANY, pitch=(0, 25), lean=14),
    ObjectClass("clock", (CLOCK, ALARM), yaw=(-45, 45), materials=("metal", "plastic", "wood")),
    ObjectClass("table", (TABLE, TABLE_ROUND), materials=FURNITURE, yaw=(-60, 60)),
    ObjectClass("bucket", (BUCKET,), materials=("plastic", "metal", "wood"), pitch=(5, 42)),
    ObjectClass("sofa", (SOFA,), materials=SOFT),
    ObjectClass("television", (TELEVISION, TELEVISION_OLD), yaw=(-50, 50), pitch=(2, 28),
        materials=("plastic", "wood"), described=False),
    ObjectClass("candle", (CANDLE,), materials=("painted",)),
    ObjectClass("saucepan", (SAUCEPAN,), materials=("metal", "painted"), pitch=(8, 45)),
    ObjectClass("wine glass", (WINEGLASS,), plural="wine glasses", materials=("skin",),
        colours=("red", "yellow", "pink", "purple"), yaw=ANY),
    ObjectClass("vase", (VASE,), materials=("ceramic", "glass", "stone"), yaw=ANY),
    ObjectClass("bathtub", (BATHTUB,), materials=("ceramic", "painted"), pitch=(10, 42)),
    ObjectClass("broom", (BROOM,), materials=("painted", "plastic"), lean=16, described=False),
    ObjectClass("bookshelf", (BOOKSHELF,), plural="bookshelves", materials=("wood", "painted"), yaw=(-45, 45),
        pitch=(2, 25)),
    ObjectClass("door", (DOOR,), materials=("wood", "painted"), yaw=(-45, 45), pitch=(2, 20)),
    ObjectClass("frying pan", (FRYINGPAN,), materials=("metal", "painted"), pitch=(18, 50)),
    ObjectClass("washing machine", (WASHER,), materials=("painted", "metal"), pitch=(2, 30)),
    ObjectClass("toaster", (TOASTER,), materials=("metal", "plastic"), pitch=(8, 40)),
    ObjectClass("teddy bear", (TEDDY,), materials=("fur",), colours=("brown", "white", "pink", "yellow", "grey",
        "turquoise")),
    ObjectClass("iron", (IRON,), materials=("plastic",)),
    ObjectClass("fan", (FAN,), materials=("plastic", "metal"), yaw=(-50, 50), pitch=(2, 25)),
    ObjectClass("stool", (STOOL,), materials=("wood", "painted", "metal"), yaw=ANY),
)
