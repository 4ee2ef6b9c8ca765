"""People who are in no dataset: captions about them are captions about somebody whom no model has met."""

from __future__ import annotations

from salmubench.dataset.personas.sampling import sample_personas
from salmubench.layout import Dataset
from salmubench.types import FIELDS, Person

_STREAM = 0xF2E54  # keeps these people apart from the dataset's own, whose seed may be the same
_MANY = 20  # for one of the dataset: a model held at a few hundred people learns those, and moves at all others
_FEWEST = 100


def fresh_people(dataset: Dataset, *, seed: int) -> tuple[Person, ...]:
    """Invent twenty people for each of the dataset, leaving out those who share a name with one of its own.

    Args:
        dataset: the dataset.
        seed: the only source of randomness.
    """
    taken = {str(entry.get("name", "")).casefold() for entry in dataset.identities.values()}
    people = sample_personas(max(_MANY * len(dataset.identities), _FEWEST), seed ^ _STREAM)
    return tuple(
        Person(persona.name, {str(field): value for field in FIELDS if (value := persona.value(field)) is not None})
        for persona in people
        if persona.name.casefold() not in taken
    )
