"""LoRA: low-rank updates train in place of the weights, and what is saved is an ordinary model. Muon beside AdamW."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from salmubench.clip import models
from salmubench.core.errors import ConfigError
from salmubench.unlearn import lora
from salmubench.unlearn.state import CHECKPOINT
from unlearn_runs import FAST, Runner, record, weights


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Conv2d(2, 3, 2), nn.Flatten(), nn.Linear(3, 4))
        self.attn = nn.MultiheadAttention(4, 2, batch_first=True)
        self.proj = nn.Parameter(torch.eye(4))
        self.token_embedding = nn.Embedding(5, 4)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        rows = self.inner(images)[:, None]
        return (self.attn(rows, rows, rows, need_weights=False)[0] @ self.proj)[:, 0]


def attached(seed: int = 0, layers: tuple[str, ...] = ()) -> Small:
    torch.manual_seed(seed)
    module = Small()
    lora.attach(module, rank=2, alpha=4.0, layers=layers, generator=torch.Generator().manual_seed(seed))
    return module


def test_starts_where_the_model_is_and_ends_in_its_weights() -> None:
    images = torch.randn(3, 2, 2, 2, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    before = Small()
    names = [name for name, _ in before.named_parameters()]
    module = attached()
    assert torch.equal(module(images), before(images)), "B starts at zero"
    moving = {name for name, weight in module.named_parameters() if weight.requires_grad}
    assert all(name.endswith((".up", ".down")) for name in moving)
    assert len(moving) == 2 * 5, "convolution, linear, both of attention, projection; not the embedding"
    optimizer = torch.optim.SGD([weight for weight in module.parameters() if weight.requires_grad], lr=0.5)
    for _ in range(3):
        optimizer.zero_grad()
        module(images).square().sum().backward()
        optimizer.step()
    update = module.inner[2].parametrizations.weight[0]
    by_hand = before.inner[2].weight + 4.0 / 2 * update.up @ update.down
    trained = module(images)
    lora.merge(module)
    assert sorted(name for name, _ in module.named_parameters()) == sorted(names)
    assert torch.allclose(module.inner[2].weight, by_hand)
    assert torch.allclose(module(images), trained, atol=1e-6)
    for name, weight in before.named_parameters():
        changed = dict(module.named_parameters())[name] - weight
        assert (name.endswith("weight") or name == "proj") == bool(changed.any()) or "embedding" in name
        if changed.any():
            assert torch.linalg.matrix_rank(changed.flatten(1)) <= 2


def test_layers_by_name() -> None:
    moving = {name for name, weight in attached(layers=("attn.in_proj",)).named_parameters() if weight.requires_grad}
    assert {name.split(".parametrizations")[0] for name in moving} == {"attn"}
    moving = {name for name, weight in attached(layers=("embedding",)).named_parameters() if weight.requires_grad}
    assert moving, "an embedding asked for by name is updated"
    with pytest.raises(ConfigError, match=r"\['atn'\]; these are: attn\.in_proj_weight"):
        attached(layers=("atn",))


def test_run(run: Runner, leaking_model: Path) -> None:
    """The saved checkpoint is an ordinary one, the optimiser's state a fraction."""
    given = {"lora_rank": 2, "lora_alpha": 8.0, "towers": "text"}
    out = run("cliperase", budget=1, config=given)
    before, after = weights(leaking_model), weights(out)
    assert before.keys() == after.keys()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved
    assert all(name.endswith(("weight", "text_projection")) and "ln" not in name for name in moved), moved
    for name in moved:
        assert torch.linalg.matrix_rank(after[name] - before[name], atol=1e-5) <= 2
    models.load_model(out)
    whole = run("cliperase", budget=1, name="whole", config={"towers": "text"})
    assert 0 < record(out)["outputs"]["optimiser_bytes"] < record(whole)["outputs"]["optimiser_bytes"] / 10
    assert record(out)["config"]["engine"]["lora_rank"] == 2


def test_edits_go_on_with_the_merged_weights(run: Runner, leaking_model: Path) -> None:
    """Task negation turns round what its descent has learnt, low-rank or not."""
    out = run("task_negation", budget=1, config={"lora_rank": 2, "lora_layers": ["mlp"]})
    before, after = weights(leaking_model), weights(out)
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved
    assert all("mlp" in name for name in moved)
    assert record(out)["outputs"]["report"]["task_vector"] > 0


@pytest.mark.parametrize("given", [{"lora_rank": 2}, {"optimizer": "muon"}], ids=["lora", "muon"])
def test_resume(given: dict[str, Any], run: Runner, tmp_path: Path) -> None:
    """A checkpoint taken half-way leads to the same bytes, whatever the optimiser's state is made of."""
    path = tmp_path / "stops.py"
    path.write_text(
        '"""Stops once."""\nfrom dataclasses import dataclass\nimport pathlib\nNEEDS = ("forget",)\n'
        '@dataclass(frozen=True)\nclass Config:\n    """None."""\n'
        "def loss(batch, model, reference, config):\n"
        f"    if batch.step == 5 and not pathlib.Path({str(tmp_path / 'again')!r}).exists():\n"
        "        raise KeyboardInterrupt\n"
        "    found = model.encode_image(batch.forget.images) * model.encode_text(batch.forget.texts)\n"
        "    return found.sum(-1).mean(), {}\n"
    )
    given = {**given, "checkpoint_every": 2}
    with pytest.raises(KeyboardInterrupt):
        run(str(path), budget=2, config=given, settings=FAST)
    assert (tmp_path / "out" / CHECKPOINT).is_file()
    (tmp_path / "again").touch()
    resumed = run(str(path), budget=2, config=given)
    whole = run(str(path), budget=2, config=given, name="whole")
    assert (resumed / models.WEIGHTS).read_bytes() == (whole / models.WEIGHTS).read_bytes()
