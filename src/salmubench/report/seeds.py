"""Candidates that differ by seed alone, taken together: one row a method, its spread beside it.

A row's number is the mean over the seeds. Its interval comes from the items of all of them: a bootstrap draws seeds as
well as people, so it speaks of the method in this world; the spread is the standard deviation over seeds.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from salmubench.core import manifest
from salmubench.report.collect import Run, score_of
from salmubench.report.main_views import known_view
from salmubench.scoring.failure_modes import MODES
from salmubench.scoring.ranking import moved_by
from salmubench.scoring.record import RunRecord, Score, Verdict
from salmubench.scoring.record_files import items_path, read_items
from salmubench.scoring.references import is_pretrained, reference_kind
from salmubench.scoring.views import rescore, with_seeds


@dataclass(frozen=True)
class SeedSpread:
    """Standard deviation over seeds, and how many there are."""

    deviation: float
    seeds: int


def pooled(run: Run) -> Run:
    """The run with one record for all complete candidates of one method, budget and configuration.

    The joint record has the name of the first; candidates without items stay as they are.

    Args:
        run: as `read_run` gives it.
    """
    groups: dict[str, list[RunRecord]] = {}
    for record in run.records:
        groups.setdefault(_key(record), []).append(record)
    records: list[RunRecord] = []
    repeats: dict[str, Sequence[RunRecord]] = {}
    for group in groups.values():
        complete = [record for record in group if record.status == "complete"]
        have_items = all(items_path(run.paths[record.model.name]).is_file() for record in complete)
        if len(complete) < 2 or not have_items:
            records += group
            continue
        records.append(_joint(complete, [read_items(run.paths[record.model.name]) for record in complete]))
        records += [record for record in group if record.status != "complete"]
        repeats[complete[0].model.name] = complete
    order = {record.model.name: place for place, record in enumerate(run.records)}
    return replace(run, records=sorted(records, key=lambda record: order[record.model.name]), repeats=repeats)


def spread(
    repeats: Sequence[RunRecord], metric: str, part: str, *, view: bool = False, beside: str | None = None
) -> SeedSpread | None:
    """How a number varies over seeds; `None` with fewer than two of them.

    Args:
        repeats: the record of each seed.
        beside: of the view against this reference, which stands beside the number's own.
    """

    def number(score: Score | None) -> float | None:
        if not view:
            return None if score is None else score.value
        normalised = known_view(score, beside)
        return None if normalised is None else normalised.value

    values = [value for record in repeats if (value := number(score_of(record, metric, part))) is not None]
    return SeedSpread(statistics.stdev(values), len(values)) if len(values) > 1 else None


def moved(run: Run) -> dict[str, Mapping[str, float]]:
    """Model name → by how much each person moves its distance (`ranking`); of those that have items."""
    found = {}
    for record in run.records:
        several = run.repeats.get(record.model.name, (record,))
        paths = [run.paths[one.model.name] for one in several]
        if (
            record.status == "complete"
            and not is_pretrained(record)
            and all(items_path(path).is_file() for path in paths)
        ):
            found[record.model.name] = moved_by(record, pa.concat_tables(read_items(path) for path in paths))
    return found


def seeds_of(run: Run) -> list[int]:
    """Seeds of the candidates that were taken together, in order."""
    seeds = {record.model.seed for group in run.repeats.values() for record in group}
    return sorted(seed for seed in seeds if seed is not None)


def _key(record: RunRecord) -> str:
    model = record.model
    if reference_kind(record) is not None or model.method is None or model.seed is None:
        return model.name
    return manifest.sha256_json([model.method, model.budget, model.config])


def _joint(records: Sequence[RunRecord], tables: Sequence[pa.Table]) -> RunRecord:
    """One record of several: rows of all, so that each seed weighs the same."""
    first = records[0]
    rescored = rescore(first, with_seeds(tables))
    scores: Mapping[str, Mapping[str, Score]] = {
        name: {part: replace(score, n=score.n // len(records)) for part, score in parts.items()}
        for name, parts in rescored.scores.items()
    }
    alone = [record.verdict for record in records if record.verdict is not None]
    return replace(first, scores=scores, verdict=joint_verdict(rescored.verdict, alone))


def joint_verdict(pooled: Verdict, alone: Sequence[Verdict]) -> Verdict:
    """The pooled answers; undecided where a seed alone says the opposite.

    Args:
        alone: of each seed.

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
