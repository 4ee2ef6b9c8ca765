"""Music, games, clothes, toys and signs."""

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
FLAT = (-45.0, 45.0)
GUITAR = (
    can(0.62, 0.16, 0.05).turn(x=90).at(0, 0.65), can(0.46, 0.16, 0.05).turn(x=90).at(0, 1.4).blend(0.2),
    can(0.2, 0.04).turn(x=90).at(0, 1.12, 0.16).of("black"), block(0.3, 0.06, 0.04).at(0, 0.5, 0.18).of("black"),
    block(0.09, 0.75, 0.06, 0.02).at(0, 2.2, 0.14).of("bark"), block(0.17, 0.22, 0.05, 0.03).at(0, 3.1,
        0.12).of("black"), *(rod((x, 0.5, 0.24), (x, 3.0, 0.22), 0.012).of("steel") for x in (-0.05, 0, 0.05)),
        *both(*(ball(0.05).at(0.22, y, 0.12).of("steel") for y in (3.0, 3.2))),
)
DRUM = (
    can(0.75, 0.5).at(0, 0.5), can(0.78, 0.06, 0.02).at(0, 0.98).of("gold"),
    can(0.78, 0.06, 0.02).at(0, 0.05).of("gold"), can(0.7, 0.03).at(0, 1.04).of("paper"),
    *around(8, rod((0, 0.08, 0.77), (0.3, 0.95, 0.72), 0.03).of("white")),
    *around(8, rod((0, 0.08, 0.77), (-0.3, 0.95, 0.72), 0.03).of("white")),
    rod((-0.6, 1.12, 0.5), (0.25, 1.16, -0.3), 0.045).of("wood"), ball(0.09).at(0.28, 1.16, -0.33).of("wood"),
    rod((0.6, 1.12, 0.5), (-0.2, 1.2, -0.2), 0.045).of("wood"), ball(0.09).at(-0.23, 1.2, -0.23).of("wood"),
)
PIANO = (
    plate([(-1.0, -0.75), (-1.0, 0.75), (-0.6, 0.95), (-0.1, 0.7), (0.3, 0.3), (1.0, 0.15), (1.0, -0.75)], 0.15,
        0.03).turn(x=-90).at(0, 0.95), block(0.98, 0.04, 0.16).at(0, 0.98, 0.86).of("white"),
        *(block(0.05, 0.05, 0.1).at(-0.85 + 0.19 * i, 1.01, 0.82).of("black") for i in range(10)),
    *(taper(0.05, 0.09, 0.42).at(x, 0.42, z) for x, z in ((-0.85, 0.6), (0.85, 0.6), (-0.6, -0.7))),
    block(0.6, 0.02, 0.55).turn(z=-42).at(-0.45, 1.6, -0.1),
)
TRUMPET = (
    lathe([(0.09, -0.5), (0.13, 0), (0.3, 0.4), (0.55, 0.6), (0.5, 0.6), (0.2, 0.35), (0.06, -0.5)],
        0.02).turn(z=-90).at(0.9, 0.75), rod((-1.4, 0.75, 0), (0.5, 0.75, 0), 0.075),
        can(0.13, 0.08).turn(z=90).at(-1.45, 0.75), rod((-0.5, 0.35, 0), (0.45, 0.35, 0), 0.07),
        ring(0.2, 0.07, 90).turn(z=90).at(-0.5, 0.55), ring(0.2, 0.07, 90).turn(z=-90).at(0.45, 0.55),
    *(can(0.09, 0.36).at(x, 0.62) for x in (-0.25, 0, 0.25)), *(can(0.1, 0.03).at(x, 1.06).of("white")
        for x in (-0.25, 0, 0.25)),
)
BELL = (
    lathe([(0.8, 0), (0.86, 0.06), (0.6, 0.4), (0.48, 0.9), (0.3, 1.2), (0, 1.3), (0, 1.15), (0.25, 1.05), (0.4, 0.8),
        (0.5, 0.4), (0.72, 0.02)], 0.02), ball(0.16).at(0, 0.05).of("iron"), ring(0.16, 0.06).at(0, 1.42),
)
SOCCER = (ball(0.8).of("white"), *(prism(5, 0.25, 0.25, 0.03).at(0, 0.79).turn(x=a).turn(y=b) for a,
    b in ((0, 0), (180, 0), *((63, 72 * i) for i in range(5)), *((117, 36 + 72 * i) for i in range(5)))))
BASKETBALL = (ball(0.8), ring(0.79, 0.025).of("black"), ring(0.79, 0.025).turn(y=90).of("black"),
    ring(0.79, 0.025).turn(x=90).of("black"), *both(ring(0.62, 0.025).turn(y=90).at(0.5, 0).of("black")))
DICE = (
    block(0.6, 0.6, 0.6, 0.12).at(0, 0.6), *(can(0.11, 0.03).turn(x=90).at(x, 0.6 + y, 0.595).of("contrast") for x,
        y in ((-0.3, -0.3), (0.3, 0.3), (-0.3, 0.3), (0.3, -0.3), (0, 0))),
        *(can(0.11, 0.03).at(x, 1.195, z).of("contrast") for x, z in ((0.3, 0.3), (-0.3, -0.3), (0, 0))),
        *(can(0.11, 0.03).turn(z=90).at(s * 0.595, 0.6 + y, z).of("contrast") for s in (1, -1) for y,
            z in ((0.3, 0.3), (-0.3, -0.3))),
)
PAWN = (lathe([(0, 0), (0.55, 0), (0.58, 0.14), (0.42, 0.24), (0.26, 0.5), (0.2, 0.95), (0.36, 1.02), (0.36, 1.1),
    (0, 1.12)], 0.02), ball(0.33).at(0, 1.38))
KNIGHT = (
    lathe([(0, 0), (0.58, 0), (0.6, 0.14), (0.42, 0.26), (0.36, 0.36), (0, 0.36)], 0.02),
    plate([(-0.4, 0.3), (0.36, 0.3), (0.28, 0.75), (0.1, 0.98), (0.5, 1.0), (0.72, 1.12), (0.66, 1.4), (0.2, 1.72),
        (0.05, 1.95), (-0.05, 1.72), (-0.35, 1.5), (-0.48, 1.0)], 0.15, 0.07),
        ball(0.06).at(0.2, 1.5, 0.2).of("contrast"), ball(0.06).at(0.2, 1.5, -0.2).of("contrast"),
)
RACKET = (can(0.68, 0.08, 0.03).turn(x=90).at(0, 1.55), block(0.12, 0.4, 0.09, 0.05).at(0, 0.5).of("wood"),
    plate([(-0.3, 1.0), (0.3, 1.0), (0.1, 0.75), (-0.1, 0.75)], 0.07, 0.01).of("wood"),
    ball(0.14).at(0.75, 0.15, 0.25).of("white"))
TENNIS = (
    ring(0.62, 0.08).at(0, 1.95), *(rod((-0.55, 1.95 + y, 0), (0.55, 1.95 + y, 0), 0.018).of("white")
        for y in (-0.36, -0.18, 0, 0.18, 0.36)), *(rod((x, 1.4, 0), (x, 2.5, 0), 0.018).of("white")
        for x in (-0.36, -0.18, 0, 0.18, 0.36)), *both(rod((0.25, 1.38, 0), (0.02, 0.9, 0), 0.06)),
        rod((0, 0.95, 0), (0, 0.1, 0), 0.09).of("black"),
)
BOWLING = (lathe([(0, 0), (0.25, 0), (0.42, 0.55), (0.4, 0.85), (0.17, 1.4), (0.16, 1.6), (0.24, 1.85), (0.15, 2.1),
    (0, 2.12)], 0.02).of("white"), can(0.2, 0.05).at(0, 1.38), can(0.2, 0.05).at(0, 1.55))
CROWN = (
    lathe([(0.74, 0), (0.78, 0), (0.82, 0.5), (0.78, 0.5)], 0.02), *around(7,
        plate([(-0.3, 0), (0.3, 0), (0, 0.72)], 0.03, 0.01).turn(x=4).at(0, 0.42, 0.74),
        ball(0.1).at(0, 1.17, 0.8).of("white")), *around(7, ball(0.1).at(0, 0.25, 0.8).of("second"), start=25),
)
HAT = (egg(1.15, 0.08, 1.05).at(0, 0.1), lathe([(0, 0.1), (0.6, 0.1), (0.56, 0.5), (0.45, 0.75), (0, 0.8)], 0.05),
    can(0.63, 0.09).at(0, 0.22).of("second"))
TOPHAT = (can(1.0, 0.05, 0.03).at(0, 0.06), taper(0.6, 0.66, 0.55, 0.03).at(0, 0.6),
    can(0.625, 0.11).at(0, 0.22).of("second"))
WITCHHAT = (can(1.05, 0.05, 0.03).at(0, 0.06), taper(0.55, 0.25, 0.5).at(0, 0.55),
    *tube([(0, 1.0, 0), (0.1, 1.4, 0), (0.4, 1.6, 0)], 0.25, 0.03), can(0.54, 0.1).at(0, 0.24).of("second"),
    block(0.16, 0.13, 0.04).at(0, 0.25, 0.52).of("gold"))
SHOE = (
    egg(0.95, 0.14, 0.34).at(0.1, 0.13).of("white"), egg(0.5, 0.32, 0.32).at(0.5, 0.3),
    egg(0.45, 0.5, 0.31).at(-0.4, 0.45).blend(0.25), can(0.24, 0.4).at(-0.45, 0.95).of("dark").cut(),
    block(3, 0.5, 3).at(0, -0.38).cut(),
    *(rod((0.05 + 0.17 * i, 0.72 - 0.1 * i, 0.2), (0.1 + 0.17 * i, 0.72 - 0.1 * i, -0.2), 0.04).of("white")
        for i in range(3)),
)
BOOT = (rod((-0.3, 0.4, 0), (-0.35, 1.6, 0), 0.34, 0.42), egg(0.75, 0.34, 0.36).at(0.2, 0.34).blend(0.2),
    can(0.36, 0.3).at(-0.35, 1.95).of("dark").cut(), block(0.85, 0.09, 0.36, 0.08).at(0.1, 0.08).of("black"))
SHIRT = (
    plate([(-0.5, 0), (0.5, 0), (0.5, 1.0), (0.85, 0.75), (1.05, 1.05), (0.5, 1.6), (0.2, 1.65), (0, 1.5),
        (-0.2, 1.65), (-0.5, 1.6), (-1.05, 1.05), (-0.85, 0.75), (-0.5, 1.0)], 0.09, 0.08),
)
TROUSERS = (plate([(-0.45, 1.9), (0.45, 1.9), (0.58, 0), (0.14, 0), (0, 1.25), (-0.14, 0), (-0.58, 0)], 0.12, 0.08),
    block(0.52, 0.08, 0.22, 0.03).at(0, 1.9).of("bark"), block(0.09, 0.08, 0.03).at(0, 1.9, 0.22).of("gold"))
DRESS = (
    lathe((*smooth([(0.86, 0), (0.72, 0.35), (0.5, 0.8), (0.3, 1.12)]), (0, 1.12), (0, 0))),
    *around(9, rod((0, 0.02, 0.8), (0, 0.7, 0.5), 0.14, 0.08)), can(0.31, 0.06).at(0, 1.12).of("second"),
    plate([(-0.28, 1.1), (0.28, 1.1), (0.38, 1.5), (0.26, 1.85), (0.16, 1.85), (0, 1.6), (-0.16, 1.85), (-0.26, 1.85),
        (-0.38, 1.5)], 0.14, 0.06), *both(rod((0.33, 1.75, 0), (0.75, 1.5, 0), 0.13, 0.19)),
)
BACKPACK = (block(0.6, 0.75, 0.32, 0.25).at(0, 0.78), block(0.45, 0.32, 0.2, 0.14).at(0, 0.45, 0.3).of("second"),
    block(0.58, 0.14, 0.34, 0.1).at(0, 1.32, 0.04).of("dark"), ring(0.17, 0.05, 90).at(0, 1.52),
    *both(ring(0.4, 0.07, 85).turn(z=-90).turn(y=40).at(0.4, 0.8, -0.3).of("dark")),
    block(0.07, 0.12, 0.03, 0.02).at(0, 0.78, 0.5).of("gold"))
HANDBAG = (plate([(-0.8, 0), (0.8, 0), (0.62, 0.95), (-0.62, 0.95)], 0.24, 0.07),
    ring(0.4, 0.06, 95).at(0, 1.02, 0.12).of("dark"), block(0.64, 0.16, 0.27, 0.05).at(0, 0.85).of("dark"),
    ball(0.1).at(0, 0.72, 0.3).of("gold"))
ROBOT = (
    block(0.5, 0.55, 0.35, 0.06).at(0, 1.1), block(0.4, 0.32, 0.32, 0.06).at(0, 2.05),
    rod((0, 1.6, 0), (0, 1.8, 0), 0.14).of("steel"), rod((0, 2.35, 0), (0, 2.65, 0), 0.03).of("steel"),
    ball(0.09).at(0, 2.7).of("red"), block(0.24, 0.05, 0.03).at(0, 1.87, 0.32).of("black"),
    block(0.3, 0.22, 0.03, 0.02).at(0, 1.2, 0.35).of("screen"),
    *both(can(0.11, 0.04).turn(x=90).at(0.17, 2.12, 0.32).of("lamplight"), block(0.15, 0.3, 0.18, 0.04).at(0.26, 0.28),
        *tube([(0.55, 1.5, 0), (0.85, 1.2, 0.05), (0.85, 0.85, 0.2)], 0.1),
        ball(0.15).at(0.85, 0.78, 0.24).of("steel"), can(0.08, 0.08).turn(z=90).at(0.44, 2.05).of("steel")),
)
GIFT = (block(0.7, 0.6, 0.7).at(0, 0.6), block(0.12, 0.615, 0.715).at(0, 0.6).of("second"),
    block(0.715, 0.615, 0.12).at(0, 0.6).of("second"), *both(ring(0.2, 0.07).turn(z=-35).at(0.22, 1.4).of("second")),
    ball(0.12).at(0, 1.28).of("second"))
ANCHOR = (ring(0.2, 0.075).at(0, 2.2), rod((0, 2.0, 0), (0, 0.15, 0), 0.1), rod((-0.45, 1.7, 0), (0.45, 1.7, 0), 0.08),
    ring(0.8, 0.1, 68).turn(z=180).at(0, 0.95), *both(plate([(0.58, 0.38), (1.0, 0.5), (0.86, 0.95)], 0.06, 0.03)))
KITE = (plate([(0, 2.2), (0.75, 1.5), (0, 0.5), (-0.75, 1.5)], 0.02, 0.02),
    rod((0, 2.2, 0.04), (0, 0.5, 0.04), 0.03).of("wood"), rod((-0.75, 1.5, 0.04), (0.75, 1.5, 0.04), 0.03).of("wood"),
    *curve([(0, 0.5, 0), (0.25, 0.15, 0), (-0.15, -0.2, 0), (0.15, -0.55, 0)], 0.025),
    *(block(0.16, 0.05, 0.03).turn(z=a).at(x, y).of("second") for x, y,
        a in ((0.2, 0.22, 30), (0.0, -0.05, -30), (-0.08, -0.3, 30))))
PHONE = (block(0.52, 1.0, 0.07, 0.06).at(0, 1.0), block(0.46, 0.85, 0.02, 0.01).at(0, 1.02, 0.065).of("screen"),
    *(block(0.1, 0.1, 0.02, 0.02).at(x, y, 0.08).of(c) for x, y, c in ((-0.27, 1.6, "red"), (0, 1.6, "green"),
        (0.27, 1.6, "yellow"), (-0.27, 1.3, "pink"), (0, 1.3, "white"), (0.27, 1.3, "orange"))),
        can(0.06, 0.02).turn(x=90).at(0, 0.09, 0.07).of("dark"))
LAPTOP = (block(0.95, 0.05, 0.65, 0.03).at(0, 0.06), block(0.85, 0.01, 0.3).at(0, 0.115, -0.12).of("black"),
    *(block(0.95, 0.62, 0.04, 0.03).at(0, 0.62).turn(x=-16).at(0, 0.1, -0.65),),
    block(0.86, 0.53, 0.02).at(0, 0.62, 0.04).turn(x=-16).at(0, 0.1, -0.65).of("screen"),
    block(0.2, 0.01, 0.13).at(0, 0.115, 0.42).of("dark"))
CAMERA = (block(0.85, 0.5, 0.25, 0.08).at(0, 0.5), can(0.4, 0.2, 0.03).turn(x=90).at(0.05, 0.48, 0.4).of("black"),
    can(0.3, 0.05).turn(x=90).at(0.05, 0.48, 0.58).of("window"), block(0.25, 0.14, 0.2, 0.05).at(0.05,
        1.08).of("black"), can(0.1, 0.07).at(-0.6, 1.03).of("steel"), block(0.12, 0.08, 0.03).at(0.62, 0.85,
        0.25).of("lamplight"), ring(0.41, 0.03).at(0.05, 0.48, 0.5).of("steel"))
HEADPHONES = (ring(0.75, 0.07, 95).at(0, 0.95), *both(can(0.34, 0.14, 0.08).turn(z=90).at(0.78, 0.72),
    can(0.28, 0.1, 0.05).turn(z=90).at(0.62, 0.72).of("black")))
TROPHY = (block(0.45, 0.15, 0.45, 0.03).at(0, 0.15).of("bark"),
    lathe([(0, 0.3), (0.3, 0.3), (0.1, 0.5), (0.1, 0.75), (0.3, 0.9), (0.55, 1.3), (0.6, 1.8), (0.54, 1.8),
        (0.45, 1.3), (0, 1.0)], 0.02), *both(ring(0.26, 0.06, 110).turn(z=-90).at(0.6, 1.4)), )
HOURGLASS = (*(can(0.55, 0.08, 0.03).at(0, y) for y in (0.08, 1.9)),
    lathe([(0, 0.16), (0.42, 0.16), (0.4, 0.55), (0.07, 1.0), (0.4, 1.45), (0.42, 1.82), (0, 1.82)], 0.02).of("pale"),
    taper(0.36, 0.04, 0.25).at(0, 0.42).of("straw"), *around(3, rod((0, 0.1, 0.5), (0, 1.9, 0.5), 0.05)))
TELESCOPE = (*moved((can(0.22, 0.5).turn(z=90).at(0.3, 0), can(0.17, 0.4).turn(z=90).at(-0.5, 0).of("gold"),
    can(0.25, 0.06).turn(z=90).at(0.8, 0).of("gold"), can(0.12, 0.1).turn(z=90).at(-0.95, 0).of("black")),
    turn=(0, 0, 28), at=(0, 1.75, 0)), *around(3, rod((0, 1.6, 0), (0, 0.03, 0.65), 0.055, 0.045).of("wood"), start=30))
MICROPHONE = (*moved((lathe([(0, 0), (0.13, 0.02), (0.2, 1.2), (0, 1.2)], 0.02), ball(0.34).at(0, 1.45).of("iron"),
    ring(0.33, 0.045).turn(x=90).at(0, 1.42).of("steel")), turn=(0, 0, -30)),)
BALLOONTOY = (lathe(smooth([(0, 1.0), (0.1, 1.02), (0.5, 1.5), (0.62, 1.95), (0.45, 2.4), (0, 2.55)], pieces=3), 0.04),
    taper(0.12, 0.02, 0.06).at(0, 0.98), *curve([(0, 0.95, 0), (0.1, 0.6, 0), (-0.08, 0.3, 0), (0.05, 0, 0)], 0.025))
BALLOONTOY = tuple(part.of("paper") if part.kind == 2 else part for part in BALLOONTOY)

CLASSES: tuple[ObjectClass, ...] = (
    ObjectClass("guitar", (GUITAR,), materials=("wood", "painted"), yaw=FLAT, lean=16),
    ObjectClass("drum", (DRUM,), materials=("painted", "metal", "wood"), yaw=ANY, pitch=(8, 40)),
    ObjectClass("crown", (CROWN,), colours=("yellow", "grey", "orange", "pink", "blue"), materials=("metal",), yaw=ANY,
        pitch=(5, 40)),
    ObjectClass("dice", (DICE,), plural="dice", article="a", materials=("plastic", "wood"), yaw=ANY, pitch=(15, 45),
        decorated=False),
    ObjectClass("robot", (ROBOT,), materials=("metal", "plastic", "painted")),
    ObjectClass("anchor", (ANCHOR,), materials=("metal", "painted", "stone"), yaw=FLAT, lean=14),
    ObjectClass("football", (SOCCER,), colours=("black", "black", "red", "blue", "green"), materials=("skin",),
        yaw=ANY, lean=180, described=False),
    ObjectClass("chess pawn", (PAWN,), materials=("wood", "plastic", "stone"), yaw=ANY),
    ObjectClass("hat", (HAT, TOPHAT), materials=("fabric", "painted"), yaw=ANY),
    ObjectClass("table tennis racket", (RACKET,), materials=("painted",), colours=("red", "black", "blue", "green"),
        yaw=FLAT, lean=20),
    ObjectClass("bell", (BELL,), materials=("metal", "painted"), yaw=ANY, pitch=(0, 30)),
    ObjectClass("shoe", (SHOE,), materials=("fabric", "painted"), yaw=(-60, 60)),
    ObjectClass("gift box", (GIFT,), plural="gift boxes", materials=("painted",), yaw=ANY, pitch=(8, 42)),
    ObjectClass("shirt", (SHIRT,), materials=("fabric",), yaw=FLAT),
    ObjectClass("piano", (PIANO,), materials=("wood", "painted"), colours=("black", "brown", "white", "red", "blue"),
        yaw=(-50, 50), pitch=(8, 35)),
    ObjectClass("trumpet", (TRUMPET,), colours=("yellow", "grey", "orange", "red"), materials=("metal",),
        yaw=(-50, 50)),
    ObjectClass("laptop", (LAPTOP,), materials=("metal", "plastic"), yaw=(-50, 50), pitch=(8, 35)),
    ObjectClass("tennis racket", (TENNIS,), materials=("painted", "wood", "metal"), yaw=FLAT, lean=25),
    ObjectClass("basketball", (BASKETBALL,), colours=("orange", "orange", "brown", "blue", "red"), materials=("skin",),
        yaw=ANY, lean=40),
    ObjectClass("backpack", (BACKPACK,), materials=("fabric", "painted"), yaw=(-50, 50)),
    ObjectClass("boot", (BOOT,), materials=("painted", "fabric"), yaw=(-60, 60)),
    ObjectClass("handbag", (HANDBAG,), materials=("fabric", "painted"), yaw=(-50, 50)),
    ObjectClass("camera", (CAMERA,), materials=("plastic", "metal"), yaw=(-50, 50)),
    ObjectClass("mobile phone", (PHONE,), materials=("plastic", "metal"), yaw=(-42, 42), lean=20),
    ObjectClass("headphones", (HEADPHONES,), article="a pair of", materials=("plastic", "metal"), yaw=(-50, 50)),
    ObjectClass("chess knight", (KNIGHT,), materials=("wood", "plastic", "stone"), yaw=(-50, 50)),
    ObjectClass("trophy", (TROPHY,), plural="trophies", colours=("yellow", "grey", "orange", "turquoise"),
        materials=("metal",), yaw=(-50, 50)),
    ObjectClass("bowling pin", (BOWLING,), materials=("painted",), colours=("red", "blue", "green", "black"), yaw=ANY,
        described=False),
    ObjectClass("kite", (KITE,), materials=("fabric", "painted"), yaw=FLAT, lean=20, home="sky"),
    ObjectClass("dress", (DRESS,), plural="dresses", materials=("fabric",), yaw=(-45, 45)),
    ObjectClass("pair of trousers", (TROUSERS,), plural="pairs of trousers", materials=("fabric",), yaw=FLAT),
    ObjectClass("hourglass", (HOURGLASS,), plural="hourglasses", materials=("wood", "metal"), yaw=ANY),
    ObjectClass("telescope", (TELESCOPE,), materials=("metal", "painted"), yaw=(-60, 60)),
    ObjectClass("microphone", (MICROPHONE,), materials=("metal", "plastic"), yaw=FLAT),
    ObjectClass("witch hat", (WITCHHAT,), materials=("fabric", "painted"), yaw=(-60, 60)),
    ObjectClass("balloon", (BALLOONTOY,), materials=("plastic",), yaw=ANY, home="sky", lean=10),
)
