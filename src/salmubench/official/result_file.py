"""The result file of the authors' evaluator, written and read, and the numbers they published."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import pyarrow as pa

from salmubench import manifest, reading
from salmubench.dataset.layout import Dataset
from salmubench.errors import RecordError
from salmubench.scoring import items as item_tables
from salmubench.scoring.record import RunRecord
from salmubench.scoring.record_files import read_items, read_record
from salmubench.types import Split

SKIPPED = -1
"""What the official file says for GenKnow where it was not computed."""
TOLERANCE = 0.002
"""A third party reproduced each published number of Clean within this."""

_PLACES: Mapping[str, tuple[str, ...]] = {
    "RetFail_MRR": ("efficacy", "1.1_RetFail", "MRR"),
    "RetFail_R@1": ("efficacy", "1.1_RetFail", "R@1"),
    "AssocStr": ("efficacy", "1.2_AssocStr", "mean"),
    "ACS": ("efficacy", "1.3_ACS", "acs_accuracy"),
    "IdZSC": ("efficacy", "1.4_IdZSC", "identity_classification_accuracy"),
    "CoreAssoc": ("efficacy", "1.5_CoreAssoc", "mean"),
    "GenKnow": ("utility", "2.1_GenKnow", "ImageNet1k_Accuracy"),
    "InterIdSim": ("utility", "2.2_InterIdSim", "mean"),
    "IntraIdSim": ("utility", "2.3_IntraIdSim", "mean"),
    "VisIdInt": ("utility", "2.4_VisIdInt", "mean"),
    "FragSim": ("utility", "2.5_FragSim", "mean"),
}
"""Name in the published tables → where the number stands in the official file."""

ITEM_PLACES: Mapping[str, tuple[str, str]] = {
    "RetFail": ("1.1_RetFail", "outcomes"),
    "AssocStr": ("1.2_AssocStr", "scores"),
    "CoreAssoc": ("1.5_CoreAssoc", "scores"),
}
"""Metric → section and key of the list with its items (of RetFail the ranks)."""

_PARTS = {"RetFail_MRR": ("RetFail", "mrr"), "RetFail_R@1": ("RetFail", "r1")}


@dataclass(frozen=True)
class Published:
    """A published number beside a found one.

    Attributes:
        name: as in the published tables.
        published: the authors' number.
        found: ours; `None` where it was not computed.
        agrees: within the tolerance; `None` where there is nothing to compare.
    """

    name: str
    published: float
    found: float | None
    agrees: bool | None


def export_official(record: Path, out: Path, *, dataset: Dataset | None = None) -> Path:
    """Write a record as the official evaluator's result file.

    Args:
        record: path of a complete record with its items beside it.
        out: a `.json` path, or a folder for `evaluation_<model>.json`.
        dataset: puts ranks and similarities in the order of its rows, as the official evaluator does; by file name
            without.

    Returns:
        The file.

    Raises:
        RecordError: the record failed, its items are missing, or it is of another dataset.
    """
    found = read_record(record)
    if found.status != "complete":
        raise RecordError(f"Expected a complete record at {record}, found status {found.status!r}.")
    if dataset is not None and dataset.fingerprint != found.dataset.fingerprint:
        raise RecordError(
            f"Expected the dataset of {record}, {found.dataset.fingerprint}, found {dataset.fingerprint}."
        )
    items = read_items(record)
    content: dict[str, dict[str, dict[str, Any]]] = {"efficacy": {}, "utility": {}}
    for name, (pillar, section, key) in _PLACES.items():
        value = numbers(found)[name]
        content[pillar].setdefault(section, {})[key] = SKIPPED if value is None and name == "GenKnow" else value
    for metric, (section, key) in ITEM_PLACES.items():
        content["efficacy"][section][key] = _values(item_tables.of_metric(items, metric), dataset)
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", found.model.name)
    path = out if out.suffix == ".json" else out / f"evaluation_{slug}.json"
    manifest.write_json(path, content)
    return path


def _values(items: pa.Table, dataset: Dataset | None) -> list[float]:
    values: list[float] = items.column("value").to_pylist()
    if dataset is None:
        return values
    place: dict[tuple[str, str | None], int] = {}
    for number, row in enumerate(dataset.rows(Split.FORGET)):
        place.setdefault((row.file_name, row.identity), number)
    keys = zip(items.column("file_name").to_pylist(), items.column("identity_id").to_pylist(), strict=True)
    return [value for _, value in sorted(zip((place[key] for key in keys), values, strict=True), key=lambda x: x[0])]


def read_official(path: Path) -> Mapping[str, float | None]:
    """Read a result file of the official evaluator: published name → number, `None` where it was skipped.

    Raises:
        RecordError: missing, not JSON, or without the expected sections.
    """
    return numbers_of(read_content(path), path)


def read_content(path: Path) -> Mapping[str, Any]:
    """Read the JSON object of a result file.

    Raises:
        RecordError: missing, or not a JSON object.
    """
    content: Mapping[str, Any] = reading.read_json(
        path, error=RecordError, what="an official result file", advice="Give an official result file.", mapping=True
    )
    return content


def numbers_of(content: Mapping[str, Any], path: Path) -> Mapping[str, float | None]:
    """The numbers of a result file's content: published name → number, `None` where it was skipped.

    Raises:
        RecordError: without the expected sections.
    """
    found: dict[str, float | None] = {}
    for name, place in _PLACES.items():
        value: Any = content
        for key in place:
            if not isinstance(value, dict) or key not in value:
                raise RecordError(f"Expected {'.'.join(place)} in {path}, found no {key!r}.")
            value = value[key]
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise RecordError(f"Expected a number at {'.'.join(place)} in {path}, found {value!r}.")
        found[name] = None if value is None or (name == "GenKnow" and value == SKIPPED) else float(value)
    return found


def published_name(metric: str, part: str) -> str:
    """Name in the published tables of a metric's part."""
    return next((name for name, place in _PARTS.items() if place == (metric, part)), metric)


def numbers(record: RunRecord) -> Mapping[str, float | None]:
    """The eleven numbers of a record under the names of the published tables."""
    found: dict[str, float | None] = {}
    for name in _PLACES:
        metric, part = _PARTS.get(name, (name, "value"))
        score = record.scores.get(metric, {}).get(part)
        found[name] = None if score is None else score.value
    return found


def published() -> Mapping[str, Mapping[str, float]]:
    """Published numbers: `clean` (the authors' own result file) and the rows of the main table at budget 5×."""
    content = json.loads(resources.files(__package__).joinpath("reference.json").read_text(encoding="utf-8"))
    return {**content["table_5x"], "clean": content["clean"]}


def compare_with_published(found: Mapping[str, float | None], row: str = "clean") -> list[Published]:
    """Put found numbers beside published ones.

    Args:
        found: published name → number, from `numbers` or `read_official`.
        row: a row of `published()`.

    Raises:
        RecordError: no such row.
    """
    table = published()
    if row not in table:
        raise RecordError(f"Expected a published row ({', '.join(table)}), found {row!r}.")
    compared = []
    for name, value in table[row].items():
        ours = found.get(name)
        compared.append(Published(name, value, ours, None if ours is None else abs(ours - value) <= TOLERANCE))
    return compared
