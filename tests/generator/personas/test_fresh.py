"""Invented people share no name with the dataset and repeat with the seed."""

from __future__ import annotations

from pathlib import Path

from salmubench.core.types import FIELDS
from salmubench.dataset.layout import open_dataset
from salmubench.generator.personas.fresh import fresh_people
from salmubench.generator.personas.sampling import sample_personas


class Known:
    def __init__(self, names: list[str]) -> None:
        self.identities = {str(number): {"name": name} for number, name in enumerate(names)}


def test_nobody_of_the_dataset(tiny_folder: Path) -> None:
    people = fresh_people(open_dataset(tiny_folder), seed=3)
    assert len(people) >= 90
    assert people == fresh_people(open_dataset(tiny_folder), seed=3)
    assert people != fresh_people(open_dataset(tiny_folder), seed=4)
    for person in people:
        assert person.name
        assert set(person.values) <= set(FIELDS)
        assert len(person.values) >= 8
    known = {persona.name for persona in sample_personas(100, 3)}
    assert len(known & {person.name for person in people}) < 5, "the dataset of the same seed has other people"


def test_same_names_are_left_out(tiny_folder: Path) -> None:
    all_of_them = [person.name for person in fresh_people(Known([]), seed=5)]  # type: ignore[arg-type]
    left = fresh_people(Known([all_of_them[0].upper(), all_of_them[7]]), seed=5)  # type: ignore[arg-type]
    assert [person.name for person in left] == [*all_of_them[1:7], *all_of_them[8:]]
