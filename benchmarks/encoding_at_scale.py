"""Encoding with ViT-B/16 at 224 px against its bare forward pass, in pictures a second; both precisions.

    python benchmarks/encoding_at_scale.py [--pictures 96] [--batch 32] [--out results/evaluation/encoding.json]

Pictures are JPEGs of 512 px, as in the release, decoded and resized during the passes; weights are random (speed
doesn't depend on them). The model is loaded once and warmed up; the ratios are of one run, by the clock and by
processor time, which others on the machine disturb less. Also timed: decoding alone, and the same forward pass in the
other precision, which shows whether `--precision auto` takes the faster one.
"""

from __future__ import annotations

import argparse
import functools
import io
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image

from salmubench.clip import devices, models
from salmubench.clip.pixels import split_transform
from salmubench.core import provenance, writing
from salmubench.core.types import OFFICIAL_SPLITS
from salmubench.dataset import layout
from salmubench.encode import EncodeConfig, encode
from salmubench.encode.pictures import decoded, grouped

ARCH = "ViT-B-16"


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=96)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    device = devices.resolve_device()
    chosen = devices.resolve_precision("auto", device)
    other = "fp32" if chosen == "bf16" else "bf16"
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        dataset, model = make_dataset(root / "dataset", arguments.pictures), make_model(root / "model", device)
        rates = {
            "forward": bare_rate(model, chosen, arguments.batch, arguments.pictures),
            "encode": encode_rate(model, dataset, root / "e", chosen, arguments),
            "decode": decode_rate(model, dataset, arguments.pictures),
            "other": bare_rate(model, other, max(arguments.batch // 4, 1), arguments.batch // 4),
        }
    found = {
        "pictures": arguments.pictures,
        "threads": torch.get_num_threads(),
        "precision": chosen,
        "other_precision": other,
        "pictures_a_second": {name: rate.by_clock for name, rate in rates.items()},
        "pictures_a_processor_second": {name: rate.by_processor for name, rate in rates.items()},
        "ratio_by_clock": rates["encode"].by_clock / rates["forward"].by_clock,
        "ratio_by_processor": rates["encode"].by_processor / rates["forward"].by_processor,
        "faster_by": rates["forward"].by_processor / rates["other"].by_processor,
    }
    for key, value in found.items():
        print(f"{key:28s} {value}")
    if arguments.out is not None:
        probe = devices.probe_precision()
        writing.write_json(arguments.out, {**found, "probe": probe, "provenance": provenance.provenance()})


class Rate(NamedTuple):
    """Pictures a second of the clock, and a second of processor time (of all threads)."""

    by_clock: float
    by_processor: float


def timed(work: Callable[[], object], pictures: int, device: str = "cpu") -> Rate:
    """Do some work once."""
    clock, processor = time.perf_counter(), time.process_time()
    work()
    if device == "cuda":
        torch.cuda.synchronize()
    return Rate(pictures / (time.perf_counter() - clock), pictures / (time.process_time() - processor))


def make_dataset(folder: Path, pictures: int) -> layout.Dataset:
    """Write pictures like photographs in size: smooth noise, 512 px on the short side."""
    rng, rows = np.random.default_rng(0), []
    for number in range(pictures):
        stream = io.BytesIO()
        width = 512 + 128 * (number % 3)
        noise = rng.integers(0, 255, (32, width // 16, 3), np.uint8)
        Image.fromarray(noise).resize((width, 512), Image.Resampling.BICUBIC).save(stream, "JPEG", quality=90)
        rows.append(layout.Row(stream.getvalue(), "a person", None, f"d_{number:06d}_ar-1.00.jpg"))
    for split in OFFICIAL_SPLITS:
        layout.write_shard(folder, split, 0, 1, iter(rows if split == "retain_synth" else ()))
    writing.write_json(folder / layout.IDENTITIES, {})
    writing.write_json(folder / layout.CAPTIONS, {})
    return layout.open_dataset(folder)


def make_model(folder: Path, device: str) -> models.ClipModel:
    """A random model of the architecture, on disk and loaded."""
    import open_clip

    torch.manual_seed(0)
    config = open_clip.get_model_config(ARCH)
    module, _, preprocess = open_clip.create_model_and_transforms(ARCH)
    del preprocess
    models.save_model(
        folder, state=module.state_dict(), config={"model_cfg": config, "preprocess_cfg": module.visual.preprocess_cfg}
    )
    return models.load_model(folder, device=device)


def encode_rate(
    model: models.ClipModel, dataset: layout.Dataset, out: Path, precision: str, arguments: argparse.Namespace
) -> Rate:
    """`encode`: decoding, forward passes, writing; the model is at hand."""
    config = EncodeConfig(batch_size=arguments.batch)
    work = functools.partial(encode, model=model, dataset=dataset, out=out, config=config, precision=precision)
    return timed(work, arguments.pictures)


def bare_rate(model: models.ClipModel, precision: str, batch: int, pictures: int) -> Rate:
    """The forward pass alone, on a batch that lies ready."""
    images = torch.randn(batch, 3, 224, 224, device=model.device)
    device, times = model.device.type, max(pictures // batch, 1)

    def work() -> None:
        for _ in range(times):
            model.encode_image(images)

    with torch.inference_mode(), devices.compute(device, precision):
        model.encode_image(images[:1])  # warm up
        return timed(work, batch * times, device)


def decode_rate(model: models.ClipModel, dataset: layout.Dataset, pictures: int) -> Rate:
    """Decoding and resizing on all cores, with nothing else to do."""
    named = [(str(number), data) for number, data in enumerate(dataset.images("retain_synth"))]

    def work() -> None:
        for _ in decoded(grouped(named, 64), split_transform(model.preprocess), workers=os.cpu_count() or 1):
            pass

    return timed(work, pictures)


if __name__ == "__main__":
    main()
