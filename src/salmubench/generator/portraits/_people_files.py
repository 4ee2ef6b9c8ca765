"""Pictures that a user has of people: how they are named, and everything that is wrong with them, at once.

    ROOT/people/<female|male>_<age>_<name>/…     one folder per identity, its pictures in it
    ROOT/strangers/<female|male>_<age>_<name>.jpg   one picture each of people without identity
    ROOT/facts.json                              optional: path of a picture below ROOT → what is visible

Gender and age are apparent ones; `<name>` is any text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from salmubench.core import places, reading
from salmubench.core.errors import DatasetError
from salmubench.dataset.phrasings.generic import FACTS
from salmubench.generator.casting import Gender
from salmubench.generator.pictures import PICTURES, entries, is_picture

PEOPLE, STRANGERS, FACTS_FILE = "people", "strangers", "facts.json"
YOUNGEST, OLDEST = 21, 99

_NAME = re.compile(r"(?P<gender>female|male)_(?P<age>[0-9]{1,3})_.+")


@dataclass(frozen=True, slots=True)
class PeopleGroup:
    """One person's pictures; `name` is the path of their folder or file below the root."""

    name: str
    gender: Gender
    age: int
    files: tuple[str, ...]


def named(name: str) -> tuple[Gender, int] | None:
    """Gender and age that a file name states, or `None` where it is another name."""
    match = _NAME.fullmatch(name)
    if match is None or not YOUNGEST <= int(match["age"]) <= OLDEST:
        return None
    return ("female" if match["gender"] == "female" else "male"), int(match["age"])


def people_of(root: Path) -> list[PeopleGroup]:
    """The identities of a root whose folders are named as they should be, in order of their names."""
    return [
        PeopleGroup(
            where := f"{PEOPLE}/{folder.name}",
            *traits,
            tuple(f"{where}/{file.name}" for file in entries(folder) if is_picture(file)),
        )
        for folder in entries(root / PEOPLE)
        if folder.is_dir() and (traits := named(folder.name)) is not None
    ]


def strangers_of(root: Path) -> list[PeopleGroup]:
    """The people without identity, one picture each, in order of their names."""
    return [
        PeopleGroup(where := f"{STRANGERS}/{file.name}", *traits, (where,))
        for file in entries(root / STRANGERS)
        if is_picture(file) and (traits := named(file.stem)) is not None
    ]


def facts_of(root: Path) -> Mapping[str, Mapping[str, str]]:
    """Content of `facts.json`; empty without one."""
    path = root / FACTS_FILE
    if not path.is_file():
        return {}
    content: Mapping[str, Mapping[str, str]] = reading.read_json(
        path, error=DatasetError, limit=reading.LARGE, mapping=True
    )
    return content


def problems_of_names(root: Path) -> Iterator[str]:
    """Everything in a root that isn't named or placed as it should be."""
    if not (root / PEOPLE).is_dir():
        yield f"Expected a folder {PEOPLE} in {root}, got none."
    for entry in entries(root):
        if entry.name not in (PEOPLE, STRANGERS, FACTS_FILE):
            yield f"{entry.name}: Expected {PEOPLE}, {STRANGERS} or {FACTS_FILE}, got another name."
    form = f"<female|male>_<age {YOUNGEST} to {OLDEST}>_<name>"
    for folder in entries(root / PEOPLE):
        where = f"{PEOPLE}/{folder.name}"
        if not folder.is_dir() or named(folder.name) is None:
            yield f"{where}: Expected a folder called {form}, got {'another name' if folder.is_dir() else 'a file'}."
            continue
        yield from (f"{where}/{file.name}: {_NO_PICTURE}" for file in entries(folder) if not is_picture(file))
    for file in entries(root / STRANGERS):
        if not is_picture(file):
            yield f"{STRANGERS}/{file.name}: {_NO_PICTURE}"
        elif named(file.stem) is None:
            yield f"{STRANGERS}/{file.name}: Expected a file called {form}, got another name."
    yield from _problems_of_facts(root)


_NO_PICTURE = f"Expected a picture ({', '.join(sorted(PICTURES))}), got something else."


def _problems_of_facts(root: Path) -> Iterator[str]:
    try:
        content = facts_of(root)
    except DatasetError as error:
        yield f"{FACTS_FILE}: {error}"
        return
    for name, facts in content.items():
        if not places.is_file(root / name):
            yield f"{FACTS_FILE}: Expected paths of pictures below {root}, got {reading.shown(name)}."
        if not isinstance(facts, dict) or not all(isinstance(value, str) for value in facts.values()):
            yield f"{FACTS_FILE}, {reading.cut(name, 80)}: Expected texts by fact, got {reading.shown(facts)}."
        elif unknown := sorted(set(facts) - set(FACTS)):
            others = reading.cut(", ".join(unknown), 80)
            yield f"{FACTS_FILE}, {reading.cut(name, 80)}: Expected facts out of {', '.join(FACTS)}, got {others}."
