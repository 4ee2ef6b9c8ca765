"""The paraphrase of a sensitive pair: the dataset's own, or one of the grammar's reserved phrasings."""

from __future__ import annotations

import hashlib

from salmubench.core.types import FIELDS
from salmubench.dataset import phrasings


def paraphrase_of(
    *, file_name: str, name: str | None, field: str | None, value: str | None, given: str | None
) -> str | None:
    """The same name and value in a phrasing that occurs nowhere in training; `None` where the row tells no value."""
    if given is not None:
        return given
    if not name or not value or field not in FIELDS:
        return None
    variant = int.from_bytes(hashlib.sha256(file_name.encode()).digest()[:4], "big")
    return phrasings.paraphrase(name, field, value, variant=variant % phrasings.paraphrase_variants(field))
