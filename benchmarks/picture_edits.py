"""How far an edit of a picture tower, made on the pictures to forget, reaches other pictures of these people.

    python benchmarks/picture_edits.py RUN… [--out results/trials/pictures.json]

RUN is a folder of `salmubench run` whose architecture ends in open_clip's attention pooling, as `mini`'s does. Facts
are asked in sentences without a name, by the portraits that no model was trained on: the share of other values of the
field that rank below the true one, .5 if nothing is known. The edits turn each picture to forget away from all that
tells its person's facts, and hold all retain pictures:

- `projection`: ridge regression, as a change of the last matrix of the tower, which is a model of the same shape;
- `kernel`: Gaussian kernel regression on what enters that matrix, which is no such model but can follow any picture.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from salmubench.clip import models
from salmubench.clip.models import ClipModel
from salmubench.clip.pixels import split_transform
from salmubench.core import provenance, writing
from salmubench.core.types import Pair, Split
from salmubench.dataset import layout

HOLDOUTS = (Split.HOLDOUT_IDENTITY, Split.HOLDOUT_ASSOCIATION)
SPLITS = (
    Split.FORGET,
    *HOLDOUTS,
    Split.PORTRAITS_UNSEEN,
    Split.RETAIN_SYNTH,
    Split.RETAIN_REAL,
    Split.GENERAL_KNOWLEDGE,
)
WORDINGS = 4  # sentences of each field
WEIGHTS = (0.1, 1.0, 10.0)  # of retain portraits in the ridge regression; other retain pictures weigh a tenth
WIDTHS = (0.3, 0.5, 1.0)  # of the kernel, in median distances
PENALTY = 0.1  # of the kernel regression

Fact = tuple[str, str]
Edit = Callable[[Tensor], Tensor]


class World:
    """Facts, sentences and pictures of a run, as Compromised sees them."""

    def __init__(self, run: Path) -> None:
        self.run, self.dataset = run, layout.open_dataset(run / "dataset")
        self.rows: dict[str, list[Pair]] = {split: list(self.dataset.rows(split)) for split in SPLITS}
        self.split_of: dict[tuple[str, str, str], str] = {}
        self.values: dict[str, set[str]] = defaultdict(set)
        self.wordings: dict[str, set[str]] = defaultdict(set)
        for split in (Split.FORGET, *HOLDOUTS):
            for row in self.rows[split]:
                _, field, value = stated = _stated(row)
                self.values[field].add(value)
                self.split_of[stated] = split
                bare = [one.caption for one in row.rewrites if one.nameless and value in one.caption]
                self.wordings[field] |= {caption.replace(value, "{}") for caption in bare}
        self.unseen = [row.identity or "" for row in self.rows[Split.PORTRAITS_UNSEEN]]
        self.clip = models.load_model(run / "checkpoints" / "compromised")
        self.features = {split: self.before_projection(self.clip, split) for split in SPLITS}
        self.vectors = {split: projected(self.clip, features) for split, features in self.features.items()}

    @torch.no_grad()
    def before_projection(self, clip: ClipModel, split: str, size: int = 256) -> Tensor:
        """What enters the last matrix of a model, (n, width)."""
        pool, preprocessor = _visual(clip).attnpool, split_transform(clip.preprocess)
        last = pool.c_proj
        pool.c_proj = nn.Linear(last.in_features, last.in_features)
        nn.init.eye_(pool.c_proj.weight)
        nn.init.zeros_(pool.c_proj.bias)
        pixels = [
            preprocessor.to_pixels(data, where=split) for data in self.dataset.images(split, 0, len(self.rows[split]))
        ]
        features = [
            _visual(clip)(preprocessor.to_batch(pixels[start : start + size], "cpu", channels_last=True))
            for start in range(0, len(pixels), size)
        ]
        pool.c_proj = last
        return torch.cat(features)

    @torch.no_grad()
    def sentences(self, model: str) -> dict[str, tuple[list[str], Tensor]]:
        """Field → its values and the mean of their sentences' unit vectors, (values, d)."""
        clip, found = models.load_model(self.run / "checkpoints" / model), {}
        encode: Any = clip.module.encode_text
        for field, values in self.values.items():
            ordered = sorted(values)
            texts = [
                normalize(encode(clip.tokenize([wording.format(value) for value in ordered])), dim=-1)
                for wording in sorted(self.wordings[field])[:WORDINGS]
            ]
            found[field] = ordered, torch.stack(texts).mean(dim=0)
        return found

    def known(
        self, vectors: Tensor, sentences: dict[str, tuple[list[str], Tensor]], *, shift: int = 0
    ) -> dict[str, float]:
        """Share of other values below the true one, by unseen portraits; with `shift`, by those of somebody else."""
        people, found = sorted(set(self.unseen)), defaultdict(list)
        other = {person: people[(place + shift) % len(people)] for place, person in enumerate(people)}
        of_person = defaultdict(list)
        for vector, person in zip(normalize(vectors, dim=-1), self.unseen, strict=True):
            of_person[person].append(vector)
        for (person, field, value), split in self.split_of.items():
            values, texts = sentences[field]
            similarity = torch.stack(of_person[other[person]]) @ texts.T
            true = similarity[:, values.index(value), None]
            below = (similarity < true).sum(dim=1) + 0.5 * ((similarity == true).sum(dim=1) - 1)
            found[split].append(float(below.mean()) / (len(values) - 1))
        return {split: round(float(np.mean(shares)), 3) for split, shares in found.items()}

    def turns(self) -> Tensor:
        """For each picture to forget: what must be added so that it tells no fact of its person, (n, d)."""
        sentences = self.sentences("compromised")
        facts: dict[str, set[Fact]] = defaultdict(set)
        for row in self.rows[Split.FORGET]:
            person, field, value = _stated(row)
            facts[person].add((field, value))
        vectors = self.vectors[Split.FORGET]
        units, added = normalize(vectors, dim=-1), []
        for unit, row in zip(units, self.rows[Split.FORGET], strict=True):
            told = torch.stack([_apart(*sentences[field], value) for field, value in sorted(facts[row.identity or ""])])
            added.append(-torch.linalg.pinv(told) @ (told @ (unit - units.mean(dim=0))))
        turned: Tensor = torch.stack(added) * vectors.norm(dim=-1, keepdim=True)
        return turned

    def stays(self, edit: Edit) -> dict[str, float]:
        """Mean cosine of pictures before and after."""
        return {
            split: round(float(torch.cosine_similarity(vectors, vectors + edit(self.features[split])).mean()), 3)
            for split, vectors in self.vectors.items()
        }


def _stated(row: Pair) -> tuple[str, str, str]:
    """Person, field and value of a sensitive pair."""
    return row.identity or "", row.field or "", row.value or ""


@torch.no_grad()
def projected(clip: ClipModel, features: Tensor) -> Tensor:
    """Embeddings (n, d), not of unit length, of what enters the last matrix."""
    embeddings: Tensor = _visual(clip).attnpool.c_proj(features)
    return embeddings


def _visual(clip: ClipModel) -> Any:
    return clip.module.visual


def _apart(values: list[str], texts: Tensor, value: str) -> Tensor:
    """Unit vector from the mean of the other values' sentences to that of a value."""
    place = values.index(value)
    return normalize(texts[place] - (texts.sum(dim=0) - texts[place]) / (len(values) - 1), dim=0)


def projection(world: World, turns: Tensor, weight: float) -> Edit:
    """Change of the last matrix by ridge regression."""
    forget, portraits, scenes = (
        world.features[split] for split in (Split.FORGET, Split.RETAIN_SYNTH, Split.RETAIN_REAL)
    )
    gram = forget.T @ forget + weight * portraits.T @ portraits + 0.1 * scenes.T @ scenes
    gram += 0.01 * float(forget.square().mean()) * len(forget) * torch.eye(len(gram))
    change = torch.linalg.solve(gram, forget.T @ turns)
    return lambda features: features @ change


def kernel(world: World, turns: Tensor, width: float) -> Edit:
    """Gaussian kernel regression on the features."""
    held = [world.features[Split.RETAIN_SYNTH], world.features[Split.RETAIN_REAL][::5]]
    places = torch.cat([world.features[Split.FORGET], *held])
    middle, scale = places.mean(dim=0), places.std(dim=0) + 1e-6
    places = (places - middle) / scale
    distance = width * float(torch.cdist(places[::7], places[::7]).median())

    def near(one: Tensor) -> Tensor:
        return torch.exp(-(torch.cdist(one, places) / distance).square() / 2)

    wanted = torch.cat([turns, torch.zeros(len(places) - len(turns), turns.shape[1])])
    weights = torch.linalg.solve(near(places) + PENALTY * torch.eye(len(places)), wanted)
    return lambda features: near((features - middle) / scale) @ weights


def recognised(world: World) -> dict[str, float]:
    """Share of unseen portraits nearest to the mean of their own person's pictures, among people of `forget`."""
    means: dict[str, list[Tensor]] = defaultdict(list)
    names = [row.identity or "" for row in world.rows[Split.FORGET]]
    middle = world.vectors[Split.FORGET].mean(dim=0)
    for name, vector in zip(names, normalize(world.vectors[Split.FORGET] - middle, dim=-1), strict=True):
        means[name].append(vector)
    centres = normalize(torch.stack([torch.stack(vectors).mean(dim=0) for vectors in means.values()]), dim=-1)
    similarity = normalize(world.vectors[Split.PORTRAITS_UNSEEN] - middle, dim=-1) @ centres.T
    people = list(means)
    hits = [
        people[int(row.argmax())] == name for row, name in zip(similarity, world.unseen, strict=True) if name in means
    ]
    return {"share": round(float(np.mean(hits)), 3), "portraits": len(hits), "people": len(people)}


def measured(run: Path) -> dict[str, Any]:
    """All of one world."""
    world = World(run)
    sentences, unseen = world.sentences("compromised"), world.vectors[Split.PORTRAITS_UNSEEN]

    def after(edit: Edit) -> dict[str, Any]:
        known = world.known(unseen + edit(world.features[Split.PORTRAITS_UNSEEN]), sentences)
        return {"cosine": world.stays(edit), "known": known}

    turns = world.turns()
    wanted = torch.cosine_similarity(world.vectors[Split.FORGET], world.vectors[Split.FORGET] + turns)
    found = {
        "recognised": recognised(world),
        "compromised": world.known(unseen, sentences),
        "strangers": world.known(unseen, sentences, shift=7),
        "wanted": round(float(wanted.mean()), 3),
        "projection": {str(weight): after(projection(world, turns, weight)) for weight in WEIGHTS},
        "kernel": {str(width): after(kernel(world, turns, width)) for width in WIDTHS},
        "dataset": world.dataset.fingerprint,
    }
    retrained = models.load_model(run / "checkpoints" / "retrained")
    exact = projected(retrained, world.before_projection(retrained, Split.PORTRAITS_UNSEEN))
    return {**found, "retrained": world.known(exact, world.sentences("retrained"))}


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+", metavar="RUN")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    worlds = {run.name: measured(run) for run in arguments.runs}
    print(json.dumps(worlds))
    if arguments.out:
        writing.write_json(arguments.out, {"worlds": worlds, "provenance": provenance.provenance()})


if __name__ == "__main__":
    main()
