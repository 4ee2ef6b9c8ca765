"""Writes names in Latin letters, as passports of the country do where that differs from plain transliteration."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from anyascii import anyascii

# Digraphs first: anyascii goes letter by letter and would give "oy" for ου (ELOT 743).
_GREEK: Final = (
    ("ου", "u"), ("ού", "u"), ("αυ", "av"), ("αύ", "av"), ("ευ", "ev"), ("εύ", "ev"), ("γγ", "ng"), ("γχ", "nch"),
    ("γξ", "nx"), ("υ", "y"), ("ύ", "y"), ("χ", "ch"), ("η", "i"), ("ή", "i"),
)  # fmt: skip
# Cabinet of Ministers of Ukraine, resolution 55 (2010), inside words.
_UKRAINIAN: Final = (
    ("зг", "zgh"), ("г", "h"), ("ґ", "g"), ("и", "y"), ("і", "i"), ("й", "i"), ("ї", "i"), ("є", "ie"), ("ю", "iu"),
    ("я", "ia"), ("щ", "shch"), ("ь", ""), ("'", ""), ("’", ""),
)  # fmt: skip
_UKRAINIAN_INITIAL: Final = {"й": "y", "ї": "yi", "є": "ye", "ю": "yu", "я": "ya"}
_ARMENIAN: Final = (("ու", "u"), ("և", "ev"))
_MACEDONIAN: Final = (("џ", "dzh"), ("ј", "j"), ("ц", "c"), ("х", "h"), ("ж", "zh"))
# Surnames whose usual English spelling is not the Revised Romanisation of their letters.
_KOREAN_SURNAMES: Final = {
    "Gim": "Kim", "I": "Lee", "Bag": "Park", "Choe": "Choi", "Gang": "Kang", "Jo": "Cho", "Im": "Lim", "Yun": "Yoon",
    "U": "Woo", "Yu": "Yoo", "Gu": "Koo", "Mun": "Moon", "No": "Roh", "Sin": "Shin", "O": "Oh", "Seo": "Seo",
    "Heo": "Huh", "Gwon": "Kwon", "Baeg": "Baek", "Go": "Ko", "An": "Ahn", "Jeong": "Jung", "Gwag": "Kwak",
}  # fmt: skip
_APOSTROPHES: Final = re.compile(r"['`´ʼ‘’ʻʹ\"]")


def is_latin(text: str) -> bool:
    """Whether every letter of the text belongs to the Latin script."""
    return all("LATIN" in unicodedata.name(char, "") for char in text if char.isalpha())


def romanise(name: str, language: str) -> str:
    """One given name or surname in Latin letters, capitalised; Latin input keeps its diacritics.

    Args:
        language: two-letter code of the name's language, e.g. `"uk"`.
    """
    text = unicodedata.normalize("NFC", " ".join(name.split()))
    if is_latin(text):
        return _capitalise(text.replace("’", "'").replace("ʻ", "'").replace("‘", "'"))
    return _capitalise("-".join(_word(word, language) for word in re.split(r"[-\s]+", text)))


def korean_surname(name: str) -> str:
    """The usual English spelling of a Korean surname in Revised Romanisation."""
    return _KOREAN_SURNAMES.get(name, name)


def _word(word: str, language: str) -> str:
    lower = word.lower()
    if language == "uk" and lower[0] in _UKRAINIAN_INITIAL:
        lower = _UKRAINIAN_INITIAL[lower[0]] + lower[1:]
    table = {"el": _GREEK, "uk": _UKRAINIAN, "mk": _MACEDONIAN, "hy": _ARMENIAN}.get(language, ())
    for source, target in table:
        lower = lower.replace(source, target)
    return _APOSTROPHES.sub("", anyascii(lower)).lower()  # lower: anyascii capitalises each Chinese or Korean syllable


def _capitalise(text: str) -> str:
    return re.sub(r"(^|-)(\w)", lambda match: match.group(1) + match.group(2).upper(), text)
