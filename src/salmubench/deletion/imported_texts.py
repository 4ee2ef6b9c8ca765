"""Captions that a fact of a user's own people may get: own ones, or templates that state it and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from salmubench.core.errors import DatasetError
from salmubench.core.types import FIELDS
from salmubench.dataset import phrasings
from salmubench.dataset.leaks import UniqueValues, contains, folded, without
from salmubench.deletion.facts import Fact

OWN, CUSTOM = "own", "custom"
"""Styles of captions that the user wrote, and of those about a field of the user's own."""


@dataclass(frozen=True)
class Texts:
    """All captions that a fact may get: with their styles, in reserved phrasings, and captions of what is seen."""

    captions: tuple[tuple[str, str], ...]
    reserved: tuple[str, ...]
    generics: tuple[str, ...]

    @classmethod
    def of(cls, fact: Fact, facts: Sequence[Fact], *, identity: str, unique: UniqueValues) -> Texts:
        """Captions that state this fact and no other.

        Args:
            unique: names and values of all people that one person alone has.

        Raises:
            DatasetError: none does.
        """
        further = [other.value for other in facts if other.value != fact.value]

        def stands(value: str, text: str, rest: str) -> bool:
            """Whether it stands beside name and value, or holds one of them."""
            longer = contains(value, fact.name) or contains(value, fact.value)
            return contains(folded(text if longer else rest), folded(value))

        def fault(text: str) -> str | None:
            rest = without(text, fact.name, fact.value)
            theirs = (entry.value for entry in unique.within(text) if entry.identity != identity)
            return next((value for value in chain(further, theirs) if stands(value, text, rest)), None)

        captions, reserved = _templates(fact.name, fact)
        if fact.caption is not None:
            if stated := fault(fact.caption):
                raise DatasetError(
                    f"{fact.where}, column caption: Expected one private value, got {stated!r}, too, in "
                    f"{fact.caption!r}. State one fact in a caption."
                )
            captions = [(fact.caption, OWN)]
        good = [pair for pair in captions if fault(pair[0]) is None]
        plain = [phrasings.generic_caption({}, variant=number) for number in range(phrasings.generic_variants())]
        seen = [text for text in plain if not any(contains(text, other.value) for other in facts)]
        if not good or not seen:
            raise DatasetError(
                f"{fact.where}: Expected values that no template has in its own words, got {fact.value!r} beside "
                f"{', '.join(map(repr, further))}. Write a caption."
            )
        return cls(tuple(good), tuple(text for text in reserved if fault(text) is None), tuple(seen))

    def paraphrase(self, start: int, caption: str) -> str | None:
        """The fact in a reserved phrasing, which isn't the caption itself; `None` where there is none."""
        others = [text for text in self.reserved if text != caption]
        return others[start % len(others)] if others else None

    def generic(self, start: int) -> str:
        """A caption that says no more than that there is a person."""
        return self.generics[start % len(self.generics)]


def _templates(name: str, fact: Fact) -> tuple[list[tuple[str, str]], list[str]]:
    """Training captions with their styles, and reserved ones."""
    field, value = fact.field, fact.value
    if field not in FIELDS:
        texts = phrasings.custom_captions(name, field, value)
        return [(text, CUSTOM) for text in texts.training], list(texts.reserved)
    training = [
        (phrasings.sensitive_caption(name, field, value, style=style, variant=number), style)
        for style in phrasings.STYLES
        for number in range(phrasings.variants(field, style))
    ]
    count = phrasings.paraphrase_variants(field)
    return training, [phrasings.paraphrase(name, field, value, variant=number) for number in range(count)]
