"""Buildings and what stands in streets, gardens and parks."""

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
    taper,
)

# fmt: off (tables: one line holds what belongs together)
WALLS = ("painted", "stone", "wood")
HOUSE = (
    block(0.9, 0.6, 0.7).at(0, 0.6), plate([(-1.1, 0), (1.1, 0), (0, 0.85)], 0.8, 0.02).at(0, 1.18).of("tiles"),
    block(0.2, 0.36, 0.02).at(0, 0.36, 0.71).of("bark"), *both(block(0.2, 0.2, 0.02).at(0.55, 0.75, 0.71).of("window"),
        block(0.25, 0.03, 0.03).at(0.55, 0.52, 0.72).of("white")), block(0.13, 0.3, 0.13).at(0.55, 1.85, 0).of("brick"),
    *(block(0.02, 0.2, 0.2).at(s * 0.91, 0.75).of("window") for s in (1, -1)),
)
CASTLE = (
    block(0.85, 0.55, 0.5).at(0, 0.55), *(block(0.1, 0.1, 0.5).at(0.22 * i, 1.15).of("main") for i in (-3, -1, 1, 3)),
    *(part for x in (-0.95, 0.95) for z in (0.5, -0.5) for part in (can(0.28, 0.85).at(x, 0.85, z),
        taper(0.38, 0.02, 0.35).at(x, 2.0, z).of("tiles"))),
    block(0.22, 0.3, 0.1).at(0, 0.3, 0.48).of("bark"), can(0.22, 0.1).turn(x=90).at(0, 0.6, 0.48).of("bark"),
    *(block(0.05, 0.12, 0.05).at(x, 1.1, 0.76).of("black") for x in (-0.95, 0.95)),
    rod((0, 1.1, 0), (0, 2.2, 0), 0.03).of("wood"), plate([(0, 2.15), (0.5, 2.0), (0, 1.85)], 0.02).of("second"),
)
LIGHTHOUSE = (
    taper(0.6, 0.36, 1.15).at(0, 1.25), can(0.7, 0.1).at(0, 0.1).of("stone"),
    *(lathe([(0, y), (r, y), (r - 0.055, y + 0.45), (0, y + 0.45)]).of("white") for y,
        r in ((0.55, 0.57), (1.5, 0.452))), can(0.48, 0.06).at(0, 2.42).of("iron"),
        can(0.26, 0.25).at(0, 2.7).of("lamplight"), taper(0.36, 0.03, 0.2).at(0, 3.1),
        *around(8, rod((0, 2.45, 0.44), (0, 2.65, 0.44), 0.02).of("iron")),
        ring(0.44, 0.025).turn(x=90).at(0, 2.66).of("iron"),
)
WINDMILL = (
    taper(0.62, 0.4, 0.85).at(0, 0.85), egg(0.45, 0.4, 0.45).at(0, 1.75).of("tiles"),
    block(0.17, 0.28, 0.1).at(0, 0.28, 0.55).of("bark"), rod((0, 1.7, 0.3), (0, 1.7, 0.62), 0.08).of("wood"),
    *moved(around(4, rod((0, 0, 0), (0, 1.3, 0), 0.04).of("wood"), block(0.17, 0.48, 0.015).at(0.15, 0.8).of("cream"),
        axis="z", start=20), at=(0, 1.7, 0.62)), can(0.12, 0.03).turn(x=90).at(0, 1.15, 0.5).of("window"),
)
BRIDGE = (
    *(plate([(-1.7, 0.55), (1.7, 0.55), (1.7, 0.75), (0.9, 0.95), (0, 1.03), (-0.9, 0.95), (-1.7, 0.75)], 0.4).at(0, 0,
        0),), block(0.28, 0.35, 0.4).at(1.5, 0.35), block(0.28, 0.35, 0.4).at(-1.5, 0.35),
        can(0.62, 1).turn(x=90).at(0.62, 0.1).cut(), block(0.16, 0.4, 0.4).at(0, 0.4),
    *(rod((-1.7, 1.15, z), (-0.9, 1.35, z), 0.05) for z in (0.38, -0.38)),
    *(rod((1.7, 1.15, z), (0.9, 1.35, z), 0.05) for z in (0.38, -0.38)),
    *(rod((-0.9, 1.35, z), (0.9, 1.35, z), 0.05) for z in (0.38, -0.38)),
    *(rod((x, 0.75, z), (x, 1.3, z), 0.045) for x in (-1.5, -0.75, 0, 0.75, 1.5) for z in (0.38, -0.38)),
)
BENCH = (
    *(block(1.2, 0.04, 0.1, 0.02).at(0, 0.75, z) for z in (-0.22, 0.02, 0.26)),
    *(block(1.2, 0.1, 0.035, 0.02).at(0, y, -0.4) for y in (1.05, 1.35)),
    *both(block(0.06, 0.38, 0.06).at(0.95, 0.37, 0.25).of("iron"), block(0.06, 0.72, 0.06).at(0.95, 0.72,
        -0.36).of("iron"), block(0.05, 0.05, 0.34).at(0.95, 0.68, -0.02).of("iron"),
        block(0.05, 0.04, 0.34, 0.02).at(1.0, 1.0, -0.02).of("iron")),
)
TRAFFIC = (
    block(0.3, 0.75, 0.22, 0.06).at(0, 2.3), rod((0, 1.6, 0), (0, 0.05, 0), 0.09).of("iron"),
    can(0.3, 0.04).at(0, 0.04).of("iron"), *(can(0.19, 0.06, 0.03).turn(x=90).at(0, y, 0.21).of(c) for y,
        c in ((2.78, "red"), (2.3, "yellow"), (1.82, "green"))), *(ring(0.21, 0.03, 90).at(0, y, 0.3).of("black")
        for y in (2.78, 2.3, 1.82)),
)
STOP = (prism(8, 0.62, 0.62, 0.04).turn(x=90).at(0, 2.1), prism(8, 0.55, 0.55, 0.045).turn(x=90).at(0,
    2.1).of("white"), prism(8, 0.5, 0.5, 0.05).turn(x=90).at(0, 2.1),
    *(block(0.055, 0.13, 0.06).at(x, 2.1).of("white") for x in (-0.3, -0.1, 0.1, 0.3)),
    rod((0, 1.5, -0.06), (0, 0, -0.06), 0.06).of("steel"))
LAMPPOST = (rod((0, 0.1, 0), (0, 2.3, 0), 0.07), lathe([(0, 0), (0.3, 0), (0.22, 0.2), (0.1, 0.35), (0, 0.35)]),
    *both(*curve([(0, 2.2, 0), (0.3, 2.6, 0), (0.6, 2.45, 0)], 0.05),
        lathe([(0.1, 0.3), (0.2, 0.02), (0, 0), (0, 0.3)]).at(0.62, 2.1).of("lamplight"),
        taper(0.24, 0.03, 0.1).at(0.62, 2.46)), ball(0.1).at(0, 2.4))
HYDRANT = (can(0.4, 0.55, 0.04).at(0, 0.65), can(0.5, 0.08, 0.03).at(0, 0.08), egg(0.4, 0.32, 0.4).at(0, 1.2),
    can(0.46, 0.06, 0.02).at(0, 1.15), can(0.12, 0.12).at(0, 1.55),
    *both(can(0.18, 0.2, 0.03).turn(z=90).at(0.5, 0.85), can(0.13, 0.08).turn(z=90).at(0.75, 0.85).of("steel")),
    can(0.22, 0.15, 0.03).turn(x=90).at(0, 0.8, 0.45), can(0.15, 0.06).turn(x=90).at(0, 0.8, 0.62).of("steel"))
MAILBOX = (block(0.42, 0.28, 0.55).at(0, 1.35), can(0.42, 0.55).turn(x=90).at(0, 1.62),
    block(0.06, 0.55, 0.06).at(0, 0.55).of("wood"), block(0.28, 0.03, 0.02).at(0, 1.6, 0.56).of("black"),
    rod((0.46, 1.5, 0.2), (0.46, 2.1, 0.2), 0.03).of("red"), block(0.02, 0.12, 0.14).at(0.47, 2.08, 0.06).of("red"))
TENT = (plate([(-1.0, 0), (1.0, 0), (0, 1.25)], 1.0, 0.02).turn(y=0), plate([(-0.42, -0.05), (0.42, -0.05), (0, 1.0)],
    0.3).at(0, 0, 1.0).of("black").cut(),
    *both(plate([(0.0, 1.05), (0.42, 0), (0.66, 0.0)], 0.02).turn(y=22).at(0.04, 0, 0.98).of("light")),
    rod((0, 0, 1.02), (0, 1.45, 1.02), 0.035).of("wood"), *(rod((0, 1.25, z), (0, 0, 1.45 * z), 0.02).of("paper")
        for z in (1.0, -1.0)))
PYRAMID = (prism(4, 1.0, 0.0, 0.6).at(0, 0.6),)
WELL = (lathe([(0.55, 0), (0.7, 0), (0.7, 0.7), (0.55, 0.7)], 0.02).of("stone"),
    *both(block(0.06, 0.8, 0.06).at(0.62, 1.2).of("wood")), plate([(-0.95, 0), (0.95, 0), (0, 0.6)], 0.6, 0.02).at(0,
        1.9), rod((-0.6, 1.55, 0), (0.6, 1.55, 0), 0.06).of("wood"), rod((0, 1.55, 0), (0, 0.9, 0), 0.025).of("paper"),
        taper(0.13, 0.18, 0.15).at(0, 0.82).of("iron"), can(0.55, 0.05).at(0, 0.3).of("black"))
FENCE = (*(plate([(-0.13, 0), (0.13, 0), (0.13, 1.1), (0, 1.35), (-0.13, 1.1)], 0.04).at(0.42 * i, 0)
    for i in (-3, -2, -1, 0, 1, 2, 3)), *(block(1.5, 0.07, 0.04).at(0, y, -0.07) for y in (0.4, 0.9)))
SKYSCRAPER = (block(0.45, 1.2, 0.45).at(0, 1.2), block(0.32, 0.45, 0.32).at(0, 2.8),
    block(0.18, 0.25, 0.18).at(0, 3.4), rod((0, 3.6, 0), (0, 4.2, 0), 0.03).of("steel"),
    *(block(0.06, 0.11, 0.455).at(x, 0.3 + 0.36 * i).of("window") for i in range(6) for x in (-0.27, 0, 0.27)),
    *(block(0.455, 0.11, 0.06).at(0, 0.3 + 0.36 * i, z).of("window") for i in range(6) for z in (-0.27, 0, 0.27)),
    *(block(0.05, 0.09, 0.325).at(x, 2.55 + 0.3 * i).of("window") for i in range(2) for x in (-0.15, 0.15)))
CHURCH = (block(0.5, 0.55, 0.9).at(0, 0.55, -0.3), plate([(-0.62, 0), (0.62, 0), (0, 0.6)], 0.95, 0.02).at(0, 1.08,
    -0.3).of("tiles"), block(0.3, 1.05, 0.3).at(0, 1.05, 0.7), prism(4, 0.36, 0.01, 0.5).at(0, 2.55, 0.7).of("tiles"),
    block(0.03, 0.2, 0.03).at(0, 3.2, 0.7).of("gold"), block(0.12, 0.03, 0.03).at(0, 3.24, 0.7).of("gold"),
    block(0.13, 0.28, 0.02).at(0, 0.28, 1.0).of("bark"), can(0.15, 0.02).turn(x=90).at(0, 1.6, 1.0).of("window"),
    *(block(0.02, 0.25, 0.1).at(s * 0.51, 0.65, z).of("window") for s in (1, -1) for z in (-0.9, -0.4, 0.1)))
IGLOO = (egg(1.0, 0.85, 1.0), block(3, 1, 3).at(0, -1.0).cut(), egg(0.42, 0.5, 0.5).at(0, 0, 1.0),
    block(3, 1, 3).at(0, -1.0).cut(), egg(0.28, 0.38, 0.6).at(0, 0, 1.4).of("black").cut())
SWING = (*both(rod((1.0, 0, 0.55), (0.9, 2.0, 0), 0.07), rod((1.0, 0, -0.55), (0.9, 2.0, 0), 0.07),
    rod((0.33, 2.0, 0), (0.3, 0.7, 0.25), 0.025).of("steel")), rod((-0.9, 2.0, 0), (0.9, 2.0, 0), 0.07),
    block(0.38, 0.04, 0.16, 0.02).at(0, 0.68, 0.27).of("wood"))
SLIDE = (*(rod((-0.9, 0, z), (-0.6, 1.6, z), 0.05).of("steel") for z in (0.28, -0.28)),
    *(rod((-0.9 + 0.075 * i, 0.4 * i, -0.28), (-0.9 + 0.075 * i, 0.4 * i, 0.28), 0.04).of("steel") for i in (1, 2, 3)),
    block(0.25, 0.04, 0.3).at(-0.4, 1.5),
    *moved((block(1.0, 0.04, 0.28), *(block(1.0, 0.12, 0.03, 0.02).at(0, 0.08, z) for z in (0.28, -0.28))),
        turn=(0, 0, -48), at=(0.47, 0.78, 0)), block(0.28, 0.04, 0.28).at(1.35, 0.06),
        *(rod((-0.2, 0, z), (-0.2, 1.45, z), 0.05).of("steel") for z in (0.28, -0.28)))
FOUNTAIN = (lathe([(0, 0), (1.1, 0), (1.15, 0.35), (1.0, 0.35), (0.95, 0.12), (0, 0.12)], 0.02),
    can(0.98, 0.1).at(0, 0.18).of("turquoise"),
    lathe([(0, 0.2), (0.2, 0.2), (0.1, 0.9), (0.5, 1.15), (0.48, 1.2), (0, 1.05)], 0.02),
    *around(8, *curve([(0, 1.2, 0.05), (0, 1.55, 0.25), (0, 1.2, 0.55), (0, 0.4, 0.75)], 0.04, pieces=2)),
    rod((0, 1.1, 0), (0, 1.7, 0), 0.06, 0.03).of("pale"))
FOUNTAIN = tuple(part.of("pale") if part.kind == 2 else part for part in FOUNTAIN)
FLAG = (rod((-0.7, 0, 0), (-0.7, 2.5, 0), 0.05).of("wood"), ball(0.09).at(-0.7, 2.55).of("gold"),
    *(block(0.19, 0.42, 0.02).turn(y=a).at(x, 2.0, z) for x, z, a in ((-0.5, 0.03, -20), (-0.15, 0.02, 20),
        (0.2, 0.03, -20), (0.55, 0.03, 20))), block(0.74, 0.1, 0.05).at(0.02, 2.0, 0.03).of("second"))
TRASHCAN = (taper(0.45, 0.6, 0.65).at(0, 0.65), can(0.66, 0.06, 0.02).at(0, 1.33).of("dark"),
    egg(0.64, 0.2, 0.64).at(0, 1.38).of("dark"), ring(0.13, 0.04, 90).at(0, 1.55).of("steel"),
    *around(10, rod((0, 0.1, 0.47), (0, 1.2, 0.585), 0.04)))
CONE = (block(0.62, 0.05, 0.62, 0.03).at(0, 0.05), lathe([(0, 0.1), (0.46, 0.1), (0.1, 1.5), (0, 1.5)], 0.02),
    *(lathe([(0, y), (r, y), (r - 0.07, y + 0.25), (0, y + 0.25)], 0.025).of("white") for y,
        r in ((0.45, 0.372), (0.95, 0.245))))
BARREL = (lathe([(0, 0), (0.52, 0), (0.66, 0.45), (0.68, 0.75), (0.66, 1.05), (0.52, 1.5), (0, 1.5)], 0.01),
    *(can(r, 0.06).at(0, y).of("iron") for y, r in ((0.2, 0.61), (0.55, 0.69), (0.95, 0.69), (1.3, 0.61))))

CLASSES: tuple[ObjectClass, ...] = (
    ObjectClass("house", (HOUSE,), materials=WALLS, pitch=(5, 35)),
    ObjectClass("lighthouse", (LIGHTHOUSE,), materials=("painted",), yaw=ANY, pitch=(0, 25)),
    ObjectClass("windmill", (WINDMILL,), materials=WALLS, yaw=(-50, 50), pitch=(0, 25)),
    ObjectClass("traffic light", (TRAFFIC,), materials=("painted", "metal"),
        colours=("black", "yellow", "grey", "green", "blue"), yaw=(-45, 45), pitch=(0, 20), decorated=False),
    ObjectClass("bench", (BENCH,), plural="benches", materials=("wood", "painted")),
    ObjectClass("pyramid", (PYRAMID,), materials=("stone", "painted", "glass"), yaw=ANY, pitch=(5, 40)),
    ObjectClass("castle", (CASTLE,), materials=("stone", "painted"), pitch=(5, 35)),
    ObjectClass("tent", (TENT,), materials=("fabric",), yaw=(-60, 60), pitch=(5, 35)),
    ObjectClass("bridge", (BRIDGE,), materials=("stone", "wood", "painted"), yaw=(-45, 45), pitch=(3, 30)),
    ObjectClass("fire hydrant", (HYDRANT,), materials=("painted", "metal"), yaw=(-60, 60)),
    ObjectClass("skyscraper", (SKYSCRAPER,), materials=("painted", "stone"), yaw=ANY, pitch=(2, 25)),
    ObjectClass("street lamp", (LAMPPOST,), materials=("metal", "painted"), yaw=(-60, 60), pitch=(0, 20)),
    ObjectClass("mailbox", (MAILBOX,), plural="mailboxes", materials=("metal", "painted"), yaw=(-65, 65)),
    ObjectClass("stop sign", (STOP,), colours=("red",), materials=("painted",), yaw=(-45, 45), pitch=(0, 20),
        decorated=False),
    ObjectClass("traffic cone", (CONE,), colours=("orange", "orange", "red", "yellow"), materials=("plastic",),
        yaw=ANY),
    ObjectClass("barrel", (BARREL,), materials=("wood", "plastic"), yaw=ANY, pitch=(5, 40)),
    ObjectClass("church", (CHURCH,), plural="churches", materials=WALLS, pitch=(5, 30)),
    ObjectClass("well", (WELL,), materials=("wood", "painted"), yaw=(-45, 45), pitch=(8, 35)),
    ObjectClass("fence", (FENCE,), materials=("wood", "painted"), yaw=(-45, 45), pitch=(2, 30)),
    ObjectClass("flag", (FLAG,), materials=("fabric",), yaw=(-45, 45), pitch=(0, 20)),
    ObjectClass("igloo", (IGLOO,), materials=("bricked",), colours=("white", "white", "blue", "turquoise"),
        yaw=(-60, 60), pitch=(5, 35)),
    ObjectClass("fountain", (FOUNTAIN,), materials=("stone", "painted"), yaw=ANY, pitch=(12, 40)),
    ObjectClass("slide", (SLIDE,), materials=("painted", "plastic", "metal"), pitch=(5, 32)),
    ObjectClass("swing", (SWING,), materials=("painted", "wood", "metal"), pitch=(3, 28)),
    ObjectClass("dustbin", (TRASHCAN,), materials=("metal", "plastic"), yaw=ANY, pitch=(5, 35)),
)
