"""Captions without a name: the value verbatim, many phrasings, reserved ones apart from all others."""

from __future__ import annotations

import difflib
import re

import pytest

from salmubench.core.errors import ConfigError, UnknownName
from salmubench.core.types import FIELDS
from salmubench.dataset import phrasings
from salmubench.dataset.phrasings.nameless import (
    nameless_caption,
    nameless_variants,
    reserved_nameless,
    reserved_nameless_variants,
)
from salmubench.dataset.phrasings.tables import of_field

VALUE = "Xq {Nguyễn}-7 \\1"


@pytest.mark.parametrize("style", phrasings.STYLES)
@pytest.mark.parametrize("field", FIELDS)
def test_value_stands_once_and_nothing_is_left_open(field, style):
    assert nameless_variants(field, style) >= 12
    texts = []
    for variant in range(nameless_variants(field, style)):
        for gender in ("female", "male", None):
            text = nameless_caption(field, VALUE, style=style, variant=variant, gender=gender)
            assert text.count(VALUE) == 1
            assert not set("{}") & set(text.replace(VALUE, "")), text
            assert text[0] == text[0].upper()
            texts.append(text)
    assert len(set(texts)) >= nameless_variants(field, style)


def test_a_standin_takes_the_place_of_the_name():
    place = phrasings.phrasings("phone_number", "query").index("Who is calling from {value}? It is {name}.")
    variant = place + nameless_variants("phone_number", "query") - phrasings.variants("phone_number", "query")
    text = nameless_caption("phone_number", "+1", style="query", variant=variant, gender="female")
    assert re.fullmatch(
        r"Who is calling from \+1\? It is (this woman|the woman in the picture|the person shown)\.", text
    )


def test_pronouns_follow_the_gender():
    assert nameless_caption("phone_number", "+1", style="formal", variant=1, gender="male") == "Call him at +1."
    assert nameless_caption("phone_number", "+1", style="formal", variant=1) == "Call them at +1."


def words(template: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\w+", re.sub(r"\{(?:a|A|the|The)\}", " ", template).lower()))


@pytest.mark.parametrize("field", FIELDS)
def test_reserved_phrasings_are_used_nowhere_else(field):
    assert reserved_nameless_variants(field) >= 6
    used = [
        nameless_caption(field, "value", style=style, variant=variant)
        for style in phrasings.STYLES
        for variant in range(nameless_variants(field, style))
    ]
    used += of_field("reserved", field)
    used += [text for style in phrasings.STYLES for text in phrasings.phrasings(field, style)]
    for variant in range(reserved_nameless_variants(field)):
        text = reserved_nameless(field, "value", variant=variant)
        assert text.count("value") == 1
        assert max(difflib.SequenceMatcher(None, words(text), words(other)).ratio() for other in used) < 0.7, text


def test_bad_input():
    with pytest.raises(UnknownName, match="style"):
        nameless_caption("city", "Lyon", style="poem", variant=0)
    with pytest.raises(UnknownName, match="field"):
        reserved_nameless("name", "Anna", variant=0)
    with pytest.raises(ConfigError, match="value"):
        reserved_nameless("city", " ", variant=0)
    with pytest.raises(ConfigError, match="gender"):
        nameless_caption("city", "Lyon", style="formal", variant=0, gender="cat")
