"""The same verdict's numbers by a script as one writes it in an afternoon: open_clip, a loop, the eleven numbers.

    python benchmarks/naive_loop.py RUN [--precision bf16] [--check]

RUN is a folder of `salmubench run`, of which only dataset and Compromised are read. The script trains CLIPErase at 5×,
as its paper defines it, and scores the paper's eleven numbers, without intervals, verdicts, facts or manifests. It
imports nothing of this package; `benchmarks/loop.py --naive` times it. With `--check` it scores Compromised alone, and
prints how far each number is from the run's own record: both compute the same.
"""

from __future__ import annotations

import argparse
import copy
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pyarrow.parquet as pq
import torch
import torch.nn.functional as F
from PIL import Image
from sklearn.linear_model import LogisticRegression
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

SPLITS = ("forget", "holdout_identity", "holdout_association", "retain_synth", "retain_real", "general_knowledge")
BATCH = 64


def main() -> None:
    """Train, score, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="bf16")
    parser.add_argument("--check", action="store_true", help="score Compromised alone, against its record")
    arguments = parser.parse_args()
    dtype = torch.bfloat16 if arguments.precision == "bf16" else torch.float32
    source = f"local-dir:{arguments.run / 'checkpoints' / 'compromised'}"
    model, _, preprocess = open_clip.create_model_and_transforms(source)
    clip = Clip(model, preprocess, open_clip.get_tokenizer(source), dtype)
    world = World(arguments.run / "dataset")
    fragile = world.fragile(clip)
    if arguments.check:
        record = json.loads((arguments.run / "records" / "compromised.json").read_text())["scores"]
        for name, value in eleven(clip, world, fragile).items():
            metric, _, part = name.partition(" ")
            print(f"{name}: {value:.4f}, off by {abs(value - record[metric][part or 'value']['value']):.4f}")
        return
    unlearn(clip, world)
    print(json.dumps(eleven(clip, world, fragile), indent=1))


class Clip:
    """A model with what it needs to read pictures and texts."""

    def __init__(self, model: Any, preprocess: Any, tokenizer: Any, dtype: torch.dtype) -> None:
        self.model, self.preprocess, self.tokenizer, self.dtype = model, preprocess, tokenizer, dtype

    def encode(self, pictures: Tensor, texts: Tensor) -> tuple[Tensor, Tensor]:
        """Unit embeddings of a batch."""
        with torch.autocast("cpu", dtype=self.dtype, enabled=self.dtype is not torch.float32):
            images, captions = self.model.encode_image(pictures), self.model.encode_text(texts)
        return F.normalize(images.float(), dim=-1), F.normalize(captions.float(), dim=-1)

    @torch.no_grad()
    def pictures(self, rows: Sequence[Row]) -> np.ndarray[Any, Any]:
        """Unit embeddings of pictures."""
        self.model.eval()
        batches = DataLoader(Rows(rows, self), BATCH, num_workers=2)
        with torch.autocast("cpu", dtype=self.dtype, enabled=self.dtype is not torch.float32):
            parts = [self.model.encode_image(pictures).float() for pictures, _ in batches]
        return np.asarray(F.normalize(torch.cat(parts), dim=-1).numpy())

    @torch.no_grad()
    def texts(self, texts: Sequence[str]) -> np.ndarray[Any, Any]:
        """Unit embeddings of texts."""
        self.model.eval()
        with torch.autocast("cpu", dtype=self.dtype, enabled=self.dtype is not torch.float32):
            parts = [
                self.model.encode_text(self.tokenizer(list(texts[start : start + 256]))).float()
                for start in range(0, len(texts), 256)
            ]
        return np.asarray(F.normalize(torch.cat(parts), dim=-1).numpy())


Row = dict[str, Any]


class Rows(Dataset[tuple[Tensor, Tensor]]):
    """Rows of a split, decoded when they are asked for."""

    def __init__(self, rows: Sequence[Row], clip: Clip) -> None:
        self.rows, self.clip = rows, clip

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> tuple[Tensor, Tensor]:
        row = self.rows[place]
        picture = Image.open(io.BytesIO(row["image"]["bytes"]))
        return self.clip.preprocess(picture), self.clip.tokenizer([row["text"]])[0]


class World:
    """The dataset's files as they lie there."""

    def __init__(self, folder: Path) -> None:
        data = {split: sorted((folder / "data").glob(f"{split}-[0-9]*")) for split in SPLITS}
        self.splits = {split: pq.read_table(paths).to_pylist() for split, paths in data.items()}
        self.identities = json.loads((folder / "identities_metadata.json").read_text())
        self.facts = json.loads((folder / "sensitive_set_captions_metadata.json").read_text())
        self.general = json.loads((folder / "general_knowledge.json").read_text())
        people = {row["identity_id"] for row in self.splits["forget"]}
        kept = {row["identity_id"] for row in self.splits["holdout_association"]}
        self.whole = people - kept
        self.joint = [row for row in self.splits["retain_synth"] if row["identity_id"] in people]
        self.disjoint = [row for row in self.splits["retain_synth"] if row["identity_id"] not in people]
        hidden = {name for names in self.general.get("hidden_pairs", {}).values() for name in names}
        real = [row for row in self.splits["retain_real"] if row["file_name"] not in hidden]
        self.retain = [*self.splits["retain_synth"], *real]

    def fragile(self, clip: Clip) -> list[Row]:
        """The tenth of the portraits of nobody that Compromised knows least."""
        similar = paired(clip, self.disjoint)
        return [self.disjoint[place] for place in np.argsort(similar)[: -(-len(similar) // 10)]]


def unlearn(clip: Clip, world: World, *, budget: int = 5) -> None:
    """CLIPErase (2410.23330) with its weights 1, 3, 3: AdamW, a tenth of the steps warms up."""
    model, frozen = clip.model, copy.deepcopy(clip.model).eval().requires_grad_(False)
    reference = Clip(frozen, clip.preprocess, clip.tokenizer, clip.dtype)
    forget = DataLoader(Rows(world.splits["forget"], clip), BATCH, shuffle=True, num_workers=2)
    retain = iter(DataLoader(Rows(world.retain, clip), BATCH, shuffle=True, num_workers=2))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=1e-3)
    steps = budget * len(forget)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / (0.1 * steps)))
    model.train()
    for _ in range(budget):
        for batch in forget:
            try:
                kept = next(retain)
            except StopIteration:
                retain = iter(DataLoader(Rows(world.retain, clip), BATCH, shuffle=True, num_workers=2))
                kept = next(retain)
            forget_images, forget_texts = clip.encode(*batch)
            images, texts = clip.encode(*kept)
            with torch.no_grad():
                images_before, texts_before = reference.encode(*kept)
            logits = model.logit_scale.exp() * images @ texts.T
            labels = torch.arange(len(logits))
            retention = (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2
            loss = retention + 3 * (forget_images * forget_texts).sum(dim=-1).mean()
            for now, then in ((images, images_before), (texts, texts_before)):
                loss = loss + 3 * F.kl_div(now.log_softmax(dim=-1), then.softmax(dim=-1), reduction="batchmean")
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()


def paired(clip: Clip, rows: Sequence[Row]) -> np.ndarray[Any, Any]:
    """Similarity of each picture with its caption."""
    similar: np.ndarray[Any, Any] = (clip.pictures(rows) * clip.texts([row["text"] for row in rows])).sum(axis=1)
    return similar


def eleven(clip: Clip, world: World, fragile: Sequence[Row]) -> dict[str, float]:
    """The paper's numbers."""
    rows, rng = world.splits["forget"], np.random.default_rng(0)
    images, captions = clip.pictures(rows), clip.texts([row["text"] for row in rows])
    own = (images * captions).sum(axis=1)
    found = {"AssocStr": float(own.mean())}
    drawn = [rows[place]["text"] for place in rng.permutation(len(rows))[:1000]]
    drawn += [world.disjoint[place]["text"] for place in rng.permutation(len(world.disjoint))[:1000]]
    others = images @ clip.texts(drawn).T
    same = np.array([[text == row["text"] for text in drawn] for row in rows])
    ranks = 1 + ((others > own[:, None]) & ~same).sum(axis=1) + ((others == own[:, None]) & ~same).sum(axis=1) / 2
    found |= {"RetFail mrr": float((1 / ranks).mean()), "RetFail r1": float((ranks == 1).mean())}
    other = np.roll(np.arange(len(rows)), 37)
    half, wrong = np.arange(len(rows)) % 2 == 0, (images * captions[other]).sum(axis=1)
    known = LogisticRegression().fit(np.concatenate([own[half], wrong[half]])[:, None], np.repeat([1, 0], half.sum()))
    asked = np.concatenate([own[~half], wrong[~half]])[:, None]
    found["ACS"] = float(known.score(asked, np.repeat([1, 0], (~half).sum())))
    names = sorted({world.identities[person]["name"] for person in world.whole})
    whole = [place for place, row in enumerate(rows) if row["identity_id"] in world.whole]
    guessed = (images[whole] @ clip.texts([f"a photo of {name}" for name in names]).T).argmax(axis=1)
    truth = [names.index(world.identities[rows[place]["identity_id"]]["name"]) for place in whole]
    found["IdZSC"] = float((guessed == truth).mean())
    told = [(world.identities[row["identity_id"]]["name"], world.facts[row["file_name"]]["value"]) for row in rows]
    bare = [clip.texts([f"{a} {b}" for a, b in told]), clip.texts([f"{b} {a}" for a, b in told])]
    found["CoreAssoc"] = float(np.maximum(*((images * texts).sum(axis=1) for texts in bare)).mean())
    classes, general = world.general["classes"], world.splits["general_knowledge"]
    prompts = clip.texts([template.format(name) for name in classes for template in world.general["templates"]])
    vectors = prompts.reshape(len(classes), -1, prompts.shape[1]).mean(axis=1)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    labels = [classes.index(row["text"]) for row in general]
    found["GenKnow"] = float(((clip.pictures(general) @ vectors.T).argmax(axis=1) == labels).mean())
    for name, kept in (
        ("InterIdSim", world.splits["holdout_identity"]), ("IntraIdSim", world.splits["holdout_association"]),
        ("VisIdInt", world.joint), ("FragSim", fragile),
    ):  # fmt: skip
        found[name] = float(paired(clip, kept).mean())
    return found


if __name__ == "__main__":
    main()
