"""A small model that has learnt the tiny dataset's forget pairs, and how to run a method on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from unlearn_runs import FAST, Runner

from salmubench.clip import models
from salmubench.dataset.layout import open_dataset
from salmubench.unlearn import unlearn
from salmubench.unlearn.data import Row, decode
from salmubench.unlearn.losses import contrastive
from tiny import tiny_dataset
from tiny_model import TINY_CONFIG, tiny_model


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """Models this small lose more to waiting threads than they win."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def leaking_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model trained on forget and retain pairs until the pairs are clearly similar."""
    root = tmp_path_factory.mktemp("leaking")
    dataset = open_dataset(tiny_dataset(root / "dataset"))
    clip = models.load_model(tiny_model(root / "random"))
    rows = [Row(split, number) for split in ("forget", "retain_synth") for number in range(dataset.counts[split])]
    decoded = decode(dataset, rows, clip=clip, scratch=root, memory=1.0)
    optimizer = torch.optim.AdamW(clip.module.parameters(), lr=2e-3)
    generator = torch.Generator().manual_seed(0)
    for _ in range(60):
        chosen = torch.randperm(len(rows), generator=generator)[:24].tolist()
        images = clip.encode_image(decoded.images(chosen, torch.device("cpu")))
        value = contrastive(images, clip.encode_text(decoded.tokens[chosen]), clip.logit_scale)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    models.save_model(root / "leaking", state=clip.module.state_dict(), config=TINY_CONFIG)
    return root / "leaking"


@pytest.fixture
def run(leaking_model: Path, tiny_folder: Path, tmp_path: Path) -> Runner:
    """Run a method on the leaking model: `run(method, name=…, **arguments of unlearn)`."""

    def runner(method: str, *, name: str = "out", **given: Any) -> Path:
        defaults: dict[str, Any] = {
            "model": leaking_model, "dataset": tiny_folder, "seed": 0, "settings": FAST, "budget": 5,
            "precision": "fp32", "device": "cpu",
        }  # fmt: skip
        return unlearn(method, out=tmp_path / name, **{**defaults, **given})

    return runner
