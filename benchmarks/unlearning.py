"""A step of unlearning against a plain reading of the authors' loop, as ratios in one run, part by part.

    python benchmarks/unlearning.py [--model ViT-B-16] [--batch 8] [--steps 4] [--out FILE]

The plain loop encodes pairs to forget and retain pairs with the model and with the frozen reference at each step, all
tokens of each caption, in fp32, and steps AdamW. Each part adds to those before it:

    padding      the text tower leaves the captions' padding out
    reference    the frozen model's embeddings are computed once a pair and kept. What is timed is their first
                 computation, shared out over the times a pair is seen: at 5 × and with the retain pairs of the official
                 release (30,468 pairs to forget, 16,741 of `retain_synth`) 5 times and 9 times
    optimiser    torch's fused AdamW, which reads each weight once
    precision    bf16, where this processor multiplies it faster than fp32; else the same as before

Steps are the released variants of three methods, on noise and captions as long as the release's. Every part runs the
same batches from the same weights; the loss of the first step must agree to 1e-5 (bf16: 1e-2), or the run fails. The
student stands a little way off the reference, for the losses to be more than zero.
Prints and writes JSON.
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
from typing import Any

import open_clip
import torch
from torch import Tensor

from salmubench.clip import devices, models
from salmubench.clip.models import ClipModel
from salmubench.clip.padding import skip_padding
from salmubench.core import provenance, writing
from salmubench.core.types import Pair
from salmubench.unlearn import Batch, LoadedMethod, Model, Pairs, load_method

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
        "precision": devices.resolve_precision("auto", "cpu"),
        "methods": {name: bench.measure(load_method(name)) for name in arguments.methods.split(",")},
        "provenance": provenance.provenance(),
    }  # fmt: skip
    text = json.dumps(writing.plain(found), indent=1)
    print(text)
    if arguments.out:
        writing.write_text(arguments.out, text + "\n")


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

    def measure(self, method: LoadedMethod) -> dict[str, object]:
        """Seconds a step of each part, how many times faster than the plain loop's, and the first loss.

        The parts step in turn, on the same weights: what else the machine does slows down all of them.
        """
        module = copy.deepcopy(self.clip.module)
        frozen = copy.deepcopy(module).requires_grad_(False)
        drift(module)
        parts = {name: Part(self, method, name, module, frozen) for name in PARTS}
        losses = {name: part.loss().item() for name, part in parts.items()}
        for name, found in losses.items():
            allowed = 1e-2 if name == "precision" else 1e-5
            if not abs(found - losses["plain"]) <= allowed * max(1.0, abs(losses["plain"])):
                raise SystemExit(f"{method.name}: the loss of {name} is {found}, not {losses['plain']}.")
        once = {name: part.first_computation(self.clock) for name, part in parts.items()}
        optimizers = [
            torch.optim.AdamW(module.parameters(), lr=1e-7, weight_decay=1e-3, fused=fused or None)
            for fused in (False, True)
        ]
        rounds: list[dict[str, float]] = []
        for _ in range(self.steps + 1):
            rounds.append({})
            for name, part in parts.items():
                optimizer = optimizers[part.has("optimiser")]
                start = self.clock()
                value = part.loss()
                optimizer.zero_grad()
                value.backward()  # type: ignore[no-untyped-call]
                torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
                optimizer.step()
                rounds[-1][name] = self.clock() - start + once[name]
        timed = rounds[1:]  # the first warms up
        return {
            "seconds": {name: statistics.median(times[name] for times in timed) for name in PARTS},
            "faster": {name: statistics.median(times["plain"] / times[name] for times in timed) for name in PARTS},
            "first_loss": losses,
        }

    def pairs(self, kind: str, look: Callable[[str, str], Tensor]) -> Pairs:
        """The batch's pairs of a kind; `look` gives the reference's embeddings of a side."""
        return Pairs(
            self.images[kind], self.texts[kind], lambda: look(kind, "image"), lambda: look(kind, "text"), self.records
        )


def drift(module: torch.nn.Module) -> None:
    """Move the student away from the reference, as some steps would: at the start most losses are zero."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in module.parameters():
            if weight.ndim >= 2:
                weight.add_(torch.randn(weight.shape, generator=generator), alpha=0.1 * float(weight.std()))


class Part:
    """A method's loss as one of the parts computes it."""

    def __init__(
        self, bench: Bench, method: LoadedMethod, name: str, module: torch.nn.Module, frozen: torch.nn.Module
    ) -> None:
        self._bench, self._method, self._level = bench, method, PARTS.index(name)
        self._config = method.config(variant="released")
        precision = devices.resolve_precision("auto", "cpu") if self.has("precision") else "fp32"
        views = [copy.copy(module), copy.copy(frozen)]  # the same weights
        if self.has("padding"):
            for view in views:
                skip_padding(view)
        self._student, self._reference = (
            Model(dataclasses.replace(bench.clip, module=view), precision=precision) for view in views
        )
        self._kept: dict[tuple[str, str], Tensor] = {}

    def has(self, name: str) -> bool:
        """Whether this part is that one or comes after it."""
        return self._level >= PARTS.index(name)

    def loss(self) -> Tensor:
        """The method's loss on the batch."""
        if not self.has("reference"):
            self._kept = {}
            for kind in SEEN:  # the plain loop encodes both sides of both, whatever the loss takes of it
                for side in ("image", "text"):
                    self._look(kind, side)
        pairs: dict[str, Any] = {kind: self._bench.pairs(kind, self._look) for kind in SEEN}
        loss: Tensor = self._method.function(Batch(**pairs, step=0), self._student, self._reference, self._config)[0]
        return loss

    def first_computation(self, clock: Callable[[], float]) -> float:
        """Seconds a step for the kept embeddings that the loss asked for, shared out over the times a pair is seen."""
        if not self.has("reference"):
            return 0.0
        total = 0.0
        for kind, side in list(self._kept):
            del self._kept[kind, side]
            start = clock()
            self._look(kind, side)
            total += (clock() - start) / SEEN[kind]
        return total

    def _look(self, kind: str, side: str) -> Tensor:
        if (kind, side) not in self._kept:
            with torch.no_grad():
                self._kept[kind, side] = (
                    self._reference.encode_image(self._bench.images[kind])
                    if side == "image"
                    else self._reference.encode_text(self._bench.texts[kind])
                )
        return self._kept[kind, side]


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
