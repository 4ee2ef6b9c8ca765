"""Who stands for whom: people whose pictures a portrait backend has, instead of faces that it makes up.

A backend that is bound to what it has (a user's pictures, anchor faces) offers `cast(config, seed)`; the plan then
gives each persona the gender and age of one of its people.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Gender = Literal["female", "male"]


class Face(NamedTuple):
    """Whose face: seed, gender and age are all that an appearance depends on."""

    seed: int
    gender: Gender
    age: int


class CastPerson(NamedTuple):
    """One identity; its faces are one that serves for any number of pictures, or one for each picture there is."""

    gender: Gender
    age: int
    faces: tuple[Face, ...]

    def face(self, number: int) -> Face:
        """The face of picture `number`."""
        return self.faces[number if len(self.faces) > 1 else 0]

    def at_most(self, pictures: int) -> int:
        """How many of so many pictures there can be."""
        return min(pictures, len(self.faces)) if len(self.faces) > 1 else pictures


class Casting(NamedTuple):
    """All people of a dataset: one per persona, in their order, and strangers, one per picture of `retain_disjoint`."""

    people: tuple[CastPerson, ...]
    strangers: tuple[Face, ...]
