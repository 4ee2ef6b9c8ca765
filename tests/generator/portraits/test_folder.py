"""A dataset from a user's own pictures, and everything that can be wrong with them."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from salmubench.core.errors import ConfigError, OutputMismatch, UnknownName
from salmubench.dataset.layout import open_dataset
from salmubench.dataset.validate import validate
from salmubench.generator import backends
from salmubench.generator.build import build
from salmubench.generator.config import Backends, Curation, DatasetConfig
from salmubench.generator.portraits.folder import fit

pytestmark = pytest.mark.stage

SCENES = str(Path(__file__).parents[2] / "support" / "fakes" / "scenes.py")


def picture(owner: int, number: int, size: tuple[int, int] = (48, 40)) -> Image.Image:
    """A gradient whose hue belongs to its owner."""
    rng = np.random.default_rng([owner, number])
    y, x = np.mgrid[0 : 1 : size[1] * 1j, 0 : 1 : size[0] * 1j]
    wave = np.sin(x * rng.uniform(2, 9) + y * rng.uniform(2, 9) + rng.uniform(0, 6))
    colour = np.random.default_rng([owner]).uniform(60, 190, 3)
    return Image.fromarray(np.clip(colour + 50 * wave[..., None], 0, 255).astype(np.uint8))


def write_people(root: Path, *, people: int = 8, pictures: int = 10, strangers: int = 6) -> Path:
    for owner in range(people):
        folder = root / "people" / f"{('female', 'male')[owner % 2]}_{30 + 6 * owner}_p{owner}"
        folder.mkdir(parents=True)
        for number in range(pictures + owner % 3):
            picture(owner, number).save(folder / f"{number}.png")
    (root / "strangers").mkdir(parents=True)
    for number in range(strangers):
        picture(100 + number, 0).save(root / "strangers" / f"female_44_s{number}.jpg")
    return root


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    return write_people(tmp_path_factory.mktemp("pictures") / "root")


def config(root: Path, **changes) -> DatasetConfig:
    values = {
        "identities": 6, "pictures_per_identity": (9, 12), "retain_joint": 4, "retain_disjoint": 5, "retain_real": 8,
        "classes": 2, "general_knowledge_per_class": 2, "size": 32, **changes,
    }  # fmt: skip
    chosen = Backends(portraits="folder", retain_real=SCENES, portraits_options={"path": str(root)})
    return DatasetConfig(backends=chosen, **values)


@pytest.fixture(scope="module")
def built(root: Path, tmp_path_factory) -> Path:
    (root / "facts.json").write_text(json.dumps({"people/female_30_p0/0.png": {"glasses": "round glasses"}}))
    return build(config(root), out=tmp_path_factory.mktemp("built") / "dataset", seed=3)


def test_dataset_of_files(built, root):
    dataset = open_dataset(built)
    assert validate(dataset).violations == ()
    assert len(dataset.identities) == 6
    for persona in dataset.identities.values():
        assert persona["name"]
    assert dataset.counts["retain_synth"] == 9
    sensitive = sum(dataset.counts[split] for split in ("forget", "holdout_association", "holdout_identity"))
    assert 6 * 9 <= sensitive <= 6 * 12


def test_every_picture_once_and_of_its_identity(built):
    """The hue of a picture says whose it is."""
    dataset = open_dataset(built)
    owners = {}
    for split in ("forget", "holdout_association", "holdout_identity"):
        for row, image in zip(dataset.rows(split), dataset.images(split), strict=True):
            with Image.open(io.BytesIO(image)) as opened:
                mean = np.asarray(opened, float).mean((0, 1)) - np.asarray(opened, float).mean()
            owners.setdefault(row.identity, []).append(mean)
    centres = np.array([np.mean(items, axis=0) for items in owners.values()])
    for number, items in enumerate(owners.values()):
        for mean in items:
            assert np.abs(centres - mean).sum(1).argmin() == number


def test_gender_of_the_name(built):
    words = {row.caption for row in open_dataset(built).rows("forget_target")}
    assert any("woman" in text for text in words)
    assert any(" man" in text for text in words)


def test_same_bytes(built, root, tmp_path):
    other = build(config(root), out=tmp_path / "again", seed=3)
    assert open_dataset(other).fingerprint == open_dataset(built).fingerprint


def test_changed_pictures_are_another_dataset(built, root, tmp_path):
    copy = tmp_path / "root"
    shutil.copytree(root, copy)
    out = build(config(copy, retain_real=0, classes=0, general_knowledge_per_class=0), out=tmp_path / "d", seed=3)
    picture(0, 77).save(copy / "people" / "female_30_p0" / "0.png")
    backends._connected.cache_clear()
    with pytest.raises(OutputMismatch, match="portraits_content"):
        build(config(copy, retain_real=0, classes=0, general_knowledge_per_class=0), out=out, seed=3)


def test_all_problems_at_once(tmp_path):
    root = write_people(tmp_path / "root")
    people = root / "people"
    (people / "female_30_p0" / "1.png").write_bytes(b"\x89PNG not really")
    (people / "female_30_p0" / "notes.txt").write_text("x")
    (people / "someone").mkdir()
    (people / "male_12_child").mkdir()
    shutil.copyfile(people / "male_36_p1" / "0.png", people / "male_36_p1" / "3.png")
    with Image.open(people / "male_36_p1" / "0.png") as same:
        same.save(people / "male_36_p1" / "4.png", compress_level=0)
    picture(4, 0, (20, 60)).save(people / "female_54_p4" / "0.png")
    Image.new("RGB", (40, 40), (90, 90, 90)).save(people / "female_42_p2" / "0.png")
    for name in ("3.png", "4.png", "5.png", "2.png"):
        (people / "male_48_p3" / name).unlink(missing_ok=True)
    (root / "strangers" / "nobody.jpg").write_bytes(b"")
    (root / "more").mkdir()
    (root / "facts.json").write_text(json.dumps({"people/gone.png": {"hair": "red hair", "mood": "sad"}}))
    with pytest.raises(ConfigError) as caught:
        build(config(root, identities=20, retain_disjoint=30), out=tmp_path / "out", seed=0)
    message = str(caught.value)
    for expected in (
        "more: Expected people, strangers or facts.json",
        "people/someone: Expected a folder called",
        "people/male_12_child: Expected a folder called <female|male>_<age 21 to 99>_<name>",
        "people/female_30_p0/notes.txt: Expected a picture",
        "people/female_30_p0/1.png: Expected a picture that decodes",
        "people/male_36_p1/3.png: Expected a picture of its own, got the bytes of people/male_36_p1/0.png",
        "people/male_36_p1/4.png: Expected a picture unlike the others",
        "people/female_54_p4/0.png: Expected a short side of at least 32 pixels, got 20×60",
        "people/female_42_p2/0.png: Expected a picture with contrast",
        "people/male_48_p3: Expected at least 10 pictures",
        "strangers/nobody.jpg: Expected a file called",
        "each of 20 identities (dataset.identities), got 8",
        "each of 30 rows (dataset.retain_disjoint), got 6",
        "facts.json: Expected paths of pictures below",
        "facts.json, people/gone.png: Expected facts out of",
    ):
        assert expected in message, message
    assert message.startswith("Found 15 problems")
    assert not (tmp_path / "out").exists()


def test_the_recipes_limits_decide_what_is_alike(tmp_path):
    root = write_people(tmp_path / "root")
    with Image.open(root / "people" / "male_36_p1" / "0.png") as image:
        image.putpixel((0, 0), (0, 0, 0))
        image.save(root / "people" / "male_36_p1" / "3.png")
    folder = backends.PORTRAITS.load("folder", {"path": str(root)})
    with pytest.raises(ConfigError, match=r"male_36_p1/3\.png: .* near-duplicate .*at least 2 \(dataset\.curation\)"):
        folder.cast(config(root), 0)
    folder.cast(config(root, curation=Curation(distance=0)), 0)


def test_options(tmp_path):
    with pytest.raises(ConfigError, match="portraits_options.path"):
        backends.PORTRAITS.load("folder", {})
    with pytest.raises(ConfigError, match="got none"):
        backends.PORTRAITS.load("folder", {"path": str(tmp_path / "gone")})
    with pytest.raises(UnknownName, match="'path'"):
        backends.PORTRAITS.load("folder", {"pth": "x"})
    with pytest.raises(ConfigError, match="no options"):
        backends.PORTRAITS.load("procedural", {"path": "x"})
    with pytest.raises(ConfigError, match="Options of the portraits backend"):
        backends.PORTRAITS.load("folder", {"path": ["x", "y"]})


@pytest.mark.parametrize("aspect", [1.0, 1.78, 0.67])
def test_crop(aspect):
    """Nothing is stretched: a grid stays a grid of squares."""
    grid = np.indices((120, 90)).sum(0) // 10 % 2 * 255
    image = Image.fromarray(np.repeat(grid[..., None], 3, axis=2).astype(np.uint8))
    made = fit(image, aspect, 60, seed=1)
    assert min(made.size) == 60
    assert made.width / made.height == pytest.approx(aspect, abs=0.02)
    pixels = np.asarray(made, float)[..., 0] > 127
    across = np.abs(np.diff(pixels.astype(int), axis=1)).sum() / made.height / made.width
    down = np.abs(np.diff(pixels.astype(int), axis=0)).sum() / made.width / made.height
    assert across == pytest.approx(down, rel=0.15)
    assert fit(image, aspect, 60, seed=1).tobytes() == made.tobytes()
    assert fit(image, aspect, 60, seed=2).tobytes() != made.tobytes()


def test_exif_orientation_is_obeyed(tmp_path):
    from salmubench.generator.pictures import read_picture

    image = Image.fromarray(np.zeros((20, 50, 3), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "turned.jpg", exif=exif)
    assert read_picture(tmp_path / "turned.jpg").size == (20, 50)
