"""Counts, and shortcuts that are there and that aren't."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from salmubench.core.errors import DatasetError
from salmubench.dataset import layout
from salmubench.dataset import statistics as statistics_module
from salmubench.dataset.layout import Row, open_dataset, write_shard
from salmubench.dataset.statistics import shortcut_checks, stats, survey
from tiny import tiny_dataset, tiny_jpeg


def test_counts(tiny_folder):
    dataset = open_dataset(tiny_folder)
    found = stats(dataset)
    json.dumps(found)
    assert found["identities"] == 8
    assert found["forget_identities"] == 2
    assert found["fingerprint"] == dataset.fingerprint
    forget = found["splits"]["forget"]
    assert forget["rows"] == 24
    assert forget["identities"] == 6
    assert sum(forget["field"].values()) == sum(forget["style"].values()) == sum(forget["country"].values()) == 24
    assert forget["aspect"] == {"0.67": 4, "0.75": 4, "1.00": 4, "1.33": 4, "1.50": 4, "1.78": 4}
    assert "field" not in found["splits"]["retain_real"]
    assert found["splits"]["retain_synth"]["identities"] == 6
    assert found["splits"]["general_knowledge"]["captions"] == 4
    assert found["splits"]["general_knowledge"]["words"] == pytest.approx(2)


def test_counts_of_an_empty_split(tmp_path):
    folder = tiny_dataset(tmp_path / "dataset")
    write_shard(folder, "holdout_identity", 0, 1, iter(()))
    assert stats(open_dataset(folder))["splits"]["holdout_identity"] == {
        "rows": 0, "identities": 0, "captions": 0, "words": None,
    }  # fmt: skip


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """40 identities of 6 pictures; pictures of one identity share a colour, splits share nothing."""
    return tiny_dataset(tmp_path_factory.mktemp("plain") / "dataset", identities=40)


def test_no_shortcut_to_the_split(plain):
    found = shortcut_checks(open_dataset(plain))
    for name in ("split_from_text", "split_from_pictures"):
        assert found[name]["chance"] == 0.5
        assert found[name]["n"] == 240
        assert found[name]["identities"] == 40
        assert found[name]["value"] < 0.65
        assert found[name]["ci95"][0] < 0.55
        assert found[name]["ci95"][0] <= found[name]["value"] <= found[name]["ci95"][1]


def test_colours_that_name_the_identity_are_found(plain):
    found = shortcut_checks(open_dataset(plain))["identity_from_pictures"]
    assert found["chance"] == pytest.approx(1 / 40)
    assert found["value"] > 0.8
    assert found["ci95"][0] > 0.7


def test_a_word_that_names_the_split_is_found(tmp_path):
    folder = tiny_dataset(tmp_path / "dataset", identities=60)
    rows = [Row(row.image, f"{row.text} indeed", row.identity, row.file_name)
            for row in open_dataset(folder).raw_rows("forget", images=True)]  # fmt: skip
    write_shard(folder, "forget", 0, 1, iter(rows))
    found = shortcut_checks(open_dataset(folder))
    assert found["split_from_text"]["value"] > 0.9
    assert found["split_from_text"]["ci95"][0] > 0.85
    assert found["split_from_pictures"]["value"] < 0.7


def test_a_size_that_names_the_split_is_found(tmp_path):
    folder = tiny_dataset(tmp_path / "dataset", identities=24)
    rows = [Row(tiny_jpeg(n, 0, size=40, aspect=1.0, seed=0), row.text, row.identity, row.file_name)
            for n, row in enumerate(open_dataset(folder).raw_rows("forget"))]  # fmt: skip
    write_shard(folder, "forget", 0, 1, iter(rows))
    assert shortcut_checks(open_dataset(folder))["split_from_pictures"]["value"] > 0.9


def test_interval_by_hand():
    """Two identities, one all right and one all wrong: a resample has 0, 1/2 or 1."""
    from salmubench.dataset.statistics import share_right

    right = np.array([1.0, 1.0, 0.0, 0.0])
    found = share_right(right, np.zeros(4, dtype=np.int64), np.array([0, 0, 1, 1]), chance=0.5, seed=0)
    assert found["value"] == 0.5
    assert found["ci95"] == [0.0, 1.0]
    sides = np.array([0, 0, 0, 1])
    balanced = share_right(np.array([1.0, 0.0, 0.0, 1.0]), sides, np.array([0, 0, 0, 1]), chance=0.5, seed=0)
    assert balanced["value"] == pytest.approx((1 / 3 + 1) / 2)


def test_shortcuts_need_both_sides(tmp_path):
    folder = tiny_dataset(tmp_path / "dataset")
    for split in ("holdout_identity", "holdout_association"):
        write_shard(folder, split, 0, 1, iter(()))
    with pytest.raises(DatasetError, match="holdout_identity and holdout_association"):
        shortcut_checks(open_dataset(folder))
    assert layout.Dataset(folder).counts["forget"] == 24


def test_what_nothing_can_be_fitted_on_has_a_reason(tmp_path):
    folder = tiny_dataset(tmp_path / "dataset", size=16)
    for split in ("forget", "holdout_association", "holdout_identity"):
        rows = list({row.identity: row for row in open_dataset(folder).raw_rows(split, images=True)}.values())
        write_shard(
            folder,
            split,
            0,
            1,
            iter([Row(row.image, f"word{n}{split}", row.identity, row.file_name) for n, row in enumerate(rows)]),
        )
    with pytest.raises(DatasetError, match="Expected people, pictures and captions enough to look for shortcuts"):
        shortcut_checks(open_dataset(folder))


def test_survey_agrees_with_a_plain_pass(tiny_folder):
    dataset = open_dataset(tiny_folder)
    found = survey(dataset, ["forget", "retain_synth"])
    images = [*dataset.images("forget"), *dataset.images("retain_synth")]
    assert found.shape == (len(images), 13)
    for row in (0, 23, 24, len(images) - 1):
        with Image.open(io.BytesIO(images[row])) as image:
            pixels = np.asarray(image.convert("RGB"), float)
        assert found[row, :3] == pytest.approx(pixels.mean((0, 1)))
        assert found[row, 9:].tolist() == [*image.size, image.width / image.height, len(images[row])]


def test_large_datasets_are_sampled(tiny_folder, monkeypatch):
    monkeypatch.setattr(statistics_module, "_MOST_ROWS", 40)
    found = shortcut_checks(open_dataset(tiny_folder), seed=3)
    assert found["split_from_text"]["n"] == 36  # six identities of six pictures
    assert found["split_from_text"]["identities"] == 6


def test_broken_picture(tmp_path):
    folder = tiny_dataset(tmp_path / "dataset")
    rows = [Row(b"nothing", row.text, row.identity, row.file_name) for row in open_dataset(folder).raw_rows("forget")]
    write_shard(folder, "forget", 0, 1, iter(rows))
    with pytest.raises(DatasetError, match="dataset validate"):
        shortcut_checks(open_dataset(folder))
