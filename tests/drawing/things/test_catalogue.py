import hashlib

import numpy as np
import pytest

from salmubench.drawing.things import catalogue
from salmubench.drawing.things.catalogue import CLASSES, ORDER
from salmubench.drawing.things.packing import shape
from salmubench.drawing.things.palette import (
    COLOURS,
    DECORATIONS,
    MATERIALS,
    PAINTS,
    PLACES,
)


def test_there_are_enough_classes_with_names_of_their_own():
    names = [row.name for row in CLASSES]
    assert len(names) >= 200
    assert len(set(names)) == len(names)
    assert all(name == name.lower().strip() for name in names)
    listed = [row.name for table in catalogue._TABLES for row in table.CLASSES]
    assert sorted(listed) == sorted(ORDER), "each row of a table stands once in ORDER"


def test_the_first_classes_stay_the_first():
    # A change here changes which pictures a recipe's classes show: append to ORDER instead.
    first = "|".join(row.name for row in CLASSES[:64])
    assert hashlib.sha256(first.encode()).hexdigest()[:16] == "982033e5987003c8"
    assert [row.name for row in CLASSES[:4]] == ["teapot", "cat", "car", "apple"]


@pytest.mark.parametrize("row", CLASSES, ids=lambda row: row.name)
def test_rows_use_known_words(row):
    assert set(row.colours) <= set(COLOURS)
    assert set(row.materials) <= set(MATERIALS)
    assert row.home == "ground" or row.home in PLACES
    assert row.yaw[0] < row.yaw[1]
    assert row.pitch[0] < row.pitch[1]
    paints = {part.paint for parts in row.variants for part in parts}
    assert paints <= {*PAINTS, "main", "second", "dark", "light", "contrast"}
    assert "main" in paints, "the scene's colour must be seen somewhere"


def test_the_palette_is_as_rich_as_promised():
    assert len(COLOURS) >= 10
    assert len(PLACES) >= 8
    assert len({material.word for material in MATERIALS.values()} - {""}) >= 5
    assert DECORATIONS


@pytest.mark.parametrize("index", range(len(CLASSES)), ids=[row.name for row in CLASSES])
def test_packed_shapes_fill_the_unit_ball_and_stand_on_the_ground(index):
    for variant in range(len(CLASSES[index].variants)):
        packed = shape(index, variant)
        radii = np.sqrt((packed.points**2).sum(1))
        assert radii.max() == pytest.approx(1.0, abs=0.02)
        assert np.isfinite(packed.parts).all()
        starts, ends = packed.groups[:, 4], packed.groups[:, 5]
        assert starts[0] == 0
        assert ends[-1] == len(packed.parts)
        np.testing.assert_array_equal(starts[1:], ends[:-1])
