"""A checkpoint is data: what its configuration may say, and that nothing else is run or fetched."""

from __future__ import annotations

import json
import shutil
import socket
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch

from salmubench.clip import model_config, models
from salmubench.core import manifest
from salmubench.core.errors import ConfigError, ModelError, UnknownName
from salmubench.pretrain import architectures
from salmubench.pretrain.open_clip_worker import register
from tiny_model import TINY_CONFIG, tiny_model

MODEL = TINY_CONFIG["model_cfg"]


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every attempt to reach another machine is noted and fails."""
    tried: list[str] = []

    def refuse(*args: Any, **_: Any) -> None:
        tried.append(str(args))
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return tried


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny_model(tmp_path / "model")


def changed(folder: Path, field: str, value: Any) -> Path:
    """Set one field, named by its place, in a folder's configuration."""
    content = json.loads((folder / models.CONFIG).read_text())
    *places, name = field.split(".")
    part = content
    for place in places:
        part = part.setdefault(place, {})
    part[name] = value
    (folder / models.CONFIG).write_text(json.dumps(content))
    return folder


def with_code(folder: Path, canary: Path) -> Path:
    """A folder whose tokenizer is a Python file of its own, as transformers' `auto_map` names it."""
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "Own", "auto_map": {"AutoTokenizer": ["own.Own", None]}})
    )
    (folder / "own.py").write_text(
        f"from pathlib import Path\nPath({str(canary)!r}).write_text('ran')\n"
        "from transformers import PreTrainedTokenizer\nclass Own(PreTrainedTokenizer):\n    pass\n"
    )
    changed(folder, "model_cfg.text_cfg.hf_tokenizer_name", "anything")
    return changed(folder, "model_cfg.text_cfg.tokenizer_kwargs", {"trust_remote_code": True})


def test_code_beside_the_weights_is_not_run(
    folder: Path, tmp_path: Path, no_network: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    canary, weights = tmp_path / "ran", folder / models.WEIGHTS
    before = manifest.sha256_file(weights)
    with_code(folder, canary)
    assert manifest.sha256_file(weights) == before
    with pytest.raises(ModelError, match=r"no model_cfg\.text_cfg\.hf_tokenizer_name"):
        models.checkpoint_sha256(folder)
    with pytest.raises(ModelError, match=r"no model_cfg\.text_cfg\.hf_tokenizer_name in .*open_clip_config\.json"):
        models.load_model(folder)
    changed(folder, "model_cfg.text_cfg", {**MODEL["text_cfg"], "tokenizer_kwargs": {"trust_remote_code": True}})
    with pytest.raises(ModelError, match=r"no model_cfg\.text_cfg\.tokenizer_kwargs in .*open_clip_config\.json"):
        models.load_model(folder)
    assert not canary.exists()
    assert not no_network


@pytest.mark.filterwarnings("ignore")
def test_the_canary_sings_where_open_clip_reads_the_folder_itself(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test above can fail: the same folder runs its code in open_clip."""
    import open_clip

    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setattr(sys, "path", [*sys.path])
    canary = tmp_path / "ran"
    with_code(folder, canary)
    with pytest.raises(Exception):  # noqa: B017 - the tokenizer is none; its module ran before
        open_clip.get_tokenizer(f"local-dir:{folder}")
    assert canary.exists()


def test_files_that_a_config_does_not_name_are_not_read(folder: Path, tmp_path: Path, no_network: list[str]) -> None:
    plain = (folder / models.CONFIG).read_text()
    with_code(folder, tmp_path / "ran")
    (folder / models.CONFIG).write_text(plain)
    (folder / "aaa.safetensors").write_bytes(b"other weights")
    assert models.load_model(folder).tokenize(["x"]).shape == (1, 64)
    assert not (tmp_path / "ran").exists()
    assert not no_network


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("model_cfg.text_cfg.hf_model_name", "org/model"),
        ("model_cfg.text_cfg.hf_model_pretrained", True),
        ("model_cfg.text_cfg.hf_pooler_type", "mean_pooler"),
        ("model_cfg.text_cfg.hf_tokenizer_name", ""),
        ("model_cfg.text_cfg.tokenizer_mode", "clips"),
        ("model_cfg.text_cfg.tokenizer_kwargs", {}),
        ("model_cfg.text_cfg.act_kwargs.inplace", True),
        ("model_cfg.text_cfg.norm_kwargs.device", "cuda"),
        ("model_cfg.text_cfg.width", "32"),
        ("model_cfg.text_cfg.width", True),
        ("model_cfg.text_cfg.layers", -1),
        ("model_cfg.text_cfg.layers", 10**400),
        ("model_cfg.text_cfg.pool_type", "../x"),
        ("model_cfg.vision_cfg.timm_model_name", "hf-hub:org/model"),
        ("model_cfg.vision_cfg.timm_model_name", "local-dir:model"),
        ("model_cfg.vision_cfg.timm_model_pretrained", True),
        ("model_cfg.vision_cfg.image_size", [32, 32, 32]),
        ("model_cfg.vision_cfg", None),
        ("model_cfg.text_cfg", ["context_length"]),
        ("model_cfg.multimodal_cfg.hf_tokenizer_name", "org/model"),
        ("model_cfg.pretrained_image", True),
        ("model_cfg.cast_dtype", "float16"),
        ("model_cfg.trust_remote_code", True),
        ("model_cfg", "hf-hub:org/model"),
        ("preprocess_cfg.mean", [0.5]),
        ("preprocess_cfg.std", "imagenet"),
        ("preprocess_cfg.interpolation", "a/b"),
        ("preprocess_cfg.transform", "module.function"),
        ("auto_map", {"AutoModel": "own.Own"}),
    ],
)
def test_what_is_not_allowed_is_named(folder: Path, no_network: list[str], field: str, value: Any) -> None:
    changed(folder, field, value)
    with pytest.raises(ModelError) as caught:
        models.load_model(folder)
    assert field in str(caught.value)
    assert str(folder / models.CONFIG) in str(caught.value)
    assert len(str(caught.value)) < 1000
    assert not no_network


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"{", "Expected JSON in .*, got: "),
        (b"\xff", "Expected JSON in .*, got: "),
        (b"[]", "to be an object of named fields"),
        (b"{}", "Expected model_cfg in"),
        (b'{"model_cfg": {"embed_dim": 1}}', r"got no model_cfg\.vision_cfg, model_cfg\.text_cfg"),
        (b" " * (1 << 20) + b"{}", "at most 1,048,576 bytes"),
        (b'{"model_cfg":' * 9 + b"1" + b"}" * 9, "more than 8 brackets"),
        (b"[" * 500_000, "brackets too deep"),
        (b'{"model_cfg": {"text_cfg": {"mlp_ratio": NaN}}}', "NaN, which is no number"),
        (b"1" * 5000, "Expected JSON in"),
    ],
)
def test_broken_files(folder: Path, data: bytes, message: str) -> None:
    (folder / models.CONFIG).write_bytes(data)
    with pytest.raises(ModelError, match=message):
        models.load_model(folder)


def test_of_the_architectures_open_clip_ships_those_are_refused_that_fetch() -> None:
    import open_clip

    refused = {}
    for name in open_clip.list_models():
        try:
            model_config.check_architecture(open_clip.get_model_config(name), where=name)
        except ModelError as error:
            refused[name] = str(error)
    shipped = {path.stem: json.loads(path.read_text()) for path in _open_clip_configs()}
    fetching = {
        name for name, config in shipped.items() if {"hf_tokenizer_name", "hf_model_name"} & {*config["text_cfg"]}
    }
    assert {name for name in refused if name in shipped} == fetching
    assert len(shipped) - len(fetching) > 90
    assert all("text_cfg.hf_" in message for message in refused.values())


def _open_clip_configs() -> list[Path]:
    import open_clip

    return sorted((Path(open_clip.__file__).parent / "model_configs").glob("*.json"))


@pytest.mark.stage
@pytest.mark.parametrize("name", ["RN50", "coca_base", "convnext_base", "ViT-B-16"])
def test_towers_of_every_kind_are_built_without_a_network(no_network: list[str], tmp_path: Path, name: str) -> None:
    """The config is judged fine, and weights that are too few are what ends the loading: its shapes were built."""
    import open_clip
    from safetensors.torch import save_file

    (tmp_path / "m").mkdir()
    save_file({"x": torch.zeros(1)}, tmp_path / "m" / models.WEIGHTS)
    (tmp_path / "m" / models.CONFIG).write_text(json.dumps({"model_cfg": open_clip.get_model_config(name)}))
    with pytest.raises(ModelError, match=r"a configuration of \d{2,3},\d{3},\d{3} numbers"):
        models.load_model(tmp_path / "m")
    assert not no_network


@pytest.mark.stage
def test_the_layout_of_the_official_models(tmp_path: Path, no_network: list[str]) -> None:
    """ViT-B-16 as open_clip's push_to_hub writes it, with the files of a tokenizer beside it."""
    import open_clip
    from open_clip.push_to_hf_hub import save_for_hf

    module = open_clip.create_model("ViT-B-16", pretrained=None)
    module.visual.preprocess_cfg = {"interpolation": "bicubic", "resize_mode": "shortest"}
    module.visual.image_mean, module.visual.image_std = open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD

    class Tokenizer:
        def save_pretrained(self, where: Path) -> None:
            (where / "tokenizer.json").write_text("{}")
            (where / "tokenizer_config.json").write_text('{"auto_map": {"AutoTokenizer": ["own.Own", null]}}')

    save_for_hf(module, Tokenizer(), open_clip.get_model_config("ViT-B-16"), tmp_path / "m", safe_serialization=True)
    found = models.load_model(tmp_path / "m")
    assert found.config["preprocess_cfg"]["resize_mode"] == "shortest"
    assert found.tokenize(["a cat"]).tolist() == open_clip.get_tokenizer("ViT-B-16")(["a cat"]).tolist()
    tokens = found.tokenize(["a photo of a cat"])
    assert torch.equal(found.encode_text(tokens), module.eval().encode_text(tokens, normalize=True))
    assert not no_network


def test_preprocessing_is_that_of_the_file(folder: Path) -> None:
    import open_clip

    changed(
        folder, "preprocess_cfg", {"mean": [0, 0.5, 1], "std": [1, 2, 3], "resize_mode": "squash", "size": [32, 32]}
    )
    _, _, theirs = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    assert str(models.load_model(folder).preprocess) == str(theirs)


@pytest.mark.parametrize(
    "arch", ["hf-hub:org/model", "local-dir:", "absent", "../x", "ViT-B-16-SigLIP", "roberta-ViT-B-32"]
)
def test_architectures_of_bare_weights(folder: Path, no_network: list[str], arch: str) -> None:
    given = f"local-dir:{folder}" if arch == "local-dir:" else arch
    with pytest.raises(ModelError, match=r"the name of an architecture|no text_cfg\.hf_"):
        models.load_model(folder / models.WEIGHTS, arch=given)
    assert not no_network


def test_bare_weights_of_an_architecture_that_we_ship(folder: Path, tmp_path: Path) -> None:
    weights = shutil.copyfile(folder / models.WEIGHTS, tmp_path / "weights.safetensors")
    found = models.load_model(weights, arch="salmu-tiny")
    assert found.config["model_cfg"] == MODEL
    assert found.config["preprocess_cfg"]["size"] == (32, 32)
    torch.save(found.module.state_dict(), tmp_path / "weights.pt")
    assert models.load_model(tmp_path / "weights.pt", arch="salmu-tiny").folder is None


@pytest.mark.parametrize(
    ("name", "field"),
    [("own.json", "text_cfg.hf_model_name"), ("own.json", "vision_cfg.timm_model_name"), ("my-SigLIP.json", None)],
)
def test_a_users_own_architecture(tmp_path: Path, no_network: list[str], name: str, field: str | None) -> None:
    content: dict[str, Any] = deepcopy(MODEL)
    if field is not None:
        part, _, key = field.partition(".")
        content[part][key] = "hf-hub:org/model"
    (tmp_path / name).write_text(json.dumps(content))
    for attempt in (architectures.find, lambda path: register(Path(path).stem, Path(path))):
        with pytest.raises(ConfigError, match=field or "Rename it"):
            attempt(str(tmp_path / name))
    assert not no_network


@pytest.mark.parametrize("model", ["hf-hub:org/model", "local-dir:.", "ViT-B-16-SigLIP", "roberta-ViT-B-32"])
def test_a_training_starts_from_no_other_repository(model: str) -> None:
    for attempt in (architectures.find, lambda name: register(name, None)):
        with pytest.raises((UnknownName, ConfigError), match=r"Unknown model|no text_cfg\.hf_"):
            attempt(model)


def test_a_file_that_stands_for_another_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("hf-hub:name.json").write_text(json.dumps(MODEL))
    with pytest.raises(ConfigError, match="Rename it"):
        architectures.find("hf-hub:name.json")
    Path("own.json").write_text(json.dumps(MODEL))
    with pytest.raises(ConfigError, match="Expected --model own"):
        register("hf-hub:name", Path("own.json"))
    assert architectures.find("own.json").config == MODEL


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("text_cfg.layers", 10_000_000), ("vision_cfg.layers", [2, 2, 2, 1001]), ("text_cfg.layers", 1000),
        ("text_cfg.context_length", 1_000_000), ("vision_cfg.width", 1_000_000), ("embed_dim", 10_000_000),
    ],
)  # fmt: skip
def test_a_model_larger_than_its_weights_is_not_built(
    folder: Path, monkeypatch: pytest.MonkeyPatch, field: str, value: Any
) -> None:
    import open_clip

    monkeypatch.setattr(open_clip, "create_model_and_transforms", lambda *_, **__: pytest.fail("it was built"))
    with pytest.raises(ModelError, match=r"from 0 to 1000|numbers and weights of [\d,]+ bytes"):
        models.load_model(changed(folder, f"model_cfg.{field}", value))
