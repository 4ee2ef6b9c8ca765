"""Checks by models: the real classes of transformers, the smallest sizes, random weights."""

from __future__ import annotations

import dataclasses
import io
import json

import numpy as np
import pytest
import torch
from PIL import Image

from salmubench.core.errors import ConfigError, UnknownName
from salmubench.generator import backends
from salmubench.generator.build import build
from salmubench.generator.checks import clip, fairface
from salmubench.generator.config import Backends, Curation, DatasetConfig

pytestmark = pytest.mark.stage

pytest.importorskip("transformers")

AGES = ["3-9", "0-2", "more than 70", "20-29", "30-39"]


def jpeg(seed: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (40, 32, 3), np.uint8)).save(stream, "JPEG")
    return stream.getvalue()


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Folders of a classifier of ages, one of gender, and a CLIP model."""
    from transformers import (
        CLIPConfig,
        CLIPImageProcessor,
        CLIPModel,
        CLIPProcessor,
        CLIPTokenizer,
        ViTConfig,
        ViTForImageClassification,
        ViTImageProcessor,
    )
    from transformers.utils import logging

    logging.disable_progress_bar()
    root = tmp_path_factory.mktemp("models")
    with torch.random.fork_rng():
        torch.manual_seed(1)
        for name, labels in (("age", AGES), ("gender", ["Male", "Female"])):
            config = ViTConfig(
                hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=32,
                patch_size=16, id2label=dict(enumerate(labels)), label2id={label: i for i, label in enumerate(labels)},
            )  # fmt: skip
            ViTForImageClassification(config).save_pretrained(root / name)
            ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(root / name)
        small = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
        words = {"vocab_size": 200, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
        config = CLIPConfig(
            text_config={**small, **words}, vision_config={**small, "image_size": 32, "patch_size": 16},
            projection_dim=8,
        )  # fmt: skip
        CLIPModel(config).save_pretrained(root / "clip")
    letters = [chr(code) for code in range(33, 127)]
    tokens = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{letter}</w>" for letter in letters)]
    (root / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(tokens)}))
    (root / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = CLIPTokenizer(str(root / "vocab.json"), str(root / "merges.txt"), model_max_length=77)
    pictures = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    CLIPProcessor(pictures, tokenizer).save_pretrained(root / "clip")
    return root


def test_labels_are_those_of_the_model(models):
    from transformers import ViTForImageClassification, ViTImageProcessor

    images = [jpeg(seed) for seed in range(5)]
    check = backends.CHECKS.load("fairface", {"age": str(models / "age"), "gender": str(models / "gender"), "batch": 2})
    seen = check.see(images, [{}] * 5)
    for name, labels in (("age", AGES), ("gender", ["Male", "Female"])):
        model = ViTForImageClassification.from_pretrained(models / name).eval()
        inputs = ViTImageProcessor.from_pretrained(models / name)(
            [Image.open(io.BytesIO(data)) for data in images], return_tensors="pt"
        )
        with torch.no_grad():
            expected = model(**inputs).logits.argmax(1).tolist()
        assert [found[name] for found in seen] == [labels[index] for index in expected]
    assert check.see([], []) == []


@pytest.fixture(scope="module")
def ages(models):
    return fairface.Config(age=str(models / "age"), gender=str(models / "gender"))


def faults(config, labels, groups):
    seen = [dict(zip(("age", "gender"), pair, strict=True)) for pair in labels]
    return fairface.connect(config).faults(seen, groups)


def test_ages_are_in_order_and_neighbours_pass(ages):
    labels = [(age, "Male") for age in ("20-29", "30-39", "30-39", "3-9", "20-29", "more than 70")]
    assert faults(ages, labels, ["a"] * 6) == {}  # in the middle are 20-29 and 30-39; 3-9 and 70 are their neighbours
    labels = [(age, "Male") for age in ("20-29", "20-29", "20-29", "0-2", "more than 70")]
    found = faults(ages, labels, ["a"] * 5)
    assert found == {3: ("age", "0-2, most others 20-29"), 4: ("age", "more than 70, most others 20-29")}
    assert faults(dataclasses.replace(ages, age_groups=2), labels, ["a"] * 5) == {}


def test_the_majority_of_an_identity_counts(ages):
    labels = [("20-29", gender) for gender in ("Male", "Male", "Female", "Female", "Male", "Female")]
    found = faults(ages, labels, ["a", "a", "a", "b", "b", "b"])
    assert found == {2: ("gender", "Female, most others Male"), 4: ("gender", "Male, most others Female")}
    assert faults(ages, labels, [None] * 6) == {}  # pictures of strangers stand alone
    assert faults(dataclasses.replace(ages, least_share=0.9), labels, ["a", "a", "a", "b", "b", "b"]) == {}


def test_cosines_are_those_of_the_model(models):
    from transformers import CLIPModel, CLIPProcessor

    images = [jpeg(seed) for seed in range(3)]
    facts = [
        {"gender": "woman", "age": "young", "hair": "long red hair", "background": "by the sea"},
        {"gender": "man", "age": "elderly"},
        {"hair": "short hair"},
    ]
    texts = ["a photo of a young woman, long red hair, by the sea", "a photo of a elderly man",
             "a photo of a person, short hair"]  # fmt: skip
    assert [clip.expected_text(traits) for traits in facts] == texts
    check = backends.CHECKS.load("clip", {"model": str(models / "clip"), "batch": 2})
    seen = check.see(images, facts)
    model, processor = (kind.from_pretrained(models / "clip") for kind in (CLIPModel, CLIPProcessor))
    for data, text, cosine in zip(images, texts, seen, strict=True):
        inputs = processor(text=[text], images=[Image.open(io.BytesIO(data))], return_tensors="pt")
        with torch.no_grad():
            logit = model(**inputs).logits_per_image.item() / model.logit_scale.exp().item()
        assert cosine == pytest.approx(logit, abs=1e-5)
    assert check.faults([0.19, 0.2, -1.0], [None] * 3) == {
        0: ("text", "cosine 0.190, at least 0.2"),
        2: ("text", "cosine -1.000, at least 0.2"),
    }


def test_the_build_draws_again_what_a_check_rejects(models, tmp_path):
    """A random model judges at random: some pictures go, and those that stay agree."""
    config = DatasetConfig(
        identities=4, pictures_per_identity=9, retain_joint=0, retain_disjoint=2, retain_real=0, classes=0,
        general_knowledge_per_class=0, size=32, backends=Backends(),
        curation=Curation(checks={"fairface": {"gender": str(models / "gender")}}, redraws=40),
    )  # fmt: skip
    out = build(config, out=tmp_path / "dataset", seed=0)
    found = json.loads((out / "curation.json").read_text())
    assert set(found["reasons"]) == {"fairface: gender"}
    assert len(json.loads((out / "manifest.json").read_text())["inputs"]["backends"]["check fairface model"]) == 64


@pytest.mark.parametrize(
    ("name", "options", "error", "message"),
    [
        ("fairface", {}, ConfigError, "a model for age, gender or ethnicity"),
        ("fairface", {"age": "nowhere"}, ConfigError, "org/name"),
        ("fairface", {"ages": "x"}, UnknownName, r"dataset\.curation\.checks\.fairface.*Did you mean 'age"),
        ("fairface", {"age": "x", "least_share": 2}, ConfigError, "least_share"),
        ("clip", {}, ConfigError, "got none"),
        ("clip", {"model": "x", "least": 2.0}, ConfigError, "least from -1 to 1"),
        ("clipp", {}, UnknownName, "Did you mean 'clip'"),
    ],
)
def test_mistakes(name, options, error, message):
    with pytest.raises(error, match=message):
        backends.CHECKS.load(name, options)


def test_folder_without_a_model(tmp_path):
    with pytest.raises(ConfigError, match="an image classifier with weights as safetensors"):
        backends.CHECKS.load("fairface", {"gender": str(tmp_path)})
    with pytest.raises(ConfigError, match="a CLIP model with weights as safetensors"):
        backends.CHECKS.load("clip", {"model": str(tmp_path)})


def test_a_gender_model_tells_no_ages(models):
    with pytest.raises(ConfigError, match="Expected age groups like '20-29'"):
        backends.CHECKS.load("fairface", {"age": str(models / "gender")})
