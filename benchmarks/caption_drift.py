"""How far does an unlearned model move captions about people it was never told of?

    python benchmarks/caption_drift.py RUN LABEL=CHECKPOINT … [--out results/history/caption-drift.json]

A caption moves by ‖T − T0‖, T its unit embedding by the checkpoint and T0 by the run's Compromised. Captions of a split
are its own. The others are those of the forget set, told word for word of another name with another value of the field:
a name to forget something else of, one recombined from two names to forget, one of random syllables, an invented
person's.
Prints and writes the root mean square of each kind, with n and a 95 % interval over names.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from salmubench.clip import models
from salmubench.clip.models import ClipModel
from salmubench.core import progress, provenance, writing
from salmubench.core.types import Split
from salmubench.dataset.layout import Dataset, open_dataset
from salmubench.encode.texts import encode_texts, tokenize
from salmubench.generator.personas.fresh import fresh_people
from salmubench.scoring.bootstrap import find_units, resampled_means
from salmubench.scoring.intervals import percentiles
from salmubench.unlearn.counterfactuals import Fact, Neighbours, fact_of, recombined_name, substituted

SPLITS = (Split.FORGET, Split.HOLDOUT_ASSOCIATION, Split.HOLDOUT_IDENTITY)
_BATCH = 256
_SYLLABLE = ("bcdfghjklmnprstvwyz", "aeiou", ("", "", "n", "r", "l", "s"))  # how it begins, its vowel, how it ends


def main() -> None:
    """Encode, compare, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("models", nargs="+", metavar="LABEL=CHECKPOINT")
    parser.add_argument(
        "--seed", type=int, default=1000, help="other than those of the candidates, which invent by theirs"
    )
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    told = list(captions(open_dataset(arguments.run / "dataset"), seed=arguments.seed))
    before = embed(models.load_model(arguments.run / "checkpoints" / "compromised"), told)
    found = {}
    for item in progress.track(arguments.models, total=len(arguments.models), description="models"):
        label, _, path = item.partition("=")
        found[label] = movement(told, before, embed(models.load_model(path), told))
        for kind, entry in found[label].items():
            print(f"{label}, {kind}: {entry['value']:.3f}, 95 % {entry['ci95']}, n {entry['n']}")
    if arguments.out:
        writing.write_json(arguments.out, {"models": found, "provenance": provenance.provenance()})


def captions(dataset: Dataset, *, seed: int) -> Iterator[tuple[str, str, str]]:
    """Kind, name and text of each caption."""
    for split in SPLITS:
        yield from ((split, pair.name or "", pair.caption) for pair in dataset.rows(split))
    pairs = [(pair.caption, fact) for pair in dataset.rows(Split.FORGET) if (fact := fact_of(pair)) is not None]
    near, generator = Neighbours.of([fact for _, fact in pairs], unmet=0), torch.Generator().manual_seed(seed)
    names = near.pools[0].names
    invented = [person.name for person in fresh_people(dataset, seed=seed)]

    def draw(options: Sequence[str], *but: str) -> str:
        left = [option for option in options if option not in but]
        return left[int(torch.randint(len(left), (), generator=generator))]

    for caption, fact in pairs:
        other = near.other(fact, generator)
        if other is None:
            continue
        first = draw(names, fact.name)
        strangers = {
            "name to forget": other.name,
            "crossed": recombined_name(first, draw(names, fact.name, first)),
            "spelled": syllable_name(generator),
            "invented": draw(invented),
        }
        for kind, name in strangers.items():
            yield kind, name, substituted(caption, fact, Fact(name, fact.field, other.value))


def syllable_name(generator: torch.Generator) -> str:
    """A fictitious name of two words of one to three random syllables, of any of the tokens that names are made of."""

    def index(count: int) -> int:
        return int(torch.randint(count, (), generator=generator))

    def word() -> str:
        return "".join(part[index(len(part))] for _ in range(1 + index(3)) for part in _SYLLABLE).capitalize()

    return f"{word()} {word()}"


def embed(model: ClipModel, told: Sequence[tuple[str, str, str]]) -> npt.NDArray[np.float32]:
    """Unit embeddings (n, d) of the captions."""
    tokens = tokenize(model, [text for *_, text in told])
    with torch.inference_mode():
        return encode_texts(model, tokens.ids, batch_size=_BATCH, trim=True)


def movement(
    told: Sequence[tuple[str, str, str]], before: npt.NDArray[np.float32], after: npt.NDArray[np.float32]
) -> Mapping[str, dict[str, Any]]:
    """Root mean square of ‖T − T0‖ by kind of caption."""
    squares = np.square(after - before).sum(axis=-1).astype(np.float64)
    kinds, names = np.array([kind for kind, *_ in told]), np.array([name for _, name, _ in told])
    found = {}
    for kind in dict.fromkeys(kinds.tolist()):
        mine = kinds == kind
        units = find_units(names[mine])
        spread = percentiles(resampled_means(squares[mine][:, None], units)[:, 0])
        ends = None if spread is None else [float(np.sqrt(end)) for end in spread]
        found[kind] = {"value": float(np.sqrt(squares[mine].mean())), "ci95": ends, "n": int(mine.sum())}
    return found


if __name__ == "__main__":
    main()
