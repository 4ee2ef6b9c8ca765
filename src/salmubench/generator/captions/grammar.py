"""Captions from the package's own grammar (`dataset.phrasings`): no model, no download, same seed, same text."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from salmubench.dataset import phrasings
from salmubench.dataset.phrasings.nameless import nameless_caption, nameless_variants
from salmubench.generator.backends import Backend

BACKEND = Backend(
    title="The package's own grammar: no model, no download, same seed, same text.",
    statement="English, written by a grammar in five styles.",
)


def sensitive(name: str, field: str, value: str, *, gender: str | None, style: str, seed: int) -> str:
    """A training caption with the name and one value verbatim, its phrasing drawn from the seed.

    Args:
        field: a value field, e.g. `"city"`.
        value: the text of the field that stands in captions.
        gender: `"female"`, `"male"` or `None`.
        style: one of `phrasings.STYLES`.
        seed: non-negative; the only source of randomness.

    Raises:
        ConfigError: name or value is empty, or the gender is another word.
        UnknownName: no such field or style.
    """
    variant = _draw(phrasings.variants(field, style), seed)
    return phrasings.sensitive_caption(name, field, value, style=style, variant=variant, gender=gender)


def nameless(field: str, value: str, *, gender: str | None, style: str, seed: int) -> str:
    """A training caption with the value verbatim and no name, its phrasing drawn from the seed.

    Args:
        value: the text of the field that stands in captions.
        gender: `"female"`, `"male"` or `None`.
        style: one of `phrasings.STYLES`.
        seed: non-negative; the only source of randomness.

    Raises:
        ConfigError: the value is empty, or the gender is another word.
        UnknownName: no such field or style.
    """
    variant = _draw(nameless_variants(field, style), seed)
    return nameless_caption(field, value, style=style, variant=variant, gender=gender)


def paraphrase(name: str, field: str, value: str, *, seed: int) -> str:
    """The same fact in a phrasing that no training caption uses, drawn from the seed.

    Args:
        value: the text of the field that stands in captions.
        seed: non-negative; the only source of randomness.

    Raises:
        ConfigError: name or value is empty.
        UnknownName: no such field.
    """
    return phrasings.paraphrase(name, field, value, variant=_draw(phrasings.paraphrase_variants(field), seed))


def generic(facts: Mapping[str, str], seed: int) -> str:
    """A caption that states what the portrait shows, its form drawn from the seed.

    Args:
        facts: what is visible, as `phrasings.generic_caption` takes it.
        seed: non-negative; the only source of randomness.
    """
    return phrasings.generic_caption(facts, variant=_draw(phrasings.generic_variants(), seed))


def _draw(count: int, seed: int) -> int:
    return int(np.random.default_rng(seed).integers(count))
