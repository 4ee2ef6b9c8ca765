"""Which of a record's numbers answers which question: by the role that its metric declares, never by its name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from salmubench.scoring.metric import PEOPLE, Group, Metric, Role, main_part, part_of, parts_of
from salmubench.scoring.record import MetricInfo, RunRecord, Score

Scores = Mapping[str, Mapping[str, Score]]
"""Metric → part → score."""


@dataclass(frozen=True)
class Held:
    """A number of a record and the metric it belongs to.

    Attributes:
        split: the split or derived set it is about; `None` where the record doesn't say.
    """

    metric: str
    part: str
    split: str | None
    score: Score


def role_of(info: MetricInfo | Metric) -> Role | None:
    """A metric's role; older records don't name it, but the main numbers and the views tell."""
    if info.role is not None or info.items in ("fact_rank", "fact_mean"):  # newer than roles: without one it has none
        return info.role
    if info.view == "drop" or info.view == "kept":
        return info.view
    if info.pillar == "efficacy":
        return "leakage" if info.main else "paraphrase" if info.number is None else None
    return None


def with_role(record: RunRecord, role: Role) -> list[Held]:
    """The numbers of a record that have a role, each by its metric's main part, in the record's order."""
    metrics: Mapping[str, MetricInfo] = record.protocol.metrics if record.protocol is not None else {}
    return in_role(record.scores, metrics, role)


def in_role(scores: Scores, metrics: Mapping[str, MetricInfo] | Mapping[str, Metric], role: Role) -> list[Held]:
    """The same from scores and descriptions."""
    held = []
    for name, parts in scores.items():
        info = metrics.get(name)
        if info is None or role_of(info) != role:
            continue
        part = standing_part(info, parts)
        if part in parts:
            held.append(Held(name, part, info.split, parts[part]))
    return held


def standing_part(info: MetricInfo | Metric, parts: Mapping[str, Score]) -> str:
    """The part of a metric that counts: of numbers by source, that of the first source that has one."""
    if info.items == "fact_mean":
        names = [name for name, part in parts_of(info.items).items() if part.table and name in parts]
        return next((name for name in names if parts[name].value is not None), main_part(info.items))
    part = main_part(info.items)
    return part if part in parts else next(iter(parts), part)  # an older record calls it otherwise


def of_group(held: Held, scores: Scores, group: Group) -> Held | None:
    """The same number over one group of items, or `None` where the metric has none."""
    name = part_of(held.part, group)
    score = scores[held.metric].get(name)
    return None if score is None else Held(held.metric, name, held.split, score)


def by_holdout(held: Held, scores: Scores) -> list[Held]:
    """A number about both holdouts as one of each; any other as it is."""
    each = [of_group(held, scores, group) for group in PEOPLE]
    return [one for one in each if one is not None] or [held]


def first(record: RunRecord, role: Role) -> Held | None:
    """The first number with a role, or `None`."""
    return next(iter(with_role(record, role)), None)


def score_in(record: RunRecord, role: Role) -> Score | None:
    """Its score, or `None`."""
    held = first(record, role)
    return None if held is None else held.score


def spared(record: RunRecord) -> list[Held]:
    """All that says how much is kept, one number a holdout: what the verdict rests on."""
    return [one for held in with_role(record, "kept") for one in by_holdout(held, record.scores)]


def facts_kept(record: RunRecord) -> list[Held]:
    """Those of them that are about facts among other values: one metric, a number a holdout."""
    whole = {held.part for held in with_role(record, "kept")}
    return [held for held in spared(record) if held.part not in whole]


def kept_on(record: RunRecord, split: str) -> Score | None:
    """What is kept of a holdout split, by the first such number, or `None`."""
    return next((held.score for held in with_role(record, "kept") if held.split == split), None)


def with_descriptions(record: RunRecord, metrics: Mapping[str, Metric]) -> RunRecord:
    """The record with the given descriptions of its metrics instead of its own; others stay as the record says.

    Older records lack what newer descriptions say, and a foreign record may lie about a metric of the package.
    """
    if record.protocol is None or not metrics:
        return record
    infos = {
        name: MetricInfo.of(metrics[name]) if name in metrics else info
        for name, info in record.protocol.metrics.items()
    }
    return replace(record, protocol=replace(record.protocol, metrics=infos))


def with_package_first(record: RunRecord, metrics: Mapping[str, Metric]) -> RunRecord:
    """The same, with the given metrics before all others: where one number of a role counts, it is theirs.

    A metric of somebody else's may have a role, too, and stand first in a record.
    """
    scores = {name: record.scores[name] for name in metrics if name in record.scores}
    return replace(with_descriptions(record, metrics), scores={**scores, **record.scores})


def lied_about(record: RunRecord, metrics: Mapping[str, Metric]) -> Sequence[str]:
    """Metrics of which the record says something else than the given descriptions."""
    if record.protocol is None:
        return []
    return [
        name
        for name, info in record.protocol.metrics.items()
        if name in metrics and not info.agrees(MetricInfo.of(metrics[name]))
    ]
