"""What the worker changes in the engine."""

from __future__ import annotations

import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from salmubench.clip.models import load_model
from salmubench.dataset import shards
from salmubench.dataset.layout import open_dataset
from salmubench.pretrain import open_clip_worker as worker
from tiny_model import tiny_model


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return load_model(tiny_model(tmp_path_factory.mktemp("model")))


@pytest.fixture(scope="module")
def found(tiny_folder, tmp_path_factory):
    return shards.write_shards(open_dataset(tiny_folder), tmp_path_factory.mktemp("s") / "shards", samples_per_shard=40)


def stream(found, model, *, seed, epoch):
    from open_clip_train.data import get_data

    args = SimpleNamespace(
        train_data=found.pattern("retain"), train_num_samples=found.rows("retain"), val_data=None, imagenet_val=None,
        imagenet_v2=None, dataset_type="webdataset", dataset_resampled=False, train_data_upsampling_factors=None,
        seed=seed, batch_size=17, world_size=1, workers=0,
    )  # fmt: skip
    preprocess = (model.preprocess, model.preprocess)
    data = get_data(args, preprocess, tokenizer=model.tokenize)
    worker.prepare_stream(data, seed=seed, rank=0)
    info = data["train"]
    info.set_epoch(epoch)
    return [(images, texts) for images, texts in info.dataloader]


@pytest.mark.filterwarnings("ignore")  # webdataset leaves files to the garbage collector
def test_streaming_is_shuffled_by_the_seed(found, model):
    first, again, other, later = (
        stream(found, model, seed=seed, epoch=epoch) for seed, epoch in ((1, 0), (1, 0), (2, 0), (1, 1))
    )
    assert len(first) == 6
    assert all(torch.equal(one[0], two[0]) for one, two in zip(first, again, strict=True))
    texts = [torch.cat([texts for _, texts in batches]).tolist() for batches in (first, other, later)]
    assert texts[0] != texts[1]
    assert texts[0] != texts[2]
    assert sorted(texts[0]) == sorted(texts[1]) == sorted(texts[2])


def test_each_epoch_draws_the_same_whatever_came_before():
    draws = []
    for noise in (0, 7):
        torch.rand(noise)
        np.random.random(noise)
        worker.seed_everything(5, epoch=2, rank=0)
        draws.append((torch.rand(3).tolist(), np.random.random(3).tolist(), random.random()))
    assert draws[0] == draws[1]
    worker.seed_everything(5, epoch=3, rank=0)
    assert torch.rand(3).tolist() != draws[0][0]


@pytest.mark.parametrize("name", ["plain", "[lr3e-3]", "a*b?"])
def test_a_checkpoint_is_found_whatever_the_folder_is_called(tmp_path, name):
    from open_clip_train.main import get_latest_checkpoint

    (tmp_path / name / "checkpoints").mkdir(parents=True)
    for epoch in (9, 10):
        (tmp_path / name / "checkpoints" / f"epoch_{epoch}.pt").touch()
    found = worker._literal(get_latest_checkpoint)(str(tmp_path / name / "checkpoints"), remote=False)
    assert found == str(tmp_path / name / "checkpoints" / "epoch_10.pt")


def test_a_worker_whose_torchrun_died_has_no_parent(monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    assert worker._live_parent() == 0  # the parent of the tests isn't torchrun
    monkeypatch.delenv("TORCHELASTIC_RUN_ID")
    assert worker._live_parent() > 0


def test_infinite_weights_are_not_exported(model, tmp_path):
    broken = load_model(model.folder)
    with torch.no_grad():
        broken.module.ln_final.weight[0] = torch.inf
    options = worker.parse(["--out", str(tmp_path), "--name", "clean", "--model", "salmu-tiny"])
    with pytest.raises(RuntimeError, match=r"NaN or infinity in 'ln_final\.weight'"):
        worker.export(broken.module, options, tmp_path)
    assert not list(tmp_path.iterdir())
