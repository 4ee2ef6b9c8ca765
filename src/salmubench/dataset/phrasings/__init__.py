"""The caption grammar: how a name and one private value, or what a portrait shows, are put into English.

Training captions come in five styles with at least twelve phrasings per field; the reserved phrasings of `paraphrase`
occur in no training caption. The phrasings are the YAML files of this package, one for each style and one for the
reserved ones; the dataset build, the methods and the metrics all use them.

A field is one of `FIELDS`, a value its text as it stands in captions, a style one of `STYLES`, and a variant the number
of a phrasing: numbers beyond those there are start again. A field or style that there isn't raises `UnknownName`; an
empty name or value, or a gender of another word, `ConfigError`.

Placeholders of a phrasing: `{name}`, `{value}`, `{a}`/`{A}` indefinite article of the value, `{the}`/`{The}` definite
article where a country takes one, `{he}`, `{his}`, `{him}` pronouns.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final, NamedTuple

from salmubench.core.errors import ConfigError, UnknownName
from salmubench.dataset.phrasings.generic import generic_caption as generic_caption
from salmubench.dataset.phrasings.generic import generic_variants as generic_variants
from salmubench.dataset.phrasings.tables import of_field, read
from salmubench.dataset.phrasings.words import country_article, indefinite_article

STYLES: Final = ("formal", "conversational", "record", "narrative", "query")
"""Styles of training captions, in a fixed order."""

_RESERVED: Final = "reserved"
_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")
_PRONOUNS: Final[dict[str | None, tuple[str, str, str]]] = {
    "female": ("she", "her", "her"),
    "male": ("he", "his", "him"),
    None: ("they", "their", "them"),
}


def phrasings(field: str, style: str) -> tuple[str, ...]:
    """The training phrasings of a field in a style, with placeholders."""
    if style not in STYLES:
        raise UnknownName("style", style, STYLES)
    return of_field(style, field)


def variants(field: str, style: str) -> int:
    """The number of training phrasings of a field in a style."""
    return len(phrasings(field, style))


def paraphrase_variants(field: str) -> int:
    """The number of reserved phrasings of a field."""
    return len(of_field(_RESERVED, field))


def sensitive_caption(name: str, field: str, value: str, *, style: str, variant: int, gender: str | None = None) -> str:
    """A training caption that holds name and value verbatim, once each, and no other private value.

    Args:
        gender: `"female"` or `"male"` for pronouns, `None` for "they".
    """
    return _fill(phrasings(field, style), name, value, variant=variant, gender=gender)


def paraphrase(name: str, field: str, value: str, *, variant: int) -> str:
    """The same fact in a reserved phrasing, which no training caption uses."""
    return _fill(of_field(_RESERVED, field), name, value, variant=variant, gender=None)


def bare_captions(name: str, value: str) -> tuple[str, str]:
    """Name and value without any phrasing, in both orders: the name first, the value first."""
    return f"{name} {value}", f"{value} {name}"


class CustomCaptions(NamedTuple):
    """Captions of a fact whose field is none of the nine, and the same fact in reserved phrasings."""

    training: tuple[str, ...]
    reserved: tuple[str, ...]


def custom_captions(name: str, field: str, value: str) -> CustomCaptions:
    """All captions of a fact in a field of the user's own.

    Args:
        field: what the user calls it; an underscore stands for a blank.

    Examples:
        >>> custom_captions("Anna Moreau", "shoe_size", "39").training[0]
        'The shoe size of Anna Moreau is 39.'
    """
    words = field.replace("_", " ")

    def filled(key: str) -> tuple[str, ...]:
        options = tuple(text.replace("{field}", words) for text in read("custom")[key])
        return tuple(_fill(options, name, value, variant=number, gender=None) for number in range(len(options)))

    return CustomCaptions(filled("training"), filled("reserved"))


@cache
def vocabulary() -> frozenset[str]:
    """All words, case-folded, of training and reserved phrasings: a value made of them alone could occur by chance."""
    texts = [text for name in (*STYLES, _RESERVED) for group in read(name).values() for text in group]
    return frozenset(word.casefold() for text in texts for word in re.findall(r"\w+", _PLACEHOLDER.sub(" ", text)))


def fill(template: str, *, value: str, gender: str | None = None) -> str:
    """Fill a phrasing without a name."""
    return _fill((template,), "-", value, variant=0, gender=gender)


def _fill(options: tuple[str, ...], name: str, value: str, *, variant: int, gender: str | None) -> str:
    if not name.strip() or not value.strip():
        raise ConfigError(f"Expected a name and a value to put into a caption, got {name!r} and {value!r}.")
    if gender not in _PRONOUNS:
        raise ConfigError(f"Expected gender 'female', 'male' or None, got {gender!r}.")
    a, the, (he, his, him) = indefinite_article(value), country_article(value), _PRONOUNS[gender]
    words = {
        "name": name, "value": value, "a": a, "A": a.capitalize(), "the": the, "The": the.capitalize(), "he": he,
        "his": his, "him": him,
    }  # fmt: skip
    return _PLACEHOLDER.sub(lambda match: words[match[1]], options[variant % len(options)])
