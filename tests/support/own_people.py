"""A user's own people: pictures in a folder for each, and a table of facts."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

from tiny import tiny_jpeg

NAMES = ("Anna Moreau", "Bruno Novak", "Carla Okafor", "Dario Peters", "Elsa Quint", "Farid Rossi")
CITIES = ("Lyon", "Rome", "Oslo", "Kyiv", "Bern", "Graz")
HOBBIES = ("chess", "rowing", "judo", "tennis", "baking", "opera")
COLUMNS = ("name", "field", "value", "forget", "caption")


def own_facts() -> list[dict[str, str]]:
    """A city and a hobby of each; the last two people keep their hobbies."""
    rows = []
    for number, name in enumerate(NAMES):
        rows.append({"name": name, "field": "city", "value": CITIES[number]})
        kept = "no" if number > 3 else "yes"
        rows.append({"name": name, "field": "hobby", "value": HOBBIES[number], "forget": kept})
    return rows


def write_csv(path: Path, rows: Iterable[Mapping[str, str]], columns: Iterable[str] = COLUMNS) -> Path:
    """Write a table of facts."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(columns), restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def own_people(folder: Path, *, pictures: int = 5) -> Path:
    """Write `pictures/<name>/<n>.jpg` of six people and `facts.csv`; pictures of one person share a colour."""
    for index, name in enumerate(NAMES):
        (folder / "pictures" / name).mkdir(parents=True)
        for number in range(pictures):
            data = tiny_jpeg(index, number, size=32, aspect=1.0, seed=0)
            (folder / "pictures" / name / f"{number}.jpg").write_bytes(data)
    write_csv(folder / "facts.csv", own_facts())
    return folder
