"""The contact sheet."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from salmubench.core.errors import ConfigError, DatasetError
from salmubench.dataset.layout import (
    GENERAL_KNOWLEDGE,
    GENERIC_CAPTIONS,
    IDENTITIES,
    Row,
    open_dataset,
    shard_name,
    write_shard,
)
from salmubench.dataset.preview import preview
from tiny import tiny_dataset


@pytest.mark.stage
def test_sheet(tiny_folder, tmp_path):
    dataset = open_dataset(tiny_folder)
    path = preview(dataset, tmp_path / "new" / "sheet.png", identities=3, pictures=4)
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert image.width >= 4 * 128
        assert image.height >= (3 + 4) * 128
        pixels = np.asarray(image)
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 100
    assert not list(path.parent.glob("*.tmp"))


def test_same_seed_same_sheet(tiny_folder, tmp_path):
    dataset = open_dataset(tiny_folder)
    sheets = [
        preview(dataset, tmp_path / f"{number}.png", identities=2, seed=seed).read_bytes()
        for number, seed in enumerate((1, 1, 2))
    ]
    assert sheets[0] == sheets[1] != sheets[2]


@pytest.mark.parametrize("option", ["identities", "pictures"])
def test_nothing_to_draw(tiny_folder, tmp_path, option):
    with pytest.raises(ConfigError, match=option):
        preview(open_dataset(tiny_folder), tmp_path / "sheet.png", **{option: 0})


def test_broken_picture_is_named(tmp_path):
    folder = tiny_dataset(tmp_path / "dataset")
    rows = [Row(b"no picture", row.text, row.identity, row.file_name)
            for row in open_dataset(folder).raw_rows("retain_real")]  # fmt: skip
    write_shard(folder, "retain_real", 0, 1, iter(rows))
    with pytest.raises(DatasetError, match="split retain_real, row"):
        preview(open_dataset(folder), tmp_path / "sheet.png")


def test_empty_dataset(tmp_path):
    folder = tiny_dataset(tmp_path / "dataset")
    for path in list((folder / "data").iterdir()):
        path.unlink()
    for split in ("forget", "forget_target", "retain_synth", "holdout_identity", "holdout_association"):
        write_shard(folder, split, 0, 1, iter(()))
    with pytest.raises(DatasetError, match="got none"):
        preview(open_dataset(folder), tmp_path / "sheet.png")


def test_official_layout(tmp_path):
    """Rows without identity, odd file names, PNG, missing fields, none of our own splits and files."""
    folder = tiny_dataset(tmp_path / "dataset")
    for split in ("retain_real", "general_knowledge"):
        (folder / "data" / shard_name(split, 0, 1)).unlink()
    for name in (GENERIC_CAPTIONS, GENERAL_KNOWLEDGE):
        (folder / name).unlink()
    people = json.loads((folder / IDENTITIES).read_text())
    for person in people.values():
        del person["name"]
    (folder / IDENTITIES).write_text(json.dumps(people))
    stream = io.BytesIO()
    Image.new("RGBA", (31, 47), (200, 10, 30, 120)).save(stream, "PNG")
    odd = [Row(stream.getvalue(), "東京 😀", None, f"Été №{number}") for number in range(3)]
    write_shard(folder, "retain_synth", 0, 1, iter(odd))
    with Image.open(preview(open_dataset(folder), tmp_path / "sheet.png", identities=2)) as image:
        assert image.height > 4 * 128
