"""The renderer: same bytes however it is called, right sizes, and facts that the picture itself bears out."""

from __future__ import annotations

import dataclasses
import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from salmubench.drawing.sizes import picture_size
from salmubench.generator.portraits import procedural

pytestmark = pytest.mark.stage


def identity(number: int):
    return procedural.sample_identity(number, gender=("female", "male")[number % 2], age=18 + (number * 37) % 66)


def shot(number: int, seed: int = 0, aspect: float = 1.0):
    return procedural.sample_shot(identity(number), seed, aspect=aspect)


def repaint(picture, **changes: float):
    """The same picture with some of the renderer's numbers changed."""
    return dataclasses.replace(picture, values=(*picture.values, *changes.items()))


def share_changed(picture, *names: str, size: int = 48) -> float:
    """The share of pixels that show something of the named colours, found by changing them."""
    changes = {
        f"{name}_{channel}": value for name in names for channel, value in zip("rgb", (0.9, 0.0, 0.9), strict=True)
    }
    before = procedural.render_array(picture, size=size)
    after = procedural.render_array(repaint(picture, **changes), size=size)
    return float((np.abs(after - before).max(axis=2) > 0.02).mean())


def decode(file: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))


SHOTS = [shot(i) for i in range(6)]


def test_bytes_do_not_depend_on_the_batch():
    together = procedural.render_jpeg(SHOTS, size=40)
    assert together == [procedural.render_jpeg([one], size=40)[0] for one in SHOTS]
    assert together == [*procedural.render_jpeg(SHOTS[:1], size=40), *procedural.render_jpeg(SHOTS[1:], size=40)]


@pytest.mark.parametrize("cores", [1, 3])
def test_bytes_do_not_depend_on_the_number_of_threads(cores, monkeypatch):
    expected = procedural.render_jpeg(SHOTS[:2], size=72)
    monkeypatch.setattr(procedural, "cores", lambda: cores)
    assert procedural.render_jpeg(SHOTS[:2], size=72) == expected


def test_another_process_draws_the_same_bytes():
    program = (
        "import hashlib\n"
        "from salmubench.generator.portraits import procedural as p\n"
        "a = p.sample_identity(3, gender='male', age=63)\n"
        "print(hashlib.sha256(p.render_jpeg([p.sample_shot(a, 1, aspect=1.5)], size=40)[0]).hexdigest())\n"
    )
    runs = [subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True) for _ in "12"]
    assert runs[0].stdout == runs[1].stdout
    assert len(runs[0].stdout) == 65


@pytest.mark.parametrize(
    ("aspect", "width", "height"),
    [(1.0, 48, 48), (4 / 3, 64, 48), (1.5, 72, 48), (16 / 9, 85, 48), (0.75, 48, 64), (2 / 3, 48, 72)],
)
def test_short_side_is_the_size(aspect, width, height):
    (file,) = procedural.render_jpeg([shot(1, aspect=aspect)], size=48)
    image = Image.open(io.BytesIO(file))
    assert image.format == "JPEG"
    assert image.size == (width, height) == picture_size(aspect, 48)


def test_every_seed_gives_another_picture():
    shots = [shot(i, seed) for i in range(4) for seed in range(4)]
    files = procedural.render_jpeg(shots, size=32)
    thumbnails = np.stack([decode(file).astype(float) for file in files])
    distance = np.abs(thumbnails[:, None] - thumbnails[None]).mean(axis=(2, 3, 4))
    assert len(set(files)) == len(files)
    assert distance[~np.eye(len(files), dtype=bool)].min() > 2.0


@pytest.mark.parametrize("samples", [1, 4])
def test_more_samples_change_little_but_the_edges(samples):
    reference = procedural.render_array(SHOTS[2], size=32, samples=25)
    picture = procedural.render_array(SHOTS[2], size=32, samples=samples)
    assert np.isfinite(picture).all()
    assert picture.min() >= 0.0
    assert picture.max() <= 1.0
    assert np.abs(picture - reference).mean() < (0.05 if samples == 1 else 0.025)


def test_faces_fill_their_part_of_the_picture():
    shares = [share_changed(shot(i, seed=i), "skin", size=32) for i in range(24)]
    assert min(shares) > 0.04
    assert np.median(shares) > 0.12


def test_pictures_are_neither_blank_nor_clipped():
    for file in procedural.render_jpeg([shot(i) for i in range(24)], size=32):
        pixels = decode(file)
        assert pixels.mean(axis=2).std() > 10
        assert 20 < pixels.mean() < 235
        assert (pixels.min(axis=2) >= 254).mean() < 0.15


def test_hair_is_told_exactly_where_it_shows():
    for i in range(30):
        picture = shot(i)
        hair = picture.facts.get("hair", "")
        visible = share_changed(picture, "hair", "hair_tip")
        if picture.appearance.covering:
            assert not hair
            assert visible < 0.02, picture.appearance.hair_style
        elif hair and hair != "no hair":
            assert visible > 0.003, picture.appearance.hair_style


def test_what_is_told_of_worn_things_shows():
    for i in range(30):
        picture = shot(i)
        facts = picture.facts
        assert share_changed(picture, "cloth") > 0.006 or "clothes" not in facts
        assert (share_changed(picture, "frame") > 0.004) == ("glasses" in facts)
        assert (share_changed(picture, "wrap", "wrap2") > 0.03) == bool(picture.appearance.covering)
        assert (share_changed(picture, "hat") > 0.01) == ("headwear" in facts and not picture.appearance.covering)
        shaved = facts.get("facial_hair") is None
        assert not (shaved and share_changed(picture, "beard") > 0.0)


def test_where_the_face_looks_agrees_with_the_facts():
    for i in range(40):
        picture = shot(i)
        yaw = dict(picture.values)["yaw"]
        view = picture.facts.get("view")
        assert (view is None) == (abs(yaw) <= 0.30)
        assert view in (None, "looking right" if yaw > 0 else "looking left")


def test_small_pictures_are_drawn_by_the_kernel_that_datasets_depend_on():
    """Sizes of the recipes that are laptop-sized, and the first size that is drawn for a close look."""
    from salmubench.drawing.people import close, march

    assert all(procedural._kernel(size) is march.kernel() for size in (32, 64, 128, 255))
    assert all(procedural._kernel(size) is close.kernel() for size in (256, 512))


@pytest.mark.night  # compiles a second kernel
def test_large_pictures_have_smoother_edges():
    """Against many rays a pixel, a large picture is nearer than the kernel of small ones would draw it."""
    from salmubench.drawing.people import close, march

    def worst(kernel, picture) -> float:
        def draw(size: int, samples: int) -> np.ndarray:
            image = np.empty((size, size, 3), np.float32)
            kernel(procedural.pack(picture), image, 0, size, samples)
            return image

        many = draw(1024, 1).reshape(256, 4, 256, 4, 3).mean((1, 3))
        return float((np.abs(draw(256, 4) - many).max(axis=2) > 0.1).mean())

    for picture in (shot(5), shot(9)):
        assert worst(close.kernel(), picture) < 0.6 * worst(march.kernel(), picture)
    assert decode(procedural.render_jpeg([shot(5)], size=256, samples=4)[0]).shape == (256, 256, 3)


def test_freckles_of_large_pictures_follow_no_grid():
    """The mean over all cells of a grid shows where in a cell freckles lie: everywhere alike, or in its middle."""
    from salmubench.drawing.people import skin

    record = procedural.pack(shot(1))
    record["freckles"], record["freckle_seed"], record["mole1_r"], record["mole2_r"] = 1.0, 7.0, 0.0, 0.0

    def unevenness(close: float, cells: int) -> float:
        record["close"] = close
        places = (np.arange(20 * cells) + 0.5) / (20 * cells) / 22.0 * cells
        dark = np.array([[skin.spots(record, x, y - 0.5, 0.5) for x in places] for y in places])
        cell = dark.reshape(cells, 20, cells, 20).mean((0, 2))
        return float(cell.std() / cell.mean())

    assert unevenness(0.0, 12) > 0.4
    assert unevenness(1.0, 12) < 0.2
