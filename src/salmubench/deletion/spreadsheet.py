"""What spreadsheets do to a table when they open and save it: a warning, since the table can't say what was meant."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from salmubench.core.types import FIELDS
from salmubench.dataset.leaks import folded

if TYPE_CHECKING:
    from salmubench.deletion.facts import Fact

_DIGITS = 15  # of a number that a spreadsheet keeps; what follows becomes zeros
_SEVERAL = frozenset({"emails"})  # official fields of which one person has several
_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_POWER = re.compile(r"\d+([.,]\d+)?E[+-]?\d+", re.IGNORECASE)
_ERROR = re.compile(r"#(N/A|REF!|VALUE!|NAME\?|DIV/0!|NULL!|NUM!)|#+", re.IGNORECASE)
_DATE = re.compile(
    rf"\d{{1,2}}[-/. ]?({_MONTHS})[a-z]*([-/. ]\d{{2,4}})?|({_MONTHS})[a-z]*[-/. ]\d{{1,4}}"
    r"|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}|\d{4}-\d{2}-\d{2}( 00:00(:00)?)?",
    re.IGNORECASE,
)
_DATED = re.compile("date|birth|day|since", re.IGNORECASE)
_AS_TEXT = "Format the column as text before the value is typed or pasted"


def doubts(facts: Sequence[Fact]) -> Iterator[str]:
    """What is legal and hardly meant, by line: numbers that lost digits, errors, dates, people of one name."""
    spelled: dict[str, Fact] = {}
    values: defaultdict[tuple[str, str], list[Fact]] = defaultdict(list)
    for fact in facts:
        for column, text in (("name", fact.name), ("value", fact.value)):
            if doubt := _doubt(text, fact.field if column == "value" else ""):
                yield f"{fact.where}, column {column}: {doubt}"
        other = spelled.setdefault(folded(fact.name), fact)
        if other.name != fact.name:
            yield (
                f"{fact.where}: {fact.name!r} and {other.name!r} ({other.where}) are taken for two people. Spell the "
                "name alike if they are one."
            )
        if fact.field in FIELDS and fact.field not in _SEVERAL:
            values[fact.name, fact.field].append(fact)
    for (name, field), lines in values.items():
        if len(lines) > 1:
            yield (
                f"{lines[1].where}: {name} has two values of {field}, {lines[0].value!r} ({lines[0].where}) and "
                f"{lines[1].value!r}: both are asked. If these are two people of one name, give each a name and a "
                "folder of their own."
            )


def _doubt(text: str, field: str) -> str:
    digits = re.sub(r"[ -]", "", text)
    if _ERROR.fullmatch(text):
        return f"{text!r} is a spreadsheet's error, and no text. Mend the cell, or take the line out."
    if _POWER.fullmatch(text):
        return f"{text!r} is a number that a spreadsheet has shortened: its digits are lost. {_AS_TEXT}."
    if digits.isdigit() and len(digits) > _DIGITS and not digits[_DIGITS:].strip("0"):
        return f"{text!r} ends with zeros behind {_DIGITS} digits, as spreadsheets save long numbers. {_AS_TEXT}."
    if text.startswith(("'", "’")):
        return f"{text!r} begins with an apostrophe, by which spreadsheets mark texts. Take it out."
    if field and not _DATED.search(field) and _DATE.fullmatch(text):
        return f"{text!r} is a date, which spreadsheets make of texts such as 3-12. {_AS_TEXT}."
    return ""
