"""Does a training that was killed and resumed end as good as one that ran through?

    python benchmarks/resume.py [--seeds 5] [--processes 2] [--loading stream] [--out FILE]

Trains a tiny Compromised with several seeds, each once without interruption and once killed by SIGKILL after its second
epoch and started again: by default with two processes that stream their shards and crop at random, the case in which
the engine saves neither random states nor the place in the data. Tells in how many seeds the weights are the same bits,
and the mean difference of the final contrastive loss over all sensitive pairs with a 95 % interval over seeds (paired,
Student's t). Prints and writes JSON.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from scipy import stats

from salmubench.clip import models
from salmubench.core import manifest, provenance, writing
from salmubench.core.types import SENSITIVE_SPLITS
from salmubench.dataset.layout import open_dataset
from salmubench.dataset.shards import FOLDER, write_shards
from salmubench.generator.build import build
from salmubench.pretrain.config import PretrainConfig
from salmubench.pretrain.launch import pretrain
from salmubench.workflow.recipe import load


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--loading", default="stream", choices=("stream", "memory"))
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    config = PretrainConfig(
        model="salmu-tiny", epochs=6, batch_size=16 // arguments.processes, processes=arguments.processes, threads=1,
        warmup=5, optimizer="adamw", lr=2e-3, loading=arguments.loading, workers=1,
        augment="engine" if arguments.loading == "stream" else "none",
    )  # fmt: skip
    losses, equal = [], 0
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        dataset = build(load("tiny").recipe.dataset, out=root / "dataset", seed=0)
        shutil.rmtree(dataset / FOLDER, ignore_errors=True)  # of the usual size: one shard in all
        write_shards(open_dataset(dataset), dataset / FOLDER, samples_per_shard=20)
        for seed in range(arguments.seeds):
            folders = [root / f"{seed}-{kind}" for kind in ("whole", "killed")]
            train(config, dataset, folders[0], seed)
            kill_after_two_epochs(config, dataset, folders[1], seed)
            train(config, dataset, folders[1], seed)
            losses.append([loss(dataset, folder) for folder in folders])
            equal += models.checkpoint_sha256(folders[0]) == models.checkpoint_sha256(folders[1])
    whole, resumed = np.array(losses).T
    difference = resumed - whole
    half = float(stats.t.ppf(0.975, len(losses) - 1) * difference.std(ddof=1) / np.sqrt(len(losses)))
    content = {
        "loading": arguments.loading, "processes": arguments.processes, "seeds": arguments.seeds,
        "bit_equal": equal, "loss_whole": whole.tolist(), "loss_resumed": resumed.tolist(),
        "difference": {"mean": float(difference.mean()),
                       "ci95": [float(difference.mean()) - half, float(difference.mean()) + half]},
        "spread_over_seeds": float(whole.std(ddof=1)), "provenance": provenance.provenance(),
    }  # fmt: skip
    text = json.dumps(writing.plain(content), indent=1)
    print(text)
    if arguments.out:
        writing.write_text(arguments.out, text + "\n")


def train(config: PretrainConfig, dataset: Path, out: Path, seed: int) -> None:
    """One training, or what is left of it."""
    pretrain(config, dataset=dataset, kind="compromised", out=out, seed=seed, device="cpu", precision="fp32")


def kill_after_two_epochs(config: PretrainConfig, dataset: Path, out: Path, seed: int) -> None:
    """Start a training in a process group of its own and kill the group once its second checkpoint is there."""
    process = multiprocessing.get_context("spawn").Process(target=_leading, args=(config, dataset, out, seed))
    process.start()
    wanted = out / "training" / "compromised" / "checkpoints" / "epoch_2.pt"
    while not wanted.exists():
        if not process.is_alive():
            sys.exit("the training ended before its second epoch")
        time.sleep(0.005)
    os.killpg(process.pid or 0, signal.SIGKILL)
    process.join()
    if (out / manifest.MANIFEST).exists():
        sys.exit("the training was faster than the kill")


def _leading(config: PretrainConfig, dataset: Path, out: Path, seed: int) -> None:
    os.setpgrp()
    train(config, dataset, out, seed)


def loss(dataset: Path, folder: Path) -> float:
    """Contrastive loss over all sensitive pairs."""
    model, opened = models.load_model(folder), open_dataset(dataset)
    pictures = [model.preprocess(Image.open(io.BytesIO(image))) for split in SENSITIVE_SPLITS
                for image in opened.images(split)]  # fmt: skip
    texts = model.tokenize([row.caption for split in SENSITIVE_SPLITS for row in opened.rows(split)])
    with torch.no_grad():
        logits = model.logit_scale * model.encode_image(torch.stack(pictures)) @ model.encode_text(texts).T
    return -float(logits.log_softmax(0).diag().mean() + logits.log_softmax(1).diag().mean()) / 2


if __name__ == "__main__":
    main()
