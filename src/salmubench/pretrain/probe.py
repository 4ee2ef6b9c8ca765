"""Trains a model of a recipe on this machine for some seconds and prints what that took, as JSON.

Run as `python -m salmubench.pretrain.probe --model NAME …`: a process of its own, since it measures memory and
imports. It goes the worker's way (architecture, padding, channels last, optimiser, loader) with pairs of one shard, or
with noise.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salmubench.pretrain.guard import die_with_parent

if TYPE_CHECKING:
    from salmubench.clip.pixels import Preprocessor
    from salmubench.pretrain.memory_loader import LoadedPairs

_FIRST_BATCH = 2
_LONG_STEP = 3.0  # seconds: no larger batch is tried after such a step
_DECODED = 256  # pictures whose decoding is timed
_NOISE_CAPTION = "a photo of a small red wooden table behind two people in a wide green field"


def main(arguments: Sequence[str]) -> None:
    """Measure and print."""
    die_with_parent(os.getppid())
    parser = argparse.ArgumentParser(allow_abbrev=False, prog="salmubench.pretrain.probe")
    for name, kind in {
        "model": str, "opt": str, "precision": str, "device": str, "batch-size": int, "threads": int, "lr": float,
        "wd": float, "beta1": float, "beta2": float, "eps": float, "seconds": float,
    }.items():  # fmt: skip
        parser.add_argument(f"--{name}", type=kind)
    parser.add_argument("--model-config", type=Path)
    parser.add_argument("--shard", type=Path)
    parser.add_argument("--skip-padding", type="true".__eq__, default=False)
    print(json.dumps(measure(parser.parse_args(arguments))))  # noqa: T201 - what the launcher reads


def measure(options: argparse.Namespace) -> dict[str, float]:
    """Seconds of imports, speeds of decoding and of training, memory.

    Returns:
        `import_torch`, `import_all` (seconds), `decoded_per_second`, `pairs_per_second`, `batch` (of the steps that
        were timed), `memory_fixed` (bytes: process, weights, gradients, optimiser state), `memory_pair` (bytes of each
        pair of a batch).
    """
    start = time.perf_counter()
    import torch

    import_torch = time.perf_counter() - start
    import open_clip
    import open_clip_train.main  # noqa: F401 - the worker's longest import

    from salmubench.clip import muon
    from salmubench.clip.padding import skip_padding
    from salmubench.clip.pixels import split_transform
    from salmubench.pretrain.open_clip_worker import register

    import_all = time.perf_counter() - start
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    register(options.model, options.model_config)
    module, _, preprocess = open_clip.create_model_and_transforms(options.model, output_dict=True)
    if options.skip_padding:
        skip_padding(module)
    muon.fuse_adamw()
    if options.precision == "fp32":
        muon.keep_in_fp32()
    module.to(options.device, memory_format=torch.channels_last).train()
    tokenizer = open_clip.get_tokenizer(options.model)
    preprocessor = split_transform(preprocess)
    pairs, decoded = _pairs(options, preprocessor, tokenizer)
    optimizer = _optimizer(module, options)
    speed, batch, fixed, each = _train(module, optimizer, pairs, preprocessor, options)
    return {
        "import_torch": import_torch, "import_all": import_all, "decoded_per_second": decoded,
        "pairs_per_second": speed, "batch": batch, "memory_fixed": fixed, "memory_pair": each,
    }  # fmt: skip


def _pairs(options: argparse.Namespace, preprocessor: Preprocessor, tokenizer: Any) -> tuple[LoadedPairs, float]:
    """Pairs of the shard, or noise, and how many a second were decoded."""
    import numpy as np
    import torch
    from PIL import Image

    from salmubench.pretrain.memory_loader import LoadedPairs, decode
    from salmubench.pretrain.samples import Sample, read_shard

    if options.shard is not None:
        samples = list(islice(read_shard(options.shard), _DECODED))
    else:
        stream = io.BytesIO()
        noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8)
        Image.fromarray(noise).save(stream, "JPEG")
        samples = [Sample(stream.getvalue(), _NOISE_CAPTION, "noise")] * 32
    start = time.perf_counter()
    images = torch.stack([decode(sample, preprocessor) for sample in samples])
    seconds = time.perf_counter() - start
    texts = tokenizer([sample.caption for sample in samples])
    count = len(samples)
    pairs = LoadedPairs(images, texts, (count,), np.arange(count), np.zeros(count, np.int64), {})
    return pairs, count / seconds


def _optimizer(module: Any, options: argparse.Namespace) -> Any:
    """The recipe's optimiser; weight decay is on all weights, which costs the same."""
    import torch
    from timm.optim import create_optimizer_v2  # type: ignore[attr-defined]

    if options.opt == "adamw":
        betas = (options.beta1, options.beta2)
        return torch.optim.AdamW(
            module.parameters(), lr=options.lr, betas=betas, weight_decay=options.wd, eps=options.eps
        )
    settings: dict[str, Any] = {"weight_decay": options.wd, "eps": options.eps}
    if options.beta1 is not None:
        settings["betas"] = (options.beta1, options.beta2)
    return create_optimizer_v2(module, options.opt.removeprefix("timm/"), lr=options.lr, **settings)


def _train(
    module: Any, optimizer: Any, pairs: LoadedPairs, preprocessor: Preprocessor, options: argparse.Namespace
) -> tuple[float, int, float, float]:
    """Take steps until the time is up, the batch doubling up to the recipe's: pairs a second, and memory."""
    import open_clip
    import torch

    from salmubench.clip import devices

    loss, draw = open_clip.ClipLoss(), torch.Generator().manual_seed(0)
    deadline = time.perf_counter() + options.seconds
    batch, timed = min(_FIRST_BATCH, options.batch_size), list[float]()
    peaks: dict[int, int] = {}
    # as the worker: attention as devices.compute chooses it, autocast for bf16
    with devices.compute(options.device, "bf16" if options.precision == "amp_bf16" else "fp32"):
        while time.perf_counter() < deadline or not timed:
            begin = time.perf_counter()
            chosen = torch.randint(len(pairs.texts), (batch,), generator=draw)
            images = preprocessor.normalised(pairs.images[chosen], channels_last=True).to(options.device)
            optimizer.zero_grad()
            value = loss(**module(images, pairs.texts[chosen].to(options.device)), output_dict=True)["contrastive_loss"]
            value.backward()
            optimizer.step()
            float(value)
            seconds = time.perf_counter() - begin
            peaks[batch] = _peak_memory(options.device)
            timed.append(seconds)
            grows = batch < options.batch_size and seconds < _LONG_STEP and time.perf_counter() < deadline
            if len(timed) >= 2 and grows:
                batch, timed = min(4 * batch, options.batch_size), []
    seconds = sorted(timed[1:])[len(timed[1:]) // 2] if len(timed) > 2 else timed[-1]
    least, most = min(peaks), max(peaks)
    each = (peaks[most] - peaks[least]) / (most - least) if most > least else 0.0
    return batch / seconds, batch, peaks[most] - each * most, each


def _peak_memory(device: str) -> int:
    if device == "cuda":
        import torch

        return int(torch.cuda.max_memory_allocated())
    try:
        import resource
    except ImportError:  # Windows
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main(sys.argv[1:])
