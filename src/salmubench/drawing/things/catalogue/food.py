"""Fruit, vegetables and dishes."""

from __future__ import annotations

from salmubench.drawing.things.classes import ANY, ObjectClass
from salmubench.drawing.things.parts import (
    Parts,
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
)

# fmt: off (tables: one line holds what belongs together)

FRUIT = ("rind", "skin")


def stalk(y: float, height: float = 0.3) -> Parts:
    """Short brown stalk on top."""
    return (rod((0, y, 0), (0.06, y + height, 0), 0.05, 0.04).of("bark"),)


APPLE = (
    lathe(smooth([(0, 0.12), (0.14, 0.02), (0.4, 0.06), (0.66, 0.4), (0.74, 0.75), (0.62, 1.08), (0.36, 1.2),
        (0.12, 1.12),
        (0, 1.0)]), 0.02),
    *stalk(1.02, 0.4), egg(0.24, 0.04, 0.12).turn(z=25).at(0.28, 1.36).of("leaf"),
)
BANANA = (
    *curve([(-1.1, 0.85, 0), (-0.75, 0.38, 0), (0, 0.16, 0), (0.75, 0.38, 0), (1.1, 0.85, 0)], 0.14, 0.14),
    *(part.blend(0.25) for part in curve([(-0.6, 0.36, 0), (0, 0.22, 0), (0.6, 0.36, 0)], 0.2, 0.2)),
    rod((1.1, 0.85, 0), (1.22, 1.12, 0), 0.09, 0.06).of("bark"), ball(0.1).at(-1.14, 0.92).of("bark"),
)
PEAR = (
    lathe(smooth([(0, 0.05), (0.2, 0), (0.5, 0.16), (0.64, 0.45), (0.55, 0.8), (0.33, 1.15), (0.26, 1.42), (0.14, 1.55),
        (0, 1.55)]), 0.03), *stalk(1.5, 0.35),
)
CARROT = (
    *moved((lathe([(0, -1.1), (0.06, -1.05), (0.3, 0.2), (0.36, 0.5), (0.25, 0.66), (0, 0.68)], 0.02),
        *(ring(r, 0.015).turn(x=90).at(0, y).of("dark") for y, r in ((-0.2, 0.24), (0.15, 0.3), (0.4, 0.345),
            (-0.6, 0.16))),
           *around(5, *curve([(0, 0.62, 0), (0, 1.0, 0.12), (0, 1.4, 0.34)], 0.06, 0.09))), turn=(0, 0, -62),
           at=(0, 0.36, 0)),
)
CARROT = tuple(part.of("leaf") if part.kind == 2 else part for part in CARROT)
CAKE = (
    can(1.0, 0.3, 0.06).at(0, 0.36), can(0.7, 0.28, 0.06).at(0, 0.9).of("cream"),
    can(1.25, 0.04, 0.03).at(0, 0.04).of("white"),
    *around(14, ball(0.12).at(0, 0.66, 0.88).of("white")), *around(6,
        rod((0, 1.18, 0.4), (0, 1.5, 0.4), 0.05).of("second"), egg(0.05, 0.1, 0.05).at(0, 1.62, 0.4).of("flame")),
        ball(0.15).at(0, 1.25, 0).of("red"),
)
ICECREAM = (
    taper(0.04, 0.4, 0.65).at(0, 0.65).of("waffle"), ball(0.48).at(0, 1.5), ring(0.36, 0.1).turn(x=90).at(0, 1.26),
    ball(0.36).at(0, 2.05).of("second"), ball(0.12).at(0.05, 2.45).of("red"),
)
DONUT = (
    ring(0.6, 0.34).turn(x=90).at(0, 0.34).of("bread"), ring(0.6, 0.335).turn(x=90).at(0, 0.4),
    *(rod((0.6 * c, 0.74, 0.6 * s), (0.6 * c + 0.1, 0.74, 0.6 * s + 0.06), 0.03).of(k) for c, s, k in (
        (1, 0, "white"), (0.7, 0.7, "yellow"), (0, 1, "red"), (-0.7, 0.7, "blue"), (-1, 0, "white"),
        (-0.7, -0.7, "yellow"), (0, -1, "green"), (0.7, -0.7, "red"))),
)
PIZZA = (
    can(1.0, 0.05, 0.03).at(0, 0.06).of("yellow"), ring(0.98, 0.1).turn(x=90).at(0, 0.1).of("bread"),
    *(can(0.17, 0.03).at(0.55 * c, 0.11, 0.55 * s) for c, s in ((1, 0.2), (0.3, 1), (-0.7, 0.7), (-0.9, -0.5), (0, -1),
        (0.9, -0.8), (0, 0))),
    *(egg(0.12, 0.03, 0.06).turn(y=a).at(0.5 * c, 0.13, 0.5 * s).of("leaf") for c, s,
        a in ((0.8, 0.9, 20), (-0.3, 0.4, 70), (0.5, -0.4, 120), (-0.9, 0.1, 10))),
)
HAMBURGER = (
    lathe([(0, 0), (0.8, 0), (0.86, 0.1), (0.82, 0.25), (0, 0.25)], 0.03).of("bread"),
    can(0.86, 0.11, 0.08).at(0, 0.4).of("bark"),
    block(0.7, 0.025, 0.7).turn(y=30).at(0, 0.54).of("yellow"), can(0.84, 0.06, 0.04).at(0, 0.62),
    can(0.9, 0.03).at(0, 0.7).of("leaf"),
    egg(0.88, 0.5, 0.88).at(0, 0.74).of("bread"), block(2, 1, 2).at(0, -0.26).cut(),
    *(egg(0.05, 0.03, 0.03).at(0.5 * x, y, 0.5 * z).of("cream") for x, y,
        z in ((0, 1.24, 0), (0.7, 1.15, 0.5), (-0.6, 1.16, 0.6), (0.3, 1.13, -0.9), (-0.9, 1.12, -0.4),
            (0, 1.12, 1.0))),
)
CHERRIES = (
    *both(ball(0.4).at(0.48, 0.4, 0.05)), *curve([(0.48, 0.75, 0), (0.35, 1.3, 0), (0.05, 1.75, 0)], 0.045),
    *curve([(-0.48, 0.75, 0), (-0.25, 1.3, 0), (0.05, 1.75, 0)], 0.045),
    egg(0.42, 0.05, 0.2).turn(z=15).at(0.42, 1.82).of("leaf"),
)
CHERRIES = tuple(part.of("bark") if part.kind == 2 else part for part in CHERRIES)
STRAWBERRY = (
    lathe([(0, 0), (0.12, 0.06), (0.5, 0.7), (0.55, 0.95), (0.4, 1.12), (0, 1.15)], 0.04),
    *around(6, egg(0.12, 0.05, 0.32).turn(x=20).at(0, 1.16, 0.3).of("leaf")), *stalk(1.15, 0.25),
    *around(7, egg(0.04, 0.06, 0.03).at(0, 0.85, 0.57).of("yellow")), *around(6,
        egg(0.04, 0.06, 0.03).at(0, 0.6, 0.46).of("yellow"), start=25),
        *around(4, egg(0.035, 0.05, 0.03).at(0, 0.35, 0.3).of("yellow")),
)
PINEAPPLE = (
    egg(0.55, 0.78, 0.55).at(0, 0.78), *around(6,
        *curve([(0, 1.4, 0.05), (0, 1.8, 0.22), (0, 2.05, 0.55)], 0.12, 0.02)),
    *around(5, rod((0, 1.45, 0.02), (0, 2.3, 0.2), 0.13, 0.02), start=30),
)
PINEAPPLE = tuple(part.of("leaf") if part.kind == 2 else part for part in PINEAPPLE)
PUMPKIN = (
    *around(8, egg(0.42, 0.6, 0.42).at(0, 0.6, 0.48)), *curve([(0, 1.1, 0), (0.02, 1.35, 0), (0.2, 1.5, 0)], 0.13,
        0.09),
)
PUMPKIN = tuple(part.of("leaf") if part.kind == 2 else part for part in PUMPKIN)
GRAPES = (
    *(ball(0.24).at(0.4 * (i - 0.5 * (n - 1)), y, 0.12 * ((i + n) % 2) + z) for n, y,
        z in ((4, 1.35, 0), (3, 1.4, 0.32), (3, 1.0, 0.15), (3, 1.05, -0.25), (2, 0.65, 0.1), (2, 0.72, -0.2),
            (1, 0.3, 0)) for i in range(n)),
    rod((0, 1.5, 0), (0.05, 1.95, 0), 0.06).of("bark"), egg(0.4, 0.05, 0.3).turn(z=10).at(0.35, 1.8).of("leaf"),
)
WATERMELON = (
    *moved((can(1.0, 0.22).turn(x=90).at(0, 1.0).of("leaf"), block(2, 1, 1).at(0, 2.0).cut(),
        can(0.9, 0.23).turn(x=90).at(0, 1.0).of("white"), block(2, 1, 1).at(0, 2.0).cut(),
           can(0.84, 0.24).turn(x=90).at(0, 1.0), block(2, 1, 1).at(0, 2.0).of("main").cut(),
           *(egg(0.04, 0.07, 0.26).at(x, y).of("black") for x, y in ((-0.5, 0.8), (-0.2, 0.6), (0.15, 0.72),
               (0.5, 0.78), (0, 0.38), (0.33, 0.5), (-0.38, 0.48)))),),
)
CORN = (
    egg(0.34, 0.95, 0.34).at(0, 1.15), *(egg(0.14, 0.75, 0.34).turn(z=s * 16).at(-s * 0.33, 0.65, 0.05).of("leaf")
        for s in (1, -1)), egg(0.35, 0.55, 0.14).at(0, 0.5, -0.3).of("leaf"),
        rod((0, 0, 0), (0, 0.3, 0), 0.13).of("leaf"),
)
CHEESE = (
    plate([(-1.0, 0), (0.9, 0), (0.9, 0.75)], 0.42, 0.02).turn(y=0), *(ball(r).at(x, y, z).of("dark").cut() for x, y,
        z, r in ((0.5, 0.25, 0.44, 0.16), (0.1, 0.15, 0.46, 0.1), (-0.35, 0.1, 0.45, 0.09), (0.65, 0.55, 0.44, 0.1),
            (0.2, 0.48, 0.1, 0.14), (0.55, 0.62, -0.15, 0.13))),
)
FRIEDEGG = (
    *(egg(r, 0.06, r).at(x, 0.06, z).of("white") if i == 0 else egg(r, 0.06, r).at(x, 0.06, z).of("white").blend(0.12)
        for i, (x, z, r) in enumerate(((0, 0, 0.7), (0.55, 0.2, 0.4), (-0.5, 0.3, 0.42), (-0.2, -0.5, 0.45),
            (0.35, -0.45, 0.38)))),
    egg(0.3, 0.2, 0.3).at(0.05, 0.12, 0.05),
)
CUPCAKE = (
    taper(0.4, 0.6, 0.32).at(0, 0.32), *around(14, rod((0, 0.02, 0.4), (0, 0.64, 0.6), 0.045).of("dark")),
    lathe([(0, 0.62), (0.72, 0.66), (0.7, 0.85), (0.5, 0.95), (0.52, 1.08), (0.3, 1.2), (0.28, 1.3), (0, 1.5)],
        0.03).of("cream"), ball(0.14).at(0, 1.55).of("red"),
)
LOLLIPOP = (
    can(0.6, 0.14, 0.1).turn(x=90).at(0, 1.9), ring(0.42, 0.05).at(0, 1.9, 0.13).of("white"),
    ring(0.2, 0.05).at(0, 1.9, 0.13).of("white"), rod((0, 0, 0), (0, 1.4, 0), 0.05).of("paper"),
)
CROISSANT = (
    *(egg(0.3 + 0.16 * (1 - abs(i) / 3), 0.3 * (1 - abs(i) / 4.2),
        0.3 + 0.1 * (1 - abs(i) / 3)).turn(y=-i * 24).at(0.34 * i * (1 - abs(i) * 0.06), 0.28, 0.07 * i * i)
        for i in (-3, -2, -1, 0, 1, 2, 3)),
)

CLASSES: tuple[ObjectClass, ...] = (
    ObjectClass("apple", (APPLE,), colours=("red", "green", "yellow"), materials=FRUIT, yaw=ANY),
    ObjectClass("banana", (BANANA,), colours=("yellow", "yellow", "green"), materials=FRUIT, pitch=(3, 40)),
    ObjectClass("ice cream cone", (ICECREAM,), materials=("skin",), yaw=ANY, lean=12),
    ObjectClass("cake", (CAKE,), materials=("skin",), yaw=ANY, colours=("pink", "brown", "white", "yellow",
        "turquoise", "purple")),
    ObjectClass("carrot", (CARROT,), colours=("orange", "orange", "purple", "yellow"), materials=FRUIT),
    ObjectClass("donut", (DONUT,), materials=("skin",), yaw=ANY, pitch=(20, 60),
        colours=("pink", "brown", "white", "turquoise", "yellow", "purple")),
    ObjectClass("pear", (PEAR,), colours=("green", "yellow", "brown", "red"), materials=FRUIT, yaw=ANY),
    ObjectClass("pizza", (PIZZA,), colours=("red", "brown", "pink"), materials=("skin",), yaw=ANY, pitch=(28, 65),
        described=False),
    ObjectClass("pineapple", (PINEAPPLE,), colours=("yellow", "orange", "brown"), materials=("scaly",), yaw=ANY),
    ObjectClass("hamburger", (HAMBURGER,), colours=("red",), materials=("skin",), yaw=ANY, pitch=(2, 30),
        described=False),
    ObjectClass("pumpkin", (PUMPKIN,), colours=("orange", "orange", "green", "white"), materials=FRUIT, yaw=ANY),
    ObjectClass("strawberry", (STRAWBERRY,), plural="strawberries", colours=("red", "red", "pink"),
        materials=("skin",), yaw=ANY),
    ObjectClass("cherry", (CHERRIES,), plural="cherries", colours=("red", "black", "pink"), materials=("skin",)),
    ObjectClass("bunch of grapes", (GRAPES,), plural="bunches of grapes", colours=("purple", "green", "black", "red"),
        materials=("skin",)),
    ObjectClass("watermelon slice", (WATERMELON,), colours=("red", "pink", "yellow"), materials=("skin",),
        yaw=(-50, 50)),
    ObjectClass("corn cob", (CORN,), colours=("yellow", "orange", "white"), materials=("scaly",)),
    ObjectClass("piece of cheese", (CHEESE,), plural="pieces of cheese", colours=("yellow", "orange", "white"),
        materials=("skin",), yaw=(-60, 60)),
    ObjectClass("fried egg", (FRIEDEGG,), colours=("yellow", "orange"), materials=("skin",), pitch=(25, 60), yaw=ANY,
        described=False),
    ObjectClass("cupcake", (CUPCAKE,), materials=("painted",), yaw=ANY, described=False),
    ObjectClass("lollipop", (LOLLIPOP,), materials=("plastic",), lean=14),
    ObjectClass("croissant", (CROISSANT,), colours=("brown", "orange"), materials=("banded", "skin"), pitch=(15, 55)),
)
