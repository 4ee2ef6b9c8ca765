"""A small network knows identities by what their pictures show."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from salmubench.core.errors import DatasetError
from salmubench.dataset import recognition
from salmubench.dataset.layout import Row, open_dataset, write_shard
from salmubench.dataset.recognition import recognise
from salmubench.dataset.statistics import shortcut_checks
from tiny import tiny_dataset

pytestmark = pytest.mark.stage


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Identities differ by a pattern; colour tells nothing."""
    folder: Path = tiny_dataset(tmp_path_factory.mktemp("faces") / "dataset", identities=8, pictures=8)
    for split in ("forget", "holdout_association", "holdout_identity"):
        rows = [
            Row(pattern(int(str(row.identity)), number), row.text, row.identity, row.file_name)
            for number, row in enumerate(open_dataset(folder).raw_rows(split))
        ]
        write_shard(folder, split, 0, 1, iter(rows))
    return folder


def pattern(owner: int, number: int) -> bytes:
    rng = np.random.default_rng([owner, number])
    shape = np.random.default_rng(owner).integers(0, 2, (4, 4)).repeat(8, 0).repeat(8, 1)
    pixels = rng.uniform(60, 190, 3) + (shape[..., None] - 0.5) * 80 + rng.normal(0, 8, (32, 32, 3))
    stream = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(stream, "JPEG", quality=95)
    return stream.getvalue()


def test_patterns_are_recognised_and_colours_are_not(faces: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recognition, "_EPOCHS", 14)
    state = torch.random.get_rng_state()
    first = recognise(open_dataset(faces), seed=1)
    assert torch.equal(state, torch.random.get_rng_state())
    assert np.bincount(first.identities).tolist() == [4] * 8
    assert recognise(open_dataset(faces), seed=1).right.tolist() == first.right.tolist()
    assert len(recognise(open_dataset(faces), identities=3, pictures=4, seed=1).names) == 3
    checks = shortcut_checks(open_dataset(faces), seed=1)
    assert checks["identity_from_faces"]["value"] == pytest.approx(first.right.mean())
    assert checks["identity_from_faces"]["value"] > 0.6 > checks["identity_from_pictures"]["value"]
    assert (checks["identity_from_faces"]["chance"], checks["identity_from_faces"]["n"]) == (1 / 8, 32)


def test_too_few_pictures_are_told(tmp_path: Path) -> None:
    folder = tiny_dataset(tmp_path / "dataset", identities=4, pictures=2)
    with pytest.raises(DatasetError, match="Expected at least two identities with 4 sensitive pictures"):
        recognise(open_dataset(folder))
