"""Keeps values apart: no two equal, and none inside another as a whole word."""

from __future__ import annotations

import re
from typing import Final

_WORDS: Final = re.compile(r"\w+")


class Distinct:
    """A growing set of texts of which none occurs in another as a run of whole words, whatever the case.

    "Ana Silva" and "Maria Ana Silva" can't both be in it, nor an address inside another address: a caption about the
    one would hold the value of the other.
    """

    def __init__(self) -> None:
        self._texts: set[str] = set()
        self._runs: set[str] = set()

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, text: str) -> bool:
        """Adds the text if it stays distinct, and says whether it did."""
        folded = text.casefold()
        runs = _runs(folded)
        if folded in self._runs or not self._texts.isdisjoint(runs):
            return False
        self._texts.add(folded)
        self._runs |= runs
        return True


def contains_words(text: str, part: str) -> bool:
    """Whether `part` occurs in `text` as a run of whole words, whatever the case."""
    return bool(re.search(rf"(?<!\w){re.escape(part.casefold())}(?!\w)", text.casefold()))


def _runs(text: str) -> set[str]:
    spans = [match.span() for match in _WORDS.finditer(text)]
    runs = {text[start:end] for i, (start, _) in enumerate(spans) for _, end in spans[i:]}
    return runs | {text}
