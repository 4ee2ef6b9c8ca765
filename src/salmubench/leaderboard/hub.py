"""Results as the Hugging Face Hub shows them on a model's page: `.eval_results/*.yaml`.

The Hub shows results of the evaluation frameworks on its own list, and this one isn't on it: who writes the file asks
for that by name (`leaderboard submit --unlisted-hub-yaml`).
"""

from __future__ import annotations

import re
from typing import Any

from salmubench.core.errors import ConfigError
from salmubench.scoring.record import RunRecord

_DATASET = re.compile(r"([A-Za-z0-9][\w.-]*/[\w.-]+)(?:@([\w.][\w./-]*))?")


def hub_yaml(record: RunRecord, *, dataset: str, date: str, source: str | None = None) -> str:
    """The Hub's `.eval_results/*.yaml` of a checkpoint's model repository.

    Task ids are the metric's name, with `_<part>` where it has several; the dataset's `eval.yaml` lists the same.

    Args:
        dataset: Hub id of the dataset repository, with `@<commit>` where the record doesn't state its revision.
        date: of the evaluation, `YYYY-MM-DD`.

    Raises:
        ConfigError: no such id, or a revision that nobody states, or another one than the record's.
    """
    import yaml

    name, revision = _revision(record, dataset)
    entries: list[dict[str, Any]] = []
    for metric, parts in record.scores.items():
        for part, score in parts.items():
            if score.value is None:
                continue
            task = metric if part == "value" else f"{metric}_{part}"
            entry: dict[str, Any] = {
                "dataset": {"id": name, "task_id": task, "revision": revision},
                "value": score.value,
                "date": date,
            }
            if source is not None:
                entry["source"] = {"url": source, "name": "SALMUBench leaderboard"}
            spread = "" if score.ci95 is None else f", 95 % interval {score.ci95[0]:.4f} to {score.ci95[1]:.4f}"
            entry["notes"] = f"goal: the {score.goal} model's value; n = {score.n}{spread}"
            entries.append(entry)
    written: str = yaml.safe_dump(entries, sort_keys=False, allow_unicode=True)
    return written


def _revision(record: RunRecord, dataset: str) -> tuple[str, str]:
    """Id and revision of the dataset."""
    match = _DATASET.fullmatch(dataset)
    if match is None:
        raise ConfigError(f"Expected a dataset org/name or org/name@revision of the Hub, got {dataset!r:.200}.")
    stated, given = record.dataset.revision, match[2]
    if stated is None and given is None:
        raise ConfigError(
            f"Expected the revision of {match[1]} that the model was judged on, got none: the record is of a folder. "
            f"Give --hub-dataset {match[1]}@<commit>."
        )
    if stated is not None and given not in (None, stated):
        raise ConfigError(f"Expected the revision {stated} that the record states, got {given}. Leave it out.")
    return match[1], str(stated or given)
