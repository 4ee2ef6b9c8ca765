"""English articles."""

from __future__ import annotations

import re
from typing import Final

_CONSONANT_SOUND: Final = re.compile(r"(?:uni(?![mn])|use|usu|uti|uro|eu|ewe|one\b|once\b|u-)", re.IGNORECASE)
_SILENT_H: Final = re.compile(r"(?:hour|honest|honour|honor|heir)", re.IGNORECASE)
_UNINFLECTED: Final = re.compile(r"(?:a|an|the|no|some|two|three)\s", re.IGNORECASE)
_UNCOUNTED: Final = re.compile(r"\b(?:hair|stubble|clothing|knitwear|facial hair|denim)\b", re.IGNORECASE)
_PLURAL: Final = re.compile(r"(?:[^s]s|sses)$")
_LETTERS_SPOKEN_WITH_VOWEL: Final = frozenset("AEFHILMNORSX")
_DEFINITE: Final = re.compile(
    r"United .+|.*\b(?:Republic|Territories|Territory|Islands|Kingdom|States|Union|Federation|Emirates)|"
    r"(?:.+ )?Republic of .+|Netherlands|Philippines|Bahamas|Gambia|Maldives|Seychelles|Comoros|Congo"
)


def indefinite_article(text: str) -> str:
    """`"a"` or `"an"`, by the first sound; short capitalised words are spelled out ("an IT consultant")."""
    first = re.split(r"[\s-]", text, maxsplit=1)[0]
    if 1 < len(first) <= 3 and first.isupper():
        return "an" if first[0] in _LETTERS_SPOKEN_WITH_VOWEL else "a"
    if _SILENT_H.match(text):
        return "an"
    return "an" if text[:1].lower() in "aeiou" and not _CONSONANT_SOUND.match(text) else "a"


def with_article(thing: str) -> str:
    """A noun phrase with "a" or "an" where English wants one ("a red scarf", but "grey hair", "round glasses")."""
    head = re.split(r"\s(?:with|in|tied|of)\s", thing, maxsplit=1)[0]
    if _UNINFLECTED.match(thing) or _UNCOUNTED.search(head) or _PLURAL.search(head):
        return thing
    return f"{indefinite_article(thing)} {thing}"


def country_article(country: str) -> str:
    """`"the "` before countries that take it ("the Netherlands"), else an empty string."""
    return "the " if _DEFINITE.fullmatch(country) else ""
