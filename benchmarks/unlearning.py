"""One unlearning run against a plain loop that runs the frozen reference at every step, as a ratio.

    python benchmarks/unlearning.py [--forget 640] [--budget 5] [--precision fp32] [--out FILE]

The plain loop has its pictures decoded beforehand, encodes forget and retain pairs with the model and with the frozen
reference at each step (captions with their padding, as open_clip does), and takes the same steps with torch's AdamW.
Ours is `unlearn`, less what a run of budget 0 takes (loading, hashing, writing). The world is as large as the recipe
`mini` (64 px, ViT 128 × 4 patch 16, text 128 × 2, context 60) and made of noise. Prints and writes JSON: seconds a step
of both, and ours / plain.
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
import io
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import open_clip
import torch
from PIL import Image

from salmubench import layout, manifest, models
from salmubench.unlearn import Batch, Model, Pairs, UnlearnConfig, load_method, unlearn
from salmubench.unlearn.data import Decoded, Row, decode

METHODS = ("cliperase", "delete", "vlunlearn")
VARIANT = {"variant": "released"}
BATCH = 64
MODEL = {
    "model_cfg": {
        "embed_dim": 128,
        "vision_cfg": {"image_size": 64, "patch_size": 16, "width": 128, "layers": 4, "head_width": 32},
        "text_cfg": {"context_length": 60, "vocab_size": 49408, "width": 128, "heads": 4, "layers": 2},
    },
    "preprocess_cfg": {
        "mean": [0.48145466, 0.4578275, 0.40821073], "std": [0.26862954, 0.26130258, 0.27577711],
        "interpolation": "bicubic", "resize_mode": "shortest",
    },
}  # fmt: skip


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--forget", type=int, default=640)
    parser.add_argument("--budget", type=int, default=5)
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--repeats", type=int, default=2, help="the fastest counts")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        found = measure(Path(name), arguments.forget, arguments.budget, arguments.precision, arguments.repeats)
    text = json.dumps(
        {"precision": arguments.precision, "threads": torch.get_num_threads(), "methods": found}, indent=1
    )
    print(text)
    if arguments.out:
        manifest.write_text(arguments.out, text + "\n")


def measure(root: Path, forget: int, budget: int, precision: str, repeats: int) -> dict[str, dict[str, float]]:
    """Seconds a step of both loops, for each method."""
    dataset, model = make_dataset(root / "dataset", forget, budget * forget), make_model(root / "model")
    settings = UnlearnConfig(batch_size=BATCH, probe_every=0, checkpoint_every=0)
    steps = budget * forget / BATCH

    def ours(method: str, times: int, out: str) -> float:
        start = time.perf_counter()
        unlearn(
            method, model=model, dataset=dataset, out=root / out, seed=0, budget=times, settings=settings,
            config=VARIANT, device="cpu", precision=precision,
        )  # fmt: skip
        return time.perf_counter() - start

    ours(METHODS[0], budget, "warm")  # decodes the pictures, which later runs find in memory
    found = {}
    for method in METHODS:
        fixed = min(ours(method, 0, f"{method}-0-{turn}") for turn in range(repeats))
        step = (min(ours(method, budget, f"{method}-{turn}") for turn in range(repeats)) - fixed) / steps
        plain = min(plain_loop(method, model, dataset, budget, precision) for _ in range(repeats)) / steps
        found[method] = {"ours": step, "plain": plain, "ratio": step / plain}
    return found


def plain_loop(name: str, model: Path, dataset: Path, budget: int, precision: str) -> float:
    """Seconds that student and reference forward at every step take for the same batches."""
    method, clip, opened = load_method(name), models.load_model(model), layout.open_dataset(dataset)
    config = method.config(**VARIANT)
    student = Model(clip, precision=precision)
    reference = Model(dataclasses.replace(clip, module=copy.deepcopy(clip.module)), precision=precision)
    forget, retain = (
        decode(
            opened, [Row(split, number) for number in range(opened.counts[split])], clip=clip, scratch=dataset, memory=4
        )
        for split in ("forget", "retain_real")
    )
    optimizer = torch.optim.AdamW(clip.module.parameters(), lr=1e-4, weight_decay=1e-3)
    start = time.perf_counter()
    for step in range(budget * len(forget.records) // BATCH):
        batch = Batch(
            forget=plain_pairs(forget, step, reference), retain=plain_pairs(retain, step, reference), step=step
        )
        value, _ = method.function(batch, student, reference, config)
        optimizer.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(clip.module.parameters(), 1.0)
        optimizer.step()
    return time.perf_counter() - start


def plain_pairs(decoded: Decoded, step: int, reference: Model) -> Pairs:
    """The step's pairs, with the reference's embeddings computed for this step."""
    count = len(decoded.records)
    rows = [(step * BATCH + place) % count for place in range(BATCH)]
    images, texts = decoded.images(rows, torch.device("cpu")), decoded.tokens[rows]
    with torch.no_grad():
        image_ref, text_ref = reference.encode_image(images), reference.encode_text(texts)
    return Pairs(images, texts, image_ref, text_ref, [decoded.records[row] for row in rows])


def make_dataset(folder: Path, forget: int, retain: int) -> Path:
    """Noise in the official layout; each retain pair is seen once, as at mini."""
    generator = np.random.default_rng(0)
    for split, count in {"forget": forget, "retain_real": retain}.items():
        captions = [f"{split} {number} of Anna Moreau is known" for number in range(count)]
        rows = (layout.Row(jpeg(generator), text, None, f"{split}{number}.jpg") for number, text in enumerate(captions))
        layout.write_shard(folder, split, 0, 1, rows)
    for split in ("forget_target", "retain_synth", "holdout_identity", "holdout_association"):
        layout.write_shard(folder, split, 0, 1, iter(()))
    for name in (layout.IDENTITIES, layout.CAPTIONS):
        manifest.write_json(folder / name, {})
    return folder


def jpeg(generator: np.random.Generator) -> bytes:
    """64 × 64 pixels of smooth noise."""
    stream = io.BytesIO()
    small = Image.fromarray(generator.integers(0, 256, (8, 8, 3), dtype=np.uint8))
    small.resize((64, 64)).save(stream, "JPEG")
    return stream.getvalue()


def make_model(folder: Path) -> Path:
    """Random weights."""
    torch.manual_seed(0)
    models.save_model(folder, state=open_clip.CLIP(**MODEL["model_cfg"]).state_dict(), config=MODEL)
    return folder


if __name__ == "__main__":
    main()
