"""Finds private values in texts."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from salmubench.core.types import FIELDS, UNIQUE_FIELDS
from salmubench.dataset.people import country_name
from salmubench.dataset.verbatim import whole_words

UNIQUE = ("name", *map(str, UNIQUE_FIELDS))
"""Fields whose values occur for one identity only."""

_WORD = re.compile(r"\w+")


class UniqueValue(NamedTuple):
    """A value that one identity alone has."""

    identity: str
    field: str
    value: str


def texts_of(persona: Mapping[str, Any], field: str) -> list[str]:
    """All texts by which captions may state a field; for `country_code` the English name, not the code.

    The code is left out since codes are English words ("in", "it") or parts of other values.
    """
    known = persona.get(field)
    if known is None:
        return []
    if field == "country_code":
        name = country_name(str(known))
        return [] if name is None else [name]
    values = known if isinstance(known, list | tuple) else [known]
    return [str(value) for value in values if str(value).strip()]


def contains(text: str, value: str, *, any_case: bool = False) -> bool:
    """Whether a value stands in a text as whole words, in the same case or in any."""
    if any_case:
        text, value = text.casefold(), value.casefold()
    if value not in text:  # most texts: without a regular expression
        return False
    return re.search(rf"(?<!\w){re.escape(value)}(?!\w)", text) is not None


def folded(text: str) -> str:
    """A text as CLIP's tokenizer reads it, for comparisons: case, width and the form of an apostrophe don't count."""
    return unicodedata.normalize("NFKC", text).replace("\u2019", "'").replace("\u2018", "'").casefold()


def without(text: str, *parts: str | None) -> str:
    r"""Take parts out of a text where they stand as whole words, so that what is left can be searched for other values.

    Examples:
        >>> without("Anna, 42, is at +1 202 555 0142.", "Anna", "42").replace("\0", "_")
        '_, _, is at +1 202 555 0142.'
    """
    given = [part for part in parts if part]
    return whole_words(*given).sub("\0", text) if given else text


class UniqueValues:
    """The unique values of all identities, found in a text by their longest word."""

    def __init__(self, identities: Mapping[str, Mapping[str, Any]]) -> None:
        self._by_word: defaultdict[str, list[UniqueValue]] = defaultdict(list)
        for identity, persona in identities.items():
            for field in UNIQUE:
                for value in texts_of(persona, field):
                    words = _WORD.findall(folded(value))
                    if words:
                        self._by_word[max(words, key=len)].append(UniqueValue(identity, field, value))

    def within(self, text: str) -> Iterator[UniqueValue]:
        """All unique values that stand in a text as whole words, as CLIP reads both."""
        text = folded(text)
        for word in dict.fromkeys(_WORD.findall(text)):
            for entry in self._by_word.get(word, ()):
                if contains(text, folded(entry.value)):
                    yield entry

    def shared(self) -> Iterator[tuple[UniqueValue, UniqueValue]]:
        """Pairs of identities with the same value in a field that should be unique."""
        for group in self._by_word.values():
            first: dict[tuple[str, str], UniqueValue] = {}
            for entry in group:
                other = first.setdefault((entry.field, folded(entry.value)), entry)
                if other.identity != entry.identity:
                    yield other, entry


def own_values(text: str, persona: Mapping[str, Any], *, also: Sequence[str] = ()) -> Iterator[tuple[str, str]]:
    """Fields of a persona, of the nine and `also`, whose value stands in a text as whole words."""
    for field in (*FIELDS, *also):
        for value in texts_of(persona, field):
            if contains(text, value):
                yield str(field), value
