"""Encoding with ViT-B/16 at 224 px against its bare forward pass, in pictures a second; both precisions.

    python benchmarks/encoding_at_scale.py [--pictures 96] [--batch 32] [--out results/evaluation/encoding.json]

Pictures are JPEGs of 512 px, as in the release, decoded and resized during the passes; weights are random (speed
doesn't depend on them). The model is loaded once and warmed up; the ratio is of one run. Also timed: decoding alone,
and the same forward pass in the other precision, which shows whether `--precision auto` takes the faster one.
"""

from __future__ import annotations

import argparse
import io
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from salmubench import layout, manifest, models
from salmubench.encode import EncodeConfig, encode
from salmubench.encode.pictures import decoded, grouped, split_transform

ARCH = "ViT-B-16"


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=96)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    device = models.resolve_device()
    chosen = models.resolve_precision("auto", device)
    other = "fp32" if chosen == "bf16" else "bf16"
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        dataset, model = make_dataset(root / "dataset", arguments.pictures), make_model(root / "model", device)
        forward = bare_rate(model, chosen, arguments.batch, arguments.pictures)
        found = {
            "pictures": arguments.pictures,
            "precision": chosen,
            "encode": encode_rate(model, dataset, root / "e", chosen, arguments),
            "forward": forward,
            "decode": decode_rate(model, dataset, arguments.pictures),
            f"forward_{other}": bare_rate(model, other, max(arguments.batch // 4, 1), arguments.batch // 4),
        }
    found["ratio"] = found["encode"] / forward
    for key, value in found.items():
        print(f"{key:14s} {value:.2f}" if isinstance(value, float) else f"{key:14s} {value}")
    if arguments.out is not None:
        probe = models.probe_precision()
        manifest.write_json(arguments.out, {**found, "probe": probe, "provenance": manifest.provenance()})


def make_dataset(folder: Path, pictures: int) -> layout.Dataset:
    """Write pictures like photographs in size: smooth noise, 512 px on the short side."""
    rng, rows = np.random.default_rng(0), []
    for number in range(pictures):
        stream = io.BytesIO()
        width = 512 + 128 * (number % 3)
        noise = rng.integers(0, 255, (32, width // 16, 3), np.uint8)
        Image.fromarray(noise).resize((width, 512), Image.Resampling.BICUBIC).save(stream, "JPEG", quality=90)
        rows.append(layout.Row(stream.getvalue(), "a person", None, f"d_{number:06d}_ar-1.00.jpg"))
    for split in layout.OFFICIAL_SPLITS:
        layout.write_shard(folder, split, 0, 1, iter(rows if split == "retain_synth" else ()))
    manifest.write_json(folder / layout.IDENTITIES, {})
    manifest.write_json(folder / layout.CAPTIONS, {})
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
) -> float:
    """Pictures a second of `encode`: decoding, forward passes, writing; the model is at hand."""
    load = models.load_model
    models.load_model = lambda *_, **__: model  # type: ignore[assignment]
    try:
        start = time.perf_counter()
        config = EncodeConfig(batch_size=arguments.batch)
        encode(model=model.source, dataset=dataset, out=out, config=config, precision=precision)
        return arguments.pictures / (time.perf_counter() - start)
    finally:
        models.load_model = load


def bare_rate(model: models.ClipModel, precision: str, batch: int, pictures: int) -> float:
    """Pictures a second of the forward pass alone, on a batch that lies ready."""
    images = torch.randn(batch, 3, 224, 224, device=model.device)
    device = model.device.type
    with torch.inference_mode(), models.compute(device, precision):
        return batch * repeat(lambda: model.encode_image(images), max(pictures // batch, 1), device)


def repeat(work: Callable[[], object], times: int, device: str) -> float:
    """How often a second the work is done; once before to warm up."""
    work()
    if device == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(times):
        work()
    if device == "cuda":
        torch.cuda.synchronize()
    return times / (time.perf_counter() - start)


def decode_rate(model: models.ClipModel, dataset: layout.Dataset, pictures: int) -> float:
    """Pictures a second that all cores decode and resize, with nothing else to do."""
    named = [(str(number), data) for number, data in enumerate(dataset.images("retain_synth"))]
    start = time.perf_counter()
    for _ in decoded(grouped(named, 64), split_transform(model.preprocess), workers=os.cpu_count() or 1):
        pass
    return pictures / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
