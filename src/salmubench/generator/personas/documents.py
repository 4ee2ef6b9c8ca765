"""Bank accounts, cards and passports of the right shape that no real person can have.

- IBAN: true length, check digits and national check digits, but a bank code in a range where the country has no bank.
- Card: a length and prefix of the brand (ISO/IEC 7812), but a check digit that the Luhn formula rejects.
- Passport: the number pattern of the country under the issuing state `UTO`, Utopia, which ICAO Doc 9303 uses for
  specimen documents: no such state exists, and no passport number holds a hyphen.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from functools import cache
from itertools import product
from typing import Final

import numpy as np
from schwifty import BBAN, IBAN
from schwifty.domain import Component
from schwifty.exceptions import InvalidCountryCode, SchwiftyException
from schwifty.registry import get_banks_by_country, get_iban_spec

PASSPORT_STATE: Final = "UTO"
"""The issuing state of specimen documents in ICAO Doc 9303; no ISO 3166 code."""

_GERMAN_DOCUMENT: Final = "CFGHJKLMNPRTVWXYZ0123456789"  # no vowels, so that no words come about
_PASSPORT_CLASSES: Final = {"@": string.ascii_uppercase, "#": string.digits, "*": _GERMAN_DOCUMENT}
_IBAN_TRIES: Final = 100

_BRANDS: Final[dict[str, tuple[tuple[str, ...], int]]] = {
    "visa": (("4",), 16),
    "mastercard": (("51", "52", "53", "54", "55", "2221", "2345", "2480", "2610", "2719"), 16),
    "amex": (("34", "37"), 15),
    "discover": (("6011", "644", "65"), 16),
    "jcb": (("3528", "3540", "3566", "3589"), 16),
}
_EVERYWHERE: Final = ("visa", "visa", "mastercard", "mastercard")


def has_iban(code: str) -> bool:
    """Whether schwifty knows the IBAN format of the territory."""
    return _bban_template(code) is not None


def iban(code: str, rng: np.random.Generator) -> str | None:
    """An IBAN with right check digits and a bank code that no bank has; `None` where the territory has no IBANs."""
    template = _bban_template(code)
    if template is None:
        return None
    prefix = unassigned_bank_prefix(code)
    spec = get_iban_spec(code)
    bank, letters = spec.positions[Component.BANK_CODE], string.ascii_uppercase
    for _ in range(_IBAN_TRIES):
        bban = "".join(letters[rng.integers(26)] if kind == "a" else str(rng.integers(10)) for kind in template)
        bban = bban[: bank.start] + prefix + bban[bank.start + len(prefix) :]
        if not spec.has_positions:
            return str(IBAN.from_bban(code, bban))
        parts = {part.value: span.cut(bban) for part, span in spec.positions.items() if not span.is_empty}
        try:  # writes the national check digits; a few account bodies admit none
            return str(IBAN.from_bban(code, str(BBAN.from_components(code, **parts))))
        except SchwiftyException:
            continue
    raise RuntimeError(f"Expected a BBAN of {code} with bank code {prefix}…, schwifty refused {_IBAN_TRIES} of them.")


@cache
def unassigned_bank_prefix(code: str) -> str:
    """The first characters of bank codes that no bank of the country has, as far as schwifty's registry knows.

    Two characters where they suffice: 99 before other digits, and for letters a pair that no bank anywhere begins with.
    """
    spec = get_iban_spec(code)
    bank = spec.positions[Component.BANK_CODE]
    template = _bban_template(code) or ""
    bank_codes = {item.bank_code for item in get_banks_by_country(code)}
    width = bank.length or 3  # Iran's registry entry states no positions; its bank codes have three digits
    for length in range(min(2, width), width + 1):
        for prefix in _prefixes(template[bank.start : bank.start + length]):
            if not any(item.startswith(prefix) for item in bank_codes):
                return prefix
    raise RuntimeError(f"Expected a free bank code in {code}, all are taken.")


def credit_card(brands: tuple[str, ...], rng: np.random.Generator) -> str:
    """A card number with length and prefix of a brand whose check digit is wrong."""
    prefixes, length = _BRANDS[str(rng.choice([*_EVERYWHERE, *brands]))]
    body = str(rng.choice(prefixes))
    body += "".join(map(str, rng.integers(10, size=length - 1 - len(body))))
    wrong = (_luhn_digit(body) + int(rng.integers(1, 10))) % 10
    return f"{body}{wrong}"


def passport(pattern: str, rng: np.random.Generator) -> str:
    """A passport number of the country's pattern (`Territory.passport`), marked as a specimen."""

    def pick(char: str) -> str:
        letters = _PASSPORT_CLASSES.get(char)
        return letters[rng.integers(len(letters))] if letters else char

    return f"{PASSPORT_STATE}-{''.join(map(pick, pattern))}"


def _luhn_digit(body: str) -> int:
    """The digit that would make `body` + digit pass the Luhn formula (ISO/IEC 7812-1, annex B)."""
    total = 0
    for position, char in enumerate(reversed(body)):
        doubled = int(char) * (2 if position % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return -total % 10


@cache
def _bban_template(code: str) -> str | None:
    """One character class per position, `a` letter or `n` digit; where both may stand, a digit as most banks use."""
    try:
        spec = get_iban_spec(code)
    except InvalidCountryCode:
        return None
    runs = re.findall(r"(\d+)!?([nac])", spec.bban_spec)
    return "".join(("a" if kind == "a" else "n") * int(count) for count, kind in runs)


def _prefixes(classes: str) -> Iterator[str]:
    digits = "9876543210"
    letters = "QXZJKWVYUOIEFGHLMNPRSTABCD"  # rare initials of bank names first
    choices = [letters if kind == "a" else digits for kind in classes]
    return ("".join(item) for item in product(*choices) if classes != "aa" or len(set(item)) == 2)
