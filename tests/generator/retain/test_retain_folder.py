"""A user's own pictures of things, and everything that can be wrong with them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from salmubench.core.errors import ConfigError
from salmubench.dataset.layout import open_dataset
from salmubench.dataset.validate import validate
from salmubench.generator import backends
from salmubench.generator.build import build
from salmubench.generator.config import Backends, Curation, DatasetConfig
from salmubench.generator.retain.folder import TEMPLATES

pytestmark = pytest.mark.stage


def write_things(root: Path, *, train: int = 5, test: int = 3) -> Path:
    rng = np.random.default_rng(5)
    for part, count in (("train", train), ("test", test)):
        for name in ("polar_bear", "tea_pot"):
            (root / part / name).mkdir(parents=True)
            for number in range(count):
                noise = Image.fromarray(rng.integers(0, 255, (6, 6, 3), np.uint8))
                noise.resize((60 + 10 * number, 48)).save(root / part / name / f"{number}.png")
    (root / "train" / "tea_pot" / "0.txt").write_text("My aunt's\nteapot, which leaks\n")
    return root


def config(root: Path, **changes) -> DatasetConfig:
    values = {
        "identities": 6, "pictures_per_identity": 9, "retain_joint": 2, "retain_disjoint": 2, "retain_real": 10,
        "classes": 2, "general_knowledge_per_class": 3, "size": 32, **changes,
    }  # fmt: skip
    return DatasetConfig(backends=Backends(retain_real="folder", retain_real_options={"path": str(root)}), **values)


def test_each_picture_once_with_its_class_and_caption(tmp_path):
    root = write_things(tmp_path / "things")
    dataset = open_dataset(build(config(root), out=tmp_path / "dataset", seed=1))
    assert validate(dataset).violations == ()
    general = list(dataset.rows("general_knowledge"))
    assert sorted(row.caption for row in general) == ["polar bear"] * 3 + ["tea pot"] * 3
    captions = [row.caption for row in dataset.rows("retain_real")]
    assert captions.count("My aunt's teapot, which leaks") == 1
    told = {form.replace("{}", name) for form in TEMPLATES for name in ("polar bear", "tea pot")}
    assert len(captions) == 10
    assert set(captions) - told == {"My aunt's teapot, which leaks"}
    pictures = [data for split in ("retain_real", "general_knowledge") for data in dataset.images(split)]
    assert len(set(pictures)) == 16
    assert {Image.open(io.BytesIO(data)).size for data in pictures} == {(32, 32)}


def test_a_crop_is_the_middle_of_its_picture(tmp_path):
    root = write_things(tmp_path / "things")
    stripes = np.zeros((40, 120, 3), np.uint8)
    stripes[:, 40:80] = (10, 200, 30)
    Image.fromarray(stripes).save(root / "test" / "tea_pot" / "1.png")
    folder = backends.SCENES.load("folder", {"path": str(root)})
    (data,) = folder.render_jpeg([folder.sample_scene(1, 1, heldout=True)], size=32)
    assert np.abs(np.asarray(Image.open(io.BytesIO(data)), float) - (10, 200, 30)).max() < 6


def test_all_problems_at_once(tmp_path):
    root = write_things(tmp_path / "things", train=4)
    (root / "train" / "polar_bear" / "0.png").write_bytes(b"no picture")
    (root / "train" / "polar_bear" / "2.png").write_bytes((root / "train" / "polar_bear" / "1.png").read_bytes())
    (root / "train" / "tea_pot" / "0.txt").write_text(" \n")
    (root / "test" / "tea_pot" / "notes.csv").write_text("x")
    Image.new("RGB", (8, 60)).save(root / "test" / "tea_pot" / "0.png")
    with pytest.raises(ConfigError) as caught:
        build(config(root), out=tmp_path / "dataset", seed=1)
    message = str(caught.value)
    assert "Found 7 problems" in message
    for text in (
        "train/polar_bear: Expected at least 5 pictures, got 4",
        "train/tea_pot: Expected at least 5 pictures, got 4",
        "train/polar_bear/0.png: Expected a picture that decodes",
        "train/polar_bear/2.png: Expected a picture of its own, got the bytes of train/polar_bear/1.png",
        "train/tea_pot/0.png: Expected a caption in 0.txt, got none",
        "test/tea_pot/notes.csv: Expected a picture",
        "test/tea_pot/0.png: Expected a short side of at least 32 pixels, got 8×60",
    ):
        assert text in message
    assert not (tmp_path / "dataset" / "data").exists()


def test_a_caption_that_no_dataset_can_hold(tmp_path):
    root = write_things(tmp_path / "things")
    (root / "train" / "tea_pot" / "1.txt").write_text("word " * 4_000)
    with pytest.raises(ConfigError, match=r"tea_pot/1\.png: Expected a caption in UTF-8 of at most 16,384 bytes"):
        backends.SCENES.load("folder", {"path": str(root)}).examine(config(root))


def test_flat_pictures_and_near_duplicates_are_found_before_anything_is_written(tmp_path):
    root = write_things(tmp_path / "things")
    Image.new("RGB", (60, 48), (240, 240, 240)).save(root / "train" / "tea_pot" / "3.png")
    with Image.open(root / "test" / "polar_bear" / "0.png") as image:
        image.putpixel((0, 0), (0, 0, 0))
        image.save(root / "test" / "polar_bear" / "1.png")
    with pytest.raises(ConfigError) as caught:
        build(config(root), out=tmp_path / "dataset", seed=1)
    message = str(caught.value)
    assert "Found 2 problems" in message
    assert (
        "train/tea_pot/3.png: Expected a picture with contrast, got hardly any: 0.0, at least 6 (dataset.curation)"
        in message
    )
    assert "test/polar_bear/1.png: Expected a picture unlike the others of its folder" in message
    assert not (tmp_path / "dataset").exists()
    lenient = config(root, curation=Curation(contrast=0, distance=0))
    backends.SCENES.load("folder", {"path": str(root)}).examine(lenient)
    fewer = config(root, retain_real=6, general_knowledge_per_class=1)  # neither is drawn
    backends.SCENES.load("folder", {"path": str(root)}).examine(fewer)


def test_too_few_classes_or_no_folder(tmp_path):
    with pytest.raises(ConfigError, match=r"retain_real_options\.path"):
        backends.SCENES.load("folder", {})
    with pytest.raises(ConfigError, match="Expected a folder of pictures"):
        backends.SCENES.load("folder", {"path": str(tmp_path / "none")})
    with pytest.raises(ConfigError, match=r"dataset\.classes to be at most 2, got 3"):
        build(config(write_things(tmp_path / "things"), classes=3), out=tmp_path / "dataset", seed=1)
