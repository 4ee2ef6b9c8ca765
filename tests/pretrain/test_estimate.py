"""What a pretraining costs: counted operations, hours, memory, and the trial on this machine."""

from __future__ import annotations

from dataclasses import replace

import pytest

from salmubench.cli.main import main
from salmubench.dataset import shards
from salmubench.dataset.layout import open_dataset
from salmubench.pretrain import estimate
from salmubench.pretrain.config import PretrainConfig
from salmubench.workflow import recipe as recipes

pytestmark = pytest.mark.stage

TINY = PretrainConfig(model="salmu-tiny", epochs=2, batch_size=32, warmup=2, threads=1)


def test_operations_of_a_vit_b_16_are_those_published():
    """open_clip's docs/model_profile.csv: 149.62 M parameters, 41.09 GFLOPs."""
    found = estimate.work(replace(TINY, model="ViT-B-16"), rows=1000)
    assert found.parameters == pytest.approx(149.62e6, rel=1e-4)
    assert found.pair_operations == pytest.approx(3 * 41.09e9, rel=1e-3)


def test_operations_of_the_tiny_model_by_hand():
    """Two layers of width 32 at 5 tokens and at 64, a multiplication and an addition each, attention included."""

    def tower(tokens, width=32, layers=2):
        products = 4 * width * width + 2 * 4 * width * width  # attention's and the MLP's, per token
        return layers * 2 * (tokens * products + 2 * tokens * tokens * width)

    patches = 2 * 4 * (16 * 16 * 3) * 32
    projections = 2 * 32 * 32 * 2
    found = estimate.work(TINY, rows=100)
    assert found.pair_operations == pytest.approx(3 * (tower(5) + tower(64) + patches + projections), rel=0.01)


def test_pairs_and_hours():
    assert estimate.work(TINY, rows=100).pairs == 200
    streamed = estimate.work(replace(TINY, loading="stream", workers=2), rows=100)
    assert streamed.pairs == 2 * 128  # whole batches of both loaders
    found = estimate.Work(rows=1, pairs=10, parameters=7, pair_operations=989e12 * 360, activations=100)
    assert found.hours(1, utilisation=0.5) == pytest.approx(2.0)
    assert found.hours(8, utilisation=0.5) == pytest.approx(0.25)
    assert found.gpu_memory(2, 1) >= 16 * 7 + 2 * 100


def test_the_paper_costs_what_its_peers_cost():
    """open_clip on LAION-400M: 10,700 hours of A100 for 13 billion pairs; an H100 has 3.17 times the peak."""
    config = recipes.load("paper").recipe.pretrain
    hours = estimate.work(config, rows=407_000_000).hours(1)
    assert hours == pytest.approx(10_700 / (989 / 312), rel=0.1)


@pytest.mark.night
def test_trial_on_this_machine(tiny_folder):
    found = shards.find_or_write(open_dataset(tiny_folder), tiny_folder / "shards")
    here = estimate.probe(
        TINY, rows=150, shard=found.folder / "retain-00000.tar", device="cpu", precision="fp32", seconds=0.5
    )
    assert 2 <= here.batch <= 32
    assert here.pairs_per_second > 0
    assert here.seconds == pytest.approx(here.startup + 300 / here.pairs_per_second)
    assert 50e6 < here.memory < 8e9


def test_text_of_a_recipe_without_a_dataset(capsys, monkeypatch):
    trial = estimate.Here(pairs_per_second=100.0, processes=1, startup=20.0, seconds=5000.0, memory=2**31, batch=32)
    monkeypatch.setattr(estimate, "probe", lambda *_, **__: trial)
    assert main(["pretrain", "--estimate", "--recipe", "mini", "--kind", "clean"]) == 0
    shown = capsys.readouterr().out
    assert "43,200 = 4 epochs of 10,800, 256 a step" in shown
    assert "83.3 min: 100 pairs a second" in shown
    assert "2.00 GiB a process" in shown
    paper = shown.partition("the paper's run")[2]
    assert "12,8" in paper  # billions of pairs
    assert "this machine" not in paper
    assert "GPU hours" in paper


def test_retrained_without_a_dataset_and_with_one(capsys, monkeypatch, tiny_folder):
    trial = estimate.Here(pairs_per_second=100.0, processes=1, startup=20.0, seconds=5000.0, memory=2**31, batch=32)
    monkeypatch.setattr(estimate, "probe", lambda *_, **__: trial)
    assert main(["pretrain", "--estimate", "--recipe", "mini", "--kind", "retrained"]) == 0
    assert "69,600 = 4 epochs of 17,400, 256 a step" in capsys.readouterr().out  # half of the sensitive pairs
    dataset = open_dataset(tiny_folder)
    rows = 102 + shards.rows_of(dataset, "holdouts")
    text = estimate.of_recipe(TINY, kind="retrained", counts={}, size=32, dataset=tiny_folder)
    assert f"{2 * rows:,} = 2 epochs of {rows}" in text
