"""What captions state about a person: the stated value of a field, the apparent gender."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

_WORDS = {
    "female": ("woman", "female", "lady", "girl", "she", "her", "mother", "grandmother"),
    "male": ("man", "male", "gentleman", "boy", "he", "his", "father", "grandfather"),
}
_GENDER_OF = {word: gender for gender, words in _WORDS.items() for word in words}
_ANY_WORD = re.compile(r"\b(" + "|".join(_GENDER_OF) + r")\b", re.IGNORECASE)


def apparent_gender(captions: Iterable[str]) -> str | None:
    """The gender that most of some generic captions state, `female` or `male`; `None` where they state none or both.

    A caption counts for the first of its words that states one.
    """
    first = (_ANY_WORD.search(caption) for caption in captions)
    votes = Counter(_GENDER_OF[match[0].lower()] for match in first if match is not None)
    if votes["female"] == votes["male"]:
        return None
    return max(votes, key=lambda gender: votes[gender])


def country_name(code: str) -> str | None:
    """The English name of an ISO 3166 alpha-2 code (Unicode CLDR)."""
    from babel import Locale

    name: str | None = Locale("en").territories.get(code)
    return name


def stated_value(caption: str, field: str | None, persona: Mapping[str, Any]) -> str | None:
    """Find the persona's value of a field in a caption whose metadata doesn't state it.

    Of a list the longest element that the caption holds; for `country_code` the code's English name. `None` where
    nothing fits.
    """
    if field is None or persona.get(field) is None:
        return None
    value = persona[field]
    candidates = [str(item) for item in value] if isinstance(value, list | tuple) else [str(value)]
    if field == "country_code":
        candidates += [name for code in candidates if (name := country_name(code))]
    inside = [text for text in candidates if text and text in caption]
    return max(inside, key=len) if inside else None
