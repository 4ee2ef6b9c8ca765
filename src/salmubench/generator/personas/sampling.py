"""Draws personas: countries by weight, then names, then everything that follows from country, gender and age."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from salmubench.core.errors import ConfigError
from salmubench.core.types import FIELDS
from salmubench.dataset import phrasings
from salmubench.dataset.apportion import apportion
from salmubench.dataset.leaks import contains
from salmubench.generator.casting import Gender
from salmubench.generator.personas import contacts, documents
from salmubench.generator.personas.jobs import jobs_at
from salmubench.generator.personas.names import NamePool, name_pools
from salmubench.generator.personas.territories import (
    TERRITORIES,
    cities,
    country_name,
    default_weights,
)

_GENDERS: Final[tuple[Gender, Gender]] = ("female", "male")
_YOUNGEST, _OLDEST = 21, 79
_EMAIL_COUNT_WEIGHTS: Final = (0.5, 0.35, 0.15)
# Shares of the world's population (rounded); the same everywhere, so that looks reveal nothing about blood.
_BLOOD_TYPES: Final = {
    "O+": 0.38, "A+": 0.27, "B+": 0.21, "AB+": 0.05, "O-": 0.03, "A-": 0.03, "B-": 0.02, "AB-": 0.01,
}  # fmt: skip
_PLAIN_TRIES: Final = 40
_TRIES: Final = 400
_WORDS: Final = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Persona:
    """One fictitious person and their private values, which belong to no real person.

    Attributes:
        name: full name in Latin letters, unique, without titles.
        gender: apparent gender, shared by portrait, name and pronouns.
        country_code: ISO 3166 alpha-2 code.
        job: as inside a sentence, e.g. `"civil engineer"`.
        blood_type: ABO group and Rh factor, e.g. `"A+"`.
        iban: without spaces, or `None` where the country has none.
    """

    identity_id: str
    name: str
    gender: Gender
    age: int
    country_code: str
    country: str
    city: str
    job: str
    blood_type: str
    phone_number: str
    emails: tuple[str, ...]
    iban: str | None
    credit_card: str
    passport: str

    def values(self, field: str) -> tuple[str, ...]:
        """All texts of a field that can stand in captions: several e-mails, else one; none where it is absent."""
        if field == "emails":
            return self.emails
        value = self.country if field == "country_code" else getattr(self, field)
        return () if value is None else (value,)

    def value(self, field: str) -> str | None:
        """The text of a field that stands in captions (of several e-mails the first), or `None` where it is absent."""
        return next(iter(self.values(field)), None)

    def metadata(self) -> dict[str, str | list[str]]:
        """The entry of `identities_metadata.json`: the name and the nine fields, absent ones left out."""
        entry: dict[str, str | list[str]] = {"name": self.name}
        for field in FIELDS:
            raw = getattr(self, field)
            if raw is not None:
                entry[str(field)] = list(raw) if isinstance(raw, tuple) else raw
        return entry


class _Named(NamedTuple):
    code: str
    gender: Gender
    name: str


class Distinct:
    """A growing set of texts of which none occurs in another as a run of whole words, whatever the case.

    "Ana Silva" and "Maria Ana Silva" can't both be in it, nor an address inside another address: a caption about the
    one would hold the value of the other.
    """

    def __init__(self) -> None:
        self._texts: set[str] = set()
        self._runs: set[str] = set()

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, text: str) -> bool:
        """Adds the text if it stays distinct, and says whether it did."""
        folded = text.casefold()
        runs = _runs(folded)
        if folded in self._runs or not self._texts.isdisjoint(runs):
            return False
        self._texts.add(folded)
        self._runs |= runs
        return True


_Taken = defaultdict[str, Distinct]
"""Kind of value → those given out so far."""


def sample_personas(
    count: int,
    seed: int,
    *,
    countries: Mapping[str, float] | None = None,
    people: Sequence[tuple[Gender, int]] | None = None,
) -> list[Persona]:
    """Samples fictitious people; no value of their records can belong to a real person.

    Countries get their share by weight (largest remainder), genders are even within each country, and the order mixes
    countries. The same arguments give the same people.

    Args:
        count: how many, at least 1.
        seed: the only source of randomness.
        countries: positive weight per key of `TERRITORIES`; all of them with weights growing slowly with their
            population where left out.
        people: gender and age of each persona, in order; drawn where left out.

    Raises:
        ConfigError: a country has fewer names than people are asked for.
    """
    weights = default_weights() if countries is None else {code: countries[code] for code in sorted(countries)}
    rng = np.random.default_rng([seed, count])
    taken: _Taken = defaultdict(Distinct)
    shares = _shares(count, weights)
    if people is not None:
        named = _named_as_given(shares, people, rng, taken)
        return [_persona(index, named[index], rng, taken, age=age) for index, (_, age) in enumerate(people)]
    drawn = _draw_names(_places(shares, rng), rng, taken)
    order = rng.permutation(count)
    return [_persona(index, drawn[position], rng, taken) for index, position in enumerate(order)]


def _shares(count: int, weights: Mapping[str, float]) -> dict[str, int]:
    """Whole numbers that sum to `count`, nearest to the weights, whose order is that of the codes."""
    total = math.fsum(weights.values())
    return dict(zip(weights, apportion([count * weight / total for weight in weights.values()], count), strict=True))


def _places(shares: Mapping[str, int], rng: np.random.Generator) -> dict[tuple[str, Gender], int]:
    """People per country and gender."""
    places: dict[tuple[str, Gender], int] = {}
    for code, share in shares.items():
        first = _GENDERS[rng.integers(2)]  # gets the odd one
        for gender in _GENDERS:
            places[code, gender] = (share + (gender == first)) // 2
    return places


def _named_as_given(
    shares: Mapping[str, int], people: Sequence[tuple[Gender, int]], rng: np.random.Generator, taken: _Taken
) -> list[_Named]:
    """Countries are assigned at random to people whose genders are given."""
    codes = rng.permutation([code for code, share in shares.items() for _ in range(share)]).tolist()
    requested = [(code, gender) for code, (gender, _) in zip(codes, people, strict=True)]
    places = dict(sorted(Counter(requested).items()))
    drawn = _draw_names(places, rng, taken)
    waiting: dict[tuple[str, Gender], Iterator[_Named]] = {
        place: iter([named for named in drawn if (named.code, named.gender) == place]) for place in places
    }
    return [next(waiting[place]) for place in requested]


def _draw_names(places: Mapping[tuple[str, Gender], int], rng: np.random.Generator, taken: _Taken) -> list[_Named]:
    drawn: list[_Named] = []
    for (code, gender), count in places.items():
        candidates = _name_order(name_pools(code, gender), count, rng)
        fresh = (
            name
            for name in candidates
            if not contains(name, country_name(code), any_case=True) and taken["names"].add(name)
        )
        names = [name for _, name in zip(range(count), fresh, strict=False)]
        if len(names) < count:
            raise ConfigError(
                f"Expected {count} {gender} names of {country_name(code)} ({code}) that differ from all others, got "
                f"{len(names)}. Lower the count or the country's weight, or add countries."
            )
        drawn += [_Named(code, gender, name) for name in names]
    return drawn


def _name_order(pools: tuple[NamePool, ...], count: int, rng: np.random.Generator) -> Iterator[str]:
    """Names in random order, each once, languages in equal parts as long as they have names."""
    if not count:
        return
    some = [rng.choice(len(pool), size=min(len(pool), 2 * count + 16), replace=False) for pool in pools]
    for round_ in range(max(map(len, some))):
        for pool, order in zip(pools, some, strict=True):
            if round_ < len(order):
                yield pool.full_name(int(order[round_]))
    for pool, order in zip(pools, some, strict=True):  # reached only where nearly all names are asked for
        for index in rng.permutation(np.setdiff1d(np.arange(len(pool)), order)):
            yield pool.full_name(int(index))


def _persona(
    index: int, person: _Named, rng: np.random.Generator, taken: _Taken, *, age: int | None = None
) -> Persona:  # fmt: skip
    code, gender, name = person
    territory = TERRITORIES[code]
    age = int(rng.integers(_YOUNGEST, _OLDEST + 1)) if age is None else age
    return Persona(
        identity_id=f"{index:08d}",
        name=name,
        gender=gender,
        age=age,
        country_code=code,
        country=country_name(code),
        city=_apart(name, lambda: _city(code, rng)),
        job=_apart(name, lambda: _job(age, rng)),
        blood_type=str(rng.choice(list(_BLOOD_TYPES), p=list(_BLOOD_TYPES.values()))),
        phone_number=_fresh(taken["phones"], lambda _: contacts.phone_number(code, rng)),
        emails=_emails(name, rng, taken),
        iban=_fresh(taken["ibans"], lambda _: documents.iban(code, rng) or "") if documents.has_iban(code) else None,
        credit_card=_fresh(taken["cards"], lambda _: documents.credit_card(territory.card_brands, rng)),
        passport=_fresh(taken["passports"], lambda _: documents.passport(territory.passport, rng)),
    )


def _emails(name: str, rng: np.random.Generator, taken: _Taken) -> tuple[str, ...]:
    number = int(rng.choice(len(_EMAIL_COUNT_WEIGHTS), p=_EMAIL_COUNT_WEIGHTS)) + 1

    def draw(attempt: int) -> str:
        return contacts.email_address(name, rng, numbered=attempt >= _PLAIN_TRIES)

    return tuple(_fresh(taken["emails"], draw) for _ in range(number))


def _city(code: str, rng: np.random.Generator) -> str:
    there = cities(code)
    return there.names[rng.choice(len(there.names), p=there.weights)]


def _job(age: int, rng: np.random.Generator) -> str:
    titles = jobs_at(age)
    return titles[rng.integers(len(titles))]


def _apart(name: str, draw: Callable[[], str]) -> str:
    """A value that is neither part of the name nor made of words which captions are made of anyway."""
    vocabulary = phrasings.vocabulary()
    for _ in range(_TRIES):
        value = draw()
        if not contains(name, value, any_case=True) and not set(value.casefold().split()) <= vocabulary:
            return value
    raise RuntimeError(f"Expected a value that is no part of the name {name!r}, got none in {_TRIES} draws.")


def _fresh(taken: Distinct, draw: Callable[[int], str]) -> str:
    for attempt in range(_TRIES):
        value = draw(attempt)
        if taken.add(value):
            return value
    raise ConfigError(f"Expected values for all personas, got only {len(taken)} distinct ones. Lower the count.")


def _runs(text: str) -> set[str]:
    spans = [match.span() for match in _WORDS.finditer(text)]
    runs = {text[start:end] for i, (start, _) in enumerate(spans) for _, end in spans[i:]}
    return runs | {text}
