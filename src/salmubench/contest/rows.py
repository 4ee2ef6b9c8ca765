"""What follows from one record, or from the numbers of all worlds: outcomes, modes, numbers, paired differences.

A world is drawn anew with its dataset, its references and their pretraining; it is the unit here, and people within a
world are not counted. Intervals have 95 % and W − 1 degrees of freedom.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from salmubench.scoring.bootstrap import LEVEL
from salmubench.scoring.contest_record import (
    NUMBERS,
    InWorld,
    Number,
    Outcome,
    OverWorlds,
    PairedDifference,
    Row,
    ViewOverWorlds,
)
from salmubench.scoring.failure_modes import MODES
from salmubench.scoring.intervals import Interval
from salmubench.scoring.ranking import holm
from salmubench.scoring.record import NOT_LEARNT, Answer, RunRecord
from salmubench.scoring.roles import Held, facts_kept, spared, with_role
from salmubench.scoring.verdict import applying, worst

T = TypeVar("T", bound=str)

_OUTCOMES: Mapping[Answer, Outcome] = {"yes": "fails", "undecided": "undecided", "no": "passes"}


@dataclass(frozen=True)
class Estimate:
    """A mean over worlds, its t interval, and two-sided p of a mean of 0; `None` with too few worlds."""

    mean: float | None
    ci95: Interval | None
    p: float | None
    worlds: int


def over_worlds(values: Sequence[float | None]) -> Estimate:
    """Mean of a number over worlds; worlds without it are left out.

    Examples:
        >>> over_worlds([0.1, None, 0.3]).worlds
        2
        >>> over_worlds([0.25]).ci95 is None
        True
    """
    from scipy import special

    present = [value for value in values if value is not None]
    count = len(present)
    if not count:
        return Estimate(None, None, None, 0)
    mean = math.fsum(present) / count
    if count < 2:
        return Estimate(mean, None, None, count)
    error = math.sqrt(math.fsum((value - mean) ** 2 for value in present) / (count - 1) / count)
    reach = float(special.stdtrit(count - 1, (1 + LEVEL) / 2)) * error
    alike = 0.0 if mean else 1.0  # p of a number that is the same in every world
    p = 2 * float(special.stdtr(count - 1, -abs(mean) / error)) if error else alike
    return Estimate(mean, (mean - reach, mean + reach), p, count)


def paired(first: Mapping[int, float | None], second: Mapping[int, float | None]) -> Estimate:
    """Mean of first − second over the worlds that have both.

    Examples:
        >>> paired({1: 0.5, 2: 0.7}, {1: 0.25, 3: 0.1}).mean
        0.25
    """
    both = [(value, second.get(world)) for world, value in first.items()]
    return over_worlds([value - other for value, other in both if value is not None and other is not None])


def numbers_of(record: RunRecord) -> dict[Number, float | None]:
    """The numbers of a row, from one record; `None` where it has none."""
    return {
        **{number: _smallest(_held(record, number)) for number in NUMBERS},
        "recovered": _recovered(record),
        "processor_seconds": record.cost.processor_seconds,
    }


def judged(record: RunRecord) -> dict[str, Answer]:
    """The failure modes that a record answers; of Retrained not those that compare with Compromised."""
    return applying(record) if record.status == "complete" else {}


def outcome_of(record: RunRecord) -> Outcome:
    """What became of a candidate."""
    return outcome_by(judged(record)) if record.status == "complete" else "failed"


def outcome_by(modes: Mapping[str, Answer]) -> Outcome:
    """What follows from failure modes and their answers."""
    return _OUTCOMES[worst(modes.values())]


def over(worlds: Mapping[str, InWorld], unlearnt: Collection[Number]) -> dict[str, Any]:
    """What follows for a row from what it is in each world; numbers of which nothing was learnt over them say so."""
    estimates = {number: over_worlds([one.numbers[number] for one in worlds.values()]) for number in NUMBERS}
    return {
        "outcomes": _counted([one.outcome for one in worlds.values()]),
        "modes": {
            mode.name: _counted([one.modes[mode.name] for one in worlds.values() if mode.name in one.modes])
            for mode in MODES
        },
        "numbers": {
            number: OverWorlds(one.mean, one.ci95, one.worlds, NOT_LEARNT if number in unlearnt else None)
            for number, one in estimates.items()
        },
    }


def differences(pairs: Sequence[tuple[str, Row, Row, Number]]) -> list[PairedDifference]:
    """Paired differences of league, two rows and a number each, corrected over all of them."""

    def numbers(row: Row, number: Number) -> dict[int, float | None]:
        return {int(seed): one.numbers[number] for seed, one in row.worlds.items()}

    estimates = [paired(numbers(first, number), numbers(second, number)) for _, first, second, number in pairs]
    adjusted = holm([estimate.p for estimate in estimates])
    return [
        PairedDifference(
            league, first.name, second.name, number, estimate.mean, estimate.ci95, estimate.p, p_holm, estimate.worlds
        )
        for (league, first, second, number), estimate, p_holm in zip(pairs, estimates, adjusted, strict=True)
    ]


def _counted(names: Sequence[T]) -> dict[T, int]:
    return {name: names.count(name) for name in dict.fromkeys(names)}


def is_unlearnt(number: Number, records: Sequence[RunRecord], views: Sequence[ViewOverWorlds]) -> bool:
    """Whether a view that a number is, or all views of the groups that it is taken over, were not learnt."""
    held = [one for record in records if record.status == "complete" for one in _held(record, number)]
    of_number = [view for view in views if view.name in {f"{one.metric} {one.part}" for one in held}]
    of_groups = [view for view in views if view.name.split(" ")[0] in {one.metric for one in held}]
    if of_number:
        return any(view.answer == NOT_LEARNT for view in of_number)
    return bool(of_groups) and all(view.answer == NOT_LEARNT for view in of_groups)


def _held(record: RunRecord, number: Number) -> Sequence[Held]:
    """The numbers of a record that a number of a row is the smallest of, or the only one."""
    if number == "facts_kept":
        return facts_kept(record)
    if number == "kept":
        return [held for held in spared(record) if held not in facts_kept(record)]
    if number == "recovered" or number == "processor_seconds":
        return ()
    return with_role(record, number)[:1]


def _smallest(several: Sequence[Held]) -> float | None:
    """The smallest; `None` where one is missing: the others alone would look too well."""
    values = [held.score.normalised.value for held in several]
    present = [value for value in values if value is not None]
    return min(present) if present and len(present) == len(values) else None


def _recovered(record: RunRecord) -> float | None:
    if record.attacks is None or record.attacks.strongest is None:
        return None
    recovery = record.attacks.scores[record.attacks.strongest].main
    return None if recovery is None else recovery.value
