"""Texts that begin alike are computed once, and nobody can tell: against open_clip's own `encode_text`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from salmubench.clip import devices, prefixes
from salmubench.clip.models import ClipModel, load_model
from salmubench.clip.prefixes import can_share, encode_sorted
from salmubench.encode.texts import encode_texts, tokenize, unit_rows
from tiny_model import TINY_CONFIG, tiny_model

START, END, LENGTH = 49406, 49407, 12
CAPTIONS = [
    "Anna Moreau lives in Rome.", "Anna Moreau lives in Oslo, on a hill.", "Anna Moreau lives in Rome", "Anna Moreau",
    "", "Anna Moreau lives in Rome.", "Anna Moreau lives in Oslo " * 20 + "now", "Anna Moreau lives in Oslo " * 20,
    "a photo of a red cube",
]  # fmt: skip


def make_module(**text: Any) -> open_clip.CLIP:
    config = {**TINY_CONFIG["model_cfg"], "text_cfg": {**TINY_CONFIG["model_cfg"]["text_cfg"], **text}}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        module = open_clip.CLIP(**config).eval()
        for parameter in module.transformer.parameters():  # no bias of 0, no scale of 1
            parameter.data.add_(0.05 * torch.randn_like(parameter))
    return module


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ClipModel:
    model = load_model(tiny_model(tmp_path_factory.mktemp("model")))
    return dataclasses.replace(model, module=make_module())


def bare(module: nn.Module, ids: np.ndarray) -> np.ndarray:
    """One text at a time, at full length."""
    with torch.inference_mode():
        return np.concatenate([unit_rows(module.encode_text(torch.from_numpy(row[None]))) for row in ids])


words = st.lists(st.integers(1, 3), max_size=LENGTH - 2)
"""So few words that most texts begin like another, equal another or go on where another ends."""


@settings(deadline=None, max_examples=50)
@given(texts=st.lists(words, min_size=1, max_size=12), batch_size=st.integers(1, 12))
def test_equals_encode_text(model: ClipModel, texts: list[list[int]], batch_size: int) -> None:
    ids = np.zeros((len(texts), model.context_length), np.int64)
    for row, text in zip(ids, texts, strict=True):
        row[: len(text) + 2] = [START, *text, END]
    with torch.inference_mode():
        vectors = encode_texts(model, ids, batch_size=batch_size, trim=True)
        assert np.abs(vectors - bare(model.module, ids)).max() < 2e-6
        unsorted = unit_rows(encode_sorted(model.module, torch.from_numpy(ids)))
    assert np.abs(unsorted - vectors).max() < 2e-6


@pytest.mark.parametrize(
    "text",
    [
        {},
        {"context_length": 8},  # shorter than most captions
        {"layers": 1},
        {"layers": 4, "heads": 4, "mlp_ratio": 2.0, "ls_init_value": 0.3},
        {"proj_bias": True},
        {"proj_type": "none"},
    ],
)
def test_towers_and_cut_captions(model: ClipModel, text: dict[str, Any]) -> None:
    config = {"model_cfg": {**TINY_CONFIG["model_cfg"], "text_cfg": {**TINY_CONFIG["model_cfg"]["text_cfg"], **text}}}
    tower = dataclasses.replace(model, module=make_module(**text), config=config)
    tokens = tokenize(tower, CAPTIONS)
    assert tokens.ids.shape[1] == text.get("context_length", 64)
    assert tokens.cut.sum() >= 2
    assert can_share(tower.module)
    with torch.inference_mode():
        vectors = encode_texts(tower, tokens.ids, batch_size=4, trim=True)
    assert np.abs(vectors - bare(tower.module, tokens.ids)).max() < 2e-6


def test_work_is_shared(model: ClipModel) -> None:
    ids = tokenize(model, CAPTIONS).ids
    beginnings = {tuple(row[: end + 1]) for row in ids for end in range(row.argmax() + 1)}
    sizes: list[int] = []
    blocks = model.module.transformer.resblocks  # type: ignore[union-attr]
    handles = [block.mlp.register_forward_hook(lambda *args: sizes.append(len(args[2]))) for block in blocks]  # type: ignore[union-attr]
    try:
        with torch.inference_mode():
            encode_sorted(model.module, torch.from_numpy(ids[np.lexsort(ids.T[::-1])]))
    finally:
        for handle in handles:
            handle.remove()
    assert sizes == [len(beginnings), len(ids)]


def test_bf16(model: ClipModel) -> None:
    """As near to fp32 as open_clip's own pass."""
    ids = tokenize(model, CAPTIONS).ids
    exact = bare(model.module, ids)
    with torch.inference_mode(), devices.compute("cpu", "bf16"):
        vectors = encode_texts(model, ids, batch_size=4, trim=True)
    own = 1 - (bare(model.module, ids) * exact).sum(axis=1).min()
    assert 1 - (vectors * exact).sum(axis=1).min() < max(2 * own, 1e-3)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-6)


def test_half_weights(model: ClipModel) -> None:
    ids = tokenize(model, CAPTIONS).ids
    half = dataclasses.replace(model, module=make_module().to(torch.bfloat16))
    with torch.inference_mode():
        vectors = encode_texts(half, ids, batch_size=4, trim=True)
    assert (vectors * bare(model.module, ids)).sum(axis=1).min() > 0.999


def test_no_texts(model: ClipModel) -> None:
    assert encode_texts(model, tokenize(model, []).ids, batch_size=4, trim=True).shape[0] == 0


def custom_blocks() -> nn.Module:
    return make_module(scale_fc=True)


def other_attention() -> nn.Module:
    """As a parametrisation makes it: a subclass whose forward pass we don't know."""
    module = make_module()
    attention = module.transformer.resblocks[0].attn
    attention.__class__ = type("Mine", (nn.MultiheadAttention,), {})
    return module


def pooled_elsewhere() -> nn.Module:
    return make_module(pool_type="last")


def everything_seen() -> nn.Module:
    return make_module(no_causal_mask=True)


@pytest.mark.parametrize("make", [custom_blocks, other_attention, pooled_elsewhere, everything_seen])
def test_other_towers_go_their_own_way(
    model: ClipModel, make: Callable[[], nn.Module], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prefixes, "encode_sorted", lambda *_: pytest.fail("not for this tower"))
    tower = dataclasses.replace(model, module=make())
    ids = tokenize(tower, CAPTIONS).ids
    with torch.inference_mode():
        vectors = encode_texts(tower, ids, batch_size=4, trim=True)
    assert np.abs(vectors - bare(tower.module, ids)).max() < 2e-6


def test_towers_without_blocks_do_not_share() -> None:
    module = nn.Module()
    module.transformer = nn.Linear(2, 2)
    assert not can_share(module)
