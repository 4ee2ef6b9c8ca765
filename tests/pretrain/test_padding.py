"""Skipping the padding changes the work, not the features."""

from __future__ import annotations

import open_clip
import pytest
import torch

from salmubench.models import load_model
from salmubench.pretrain.architectures import find
from salmubench.pretrain.padding import encode_in_groups, skip_padding
from tiny_model import tiny_model

CAPTIONS = [
    "a",
    "a photo of a cat",
    "x " * 70,
    "Anna Rossi lives in Osaka and phones from +81 90 0000 0000",
    "a cat",
    "",
]


@pytest.fixture
def model(tmp_path):
    return load_model(tiny_model(tmp_path / "model"))


@pytest.mark.parametrize("groups", [1, 2, 4, 6, 20])
def test_features_and_gradients_are_those_of_the_model(model, groups):
    tokens = model.tokenize(CAPTIONS)
    wanted = model.module.encode_text(tokens)
    wanted.square().sum().backward()
    gradients = {
        name: weight.grad.clone() for name, weight in model.module.named_parameters() if weight.grad is not None
    }
    model.module.zero_grad()
    found = encode_in_groups(model.module, tokens, groups)
    found.square().sum().backward()
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)
    for name, weight in model.module.named_parameters():
        if name in gradients:
            torch.testing.assert_close(weight.grad, gradients[name], atol=1e-4, rtol=1e-4)


def test_the_model_keeps_its_interface_and_weights(model):
    tokens, names = model.tokenize(CAPTIONS), list(model.module.state_dict())
    wanted = model.module.encode_text(tokens, normalize=True)
    assert skip_padding(model.module)
    torch.testing.assert_close(model.module.encode_text(tokens, normalize=True), wanted, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(model.module(None, tokens)[1], wanted, atol=1e-6, rtol=1e-5)
    assert list(model.module.state_dict()) == names


def test_a_group_runs_at_the_length_of_its_longest_caption(model, monkeypatch):
    lengths = []
    forward = model.module.transformer.forward
    monkeypatch.setattr(
        model.module.transformer, "forward", lambda x, **named: (lengths.append(x.shape[:2]), forward(x, **named))[1]
    )
    encode_in_groups(model.module, model.tokenize(CAPTIONS), 3)
    assert [tuple(shape) for shape in lengths] == [(2, 3), (2, 7), (2, 64)]


def test_other_towers_are_left_alone():
    config = dict(find("salmu-tiny").config)
    custom = open_clip.CustomTextCLIP(**config)
    assert not skip_padding(custom)
    assert "encode_text" not in vars(custom)
