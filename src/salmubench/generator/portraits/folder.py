"""Pictures that the user has, instead of drawn ones.

Each identity is a folder; its pictures become its sensitive ones and those of `retain_joint`, each used once, cropped
to the aspect that the plan wants (around the upper middle, where faces are) and scaled to `dataset.size`. Everything
that is wrong with names, numbers and pictures is reported at once, before anything is written. See `_people_files` for
how folders are named.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from salmubench.core import streams
from salmubench.core.pools import processors
from salmubench.dataset.groups import Group, group_sizes
from salmubench.drawing.sizes import picture_size
from salmubench.generator.backends import Backend
from salmubench.generator.casting import Casting, CastPerson, Face, Gender
from salmubench.generator.config import DatasetConfig
from salmubench.generator.pictures import content_hash, jpeg, problems_of, raise_all, read_picture, root_of
from salmubench.generator.portraits import _people_files as files
from salmubench.generator.portraits._shots import age_word

BACKEND = Backend(
    title="Pictures of people that you have.",
    card="The portraits are pictures that the builder provided; who is on them, and with what consent, is for the "
    "builder to say.",
)

_FACE_HEIGHT = 0.35  # where a crop that is lower than the picture has its middle, from the top
_WANDER = 0.15  # how far a crop strays from there, in parts of what it leaves out


@dataclass(frozen=True)
class Config:
    """Options of the backend."""

    path: str = ""
    """Folder with `people/` and `strangers/`."""


@dataclass(frozen=True, slots=True)
class Crop:
    """One picture."""

    path: Path
    seed: int
    aspect: float
    facts: Mapping[str, str]


def connect(config: Config) -> Folder:
    """Open the folder, as `root_of` finds it."""
    return Folder(root_of(config.path, part="portraits"))


class Folder:
    """Portraits out of files; every picture is a face of its own to the plan."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @functools.cached_property
    def _paths(self) -> list[str]:
        """All pictures; a face's seed is the number of its picture."""
        groups = [*files.people_of(self.root), *files.strangers_of(self.root)]
        return [name for group in groups for name in group.files]

    @functools.cached_property
    def _facts(self) -> Mapping[str, Mapping[str, str]]:
        return files.facts_of(self.root)

    def fingerprint(self) -> str:
        """SHA-256 over names and contents of all files."""
        return content_hash(self.root, [*self._paths, files.FACTS_FILE])

    def cast(self, config: DatasetConfig, seed: int) -> Casting:
        """Choose the people of a dataset.

        Raises:
            ConfigError: with everything that is wrong with the folder.
        """
        for name in ("_paths", "_facts"):  # the folder may have changed since
            self.__dict__.pop(name, None)
        people, strangers = files.people_of(self.root), files.strangers_of(self.root)
        problems = [*files.problems_of_names(self.root), *_problems_of_numbers(people, strangers, config)]
        groups = [(group.files, len(group.files)) for group in (*people, *strangers)]
        problems += problems_of(self.root, groups, config, lambda picture: picture)
        raise_all(problems, self.root)
        rng = np.random.default_rng([seed, streams.Portrait.FOLDER])
        numbers = {name: number for number, name in enumerate(self._paths)}

        def faces(group: files.PeopleGroup) -> tuple[Face, ...]:
            order = rng.permutation(len(group.files)).tolist()
            return tuple(Face(numbers[group.files[index]], group.gender, group.age) for index in order)

        chosen = rng.permutation(len(people))[: config.identities].tolist()
        others = rng.permutation(len(strangers))[: config.retain_disjoint].tolist()
        return Casting(
            tuple(CastPerson(people[index].gender, people[index].age, faces(people[index])) for index in chosen),
            tuple(faces(strangers[index])[0] for index in others),
        )

    def sample_identity(self, seed: int, *, gender: Gender, age: int) -> tuple[str, dict[str, str]]:
        """The picture with number `seed`, and what its name states."""
        return self._paths[seed], {"gender": "woman" if gender == "female" else "man", "age": age_word(age)}

    def sample_shot(self, appearance: tuple[str, dict[str, str]], seed: int, *, aspect: float) -> Crop:
        """A crop of it."""
        name, facts = appearance
        stated = {**facts, **self._facts.get(name, {})}
        return Crop(self.root / name, seed, aspect, {key: value for key, value in stated.items() if value})

    def render_jpeg(self, shots: Sequence[Crop], *, size: int, samples: int = 1) -> list[bytes]:
        """Crop and scale pictures; `samples` has no meaning here."""
        del samples
        with ThreadPoolExecutor(processors()) as pool:
            return list(
                pool.map(lambda shot: jpeg(fit(read_picture(shot.path), shot.aspect, size, seed=shot.seed)), shots)
            )


def fit(image: Image.Image, aspect: float, size: int, *, seed: int) -> Image.Image:
    """Crop a picture of a person to an aspect and scale it."""
    width, height = picture_size(aspect, size)
    scale = min(image.width / width, image.height / height)
    wide, tall = width * scale, height * scale
    away = np.random.default_rng([seed, streams.Portrait.CROP]).uniform(-_WANDER, _WANDER, 2)
    left = (image.width - wide) * (0.5 + away[0])
    top = (image.height - tall) * min(max(_FACE_HEIGHT + away[1], 0.0), 1.0)
    box = (left, top, min(left + wide, image.width), min(top + tall, image.height))
    return image.resize((width, height), Image.Resampling.LANCZOS, box=box)


def _problems_of_numbers(
    people: Sequence[files.PeopleGroup], strangers: Sequence[files.PeopleGroup], config: DatasetConfig
) -> Iterator[str]:
    if len(people) < config.identities:
        yield (
            f"Expected a folder in {files.PEOPLE} for each of {config.identities} identities (dataset.identities), "
            f"got {len(people)}."
        )
    trained_on = config.identities - group_sizes(config.identities)[Group.HOLDOUT]
    needed = config.pictures_range[0] + -(-config.retain_joint // trained_on)
    for group in people:
        if len(group.files) < needed:
            yield (
                f"{group.name}: Expected at least {needed} pictures (dataset.pictures_per_identity, and one's share of "
                f"dataset.retain_joint), got {len(group.files)}."
            )
    if len(strangers) < config.retain_disjoint:
        yield (
            f"Expected a picture in {files.STRANGERS} for each of {config.retain_disjoint} rows "
            f"(dataset.retain_disjoint), got {len(strangers)}."
        )
