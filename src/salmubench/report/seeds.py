"""Candidates that differ by seed alone, taken together: one row a method, its spread beside it.

A row's number is the mean over the seeds. Its interval comes from the items of all of them: a bootstrap draws seeds as
well as people, so it speaks of the method in this world; the spread is the standard deviation over seeds.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from salmubench.core import manifest
from salmubench.report.collect import Run, score_of
from salmubench.report.main_views import known_view
from salmubench.scoring.failure_modes import MODES
from salmubench.scoring.ranking import moved_by
from salmubench.scoring.record import RunRecord, Verdict
from salmubench.scoring.record_files import items_path, read_items
from salmubench.scoring.references import is_pretrained, reference_kind
from salmubench.scoring.views import rescore, with_seeds


def pooled(run: Run) -> Run:
    """The run with one record for all complete candidates of one method, budget and configuration.

    The joint record has the name of the first; candidates without items stay as they are.
    """
    groups: dict[str, list[RunRecord]] = {}
    for record in run.records:
        groups.setdefault(_key(record), []).append(record)
    records: list[RunRecord] = []
    repeats: dict[str, Sequence[RunRecord]] = {}
    for group in groups.values():
        complete = [record for record in group if record.status == "complete"]
        tables = _items(run, complete) if len(complete) > 1 else None
        if tables is None:
            records += group
            continue
        records += [_joint(complete, tables), *(record for record in group if record.status != "complete")]
        repeats[complete[0].model.name] = complete
    order = {record.model.name: place for place, record in enumerate(run.records)}
    return replace(run, records=sorted(records, key=lambda record: order[record.model.name]), repeats=repeats)


def spread(
    repeats: Sequence[RunRecord], metric: str, part: str, *, view: bool = False, beside: str | None = None
) -> float | None:
    """Standard deviation of a number over seeds; `None` with fewer than two of them.

    Args:
        repeats: the record of each seed.
        view: of the number between its references.
        beside: of the view against this reference, which stands beside the number's own.
    """
    scores = [score_of(record, metric, part) for record in repeats]
    numbers = [known_view(score, beside) if view else score for score in scores]
    values = [one.value for one in numbers if one is not None and one.value is not None]
    return statistics.stdev(values) if len(values) > 1 else None


def moved(run: Run) -> dict[str, Mapping[str, float]]:
    """Model name → by how much each person moves its distance (`ranking`); of those that have items."""
    found = {}
    for record in run.records:
        if record.status == "complete" and not is_pretrained(record):
            tables = _items(run, run.repeats.get(record.model.name, (record,)))
            if tables is not None:
                found[record.model.name] = moved_by(record, pa.concat_tables(tables))
    return found


def seeds_of(run: Run) -> list[int]:
    """Seeds of the candidates that were taken together, in order."""
    seeds = {record.model.seed for group in run.repeats.values() for record in group}
    return sorted(seed for seed in seeds if seed is not None)


def _items(run: Run, records: Sequence[RunRecord]) -> list[pa.Table] | None:
    """Items of each; `None` where one has none."""
    paths = [run.paths[record.model.name] for record in records]
    return [read_items(path) for path in paths] if all(items_path(path).is_file() for path in paths) else None


def _key(record: RunRecord) -> str:
    model = record.model
    if reference_kind(record) is not None or model.method is None or model.seed is None:
        return model.name
    return manifest.sha256_json([model.method, model.budget, model.config])


def _joint(records: Sequence[RunRecord], tables: Sequence[pa.Table]) -> RunRecord:
    """One record of several: rows of all, so that each seed weighs the same."""
    rescored = rescore(records[0], with_seeds(tables))
    scores = {
        name: {part: replace(score, n=score.n // len(records)) for part, score in parts.items()}
        for name, parts in rescored.scores.items()
    }
    alone = [record.verdict for record in records if record.verdict is not None]
    return replace(records[0], scores=scores, verdict=joint_verdict(rescored.verdict, alone))


def joint_verdict(pooled: Verdict, alone: Sequence[Verdict]) -> Verdict:
    """The pooled answers; undecided where a seed alone says the opposite.

    Examples:
        >>> from salmubench.scoring.verdict import answers_of
        >>> joint = joint_verdict(Verdict("no", "no", "yes"), [Verdict("no", "no", "yes"), Verdict("yes", "no", "yes")])
        >>> list(answers_of(joint).values())
        ['undecided', 'no', 'yes']
    """
    undecided: dict[str, Any] = {
        mode: "undecided"
        for mode in (*(mode.name for mode in MODES), "ineffective_paper")
        if {"yes", "no"} <= {getattr(verdict, mode) for verdict in (pooled, *alone)}
    }
    return replace(pooled, **undecided)
