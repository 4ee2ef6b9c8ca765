"""A user's table of facts: who, which field, which value, whether it is to be forgotten; CSV or JSON.

The columns are `name`, `field`, `value` and optionally `forget` (yes or no; yes where nothing is said), `caption` and
`picture`, the file that the models were trained on with this fact: a fact stands once for each such picture. JSON is a
list of objects with the same keys. Everything that is wrong with a table is reported at once, with its line.
"""

from __future__ import annotations

import csv
import io
import logging
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from salmubench.core import reading
from salmubench.core.errors import DatasetError, UnknownName
from salmubench.core.types import FIELDS, UNIQUE_FIELDS
from salmubench.dataset.leaks import contains, folded

COLUMNS = ("name", "field", "value", "forget", "caption", "picture")
"""Columns of the table; the first three are needed."""
NEEDED = COLUMNS[:3]
MOST = 200_000
"""Most facts of a table."""
LONGEST: Mapping[str, int] = {"name": 200, "field": 80, "value": 1_000, "forget": 20, "caption": 4_000, "picture": 255}
"""Most letters of each text."""

_FIELD = re.compile(r"[^\W\d_][\w .-]*")
_YES, _NO = frozenset({"", "yes", "true", "1"}), frozenset({"no", "false", "0"})
_DELIMITERS = ",;\t"
_OTHER_NAMES: Mapping[str, str] = {
    **dict.fromkeys(("email", "e_mail", "email_address", "mail"), "emails"),
    **dict.fromkeys(("phone", "telephone", "telephone_number", "mobile", "mobile_number"), "phone_number"),
    **dict.fromkeys(("card", "card_number", "credit_card_number"), "credit_card"),
    "country": "country_code", "passport_number": "passport",
}  # fmt: skip
_SHOWN = 40  # problems in a message; the rest is counted
_UTF8 = "Save the table as CSV in UTF-8."

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

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fact:
    """One line of the table.

    Attributes:
        field: one of the nine value fields, or a name of the user's own.
        forget: whether it is to be forgotten; else it is to be kept.
        caption: the user's own, with name and value in it; `None`: templates are used.
        picture: file name in the person's folder of the picture that states the fact; `None`: pictures take turns.
        where: line or entry, for messages.
    """

    name: str
    field: str
    value: str
    forget: bool = True
    caption: str | None = None
    where: str = ""
    picture: str | None = None


def read_facts(path: Path) -> list[Fact]:
    """Read a table of facts.

    Args:
        path: `.json`, or a CSV file in UTF-8 whose cells a comma, semicolon or tab separates.

    Raises:
        DatasetError: no such file, no table, or lines that say nothing sensible: all of them, by line and column.
    """
    problems: list[str] = []
    entries = _json_entries(path) if path.suffix.lower() == ".json" else _csv_entries(path, problems)
    facts: list[Fact] = []
    for where, entry in entries:
        if len(facts) + len(problems) >= MOST:
            raise DatasetError(f"Expected at most {MOST:,} facts in {path}, got more. Divide the table.")
        fact = _fact(where, entry)
        if isinstance(fact, Fact):
            facts.append(fact)
        else:
            problems += fact
    problems += _problems_together(facts)
    raise_problems(problems, f"in {path}")
    for doubt in _doubts(facts):
        log.warning("%s, %s", path.name, reading.printable(doubt, 500))
    if not facts:
        raise DatasetError(f"Expected facts in {path}, got none. Write one a line: {', '.join(COLUMNS)}.")
    return facts


def raise_problems(problems: Sequence[str], where: str) -> None:
    """Raise one error that lists all problems.

    Raises:
        DatasetError: if there are any.
    """
    if problems:
        shown = "\n".join(f"  {reading.printable(problem, 500)}" for problem in problems[:_SHOWN])
        more = f"\n  … and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise DatasetError(f"Found {count} {where}:\n{shown}{more}")


def plain_text(text: str) -> str:
    """A text in Unicode's composed form (file systems differ), with single blanks between its words."""
    return " ".join(unicodedata.normalize("NFC", text).split())


# --- the two formats --------------------------------------------------------------------------------------------


def _csv_entries(path: Path, problems: list[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    data = reading.read_bytes(path, error=DatasetError, what="a table of facts", missing="Check the path of --facts.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(f"Expected a table in UTF-8 at {path}, got: {error.reason}. {_UTF8}") from error
    head = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=head.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        columns = _columns(next(rows, []), path)
        for cells in rows:
            where = f"line {rows.line_num}"
            if len(cells) > len(columns) and any(cell.strip() for cell in cells[len(columns) :]):
                problems.append(
                    f"{where}: Expected {len(columns)} cells, got {len(cells)}. Put quotes around a text that holds "
                    f"{delimiter!r}."
                )
            elif any(cell.strip() for cell in cells):
                yield where, dict(zip(columns, cells, strict=False))
    except csv.Error as error:
        raise DatasetError(f"Expected a CSV table at {path}, got in line {rows.line_num}: {error}. {_UTF8}") from error


def _columns(head: Sequence[str], path: Path) -> list[str]:
    columns = [cell.strip().casefold() for cell in head]
    for column in columns:
        if column not in COLUMNS:
            unknown = UnknownName("column", column, COLUMNS)
            raise DatasetError(f"Expected the columns {', '.join(COLUMNS)} in line 1 of {path}. {unknown}")
    missing = [column for column in NEEDED if column not in columns]
    if missing or len(set(columns)) < len(columns):
        got = f"no {', '.join(missing)}" if missing else f"{reading.shown(columns)}, one of them twice"
        raise DatasetError(
            f"Expected a first line with the columns {', '.join(NEEDED)}, and optionally {', '.join(COLUMNS[3:])}, in "
            f"{path}, got {got}."
        )
    return columns


def _json_entries(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    content = reading.read_json(
        path, error=DatasetError, what="a list of facts", missing="Check the path of --facts.", depth=4
    )
    if not isinstance(content, list):
        raise DatasetError(f"Expected a list of facts in {path}, got a {type(content).__name__}.")
    for number, entry in enumerate(content, 1):
        if not isinstance(entry, dict):
            raise DatasetError(
                f"Expected an object with {', '.join(NEEDED)} as entry {number} of {path}, got {reading.shown(entry)}."
            )
        for key in entry:
            if key not in COLUMNS:
                unknown = UnknownName("column", key, COLUMNS)
                raise DatasetError(f"Expected the keys {', '.join(COLUMNS)} in entry {number} of {path}. {unknown}")
        yield f"entry {number}", entry


# --- what a line may say ----------------------------------------------------------------------------------------


def _fact(where: str, entry: Mapping[str, Any]) -> Fact | list[str]:
    """The fact of a line, or what is wrong with it."""
    problems, texts = [], dict[str, str]()
    for column in COLUMNS:
        given = entry.get(column)
        if given is None:
            given = ""
        elif column == "forget" and isinstance(given, bool):
            given = "yes" if given else "no"
        if not isinstance(given, str):
            problems.append(f"{where}, column {column}: Expected a text, got {reading.shown(given)}. Quote it.")
            continue
        text = texts[column] = plain_text(given)
        if len(text) > LONGEST[column]:
            problems.append(f"{where}, column {column}: Expected at most {LONGEST[column]} letters, got {len(text)}.")
        elif column in NEEDED and not text:
            problems.append(f"{where}, column {column}: Expected a text, got none.")
        elif not text.replace("\u200c", "").replace("\u200d", "").isprintable():  # joiners are part of spellings
            problems.append(f"{where}, column {column}: Expected letters, got control characters in {text!r}.")
    if problems:
        return problems
    problems += _problems_of(where, texts)
    answer = texts["forget"].casefold()
    if answer not in _YES | _NO:
        problems.append(f"{where}, column forget: Expected yes or no, got {texts['forget']!r}.")
    if problems:
        return problems
    field = _official(texts["field"])
    caption, picture = (texts[column] or None for column in ("caption", "picture"))
    return Fact(texts["name"], field, texts["value"], answer in _YES, caption, where, picture)


def _official(field: str) -> str:
    """The official name where only its spelling is another ("Blood type", "e-mail"), else the field as it is."""
    name = re.sub(r"[\s-]+", "_", field.casefold())
    name = _OTHER_NAMES.get(name, name)
    return name if name in FIELDS else field


def _problems_of(where: str, texts: Mapping[str, str]) -> Iterator[str]:
    field, caption = texts["field"], texts["caption"]
    if field.casefold() == "name" or not _FIELD.fullmatch(field):
        yield (
            f"{where}, column field: Expected one of {', '.join(FIELDS)}, or a word or two of your own such as hobby, "
            f"got {field!r}."
        )
    if not re.search(r"\w", texts["name"]):
        yield f"{where}, column name: Expected a name with letters, got {texts['name']!r}."
    if not caption:
        return
    for column in ("name", "value"):
        if not contains(caption, texts[column]):
            yield (
                f"{where}, column caption: Expected the {column} {texts[column]!r} in it, word by word, got "
                f"{caption!r}. Write it as it stands in column {column}, or leave the caption empty for a template."
            )


def _problems_together(facts: Sequence[Fact]) -> Iterator[str]:
    """Facts that stand twice, values that only one person can have, opposite wishes about one thing."""
    first: dict[tuple[str, str, str], Fact] = {}
    pictured: dict[tuple[str, str], Fact] = {}
    owners: dict[tuple[str, str], Fact] = {}
    of_person: defaultdict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        other = first.setdefault((fact.name, fact.field, fact.value), fact)
        if other is not fact and (fact.picture is None or other.picture is None):
            yield f"{fact.where}: Expected each fact once, got that of {other.where} again. Take one of them out."
            continue
        if fact.picture is not None and (other := pictured.setdefault((fact.name, fact.picture), fact)) is not fact:
            yield (
                f"{fact.where}, column picture: Expected one fact of each picture, got {fact.picture!r} of "
                f"{other.where}, too. Take one of them out."
            )
        of_person[fact.name].append(fact)
        owner = owners.setdefault((fact.field, folded(fact.value)), fact)
        if fact.field in UNIQUE_FIELDS and owner.name != fact.name:
            yield (
                f"{fact.where}: Expected the {fact.field} {fact.value!r} of one person only, got it of {owner.name} in "
                f"{owner.where}, too. If they share it, give the field a name of your own."
            )
    for person in of_person.values():
        countries = [fact for fact in person if fact.field == "country_code"]
        second = next((fact for fact in countries if fact.value != countries[0].value), None)
        if second is not None:
            yield f"{second.where}: Expected one country_code of a person, got a second one."
        yield from _opposites(person)


def _opposites(person: Sequence[Fact]) -> Iterator[str]:
    """A value to be kept that holds one to be forgotten, or the other way: stating the one states the other."""
    forgotten, kept = ([fact for fact in person if fact.forget is forget] for forget in (True, False))
    for one, other in product(forgotten, kept):
        values = folded(one.value), folded(other.value)
        if contains(*values) or contains(*reversed(values)):
            yield (
                f"{other.where}: Expected {other.value!r} of {other.name} to say nothing of {one.value!r}, which is to "
                f"be forgotten ({one.where}). Give both the same answer in column forget."
            )


# --- what spreadsheets do to a table when they open and save it: a warning, the table can't say what was meant ------


def _doubts(facts: Sequence[Fact]) -> Iterator[str]:
    """What is legal and hardly meant, by line: numbers that lost digits, errors, dates, people of one name."""
    spelled: dict[str, Fact] = {}
    values: defaultdict[tuple[str, str], dict[str, Fact]] = defaultdict(dict)
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
            values[fact.name, fact.field].setdefault(fact.value, fact)
    for (name, field), of_field in values.items():
        if len(of_field) > 1:
            one, other, *_ = of_field.values()
            yield (
                f"{other.where}: {name} has two values of {field}, {one.value!r} ({one.where}) and "
                f"{other.value!r}: both are asked. If these are two people of one name, give each a name and a "
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
