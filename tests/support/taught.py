"""The one training loop of the tests: a small model learns pairs of a dataset by heart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from salmubench.clip import models
from salmubench.clip.clip_loss import contrastive
from salmubench.dataset.layout import Dataset, open_dataset
from salmubench.unlearn.data import SplitRow, decode
from tiny import tiny_dataset
from tiny_model import TINY_CONFIG, tiny_model


def teach(
    start: Path, dataset: Dataset, splits: Sequence[str], out: Path, *, steps: int = 60, batch: int = 32
) -> models.ClipModel:
    """Train the model in `start` on all pairs of some splits, and save it to `out`, which may be `start`."""
    clip = models.load_model(start)
    rows = [SplitRow(split, number) for split in splits for number in range(dataset.counts[split])]
    out.mkdir(parents=True, exist_ok=True)
    decoded = decode(dataset, rows, clip=clip, scratch=out, memory=1.0)
    optimizer = torch.optim.AdamW(clip.module.parameters(), lr=2e-3)
    generator = torch.Generator().manual_seed(0)
    for _ in range(steps):
        chosen = torch.randperm(len(rows), generator=generator)[:batch].tolist()
        images = clip.encode_image(decoded.images(chosen, torch.device("cpu")))
        value = contrastive(images, clip.encode_text(decoded.tokens[chosen]), clip.logit_scale)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    models.save_model(out, state=clip.module.state_dict(), config=TINY_CONFIG)
    return clip


@dataclass(frozen=True)
class Attacked:
    """A world large enough to attack: a model that learnt its facts, one that didn't, one that says the opposite."""

    dataset: Path
    clean: Path
    compromised: Path
    negated: Path


def attacked_world(root: Path) -> Attacked:
    """Make that world in a folder."""
    made = Attacked(tiny_dataset(root / "dataset", identities=40), *(root / name for name in ("clean", "leaks", "not")))
    clip = teach(tiny_model(made.clean), open_dataset(made.dataset), ("forget",), made.compromised, steps=240, batch=48)
    state = clip.module.state_dict()
    state["text_projection"] = -state["text_projection"]
    models.save_model(made.negated, state=state, config=TINY_CONFIG)
    return made


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """Models this small lose more to waiting threads than they win."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def world(stage: None, tmp_path_factory: pytest.TempPathFactory) -> Attacked:
    """The world to attack; read only."""
    return attacked_world(tmp_path_factory.mktemp("attacked"))
