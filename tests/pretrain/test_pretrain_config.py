"""The section `pretrain` refuses what makes no sense, and names the field."""

from __future__ import annotations

import json

import pytest

from salmubench.errors import ConfigError, UnknownName
from salmubench.pretrain import architectures
from salmubench.pretrain.config import PretrainConfig


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"epochs": 0}, r"pretrain\.epochs"),
        ({"lr": -1.0}, r"pretrain\.lr"),
        ({"warmup": -1}, r"pretrain\.warmup"),
        ({"optimizer": "sgd"}, r"pretrain\.optimizer"),
        ({"beta1": 0.9}, r"pretrain\.beta1"),
        ({"augment": "engine", "loading": "memory"}, r"pretrain\.loading"),
        ({"retain_samples": 5}, r"pretrain\.retain_samples"),
        ({"retain_broken": 1.0}, r"pretrain\.retain_broken"),
        ({"epochs": 2, "keep_epochs": (1, 3)}, r"keep_epochs to be epochs from 1 to 2"),
        ({"extra_args": {"lr": 1}}, r"pretrain\.extra_args\.lr"),
        ({"extra_args": {"pretrained": "openai"}}, "comparable"),
        ({"extra_args": {"--beta1": 1}}, r"grad-clip-norm"),
        ({"extra_args": {"momentum": {}}}, "plain values"),
    ],
)
def test_nonsense_is_refused(values, field):
    with pytest.raises(ConfigError, match=field):
        PretrainConfig(**values)


def test_whether_retrained_is_made_says_nothing_about_a_training():
    assert PretrainConfig(retrained=True).training == PretrainConfig().training
    assert "retrained" not in PretrainConfig().training


def test_architectures_by_name_and_path(tmp_path):
    assert architectures.find("salmu-mini").image_size == 64
    assert architectures.find("salmu-mini").path is not None
    assert architectures.find("ViT-B-16").path is None
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(dict(architectures.find("salmu-tiny").config)))
    assert architectures.find(str(path)).name == "mine"
    with pytest.raises(UnknownName, match="salmu-mini"):
        architectures.find("salmu-mimi")
    path.write_text("{}")
    with pytest.raises(ConfigError, match="embed_dim"):
        architectures.find(str(path))
    with pytest.raises(ConfigError, match="no file"):
        architectures.find(str(tmp_path / "none.json"))


def test_shipped_architectures_build():
    import open_clip

    for path in architectures.SHIPPED.glob("*.json"):
        config = json.loads(path.read_text())
        if path.stem != "salmu-small":
            open_clip.CLIP(**config)
        assert config["text_cfg"]["vocab_size"] == 49408
        assert 60 <= config["text_cfg"]["context_length"] <= 77
