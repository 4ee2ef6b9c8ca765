"""Tools, cutlery, stationery and other things that lie in a hand."""

from __future__ import annotations

from salmubench.drawing.things.classes import ANY, ObjectClass
from salmubench.drawing.things.parts import (
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
    prism,
    ring,
    rod,
    smooth,
    taper,
    tube,
)

# fmt: off (tables: one line holds what belongs together)
HANDLES = ("painted", "plastic", "wood")
FLAT = (-42.0, 42.0)

HAMMER = (
    rod((0, 0.08, 0), (0, 1.9, 0), 0.1, 0.08), block(0.3, 0.17, 0.17, 0.05).at(-0.05, 2.0).of("steel"),
    can(0.22, 0.1, 0.03).turn(z=90).at(-0.45, 2.0).of("steel"),
    *curve([(0.2, 2.02, 0), (0.45, 2.0, 0), (0.72, 1.85, 0)], 0.14, 0.05),
)
HAMMER = tuple(part.of("steel") if part.kind == 2 and part.size[0] != 0.1 else part for part in HAMMER)
KEY = (
    ring(0.42, 0.12).at(0, 1.7), rod((0, 1.25, 0), (0, 0.1, 0), 0.1), block(0.2, 0.09, 0.06, 0.02).at(0.24, 0.18),
    block(0.15, 0.08, 0.06, 0.02).at(0.2, 0.46), ring(0.14, 0.05).turn(x=90).at(0, 1.18),
)
SCISSORS = (
    *both(*moved((plate([(-0.11, 0), (0.11, 0), (0.02, 1.35), (-0.05, 1.2)], 0.025, 0.01).of("steel"),
        rod((0, 0, 0), (0.05, -0.35, 0), 0.09), ring(0.28, 0.085).at(0.1, -0.66)), turn=(0, 0, -16),
        at=(0, 1.0, 0.03))), ball(0.09).at(0, 1.05, 0.05).of("iron"),
)
SPOON = (rod((0, 0.08, 0), (0, 1.75, 0), 0.1, 0.06), egg(0.36, 0.5, 0.12).at(0, 2.15, 0.04),
    egg(0.3, 0.43, 0.14).at(0, 2.15, 0.15).of("dark").cut())
FORK = (
    rod((0, 0.08, 0), (0, 1.55, 0), 0.1, 0.065),
    plate([(-0.3, 1.95), (-0.24, 1.6), (0, 1.48), (0.24, 1.6), (0.3, 1.95)], 0.04, 0.03),
    *(rod((x, 1.9, 0), (x, 2.6, 0), 0.062, 0.045) for x in (-0.28, -0.093, 0.093, 0.28)),
)
KNIFE = (
    block(0.13, 0.5, 0.08, 0.06).at(0, 0.5).of("black"),
    plate([(-0.12, 1.0), (-0.12, 2.5), (0.02, 2.4), (0.2, 1.9), (0.22, 1.0)], 0.02, 0.01),
)
SAW = (
    plate([(-1.5, 0.2), (-1.5, 0.45), (0.5, 0.85), (0.5, 0.1), *((0.5 - 0.1 * i, 0.1 if i % 2 == 0 else 0.2)
        for i in range(1, 20))], 0.02, 0.0).of("steel"),
    plate([(0.45, 0.05), (0.5, 0.9), (0.85, 1.0), (1.1, 0.75), (1.05, 0.1), (0.75, -0.02)], 0.08, 0.03),
    egg(0.18, 0.25, 0.3).at(0.78, 0.48).cut(),
)
SCREWDRIVER = (
    lathe([(0, 0), (0.2, 0.03), (0.24, 0.3), (0.19, 0.5), (0.24, 0.75), (0.14, 0.95), (0, 0.97)]),
    rod((0, 0.95, 0), (0, 2.0, 0), 0.055).of("steel"), block(0.1, 0.12, 0.03).at(0, 2.06).of("steel"),
)
WRENCH = (
    block(0.15, 0.85, 0.07, 0.03).at(0, 1.15),
    *moved((can(0.38, 0.09, 0.02).turn(x=90), block(0.16, 0.35, 0.3).at(0, 0.28).cut()), at=(0, 2.15, 0),
        turn=(0, 0, 15)), *moved((can(0.32, 0.09, 0.02).turn(x=90), prism(6, 0.16, 0.16, 0.3).turn(x=90).cut()),
        at=(0, 0.28, 0)),
)
AXE = (
    *curve([(0.05, 0.05, 0), (0, 0.9, 0), (0.05, 2.1, 0)], 0.1, 0.08),
    plate([(-0.12, 1.65), (-0.12, 2.05), (0.3, 2.1), (0.75, 2.35), (0.85, 1.85), (0.72, 1.3), (0.3, 1.62)], 0.06,
        0.02).of("steel"),
)
SHOVEL = (
    rod((0, 0.85, 0), (0, 2.3, 0), 0.065).of("wood"),
    plate([(-0.36, 0.95), (-0.36, 0.35), (0, -0.05), (0.36, 0.35), (0.36, 0.95)], 0.04, 0.04),
    *tube([(0, 2.3, 0), (-0.2, 2.5, 0), (0.2, 2.5, 0), (0, 2.3, 0)], 0.055), rod((0, 0.4, 0.05), (0, 1.1, 0.03), 0.08),
)
RAKE = (
    rod((0, 0.4, 0), (0, 2.5, 0), 0.055).of("wood"), rod((-0.6, 0.4, 0), (0.6, 0.4, 0), 0.06),
    *(rod((0.2 * i, 0.4, 0), (0.2 * i, 0.0, 0.06), 0.045, 0.03) for i in (-3, -2, -1, 0, 1, 2, 3)),
)
PENCIL = (
    *moved((prism(6, 0.16, 0.16, 1.1).at(0, 1.4), prism(6, 0.015, 0.155, 0.2).at(0, 0.1).of("cream"),
        taper(0.005, 0.055, 0.06).at(0, -0.05).of("black"), can(0.175, 0.08).at(0, 2.55).of("steel"),
        can(0.165, 0.14, 0.05).at(0, 2.75).of("pink")), turn=(0, 0, -38)),
)
PAINTBRUSH = (
    *moved((lathe([(0, 0), (0.09, 0.05), (0.13, 0.6), (0.07, 1.1), (0, 1.1)]),
        block(0.2, 0.14, 0.1, 0.02).at(0, 1.2).of("steel"),
        plate([(-0.19, 1.3), (0.19, 1.3), (0.2, 1.75), (0, 1.95), (-0.2, 1.75)], 0.06, 0.04).of("second")),
        turn=(0, 0, -22)),
)
MAGNIFIER = (ring(0.58, 0.09).at(0, 1.65), can(0.56, 0.04, 0.02).turn(x=90).at(0, 1.65).of("pale"),
    rod((0, 1.05, 0), (0, 0.1, 0), 0.09, 0.13).of("wood"))
TOOTHBRUSH = (
    *moved((*curve([(0, 0, 0), (0, 0.9, 0.03), (0, 1.5, 0), (0, 2.0, 0)], 0.11, 0.06),
        block(0.14, 0.3, 0.06, 0.05).at(0, 2.2),
        *(block(0.11, 0.045, 0.14).at(0, 1.97 + 0.11 * i, 0.17).of("white" if i % 2 else "turquoise")
            for i in range(5))), turn=(0, 62, -50)),
)
COMB = (block(1.1, 0.14, 0.06, 0.05).at(0, 0.75), *(block(0.035, 0.3, 0.045, 0.02).at(-1.02 + 0.136 * i, 0.38)
    for i in range(16)))
GLASSES = (
    *both(ring(0.42, 0.07).at(0.55, 0.45, 0), can(0.4, 0.015).turn(x=90).at(0.55, 0.45).of("pale"),
        *tube([(0.97, 0.52, 0), (1.05, 0.55, -0.15), (1.05, 0.5, -1.1), (1.0, 0.3, -1.35)], 0.055)),
        ring(0.14, 0.055, 80).at(0, 0.47),
)
BOOK_CLOSED = (
    *moved((block(0.75, 1.0, 0.2).of("paper"), block(0.8, 1.05, 0.04, 0.02).at(0, 0, 0.22),
        block(0.8, 1.05, 0.04, 0.02).at(0, 0, -0.22), block(0.05, 1.05, 0.25, 0.04).at(-0.79, 0, 0),
        block(0.45, 0.14, 0.02).at(0.05, 0.45, 0.27).of("gold"), block(0.45, 0.3, 0.02).at(0.05, -0.25,
            0.27).of("second")), at=(0, 1.05, 0)),
)
BOOK_OPEN = (
    *both(*moved((block(0.72, 0.04, 0.95, 0.02).at(0.74, 0.0, 0), block(0.66, 0.06, 0.88, 0.03).at(0.7,
        0.09).of("paper"), *(block(0.45, 0.01, 0.03).at(0.7, 0.155, z).of("iron")
        for z in (-0.6, -0.36, -0.12, 0.12, 0.36, 0.6))), turn=(0, 0, 14), at=(0, 0.06, 0))),
)
LIGHTBULB = (
    lathe(smooth([(0, 0.6), (0.24, 0.6), (0.3, 0.8), (0.55, 1.15), (0.62, 1.5), (0.5, 1.85), (0.25, 2.05), (0, 2.1)]),
        0.02).of("lamplight"), can(0.25, 0.22, 0.03).at(0, 0.42), *(ring(0.24, 0.05).turn(x=90).at(0, y)
        for y in (0.3, 0.43, 0.56)), taper(0.1, 0.22, 0.09).at(0, 0.1).of("black"),
)
PADLOCK = (block(0.62, 0.5, 0.2, 0.1).at(0, 0.5), ring(0.4, 0.1, 92).at(0, 1.15).of("steel"),
    rod((-0.4, 1.2, 0), (-0.4, 0.9, 0), 0.1).of("steel"), rod((0.4, 1.2, 0), (0.4, 0.9, 0), 0.1).of("steel"),
    can(0.12, 0.04).turn(x=90).at(0, 0.58, 0.2).of("black"), block(0.05, 0.16, 0.04).at(0, 0.42, 0.2).of("black"))
LADDER = (*both(rod((0.42, 0, 0), (0.34, 2.6, 0), 0.07)), *(rod((-0.4, y, 0), (0.4, y, 0), 0.055)
    for y in (0.3, 0.68, 1.06, 1.44, 1.82, 2.2)))
CLOTHESPEG = (*both(*moved((block(0.1, 0.7, 0.13, 0.04).at(0, 0),), turn=(0, 0, 7), at=(0.14, 0.75, 0))),
    ring(0.13, 0.05).at(0, 0.85, 0.0).of("steel"), ring(0.13, 0.05).at(0, 0.85, 0.12).of("steel"))
GEAR = (can(0.72, 0.18, 0.03).turn(x=90), *(part.blend(0.0)
    for part in around(10, block(0.13, 0.16, 0.17, 0.02).at(0, 0.8), axis="z")),
    can(0.28, 0.5).turn(x=90).of("dark").cut())
MAGNET = (ring(0.55, 0.2, 90).at(0, 0.95), *both(rod((0.55, 0.95, 0), (0.55, 0.5, 0), 0.2),
    can(0.205, 0.2, 0.02).at(0.55, 0.2).of("steel")))
ROLLINGPIN = (can(0.26, 0.85, 0.05).turn(z=90).at(0, 0.3),
    *both(rod((0.9, 0.3, 0), (1.35, 0.3, 0), 0.09, 0.12).of("second")))
WHISK = (rod((0, 0.05, 0), (0, 0.9, 0), 0.1), *around(4,
    *curve([(0.04, 0.9, 0), (0.36, 1.5, 0), (0.3, 2.0, 0), (0, 2.15, 0)], 0.03, pieces=2)),
    *around(4, *curve([(-0.04, 0.9, 0), (-0.36, 1.5, 0), (-0.3, 2.0, 0), (0, 2.15, 0)], 0.03, pieces=2)))
SYRINGE = (*moved((can(0.22, 0.7).of("pale"), can(0.2, 0.35).at(0, -0.3),
    rod((0, -0.7, 0), (0, -1.3, 0), 0.03).of("steel"), can(0.08, 0.35).at(0, 0.95), can(0.26, 0.05).at(0, 1.3),
    block(0.4, 0.05, 0.12).at(0, 0.68)), turn=(0, 0, -40)),)
PLUNGER = (rod((0, 0.5, 0), (0, 2.3, 0), 0.07).of("wood"),
    lathe([(0.55, 0), (0.62, 0.05), (0.5, 0.42), (0.15, 0.62), (0, 0.65), (0, 0.5), (0.4, 0.3), (0.5, 0.02)], 0.03))

CLASSES: tuple[ObjectClass, ...] = (
    ObjectClass("hammer", (HAMMER,), materials=HANDLES, yaw=FLAT, lean=25),
    ObjectClass("key", (KEY,), colours=("yellow", "grey", "brown", "black", "red", "blue"),
        materials=("metal", "painted"), yaw=FLAT, lean=25),
    ObjectClass("scissors", (SCISSORS,), article="a pair of", materials=("plastic", "painted"), yaw=FLAT, lean=20),
    ObjectClass("glasses", (GLASSES,), article="a pair of", materials=("plastic", "metal"), yaw=(-40, 40),
        pitch=(5, 40)),
    ObjectClass("ladder", (LADDER,), materials=("wood", "metal", "painted"), yaw=FLAT, lean=12),
    ObjectClass("spoon", (SPOON,), materials=("metal", "wood", "plastic"), yaw=FLAT, lean=30),
    ObjectClass("book", (BOOK_CLOSED, BOOK_OPEN), materials=("painted", "fabric"), pitch=(10, 45), yaw=(-40, 40)),
    ObjectClass("pencil", (PENCIL,), materials=("painted",), yaw=FLAT),
    ObjectClass("fork", (FORK,), materials=("metal", "wood", "plastic"), yaw=FLAT, lean=30),
    ObjectClass("shovel", (SHOVEL,), materials=("metal", "painted", "plastic"), yaw=FLAT, lean=22),
    ObjectClass("saw", (SAW,), materials=HANDLES, yaw=FLAT, lean=20),
    ObjectClass("light bulb", (LIGHTBULB,), materials=("metal",), colours=("grey", "yellow", "brown", "black"),
        yaw=ANY, lean=20, described=False),
    ObjectClass("magnifying glass", (MAGNIFIER,), plural="magnifying glasses", materials=("metal", "plastic"),
        yaw=FLAT, lean=30),
    ObjectClass("axe", (AXE,), materials=HANDLES, yaw=FLAT, lean=20),
    ObjectClass("padlock", (PADLOCK,), materials=("metal", "painted"), yaw=FLAT),
    ObjectClass("screwdriver", (SCREWDRIVER,), materials=("plastic", "wood"), yaw=ANY, lean=30),
    ObjectClass("rake", (RAKE,), materials=("metal", "painted"), yaw=FLAT, lean=18),
    ObjectClass("toothbrush", (TOOTHBRUSH,), plural="toothbrushes", materials=("plastic",), yaw=(-35, 35)),
    ObjectClass("knife", (KNIFE,), plural="knives", materials=("metal",), colours=("grey", "white"), yaw=FLAT, lean=30),
    ObjectClass("wrench", (WRENCH,), plural="wrenches", materials=("metal", "painted"), yaw=FLAT, lean=30),
    ObjectClass("comb", (COMB,), materials=("plastic", "wood"), yaw=FLAT, lean=20),
    ObjectClass("magnet", (MAGNET,), materials=("painted",), yaw=FLAT, lean=30),
    ObjectClass("gear", (GEAR,), materials=("metal", "plastic", "wood"), yaw=FLAT),
    ObjectClass("paintbrush", (PAINTBRUSH,), plural="paintbrushes", materials=("wood", "painted"), yaw=FLAT, lean=25),
    ObjectClass("whisk", (WHISK,), materials=("metal", "plastic"), yaw=ANY, lean=25),
    ObjectClass("rolling pin", (ROLLINGPIN,), materials=("wood", "painted"), pitch=(10, 45)),
    ObjectClass("plunger", (PLUNGER,), materials=("plastic", "painted"), yaw=ANY, lean=15),
    ObjectClass("syringe", (SYRINGE,), materials=("plastic",), yaw=FLAT, lean=20, described=False),
    ObjectClass("clothes peg", (CLOTHESPEG,), materials=("wood", "plastic"), yaw=FLAT, lean=25),
)
