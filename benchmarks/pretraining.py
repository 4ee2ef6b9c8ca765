"""Pretraining under torchrun against a bare loop of forward, backward and step, as a ratio of their speeds.

    python benchmarks/pretraining.py [--model salmu-mini] [--batch 256] [--steps 12] [--parts engine,bare,data]

Parts:

- `engine`: `pretrain` over three epochs less `pretrain` over one, so that what a training pays once (starting up,
  decoding) is told apart.
- `bare`: batches ready in memory, padded captions as open_clip has them, and without the padding as our worker.
- `data`: shards to normalised tensors, without a model: as pairs in memory, and as the engine streams them.
- `compile`: the bare loop with padded captions through torch.compile, and how long compiling takes.

Everything runs on one thread, and what counts is processor time: it is the time on a clock where nothing else runs, and
hardly depends on what else does. The pictures are noise, the captions as long as those of the recipe `mini`. Prints and
writes JSON: pairs a processor-second, and ratios.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import open_clip
import torch
from PIL import Image
from timm.optim import create_optimizer_v2  # type: ignore[attr-defined]

from salmubench.clip import devices, muon
from salmubench.clip.padding import skip_padding
from salmubench.clip.pixels import split_transform
from salmubench.core import provenance, writing
from salmubench.dataset import layout, shards
from salmubench.pretrain import open_clip_worker as worker
from salmubench.pretrain.architectures import find
from salmubench.pretrain.config import PretrainConfig
from salmubench.pretrain.launch import pretrain
from salmubench.pretrain.memory_loader import MemoryLoader, load_pairs

WORDS = ("a", "photo", "of", "the", "small", "red", "wooden", "table", "behind", "two", "people", "in", "front", "of")
WARM = 2  # steps that don't count


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="salmu-mini")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--optimizer", default="timm/muon")
    parser.add_argument("--precision", default="fp32", choices=("fp32", "bf16"))
    parser.add_argument("--parts", default="engine,bare,data")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        found = measure(Path(name), arguments)
    text = json.dumps(found, indent=1)
    print(text)
    if arguments.out:
        writing.write_text(arguments.out, text + "\n")


def measure(root: Path, arguments: argparse.Namespace) -> dict[str, object]:
    """Pairs a processor-second of each part, and ratios."""
    size, pairs, parts = find(arguments.model).image_size, arguments.batch * arguments.steps, arguments.parts.split(",")
    dataset, extra = make_dataset(root / "dataset", pairs, size), {}
    speeds: dict[str, float] = {}
    if "engine" in parts:
        speeds["engine"], extra["other_seconds"] = engine(root, dataset, arguments)
    if "bare" in parts:
        for name, padded in (("bare_padded", True), ("bare", False)):
            speeds[name], _ = bare_loop(arguments, dataset, size, padded=padded)
    if "data" in parts:
        speeds |= data_path(root, dataset, arguments)
    if "compile" in parts:
        speeds["bare_padded"], _ = bare_loop(arguments, dataset, size, padded=True)
        speeds["compiled"], extra["compile_seconds"] = bare_loop(arguments, dataset, size, padded=True, compiled=True)
    wanted = (("engine", "bare"), ("engine", "bare_padded"), ("memory", "engine"), ("stream", "engine"),
              ("compiled", "bare_padded"))  # fmt: skip
    return {
        "model": arguments.model,
        "precision": arguments.precision,
        "optimizer": arguments.optimizer,
        "batch": arguments.batch,
        "threads": torch.get_num_threads(),
        "pairs_per_processor_second": speeds,
        "ratio": {f"{a} / {b}": speeds[a] / speeds[b] for a, b in wanted if a in speeds and b in speeds},
        **extra,
        "provenance": provenance.provenance(),
    }


def engine(root: Path, dataset: Path, arguments: argparse.Namespace) -> tuple[float, float]:
    """Pairs a processor-second of the engine's steps, and processor-seconds of everything else."""

    def spent(epochs: int) -> float:
        config = PretrainConfig(
            model=arguments.model, epochs=epochs, batch_size=arguments.batch, warmup=1, optimizer=arguments.optimizer,
            lr=1e-3, log_every=1, loading="memory", threads=1,
        )  # fmt: skip
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        pretrain(
            config, dataset=dataset, kind="clean", out=root / str(epochs), seed=0, device="cpu",
            precision=arguments.precision,
        )  # fmt: skip
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    pairs = arguments.batch * arguments.steps
    short, long = spent(1), spent(3)
    return 2 * pairs / (long - short), short - (long - short) / 2


def bare_loop(
    arguments: argparse.Namespace, dataset: Path, size: int, *, padded: bool, compiled: bool = False
) -> tuple[float, float]:
    """Pairs a processor-second of forward, backward and step, and seconds of the first step."""
    worker.register(arguments.model, find(arguments.model).path)
    torch.manual_seed(0)
    module = open_clip.create_model(arguments.model, output_dict=True)
    module.train()
    module.to(memory_format=torch.channels_last)
    if not padded:
        skip_padding(module)
    muon.fuse_adamw()
    if arguments.precision == "fp32":
        muon.keep_in_fp32()
    captions = [row.caption for row in layout.open_dataset(dataset).rows("retain_real")][: arguments.batch]
    texts = open_clip.get_tokenizer(arguments.model)(captions)
    images = torch.randn(arguments.batch, 3, size, size).to(memory_format=torch.channels_last)
    name = arguments.optimizer.removeprefix("timm/")
    optimizer = create_optimizer_v2(module, name, lr=1e-3, weight_decay=0.1, eps=1e-8)
    loss = open_clip.ClipLoss()
    bf16 = torch.autocast("cpu", dtype=torch.bfloat16) if arguments.precision == "bf16" else contextlib.nullcontext()
    run = torch.compile(module) if compiled else module
    seconds = []
    with devices.compute("cpu", "fp32"):
        for _ in range(arguments.steps):
            start = time.process_time()
            optimizer.zero_grad()
            with bf16:
                value = loss(**run(images, texts), output_dict=True)["contrastive_loss"]
            value.backward()
            optimizer.step()
            seconds.append(time.process_time() - start)
    return arguments.batch / float(np.median(seconds[WARM:])), seconds[0]


def data_path(root: Path, dataset: Path, arguments: argparse.Namespace) -> dict[str, float]:
    """Pairs a processor-second from shards to normalised tensors: in memory, decoded once, and streamed."""
    from open_clip_train.data import get_data

    found = shards.find_or_write(layout.open_dataset(dataset), root / "shards")
    worker.register(arguments.model, find(arguments.model).path)
    _, _, preprocess = open_clip.create_model_and_transforms(arguments.model)
    tokenizer = open_clip.get_tokenizer(arguments.model)
    rows, pattern = found.rows("retain"), found.pattern("retain")
    pairs = load_pairs(pattern, preprocessor=split_transform(preprocess), tokenize=tokenizer, threads=1, expected=rows)
    loader = MemoryLoader(
        pairs, preprocessor=split_transform(preprocess), batch_size=arguments.batch, seed=0, rank=0, processes=1,
        epoch=lambda: 0, counts=root,
    )  # fmt: skip
    given = SimpleNamespace(
        train_data=pattern, train_num_samples=rows, val_data=None, imagenet_val=None, imagenet_v2=None,
        dataset_type="webdataset", dataset_resampled=False, train_data_upsampling_factors=None, seed=0,
        batch_size=arguments.batch, world_size=1, workers=0,
    )  # fmt: skip
    streamed = get_data(given, (preprocess, preprocess), tokenizer=tokenizer)["train"].dataloader
    speeds = {}
    for name, batches in (("memory", loader), ("stream", streamed)):
        start = time.process_time()
        seen = sum(len(texts) for _, texts in batches)
        speeds[name] = seen / (time.process_time() - start)
    return speeds


def make_dataset(folder: Path, pairs: int, size: int) -> Path:
    """A dataset with nothing but `retain_real`: noise, and captions of 4 to 32 words, 8 in the middle."""
    rng = np.random.default_rng(0)

    def rows() -> Iterator[layout.Row]:
        for number in range(pairs):
            stream = io.BytesIO()
            Image.fromarray(rng.integers(0, 256, (size, size, 3), dtype=np.uint8)).save(stream, "JPEG", quality=90)
            length = int(np.clip(rng.lognormal(np.log(8), 0.6), 4, 32))
            yield layout.Row(stream.getvalue(), " ".join(rng.choice(WORDS, length)), None, f"r_{number:06d}.jpg")

    for split in ("forget", "forget_target", "retain_synth", "holdout_identity", "holdout_association"):
        layout.write_shard(folder, split, 0, 1, iter(()))
    layout.write_shard(folder, "retain_real", 0, 1, rows())
    for name in (layout.IDENTITIES, layout.CAPTIONS):
        writing.write_json(folder / name, {})
    return folder


if __name__ == "__main__":
    main()
