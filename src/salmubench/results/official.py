"""The result file of the authors' evaluator, written and read, and the numbers they published."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from salmubench import manifest
from salmubench.errors import RecordError
from salmubench.results import items as item_tables
from salmubench.results.io import read_items, read_record
from salmubench.results.schema import RunRecord

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


def export_official(record: Path, out: Path) -> Path:
    """Write a record as the official evaluator's result file.

    Args:
        record: path of a complete record with its items beside it.
        out: a `.json` path, or a folder for `evaluation_<model>.json`.

    Returns:
        The file.

    Raises:
        RecordError: the record failed or its items are missing.
    """
    found = read_record(record)
    if found.status != "complete":
        raise RecordError(f"Expected a complete record at {record}, found status {found.status!r}.")
    items = read_items(record)
    content: dict[str, dict[str, dict[str, Any]]] = {"efficacy": {}, "utility": {}}
    for name, (pillar, section, key) in _PLACES.items():
        value = numbers(found)[name]
        content[pillar].setdefault(section, {})[key] = SKIPPED if value is None and name == "GenKnow" else value
    for metric, section, key in (
        ("RetFail", "1.1_RetFail", "outcomes"),
        ("AssocStr", "1.2_AssocStr", "scores"),
        ("CoreAssoc", "1.5_CoreAssoc", "scores"),
    ):
        content["efficacy"][section][key] = item_tables.of_metric(items, metric).column("value").to_pylist()
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", found.model.name)
    path = out if out.suffix == ".json" else out / f"evaluation_{slug}.json"
    manifest.write_json(path, content)
    return path


def read_official(path: Path) -> Mapping[str, float | None]:
    """Read a result file of the official evaluator: published name → number, `None` where it was skipped.

    Raises:
        RecordError: missing, not JSON, or without the expected sections.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RecordError(f"Expected an official result file at {path}, found: {error}.") from error
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
