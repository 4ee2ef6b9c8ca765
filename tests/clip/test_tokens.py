"""The tokenizer that remembers words is open_clip's own in what it returns."""

from __future__ import annotations

import string

import open_clip
import pytest
import torch
from hypothesis import given, settings, strategies

from salmubench.clip.tokens import Tokenizer

OURS, THEIRS = Tokenizer(60), open_clip.SimpleTokenizer(context_length=60)
ODD = string.printable + "&;<>|'’“”«éÉß\u00a0\u200b\ufeff\u2028ŁłœЖ漢字😀Ã©â€™\x00\x1b[31m\x7f"


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "Ann Lee lives in Rome.", "The card 5472150884370973? That's Edoardo Castiglione's.",
        "UTO-VR7679042", "Łukasz's e-mail: l.k+x@mail.example", "a  b\tc\nd\r\ne", "it&#39;s &amp;amp; so",
        "&lt;3", "schÃ¶n",
        "“quoted”", "<start_of_text> x <end_of_text>", "IT'S 12:30, WE'LL've", "\x1b[31mred", "ﬁne ＡＢ",
        "a\x00b", "~`!@#$%^*()_-+={}[]|\\",
    ],
)  # fmt: skip
def test_the_same_tokens(text: str) -> None:
    for _ in range(2):  # the second time from memory
        assert OURS.encode(text) == THEIRS.encode(text)


@settings(max_examples=300, deadline=None)
@given(strategies.text(alphabet=ODD, max_size=60))
def test_the_same_tokens_of_any_text(text: str) -> None:
    assert OURS.encode(text) == THEIRS.encode(text)


def test_the_same_batch() -> None:
    texts = ["a cat", "dog " * 70, "", "Müller & Söhne"]
    assert torch.equal(OURS(texts), THEIRS(texts))
    assert torch.equal(OURS(texts, context_length=61), THEIRS(texts, context_length=61))
