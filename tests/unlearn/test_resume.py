"""A run that was killed ends with the same bytes as one that wasn't."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from salmubench.clip import models
from salmubench.unlearn import UnlearnConfig
from salmubench.unlearn.state import CHECKPOINT
from unlearn_runs import Runner, kill_when, record

HEAD = '''"""Slow, and as random as a method may be."""
import os, time
from dataclasses import dataclass
import torch
NEEDS = ("forget", "retain")
@dataclass(frozen=True)
class Config:
    """None."""
def value(batch, model):
    time.sleep(float(os.environ.get("SLOWNESS", "0")))
    noise = 1 + torch.rand(()) + torch.rand((), generator=batch.generator)
    drift = (model.encode_image(batch.retain.images) - batch.retain.image_ref).square().mean()
    similarity = (model.encode_image(batch.forget.images) * model.encode_text(batch.forget.texts)).sum(-1).mean()
    return noise * similarity + drift, {"similarity": similarity}
'''
LOOP = HEAD + "def loss(batch, model, reference, config):\n    return value(batch, model)\n"
EDIT = (
    HEAD
    + """def edit(model, data, engine, config):
    engine.descend(lambda batch: value(batch, model))
    with torch.no_grad():
        for weight in engine.trainable():
            weight.mul_(0.999)
    engine.descend(lambda batch: value(batch, model), lr=1e-4)
    return {"steps": engine.steps}
"""
)
SETTINGS = {"batch_size": 8, "lr": 1e-3, "probe_every": 4, "checkpoint_every": 2}

CHILD = """
import sys, torch
from pathlib import Path
from salmubench.unlearn import UnlearnConfig, unlearn
torch.set_num_threads(1)
method, model, dataset, out = sys.argv[1:]
unlearn(method, model=model, dataset=dataset, out=Path(out), seed=7, budget=4, precision="fp32", device="cpu",
        settings=UnlearnConfig(batch_size=8, lr=1e-3, probe_every=4, checkpoint_every=2))
"""


@pytest.mark.parametrize(
    ("text", "after"),
    [pytest.param(LOOP, 4, id="loop"), pytest.param(EDIT, 16, id="edit", marks=pytest.mark.night)],
)
def test_kill_and_resume(
    text: str, after: int, run: Runner, leaking_model: Path, tiny_folder: Path, tmp_path: Path
) -> None:
    method = tmp_path / "slow.py"
    method.write_text(text)
    out = tmp_path / "killed"

    def far_enough() -> bool:
        path = out / CHECKPOINT
        return path.is_file() and torch.load(path, weights_only=True)["progress"]["steps"] >= after

    command = [sys.executable, "-c", CHILD, str(method), str(leaking_model), str(tiny_folder), str(out)]
    process = subprocess.Popen(command, env={**os.environ, "SLOWNESS": "0.05"})
    kill_when(far_enough, process)
    assert not (out / "manifest.json").exists()
    at = torch.load(out / CHECKPOINT, weights_only=True)["progress"]
    assert at["steps"] >= after
    assert (text == EDIT) == (at["descent"] == 1)

    given = {"seed": 7, "budget": 4, "settings": UnlearnConfig(**SETTINGS)}
    resumed = run(str(method), name="killed", **given)
    whole = run(str(method), name="whole", **given)
    for name in (models.WEIGHTS, "curves.parquet"):
        assert (resumed / name).read_bytes() == (whole / name).read_bytes()
    for key in ("steps", "pairs"):
        assert record(resumed)["cost"][key] == record(whole)["cost"][key]
    assert record(resumed)["cost"]["seconds"] > at["seconds"] > 0
    assert not (resumed / CHECKPOINT).exists()
    unchecked = run(
        str(method), name="unchecked", **{**given, "settings": UnlearnConfig(**{**SETTINGS, "checkpoint_every": 0})}
    )
    assert (unchecked / models.WEIGHTS).read_bytes() == (whole / models.WEIGHTS).read_bytes()
