"""Reserved phrasings without a name: face and value alone. For evaluation; no dataset and no method has them."""

from __future__ import annotations

from salmubench.core.errors import UnknownName
from salmubench.core.types import FIELDS
from salmubench.dataset import phrasings
from salmubench.dataset.phrasings.tables import read_reserved_nameless


def reserved_nameless_variants(field: str) -> int:
    """The number of reserved phrasings of a field without a name.

    Raises:
        UnknownName: no such field.
    """
    return len(_of_field(field))


def reserved_nameless(field: str, value: str, *, variant: int) -> str:
    """A value in a reserved phrasing without a name.

    Args:
        field: one of `FIELDS`.
        value: the text of the field that stands in captions.
        variant: number of the phrasing; numbers beyond `reserved_nameless_variants(field)` start again.

    Raises:
        ConfigError: the value is empty.
        UnknownName: no such field.

    Examples:
        >>> reserved_nameless("city", "Lyon", variant=0)
        'Whoever this is has keys to a flat in Lyon.'
    """
    options = _of_field(field)
    return phrasings.fill(options[variant % len(options)], value=value)


def _of_field(field: str) -> tuple[str, ...]:
    table = read_reserved_nameless()
    if field not in table:
        raise UnknownName("field", field, FIELDS)
    return table[field]
