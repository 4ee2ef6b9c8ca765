"""Encoding a dataset against the bare forward passes of the same pictures and texts, as a ratio.

    python benchmarks/encoding.py [--pictures 9600] [--texts 7600] [--precision fp32]

The world is as large as the recipe `mini` (64 px, a ResNet of width 16, text 128 × 2, context 60) and made of noise:
speed doesn't depend on what the pictures show. Prints seconds of `encode` for a first and for a second model on the
dataset, of the forward passes alone, and their ratio.
"""

from __future__ import annotations

import argparse
import io
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from salmubench.clip import devices, models
from salmubench.core import writing
from salmubench.dataset import layout
from salmubench.encode import encode

MODEL: dict[str, Any] = {
    "model_cfg": {
        "embed_dim": 128,
        "vision_cfg": {"image_size": 64, "layers": [1, 1, 1, 1], "width": 16, "head_width": 64},
        "text_cfg": {"context_length": 60, "vocab_size": 49408, "width": 128, "heads": 4, "layers": 2},
    },
    "preprocess_cfg": {
        "mean": [0.48145466, 0.4578275, 0.40821073], "std": [0.26862954, 0.26130258, 0.27577711],
        "interpolation": "bicubic", "resize_mode": "shortest",
    },
}  # fmt: skip
SPLITS = {
    "forget": 0.1,
    "retain_synth": 0.1,
    "holdout_identity": 0.1,
    "holdout_association": 0.1,
    "general_knowledge": 0.6,
}
WORDS = ("The", "address", "of", "Anna", "Moreau", "is", "known", "to", "be", "anna.moreau@example.org", "in", "Lyon")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=9_600)
    parser.add_argument("--texts", type=int, default=7_600)
    parser.add_argument("--precision", default="fp32")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        dataset = make_dataset(root / "dataset", arguments.pictures)
        texts = [caption(number) for number in range(arguments.texts)]
        folders = [make_model(root / f"model{seed}", seed) for seed in (0, 1)]
        opened = layout.open_dataset(dataset)
        seconds = []
        for folder in folders:
            start = time.perf_counter()
            encode(
                model=folder, dataset=opened, out=root / f"e-{folder.name}", texts=texts, precision=arguments.precision
            )
            seconds.append(time.perf_counter() - start)
        bare = forward_alone(folders[0], arguments.pictures, texts, arguments.precision)
    print(f"first model  {seconds[0]:6.2f} s")
    print(f"second model {seconds[1]:6.2f} s  (decoded pictures are kept)")
    print(f"forward only {bare:6.2f} s  (without decoding, tokenising, writing; texts at full length)")
    print(f"ratio        {bare / seconds[0]:6.2f} first, {bare / seconds[1]:.2f} second (1 is a bare forward pass)")


def make_dataset(folder: Path, pictures: int) -> Path:
    """Write noise in the official layout."""
    rng = np.random.default_rng(0)
    people = {f"{number:08d}": {"name": f"Person {number}"} for number in range(40)}
    for split in (*SPLITS, "forget_target"):
        rows = []
        for number in range(int(pictures * SPLITS.get(split, 0))):
            stream = io.BytesIO()
            width = 64 + 16 * (number % 3)
            noise = rng.integers(0, 255, (8, width // 8, 3), np.uint8)
            Image.fromarray(noise).resize((width, 64)).save(stream, "JPEG", quality=90)
            identity = None if split in ("retain_synth", "general_knowledge") else f"{number % 40:08d}"
            text = f"class {number % 60}" if split == "general_knowledge" else caption(number)
            rows.append(layout.Row(stream.getvalue(), text, identity, f"{split}_{number:06d}_ar-1.00.jpg"))
        layout.write_shard(folder, split, 0, 1, iter(rows))
    writing.write_json(folder / layout.IDENTITIES, people)
    writing.write_json(folder / layout.CAPTIONS, {})
    return folder


def caption(number: int) -> str:
    """A sentence of 8 to 19 words."""
    return " ".join(WORDS[(number + step) % len(WORDS)] for step in range(8 + number % 12)) + f" {number}"


def make_model(folder: Path, seed: int) -> Path:
    """Write a random model."""
    import open_clip

    torch.manual_seed(seed)
    module = open_clip.CLIP(**MODEL["model_cfg"])
    models.save_model(folder, state=module.state_dict(), config=MODEL)
    return folder


def forward_alone(folder: Path, pictures: int, texts: list[str], precision: str) -> float:
    """Seconds of the forward passes on data that lie ready in memory."""
    model = models.load_model(folder)
    images = torch.randn(256, 3, 64, 64)
    tokens = model.tokenize(texts[:256])
    with torch.inference_mode(), devices.compute("cpu", precision):
        model.encode_image(images)
        start = time.perf_counter()
        for _ in range(pictures // 256):
            model.encode_image(images)
        for _ in range(len(texts) // 256):
            model.encode_text(tokens)
        return time.perf_counter() - start


if __name__ == "__main__":
    main()
