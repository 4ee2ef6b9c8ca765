"""The result file of the authors' evaluator, written and read, and the numbers they published."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
from pydantic import Field

from salmubench.core import reading, writing
from salmubench.core.errors import RecordError
from salmubench.core.types import Split
from salmubench.dataset.layout import Dataset
from salmubench.scoring import items as item_tables
from salmubench.scoring.items import LARGEST
from salmubench.scoring.metric import Metric, label
from salmubench.scoring.record import RunRecord
from salmubench.scoring.record_files import read_items, read_record

TOLERANCE = 0.002
"""A third party reproduced each published number of Clean within this."""


@dataclass(frozen=True)
class Published:
    """A published number beside a found one.

    Attributes:
        found: ours; `None` where it was not computed.
        agrees: within the tolerance; `None` where there is nothing to compare.
    """

    name: str
    published: float
    found: float | None
    agrees: bool | None


Metrics = Sequence[Metric]
"""The descriptions that say what stands where in the official file."""


def export_official(record: Path, out: Path, *, metrics: Metrics, dataset: Dataset | None = None) -> Path:
    """Write a record as the official evaluator's result file.

    Args:
        record: path of a complete record with its items beside it.
        out: a `.json` path, or a folder for `evaluation_<model>.json`.
        metrics: descriptions; those with a place in the official file are written.
        dataset: puts ranks and similarities in the order of its rows, as the official evaluator does; by file name
            without.

    Returns:
        The file.

    Raises:
        RecordError: the record failed, its items are missing, or it or one of them is of another dataset.
    """
    source = read_record(record)
    if source.status != "complete":
        raise RecordError(f"Expected a complete record at {record}, got status {source.status!r}.")
    if dataset is not None and dataset.fingerprint != source.dataset.fingerprint:
        raise RecordError(f"Expected the dataset of {record}, {source.dataset.fingerprint}, got {dataset.fingerprint}.")
    items = read_items(record)
    content: dict[str, dict[str, dict[str, Any]]] = {"efficacy": {}, "utility": {}}
    for metric in metrics:
        for part, (section, key) in metric.official.items():
            value = _value(source, metric, part)
            content[metric.pillar].setdefault(section, {})[key] = metric.official_skipped if value is None else value
        if metric.official_items is not None:
            section, key = metric.official_items
            values = _values(item_tables.of_metric(items, metric.name), dataset)
            content[metric.pillar].setdefault(section, {})[key] = values
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", source.model.name)
    path = out if out.suffix == ".json" else out / f"evaluation_{slug}.json"
    writing.write_json(path, content)
    return path


def _values(items: pa.Table, dataset: Dataset | None) -> list[float]:
    values: list[float] = items.column("value").to_pylist()
    if dataset is None:
        return values
    place: dict[tuple[str, str | None], int] = {}
    for number, row in enumerate(dataset.rows(Split.FORGET)):
        place.setdefault((row.file_name, row.identity), number)
    keys = zip(items.column("file_name").to_pylist(), items.column("identity_id").to_pylist(), strict=True)
    ranked: list[tuple[int, float]] = []
    for key, value in zip(keys, values, strict=True):
        if key not in place:
            raise RecordError(
                f"Expected items of rows of the forget split of {dataset.name}, got one of the picture {key[0]!r} with "
                f"the identity {key[1]!r}, which it lacks. Give the record with its own items."
            )
        ranked.append((place[key], value))
    return [value for _, value in sorted(ranked, key=lambda item: item[0])]


def read_official(path: Path, metrics: Metrics) -> Mapping[str, float | None]:
    """Read a result file of the official evaluator: published name → number, `None` where it was skipped.

    Args:
        metrics: descriptions that say where each number stands.

    Raises:
        RecordError: missing, not JSON, or without the expected sections.
    """
    return numbers_of(read_content(path), path, metrics)


def read_content(path: Path) -> Mapping[str, Any]:
    """Read the JSON object of a result file.

    Raises:
        RecordError: missing, or not a JSON object.
    """
    content: Mapping[str, Any] = reading.read_json(
        path, error=RecordError, what="an official result file", advice="Give an official result file.", mapping=True
    )
    return content


def numbers_of(content: Mapping[str, Any], path: Path, metrics: Metrics) -> Mapping[str, float | None]:
    """The numbers of a result file's content: published name → number, `None` where it was skipped.

    Args:
        path: of the file, for messages.
        metrics: descriptions that say where each number stands.

    Raises:
        RecordError: without the expected sections.
    """
    numbers: dict[str, float | None] = {}
    for metric in metrics:
        for part, (section, key) in metric.official.items():
            place = (metric.pillar, section, key)
            value = reading.validated(
                _NUMBER, _value_at(content, place, path), where=f"{'.'.join(place)} of {path}", error=RecordError
            )
            numbers[published_name(metric, part)] = None if value == metric.official_skipped else value
    return numbers


def entries_of(content: Mapping[str, Any], path: Path, metric: Metric) -> Sequence[float] | None:
    """The list of a metric in a result file's content; `None` where there is none.

    Args:
        path: of the file, for messages.

    Raises:
        RecordError: something else stands there, or numbers that can't be.
    """
    assert metric.official_items is not None
    place = (metric.pillar, *metric.official_items)
    value: Any = content
    for step in place:
        value = value.get(step) if isinstance(value, dict) else None
    entries: Sequence[float] | None = reading.validated(
        _ENTRIES, value, where=f"{'.'.join(place)} of {path}", error=RecordError
    )
    return entries


_Real = Annotated[float, Field(strict=True, ge=-LARGEST, le=LARGEST)]
_NUMBER: Any = _Real | None
_ENTRIES: Any = Annotated[list[_Real], Field(max_length=4_000_000)] | None


def _value_at(content: Mapping[str, Any], place: Sequence[str], path: Path) -> Any:
    value: Any = content
    for step in place:
        if not isinstance(value, dict) or step not in value:
            raise RecordError(f"Expected {'.'.join(place)} in {path}, got no {step!r}.")
        value = value[step]
    return value


def published_name(metric: Metric, part: str) -> str:
    """Name in the published tables of a metric's part, e.g. with `_MRR` behind the name."""
    return label(metric.name, part).replace(" ", "_")


def numbers(record: RunRecord, metrics: Metrics) -> Mapping[str, float | None]:
    """The numbers of a record that the authors publish, under the names of the published tables."""
    return {
        published_name(metric, part): _value(record, metric, part) for metric in metrics for part in metric.official
    }


def _value(record: RunRecord, metric: Metric, part: str) -> float | None:
    score = record.scores.get(metric.name, {}).get(part)
    return None if score is None else score.value


def published() -> Mapping[str, Mapping[str, float]]:
    """Published numbers: the rows of the main table at budget 5×; of `clean` and `compromised` all that are known.

    Those two are as the authors' evaluator wrote them: the authors' own result file of Clean, a public user's of
    Compromised, whose general knowledge is the table's.
    """
    content = json.loads(resources.files(__package__).joinpath("reference.json").read_text(encoding="utf-8"))
    table: dict[str, dict[str, float]] = content["table_5x"]
    return {**table, **{kind: {**table[kind], **content[kind]} for kind in ("clean", "compromised")}}


def compare_with_published(values: Mapping[str, float | None], row: str = "clean") -> list[Published]:
    """Put numbers beside published ones.

    Args:
        values: published name → number, from `numbers` or `read_official`.
        row: a row of `published()`.

    Raises:
        RecordError: no such row.
    """
    table = published()
    if row not in table:
        raise RecordError(f"Expected a published row ({', '.join(table)}), got {row!r}.")
    compared = []
    for name, value in table[row].items():
        ours = values.get(name)
        compared.append(Published(name, value, ours, None if ours is None else abs(ours - value) <= TOLERANCE))
    return compared
