"""The loader gives the pixels and tokens of evaluation, each row once an epoch."""

from __future__ import annotations

import io
import tarfile

import numpy as np
import pytest
import torch
from PIL import Image

from salmubench.clip.models import load_model
from salmubench.clip.pixels import split_transform
from salmubench.core.errors import DatasetError
from salmubench.dataset import shards
from salmubench.dataset.layout import open_dataset
from salmubench.pretrain.exposure import Counted, count
from salmubench.pretrain.memory_loader import MemoryLoader, load_pairs
from tiny_model import tiny_model


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return load_model(tiny_model(tmp_path_factory.mktemp("model")))


@pytest.fixture(scope="module")
def found(tiny_folder, tmp_path_factory):
    return shards.write_shards(open_dataset(tiny_folder), tmp_path_factory.mktemp("s") / "shards", samples_per_shard=40)


def load(found, model, expected=150):
    data = f"{found.pattern('retain')}::{found.pattern('sensitive')}"
    return load_pairs(
        data, preprocessor=split_transform(model.preprocess), tokenize=model.tokenize, threads=2, expected=expected
    )


def loader(pairs, model, folder, epoch=0, **changes):
    settings = {"batch_size": 32, "seed": 0, "rank": 0, "processes": 1, **changes}
    return MemoryLoader(
        pairs, preprocessor=split_transform(model.preprocess), epoch=lambda: epoch, counts=folder, **settings
    )  # fmt: skip


def test_batches_are_what_the_model_would_see(found, model, tiny_folder, tmp_path):
    dataset = open_dataset(tiny_folder)
    wanted = set()
    for split in ("retain_real", "retain_synth", "forget", "holdout_association", "holdout_identity"):
        for image, row in zip(dataset.images(split), dataset.rows(split), strict=True):
            pixels = model.preprocess(Image.open(io.BytesIO(image)))
            wanted.add((pixels.numpy().tobytes(), model.tokenize([row.caption]).numpy().tobytes()))
    pairs = load(found, model)
    assert pairs.sources == (102, 48)
    batches = list(loader(pairs, model, tmp_path))
    assert [len(texts) for _, texts in batches] == [30] * 5
    seen = [
        (image.numpy().tobytes(), text.numpy().tobytes())
        for images, texts in batches
        for image, text in zip(images, texts, strict=True)
    ]
    assert set(seen) == wanted
    assert len(seen) == 150


def test_counts_of_all_epochs_and_processes(found, model, tmp_path):
    pairs = load(found, model)
    for epoch in (0, 1, 1):  # the second one twice, as after a kill
        for rank in (0, 1):
            for _ in loader(pairs, model, tmp_path, epoch, rank=rank, processes=2):
                pass
    parts = {"retain": 102, "sensitive": 48}
    assert count(tmp_path, parts=parts, repeats=dict.fromkeys(parts, 1), epochs=2, processes=2) == {
        "retain": Counted(2.0, 2, 2),
        "sensitive": Counted(2.0, 2, 2),
    }


def test_a_pass_that_is_cut_short_is_not_counted(found, model, tmp_path):
    iterator = iter(loader(load(found, model), model, tmp_path))
    next(iterator)
    iterator.close()
    assert not list(tmp_path.iterdir())


def test_same_seed_same_batches(found, model, tmp_path):
    pairs = load(found, model)
    first, again, other = (list(loader(pairs, model, tmp_path, seed=seed)) for seed in (3, 3, 4))
    assert all(torch.equal(one[0], two[0]) for one, two in zip(first, again, strict=True))
    assert not torch.equal(first[0][1], other[0][1])


@pytest.mark.parametrize("expected", [149, 151])
def test_other_count_than_the_command_says(found, model, expected):
    with pytest.raises(DatasetError, match=f"Expected {expected} pairs .*, got 150"):
        load(found, model, expected)


def write_tar(path, files):
    with tarfile.open(path, "w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return str(path)


def jpeg():
    stream = io.BytesIO()
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(stream, "JPEG")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.jpg": jpeg()}, "picture and a caption"),
        ({"a.jpg": b"not a picture", "a.txt": b"x"}, "Expected a picture that PIL can decode in a in"),
    ],
)
def test_broken_pairs_are_named(files, message, model, tmp_path):
    path = write_tar(tmp_path / "x.tar", files)
    with pytest.raises(DatasetError, match=message):
        load_pairs(path, preprocessor=split_transform(model.preprocess), tokenize=model.tokenize, threads=1, expected=1)


def test_missing_and_truncated_shards_are_named(found, model, tmp_path):
    with pytest.raises(DatasetError, match=r"none\.tar"):
        load_pairs(
            str(tmp_path / "none.tar"),
            preprocessor=split_transform(model.preprocess),
            tokenize=model.tokenize,
            threads=1,
            expected=1,
        )
    path = tmp_path / "cut.tar"
    data = (found.folder / "retain-00000.tar").read_bytes()
    path.write_bytes(data[: len(data) // 2 + 100])
    with pytest.raises(DatasetError, match=r"cut\.tar"):
        load_pairs(
            str(path), preprocessor=split_transform(model.preprocess), tokenize=model.tokenize, threads=1, expected=34
        )
