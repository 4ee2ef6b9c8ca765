"""Occupations: Faker's English list without inverted and technical entries, each with the ages it is plausible for."""

from __future__ import annotations

import re
from functools import cache
from typing import Final, NamedTuple

from faker.providers.job import Provider

_YOUNGEST: Final = 21
_PENSION: Final = 67
_OLDEST: Final = 99
_MAX_LETTERS: Final = 34

# Not a job in a sentence, bound to one state or a title, or a fragment of an inverted entry.
_DROPPED: Final = frozenset(
    {
        "Best boy", "Copy", "Make", "Sub", "Land", "Press sub", "Publishing copy", "Gaffer", "Contractor", "Dealer",
        "Buyer", "Chartered legal executive", "Professor Emeritus", "Civil Service fast streamer", "Comptroller",
        "Ambulance person", "Associate Professor", "Race relations officer", "Television floor manager",
        "Trading standards officer",
    }
)  # fmt: skip
_KEEPS_CAPITALS: Final = re.compile("IT|TEFL|English")

# First rule that matches the lower-case title decides the lowest age.
_LOWEST: Final = (
    (re.compile(r"^chief |neurosurgeon|director$"), 38),
    (re.compile(r"surgeon|oncologist|psychiatrist|ophthalmologist|haematologist|immunologist|pathologist"), 33),
    (re.compile(r"lecturer|economist|lawyer|solicitor|barrister|attorney|treasurer|controller|tax inspector"), 29),
    (re.compile(r"manager|consultant|doctor|dentist|pilot|producer|psychologist|psychotherapist|curator|examiner"), 28),
    (re.compile(r"scientist|engineer|architect|geologist|geneticist|physicist|chemist|pharmacist|veterinary"), 25),
    (re.compile(r"teacher|officer|accountant|surveyor|editor|conservator|therapist|analyst|planner|actuary"), 24),
)
_HIGHEST: Final = (
    (re.compile(r"^dancer$|runner|armed forces|firefighter|cabin crew|games developer"), 45),
    (re.compile(r"police|paramedic|prison officer|air traffic|merchant navy|fitness|assistant|barista|fast food"), 58),
    (re.compile(r"airline pilot|diplomatic|civil service|local government|nurse|midwife"), 65),
)
# People go on with these after the pension age.
_LIFELONG: Final = re.compile(
    r"\b(?:(?:science |technical )?writer|artist|illustrator|translator|interpreter|musician|music tutor|private music|"
    r"photographer|printmaker|actor|author|proofreader|lexicographer|bookseller|art therapist|animator|architect|"
    r"psychotherapist|psychologist|homeopath|herbalist|acupuncturist|osteopath|counsellor|lawyer|solicitor|barrister|"
    r"consultant|archaeologist|astronomer|economist|statistician|oceanographer|ecologist|cartographer|theatre director|"
    r"(?:furniture|jewellery|textile|ceramics) designer|farm manager|volunteer coordinator|research scientist|"
    r"general practice doctor|dentist|estate agent|patent attorney|insurance broker|financial adviser)$"
)


class JobTitle(NamedTuple):
    """An occupation and the ages (years, both ends included) at which people have it."""

    title: str
    lowest: int
    highest: int


@cache
def jobs() -> tuple[JobTitle, ...]:
    """All occupations, in Faker's order, written as inside a sentence ("civil engineer", "IT consultant")."""
    return tuple(_job(title) for title in dict.fromkeys(Provider.jobs) if _is_plain(title))


@cache
def jobs_at(age: int) -> tuple[str, ...]:
    """The titles of the occupations plausible at an age in years; never empty from 21 to 99."""
    return tuple(job.title for job in jobs() if job.lowest <= age <= job.highest)


def _is_plain(title: str) -> bool:
    return not re.search(r"[,/()]", title) and title not in _DROPPED and len(title) <= _MAX_LETTERS


def _job(title: str) -> JobTitle:
    text = title if _KEEPS_CAPITALS.match(title) else title.lower()
    lowest = next((age for pattern, age in _LOWEST if pattern.search(text)), _YOUNGEST)
    highest = next((age for pattern, age in _HIGHEST if pattern.search(text)), _PENSION)
    if _LIFELONG.search(text):
        highest = _OLDEST
    return JobTitle(text, lowest, highest)
