"""Phone numbers and e-mail addresses of the right shape that no real person can have.

Phone numbers lie in ranges that no numbering plan assigns (`phonenumbers` calls them possible and not valid) or in
those reserved for fiction: +1 NPA 555 01xx (ATIS-0300115), +44 7700 900xxx and +44 20 7946 0xxx (Ofcom).
E-mail domains are those of RFC 2606, which are never delegated.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

import numpy as np
import phonenumbers
from anyascii import anyascii

_FICTION_SHARE: Final = 0.5
_MOBILE_TRIES: Final = 60
_TRIES: Final = 4000

_SECOND_LEVEL: Final = ("example.com", "example.net", "example.org")
# Under the top-level domain .example, words for "mail" as providers use them.
_PROVIDERS: Final = (
    "mail", "post", "inbox", "letters", "webmail", "mailbox", "freemail", "fastpost", "quickmail", "homemail",
    "netpost", "citymail", "bluemail", "openmail", "mymail", "postbox", "airmail", "sunmail", "live-mail", "workmail",
)  # fmt: skip
DOMAINS: Final = (*_SECOND_LEVEL, *(f"{provider}.example" for provider in _PROVIDERS))
"""All domains that e-mail addresses are drawn from."""
_LOCAL_FORMS: Final = (
    "{first}.{last}", "{first}{last}", "{first}_{last}", "{initial}.{last}", "{initial}{last}", "{last}.{first}",
    "{first}.{last}{number}", "{first}{number}", "{last}{number}", "{initial}{last}{number}",
)  # fmt: skip
_NUMBERED_FORM: Final = "{first}.{last}{number}"


def phone_number(code: str, rng: np.random.Generator) -> str:
    """A number in the international format of the territory's mobile numbers that no real person can have."""
    if code in ("US", "CA") and rng.random() < _FICTION_SHARE:
        area = rng.choice(_area_codes(code))
        while not _is_geographic(area):  # drawn again: of toll-free numbers only few are reserved for fiction
            area = rng.choice(_area_codes(code))
        return f"+1 {area}-555-01{rng.integers(100):02d}"
    if code == "GB" and rng.random() < _FICTION_SHARE:
        tail = f"{rng.integers(1000):03d}"
        return f"+44 7700 900{tail}" if rng.random() < _FICTION_SHARE else f"+44 20 7946 0{tail}"
    mask, calling_code, first = _mobile_shape(code)
    for attempt in range(_TRIES):
        # The leading digit of mobiles where that leaves unassigned ranges, else any other.
        lead = first if attempt < _MOBILE_TRIES else str(rng.integers(1, 10))
        digits = lead + "".join(map(str, rng.integers(10, size=mask.count("#") - 1)))
        if _unassigned(f"+{calling_code}{digits}"):
            return mask.replace("#", "{}").format(*digits)
    raise RuntimeError(f"Expected an unassigned range in the numbering plan of {code}, got none.")


def email_address(name: str, rng: np.random.Generator, *, numbered: bool = False) -> str:
    """An address made of the name under a reserved domain; `numbered` for names whose plain addresses are taken."""
    words = [re.sub(r"[^a-z0-9]", "", anyascii(word).lower()) for word in name.split()]
    words = [word for word in words if word]
    form = _NUMBERED_FORM if numbered else _LOCAL_FORMS[rng.integers(len(_LOCAL_FORMS))]
    number = rng.integers(1000, 10000) if numbered else rng.integers(10, 100)
    local = form.format(first=words[0], last=words[-1], initial=words[0][0], number=number)
    return f"{local}@{DOMAINS[rng.integers(len(DOMAINS))]}"


@cache
def _mobile_shape(code: str) -> tuple[str, int, str]:
    """The mobile number's mask (`+44 #### ######`), calling code and first national digit."""
    example = phonenumbers.example_number_for_type(code, phonenumbers.PhoneNumberType.MOBILE)
    if example is None or example.country_code is None:
        raise RuntimeError(f"Expected a mobile numbering plan for {code} in phonenumbers, got none.")
    text = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    prefix = f"+{example.country_code}"
    national = text[len(prefix) :]
    return prefix + re.sub(r"\d", "#", national), example.country_code, re.findall(r"\d", national)[0]


def _unassigned(text: str) -> bool:
    number = phonenumbers.parse(text)
    return phonenumbers.is_possible_number(number) and not phonenumbers.is_valid_number(number)


@cache
def _is_geographic(area: int) -> bool:
    kind = phonenumbers.number_type(phonenumbers.parse(f"+1{area}5550100"))
    return kind == phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE


@cache
def _area_codes(code: str) -> tuple[int, ...]:
    """The area codes that the North American plan gives to one country."""

    def region(area: int) -> str | None:
        return phonenumbers.region_code_for_number(phonenumbers.parse(f"+1{area}5550100"))

    return tuple(area for area in range(201, 990) if region(area) == code)
