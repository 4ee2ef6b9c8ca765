"""Animals. They look to the right (+x), so that they are seen from the side at yaw 0, or to the viewer."""

from __future__ import annotations

from salmubench.drawing.things.classes import ObjectClass
from salmubench.drawing.things.parts import (
    Part,
    Parts,
    around,
    ball,
    both,
    can,
    curve,
    egg,
    moved,
    painted,
    plate,
    prism,
    ring,
    rod,
    taper,
    tube,
)

# fmt: off (tables: one line holds what belongs together)

FUR = ("brown", "grey", "black", "white", "orange")
SKINS = ("fur",)
SMOOTH = ("painted", "plastic")


def legs(front: float, back: float, side: float, height: float, radius: float, foot: float = 0.0) -> Parts:
    """Four straight legs under x = front and x = back, at z = +-side."""
    return tuple(
        rod((x, height, z), (x, radius, z), radius, radius + foot) for x in (front, back) for z in (side, -side)
    )


def eyes(x: float, y: float, z: float, radius: float) -> Parts:
    """Two dark eyes at z = +-z."""
    return tuple(ball(radius).at(x, y, side).of("black") for side in (z, -z))


def front_eyes(x: float, y: float, z: float, radius: float) -> Parts:
    """Two white eyes with pupils, looking to the viewer."""
    one: tuple[Part, ...] = (ball(radius).at(x, y, z).of("white"), ball(0.6 * radius).at(x, y,
        z + 0.55 * radius).of("black"))
    return both(*one)


CAT = (
    egg(0.62, 0.36, 0.3).at(0, 0.75), egg(0.3, 0.32, 0.28).at(0.45, 0.85).blend(0.2),
    *legs(0.45, -0.42, 0.17, 0.6, 0.09, 0.02),
    ball(0.33).at(0.78, 1.28),
    rod((0.7, 1.45, 0.2), (0.72, 1.78, 0.24), 0.15, 0.02), rod((0.7, 1.45, -0.2), (0.72, 1.78, -0.24), 0.15, 0.02),
    egg(0.12, 0.1, 0.15).at(1.05, 1.18).of("white"), ball(0.05).at(1.17, 1.22).of("pink"),
    *eyes(1.02, 1.36, 0.15, 0.06),
    *curve([(-0.55, 0.9, 0), (-0.95, 1.05, 0.05), (-1.0, 1.5, 0.1), (-0.8, 1.85, 0.1)], 0.09, 0.06),
)
DOG = (
    egg(0.72, 0.33, 0.3).at(0, 0.98), egg(0.3, 0.38, 0.28).at(0.5, 1.05).blend(0.2),
    *legs(0.52, -0.55, 0.18, 0.85, 0.1, 0.03),
    rod((0.6, 1.15, 0), (0.88, 1.6, 0), 0.22, 0.24), egg(0.3, 0.26, 0.25).at(0.95, 1.68).blend(0.1),
    egg(0.28, 0.14, 0.16).at(1.3, 1.58).of("light"), ball(0.085).at(1.56, 1.63).of("black"),
    egg(0.1, 0.3, 0.07).turn(z=12).at(0.78, 1.52, 0.27).of("dark"),
    egg(0.1, 0.3, 0.07).turn(z=12).at(0.78, 1.52, -0.27).of("dark"),
    *eyes(1.12, 1.78, 0.16, 0.055),
    *curve([(-0.65, 1.1, 0), (-0.95, 1.35, 0), (-1.0, 1.7, 0)], 0.09, 0.04),
    ring(0.24, 0.05).turn(x=90).turn(z=-30).at(0.74, 1.38).of("red"),
)
RABBIT = (
    egg(0.48, 0.5, 0.42).at(0, 0.5), ball(0.34).at(0.35, 1.05), egg(0.22, 0.3, 0.2).at(-0.15, 0.3, 0.32).blend(0.1),
    egg(0.1, 0.48, 0.07).turn(z=8).at(0.18, 1.68, 0.13), egg(0.06, 0.36, 0.04).turn(z=8).at(0.23, 1.66,
        0.17).of("pink"),
    egg(0.1, 0.48, 0.07).turn(z=14).at(0.16, 1.66, -0.13),
    egg(0.28, 0.1, 0.12).at(0.25, 0.1, 0.22), egg(0.28, 0.1, 0.12).at(0.25, 0.1, -0.22),
    ball(0.17).at(-0.5, 0.45).of("white"), *eyes(0.58, 1.14, 0.2, 0.06), ball(0.05).at(0.69, 1.02).of("pink"),
)
DUCK = (
    egg(0.75, 0.45, 0.48).at(0, 0.42), rod((-0.5, 0.5, 0), (-0.95, 0.85, 0), 0.3, 0.06).blend(0.15),
    rod((0.45, 0.6, 0), (0.55, 1.05, 0), 0.26, 0.22).blend(0.2),
    ball(0.34).at(0.6, 1.2), egg(0.26, 0.07, 0.18).at(1.0, 1.13).of("orange"),
    egg(0.42, 0.26, 0.1).turn(z=10).at(-0.12, 0.55, 0.43).of("dark"), egg(0.42, 0.26, 0.1).turn(z=10).at(-0.12, 0.55,
        -0.43).of("dark"),
    *eyes(0.82, 1.32, 0.2, 0.06),
)
FISH = (
    egg(0.85, 0.48, 0.22).at(0, 0.6),
    plate([(0, 0.06), (-0.45, 0.5), (-0.35, 0), (-0.45, -0.5), (0, -0.06)], 0.03, 0.03).at(-0.75, 0.6).of("second"),
    plate([(-0.4, 0), (0.35, 0), (-0.1, 0.4), (-0.45, 0.45)], 0.03, 0.02).at(-0.05, 0.98).of("second"),
    plate([(0.2, 0), (-0.2, 0), (-0.25, -0.3)], 0.03, 0.02).at(0, 0.2).of("second"),
    egg(0.2, 0.12, 0.04).turn(z=-30).at(0.15, 0.5, 0.24).of("second"),
    egg(0.2, 0.12, 0.04).turn(z=-30).at(0.15, 0.5, -0.24).of("second"),
    ball(0.1).at(0.52, 0.7, 0.15).of("white"), ball(0.06).at(0.55, 0.7, 0.21).of("black"),
    ball(0.1).at(0.52, 0.7, -0.15).of("white"), ball(0.06).at(0.55, 0.7, -0.21).of("black"),
    *(ring(0.34, 0.03, 80).turn(z=-90).at(0.1, 0.6, z).of("dark") for z in (0.2, -0.2)),
)
SNAIL = (
    *painted(curve([(-1.0, 0.06, 0), (-0.3, 0.14, 0), (0.5, 0.14, 0), (0.8, 0.3, 0), (0.95, 0.6, 0)], 0.08, 0.17),
        "cream"),
    rod((0.95, 0.65, 0.06), (1.12, 1.02, 0.14), 0.04).of("cream"), ball(0.07).at(1.12, 1.04, 0.14).of("black"),
    rod((0.95, 0.65, -0.06), (1.12, 1.02, -0.14), 0.04).of("cream"), ball(0.07).at(1.12, 1.04, -0.14).of("black"),
    *curve(
        [(0.35, 0.32, 0), (-0.1, 0.22, 0), (-0.62, 0.6, 0), (-0.3, 1.12, 0.02), (0.2, 0.98, 0.05), (0.24, 0.62, 0.1),
         (-0.08, 0.5, 0.14), (-0.26, 0.76, 0.16), (-0.02, 0.86, 0.18), (0.02, 0.72, 0.2)], 0.3, 0.12, pieces=2,
    ),
)
ELEPHANT = (
    egg(0.95, 0.66, 0.55).at(0, 1.35), *legs(0.6, -0.6, 0.3, 0.9, 0.23, 0.02),
    egg(0.45, 0.5, 0.4).at(1.0, 1.75),
    *curve([(1.3, 1.7, 0), (1.6, 1.3, 0), (1.65, 0.7, 0), (1.9, 0.45, 0)], 0.2, 0.09),
    egg(0.32, 0.48, 0.06).turn(y=35).at(0.8, 1.75, 0.48).of("dark"), egg(0.32, 0.48, 0.06).turn(y=-35).at(0.8, 1.75,
        -0.48).of("dark"),
    *tube([(1.3, 1.45, 0.22), (1.55, 1.25, 0.26), (1.8, 1.3, 0.26)], 0.06, 0.02)[:1],
    rod((1.3, 1.45, 0.22), (1.75, 1.2, 0.27), 0.07, 0.02).of("white"),
    rod((1.3, 1.45, -0.22), (1.75, 1.2, -0.27), 0.07, 0.02).of("white"),
    rod((-0.9, 1.6, 0), (-1.12, 0.9, 0), 0.05, 0.03), *eyes(1.3, 1.95, 0.27, 0.055),
)
GIRAFFE = (
    egg(0.62, 0.36, 0.3).at(0, 1.6), *legs(0.42, -0.42, 0.17, 1.5, 0.1),
    rod((0.45, 1.7, 0), (0.95, 3.2, 0), 0.24, 0.14).blend(0.2),
    egg(0.34, 0.16, 0.15).turn(z=-18).at(1.12, 3.3), ball(0.1).at(1.42, 3.18).of("light"),
    rod((0.95, 3.4, 0.08), (0.92, 3.62, 0.1), 0.035).of("dark"), rod((0.95, 3.4, -0.08), (0.92, 3.62, -0.1),
        0.035).of("dark"),
    egg(0.14, 0.07, 0.04).at(0.85, 3.35, 0.18), egg(0.14, 0.07, 0.04).at(0.85, 3.35, -0.18),
    rod((-0.6, 1.7, 0), (-0.75, 1.1, 0), 0.04), *eyes(1.1, 3.4, 0.12, 0.05),
)
SPIDER = (
    egg(0.5, 0.42, 0.5).at(0, 0.62, -0.35), ball(0.3).at(0, 0.5, 0.3), *front_eyes(0.1, 0.6, 0.54, 0.07),
    *both(*(
        piece
        for x, z, up in ((0.9, 0.95, 0.95), (1.15, 0.4, 1.1), (1.15, -0.3, 1.15), (0.9, -1.0, 1.05))
        for piece in tube([(0.2, 0.5, 0.2), (0.62 * x, up, 0.6 * z + 0.1), (1.25 * x, 0.03, 1.15 * z)], 0.06, 0.035)
    )),
)
WING = [(0.05, 0.05), (0.4, 0.75), (0.95, 0.85), (1.05, 0.45), (0.75, 0.02), (0.9, -0.3), (0.7, -0.75), (0.35, -0.7),
    (0.05, -0.1)]
BUTTERFLY = (
    *both(*moved((
        plate(WING, 0.02, 0.04), ball(0.16).at(0.7, 0.5, 0.0).of("second"), ball(0.12).at(0.55, -0.42, 0).of("second"),
    ), turn=(0, -18, 0))),
    rod((0, -0.55, 0.03), (0, 0.45, 0.03), 0.06, 0.08).of("black"), ball(0.11).at(0, 0.55, 0.03).of("black"),
    *both(*tube([(0.03, 0.6, 0.05), (0.12, 0.85, 0.08), (0.28, 1.0, 0.08)], 0.022)[:2]),
)
BUTTERFLY = tuple(part.of("black") if part.size[0] == 0.022 else part for part in moved(BUTTERFLY, at=(0, 0.85, 0)))
PENGUIN = (
    egg(0.5, 0.75, 0.45).at(0, 0.8), egg(0.38, 0.6, 0.2).at(0, 0.75, 0.3).of("white"), ball(0.36).at(0, 1.6),
    *both(egg(0.2, 0.22, 0.1).at(0.13, 1.58, 0.27).of("white"), ball(0.05).at(0.13, 1.66, 0.35).of("black")),
    rod((0, 1.52, 0.32), (0, 1.48, 0.58), 0.09, 0.02).of("orange"),
    *both(egg(0.1, 0.5, 0.22).turn(z=22).at(0.58, 0.9), egg(0.18, 0.07, 0.26).at(0.22, 0.06, 0.2).of("orange")),
)
PIG = (
    egg(0.75, 0.5, 0.48).at(0, 0.8), *legs(0.42, -0.42, 0.24, 0.5, 0.13), ball(0.4).at(0.7, 1.0),
    can(0.18, 0.14, 0.04).turn(z=-90).at(1.1, 0.95).of("dark"), *eyes(0.98, 1.15, 0.2, 0.05),
    rod((0.6, 1.28, 0.24), (0.75, 1.5, 0.32), 0.13, 0.03).of("dark"), rod((0.6, 1.28, -0.24), (0.75, 1.5, -0.32), 0.13,
        0.03).of("dark"),
    *curve([(-0.7, 0.9, 0), (-0.9, 1.0, 0.08), (-0.85, 1.15, 0), (-1.0, 1.1, -0.05)], 0.04),
)
TURTLE = (
    egg(0.75, 0.5, 0.65).at(0, 0.35), taper(2, 2, 1).at(0, -0.75).cut(), can(0.76, 0.07, 0.05).at(0, 0.3).of("second"),
    egg(0.28, 0.22, 0.2).at(1.0, 0.55).of("second"), rod((0.6, 0.3, 0), (0.95, 0.5, 0), 0.14).of("second"),
    *(egg(0.18, 0.2, 0.18).at(x, 0.15, z).of("second") for x in (0.5, -0.5) for z in (0.45, -0.45)),
    rod((-0.7, 0.3, 0), (-0.95, 0.18, 0), 0.08, 0.02).of("second"), *eyes(1.15, 0.63, 0.13, 0.045),
)
OCTOPUS = (
    egg(0.52, 0.62, 0.5).at(0, 1.15), *front_eyes(0.2, 1.1, 0.42, 0.13),
    *around(8, *curve([(0, 0.75, 0.25), (0, 0.3, 0.5), (0.08, 0.1, 0.85), (0.2, 0.28, 1.15)], 0.17, 0.06), start=22.5),
)
BEE = (
    egg(0.62, 0.42, 0.42).at(0, 0.9), can(0.39, 0.08).turn(z=90).at(-0.1, 0.9).of("black"),
    can(0.33, 0.07).turn(z=90).at(-0.38, 0.9).of("black"), can(0.41, 0.08).turn(z=90).at(0.2, 0.9).of("black"),
    ball(0.28).at(0.68, 0.95).of("black"), rod((-0.55, 0.88, 0), (-0.82, 0.86, 0), 0.08, 0.01).of("black"),
    *(egg(0.2, 0.42, 0.05).turn(z=28).at(-0.12, 1.45, z).turn().of("pale") for z in (0.2, -0.2)),
    *(egg(0.15, 0.34, 0.05).turn(z=-18).at(0.25, 1.4, z).of("pale") for z in (0.2, -0.2)),
    *(rod((0.8, 1.15, z), (0.98, 1.42, 1.6 * z), 0.03).of("black") for z in (0.1, -0.1)),
)
SNAKE = (
    *curve([(-1.3, 0.1, -0.3), (-0.8, 0.1, 0.35), (-0.3, 0.1, -0.35), (0.25, 0.1, 0.35), (0.7, 0.12, -0.2),
        (0.95, 0.5, 0),
            (1.0, 0.85, 0.1)], 0.05, 0.16),
    egg(0.26, 0.13, 0.2).at(1.15, 0.95, 0.12), *eyes(1.22, 1.04, 0.22, 0.05),
    *tube([(1.38, 0.93, 0.12), (1.6, 0.9, 0.12)], 0.025),
)
CHICKEN = (
    egg(0.58, 0.46, 0.4).at(0, 0.85), rod((0.35, 1.0, 0), (0.55, 1.45, 0), 0.28, 0.2).blend(0.2),
    ball(0.22).at(0.58, 1.5),
    rod((0.76, 1.48, 0), (0.98, 1.42, 0), 0.08, 0.01).of("orange"),
    *(ball(0.1).at(x, y, 0).of("red") for x, y in ((0.44, 1.73), (0.58, 1.78), (0.71, 1.72))),
    egg(0.06, 0.13, 0.05).at(0.76, 1.28).of("red"),
    *(rod((-0.4, 0.95, 0), (x, y, 0), 0.2, 0.07) for x, y in ((-0.85, 1.5), (-1.0, 1.25), (-1.05, 1.0))),
    egg(0.34, 0.22, 0.08).at(-0.05, 0.85, 0.38).of("dark"), egg(0.34, 0.22, 0.08).at(-0.05, 0.85, -0.38).of("dark"),
    *(rod((0.05, 0.5, z), (0.08, 0.05, z), 0.05).of("orange") for z in (0.15, -0.15)),
    *(egg(0.2, 0.04, 0.12).at(0.16, 0.04, z).of("orange") for z in (0.15, -0.15)), *eyes(0.7, 1.57, 0.14, 0.045),
)
SHEEP = (
    egg(0.6, 0.42, 0.4).at(0, 0.95),
    *(ball(0.26).at(x, y, z).blend(0.06) for x in (-0.5, 0.0, 0.5) for y,
        z in ((1.2, 0.18), (1.2, -0.18), (0.9, 0.34), (0.9, -0.34))),
    *(part.of("black") for part in legs(0.38, -0.38, 0.18, 0.6, 0.085)),
    egg(0.26, 0.22, 0.19).turn(z=-25).at(0.88, 1.25).of("black"), ball(0.22).at(0.72, 1.48),
    egg(0.07, 0.05, 0.18).at(0.76, 1.32, 0.26).of("black"), egg(0.07, 0.05, 0.18).at(0.76, 1.32, -0.26).of("black"),
    ball(0.05).at(1.0, 1.34, 0.15).of("white"), ball(0.05).at(1.0, 1.34, -0.15).of("white"),
)
WHALE = (
    egg(1.0, 0.52, 0.55).at(0, 0.5), rod((-0.5, 0.55, 0), (-1.35, 0.95, 0), 0.35, 0.08).blend(0.3),
    egg(0.22, 0.06, 0.4).turn(z=-20).at(-1.5, 1.08), egg(0.7, 0.3, 0.45).at(0.15, 0.25).of("white"),
    egg(0.22, 0.06, 0.3).turn(x=30).at(0.25, 0.25, 0.6), egg(0.22, 0.06, 0.3).turn(x=-30).at(0.25, 0.25, -0.6),
    *(tube([(0.3, 1.0, 0), (0.3, 1.35, 0), (0.3 + s * 0.3, 1.5, 0)], 0.05)[i].of("turquoise") for s in (1, -1)
        for i in (0, 1)),
    *eyes(0.72, 0.6, 0.4, 0.06),
)
CRAB = (
    egg(0.65, 0.34, 0.42).at(0, 0.48), *both(
        *tube([(0.55, 0.5, 0.2), (0.95, 0.7, 0.3), (0.95, 1.0, 0.3)], 0.1), ball(0.26).at(0.95, 1.2, 0.3),
        prism(3, 0.11, 0.11, 0.4).turn(x=90).turn(z=60).at(1.0, 1.46, 0.3).cut(),
        rod((0.18, 0.75, 0.25), (0.2, 1.0, 0.28), 0.04), ball(0.1).at(0.2, 1.05, 0.28).of("white"),
        ball(0.06).at(0.2, 1.06, 0.36).of("black"),
        *(piece for z in (0.15, -0.1, -0.35)
            for piece in tube([(0.5, 0.4, z), (0.9, 0.5, 1.4 * z), (1.1, 0.05, 1.8 * z)], 0.07, 0.03)),
    ),
)
OWL = (
    egg(0.52, 0.68, 0.45).at(0, 0.75), egg(0.5, 0.42, 0.42).at(0, 1.35).blend(0.2),
    egg(0.34, 0.45, 0.2).at(0, 0.62, 0.3).of("light"),
    *both(can(0.22, 0.06, 0.02).turn(x=90).at(0.21, 1.42, 0.38).of("white"),
        ball(0.11).at(0.21, 1.42, 0.42).of("black"),
          rod((0.3, 1.6, 0.1), (0.42, 1.95, 0.1), 0.14, 0.02), egg(0.12, 0.5, 0.3).turn(z=12).at(0.52, 0.75,
              0).of("dark"),
          egg(0.13, 0.06, 0.15).at(0.18, 0.08, 0.32).of("orange")),
    rod((0, 1.34, 0.42), (0, 1.2, 0.5), 0.08, 0.02).of("orange"),
)
FROG = (
    egg(0.62, 0.42, 0.55).at(0, 0.5), egg(0.5, 0.26, 0.4).at(0, 0.78, 0.2).blend(0.15),
    *both(ball(0.2).at(0.27, 1.05, 0.25), ball(0.14).at(0.28, 1.08, 0.36).of("white"),
        ball(0.08).at(0.28, 1.09, 0.45).of("black"),
          egg(0.24, 0.34, 0.4).turn(z=-20).at(0.62, 0.34, -0.1), egg(0.32, 0.07, 0.2).at(0.72, 0.07, 0.35),
          rod((0.3, 0.5, 0.45), (0.36, 0.08, 0.62), 0.1), egg(0.16, 0.05, 0.14).at(0.38, 0.06, 0.7)),
    ring(0.5, 0.025, 50).turn(z=180).turn(x=-15).at(0, 1.16, 0.5).of("dark"),
)

CLASSES: tuple[ObjectClass, ...] = (
    ObjectClass("cat", (CAT,), colours=FUR, materials=SKINS),
    ObjectClass("elephant", (ELEPHANT,), colours=("grey", "grey", "brown", "blue", "pink"), materials=SMOOTH),
    ObjectClass("fish", (FISH,), plural="fish", materials=("scaly", "painted"), home="water"),
    ObjectClass("duck", (DUCK,), colours=("yellow", "white", "brown", "green", "grey"), materials=SMOOTH, home="water"),
    ObjectClass("rabbit", (RABBIT,), colours=FUR, materials=SKINS),
    ObjectClass("snail", (SNAIL,), colours=("brown", "green", "grey", "yellow", "pink"), materials=SMOOTH),
    ObjectClass("giraffe", (GIRAFFE,), colours=("yellow", "orange", "brown"), materials=("patched",)),
    ObjectClass("spider", (SPIDER,), colours=("black", "brown", "grey", "red", "purple"), materials=SKINS,
        yaw=(-75, 75), pitch=(15, 50)),
    ObjectClass("butterfly", (BUTTERFLY,), plural="butterflies", materials=("painted",), yaw=(-45, 45), home="sky"),
    ObjectClass("dog", (DOG,), colours=FUR, materials=SKINS),
    ObjectClass("penguin", (PENGUIN,), colours=("black", "grey", "blue", "brown"), materials=SMOOTH, yaw=(-70, 70)),
    ObjectClass("turtle", (TURTLE,), colours=("green", "brown", "grey", "turquoise"), materials=("scaly", "painted"),
        pitch=(8, 45)),
    ObjectClass("octopus", (OCTOPUS,), plural="octopuses", materials=SMOOTH, yaw=(-60, 60)),
    ObjectClass("pig", (PIG,), colours=("pink", "brown", "grey", "black", "white"), materials=SMOOTH),
    ObjectClass("bee", (BEE,), colours=("yellow", "orange"), materials=SKINS, home="sky"),
    ObjectClass("snake", (SNAKE,), materials=("scaly", "banded"), pitch=(15, 50)),
    ObjectClass("chicken", (CHICKEN,), colours=("white", "brown", "orange", "black", "yellow"), materials=SMOOTH),
    ObjectClass("sheep", (SHEEP,), plural="sheep", colours=("white", "grey", "brown", "pink"), materials=SKINS),
    ObjectClass("whale", (WHALE,), colours=("blue", "grey", "turquoise", "black"), materials=SMOOTH, home="water"),
    ObjectClass("crab", (CRAB,), colours=("red", "orange", "brown", "blue", "purple"), materials=SMOOTH, yaw=(-50, 50)),
    ObjectClass("owl", (OWL,), colours=FUR, materials=SKINS, yaw=(-60, 60)),
    ObjectClass("frog", (FROG,), colours=("green", "brown", "turquoise", "orange", "yellow"), materials=SMOOTH,
        yaw=(-60, 60)),
)
