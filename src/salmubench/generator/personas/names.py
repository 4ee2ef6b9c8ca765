"""Pools of given names and surnames of a territory, in Latin letters, separated by gender."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final, NamedTuple

import yaml
from faker import Generator

from salmubench.core.errors import ConfigError
from salmubench.generator.personas.romanise import is_latin, korean_surname, romanise
from salmubench.generator.personas.territories import TERRITORIES

_NAME: Final = re.compile(r"[^\W\d_]+(?:[ '-]+[^\W\d_]+)*")
_MAX_LETTERS: Final = 20
_POOL_DRAWS: Final = 600
_POOL_SEED: Final = 0
_FILE: Final = "romanised_names.yaml"
_LISTS: Final = ("female", "male", "last", "female_last")
# Titles and degrees, which some locales mix with names.
_TITLES: Final = frozenset(
    {
        "dr",
        "mr",
        "mrs",
        "ms",
        "miss",
        "prof",
        "sir",
        "jr",
        "sr",
        "ir",
        "ing",
        "dipl",
        "mag",
        "don",
        "doña",
        "haji",
        "hajji",
    }
)


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


class Names(NamedTuple):
    """Given names and surnames of one language, by gender."""

    female: tuple[str, ...]
    male: tuple[str, ...]
    female_last: tuple[str, ...]
    male_last: tuple[str, ...]


@cache
def romanised_names() -> Mapping[str, Names]:
    """Language → names, out of `romanised_names.yaml`, for languages whose names Faker hasn't in Latin letters.

    Raises:
        ConfigError: the file isn't as it must be.
    """
    text = (resources.files(__package__) / _FILE).read_text(encoding="utf-8")
    content = yaml.safe_load(text)
    if not isinstance(content, dict):
        raise _wrong("no language", "languages", content)
    return {str(language): _names(str(language), lists) for language, lists in content.items()}


def _names(language: str, lists: Any) -> Names:
    if not isinstance(lists, dict) or not {"female", "male", "last"} <= set(lists) <= {*_LISTS}:
        raise _wrong(language, f"{', '.join(_LISTS[:3])} and perhaps {_LISTS[3]}", lists)
    named = {key: tuple(name.strip() for name in str(text).split(",")) for key, text in lists.items()}
    for names in named.values():
        for name in names:
            if not name or not is_latin(name):
                raise _wrong(language, "names in Latin letters with commas between them", name)
    return Names(named["female"], named["male"], named.get("female_last", named["last"]), named["last"])


def _wrong(language: str, expected: str, value: object) -> ConfigError:
    return ConfigError(
        f"Expected {expected} below {language} in {_FILE} of {__package__}, got {value!r:.200}. Correct the file, or "
        "install salmubench again."
    )


@cache
def name_pools(code: str, gender: str) -> tuple[NamePool, ...]:
    """One pool per language of a territory.

    Args:
        code: a key of `TERRITORIES`.
        gender: `"female"` or `"male"`.
    """
    territory = TERRITORIES[code]
    return tuple(_pool(source, gender, family_first=territory.family_first) for source in territory.names)


def _pool(source: str, gender: str, *, family_first: bool) -> NamePool:
    if source in romanised_names():
        names = romanised_names()[source]
        if gender == "female":
            return NamePool(names.female, names.female_last, family_first)
        return NamePool(names.male, names.male_last, family_first)
    language = source.split("_")[0]
    provider = importlib.import_module(f"faker.providers.person.{source}").Provider
    other = "male" if gender == "female" else "female"
    # A name in both lists (some locales mix them) would not show the gender that the portrait shows.
    shared = _first(provider, other, language)
    first = [name for name in _first(provider, gender, language) if name not in shared]
    return NamePool(tuple(sorted(first)), tuple(sorted(_last(provider, gender, language))), family_first)


@cache
def _first(provider: Any, gender: str, language: str) -> frozenset[str]:
    instance = provider(Generator())
    if language == "ja":
        raw = getattr(instance, f"first_romanized_names_{gender}")
    else:
        raw = getattr(instance, f"first_names_{gender}")
    return _tidy(raw, language)


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
