"""What will be drawn: one entry per picture, decided before anything is rendered.

Pictures are grouped into blocks: whole identities, or a run of pictures without identity. A block is the unit that is
rendered, checked and resumed; its pictures depend on the recipe and the seed only, never on other blocks.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from salmubench.core import streams
from salmubench.core.types import FIELDS, Split
from salmubench.dataset.apportion import apportion
from salmubench.dataset.groups import Group
from salmubench.drawing.sizes import picture_size
from salmubench.generator.casting import Casting, CastPerson, Face
from salmubench.generator.config import DatasetConfig
from salmubench.generator.personas import Persona, sample_personas
from salmubench.generator.splits import DeficitAllocator, divide_identities, spread

_BLOCK = 192  # pictures: about two seconds of work at 64 px, and 20 MB of JPEG at 512 px


@dataclass(frozen=True, slots=True)
class Association:
    """What the caption of a sensitive picture states about its identity."""

    field: str
    value: str
    style: str


@dataclass(frozen=True, slots=True)
class PlannedPicture:
    """One picture to draw.

    Attributes:
        split: where its row goes (a row of `forget` also goes to `forget_target`).
        seed: of pose, light, background … (a redraw adds a number to it) and of the wording of its captions.
        owner: index of the identity, or `None`.
        label: index of the class (scenes only).
        sensitive: what its caption states, or `None` for a generic caption.
        number: its place among the pictures of its class in its split (scenes only).
    """

    file_name: str
    split: Split
    aspect: float
    seed: tuple[int, ...]
    owner: int | None = None
    label: int | None = None
    sensitive: Association | None = None
    number: int = 0


@dataclass(frozen=True, slots=True)
class Block:
    """Pictures that are rendered together, with a face for each portrait; the name is like `people-00003`."""

    name: str
    kind: Literal["portrait", "scene"]
    pictures: tuple[PlannedPicture, ...]
    faces: tuple[Face, ...] = ()


@dataclass(frozen=True)
class DatasetPlan:
    """The whole dataset before rendering: its people, what becomes of each, and what is drawn."""

    personas: tuple[Persona, ...]
    groups: tuple[Group, ...]
    blocks: tuple[Block, ...]

    def rows(self, split: Split) -> list[tuple[int, int]]:
        """Block and position of each row of a split, in row order."""
        source = Split.FORGET if split == Split.FORGET_TARGET else split
        return [
            (number, position)
            for number, block in enumerate(self.blocks)
            for position, picture in enumerate(block.pictures)
            if picture.split == source
        ]


def make_plan(config: DatasetConfig, seed: int, casting: Casting | None = None) -> DatasetPlan:
    """Draw personas and decide about every picture and caption.

    Args:
        seed: the only source of randomness.
        casting: the people whose pictures there are; left out: faces are made up.

    Raises:
        ConfigError: a country without names enough.
    """
    people = None if casting is None else [(person.gender, person.age) for person in casting.people]
    personas = tuple(sample_personas(config.identities, seed, countries=config.countries, people=people))
    groups = tuple(divide_identities(personas, seed))
    persons = casting.people if casting is not None else tuple(_made_up(personas, seed))
    pictures = list(_identity_pictures(config, seed, personas, groups, persons))
    blocks = []
    for number, part in enumerate(_whole_identities(pictures)):
        places = [picture.seed[-2:] for picture in part]  # identity, and number of the picture within it
        faces = tuple(persons[index].face(place) for index, place in places)
        blocks.append(Block(f"people-{number:05d}", "portrait", tuple(part), faces))
    blocks += _strangers(config, seed, personas, None if casting is None else casting.strangers)
    labels = [number % config.classes for number in range(config.retain_real)]
    blocks += _scenes(config, seed, Split.RETAIN_REAL, "real", labels)
    labels = [label for label in range(config.classes) for _ in range(config.general_knowledge_per_class)]
    blocks += _scenes(config, seed, Split.GENERAL_KNOWLEDGE, "general", labels)
    return DatasetPlan(personas, groups, tuple(blocks))


def hidden_labels(config: DatasetConfig, seed: int) -> list[int]:
    """Labels of the classes whose retain pairs no method may read, ascending; one more is the same and another."""
    order = np.random.default_rng([seed, streams.Plan.HIDDEN]).permutation(config.classes)
    return sorted(order[: config.hidden_count].tolist())


def integer(*seed: int) -> int:
    """One reproducible 63-bit number of a stream, for functions that take a plain seed."""
    return int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0] >> 1)


def _made_up(personas: Sequence[Persona], seed: int) -> Iterator[CastPerson]:
    for index, persona in enumerate(personas):
        face = Face(integer(seed, streams.Plan.APPEARANCE, index), persona.gender, persona.age)
        yield CastPerson(persona.gender, persona.age, (face,))


def _identity_pictures(
    config: DatasetConfig,
    seed: int,
    personas: Sequence[Persona],
    groups: Sequence[Group],
    persons: Sequence[CastPerson],
) -> Iterator[list[PlannedPicture]]:
    """All pictures of each identity: sensitive ones, those of `retain_joint`, then those that nobody sees."""
    drawn = _picture_numbers(config, np.random.default_rng([seed, streams.Plan.PICTURES]))
    joint = _joint(config.retain_joint, groups, seed)
    beside = [joint[index] + config.unseen_per_identity for index in range(len(personas))]
    numbers = [
        person.at_most(count + others) - others for person, count, others in zip(persons, drawn, beside, strict=True)
    ]
    allocator = DeficitAllocator(seed, config.fields_per_identity)
    allocated = [
        allocator.allocate(index, persona, group, count)
        for index, (persona, group, count) in enumerate(zip(personas, groups, numbers, strict=True))
    ]
    associations = _associate(config, seed, personas, allocated)
    totals = Counter(split for fields in allocated for split, _ in fields)
    totals[Split.RETAIN_SYNTH] = sum(joint.values())
    totals[Split.PORTRAITS_UNSEEN] = config.unseen_per_identity * len(personas)
    aspects = {
        split: iter(spread(config.aspects, count, [seed, streams.Plan.ASPECTS, list(Split).index(split)]))
        for split, count in totals.items()
    }
    for index, persona in enumerate(personas):
        entries: list[tuple[Split, Association | None]] = [
            (split, association) for (split, _), association in zip(allocated[index], associations[index], strict=True)
        ]
        entries += [(Split.RETAIN_SYNTH, None)] * joint[index]
        entries += [(Split.PORTRAITS_UNSEEN, None)] * config.unseen_per_identity
        pictures = []
        for number, (split, association) in enumerate(entries):
            stem, stream = f"{persona.identity_id}_{number:03d}", (seed, streams.Plan.SHOT, index, number)
            aspect = next(aspects[split])
            name = _file_name(stem, aspect, config.size)
            pictures.append(PlannedPicture(name, split, aspect, stream, owner=index, sensitive=association))
        yield pictures


def _picture_numbers(config: DatasetConfig, rng: np.random.Generator) -> list[int]:
    low, high = config.pictures_range
    if config.sensitive_pairs is None:
        return [int(count) for count in rng.integers(low, high + 1, config.identities)]
    draws = rng.random(config.identities)

    def numbers(exponent: float) -> NDArray[np.float64]:  # the higher the exponent, the fewer pictures
        return low + (high - low) * draws**exponent

    least, most = 2.0**-40, 2.0**40
    for _ in range(200):
        middle = math.sqrt(least * most)
        least, most = (middle, most) if numbers(middle).sum() > config.sensitive_pairs else (least, middle)
    return apportion(numbers(most).tolist(), config.sensitive_pairs)


def _file_name(stem: str, aspect: float, size: int) -> str:
    width, height = picture_size(aspect, size)
    return f"{stem}_ar-{width / height:.2f}.jpg"


def _associate(
    config: DatasetConfig, seed: int, personas: Sequence[Persona], allocated: Sequence[Sequence[tuple[Split, str]]]
) -> list[list[Association]]:
    """Value and style of each association; styles take turns within a split and field."""
    turn: Counter[tuple[Split, str]] = Counter()
    starts = np.random.default_rng([seed, streams.Plan.STYLES]).integers(len(config.styles), size=len(FIELDS)).tolist()
    offset = dict(zip(map(str, FIELDS), starts, strict=True))
    associations = []
    for persona, fields in zip(personas, allocated, strict=True):
        values = Counter[str]()
        entries = []
        for split, field in fields:
            style = config.styles[(turn[split, field] + offset[field]) % len(config.styles)]
            turn[split, field] += 1
            texts = persona.values(field)
            value = texts[values[field] % len(texts)]
            values[field] += 1
            entries.append(Association(field, value, style))
        associations.append(entries)
    return associations


def _joint(count: int, groups: Sequence[Group], seed: int) -> Counter[int]:
    """How many pictures of `retain_joint` each identity of `forget` gets."""
    in_training = [index for index, group in enumerate(groups) if group is not Group.HOLDOUT]
    order = np.random.default_rng([seed, streams.Plan.JOINT]).permutation(in_training).tolist()
    return Counter(order[number % len(order)] for number in range(count))


def _whole_identities(people: Sequence[list[PlannedPicture]]) -> Iterator[list[PlannedPicture]]:
    part: list[PlannedPicture] = []
    for pictures in people:
        if part and len(part) + len(pictures) > _BLOCK:
            yield part
            part = []
        part = part + pictures
    yield part


def _strangers(
    config: DatasetConfig, seed: int, personas: Sequence[Persona], cast: Sequence[Face] | None
) -> list[Block]:
    """Pictures of `retain_disjoint`: made-up faces are new, genders and ages those of the personas."""
    aspects = spread(config.aspects, config.retain_disjoint, [seed, streams.Plan.STRANGER])
    pictures, faces = [], []
    for index, aspect in enumerate(aspects):
        stream = (seed, streams.Plan.STRANGER, index)
        like = personas[int(np.random.default_rng([*stream, streams.Stranger.LIKE]).integers(len(personas)))]
        made_up = Face(integer(*stream, streams.Stranger.FACE), like.gender, like.age)
        faces.append(made_up if cast is None else cast[index])
        name = _file_name(f"disjoint_{index:06d}", aspect, config.size)
        pictures.append(PlannedPicture(name, Split.RETAIN_SYNTH, aspect, (*stream, streams.Stranger.PICTURE)))
    return _in_blocks("disjoint", "portrait", pictures, faces)


def _scenes(config: DatasetConfig, seed: int, split: Split, stem: str, labels: Sequence[int]) -> list[Block]:
    """Square pictures of classes, which take turns."""
    purpose = list(Split).index(split)
    order = np.random.default_rng([seed, streams.Plan.SCENES, purpose]).permutation(len(labels)).tolist()
    turns: defaultdict[int, Iterator[int]] = defaultdict(itertools.count)
    numbers = [next(turns[label]) for label in labels]
    pictures = [
        PlannedPicture(
            _file_name(f"{stem}_{index:08d}", 1.0, config.size), split, 1.0,
            (seed, streams.Plan.SCENES, purpose, index), label=labels[position], number=numbers[position],
        )
        for index, position in enumerate(order)
    ]  # fmt: skip
    return _in_blocks(stem, "scene", pictures)


def _in_blocks(
    stem: str, kind: Literal["portrait", "scene"], pictures: Sequence[PlannedPicture], faces: Sequence[Face] = ()
) -> list[Block]:
    parts = [slice(start, start + _BLOCK) for start in range(0, len(pictures), _BLOCK)]
    return [
        Block(f"{stem}-{number:05d}", kind, tuple(pictures[part]), tuple(faces[part]))
        for number, part in enumerate(parts)
    ]
