"""Plants, rocks, sky and weather."""

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
    painted,
    plate,
    prism,
    ring,
    rod,
    star,
    taper,
    tube,
)

# fmt: off (tables: one line holds what belongs together)
GREENS = ("green", "green", "orange", "yellow", "red")


def leaves(*balls: tuple[float, float, float, float]) -> Parts:
    """Balls (x, y, z, radius) grown together."""
    return tuple(ball(r).at(x, y, z) if i == 0 else ball(r).at(x, y, z).blend(0.15) for i,
        (x, y, z, r) in enumerate(balls))


TREE = (
    rod((0, 0, 0), (0, 1.1, 0), 0.19, 0.13).of("bark"), rod((0, 0.8, 0), (0.45, 1.3, 0), 0.1, 0.06).of("bark"),
    rod((0, 0.7, 0), (-0.4, 1.2, 0.1), 0.09, 0.05).of("bark"),
    *leaves((0, 1.75, 0, 0.62), (0.5, 1.5, 0.1, 0.45), (-0.5, 1.5, 0.05, 0.48), (0.1, 1.55, 0.45, 0.45),
        (0, 1.55, -0.45, 0.45), (0.15, 2.15, 0, 0.42)),
)
FIR = (can(0.13, 0.25).at(0, 0.25).of("bark"), *(taper(r, 0.08, 0.45).at(0, y) for r,
    y in ((0.85, 0.8), (0.7, 1.3), (0.54, 1.8), (0.36, 2.25))))
PALM = (
    *curve([(0, 0, 0), (0.12, 0.9, 0), (0.1, 1.6, 0), (0, 2.2, 0)], 0.16, 0.1),
    *around(7, *curve([(0, 2.2, 0), (0, 2.45, 0.45), (0, 2.25, 0.9), (0, 1.75, 1.15)], 0.12, 0.03, pieces=2), start=10),
    *(ball(0.12).at(x, 2.1, z).of("brown") for x, z in ((0.15, 0.12), (-0.12, 0.15), (0.02, -0.18))),
)
PALM = tuple(part.of("bark") if i < 9 else part for i, part in enumerate(PALM))
CACTUS = (
    rod((0, 0.2, 0), (0, 2.0, 0), 0.3), *tube([(0, 0.8, 0), (0.65, 0.85, 0), (0.68, 1.45, 0)], 0.19),
    *tube([(0, 1.05, 0), (-0.6, 1.1, 0), (-0.62, 1.75, 0)], 0.17), ball(0.13).at(0.68, 1.66).of("pink"),
    ball(0.14).at(0.05, 2.32).of("pink"),
    taper(0.42, 0.55, 0.2).at(0, 0.2).of("tiles"),
)
MUSHROOM = (
    lathe([(0, 0), (0.34, 0), (0.26, 0.3), (0.22, 0.9), (0, 0.9)], 0.03).of("cream"),
    egg(0.95, 0.62, 0.95).at(0, 0.95), block(3, 1, 3).at(0, -0.12).cut(),
    *around(5, egg(0.17, 0.12, 0.17).at(0, 1.38, 0.64).of("white"), start=15),
    *around(6, egg(0.13, 0.13, 0.08).at(0, 1.08, 0.9).of("white"), start=45),
    egg(0.2, 0.08, 0.2).at(0.05, 1.56, 0).of("white"),
)
FLOWER = (
    *curve([(0, 0, 0), (0.06, 0.7, 0), (0, 1.5, 0)], 0.055),
    *moved((*around(8, egg(0.2, 0.34, 0.06).at(0, 0.48).of("main"), axis="z"),
        can(0.25, 0.1, 0.06).turn(x=90).of("yellow")), at=(0, 1.65, 0.05), turn=(-12, 0, 0)),
    egg(0.32, 0.05, 0.14).turn(z=30).at(0.3, 0.6), egg(0.32, 0.05, 0.14).turn(z=150).at(-0.24, 0.45),
)
FLOWER = tuple(part.of("leaf") if part.kind == 2 or part.size[1] == 0.05 else part for part in FLOWER)
TULIP = (
    rod((0, 0, 0), (0, 1.5, 0), 0.055).of("leaf"), *around(4, egg(0.22, 0.42, 0.13).turn(x=-9).at(0, 1.85, 0.2)),
    ball(0.26).at(0, 1.62), *(plate([(0, 0), (0.2, 0.5), (0.3, 1.1), (0.05, 0.6)], 0.03, 0.03).turn(y=a).of("leaf")
        for a in (0, 150)),
)
SUNFLOWER = (
    rod((0, 0, 0), (0, 1.7, 0), 0.07).of("leaf"),
    *moved((*around(16, rod((0, 0.4, 0), (0, 0.85, 0.04), 0.12, 0.02).of("main"), axis="z"),
        can(0.46, 0.12, 0.05).turn(x=90).of("bark")), at=(0, 1.9, 0.08), turn=(-8, 0, 0)),
        egg(0.38, 0.05, 0.2).turn(z=28).at(0.35, 0.85).of("leaf"), egg(0.38, 0.05, 0.2).turn(z=152).at(-0.34,
            0.6).of("leaf"),
)
LEAF = (plate([(0, 0), (0.42, 0.3), (0.6, 0.8), (0.45, 1.4), (0, 2.1), (-0.45, 1.4), (-0.6, 0.8), (-0.42, 0.3)], 0.02,
    0.04), rod((0, -0.45, 0.02), (0, 1.9, 0.05), 0.06, 0.02).of("dark"),
    *both(*(rod((0, y, 0.05), (0.38, y + 0.32, 0.05), 0.03, 0.015).of("dark") for y in (0.35, 0.75, 1.15))))
SNOWMAN = (
    ball(0.7).at(0, 0.62), ball(0.5).at(0, 1.55), ball(0.36).at(0, 2.22),
    rod((0, 2.2, 0.33), (0, 2.16, 0.75), 0.075, 0.015).of("orange"), *both(ball(0.05).at(0.13, 2.34, 0.32).of("black"),
        *painted(tube([(0.42, 1.65, 0), (0.85, 1.9, 0.05), (1.1, 2.15, 0.05)], 0.04), "bark")),
        *(ball(0.06).at(0, y, z).of("black") for y, z in ((1.35, 0.47), (1.6, 0.5), (1.8, 0.44))),
    can(0.4, 0.03).at(0, 2.5).of("black"), can(0.26, 0.24).at(0, 2.72).of("black"),
    ring(0.36, 0.1).turn(x=90).at(0, 1.96).of("second"),
)
STAR = (plate(star(5, 1.0, 0.42), 0.12, 0.06).at(0, 0.9),)
HEART = (plate([(0, 0), *arc(0.5, -25, 205, at=(0.48, 1.15), steps=10)[:8], (0, 1.35),
    *(tuple((-x, y) for x, y in reversed(arc(0.5, -25, 205, at=(0.48, 1.15), steps=10)[:8])))], 0.12, 0.12),)
MOON = (plate([*arc(1.0, 75, 285, steps=14), *((0.42 + x, y) for x, y in arc(0.86, 255, 105, steps=10))], 0.1,
    0.04).at(0, 1.0),)
CLOUD = (*leaves((0, 0.7, 0, 0.55), (-0.6, 0.5, 0, 0.42), (0.62, 0.52, 0.05, 0.45), (1.05, 0.36, 0, 0.3),
    (-1.05, 0.35, 0, 0.28), (0.2, 0.6, 0.3, 0.42), (-0.25, 0.95, -0.05, 0.4)), block(3, 1, 3).at(0, -0.85).cut())
SUN = (ball(0.62).at(0, 1.05), *moved(around(12, taper(0.13, 0.01, 0.2).at(0, 0.95), axis="z"), at=(0, 1.05, 0)))
PUFFS = leaves((1.3, 0.1, 0, 0.3), (1.55, 0.05, 0, 0.25), (1.05, 0.05, 0.05, 0.25))
BANDS = ("purple", "blue", "green", "yellow", "orange", "red")
RAINBOW = (*(ring(1.0 + 0.13 * i, 0.075, 90).of(colour) for i, colour in enumerate(BANDS)), *PUFFS,
    *moved(PUFFS, turn=(0, 180, 0)))
LIGHTNING = (plate([(0.25, 2.2), (-0.55, 1.0), (-0.05, 1.0), (-0.35, 0), (0.6, 1.3), (0.1, 1.3), (0.65, 2.2)], 0.1,
    0.05),)
SHELL = (*(rod((0, 0.05, 0), (0.95 * c, 0.2 + 0.95 * s, 0.0), 0.07, 0.17) for c, s in arc(1, 12, 168, steps=8)),
    block(0.28, 0.1, 0.12, 0.05).at(0, 0.05))
ACORN = (lathe([(0, 0), (0.06, 0.05), (0.42, 0.4), (0.5, 0.8), (0.48, 1.0), (0, 1.0)], 0.02),
    egg(0.6, 0.4, 0.6).at(0, 1.02).of("bark"), block(2, 1, 2).at(0, -0.05).cut(),
    rod((0, 1.35, 0), (0.06, 1.65, 0), 0.07).of("bark"))
CRYSTAL = (prism(6, 0.32, 0.26, 0.6).at(0, 0.6), prism(6, 0.26, 0.01, 0.3).at(0, 1.5),
    *moved((prism(6, 0.2, 0.16, 0.4).at(0, 0.4), prism(6, 0.16, 0.01, 0.2).at(0, 1.0)), turn=(0, 20, -28),
        at=(0.2, 0, 0.1)), *moved((prism(6, 0.18, 0.15, 0.32).at(0, 0.32), prism(6, 0.15, 0.01, 0.18).at(0, 0.82)),
        turn=(10, 0, 30), at=(-0.2, 0, 0.1)))
VOLCANO = (lathe([(0, 0), (1.3, 0), (0.8, 0.5), (0.4, 1.15), (0.28, 1.1), (0.2, 0.95), (0, 0.95)], 0.02).of("bark"),
    can(0.25, 0.08).at(0, 1.02), *(part for a in (10, 100, 200, 300)
        for part in moved(tube([(0, 1.08, 0.2), (0, 1.08, 0.36), (0, 0.7, 0.62), (0, 0.35, 0.88)], 0.09, 0.1),
            turn=(0, a, 0))), ball(0.3).at(0, 1.65).of("grey"), ball(0.24).at(0.22, 1.95).of("grey"),
            ball(0.18).at(-0.1, 2.05).of("grey"))
PLANET = (ball(0.7).at(0, 0.85), *moved((can(1.35, 0.025).of("second"), can(0.92, 0.1).cut()), turn=(14, 0, 18),
    at=(0, 0.85, 0)))
POTPLANT = (taper(0.38, 0.55, 0.38).at(0, 0.38), can(0.6, 0.08, 0.02).at(0, 0.75),
    *around(7, *curve([(0, 0.8, 0.05), (0, 1.4, 0.2), (0, 1.6, 0.65)], 0.15, 0.03, pieces=2)),
    *around(4, rod((0, 0.8, 0), (0, 1.95, 0.22), 0.14, 0.02), start=20))
POTPLANT = tuple(part.of("leaf") if part.kind == 2 else part for part in POTPLANT)

CLASSES: tuple[ObjectClass, ...] = (
    ObjectClass("tree", (TREE,), colours=GREENS, materials=("rind",), yaw=ANY),
    ObjectClass("cactus", (CACTUS,), plural="cacti", colours=("green", "turquoise", "yellow"),
        materials=("banded", "painted"), yaw=(-45, 45)),
    ObjectClass("mushroom", (MUSHROOM,), colours=("red", "red", "brown", "orange", "purple"), materials=("skin",),
        yaw=ANY),
    ObjectClass("flower", (FLOWER,), materials=("skin",), yaw=(-45, 45)),
    ObjectClass("snowman", (SNOWMAN,), plural="snowmen", colours=("white",), materials=("skin",), yaw=(-50, 50)),
    ObjectClass("star", (STAR,), materials=("painted", "metal", "plastic", "wood"), yaw=(-45, 45), lean=15),
    ObjectClass("heart", (HEART,), materials=("painted", "metal", "plastic", "stone"), yaw=(-45, 45), lean=12),
    ObjectClass("fir tree", (FIR,), colours=("green", "green", "turquoise", "white"), materials=("rind",), yaw=ANY),
    ObjectClass("palm tree", (PALM,), colours=("green", "green", "yellow"), materials=("skin",), yaw=ANY),
    ObjectClass("cloud", (CLOUD,), colours=("white", "grey", "pink", "blue"), materials=("skin",), home="sky"),
    ObjectClass("moon", (MOON,), colours=("yellow", "white", "grey", "orange", "blue"), materials=("painted", "stone"),
        yaw=(-40, 40), lean=15, home="sky"),
    ObjectClass("tulip", (TULIP,), materials=("skin",), yaw=ANY),
    ObjectClass("potted plant", (POTPLANT,), materials=("ceramic", "painted"), yaw=ANY),
    ObjectClass("sunflower", (SUNFLOWER,), colours=("yellow", "yellow", "orange", "red"), materials=("skin",),
        yaw=(-45, 45)),
    ObjectClass("sun", (SUN,), colours=("yellow", "orange", "red"), materials=("painted",), yaw=(-40, 40), home="sky",
        lean=15),
    ObjectClass("rainbow", (RAINBOW,), colours=("white",), materials=("painted",), yaw=(-35, 35), pitch=(2, 25),
        home="sky", described=False),
    ObjectClass("leaf", (LEAF,), plural="leaves", colours=("green", "green", "yellow", "orange", "red", "brown"),
        materials=("skin",), yaw=(-45, 45), lean=40),
    ObjectClass("lightning bolt", (LIGHTNING,), materials=("painted", "metal"), yaw=(-40, 40), home="sky", lean=12),
    ObjectClass("seashell", (SHELL,), materials=("ceramic",), yaw=(-45, 45)),
    ObjectClass("acorn", (ACORN,), colours=("brown", "green", "orange", "yellow"), materials=("skin",), yaw=ANY,
        lean=15, described=False),
    ObjectClass("crystal", (CRYSTAL,), materials=("glass", "plastic"), yaw=ANY),
    ObjectClass("volcano", (VOLCANO,), plural="volcanoes", colours=("red", "orange", "yellow"), materials=("painted",),
        yaw=ANY, pitch=(5, 35), described=False),
    ObjectClass("planet", (PLANET,), materials=("banded", "painted", "stone"), yaw=ANY, home="sky"),
)
