"""GenKnow against CLIP_benchmark's zero-shot classification: the same model and pictures, number and time.

    pip install 'salmubench[bench]'
    python benchmarks/zero_shot.py --model RUN/checkpoints/clean --dataset RUN/dataset [--imagenet DIR] [--out FILE]

CLIP_benchmark gets open_clip's model, tokenizer and preprocessing and a PyTorch loader with as many processes as
cores (decoding in the main process with one); fp32 on both sides. Both times, by the clock and of all processors,
include decoding, prompts and pictures, not loading the model.
"""

from __future__ import annotations

import argparse
import io
import os
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import torch
from PIL import Image

from salmubench.clip import devices, models
from salmubench.core import provenance, writing
from salmubench.dataset import layout
from salmubench.encode import EncodeConfig, encode
from salmubench.encode.imagenet import WithImageNet
from salmubench.metrics import genknow, score
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.record_files import read_record

SPLIT = "general_knowledge"


class Seconds(NamedTuple):
    """Of the clock, and of all processors, those of ended child processes too."""

    clock: float
    processor: float


def now() -> Seconds:
    """The time."""
    return Seconds(time.perf_counter(), sum(os.times()[:4]))


def since(start: Seconds) -> Seconds:
    """How long ago that was."""
    return Seconds(*(b - a for a, b in zip(start, now(), strict=True)))


class Pictures(torch.utils.data.Dataset[tuple[torch.Tensor, int]]):
    """Pictures and class numbers for CLIP_benchmark."""

    def __init__(self, dataset: layout.Dataset, preprocess: Any) -> None:
        assert dataset.general_knowledge is not None
        self.classes, self.preprocess = dataset.general_knowledge.classes, preprocess
        self.data = list(dataset.images(SPLIT))
        self.labels = [dataset.general_knowledge.numbers[row.caption] for row in dataset.rows(SPLIT)]

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, int]:
        with Image.open(io.BytesIO(self.data[row])) as picture:
            return self.preprocess(picture), self.labels[row]


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--imagenet", type=Path)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    dataset = layout.open_dataset(arguments.dataset)
    if arguments.imagenet is not None:
        dataset = WithImageNet(dataset, arguments.imagenet)
    device = devices.resolve_device()
    model = models.load_model(arguments.model, device=device)
    model.encode_text(model.tokenize(["warm up"]).to(device))
    theirs, their_seconds = by_clip_benchmark(model, dataset, device)
    ours, our_seconds = by_salmubench(model, dataset)
    found = {
        "pictures": len(dataset.rows(SPLIT)),
        "classes": len(dataset.general_knowledge.classes) if dataset.general_knowledge else 0,
        "accuracy": ours,
        "seconds": our_seconds,
        "clip_benchmark_accuracy": theirs,
        "clip_benchmark_seconds": their_seconds,
        "ratio_by_clock": their_seconds.clock / our_seconds.clock,
        "ratio_by_processor": their_seconds.processor / our_seconds.processor,
    }
    for key, value in found.items():
        print(f"{key:24s} {value}")
    if arguments.out is not None:
        told = {key: value._asdict() if isinstance(value, Seconds) else value for key, value in found.items()}
        writing.write_json(arguments.out, {**told, "provenance": provenance.provenance()})


def by_salmubench(model: models.ClipModel, dataset: layout.Dataset) -> tuple[float, Seconds]:
    """Accuracy and seconds of `encode` (this split and its prompts) and `score`."""
    with tempfile.TemporaryDirectory() as folder:
        start = now()
        out = encode(
            model=model, dataset=dataset, out=Path(folder) / "e", precision="fp32",
            texts=list(genknow.texts(dataset, ScoreConfig())), config=EncodeConfig(splits=(SPLIT,)),
        )  # fmt: skip
        path = score(embeddings=out, clean=out, compromised=out, out=Path(folder) / "record.json")
        seconds = since(start)
        value = read_record(path).scores["GenKnow"]["value"].value
    assert value is not None
    return value, seconds


def by_clip_benchmark(model: models.ClipModel, dataset: layout.Dataset, device: str) -> tuple[float, Seconds]:
    """Accuracy and seconds of their classification."""
    from clip_benchmark.metrics import zeroshot_classification

    known = dataset.general_knowledge
    assert known is not None
    pictures = Pictures(dataset, model.preprocess)
    cores = os.cpu_count() or 1
    loader = torch.utils.data.DataLoader(pictures, batch_size=256, num_workers=cores if cores > 1 else 0)
    templates = [template.replace("{}", "{c}") for template in known.templates]
    start = now()
    classifier = zeroshot_classification.zero_shot_classifier(
        model.module, model.tokenize, list(known.classes), templates, device, amp=False
    )
    logits, right = zeroshot_classification.run_classification(model.module, classifier, loader, device, amp=False)
    # Not its `accuracy`: that fails with NumPy 2.4, which turns no array into a number.
    return float((logits.argmax(dim=1) == right).double().mean()), since(start)


if __name__ == "__main__":
    main()
