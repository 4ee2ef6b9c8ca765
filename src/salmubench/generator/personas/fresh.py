"""People who are in no dataset: captions about them are captions about somebody whom no model has met."""

from __future__ import annotations

from salmubench.core import streams
from salmubench.core.types import FIELDS, Person
from salmubench.dataset.layout import Dataset
from salmubench.generator.personas.sampling import sample_personas

_FEWEST, _MOST = 100, 4000  # the method that uses them says why they have to be many; more take too long to invent
_TIMES = 20


def fresh_people(dataset: Dataset, *, seed: int) -> tuple[Person, ...]:
    """Invent people, leaving out those who share a name with one of the dataset.

    Twenty for each of its own, but at least 100 and at most 4,000.
    """
    taken = {str(entry.get("name", "")).casefold() for entry in dataset.identities.values()}
    count = min(max(_TIMES * len(dataset.identities), _FEWEST), _MOST)
    people = sample_personas(count, seed ^ streams.FRESH_PEOPLE)
    return tuple(
        Person(persona.name, {str(field): value for field in FIELDS if (value := persona.value(field)) is not None})
        for persona in people
        if persona.name.casefold() not in taken
    )
