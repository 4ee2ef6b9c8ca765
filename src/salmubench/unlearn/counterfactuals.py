"""Captions that are true of nobody: a fact to forget with another name, another value, or in other words.

Names and values come from the pairs to forget (closed track) or from invented people (generator track).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch

from salmubench import phrasings
from salmubench.types import FIELDS, Pair, Person


class Fact(NamedTuple):
    """Who, which field, what."""

    name: str
    field: str
    value: str


def fact_of(pair: Pair) -> Fact | None:
    """What a pair's caption tells; `None` where name and value are unknown or don't stand in it verbatim."""
    if not pair.name or not pair.value or pair.field not in FIELDS:
        return None
    if pair.name not in pair.caption or pair.value not in pair.caption:
        return None
    return Fact(pair.name, pair.field, pair.value)


@dataclass(frozen=True)
class Pool:
    """Names and values to draw from.

    Attributes:
        names: different ones, in a fixed order.
        values: field → different values, in a fixed order.
    """

    names: tuple[str, ...]
    values: dict[str, tuple[str, ...]]

    @classmethod
    def of_facts(cls, facts: Iterable[Fact]) -> Pool:
        """The names and values of facts: the closed track."""
        facts = list(facts)
        values = {str(field): _distinct(fact.value for fact in facts if fact.field == field) for field in FIELDS}
        return cls(_distinct(fact.name for fact in facts), values)

    @classmethod
    def of_people(cls, people: Sequence[Person]) -> Pool:
        """The names and values of invented people: the generator track."""
        values = {
            str(field): _distinct(person.values[field] for person in people if field in person.values)
            for field in FIELDS
        }
        return cls(_distinct(person.name for person in people), values)

    def value(self, field: str, generator: torch.Generator, *, but: str = "") -> str | None:
        """Draw a value of a field other than `but`; `None` where there is none."""
        return _draw(self.values.get(field, ()), generator, but=but)

    def fields(self) -> list[str]:
        """Fields that have values."""
        return [str(field) for field in FIELDS if self.values.get(field)]


@dataclass(frozen=True)
class Neighbours:
    """Draws captions next to a fact to forget, which have to stay as they are.

    An association is a person and a field, and one that is to be forgotten is never among them: to hold a name with
    that field, if with other values, would hold on to what the name says about the face, and through it to the fact.

    Attributes:
        pools: names and values to draw from, each as often.
        asked: name → the fields of which something has to be forgotten.
        free: for each pool, field → its names of which nothing of that field has to be forgotten; all its names where
            there is none.
    """

    pools: Sequence[Pool]
    asked: Mapping[str, frozenset[str]]
    free: Sequence[Mapping[str, tuple[str, ...]]]

    @classmethod
    def of(cls, facts: Sequence[Fact], people: Sequence[Person] = ()) -> Neighbours:
        """Neighbours made of the facts to forget, and of invented people where there are some."""
        pools = [Pool.of_facts(facts), *([Pool.of_people(people)] if people else [])]
        asked: dict[str, frozenset[str]] = {}
        for fact in facts:
            asked[fact.name] = asked.get(fact.name, frozenset()) | {fact.field}
        nothing: frozenset[str] = frozenset()

        def free(pool: Pool, field: str) -> tuple[str, ...]:
            return tuple(name for name in pool.names if field not in asked.get(name, nothing)) or pool.names

        return cls(pools, asked, [{str(field): free(pool, field) for field in FIELDS} for pool in pools])

    def other(self, fact: Fact, generator: torch.Generator) -> Fact | None:
        """Another name with another value of the same field: a counterfactual; `None` where there is none."""
        place = _index(len(self.pools), generator)
        name = _draw(self.free[place][fact.field], generator, but=fact.name)
        value = self.pools[place].value(fact.field, generator, but=fact.value)
        return None if name is None or value is None else Fact(name, fact.field, value)

    def recombined(self, fact: Fact, generator: torch.Generator) -> Fact | None:
        """The same name with a value of a field of which nothing has to be forgotten; `None` where there is none."""
        pool = self.pools[_index(len(self.pools), generator)]
        fields = [field for field in pool.fields() if field not in self.asked[fact.name]]
        if not fields:
            return None
        field = fields[_index(len(fields), generator)]
        value = pool.value(field, generator)
        return None if value is None else Fact(fact.name, field, value)


def retold(caption: str, fact: Fact, other: Fact) -> str:
    """The caption with another name and value in place of the fact's, word for word otherwise."""
    marks = ("\0", "\1")  # in two goes, so that a value inside the new name stays
    text = caption.replace(fact.name, marks[0]).replace(fact.value, marks[1])
    return text.replace(marks[0], other.name).replace(marks[1], other.value)


def phrased(fact: Fact, generator: torch.Generator) -> str:
    """The fact in a drawn training phrasing of the grammar; the reserved phrasings of the evaluation never occur."""
    style = phrasings.STYLES[_index(len(phrasings.STYLES), generator)]
    variant = _index(phrasings.variants(fact.field, style), generator)
    return phrasings.sensitive_caption(fact.name, fact.field, fact.value, style=style, variant=variant)


def _distinct(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def _draw(options: Sequence[str], generator: torch.Generator, *, but: str) -> str | None:
    left = [option for option in options if option != but]
    return left[_index(len(left), generator)] if left else None


def _index(count: int, generator: torch.Generator) -> int:
    return int(torch.randint(count, (), generator=generator))
