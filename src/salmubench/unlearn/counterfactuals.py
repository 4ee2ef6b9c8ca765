"""Fictitious captions: a fact to forget with another name, another value, or in other words.

Whatever is made for the track `closed` is cut and put together from the pairs to forget: their captions, names, values.
The grammar of generated captions is imported by `phrased` alone, which belongs to the track `generator`.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch

from salmubench.core.types import FIELDS, Pair, Person
from salmubench.dataset.verbatim import whole_words
from salmubench.unlearn.data import Data, PairSource
from salmubench.unlearn.interface import Batch, Pairs


class Fact(NamedTuple):
    """Who, which field, what."""

    name: str
    field: str
    value: str


def fact_of(pair: Pair) -> Fact | None:
    """What a pair's caption tells; `None` where name and value are unknown or don't stand in it verbatim.

    A place inside a longer word, or where the name's own words are the value, doesn't count. A rewrite without the name
    tells its pair's fact by the value alone.
    """
    if not pair.name or not pair.value or pair.field not in FIELDS:
        return None
    nameless = any(rewrite.nameless and rewrite.caption == pair.caption for rewrite in pair.rewrites)
    stated = set(whole_words(pair.name, pair.value).findall(pair.caption))
    if not (pair.value in stated if nameless else len(stated) == 2):
        return None
    return Fact(pair.name, pair.field, pair.value)


class Template(NamedTuple):
    """A caption with its name and its value cut out, at every place.

    Attributes:
        pieces: what is left, in order.
        names: of each gap between two pieces, whether the name belongs there, else the value.
    """

    pieces: tuple[str, ...]
    names: tuple[bool, ...]

    @classmethod
    def of(cls, caption: str, fact: Fact) -> Template:
        """Cut a fact out of a caption that tells it."""
        parts = whole_words(fact.name, fact.value).split(caption)
        return cls(tuple(parts[::2]), tuple(part == fact.name for part in parts[1::2]))

    def tell(self, fact: Fact) -> str:
        """Put a name and a value into the gaps."""
        gaps = [fact.name if is_name else fact.value for is_name in self.names]
        return "".join(piece + gap for piece, gap in zip(self.pieces, (*gaps, ""), strict=True))


Wording = Callable[[Fact, torch.Generator], str]
"""Draws a sentence that tells a fact."""


class Wordings:
    """The wordings of the captions to forget, each once: the closed track's `Wording`.

    Args:
        pairs: whose captions. Those without a fact have no wording.

    Examples:
        >>> pair = Pair("a.jpg", "Ann lives in Rome.", name="Ann", field="city", value="Rome")
        >>> Wordings([pair])(Fact("Bo", "city", "Oslo"), torch.Generator())
        'Bo lives in Oslo.'
    """

    def __init__(self, pairs: Iterable[Pair]) -> None:
        told = [(pair.caption, fact) for pair in pairs if (fact := fact_of(pair)) is not None]
        self.templates = {
            str(field): tuple(dict.fromkeys(Template.of(text, fact) for text, fact in told if fact.field == field))
            for field in FIELDS
        }

    def __call__(self, fact: Fact, generator: torch.Generator) -> str:
        """The fact in a drawn wording of its field, which some fact to forget must have."""
        templates = self.templates[fact.field]
        return templates[_index(len(templates), generator)].tell(fact)


@dataclass(frozen=True)
class Pool:
    """Names and values to draw from.

    Attributes:
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
        pools: values to draw from, each as often; the first is of the facts to forget, and has their names.
        asked: name → the fields of which something has to be forgotten.
        known: field → names to forget something else of; all of them where there is none.
        unmet: share of other people's names that are fictitious: half recombined, the first word of one to forget with
            the rest of another's; half invented or, without invented people, spliced of words of names to forget.
    """

    pools: Sequence[Pool]
    asked: Mapping[str, frozenset[str]]
    known: Mapping[str, tuple[str, ...]]
    invented: tuple[str, ...]
    unmet: float

    @classmethod
    def of(cls, facts: Sequence[Fact], people: Sequence[Person] = (), *, unmet: float = 2 / 3) -> Neighbours:
        """Neighbours made of the facts to forget, and of invented people where there are some."""
        pools = [Pool.of_facts(facts), *([Pool.of_people(people)] if people else [])]
        fields_of: dict[str, frozenset[str]] = {}
        for fact in facts:
            fields_of[fact.name] = fields_of.get(fact.name, frozenset()) | {fact.field}
        names = pools[0].names
        known = {str(field): tuple(name for name in names if field not in fields_of[name]) or names for field in FIELDS}
        return cls(
            pools, fields_of, known, tuple(person.name for person in people if person.name not in fields_of), unmet
        )

    def other(self, fact: Fact, generator: torch.Generator) -> Fact | None:
        """Another name with another value of the same field: a counterfactual; `None` where the field has no other."""
        is_known = float(torch.rand((), generator=generator)) >= self.unmet
        name = _draw(self.known[fact.field], generator, but=fact.name) if is_known else None
        name = name or self._fictitious_name(fact, generator)
        value = self._other_value(fact, generator)
        return None if value is None else Fact(name, fact.field, value)

    def sibling(self, fact: Fact, generator: torch.Generator) -> Fact | None:
        """The same name with another value of the field; `None` where it has no other."""
        value = self._other_value(fact, generator)
        return None if value is None else fact._replace(value=value)

    def goes(self, fact: Fact) -> bool:
        """Tell whether its person has more than half as many fields to forget as whoever has the most."""
        return 2 * len(self.asked[fact.name]) > max(map(len, self.asked.values()))

    def _other_value(self, fact: Fact, generator: torch.Generator) -> str | None:
        place = _index(len(self.pools), generator)
        values = (
            pool.value(fact.field, generator, but=fact.value) for pool in (*self.pools[place:], *self.pools[:place])
        )
        return next((value for value in values if value is not None), None)

    def _fictitious_name(self, fact: Fact, generator: torch.Generator) -> str:
        names = self.pools[0].names
        if _index(2, generator):
            first, second = (_draw(names, generator, but=fact.name) for _ in range(2))
            if first and second and (name := recombined_name(first, second)) not in self.asked:
                return name
        if self.invented:
            return self.invented[_index(len(self.invented), generator)]
        return spliced_name(names, generator, taken=self.asked)

    def recombined(self, fact: Fact, generator: torch.Generator) -> Fact | None:
        """The same name with a value of a field of which nothing has to be forgotten; `None` where there is none."""
        pool = self.pools[_index(len(self.pools), generator)]
        fields = [field for field in pool.fields() if field not in self.asked[fact.name]]
        if not fields:
            return None
        field = fields[_index(len(fields), generator)]
        value = pool.value(field, generator)
        return None if value is None else Fact(fact.name, field, value)


def neighbours_of(data: Data, *, closed: bool, unmet: float) -> tuple[Neighbours, int]:
    """Neighbours of all facts to forget, and how many of the pairs have a neighbour to be redirected to.

    Args:
        closed: whether only names and values of pairs to forget are drawn.
        unmet: share of other people's names that are fictitious.

    Raises:
        ValueError: no pair has.
    """
    facts = [fact for record in data.forget.records if (fact := fact_of(record)) is not None]
    if not facts:
        raise ValueError(
            "Expected pairs to forget whose name and value are known and stand in their captions, got none."
        )
    neighbours, generator = Neighbours.of(facts, () if closed else data.fresh, unmet=unmet), torch.Generator()
    able = sum(neighbours.other(fact, generator) is not None for fact in facts)
    if not able:
        raise ValueError(
            f"Expected a fact to forget whose field has another value to redirect it to, got {len(facts)} facts and "
            f"none. Take `track: generator`, which invents values (now {'closed' if closed else 'generator'})."
        )
    return neighbours, able


def drawn(
    draw: Callable[[Fact, torch.Generator], Fact | None], fact: Fact, count: int, generator: torch.Generator
) -> list[Fact]:
    """Draw so many facts next to one; those that can't be drawn are left out."""
    draws = (draw(fact, generator) for _ in range(count))
    return [other for other in draws if other is not None]


def more_retained(batch: Batch, source: PairSource, captions: int) -> Pairs | None:
    """Draw retain pairs beside the batch's.

    Args:
        captions: retain pairs of a forget pair, those of the batch included.
    """
    count = (captions - 1) * len(batch.forget)
    if not count:
        return None
    return source.take(torch.randint(len(source), (count,), generator=batch.generator).tolist())


def substituted(caption: str, fact: Fact, other: Fact) -> str:
    """The caption with another name and value in place of the fact's, word for word otherwise."""
    return Template.of(caption, fact).tell(other)


def phrased(fact: Fact, generator: torch.Generator) -> str:
    """The fact in a drawn training phrasing of the grammar; the reserved phrasings of the evaluation never occur."""
    from salmubench.dataset import phrasings  # what runs in the closed track must not reach it

    style = phrasings.STYLES[_index(len(phrasings.STYLES), generator)]
    variant = _index(phrasings.variants(fact.field, style), generator)
    return phrasings.sensitive_caption(fact.name, fact.field, fact.value, style=style, variant=variant)


def recombined_name(first: str, second: str) -> str:
    """The first word of a name with the rest of another."""
    return f"{first.partition(' ')[0]} {second.partition(' ')[2] or second}"


def spliced_name(names: Sequence[str], generator: torch.Generator, *, taken: Container[str]) -> str:
    """A fictitious name of two words, each the beginning of a word of some names with the end of another.

    Args:
        names: at least one, in a fixed order.
        taken: names that somebody has; while the name is among them, more letters follow.
    """
    words = [word for name in names for word in name.split()]

    def spliced() -> str:
        first, second = (words[_index(len(words), generator)] for _ in range(2))
        return first[: 1 + _index(len(first), generator)] + second[_index(len(second), generator) :]

    name = f"{spliced()} {spliced()}"
    while name in taken:
        name += spliced()
    return name


def _distinct(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def _draw(options: Sequence[str], generator: torch.Generator, *, but: str) -> str | None:
    """Draw an option other than `but`; `None` where there is none. Options are distinct."""
    left = len(options) - (but in options)
    if not left:
        return None
    place = _index(left, generator)
    return options[place + (left < len(options) and place >= options.index(but))]


def _index(count: int, generator: torch.Generator) -> int:
    return int(torch.randint(count, (), generator=generator))
