"""The section `pretrain` refuses what makes no sense, and names the field."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import pytest

from salmubench.core.errors import ConfigError, UnknownName
from salmubench.pretrain import architectures
from salmubench.pretrain.config import ALLOWED, FORBIDDEN, RESERVED, PretrainConfig


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
        ({"extra_args": {"accum-freq": 2}}, "Expected each batch to be a step of its own"),
        ({"extra_args": {"--beta1": 1}}, r"grad-clip-norm"),
        ({"extra_args": {"momentum": {}}}, "plain values"),
        ({"extra_args": {"grad-clip-norm": ["1.0", "--pretrained", "openai"]}}, "values that are no options"),
        ({"extra_args": {"resum": "https://x.example/a.pt"}}, "Unknown option in pretrain.extra_args: 'resum'"),
        ({"extra_args": {"report-t": "wandb"}}, "Unknown option"),
        ({"extra_args": {"remote-sync": "s3://x"}}, "Unknown option"),
        ({"extra_args": {"grad-clip": 1.0}}, "Did you mean 'grad-clip-norm'"),
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


def test_options_that_may_be_added_are_the_engines_and_nothing_else():
    """Each by its whole name; none reads weights or addresses, or sends files."""
    found = importlib.util.find_spec("open_clip_train")
    assert found is not None
    source = (Path(str(found.origin)).parent / "params.py").read_text(encoding="utf-8")
    known = set(re.findall(r'"--([a-z0-9-]+)"', source))
    assert set(ALLOWED) <= known
    assert not set(ALLOWED) & {*RESERVED, *FORBIDDEN}
    reaching = {"val-data", "imagenet-val", "cache-dir", "copy-codebase", "dist-url", "wandb-notes", "remote-sync"}
    assert reaching <= known - set(ALLOWED)
