"""What `dataset stats --out` finds, and its page."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from salmubench.core.errors import DatasetError
from salmubench.dataset import findings, layout, recognition
from salmubench.dataset import statistics as stats
from salmubench.dataset.duplicates import nearest_captions, nearest_pictures, repeated
from salmubench.dataset.findings import find
from salmubench.dataset.layout import Row, open_dataset, write_shard
from salmubench.dataset.recognition import recognise
from salmubench.dataset.statistics_page import render, write_page
from salmubench.dataset.survey import survey
from tiny import tiny_dataset, tiny_jpeg

pytestmark = pytest.mark.stage

EVIL = '<script>window.hacked=1</script><img src="https://evil.example/x" onerror="x">'


def test_nearest_pictures_agree_with_a_plain_search():
    rng = np.random.default_rng(0)
    thumbnails = rng.integers(0, 256, (700, 256), dtype=np.uint8)
    thumbnails[650] = thumbnails[3]
    thumbnails[651, :200] = thumbnails[4, :200]
    found = nearest_pictures(thumbnails)
    x = thumbnails.astype(float)
    for row in (0, 3, 4, 511, 512, 699):
        squared = ((x - x[row]) ** 2).sum(1)
        squared[row] = np.inf
        assert found.values[row] == pytest.approx(np.abs(x[squared.argmin()] - x[row]).mean(), abs=1e-3)
    assert found.pairs[0] == (3, 650, 0.0)
    assert found.pairs[1][:2] == (4, 651)
    assert len({row for pair in found.pairs for row in pair[:2]}) == 24


def test_nearest_captions_by_hand():
    texts = ["the cat sat", "a dog ran far", "the cat sat down", "nothing alike"]
    found = nearest_captions(texts)
    assert found.pairs[0][:2] == (0, 2)
    assert 0.5 < found.pairs[0].value < 1
    assert found.values[3] == pytest.approx(0, abs=1e-9)
    assert nearest_captions(["alone"]).pairs == ()
    assert nearest_pictures(np.zeros((1, 256), np.uint8)).pairs == ()


def test_repeated():
    found = repeated(["a", "b", "a", "c", "c", "a"])
    assert (found["rows"], found["distinct"]) == (6, 3)
    assert found["most"] == [{"text": "a", "rows": 3}, {"text": "c", "rows": 2}]


def test_survey_agrees_with_a_plain_pass(tiny_folder):
    dataset = open_dataset(tiny_folder)
    found = survey(dataset, ["forget", "retain_synth"])
    images = [*dataset.images("forget"), *dataset.images("retain_synth")]
    assert found.features.shape == (len(images), 13)
    for row in (0, 23, 24, len(images) - 1):
        with Image.open(io.BytesIO(images[row])) as image:
            pixels = np.asarray(image.convert("RGB"), float)
            small = image.convert("L").resize((16, 16), Image.Resampling.BOX)
        assert found.features[row, :3] == pytest.approx(pixels.mean((0, 1)))
        assert found.features[row, 9:].tolist() == [*image.size, image.width / image.height, len(images[row])]
        assert found.thumbnails[row].tolist() == np.asarray(small).ravel().tolist()


@pytest.fixture(scope="module")
def faces(tmp_path_factory) -> Path:
    """Identities differ by a pattern; colour tells nothing."""
    folder = tiny_dataset(tmp_path_factory.mktemp("faces") / "dataset", identities=8, pictures=8)
    for split in ("forget", "holdout_association", "holdout_identity"):
        rows = [Row(pattern(int(row.identity), n), row.text, row.identity, row.file_name)
                for n, row in enumerate(open_dataset(folder).raw_rows(split))]  # fmt: skip
        write_shard(folder, split, 0, 1, iter(rows))
    return folder


def pattern(owner: int, number: int) -> bytes:
    rng = np.random.default_rng([owner, number])
    shape = np.random.default_rng(owner).integers(0, 2, (4, 4)).repeat(8, 0).repeat(8, 1)
    pixels = rng.uniform(60, 190, 3) + (shape[..., None] - 0.5) * 80 + rng.normal(0, 8, (32, 32, 3))
    stream = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(stream, "JPEG", quality=95)
    return stream.getvalue()


def test_recognition(faces, monkeypatch):
    import torch

    monkeypatch.setattr(recognition, "_EPOCHS", 14)
    state = torch.random.get_rng_state()
    found = recognise(open_dataset(faces), seed=1)
    assert torch.equal(state, torch.random.get_rng_state())
    assert len(found.names) == 8
    assert found.trained == len(found.right) == 32
    assert np.bincount(found.identities).tolist() == [4] * 8
    assert found.right.mean() > 0.6
    again = recognise(open_dataset(faces), seed=1)
    assert again.right.tolist() == found.right.tolist()
    assert len(recognise(open_dataset(faces), identities=3, pictures=4, seed=1).names) == 3


def test_recognition_needs_pictures(tmp_path):
    folder = tiny_dataset(tmp_path / "dataset", identities=4, pictures=2)
    with pytest.raises(DatasetError, match="four|4"):
        recognise(open_dataset(folder))


@pytest.fixture(scope="module")
def found(tiny_folder) -> dict:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recognition, "_EPOCHS", 2)
        return find(open_dataset(tiny_folder), seed=0)


def test_findings(found, tiny_folder):
    json.dumps(found, allow_nan=False)
    dataset = open_dataset(tiny_folder)
    assert found["identities"]["fields"]["iban"] == 7
    assert found["identities"]["territories"] == 5
    assert sum(found["distributions"]["words"]["forget"]["counts"]) == dataset.counts["forget"]
    assert found["distributions"]["pictures_per_identity"]["mean"] == 6
    assert sum(found["distributions"]["brightness"]["holdouts"]["counts"]) == 24
    assert sum(found["distributions"]["sizes"].values()) == 24 + 24 + 38 + 64 + 32
    assert found["shortcuts"] == {**stats.shortcut_checks(dataset, seed=0), "reason": None}
    assert found["recognition"]["chance"] == pytest.approx(1 / 8)
    assert found["recognition"]["n"] == 24
    assert found["recognition"]["ci95"][0] <= found["recognition"]["value"] <= found["recognition"]["ci95"][1]
    pictures = found["duplicates"]["pictures"]["portraits"]
    assert pictures["compared"] == pictures["of"] == 24 + 24 + 38
    assert found["duplicates"]["pictures"]["other pictures"]["of"] == 64 + 32
    first = pictures["pairs"][0]["first"]
    assert dataset.rows(first["split"])[first["row"]].file_name == first["file_name"]
    assert found["duplicates"]["captions"]["repeated"]["forget"]["distinct"] == 24


def test_large_datasets_are_sampled(tiny_folder, monkeypatch):
    monkeypatch.setattr(findings, "MOST_PICTURES", 30)
    monkeypatch.setattr(findings, "MOST_CAPTIONS", 10)
    monkeypatch.setattr(stats, "_MOST_ROWS", 40)
    monkeypatch.setattr(recognition, "_EPOCHS", 1)
    found = find(open_dataset(tiny_folder), seed=3)
    portraits = found["duplicates"]["pictures"]["portraits"]
    assert (portraits["compared"], portraits["of"]) == (30, 86)
    assert (found["duplicates"]["captions"]["compared"], found["duplicates"]["captions"]["of"]) == (10, 48)
    assert found["shortcuts"]["split_from_text"]["n"] == 36  # six identities of six pictures
    assert found["shortcuts"]["split_from_text"]["identities"] == 6


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


def test_page(found, tiny_folder, tmp_path, monkeypatch):
    monkeypatch.setattr("salmubench.dataset.statistics_page.find", lambda dataset, seed: found)
    path = write_page(open_dataset(tiny_folder), tmp_path / "page", seed=0)
    assert json.loads((path.parent / "stats.json").read_text()) == found
    text = path.read_text()
    page = Page()
    page.feed(text)
    for tag, attributes in page.tags:
        assert tag not in ("script", "link", "iframe")
        for name, value in attributes.items():
            assert not name.startswith("on")
            assert name != "style"
            if name in ("src", "href"):
                assert value.startswith(("data:image/jpeg;base64,", "#"))
    style = re.search(r"<style>(.*?)</style>", text, re.S)[1]
    policy = next(told["content"] for tag, told in page.tags if "http-equiv" in told)
    assert "default-src 'none'" in policy
    assert base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() in policy
    ids = [told["id"] for _, told in page.tags if "id" in told]
    assert len(ids) == len(set(ids))
    for target in (told["href"][1:] for tag, told in page.tags if tag == "a"):
        assert target in ids
    assert f"{found['recognition']['value']:.3f}" in text
    assert re.search(r"(No shortcut|A shortcut|Undecided: chance lies inside the interval)\.", text)


@pytest.mark.parametrize(
    ("name", "interval", "word"),
    [("split_from_text", (0.51, 0.6), "A shortcut."), ("split_from_text", (0.3, 0.49), "No shortcut."),
     ("split_from_text", (0.45, 0.55), "Undecided: chance lies inside the interval."),
     ("split_from_text", (0.5, 0.5), "Undecided: chance lies inside the interval."),
     ("identity_from_pictures", (0.1, 0.2), "Hardly."), ("identity_from_pictures", (0.4, 0.5), "Too often."),
     ("identity_from_pictures", (0.2, 0.4), "Undecided: 0.30 lies inside."), ("recognition", (0.6, 0.7), "Well."),
     ("recognition", (0.2, 0.4), "Less than half."), ("recognition", (0.4, 0.6), "Undecided: 0.50 lies inside.")],
)  # fmt: skip
def test_a_word_needs_the_whole_interval(found, tiny_folder, name, interval, word):
    changed = json.loads(json.dumps(found))
    group = changed["recognition"] if name == "recognition" else changed["shortcuts"][name]
    group |= {"ci95": list(interval), "value": sum(interval) / 2, "chance": 0.5 if name.startswith("split") else 0.2}
    labels = {
        "split_from_text": "from the caption",
        "identity_from_pictures": "identity, from picture",
        "recognition": "the face",
    }
    rows = render(open_dataset(tiny_folder), changed).split("<tr>")
    (row,) = [row for row in rows if labels[name] in row]
    assert f">{word}</span>" in row


def test_hostile_texts_are_text(found, tmp_path):
    folder = tiny_dataset(tmp_path / "dataset")
    for split in ("retain_synth", "forget"):
        rows = [Row(row.image, EVIL, row.identity, row.file_name)
                for row in open_dataset(folder).raw_rows(split, images=True)]  # fmt: skip
        write_shard(folder, split, 0, 1, iter(rows))
    changed = json.loads(json.dumps(found))
    changed["counts"]["name"] = EVIL
    changed["counts"]["splits"]["forget"]["style"] = {EVIL: 24}
    changed["identities"]["countries"] = {EVIL: 1}
    changed["shortcuts"] = {"reason": EVIL}
    changed["duplicates"]["captions"]["pairs"][0]["first"]["caption"] = EVIL
    text = render(open_dataset(folder), changed)
    assert "<script" not in text
    assert '<img src="https' not in text
    assert text.count("&lt;script&gt;") > 10


def test_what_cannot_be_computed_has_a_reason(tmp_path, monkeypatch):
    monkeypatch.setattr(recognition, "_EPOCHS", 1)
    folder = tiny_dataset(tmp_path / "dataset")
    for split in ("forget", "forget_target", "holdout_identity", "holdout_association"):
        write_shard(folder, split, 0, 1, iter(()))
    found = find(open_dataset(folder))
    assert "two identities" in found["shortcuts"]["reason"]
    assert "two identities" in found["recognition"]["reason"]
    assert found["distributions"]["pictures_per_identity"]["mean"] is None
    assert "not computed" in render(open_dataset(folder), found)


def test_broken_picture(tmp_path):
    folder = tiny_dataset(tmp_path / "dataset")
    rows = [Row(b"nothing", row.text, row.identity, row.file_name) for row in open_dataset(folder).raw_rows("forget")]
    write_shard(folder, "forget", 0, 1, iter(rows))
    with pytest.raises(DatasetError, match="dataset validate"):
        find(open_dataset(folder))


def test_official_layout_without_our_extras(tmp_path, monkeypatch):
    """Missing fields, rows without identity, a folder without generic captions and classes."""
    monkeypatch.setattr(recognition, "_EPOCHS", 1)
    folder = tiny_dataset(tmp_path / "dataset")
    for split in ("retain_real", "general_knowledge"):
        (folder / "data" / layout.shard_name(split, 0, 1)).unlink()
    for name in (layout.GENERIC_CAPTIONS, layout.GENERAL_KNOWLEDGE):
        (folder / name).unlink()
    people = json.loads((folder / layout.IDENTITIES).read_text())
    for person in people.values():
        del person["country_code"], person["job"]
    (folder / layout.IDENTITIES).write_text(json.dumps(people))
    rows = [Row(tiny_jpeg(n, 0, size=20, aspect=1.0, seed=0), "Straße 東京", None, f"Été {n}.png")
            for n in range(5)]  # fmt: skip
    write_shard(folder, "retain_synth", 0, 1, iter(rows))
    dataset = open_dataset(folder)
    text = render(dataset, find(dataset))
    assert "東京" in text
    assert "8 identities of 0 territories" in text
