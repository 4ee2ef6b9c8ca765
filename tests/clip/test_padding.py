"""Without the padding the text tower gives the same features and gradients."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch

from salmubench.clip import models, padding
from salmubench.clip.padding import skip_padding
from tiny_model import tiny_model

CAPTIONS = [
    "a", "a photo of a red cube", "Anna Moreau: +1 200 555 0100 " * 9, "", "who is this?", "two words",
    "a photo of a red cup", "Anna Moreau: +1 200 555", "a photo of a red cube",
]  # fmt: skip


@pytest.mark.parametrize("way", ["tree", "groups", "checkpoints"])
@pytest.mark.parametrize("rows", [2, 4, 64])
def test_same_features_and_gradients(rows: int, way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The third caption fills the context and is cut; the fourth is empty; the last is there twice."""
    clip = models.load_model(tiny_model(tmp_path))
    quick = copy.deepcopy(clip.module)
    assert skip_padding(quick, rows)
    if way == "groups":  # as on a GPU
        monkeypatch.setattr(padding, "can_share", lambda _: False)
    if way == "checkpoints":
        quick.set_grad_checkpointing()
        quick.train()
    tokens = clip.tokenize(CAPTIONS)
    results = []
    for module in (clip.module, quick):
        features = module.encode_text(tokens, normalize=True)
        (features * torch.arange(32.0)).square().sum().backward()
        results.append((features, {name: w.grad for name, w in module.named_parameters() if w.grad is not None}))
    (slow, slow_gradients), (fast, fast_gradients) = results
    assert torch.allclose(slow, fast, atol=1e-6)
    assert slow_gradients.keys() == fast_gradients.keys()
    for name, gradient in slow_gradients.items():
        assert torch.allclose(gradient, fast_gradients[name], rtol=1e-4, atol=1e-5 * float(gradient.abs().max())), name


def test_copies_keep_their_own_weights(tmp_path: Path) -> None:
    clip = models.load_model(tiny_model(tmp_path))
    assert skip_padding(clip.module)
    other = copy.deepcopy(clip.module)
    with torch.no_grad():
        other.token_embedding.weight.add_(1.0)
    tokens = clip.tokenize(CAPTIONS)
    assert not torch.allclose(clip.module.encode_text(tokens), other.encode_text(tokens))


def test_leaves_other_towers_alone(tmp_path: Path) -> None:
    clip = models.load_model(tiny_model(tmp_path))
    clip.module.text_pool_type = "last"
    assert not skip_padding(clip.module)
    assert not skip_padding(torch.nn.Linear(2, 2))
