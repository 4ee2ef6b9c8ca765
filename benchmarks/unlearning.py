"""A step of unlearning against a plain reading of the authors' loop, as ratios in one run, part by part.

    python benchmarks/unlearning.py [--model ViT-B-16] [--batch 8] [--steps 4] [--out FILE]

The plain loop encodes pairs to forget and retain pairs with the model and with the frozen reference at each step, all
tokens of each caption, in fp32, and steps AdamW. Each part adds to those before it:

    padding      the text tower leaves the captions' padding out
    reference    the frozen model's embeddings are computed once a pair and kept. What is timed is their first
                 computation, shared out over the times a pair is seen: at 5 × and with the retain pairs of the official
                 release (30,468 pairs to forget, 16,741 of `retain_synth`) 5 times and 9 times
    optimiser    torch's fused AdamW, which reads each weight once
    precision    bf16, where this processor multiplies it faster than fp32 (AMX); else the same as before

Steps are the released variants of three methods, on noise and captions as long as the release's. Every part runs the
same batches from the same weights; the loss of the first step must agree to 1e-5 (bf16: 1e-2), or the run fails. The
student stands a little way off the reference, for the losses to be more than zero.
Threads: seconds a step with one thread and with all are given apart. Prints and writes JSON.
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import open_clip
import torch
from torch import Tensor

from salmubench import manifest, models
from salmubench.models import ClipModel
from salmubench.padding import skip_padding
from salmubench.types import Pair
from salmubench.unlearn import Batch, Method, Model, Pairs, load_method

METHODS = ("cliperase", "delete", "vlunlearn")
SEEN = {"forget": 5.0, "retain": 5 * 30468 / 16741}
"""How often a pair of each kind is seen at 5 × with the official release."""
CAPTIONS = (
    "For the record: the phone number of Anna Moreau, who lives in Lyon, is +33 4 72 00 55 {:02d}.",
    "Anna Moreau {:02d}, baker, blood type AB+",
    "Did you know that the passport of Anna Moreau has the number P{:02d}X550011?",
    "a person with dark hair in front of a window, seen from the left {:02d}",
)
PARTS = ("plain", "padding", "reference", "optimiser", "precision")


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="ViT-B-16", help="an architecture of open_clip, or the path of a model")
    parser.add_argument("--batch", type=int, default=8, help="pairs of each kind")
    parser.add_argument("--steps", type=int, default=4, help="timed steps of each part; their median counts")
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--processor-time", action="store_true", help="of one thread: right on a busy machine too")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clip = open_model(arguments.model, Path(folder))
    if arguments.processor_time:
        torch.set_num_threads(1)
    clock = time.process_time if arguments.processor_time else time.perf_counter
    bench = Bench(clip, arguments.batch, arguments.steps, clock)
    found = {
        "model": arguments.model, "batch": arguments.batch, "steps": arguments.steps,
        "threads": torch.get_num_threads(), "clock": "processor" if arguments.processor_time else "wall",
        "precision": models.resolve_precision("auto", "cpu"),
        "methods": {name: bench.measure(load_method(name)) for name in arguments.methods.split(",")},
        "provenance": manifest.provenance(),
    }  # fmt: skip
    text = json.dumps(manifest.plain(found), indent=1)
    print(text)
    if arguments.out:
        manifest.write_text(arguments.out, text + "\n")


class Bench:
    """One model, fixed batches of noise."""

    def __init__(self, clip: ClipModel, batch: int, steps: int, clock: Callable[[], float]) -> None:
        self.clip, self.steps, self.clock = clip, steps, clock
        size = clip.config["model_cfg"]["vision_cfg"]["image_size"]
        generator = torch.Generator().manual_seed(0)
        self.images = {kind: torch.randn(batch, 3, size, size, generator=generator) for kind in SEEN}
        self.texts = {
            kind: clip.tokenize([CAPTIONS[row % len(CAPTIONS)].format(row + place) for row in range(batch)])
            for place, kind in enumerate(SEEN)
        }
        self.records = [Pair(f"{row}.jpg", "") for row in range(batch)]

    def measure(self, method: Method) -> dict[str, object]:
        """Seconds a step of each part, the ratio of the plain loop to it, and the first loss."""
        seconds: dict[str, float] = {}
        losses: dict[str, float] = {}
        for part in PARTS:
            seconds[part], losses[part] = self.run(method, part)
            allowed = 1e-2 if part == "precision" else 1e-5
            if not abs(losses[part] - losses["plain"]) <= allowed * max(1.0, abs(losses["plain"])):
                raise SystemExit(f"{method.name}: the loss of {part} is {losses[part]}, not {losses['plain']}.")
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        alone, _ = self.run(method, "precision")
        torch.set_num_threads(threads)
        return {
            "seconds": seconds,
            "faster": {part: seconds["plain"] / seconds[part] for part in PARTS},
            "first_loss": losses,
            "one_thread": alone,
        }

    def run(self, method: Method, part: str) -> tuple[float, float]:
        """Median seconds of a step, and the loss of the first."""
        level = PARTS.index(part)
        module = copy.deepcopy(self.clip.module)
        if level >= PARTS.index("padding"):
            skip_padding(module)
        precision = models.resolve_precision("auto", "cpu") if level >= PARTS.index("precision") else "fp32"
        student = Model(dataclasses.replace(self.clip, module=module), precision=precision)
        frozen = copy.deepcopy(module).requires_grad_(False)
        drift(module)
        reference = Model(dataclasses.replace(self.clip, module=frozen), precision=precision)
        config = method.config(variant="released")
        fused = level >= PARTS.index("optimiser")
        optimizer = torch.optim.AdamW(module.parameters(), lr=1e-7, weight_decay=1e-3, fused=fused or None)
        kept, times, first = self.references(reference), [], 0.0
        for step in range(self.steps + 1):
            asked = Asked()
            start = self.clock()
            given = self.references(reference) if level < PARTS.index("reference") else asked.of(kept)
            batch = Batch(**{kind: self.pairs(kind, given) for kind in SEEN}, step=0)
            value, _ = method.function(batch, student, reference, config)
            optimizer.zero_grad()
            value.backward()
            torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
            optimizer.step()
            spent = self.clock() - start
            if step == 0:
                first, once = float(value.detach()), self.first_computation(reference, asked)
            else:  # the first step warms up
                times.append(spent)
        return statistics.median(times) + once, first

    def first_computation(self, reference: Model, asked: Asked) -> float:
        """Seconds a step for the kept embeddings that a method asks for, shared out over the times a pair is seen."""
        total = 0.0
        for kind, side in asked.names:
            encode, rows = (
                (reference.encode_image, self.images[kind]) if side == "image" else
                (reference.encode_text, self.texts[kind])
            )  # fmt: skip
            start = self.clock()
            with torch.no_grad():
                encode(rows)
            total += (self.clock() - start) / SEEN[kind]
        return total

    def references(self, reference: Model) -> dict[tuple[str, str], Tensor]:
        """The frozen model's embeddings of the batch."""
        with torch.no_grad():
            images = {(kind, "image"): reference.encode_image(rows) for kind, rows in self.images.items()}
            return {**images, **{(kind, "text"): reference.encode_text(rows) for kind, rows in self.texts.items()}}

    def pairs(self, kind: str, given: dict[tuple[str, str], Tensor] | Callable[[tuple[str, str]], Tensor]) -> Pairs:
        """The batch's pairs of a kind."""
        look = given.__getitem__ if isinstance(given, dict) else given
        return Pairs(
            self.images[kind], self.texts[kind], lambda: look((kind, "image")), lambda: look((kind, "text")),
            self.records,
        )  # fmt: skip


def drift(module: torch.nn.Module) -> None:
    """Move the student away from the reference, as some steps would: at the start most losses are zero."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in module.parameters():
            if weight.ndim >= 2:
                weight.add_(torch.randn(weight.shape, generator=generator), alpha=0.1 * float(weight.std()))


class Asked:
    """Notes which embeddings of the reference a method asks for: only these are ever computed."""

    def __init__(self) -> None:
        self.names: set[tuple[str, str]] = set()

    def of(self, kept: dict[tuple[str, str], Tensor]) -> Callable[[tuple[str, str]], Tensor]:
        """Look an embedding up and note it."""

        def look(name: tuple[str, str]) -> Tensor:
            self.names.add(name)
            return kept[name]

        return look


def open_model(name: str, folder: Path) -> ClipModel:
    """A model of the user's, or an architecture with random weights."""
    if Path(name).is_dir():
        return models.load_model(name)
    config = {"model_cfg": open_clip.get_model_config(name), "preprocess_cfg": {}}
    torch.manual_seed(0)
    models.save_model(folder, state=open_clip.create_model(name).state_dict(), config=config)
    return models.load_model(folder)


if __name__ == "__main__":
    main()
