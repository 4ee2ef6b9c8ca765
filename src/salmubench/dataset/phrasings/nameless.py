"""Captions that tell a value without the name: for further captions of sensitive rows.

Arguments and errors are those of the package. The reserved ones are for evaluation; no dataset and no method has them.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from salmubench.core.errors import ConfigError
from salmubench.dataset import phrasings
from salmubench.dataset.phrasings.tables import of_field, read

_RESERVED: Final = "reserved_nameless"
_PERSON: Final[dict[str | None, str]] = {"female": "woman", "male": "man", None: "person"}
_BEGINS: Final = re.compile(r"(?:^|(?<=[.!?] ))\{name\}")


def nameless_variants(field: str, style: str) -> int:
    """The number of phrasings without a name of a field in a style."""
    return len(_options(field, style))


def nameless_caption(field: str, value: str, *, style: str, variant: int, gender: str | None = None) -> str:
    """A training caption that holds the value verbatim and no name.

    Args:
        gender: `"female"` or `"male"`, `None` for "they" and "person".

    Examples:
        >>> nameless_caption("city", "Lyon", style="formal", variant=0, gender="female")
        'I live in Lyon.'
    """
    if gender not in _PERSON:
        raise ConfigError(f"Expected gender 'female', 'male' or None, got {gender!r}.")
    options = _options(field, style)
    template, standin = options[variant % len(options)]
    standin = standin.replace("{person}", _PERSON[gender])
    template = _BEGINS.sub(lambda _: standin[:1].upper() + standin[1:], template).replace("{name}", standin)
    return phrasings.fill(template, value=value, gender=gender)


def reserved_nameless_variants(field: str) -> int:
    """The number of reserved phrasings of a field without a name."""
    return len(of_field(_RESERVED, field))


def reserved_nameless(field: str, value: str, *, variant: int) -> str:
    """A value in a reserved phrasing without a name.

    Examples:
        >>> reserved_nameless("city", "Lyon", variant=0)
        'Whoever this is has keys to a flat in Lyon.'
    """
    options = of_field(_RESERVED, field)
    return phrasings.fill(options[variant % len(options)], value=value)


@cache
def _options(field: str, style: str) -> tuple[tuple[str, str], ...]:
    """Phrasings of a field in a style, and what stands for the name in each."""
    table, named = read("nameless"), phrasings.phrasings(field, style)
    standins = table["standins"][style]
    options = [(text, "") for text in table["phrasings"][field]]
    return (*options, *((text, standins[number % len(standins)]) for number, text in enumerate(named)))
