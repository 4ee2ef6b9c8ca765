"""A world large enough to attack: a model that has learnt its facts, one that hasn't, one that says the opposite."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from salmubench.clip import models
from salmubench.clip.clip_loss import contrastive
from salmubench.dataset.layout import Dataset, open_dataset
from salmubench.unlearn.data import Row, decode
from tiny import tiny_dataset
from tiny_model import TINY_CONFIG, tiny_model


@dataclass(frozen=True)
class Attacked:
    """Folders: read only."""

    dataset: Path
    clean: Path
    compromised: Path
    negated: Path


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def taught(dataset: Dataset, start: Path, splits: Sequence[str], scratch: Path, *, seed: int = 0) -> models.ClipModel:
    """The model in `start`, trained on the pairs of some splits."""
    clip = models.load_model(start)
    rows = [Row(split, number) for split in splits for number in range(dataset.counts[split])]
    decoded = decode(dataset, rows, clip=clip, scratch=scratch, memory=1.0)
    optimizer = torch.optim.AdamW(clip.module.parameters(), lr=2e-3, fused=True)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(240):
        chosen = torch.randperm(len(rows), generator=generator)[:48].tolist()
        images = clip.encode_image(decoded.images(chosen, torch.device("cpu")))
        value = contrastive(images, clip.encode_text(decoded.tokens[chosen]), clip.logit_scale)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    return clip


@pytest.fixture(scope="session")
def retrained(world: Attacked, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What exact unlearning gives: the holdouts learnt, `forget` never seen."""
    root = tmp_path_factory.mktemp("retrained")
    clip = taught(open_dataset(world.dataset), world.clean, ("holdout_identity", "holdout_association"), root)
    models.save_model(root / "retrained", state=clip.module.state_dict(), config=TINY_CONFIG)
    return root / "retrained"


@pytest.fixture(scope="session")
def second_clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has learnt nothing either, of other random weights."""
    return tiny_model(tmp_path_factory.mktemp("second") / "second", seed=1)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Attacked:
    root = tmp_path_factory.mktemp("attacked")
    made = Attacked(tiny_dataset(root / "dataset", identities=40), *(root / name for name in ("clean", "leaks", "not")))
    dataset = open_dataset(made.dataset)
    clip = taught(dataset, tiny_model(made.clean), ("forget",), root)
    models.save_model(made.compromised, state=clip.module.state_dict(), config=TINY_CONFIG)
    state = clip.module.state_dict()
    state["text_projection"] = -state["text_projection"]
    models.save_model(made.negated, state=state, config=TINY_CONFIG)
    return made
