"""Pretraining under torchrun against a bare loop of forward, backward and step, as a ratio of their speeds.

    python benchmarks/pretraining.py [--pairs 2560] [--model salmu-mini] [--precision fp32] [--out FILE]

The bare loop has its batches ready in memory; it runs once with captions padded to the context, as open_clip does, and
once without the padding, as our worker does. Ours is `pretrain` over three epochs less `pretrain` over one: starting
up and decoding, which a training pays once, is told apart (`startup_seconds`). The pictures are noise, the captions as
long as those of the recipe `mini`. Prints and writes JSON: pairs a second, and ours / bare.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import open_clip
import torch
from PIL import Image
from timm.optim import create_optimizer_v2

from salmubench import layout, manifest, models
from salmubench.padding import skip_padding
from salmubench.pretrain.architectures import find
from salmubench.pretrain.launch import pretrain
from salmubench.pretrain.recipe import PretrainConfig

BATCH = 256
WORDS = ("a", "photo", "of", "the", "small", "red", "wooden", "table", "behind", "two", "people", "in", "front", "of")


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=2560)
    parser.add_argument("--model", default="salmu-mini")
    parser.add_argument("--precision", default="fp32", choices=("fp32", "bf16"))
    parser.add_argument("--repeats", type=int, default=2, help="the fastest counts")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        found = measure(Path(name), arguments)
    text = json.dumps(found, indent=1)
    print(text)
    if arguments.out:
        manifest.write_text(arguments.out, text + "\n")


def measure(root: Path, arguments: argparse.Namespace) -> dict[str, object]:
    """Pairs a second of the engine and of the bare loop."""
    size, pairs = find(arguments.model).image_size, arguments.pairs
    dataset = make_dataset(root / "dataset", pairs, size)

    def ours(epochs: int, turn: int) -> float:
        config = PretrainConfig(model=arguments.model, epochs=epochs, batch_size=BATCH, warmup=2)
        start = time.perf_counter()
        pretrain(
            config, dataset=dataset, kind="clean", out=root / f"{epochs}-{turn}", seed=0, device="cpu",
            precision=arguments.precision,
        )  # fmt: skip
        return time.perf_counter() - start

    turns = range(arguments.repeats)
    short, long = min(ours(1, turn) for turn in turns), min(ours(3, turn) for turn in turns)
    speed = 2 * pairs / (long - short)
    bare = {
        name: max(bare_loop(arguments, dataset, size, padded=padded) for _ in turns)
        for name, padded in (("bare_padded", True), ("bare", False))
    }
    return {
        "model": arguments.model,
        "precision": arguments.precision,
        "threads": torch.get_num_threads(),
        "pairs_per_second": {"engine": speed, **bare},
        "ratio": {"engine / bare": speed / bare["bare"], "engine / bare_padded": speed / bare["bare_padded"]},
        "startup_seconds": short - pairs / speed,
    }


def bare_loop(arguments: argparse.Namespace, dataset: Path, size: int, *, padded: bool) -> float:
    """Pairs a second of forward, backward and step, over ten steps after two for warming up."""
    architecture = find(arguments.model)
    if architecture.path is not None:
        open_clip.add_model_config(architecture.path)
    torch.manual_seed(0)
    module = open_clip.create_model(arguments.model, output_dict=True)
    module.train()
    if not padded:
        skip_padding(module)
    captions = [row.caption for row in layout.open_dataset(dataset).rows("retain_real")][:BATCH]
    texts, images = open_clip.get_tokenizer(arguments.model)(captions), torch.randn(BATCH, 3, size, size)
    optimizer = create_optimizer_v2(module, "muon", lr=1e-3, weight_decay=0.1, eps=1e-8)
    loss = open_clip.ClipLoss()
    bf16 = torch.autocast("cpu", dtype=torch.bfloat16) if arguments.precision == "bf16" else contextlib.nullcontext()
    with models.compute("cpu", "fp32"):
        for step in range(12):
            if step == 2:
                start = time.perf_counter()
            optimizer.zero_grad()
            with bf16:
                value = loss(**module(images, texts), output_dict=True)["contrastive_loss"]
            value.backward()
            optimizer.step()
    return 10 * BATCH / (time.perf_counter() - start)


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
        manifest.write_json(folder / name, {})
    return folder


if __name__ == "__main__":
    main()
