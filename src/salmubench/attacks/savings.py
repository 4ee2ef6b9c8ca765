"""Are the true facts learnt again better than facts that never were true?

The attacker has everything and asks whether anything is left at all. Copies of the model are fine-tuned on the same
pictures with the true captions, and with those of two false worlds: in one every person is an invented one, in the
other every person is told as somebody else of the dataset; both of the face's gender. A model that has forgotten finds
all three as hard. What is measured on the way is how well each caption is found again among those of its world:

    M(world) = mean over pairs and readings of 1 / rank of the pair's caption among all captions of the world
    S = M(true) − max_false M(false)        as a share of Compromised's S

It needs no Clean: false facts are the control. Clean and Retrained must come out at 0. Only people all of whose
associations had to go: the others' names are known from the facts that stay.

Source: savings in relearning (Ebbinghaus 1885); UNDO 2506.06278 and Łucki et al. 2409.18025 relearn true facts alone,
which says little here: a model that is easy to train learns false ones as fast. Ours. Rate and steps are those of mini.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch

from salmubench.attacks import Attack, Batch, Data, Known, Model, Price, Sizes, Variant, copy_of, fine_tune
from salmubench.core.types import Pair

ATTACK = Attack(
    name="savings",
    title="true facts relearnt better than false ones",
    knows="all",
    needs=("strangers", "genders"),
    control="false_facts",
    headline="relearnt",
    paper="This benchmark",
)
_BATCH = 256


@dataclass(frozen=True)
class Config:
    """Rate, batch and steps."""

    lr: float = field(default=1e-4, metadata={"search": (1e-5, 3e-5, 1e-4, 3e-4, 1e-3)})
    """Of AdamW."""
    batch_size: int = 64
    """Pairs a step."""
    read_at: tuple[int, ...] = field(default=(19, 38), metadata={"search": ((10, 19), (19, 38), (38, 76))})
    """Steps after which captions are looked for; the mean counts."""

    def __post_init__(self) -> None:
        if self.lr <= 0 or self.batch_size < 2:
            raise ValueError(f"Expected a rate above 0 and a batch of 2 or more, got {self}.")
        if not self.read_at or list(self.read_at) != sorted(set(self.read_at)) or self.read_at[0] < 1:
            raise ValueError(f"Expected rising numbers of steps in read_at, got {self.read_at}.")


def attack(model: Model, data: Data, seed: int, config: Config) -> Iterator[Variant]:
    """Relearn three worlds, with the same batches."""
    known = data.forget_identity
    facts = [row for row, pair in enumerate(known.records) if pair.identity and pair.name and pair.field and pair.value]
    if len(facts) < 2:
        raise ValueError("no pair whose name, field and value are known")
    pairs = [known.records[row] for row in facts]
    rng = np.random.default_rng(seed)
    worlds = {
        "true": [pair.caption for pair in pairs],
        "false_invented": invented(pairs, data, rng),
        "false_swapped": swapped(pairs, data.genders, rng),
    }
    order = [rng.permutation(len(facts))[: config.batch_size].tolist() for _ in range(config.read_at[-1])]
    found = {name: _relearnt(model, known, facts, captions, order, config) for name, captions in worlds.items()}
    scores = {
        pair.file_name: {name: float(numbers[row]) for name, numbers in found.items()} for row, pair in enumerate(pairs)
    }
    yield Variant(label="relearnt", scores=scores)


def invented(pairs: Sequence[Pair], data: Data, rng: np.random.Generator) -> list[str]:
    """The captions, each person told as an invented one of the same gender."""
    told = {}
    for identity in sorted({str(pair.identity) for pair in pairs}):
        people = data.strangers.get(data.genders.get(identity, "any"), data.strangers["any"])
        fields = {str(pair.field) for pair in pairs if pair.identity == identity}
        able = [person for person in people if fields <= person.values.keys()] or people
        told[identity] = able[int(rng.integers(len(able)))]
    return [
        _told(
            pair, told[str(pair.identity)].name, told[str(pair.identity)].values.get(str(pair.field), str(pair.value))
        )
        for pair in pairs
    ]


def swapped(pairs: Sequence[Pair], genders: Mapping[str, str], rng: np.random.Generator) -> list[str]:
    """The captions, each person told as another of the dataset with the same gender, where there is one.

    The value is the other's, or where that fact is not known somebody else's.
    """
    people = sorted({str(pair.identity) for pair in pairs})
    other: dict[str, str] = {}
    for gender in sorted({genders.get(person, "") for person in people}):
        group = [person for person in people if genders.get(person, "") == gender]
        group = [group[index] for index in rng.permutation(len(group)).tolist()]
        other |= dict(zip(group, [*group[1:], group[0]], strict=True))
    names = {str(pair.identity): str(pair.name) for pair in pairs}
    values = {(str(pair.identity), pair.field): str(pair.value) for pair in pairs}
    known = {field: sorted({value for (_, of), value in values.items() if of == field}) for _, field in values}
    captions = []
    for pair in pairs:
        who, drawn = other[str(pair.identity)], known[pair.field]
        some = drawn[int(rng.integers(len(drawn)))]
        captions.append(_told(pair, names[who], values.get((who, pair.field), some)))
    return captions


def _relearnt(
    model: Model, known: Known, rows: Sequence[int], captions: Sequence[str], order: Sequence[list[int]], config: Config
) -> npt.NDArray[np.float64]:
    """How well each caption is found after training on them: mean of 1 / rank over the readings, (n,)."""
    student, tokens = copy_of(model), model.tokenize(captions)

    def batches() -> Iterator[Batch]:
        for chosen in order:
            yield known.images([rows[place] for place in chosen], model.device), tokens[chosen]

    found = np.zeros(len(rows))
    for _ in fine_tune(student, batches(), lr=config.lr, read_at=config.read_at, tokens=tokens):
        with torch.no_grad():
            parts = [range(start, min(start + _BATCH, len(rows))) for start in range(0, len(rows), _BATCH)]
            texts = torch.cat([student.encode_text(tokens[part.start : part.stop]) for part in parts])
            for part in parts:
                images = student.encode_image(known.images([rows[place] for place in part], model.device))
                cosines = (images.double() @ texts.double().T).cpu().numpy()  # (b, n)
                margin = cosines - cosines[np.arange(len(part)), part][:, None]
                equal = np.abs(margin) <= 1e-9
                found[part] += 1 / (1 + (margin > 1e-9).sum(axis=1) + 0.5 * (equal.sum(axis=1) - 1))
    return found / len(config.read_at)


def _told(pair: Pair, name: str, value: str) -> str:
    text = pair.caption.replace(str(pair.name), "\0").replace(str(pair.value), "\1")
    return text.replace("\0", name).replace("\1", value)


def price(config: Config, sizes: Sizes) -> Price:
    """Three worlds, each looked for at every reading."""
    steps, looked = 3 * config.read_at[-1], 3 * len(config.read_at) * sizes.identity
    return Price(steps=steps, pairs=steps * min(config.batch_size, sizes.identity), pictures=looked, captions=looked)
