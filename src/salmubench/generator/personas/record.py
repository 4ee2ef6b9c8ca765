"""The record of one invented person."""

from __future__ import annotations

from dataclasses import dataclass

from salmubench.core.types import FIELDS
from salmubench.generator.casting import Gender


@dataclass(frozen=True, slots=True)
class Persona:
    """One fictitious person and their private values, which belong to no real person.

    Attributes:
        name: full name in Latin letters, unique, without titles.
        gender: apparent gender, shared by portrait, name and pronouns.
        country_code: ISO 3166 alpha-2 code.
        job: as inside a sentence, e.g. `"civil engineer"`.
        blood_type: ABO group and Rh factor, e.g. `"A+"`.
        iban: without spaces, or `None` where the country has none.
    """

    identity_id: str
    name: str
    gender: Gender
    age: int
    country_code: str
    country: str
    city: str
    job: str
    blood_type: str
    phone_number: str
    emails: tuple[str, ...]
    iban: str | None
    credit_card: str
    passport: str

    def values(self, field: str) -> tuple[str, ...]:
        """All texts of a field that can stand in captions: several e-mails, else one; none where it is absent."""
        if field == "emails":
            return self.emails
        value = self.country if field == "country_code" else getattr(self, field)
        return () if value is None else (value,)

    def value(self, field: str) -> str | None:
        """The text of a field that stands in captions (of several e-mails the first), or `None` where it is absent."""
        return next(iter(self.values(field)), None)

    def metadata(self) -> dict[str, str | list[str]]:
        """The entry of `identities_metadata.json`: the name and the nine fields, absent ones left out."""
        entry: dict[str, str | list[str]] = {"name": self.name}
        for field in FIELDS:
            raw = getattr(self, field)
            if raw is not None:
                entry[str(field)] = list(raw) if isinstance(raw, tuple) else raw
        return entry
