import math

import numba
import numpy as np
import pytest

from salmubench.drawing.things import kinds, shapes
from salmubench.drawing.things.catalogue import CLASSES
from salmubench.drawing.things.field import group_surface, object_distance
from salmubench.drawing.things.packing import pack, shape
from salmubench.drawing.things.parts import (
    ball,
    block,
    both,
    can,
    lathe,
    plate,
    prism,
    ring,
    rod,
    smooth,
    taper,
)

NO_OUTLINE = np.zeros((1, 5))


@numba.njit
def distances(points, parts, groups, outline):
    active = np.arange(len(groups))
    out = np.empty(len(points))
    for i in range(len(points)):
        out[i] = object_distance(parts, groups, outline, active, len(groups), points[i, 0], points[i, 1], points[i, 2])
    return out


@numba.njit
def group_distances(points, parts, outline, first, end):
    out = np.empty(len(points))
    for i in range(len(points)):
        out[i] = group_surface(parts, outline, first, end, points[i, 0], points[i, 1], points[i, 2]).distance
    return out


def cloud(count, seed, reach=1.4):
    return np.random.default_rng(seed).uniform(-reach, reach, (count, 3))


def test_taper_agrees_with_a_dense_sampling_of_its_surface():
    low, high, half = 0.6, 0.25, 0.5
    angle, share = np.meshgrid(np.linspace(0, 2 * np.pi, 240), np.linspace(0, 1, 160))
    rows = [
        (low + (high - low) * share, -half + 2 * half * share),
        (low * share, -half + 0 * share),
        (high * share, half + 0 * share),
    ]
    surface = np.concatenate([np.stack([r * np.cos(angle), h, r * np.sin(angle)], -1).reshape(-1, 3) for r, h in rows])
    for point in cloud(60, 0):
        slow = np.sqrt(((surface - point) ** 2).sum(1)).min()
        radius = np.hypot(point[0], point[2])
        inside = abs(point[1]) < half and radius < low + (high - low) * (point[1] + half) / (2 * half)
        assert shapes.taper(*point, low, high, half, 0.0) == pytest.approx(-slow if inside else slow, abs=0.012)


@pytest.mark.parametrize("angle", [180.0, 100.0, 35.0])
def test_ring_agrees_with_a_chain_of_balls(angle):
    radius, thick = 0.7, 0.12
    along = np.radians(np.linspace(-angle, angle, 2000))
    middle = np.stack([radius * np.sin(along), radius * np.cos(along), 0 * along], -1)
    for point in cloud(60, 1):
        slow = np.sqrt(((middle - point) ** 2).sum(1)).min() - thick
        assert shapes.ring(*point, radius, thick, math.radians(angle)) == pytest.approx(slow, abs=2e-3)


def test_polygon_agrees_with_segments_and_winding():
    corners = np.array([(-0.8, -0.5), (0.9, -0.6), (0.2, 0.0), (0.7, 0.8), (-0.5, 0.6)])
    packed = pack((plate([tuple(c) for c in corners], 0.2),))
    scale = packed.outline[1, 0] - packed.outline[0, 0]
    scale /= corners[1, 0] - corners[0, 0]
    outline = packed.outline
    for x, y, _ in cloud(200, 2, reach=1.0):
        best, turn = np.inf, 0.0
        for i in range(5):
            a, b = outline[i, :2], outline[(i + 1) % 5, :2]
            t = np.clip(np.dot((x, y) - a, b - a) / np.dot(b - a, b - a), 0, 1)
            best = min(best, np.hypot(*((x, y) - a - t * (b - a))))
            u, v = a - (x, y), b - (x, y)
            turn += math.atan2(u[0] * v[1] - u[1] * v[0], u @ v)
        signed = -best if abs(turn) > 3 else best
        assert shapes.polygon(x, y, outline, 0, 5) == pytest.approx(signed, abs=1e-9)
    assert scale > 0


def test_prism_has_flat_sides_at_its_inner_radius():
    assert shapes.prism(0.0, 0.0, 0.9, 0.5, 0.5, 1.0, 6.0) == pytest.approx(0.4)
    assert shapes.prism(0.9, 0.0, 0.0, 0.5, 0.5, 1.0, 4.0) == pytest.approx(0.4)
    corner = 0.5 / math.cos(math.pi / 6)
    assert shapes.prism(corner * math.sin(math.pi / 6), 0.0, corner * math.cos(math.pi / 6), 0.5, 0.5, 1.0, 6.0) == (
        pytest.approx(0.0, abs=1e-9)
    )


def test_cut_keep_blend_and_groups():
    packed = pack((ball(1.0), block(2, 1, 2).at(0, -1).cut(), ball(0.2).at(0.0, 0.9)))
    assert len(packed.groups) == 2
    middle, factor = -packed.parts[0, kinds.CENTRE + 1], packed.parts[0, kinds.SIZE]

    def at(x, y, z):
        return distances(
            np.array([[x * factor, y * factor - middle, z * factor]]), packed.parts, packed.groups, packed.outline
        )[0]

    assert at(0, 0.5, 0) < 0 < at(0, -0.1, 0)
    assert at(0, 1.05, 0) < 0
    kept = pack((ball(1.0), can(0.3, 2.0).keep()))
    assert distances(np.array([[0.6, 0.0, 0.0]]), kept.parts, kept.groups, kept.outline)[0] > 0
    apart = pack((ball(0.5).at(-0.55, 0), ball(0.5).at(0.55, 0)))
    joined = pack((ball(0.5).at(-0.55, 0), ball(0.5).at(0.55, 0).blend(0.4)))
    origin = np.zeros((1, 3))
    assert distances(origin, apart.parts, apart.groups, apart.outline)[0] > 0
    assert distances(origin, joined.parts, joined.groups, joined.outline)[0] < 0


def test_a_cut_floor_moves_the_lowest_point():
    packed = pack((ball(1.0), block(2, 1, 2).at(0, -1).cut()))
    height = packed.points[:, 1].max() - packed.points[:, 1].min()
    width = packed.points[:, 0].max() - packed.points[:, 0].min()
    assert height / width == pytest.approx(0.5, abs=0.03)


def test_mirroring_and_turning_place_the_same_shape():
    pieces = both(
        rod((0.3, 0.1, 0.2), (0.8, 0.9, -0.3), 0.1, 0.05),
        plate([(0.2, 0), (0.7, 0), (0.5, 0.6)], 0.05).turn(y=30, z=10),
    )
    packed = pack(pieces)
    points = cloud(300, 3, reach=1.0)
    values = distances(points, packed.parts, packed.groups, packed.outline)
    mirrored = distances(points * (-1, 1, 1), packed.parts, packed.groups, packed.outline)
    np.testing.assert_allclose(values, mirrored, atol=1e-9)
    lying = pack((taper(0.5, 0.2, 0.6).turn(z=90),))
    assert distances(np.array([[-0.8, 0.3, 0.0]]), lying.parts, lying.groups, lying.outline)[0] > 0
    assert distances(np.array([[0.8, 0.3, 0.0]]), lying.parts, lying.groups, lying.outline)[0] < 0.1


@pytest.mark.parametrize("index", range(0, len(CLASSES), 3), ids=[row.name for row in CLASSES[::3]])
def test_bounding_balls_hold_their_groups(index):
    packed = shape(index, 0)
    points = cloud(1500, index)
    truth = np.full(len(points), np.inf)
    for x, y, z, radius, first, end in packed.groups:
        values = group_distances(points, packed.parts, packed.outline, int(first), int(end))
        inside = values < 0
        away = np.sqrt(((points - (x, y, z)) ** 2).sum(1))
        assert (away[inside] <= radius).all()
        truth = np.minimum(truth, values)
    # With the balls as stand-ins the surface stays where it is, and no step is too long: nothing solid lies nearer.
    found = distances(points, packed.parts, packed.groups, packed.outline)
    np.testing.assert_array_equal(found < 0, truth < 0)
    solid, outside = points[truth < 0], np.flatnonzero(found > 0)[:200]
    for i in outside:
        nearest = np.sqrt(((solid - points[i]) ** 2).sum(1)).min() if len(solid) else np.inf
        assert found[i] <= nearest + 0.02


def test_smooth_outlines_pass_through_their_corners():
    corners = [(0.0, 0.0), (0.5, 0.2), (0.6, 0.8), (0.0, 1.0)]
    found = smooth(corners, pieces=3)
    assert len(found) == 10
    np.testing.assert_allclose(found[::3], corners, atol=1e-12)
    assert lathe(found).kind == kinds.LATHE
    assert ring(1, 0.1).kind == kinds.RING
    assert prism(5, 1, 1, 1).size[3] == 5.0
