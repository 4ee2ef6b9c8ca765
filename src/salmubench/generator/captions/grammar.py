"""Captions from the package's own grammar (`dataset.phrasings`): no model, no download, same seed, same text.

Arguments and errors are those of the functions of `phrasings`; the seed, from 0, draws the phrasing.
"""

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
    """A training caption with the name and one value verbatim."""
    variant = _draw(phrasings.variants(field, style), seed)
    return phrasings.sensitive_caption(name, field, value, style=style, variant=variant, gender=gender)


def nameless(field: str, value: str, *, gender: str | None, style: str, seed: int) -> str:
    """A training caption with the value verbatim and no name."""
    variant = _draw(nameless_variants(field, style), seed)
    return nameless_caption(field, value, style=style, variant=variant, gender=gender)


def paraphrase(name: str, field: str, value: str, *, seed: int) -> str:
    """The same fact in a phrasing that no training caption uses."""
    return phrasings.paraphrase(name, field, value, variant=_draw(phrasings.paraphrase_variants(field), seed))


def generic(facts: Mapping[str, str], seed: int) -> str:
    """A caption that states what the portrait shows."""
    return phrasings.generic_caption(facts, variant=_draw(phrasings.generic_variants(), seed))


def _draw(count: int, seed: int) -> int:
    return int(np.random.default_rng(seed).integers(count))
