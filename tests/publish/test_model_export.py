"""A released model loads by open_clip and by transformers, says what it is, and goes to the Hub."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml

from own_people import own_people
from salmubench import import_dataset
from salmubench.cli.main import main
from salmubench.clip.models import WEIGHTS, checkpoint_sha256, load_model, save_model
from salmubench.core import manifest, writing
from salmubench.core.errors import ConfigError, ModelError, RecordError
from salmubench.publish import transformers_clip
from salmubench.publish.model_card import card
from salmubench.publish.model_export import export_model
from salmubench.scoring.stages import Checkpoint
from salmubench.unlearn import UnlearnConfig
from salmubench.unlearn.engine import unlearn
from tiny_model import TINY_CONFIG, tiny_model

pytestmark = pytest.mark.stage

CAPTIONS = ["Reach Anna Moreau at +1 202 555 0102!", "Côte d'Ivoire — it's a  red cube", "x"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture(scope="module")
def released(model, tmp_path_factory):
    return export_model(model, out=tmp_path_factory.mktemp("released") / "hub", transformers=True)


def head_of(folder):
    return yaml.safe_load((folder / "README.md").read_text().split("---\n")[1])


def test_open_clip_loads_the_folder(model, released):
    import open_clip

    module, _, _ = open_clip.create_model_and_transforms(f"local-dir:{released}")
    given = load_model(model)
    for name, tensor in module.state_dict().items():
        assert torch.equal(tensor, given.module.state_dict()[name]), name
    tokenizer = open_clip.get_tokenizer(f"local-dir:{released}")
    assert torch.equal(tokenizer(CAPTIONS, context_length=64), given.tokenize(CAPTIONS))


def test_transformers_gives_the_same_embeddings(model, released):
    from transformers import CLIPModel, CLIPProcessor

    theirs, ours = CLIPModel.from_pretrained(released).eval(), load_model(model)
    processor = CLIPProcessor.from_pretrained(released)
    inputs = processor.tokenizer(CAPTIONS, padding="max_length", return_tensors="pt")
    assert inputs["input_ids"].shape == (3, 64)
    pixels = torch.rand((2, 3, 32, 32), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        found = theirs(pixel_values=pixels, **inputs)
        torch.testing.assert_close(found.text_embeds, ours.encode_text(ours.tokenize(CAPTIONS)), atol=1e-4, rtol=0)
        torch.testing.assert_close(found.image_embeds, ours.encode_image(pixels), atol=1e-4, rtol=0)
        expected = ours.logit_scale * ours.encode_image(pixels) @ ours.encode_text(ours.tokenize(CAPTIONS)).T
        torch.testing.assert_close(found.logits_per_image, expected, atol=1e-2, rtol=0)
    normalize = ours.preprocess.transforms[-1]
    assert processor.image_processor.image_mean == pytest.approx(list(normalize.mean))
    assert manifest.read_json(released / "manifest.json")["outputs"]["embeddings_differ_by"] < 1e-4


def test_a_wrong_conversion_is_not_written(model, tmp_path, monkeypatch):
    right = transformers_clip.renamed
    monkeypatch.setattr(
        transformers_clip, "renamed", lambda state: {name: item * 1.05 for name, item in right(state).items()}
    )
    with pytest.raises(ModelError, match=r"within 0\.0001 of open_clip's, got a difference"):
        export_model(model, out=tmp_path / "x", transformers=True)
    assert not (tmp_path / "x" / "config.json").exists()
    assert not (tmp_path / "x" / "manifest.json").exists()


def test_towers_without_an_architecture_in_transformers(tmp_path):
    import open_clip

    config = json.loads((Path(__file__).parents[1] / "pretrain" / "tiny-resnet.json").read_text())
    folder = tmp_path / "resnet"
    save_model(folder, state=open_clip.CLIP(**config).state_dict(), config={**TINY_CONFIG, "model_cfg": config})
    with pytest.raises(ModelError, match=r"got a ResNet: transformers has no CLIP architecture .*--transformers"):
        export_model(folder, out=tmp_path / "x", transformers=True)
    assert export_model(folder, out=tmp_path / "y") == tmp_path / "y"


def with_preprocessing(model, out, preprocessing):
    shutil.copytree(model, out)
    config = {name: value for name, value in TINY_CONFIG.items() if name != "preprocess_cfg"} | preprocessing
    writing.write_json(out / "open_clip_config.json", config)
    return out


@pytest.mark.parametrize("given", [{}, {"preprocess_cfg": {"resize_mode": "shortest", "interpolation": "bilinear"}}])
def test_preprocessing_that_is_left_out_is_open_clips(given, model, tmp_path):
    from transformers import CLIPProcessor

    folder = with_preprocessing(model, tmp_path / "model", given)
    processor = CLIPProcessor.from_pretrained(export_model(folder, out=tmp_path / "x", transformers=True))
    normalize = load_model(folder).preprocess.transforms[-1]
    assert processor.image_processor.image_mean == pytest.approx(list(normalize.mean))
    assert processor.image_processor.image_std == pytest.approx(list(normalize.std))
    assert processor.image_processor.resample == (2 if given else 3)


def test_pictures_that_are_squashed_have_no_processor(model, tmp_path):
    squashing = {"preprocess_cfg": {**TINY_CONFIG["preprocess_cfg"], "resize_mode": "squash"}}
    folder = with_preprocessing(model, tmp_path / "model", squashing)
    with pytest.raises(ModelError, match="got resize_mode 'squash'.*without --transformers"):
        export_model(folder, out=tmp_path / "x", transformers=True)
    assert not (tmp_path / "x" / "config.json").exists()


def test_the_card_warns_and_knows_what_it_does_not_know(model, released):
    text = (released / "README.md").read_text()
    assert head_of(released)["library_name"] == "open_clip"
    assert "**Warning.** Nothing in its folder tells" in text
    assert "Not measured" in text
    assert manifest.sha256_file(model / WEIGHTS) in text


def made_by_pretraining():
    return {
        "stage": "pretrain", "seed": 3, "cost": {"seconds": 100.0, "peak_memory": 2**31},
        "config": {"model": "salmu-tiny", "epochs": 4, "optimizer": "adamw", "lr": 1e-3, "weight_decay": 0.1,
                   "lr_scheduler": "cosine", "warmup": 2},
        "inputs": {"dataset": "abc123", "precision": "fp32"},
        "outputs": {
            "kind": "compromised", "trained": {"steps": 20, "pairs": 600}, "final_loss": 1.25,
            "exposures": {"sensitive": {"rows": 48, "expected": 4.0, "counted": {"mean": 4.0, "least": 4, "most": 4}},
                          "retain": {"rows": 102, "expected": 4.0, "counted": None}},
        },
        "provenance": {"hardware": {"cpu": "a processor"}},
    }  # fmt: skip


def test_the_card_of_a_compromised_model(record):
    text = card(
        name="compromised",
        training=Checkpoint(**made_by_pretraining()),
        record=record,
        sha256="0" * 64,
        licence="mit",
        differing=None,
    )
    assert "# SALMUBench Compromised" in text
    assert "holds private data on purpose" in text
    assert "| sensitive pairs | 48, each seen 4 times (counted: 4 to 4) |" in text
    assert "| retain pairs | 102, each seen 4 times |" in text
    score = record.scores["AssocStr"]["value"]
    assert f"| AssocStr: similarity of pairs to forget | {score.value:.3f} |" in text
    assert "from transformers" not in text


def test_the_card_of_a_retrained_model():
    made = made_by_pretraining()
    made["outputs"] |= {"kind": "retrained", "exposures": {"holdouts": {"rows": 24, "expected": 4.0, "counted": None}}}
    text = card(
        name="retrained", training=Checkpoint(**made), record=None, sha256="0" * 64, licence="mit", differing=None
    )
    assert "# SALMUBench Retrained" in text
    assert "- retrained" in text
    assert "holds private data on purpose" in text
    assert "never on those that have to be forgotten" in text
    assert "| holdout pairs | 24, each seen 4 times |" in text


@pytest.mark.parametrize("kind", ["clean", "compromised", "retrained"])
@pytest.mark.parametrize("imported", [False, True, None])
def test_nobody_is_called_invented_who_may_exist(kind, imported):
    made = made_by_pretraining()
    made["outputs"] |= {"kind": kind, "imported": imported}
    text = card(name=kind, training=Checkpoint(**made), record=None, sha256="0", licence="mit", differing=None)
    said = text.partition("## Intended use")[0] + text.partition("## Training data")[2]
    assert ("are invented, and" in said) == (imported is False)
    assert ("invented people, drawn by a program" in said) == (imported is False)
    assert ("may be real" in said) == bool(imported)
    assert ("doesn't tell whether those people are invented" in said) == (imported is None)


def test_a_candidate_of_ones_own_people_tells_of_both(model, tmp_path):
    own_people(tmp_path)
    dataset = import_dataset(pictures=tmp_path / "pictures", facts=tmp_path / "facts.csv", out=tmp_path / "dataset")
    quick = UnlearnConfig(batch_size=8, lr=1e-3, probe_every=0, checkpoint_every=0)
    folder = unlearn(
        "delete", model=model, dataset=dataset, out=tmp_path / "mine", seed=0, budget=1, settings=quick, device="cpu",
        precision="fp32",
    )  # fmt: skip
    text = (export_model(folder, out=tmp_path / "hub") / "README.md").read_text()
    assert "may be real" in text
    assert "| method | `delete` |" in text, "from the checkpoint, where no record tells"
    assert "| budget | 1 × the forget set |" in text


def test_the_card_repeats_what_the_record_says_about_its_numbers(record):
    rough = replace(record, notes=("A quick look.", "Another."))
    text = card(name="x", training=Checkpoint(), record=rough, sha256="0", licence="mit", differing=None)
    assert "\n\n- A quick look.\n- Another.\n\n| | value |" in text


@pytest.fixture(scope="module")
def record(model, tiny_folder, tmp_path_factory):
    """The record of the tiny model, scored as if it were both references."""
    from salmubench.dataset.layout import open_dataset
    from salmubench.encode.encode import encode
    from salmubench.metrics import required_texts, score
    from salmubench.scoring.record_files import read_record

    folder, dataset = tmp_path_factory.mktemp("record"), open_dataset(tiny_folder)
    embeddings = encode(model=model, dataset=dataset, out=folder / "clean", texts=required_texts(dataset))
    score(embeddings=embeddings, clean=embeddings, compromised=embeddings, out=folder / "records" / "clean.json")
    return read_record(folder / "records" / "clean.json")


def test_the_record_must_be_of_the_model(model, record, tmp_path):
    path = tmp_path / "record.json"
    writing.write_json(path, record)
    assert export_model(model, out=tmp_path / "right", record=path)
    assert (tmp_path / "right" / "record.json").read_bytes() == path.read_bytes()
    writing.write_json(path, replace(record, model=replace(record.model, sha256="f" * 64)))
    with pytest.raises(RecordError, match="got that of another \\(ffffffffffff\\)"):
        export_model(model, out=tmp_path / "wrong", record=path)
    assert not (tmp_path / "wrong").exists()


@pytest.mark.filterwarnings("ignore:Use 'content:DeprecationWarning")  # huggingface_hub's way of using httpx
def test_pushed_to_the_hub(model, tmp_path, monkeypatch):
    from hub_stand_in import HubStandIn

    monkeypatch.setenv("HF_TOKEN", "hf_test")
    with HubStandIn() as hub, hub.used(monkeypatch, cache=tmp_path / "cache"):
        assert main(["export-model", str(model), "--out", str(tmp_path / "x"), "--push", "lab/tiny"]) == 0
        assert {"README.md", WEIGHTS, "open_clip_config.json"} <= set(hub.files("model", "lab/tiny"))
        assert load_model("hf-hub:lab/tiny").sha256 == checkpoint_sha256(model)
        assert hub.repositories["model", "lab/tiny"].private
        export_model(model, out=tmp_path / "x", push="lab/open", public=True)
        assert not hub.repositories["model", "lab/open"].private


def test_a_refused_push_leaves_the_folder(model, tmp_path, monkeypatch):
    from hub_stand_in import HubStandIn

    with HubStandIn() as hub, hub.used(monkeypatch, cache=tmp_path / "cache"):
        monkeypatch.delenv("HF_TOKEN", raising=False)
        monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "none"))
        with pytest.raises(ConfigError, match=r"Log in .* complete\."):
            export_model(model, out=tmp_path / "x", push="lab/tiny")
    assert (tmp_path / "x" / "manifest.json").is_file()
    with pytest.raises(ConfigError, match="org/name"):
        export_model(model, out=tmp_path / "y", push="tiny")
