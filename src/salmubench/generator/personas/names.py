"""Pools of given names and surnames of a territory, in Latin letters, separated by gender."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

import yaml
from faker import Generator

from salmubench.generator.casting import Gender
from salmubench.generator.personas.romanise import korean_surname, romanise
from salmubench.generator.personas.territories import TERRITORIES

_NAME: Final = re.compile(r"[^\W\d_]+(?:[ '-]+[^\W\d_]+)*")
_MAX_LETTERS: Final = 20
_POOL_DRAWS: Final = 600
_POOL_SEED: Final = 0
# Titles and degrees, which some locales mix with names.
_TITLES: Final = frozenset(
    {
        "dr", "mr", "mrs", "ms", "miss", "prof", "sir", "jr", "sr", "ir", "ing", "dipl", "mag", "don", "doña", "haji",
        "hajji",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class NamePool:
    """All full names `first × last` of one language and gender; number `i` is a fixed pair."""

    first: tuple[str, ...]
    last: tuple[str, ...]
    family_first: bool

    def __len__(self) -> int:
        return len(self.first) * len(self.last)

    def full_name(self, index: int) -> str:
        """The name of that number, `0 ≤ index < len(self)`."""
        first, last = self.first[index // len(self.last)], self.last[index % len(self.last)]
        return f"{last} {first}" if self.family_first else f"{first} {last}"


@cache
def romanised_names() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """Language → `female`, `male`, `last`, perhaps `female_last`, where Faker hasn't the names in Latin letters."""
    content = yaml.safe_load((resources.files(__package__) / "romanised_names.yaml").read_text(encoding="utf-8"))
    return {
        language: {key: tuple(name.strip() for name in text.split(",")) for key, text in lists.items()}
        for language, lists in content.items()
    }


@cache
def name_pools(code: str, gender: Gender) -> tuple[NamePool, ...]:
    """One pool per language of a territory."""
    territory = TERRITORIES[code]
    return tuple(_pool(source, gender, family_first=territory.family_first) for source in territory.names)


def _pool(source: str, gender: str, *, family_first: bool) -> NamePool:
    if names := romanised_names().get(source):
        return NamePool(names[gender], names.get(f"{gender}_last", names["last"]), family_first)
    language = source.split("_")[0]
    provider = importlib.import_module(f"faker.providers.person.{source}").Provider
    other = "male" if gender == "female" else "female"
    # A name in both lists (some locales mix them) would not show the gender that the portrait shows.
    shared = _first(provider, other, language)
    first = [name for name in _first(provider, gender, language) if name not in shared]
    return NamePool(tuple(sorted(first)), tuple(sorted(_last(provider, gender, language))), family_first)


@cache
def _first(provider: Any, gender: str, language: str) -> frozenset[str]:
    names = "first_romanized_names" if language == "ja" else "first_names"
    return _tidy(getattr(provider(Generator()), f"{names}_{gender}"), language)


def _last(provider: Any, gender: str, language: str) -> frozenset[str]:
    generator = Generator()
    generator.seed_instance(_POOL_SEED)
    instance = provider(generator)
    if language == "ja":
        raw = instance.last_romanized_names
    else:
        raw = getattr(instance, f"last_names_{gender}", None) or instance.last_names
        if tuple(raw) == ("Doe",):  # Polish and Icelandic surnames are made by rule, not listed
            draw = getattr(instance, f"last_name_{gender}")
            raw = [draw() for _ in range(_POOL_DRAWS)]
    names = _tidy(raw, language)
    if language == "ko":
        names = frozenset(korean_surname(name) for name in names)
    return names


def _tidy(raw: Any, language: str) -> frozenset[str]:
    names = (romanise(name, language) for name in raw)
    return frozenset(name for name in names if _is_plain(name))


def _is_plain(name: str) -> bool:
    return bool(_NAME.fullmatch(name)) and len(name) <= _MAX_LETTERS and _TITLES.isdisjoint(name.lower().split())
