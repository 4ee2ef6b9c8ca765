"""Which pictures are drawn again."""

from __future__ import annotations

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from salmubench.generator import curation
from salmubench.generator.backends import FaceView
from salmubench.generator.config import Curation
from salmubench.generator.portraits import procedural

pytestmark = pytest.mark.stage


def encode(pixels) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def noise(seed: int, size=(32, 32)) -> bytes:
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 8, 3))
    return encode(np.kron(coarse, np.ones((size[1] // 8, size[0] // 8, 1))))


def judge(*pictures: bytes, groups=None, size=(32, 32), limits=None):
    looks = [curation.look(data) for data in pictures]
    found = curation.faults(looks, sizes=[size] * len(looks), groups=groups or [0] * len(looks), limits=limits)
    return {index: fault.reason for index, fault in found.items()}


def test_good_pictures():
    assert judge(noise(1), noise(2), noise(3)) == {}


def test_reasons():
    flat = encode(np.full((32, 32, 3), 90))
    assert judge(noise(1), b"nothing", noise(2, (40, 32)), flat) == {1: "unreadable", 2: "size", 3: "contrast"}


def test_truncated():
    assert judge(noise(1)[:60]) == {0: "unreadable"}


def test_near_duplicates_within_kin_only():
    twin = np.array(Image.open(io.BytesIO(noise(1)))).astype(int) + np.random.default_rng(0).integers(
        -2, 3, (32, 32, 3)
    )
    pictures = (noise(1), encode(np.clip(twin, 0, 255)), noise(2))
    assert judge(*pictures) == {1: "duplicate"}
    assert judge(*pictures, groups=[0, 1, 0]) == {}
    assert judge(*pictures, groups=[None, None, None]) == {}


def test_duplicate_of_a_failed_picture_counts_once():
    assert judge(b"", noise(1), noise(1), noise(1)) == {0: "unreadable", 2: "duplicate", 3: "duplicate"}


def test_details_say_what_was_expected():
    flat = curation.look(encode(np.full((32, 32, 3), 90)))
    found = curation.faults([flat], sizes=[(32, 32)], groups=[0])
    assert found == {0: curation.Fault("contrast", "0.0, at least 6")}
    assert curation.faults([flat], sizes=[(40, 32)], groups=[0])[0].detail == "32×32 pixels, expected 40×32"


def test_limits_are_those_of_the_recipe():
    pictures = (noise(1), noise(2))
    assert judge(*pictures, limits=Curation(contrast=255)) == {0: "contrast", 1: "contrast"}
    assert judge(*pictures, limits=Curation(distance=255)) == {1: "duplicate"}
    assert judge(noise(1), noise(1), limits=Curation(distance=0)) == {}


@pytest.mark.parametrize(
    ("face", "reason"),
    [
        (FaceView(1.0, 0.5), None),
        (FaceView(0.95, 0.3), None),
        (FaceView(0.94, 0.5), "face"),
        (FaceView(1.0, 0.29), "face"),
        (None, None),
    ],
)
def test_where_the_face_lies(face, reason):
    found = curation.faults([curation.look(noise(1), face)], sizes=[(32, 32)], groups=[0])
    assert [fault.reason for fault in found.values()] == ([] if reason is None else [reason])


def test_procedural_portraits_tell_where_the_face_lies():
    """Wholly inside where it is drawn; half of it where its middle lies on the edge."""
    person = procedural.sample_identity(1, gender="male", age=40)
    for seed, aspect in ((1, 1.0), (2, 1.78), (3, 0.67)):
        shot = procedural.sample_shot(person, seed, aspect=aspect)
        assert shot.face_view.inside == 1.0
        assert 0.4 < shot.face_view.height < 0.7
    values = {**dict(shot.values), "scale": 1.0, "shift_x": 1.76, "shift_y": 0.1}  # half of the face is cut off
    cut = dataclasses.replace(shot, aspect=1.0, values=tuple(values.items()))
    assert cut.face_view.inside == pytest.approx(0.5, abs=0.01)
    cut = dataclasses.replace(cut, aspect=2.0)
    assert cut.face_view.inside == 1.0


class EveryThird:
    """A check by a "model" that knows a picture's brightest thumbnail pixel."""

    def see(self, images, facts):
        assert len(images) == len(facts)
        self.seen = [*getattr(self, "seen", []), *images]
        return [len(data) for data in images]

    def faults(self, seen, groups):
        assert len(seen) == len(groups)
        return {index: ("longest", f"{size} bytes") for index, size in enumerate(seen) if size == max(seen)}


def test_checks_by_models(monkeypatch):
    check = EveryThird()
    monkeypatch.setattr(curation.backends.Part, "load", lambda self, name, options: check)
    pictures = [noise(seed) for seed in (1, 2, 3)]
    pictures[1] = b"unreadable"
    quality = curation.QualityFilter(
        Curation(checks={"third": {}}), sizes=[(32, 32)] * 3, groups=[0, 0, 1], checked=True
    )
    quality.see([0, 1, 2], pictures, [{}] * 3, [None] * 3)
    assert check.seen == [pictures[0], pictures[2]]  # what doesn't decode is not shown to models
    longest = max((0, 2), key=lambda index: len(pictures[index]))
    found = quality.faults()
    assert found[1].reason == "unreadable"
    assert found[longest] == curation.Fault("third: longest", f"{len(pictures[longest])} bytes")
    quality.see([1], [noise(9)], [{}], [None])
    assert len(check.seen) == 3
    apart = curation.QualityFilter(Curation(checks={"third": {}}), sizes=[(32, 32)], groups=[0], checked=False)
    apart.see([0], pictures[:1], [{}], [None])
    assert apart.faults() == {}


def test_summary():
    size, contrast = curation.Fault("size", "1×1"), curation.Fault("contrast", "0")
    limits = Curation()
    found = curation.summary(3, [("b", [size, contrast]), ("c", [size])], limits)
    assert found == {
        "pictures": 3,
        "redrawn": 2,
        "redraws": 3,
        "reasons": {"contrast": 1, "size": 2},
        "limits": dataclasses.asdict(limits),
        "files": {"b": [size._asdict(), contrast._asdict()], "c": [size._asdict()]},
    }
