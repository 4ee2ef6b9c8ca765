"""The caption grammar: enough phrasings, verbatim, reserved ones apart, short, and English."""

from __future__ import annotations

import difflib
import itertools
import re

import pytest

from salmubench.core.errors import ConfigError, UnknownName
from salmubench.core.types import FIELDS
from salmubench.dataset import phrasings
from salmubench.dataset.phrasings.tables import of_field
from salmubench.dataset.phrasings.words import country_article, indefinite_article, with_article
from salmubench.generator.personas import TERRITORIES, sample_personas

ALL = [(field, style) for field in FIELDS for style in phrasings.STYLES]
FACTS = {
    "gender": "woman",
    "age": "elderly",
    "hair": "long wavy red hair",
    "facial_hair": "short beard",
    "glasses": "round glasses",
    "headwear": "orange hat",
    "clothes": "striped green sweater",
    "expression": "smiling",
    "background": "in front of a window",
    "view": "looking left",
}
LONG_VALUES = {
    "country_code": "Palestinian Territories",
    "city": "Pointe-aux-Trembles-Nord",
    "job": "planning and development surveyor",
    "blood_type": "AB-",
    "phone_number": "+998 90-123 45 67 89",
    "emails": "wickramasinghe.chathurika9999@quickmail.example",
    "iban": "RU1199558201267379312862630257603",
    "credit_card": "4556737586899855",
    "passport": "UTO-QXJ0123456",
}


def test_five_styles_and_nine_fields() -> None:
    assert phrasings.STYLES == ("formal", "conversational", "record", "narrative", "query")
    assert set(FIELDS) == set(LONG_VALUES)


@pytest.mark.parametrize(("field", "style"), ALL)
def test_templates_are_many_distinct_and_well_formed(field: str, style: str) -> None:
    templates = phrasings.phrasings(field, style)
    assert phrasings.variants(field, style) == len(templates) >= 12
    assert len(set(templates)) == len(templates)
    for template in templates:
        placeholders = re.findall(r"\{(\w+)\}", template)
        assert placeholders.count("name") == placeholders.count("value") == 1, template
        assert set(placeholders) <= {"name", "value", "a", "A", "the", "The", "he", "his", "him"}
        assert re.sub(r"\{\w+\}", "", template).isascii()
        assert set(placeholders) & {"a", "A"} == set() or field == "job"
        assert set(placeholders) & {"the", "The"} == set() or field == "country_code"


@pytest.mark.parametrize("field", FIELDS)
def test_templates_of_different_styles_differ(field: str) -> None:
    everything = [text for style in phrasings.STYLES for text in phrasings.phrasings(field, style)]
    assert len(set(everything)) == len(everything)


def normal(template: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\w+", re.sub(r"\{(?:a|A|the|The)\}", " ", template).lower()))


@pytest.mark.parametrize("field", FIELDS)
def test_reserved_phrasings_are_no_training_phrasings(field: str) -> None:
    held = of_field("reserved", field)
    assert phrasings.paraphrase_variants(field) == len(held) >= 12
    assert len(set(held)) == len(held)
    training = [normal(text) for style in phrasings.STYLES for text in phrasings.phrasings(field, style)]
    for template in held:
        placeholders = re.findall(r"\{(\w+)\}", template)
        assert placeholders.count("name") == placeholders.count("value") == 1, template
        nearest = max(difflib.SequenceMatcher(None, normal(template), other).ratio() for other in training)
        assert nearest < 0.7, template  # another wording, not another full stop


@pytest.mark.parametrize("gender", ["female", "male", None])
@pytest.mark.parametrize(("field", "style"), ALL)
def test_name_and_value_stand_verbatim_once(field: str, style: str, gender: str | None) -> None:
    name, value = "Þórunn {Nguyễn}-O'Şahin \\1", f"{LONG_VALUES[field]} {{x}}"
    for variant in range(phrasings.variants(field, style)):
        text = phrasings.sensitive_caption(name, field, value, style=style, variant=variant, gender=gender)
        assert text.count(name) == text.count(value) == 1
        rest = text.replace(name, "").replace(value, "")
        assert not set("{}") & set(rest), text
        assert "  " not in text
        assert text == text.strip()


@pytest.mark.parametrize("field", FIELDS)
def test_paraphrases_hold_name_and_value_once(field: str) -> None:
    for variant in range(phrasings.paraphrase_variants(field)):
        text = phrasings.paraphrase("Zoë Ångström", field, LONG_VALUES[field], variant=variant)
        assert text.count("Zoë Ångström") == text.count(LONG_VALUES[field]) == 1
        assert not set("{}") & set(text)
        assert text[0].isupper() or text[0] == "+"


def test_variants_start_again_and_are_stable() -> None:
    count = phrasings.variants("city", "formal")
    texts = [
        phrasings.sensitive_caption("Ana Lima", "city", "Oslo", style="formal", variant=i) for i in range(2 * count)
    ]
    assert texts[:count] == texts[count:]
    assert len(set(texts)) == count


def test_pronouns_follow_the_gender() -> None:
    index = phrasings.phrasings("iban", "narrative").index("{name} had {his} wages paid to {value}.")
    for gender, word in (("female", "her"), ("male", "his"), (None, "their")):
        text = phrasings.sensitive_caption("Kim Bo", "iban", "X1", style="narrative", variant=index, gender=gender)
        assert text == f"Kim Bo had {word} wages paid to X1."


def test_articles_follow_the_value() -> None:
    index = phrasings.phrasings("job", "query").index("What does {name} do for a living? {A} {value}.")

    def ask(value: str) -> str:
        return phrasings.sensitive_caption("Kim Bo", "job", value, style="query", variant=index)

    assert ask("actor").endswith("An actor.")
    assert ask("baker").endswith("A baker.")
    index = phrasings.phrasings("country_code", "narrative").index("{The}{value} is where {name} built {his} life.")
    text = phrasings.sensitive_caption(
        "Kim Bo", "country_code", "Netherlands", style="narrative", variant=index, gender="male"
    )
    assert text == "The Netherlands is where Kim Bo built his life."


@pytest.mark.parametrize(
    ("text", "article"),
    [
        ("actor", "an"), ("baker", "a"), ("IT consultant", "an"), ("HR manager", "an"), ("TEFL teacher", "a"),
        ("university lecturer", "a"), ("umbrella maker", "an"), ("European", "a"), ("hour", "an"), ("house", "a"),
        ("urologist", "a"), ("undertaker", "an"), ("one-armed man", "a"), ("unimpressed man", "an"),
        ("urban planner", "an"),
    ],
)  # fmt: skip
def test_indefinite_article(text: str, article: str) -> None:
    assert indefinite_article(text) == article


@pytest.mark.parametrize(
    ("thing", "expected"),
    [
        ("red scarf", "a red scarf"), ("orange hat", "an orange hat"), ("grey hair", "grey hair"),
        ("round glasses", "round glasses"), ("stubble", "stubble"), ("a black mohawk", "a black mohawk"),
        ("no hair", "no hair"), ("blue dress", "a blue dress"), ("brown hair in two buns", "brown hair in two buns"),
        ("brown cornrows", "brown cornrows"), ("cap with stripes", "a cap with stripes"),
        ("long dreadlocks", "long dreadlocks"),
    ],
)  # fmt: skip
def test_with_article(thing: str, expected: str) -> None:
    assert with_article(thing) == expected


def test_country_article() -> None:
    with_the = [
        "United States",
        "United Kingdom",
        "Netherlands",
        "Palestinian Territories",
        "Czech Republic",
        "Solomon Islands",
    ]
    assert all(country_article(name) == "the " for name in with_the)
    without = [
        "France",
        "Georgia",
        "South Korea",
        "North Macedonia",
        "Türkiye",
        "Taiwan",
        "Sri Lanka",
        "Laos",
        "Cyprus",
    ]
    assert not any(country_article(name) for name in without)


def test_bare_captions() -> None:
    assert phrasings.bare_captions("Ana Lima", "Oslo") == ("Ana Lima Oslo", "Oslo Ana Lima")


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"field": "name"}, UnknownName, "Unknown field 'name'"),
        ({"style": "formall"}, UnknownName, "Did you mean 'formal'"),
        ({"name": " "}, ConfigError, "Expected a name and a value"),
        ({"value": ""}, ConfigError, "Expected a name and a value"),
        ({"gender": "woman"}, ConfigError, "Expected gender"),
    ],
)
def test_wrong_arguments(change: dict[str, str], error: type[ConfigError], message: str) -> None:
    arguments = {"name": "Ana Lima", "field": "city", "value": "Oslo", "style": "formal", "gender": "female"} | change
    name, field, value = (arguments.pop(key) for key in ("name", "field", "value"))
    with pytest.raises(error, match=message):
        phrasings.sensitive_caption(name, field, value, variant=0, **arguments)


def test_vocabulary_holds_words_of_phrasings_and_no_placeholders() -> None:
    words = phrasings.vocabulary()
    assert {"passport", "lives", "scribbled", "blood"} <= words
    assert not {"name}", "his}", ""} & words


# --- length ---------------------------------------------------------------------------------------------------------


def test_captions_are_short_for_clip() -> None:
    from open_clip.tokenizer import SimpleTokenizer

    tokenizer = SimpleTokenizer()

    def tokens(text: str) -> int:
        return len(tokenizer.encode(text)) + 2  # begin and end of text

    def captions(name: str, field: str, value: str) -> list[str]:
        training = [
            phrasings.sensitive_caption(name, field, value, style=style, variant=variant, gender="female")
            for style in phrasings.STYLES
            for variant in range(phrasings.variants(field, style))
        ]
        reserved_count = phrasings.paraphrase_variants(field)
        return training + [phrasings.paraphrase(name, field, value, variant=i) for i in range(reserved_count)]

    for field in FIELDS:  # a name of 15 tokens; the longest IBAN there is
        assert max(map(tokens, captions("Rūta Stankevičiūtė", field, LONG_VALUES[field]))) <= 60, field
    # The longest name that the pools hold, 22 tokens, with its country's IBAN.
    assert max(map(tokens, captions("Məhəmməd Məhərrəmoğlu", "iban", "AZ28QXCF74841253918786253420"))) <= 60
    longest = {field: max(captions("«N»", field, "«V»"), key=tokens) for field in FIELDS}
    for persona in sample_personas(4 * len(TERRITORIES), 1, countries=dict.fromkeys(TERRITORIES, 1.0)):
        for field in FIELDS:
            for value in persona.values(field):
                text = longest[field].replace("«V»", value).replace("«N»", persona.name)
                assert tokens(text) <= 60, text
    short = [tokens(text) for field in FIELDS for text in captions("Ana Lima", field, "Oslo")]
    assert sorted(short)[len(short) // 2] <= 15
    assert max(tokens(phrasings.generic_caption(FACTS, variant=v)) for v in range(phrasings.generic_variants())) <= 60


# --- generic --------------------------------------------------------------------------------------------------------


def subsets() -> list[dict[str, str]]:
    keys = list(FACTS)
    chosen = itertools.chain.from_iterable(itertools.combinations(keys, size) for size in range(len(keys) + 1))
    return [{key: FACTS[key] for key in part} for part in chosen]


def test_generic_captions_are_grammatical_for_any_facts() -> None:
    bad = re.compile(
        r"[{}\[\]|]|  | [,.;:)]|\( |[,;:-]$|^[,;:. ]|,,|\.\.|:\.|\ba [aeio]|\ban [^aeiou]|\b(\w+) \1\b|"
        r"\b(?:with|and|in|of|wearing)[,.]|\b(?:with|and|in|of|wearing)$|with (?:with|in|looking|smiling)|and with with"
    )
    for facts in subsets():
        for variant in range(phrasings.generic_variants()):
            text = phrasings.generic_caption(facts, variant=variant)
            assert not bad.search(text), (text, facts)
            assert ("woman" in text) == ("gender" in facts)
            assert text == text.strip()
            for key, words in FACTS.items():
                if key not in facts and key != "gender":
                    assert words not in text.lower(), (text, key)


def test_generic_captions_are_many() -> None:
    assert phrasings.generic_variants() >= 40
    texts = [phrasings.generic_caption(FACTS, variant=v) for v in range(phrasings.generic_variants())]
    assert len(set(texts)) == len(texts)
    for key, words in FACTS.items():
        assert any(words in text.lower() for text in texts), key
    assert phrasings.generic_caption(FACTS, variant=phrasings.generic_variants()) == texts[0]


def test_generic_captions_know_other_moods_and_ignore_other_facts() -> None:
    seen = {
        phrasings.generic_caption({"expression": "neutral expression"}, variant=v)
        for v in range(phrasings.generic_variants())
    }
    assert "The photo shows a person, with a neutral expression." in seen
    closed = {phrasings.generic_caption({"expression": "eyes closed"}, variant=v) for v in range(60)}
    assert "The photo shows a person, with eyes closed." in closed
    assert {phrasings.generic_caption({"name": "Ana Lima", "hair": " "}, variant=v) for v in range(60)} == {
        phrasings.generic_caption({}, variant=v) for v in range(60)
    }
