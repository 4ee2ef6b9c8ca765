"""What drives, sails and flies. Vehicles drive to the right (+x)."""

from __future__ import annotations

from salmubench.drawing.things.classes import ANY, ObjectClass
from salmubench.drawing.things.parts import (
    Parts,
    around,
    ball,
    block,
    can,
    curve,
    egg,
    lathe,
    moved,
    plate,
    ring,
    rod,
    taper,
    tube,
    wheel,
)

# fmt: off (tables: one line holds what belongs together)
BODY = ("painted", "metal", "plastic")


def wheels(xs: tuple[float, ...], z: float, radius: float, half: float = 0.12) -> Parts:
    """Wheels on both sides at the given x."""
    return tuple(part for x in xs for side in (z, -z) for part in moved(wheel(radius, half), at=(x, radius, side)))


def spoked(radius: float, thick: float, spokes: int, rim: str = "tyre", spoke: str = "steel") -> Parts:
    """Open wheel with spokes about the origin."""
    rods = around(spokes, rod((0, 0.05 * radius, 0), (0, radius, 0), 0.35 * thick), axis="z")
    return (ring(radius, thick).of(rim), *(part.of(spoke) for part in rods))


CAR = (
    block(1.35, 0.28, 0.6, 0.14).at(0, 0.55),
    plate([(-0.85, 0.7), (-0.55, 1.22), (0.3, 1.22), (0.75, 0.7)], 0.46, 0.05),
    plate([(-0.66, 0.82), (-0.46, 1.15), (-0.18, 1.15), (-0.18, 0.82)], 0.52, 0.01).of("window"),
    plate([(-0.08, 0.82), (-0.08, 1.15), (0.26, 1.15), (0.54, 0.82)], 0.52, 0.01).of("window"),
    block(0.02, 0.17, 0.4).turn(z=52).at(0.58, 1.0).of("window"), block(0.02, 0.15, 0.4).turn(z=-30).at(-0.74,
        1.0).of("window"),
    *(egg(0.06, 0.1, 0.12).at(1.34, 0.62, z).of("yellow") for z in (0.4, -0.4)),
    *(egg(0.05, 0.08, 0.1).at(-1.34, 0.62, z).of("red") for z in (0.4, -0.4)),
    *wheels((0.8, -0.8), 0.55, 0.3),
)
BUS = (
    block(1.6, 0.62, 0.55, 0.1).at(0, 0.95), *(block(0.2, 0.2, 0.57, 0.03).at(x, 1.15).of("window")
        for x in (-1.25, -0.75, -0.25, 0.25, 0.75)), block(0.17, 0.42, 0.57, 0.03).at(1.22, 0.92).of("window"),
    block(0.02, 0.3, 0.45, 0.01).at(1.6, 1.12).of("window"), block(1.55, 0.05, 0.56).at(0, 0.72).of("white"),
    *wheels((0.95, -0.95), 0.5, 0.3), *(ball(0.1).at(1.58, 0.55, z).of("yellow") for z in (0.38, -0.38)),
)
TRUCK = (
    block(1.05, 0.6, 0.55, 0.04).at(-0.55, 1.1), block(1.6, 0.1, 0.5).at(0, 0.42).of("iron"),
    block(0.42, 0.55, 0.52, 0.1).at(1.1, 0.95).of("second"), block(0.1, 0.22, 0.45, 0.05).at(1.46, 0.6),
    block(0.24, 0.2, 0.53, 0.03).at(1.15, 1.18).of("window"), block(0.03, 0.2, 0.42, 0.01).at(1.5, 1.18).of("window"),
    *wheels((1.05, -0.5, -1.15), 0.48, 0.32), rod((0.62, 1.0, 0.4), (0.62, 1.95, 0.4), 0.06).of("steel"),
)
BICYCLE = (
    *moved(spoked(0.62, 0.06, 8), at=(-0.9, 0.68, 0)), *moved(spoked(0.62, 0.06, 8), at=(0.95, 0.68, 0)),
    *(rod((*a, 0), (*b, 0), 0.065) for a, b in (((-0.9, 0.68), (-0.1, 0.6)), ((-0.1, 0.6), (-0.38, 1.4)),
        ((-0.9, 0.68), (-0.32, 1.25)), ((-0.1, 0.6), (0.68, 1.28)), ((-0.32, 1.25), (0.66, 1.3)),
        ((0.95, 0.68), (0.62, 1.5)))),
    egg(0.26, 0.08, 0.14).at(-0.42, 1.46).of("black"),
    *tube([(0.55, 1.55, 0.38), (0.62, 1.55, 0), (0.55, 1.55, -0.38)], 0.05),
    can(0.15, 0.03).turn(x=90).at(-0.1, 0.6, 0.07).of("iron"), rod((-0.1, 0.6, 0.12), (0.05, 0.35, 0.14),
        0.04).of("iron"),
)
MOTORCYCLE = (
    *moved(wheel(0.5, 0.14), at=(-0.95, 0.5, 0)), *moved(wheel(0.5, 0.14), at=(1.0, 0.5, 0)),
    egg(0.5, 0.26, 0.22).turn(z=8).at(0.2, 1.1), egg(0.5, 0.13, 0.2).at(-0.5, 1.0).of("black"),
    block(0.36, 0.3, 0.2, 0.1).at(0.05, 0.62).of("iron"),
    rod((1.0, 0.5, 0.15), (0.65, 1.35, 0.12), 0.06).of("steel"), rod((1.0, 0.5, -0.15), (0.65, 1.35, -0.12),
        0.06).of("steel"), *tube([(0.4, 1.5, 0.45), (0.65, 1.4, 0.1), (0.65, 1.4, -0.1), (0.4, 1.5, -0.45)], 0.05),
        ball(0.17).at(0.82, 1.2).of("lamplight"),
    egg(0.4, 0.1, 0.16).turn(z=-25).at(-1.05, 1.0), rod((-0.1, 0.4, 0.26), (-1.3, 0.55, 0.28), 0.08, 0.1).of("steel"),
    egg(0.4, 0.1, 0.15).at(1.0, 0.98),
)
TRAIN = (
    can(0.42, 0.85, 0.05).turn(z=90).at(0.45, 1.0), block(0.48, 0.62, 0.5, 0.04).at(-0.85, 1.1),
    block(0.58, 0.07, 0.58, 0.04).at(-0.85, 1.78).of("black"), block(1.4, 0.1, 0.45).at(0, 0.5).of("iron"),
    block(0.2, 0.18, 0.51, 0.03).at(-0.85, 1.4).of("window"), taper(0.13, 0.22, 0.3).at(0.95, 1.65).of("black"),
    egg(0.17, 0.2, 0.17).at(0.25, 1.42).of("gold"), can(0.4, 0.03).turn(z=90).at(1.32, 1.0).of("black"),
    plate([(0, 0), (0.5, 0), (0, 0.42)], 0.4).at(1.25, 0.1).of("red"), *wheels((-0.95,), 0.42, 0.34),
    *wheels((0.05, 0.5, 0.95), 0.42, 0.24), rod((-0.95, 0.36, 0.56), (0.5, 0.3, 0.56), 0.05).of("steel"),
)
PLANE = (
    egg(1.6, 0.27, 0.27).at(0, 0.7), plate([(-0.25, 0.15), (0.4, 0.15), (-0.25, 1.7), (-0.55, 1.7)], 0.03,
        0.02).turn(x=90).at(0, 0.65).of("second"), plate([(-0.25, -0.15), (0.4, -0.15), (-0.25, -1.7), (-0.55, -1.7)],
        0.03, 0.02).turn(x=90).at(0, 0.65).of("second"),
    plate([(-1.0, 0.15), (-1.45, 0.8), (-1.65, 0.8), (-1.5, 0.1)], 0.03, 0.02).at(0, 0.7).of("second"),
    plate([(-1.15, 0), (-1.5, 0.62), (-1.65, 0.62), (-1.5, 0), (-1.65, -0.62), (-1.5, -0.62)], 0.02,
        0.02).turn(x=90).at(0, 0.78).of("second"),
    *(can(0.14, 0.25, 0.05).turn(z=90).at(0.1, 0.5, z).of("steel") for z in (0.75, -0.75)),
    egg(0.3, 0.12, 0.2).at(1.15, 0.85).of("window"), *(ball(0.06).at(x, 0.78, s * 0.25).of("window")
        for x in (-0.6, -0.3, 0, 0.3, 0.6) for s in (1, -1)),
)
HELICOPTER = (
    egg(0.75, 0.5, 0.45).at(0.3, 0.95), egg(0.45, 0.36, 0.4).at(0.68, 1.02).of("window"),
    rod((-0.2, 1.05, 0), (-1.6, 1.25, 0), 0.2, 0.08), plate([(-1.45, 1.2), (-1.8, 1.75), (-1.55, 1.2)], 0.03, 0.03),
    can(0.06, 0.2).at(0.2, 1.55).of("iron"),
    block(1.6, 0.02, 0.09, 0.01).turn(y=25).at(0.2, 1.75).of("iron"), block(1.6, 0.02, 0.09, 0.01).turn(y=115).at(0.2,
        1.75).of("iron"), *(rod((-0.4, 0.12, z), (1.0, 0.12, z), 0.05).of("iron") for z in (0.38, -0.38)),
    *(rod((x, 0.6, 0.7 * z), (x, 0.12, z), 0.04).of("iron") for x in (0, 0.55) for z in (0.38, -0.38)),
    block(0.05, 0.3, 0.02).turn(z=30).at(-1.62, 1.4, 0.1).of("iron"),
)
ROCKET = (
    lathe([(0, 0.3), (0.3, 0.3), (0.42, 0.8), (0.44, 1.3), (0.36, 1.9), (0, 1.9)]),
    lathe([(0, 1.85), (0.37, 1.85), (0.25, 2.25), (0.1, 2.55), (0, 2.65)]).of("second"),
    *around(3, plate([(0.3, 0.9), (0.8, 0.35), (0.8, 0), (0.3, 0.4)], 0.04, 0.02).of("second"), start=20),
    *around(4, can(0.15, 0.04).turn(x=90).at(0, 1.45, 0.42).of("steel"),
        can(0.1, 0.05).turn(x=90).at(0, 1.45, 0.43).of("window"), start=20),
        taper(0.3, 0.18, 0.12).at(0, 0.2).of("iron"),
)
SAILBOAT = (
    plate([(-1.1, 0.45), (1.25, 0.45), (0.75, 0), (-0.85, 0)], 0.26, 0.08),
    rod((0, 0.4, 0), (0, 2.7, 0), 0.05).of("wood"),
    plate([(0.1, 0.75), (0.1, 2.6), (1.05, 0.75)], 0.02, 0.01).turn(y=8).of("white"),
    plate([(-0.08, 0.75), (-0.08, 2.3), (-0.85, 0.75)], 0.02, 0.01).turn(y=8).of("second"),
    plate([(0, 2.7), (0, 2.9), (-0.35, 2.8)], 0.01, 0.01).of("red"),
)
SHIP = (
    plate([(-1.6, 0.62), (1.8, 0.72), (1.35, 0), (-1.4, 0)], 0.34, 0.06),
    block(0.9, 0.22, 0.3, 0.03).at(-0.25, 0.9).of("white"), block(0.55, 0.2, 0.26, 0.03).at(-0.35, 1.3).of("white"),
    *(can(0.07, 0.02).turn(x=90).at(x, 0.92, s * 0.3).of("window") for x in (-0.9, -0.5, -0.1, 0.3) for s in (1, -1)),
    *(taper(0.17, 0.15, 0.38).at(x, 1.8).of("second") for x in (-0.65, -0.1)),
    *(can(0.165, 0.08).at(x, 2.12).of("black") for x in (-0.65, -0.1)),
    rod((1.1, 0.7, 0), (1.1, 1.5, 0), 0.03).of("iron"),
)
ROWBOAT = (
    egg(1.5, 0.6, 0.55).at(0, 0.6), block(3, 1, 3).at(0, 1.6).cut(), egg(1.36, 0.5, 0.45).at(0, 0.66).of("wood").cut(),
    *(block(0.09, 0.03, 0.46).at(x, 0.5).of("wood") for x in (-0.5, 0.35)),
    *(rod((0, 0.62, s * 0.3), (-0.4, 0.2, s * 1.35), 0.045).of("wood") for s in (1, -1)),
    *(egg(0.14, 0.03, 0.25).turn(x=s * 20).at(-0.42, 0.16, s * 1.45).of("wood") for s in (1, -1)),
)
SUBMARINE = (
    egg(1.5, 0.5, 0.5).at(0, 0.55), block(0.35, 0.3, 0.2, 0.12).at(0.1, 1.15),
    *tube([(0.15, 1.4, 0), (0.15, 1.85, 0), (0.4, 1.85, 0)], 0.06),
    *(can(0.15, 0.04).turn(x=90).at(x, 0.62, s * z).of("gold") for x, z in ((-0.5, 0.46), (0.1, 0.48), (0.7, 0.42))
        for s in (1, -1)),
    *(can(0.1, 0.05).turn(x=90).at(x, 0.62, s * z).of("window") for x, z in ((-0.5, 0.47), (0.1, 0.49), (0.7, 0.43))
        for s in (1, -1)), *moved(around(4, egg(0.03, 0.24, 0.1).at(0, 0.25).turn(z=0), axis="z"), turn=(0, 90, 0),
        at=(-1.55, 0.55, 0)), plate([(-1.0, 0.3), (-1.4, 0.75), (-1.55, 0.75), (-1.4, 0.2)], 0.03, 0.02).at(0, 0.5),
)
SUBMARINE = tuple(part.of("iron") if part.size[:3] == (0.03, 0.24, 0.1) else part for part in SUBMARINE)
BALLOON = (
    lathe([(0, 0.9), (0.25, 0.9), (0.55, 1.3), (0.92, 1.9), (0.98, 2.3), (0.82, 2.8), (0.45, 3.1), (0, 3.2)], 0.02),
    *around(8, *curve([(0, 0.95, 0.3), (0, 1.3, 0.57), (0, 1.9, 0.94), (0, 2.3, 1.0), (0, 2.8, 0.84), (0, 3.15, 0.4)],
        0.05, pieces=1)),
    block(0.26, 0.2, 0.26, 0.03).at(0, 0.2).of("straw"),
    *(rod((s * 0.22, 0.38, t * 0.22), (s * 0.25, 0.95, t * 0.2), 0.025).of("bark") for s in (1, -1) for t in (1, -1)),
)
BALLOON = tuple(part.of("second") if part.kind == 2 and part.size[0] == 0.05 else part for part in BALLOON)
TRACTOR = (
    *moved(wheel(0.72, 0.2, hub="yellow"), at=(-0.6, 0.72, 0.55)), *moved(wheel(0.72, 0.2, hub="yellow"),
        at=(-0.6, 0.72, -0.55)), *moved(wheel(0.38, 0.14, hub="yellow"), at=(0.95, 0.38, 0.48)),
        *moved(wheel(0.38, 0.14, hub="yellow"), at=(0.95, 0.38, -0.48)),
    block(0.7, 0.3, 0.3, 0.08).at(0.65, 0.95), block(0.45, 0.3, 0.35, 0.05).at(-0.5, 0.95),
    *(rod((x, 1.1, z), (x, 1.85, z), 0.045).of("iron") for x in (-0.9, -0.08) for z in (0.33, -0.33)),
    block(0.55, 0.06, 0.45, 0.04).at(-0.48, 1.9), rod((0.75, 1.2, 0), (0.75, 1.8, 0), 0.06).of("iron"),
    block(0.35, 0.3, 0.28).at(-0.48, 1.5).of("window"),
)
SKATEBOARD = (
    block(0.85, 0.05, 0.3, 0.04).at(0, 0.35), block(0.25, 0.05, 0.3, 0.04).turn(z=22).at(1.02, 0.43),
    block(0.25, 0.05, 0.3, 0.04).turn(z=-22).at(-1.02, 0.43),
    *(can(0.13, 0.09, 0.03).turn(x=90).at(x, 0.13, z).of("second") for x in (0.65, -0.65) for z in (0.25, -0.25)),
    *(block(0.08, 0.1, 0.15).at(x, 0.24).of("steel") for x in (0.65, -0.65)),
)
UFO = (
    lathe([(0, 0.4), (0.4, 0.4), (1.3, 0.7), (1.3, 0.76), (0.5, 0.98), (0, 0.98)], 0.02),
    egg(0.5, 0.48, 0.5).at(0, 0.95).of("pale"), *around(10, ball(0.09).at(0, 0.73, 1.25).of("lamplight")),
    *around(3, rod((0, 0.45, 0.45), (0, 0.05, 0.7), 0.04), ball(0.09).at(0, 0.08, 0.7)),
    egg(0.16, 0.22, 0.16).at(0, 1.05).of("leaf"),
)
WHEELBARROW = (
    plate([(-0.75, 0.95), (0.75, 0.95), (0.5, 0.4), (-0.35, 0.4)], 0.4, 0.04),
    plate([(-0.7, 1.3), (0.7, 1.3), (0.44, 0.48), (-0.3, 0.48)], 0.36).cut(),
    *moved(wheel(0.32, 0.1), at=(0.85, 0.32, 0)), *(rod((0.85, 0.35, 0.1 * s), (-1.5, 0.9, s * 0.42), 0.05).of("wood")
        for s in (1, -1)), *(rod((-0.45, 0.55, s * 0.3), (-0.5, 0.03, s * 0.34), 0.05).of("wood") for s in (1, -1)),
)
SCOOTER = (
    *moved(wheel(0.24, 0.07), at=(-0.8, 0.24, 0)), *moved(wheel(0.24, 0.07), at=(0.85, 0.24, 0)),
    block(0.72, 0.045, 0.16, 0.03).at(-0.05, 0.24), rod((0.85, 0.24, 0), (0.6, 1.75, 0), 0.06),
    rod((0.6, 1.75, -0.4), (0.6, 1.75, 0.4), 0.055).of("black"), rod((0.6, 0.28, 0), (0.82, 0.5, 0), 0.05),
)

CLASSES: tuple[ObjectClass, ...] = (
    ObjectClass("car", (CAR,), materials=BODY),
    ObjectClass("bicycle", (BICYCLE,), yaw=(-48, 48), pitch=(2, 25), materials=("painted", "metal")),
    ObjectClass("bus", (BUS,), plural="buses", materials=BODY),
    ObjectClass("sailboat", (SAILBOAT,), materials=("painted", "wood"), home="water"),
    ObjectClass("rocket", (ROCKET,), materials=BODY, yaw=ANY, pitch=(0, 25), home="sky", lean=10),
    ObjectClass("plane", (PLANE,), materials=BODY, yaw=(-70, 70), pitch=(8, 40), home="sky"),
    ObjectClass("train", (TRAIN,), materials=BODY),
    ObjectClass("truck", (TRUCK,), materials=BODY),
    ObjectClass("hot air balloon", (BALLOON,), materials=("fabric", "painted"), yaw=ANY, home="sky", pitch=(0, 25)),
    ObjectClass("helicopter", (HELICOPTER,), materials=BODY, home="sky"),
    ObjectClass("ship", (SHIP,), materials=("painted", "metal"), home="water", pitch=(3, 30)),
    ObjectClass("motorcycle", (MOTORCYCLE,), materials=("painted", "metal"), yaw=(-45, 45), pitch=(2, 28)),
    ObjectClass("tractor", (TRACTOR,), materials=("painted", "metal")),
    ObjectClass("rowing boat", (ROWBOAT,), materials=("painted", "wood"), home="water", pitch=(15, 45)),
    ObjectClass("submarine", (SUBMARINE,), materials=("painted", "metal"), home="water"),
    ObjectClass("skateboard", (SKATEBOARD,), materials=("painted", "wood"), pitch=(8, 40)),
    ObjectClass("flying saucer", (UFO,), materials=("metal", "painted"), yaw=ANY, home="sky", pitch=(2, 25), lean=12),
    ObjectClass("wheelbarrow", (WHEELBARROW,), materials=("painted", "metal", "plastic"), pitch=(5, 38)),
    ObjectClass("scooter", (SCOOTER,), materials=("painted", "metal"), yaw=(-50, 50), pitch=(2, 28)),
)
