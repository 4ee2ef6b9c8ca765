"""GenKnow on a folder of ImageNet's pictures."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from salmubench.clip import models
from salmubench.clip.embeddings import open_embeddings
from salmubench.core.errors import DatasetError, EmbeddingsError
from salmubench.dataset.layout import open_dataset
from salmubench.encode.imagenet import WithImageNet
from salmubench.metrics import ScoreConfig, score
from salmubench.scoring.record_files import read_items, read_record
from salmubench.workflow.evaluation import encode_model, evaluate
from tiny import tiny_jpeg
from tiny_model import tiny_model

pytestmark = pytest.mark.stage

SYNSETS = ("n01440764", "n03773504", "n04008634", "n15075141")  # the middle two are both called missile
TEMPLATES = ("a photo of a {}.", "a {} in a video game.")


@pytest.fixture(scope="module")
def imagenet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("imagenet")
    for owner, synset in enumerate(SYNSETS):
        (folder / "val" / synset).mkdir(parents=True)
        for number in range(3):
            data = tiny_jpeg(owner, number, size=40, aspect=1.5, seed=0)
            (folder / "val" / synset / f"ILSVRC2012_val_{owner}{number}.JPEG").write_bytes(data)
    (folder / "val" / "README.txt").write_text("no class")
    return folder


@pytest.fixture
def few_templates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of the 80 prompt templates: a thousand classes each make many texts."""
    known = models.imagenet_classes()
    few = known._replace(names=known.names[:40] + known.names[657:658] + known.names[744:745] + known.names[-1:],
                         synsets=known.synsets[:40] + known.synsets[657:658] + known.synsets[744:745]
                         + known.synsets[-1:], templates=TEMPLATES)  # fmt: skip
    monkeypatch.setattr(models, "imagenet_classes", lambda: few)


def test_classes_are_those_of_imagenet() -> None:
    found = models.imagenet_classes()
    assert [len(part) for part in found] == [1000, 1000, 80]
    assert (found.synsets[0], found.names[0]) == ("n01440764", "tench")
    assert (found.synsets[999], found.names[999]) == ("n15075141", "toilet paper")
    assert list(found.synsets) == sorted(set(found.synsets))
    assert all(template.count("{}") == 1 for template in found.templates)


def test_accuracy_against_a_slow_version(
    imagenet: Path, tiny_folder: Path, tmp_path: Path, few_templates: None
) -> None:
    folder, dataset = tiny_model(tmp_path / "model"), open_dataset(tiny_folder)
    clean = encode_model(model=folder, dataset=dataset, out=tmp_path / "e", imagenet=imagenet, precision="fp32")
    record = read_record(
        score(
            embeddings=clean,
            clean=clean,
            compromised=clean,
            out=tmp_path / "r.json",
            config=ScoreConfig(bootstraps=100),
        )
    )
    model, known = models.load_model(folder), models.imagenet_classes()
    weights = []
    for name in known.names:
        with torch.inference_mode():
            prompts = model.encode_text(model.tokenize([template.format(name) for template in known.templates]))
        mean = prompts.mean(dim=0)
        weights.append((mean / mean.norm()).numpy())
    shares = []
    for synset in SYNSETS:
        for path in sorted((imagenet / "val" / synset).iterdir()):
            with torch.inference_mode(), Image.open(path) as picture:
                image = model.encode_image(model.preprocess(picture)[None])[0].numpy()
            similarity = np.array(weights) @ image
            top = similarity > similarity.max() - 1e-6
            shares.append(top[known.synsets.index(synset)] / top.sum())
    found = record.scores["GenKnow"]["value"]
    assert (found.value, found.n) == (pytest.approx(np.mean(shares)), 12)
    items = read_items(tmp_path / "r.json").to_pylist()
    assert {item["caption"] for item in items if item["metric"] == "GenKnow"} == set(SYNSETS)
    assert record.dataset.imagenet is not None
    assert record.dataset.counts["general_knowledge"] == 12
    assert any("12 pictures of ImageNet's validation set" in note for note in record.notes)
    # Prompts are encoded once and kept with the embeddings.
    assert len(open_embeddings(clean).rows_of([TEMPLATES[0].replace("{}", name) for name in known.names])) == 43


def test_both_references_see_the_same_pictures(
    imagenet: Path, tiny_folder: Path, tmp_path: Path, few_templates: None
) -> None:
    folder = tiny_model(tmp_path / "model")
    without = encode_model(model=folder, dataset=tiny_folder, out=tmp_path / "without", precision="fp32")
    with pytest.raises(EmbeddingsError, match="Give --imagenet to both or none"):
        evaluate(
            model=folder, dataset=tiny_folder, clean=without, compromised=without, out=tmp_path / "r.json",
            imagenet=imagenet, precision="fp32",
        )  # fmt: skip


def test_a_changed_picture_is_another_set(imagenet: Path, tiny_folder: Path, tmp_path: Path) -> None:
    dataset = open_dataset(tiny_folder)
    copy = shutil.copytree(imagenet, tmp_path / "copy")
    first = WithImageNet(dataset, imagenet)
    assert WithImageNet(dataset, copy / "val").imagenet == first.imagenet
    assert first.fingerprint == dataset.fingerprint
    picture = next((copy / "val" / SYNSETS[0]).iterdir())
    picture.write_bytes(picture.read_bytes()[:-2] + b"xx")
    assert WithImageNet(dataset, copy).imagenet != first.imagenet


def test_other_folders_are_refused(tiny_folder: Path, tmp_path: Path) -> None:
    dataset = open_dataset(tiny_folder)
    with pytest.raises(DatasetError, match="got no folder. Sort the validation pictures"):
        WithImageNet(dataset, tmp_path / "nowhere")
    (tmp_path / "flat").mkdir()
    (tmp_path / "flat" / "ILSVRC2012_val_00000001.JPEG").write_bytes(b"x")
    with pytest.raises(DatasetError, match="got no folder"):
        WithImageNet(dataset, tmp_path / "flat")
    (tmp_path / "named" / "val" / "tench").mkdir(parents=True)
    with pytest.raises(DatasetError, match="got tench"):
        WithImageNet(dataset, tmp_path / "named")
    (tmp_path / "empty" / "val" / SYNSETS[0]).mkdir(parents=True)
    with pytest.raises(DatasetError, match="Expected pictures"):
        WithImageNet(dataset, tmp_path / "empty")
