"""Captions that are true of nobody: a fact to forget with another name, another value, or in other words.

Names and values come from the pairs to forget (closed track) or from invented people (generator track).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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

    def other(self, fact: Fact, generator: torch.Generator) -> Fact | None:
        """Another name with another value of the same field: a counterfactual; `None` where there is none."""
        name, value = _draw(self.names, generator, but=fact.name), self.value(fact.field, generator, but=fact.value)
        return None if name is None or value is None else Fact(name, fact.field, value)

    def recombined(self, fact: Fact, generator: torch.Generator) -> Fact | None:
        """The same name with a value of another field; `None` where no other field has values."""
        fields = [str(field) for field in FIELDS if field != fact.field and self.values.get(field)]
        if not fields:
            return None
        field = fields[_index(len(fields), generator)]
        value = self.value(field, generator)
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
