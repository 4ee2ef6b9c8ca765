"""Which pictures are drawn again."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from salmubench.dataset import curation


def encode(pixels) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def noise(seed: int, size=(32, 32)) -> bytes:
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 8, 3))
    return encode(np.kron(coarse, np.ones((size[1] // 8, size[0] // 8, 1))))


def judge(*pictures: bytes, kin=None, size=(32, 32)):
    looks = [curation.look(data) for data in pictures]
    return curation.faults(looks, sizes=[size] * len(looks), kin=kin or [0] * len(looks))


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
    assert judge(*pictures, kin=[0, 1, 0]) == {}
    assert judge(*pictures, kin=[None, None, None]) == {}


def test_duplicate_of_a_failed_picture_counts_once():
    assert judge(b"", noise(1), noise(1), noise(1)) == {0: "unreadable", 2: "duplicate", 3: "duplicate"}


def test_summary():
    assert curation.summary([("a", []), ("b", ["size", "contrast"]), ("c", ["size"])]) == {
        "pictures": 3,
        "redrawn": 2,
        "redraws": 3,
        "reasons": {"contrast": 1, "size": 2},
        "limits": {
            "contrast": curation.MIN_CONTRAST, "distance": curation.MIN_DISTANCE, "redraws": curation.MAX_REDRAWS,
        },
        "files": {"b": ["size", "contrast"], "c": ["size"]},
    }  # fmt: skip
