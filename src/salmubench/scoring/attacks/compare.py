"""What attacks bring back of two models, pair by pair: differences of recovery with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from salmubench.scoring.attacks.record import AttackScore, Recovery
from salmubench.scoring.attacks.recovery import Fitted, fitted
from salmubench.scoring.attacks.table import KEYS, REFERENCES, SUFFIX, read_rows
from salmubench.scoring.bootstrap import find_units, leaf_sums, resampled_sums
from salmubench.scoring.difference import Difference, answered
from salmubench.scoring.intervals import Ratio, intervals
from salmubench.scoring.metric import Floats
from salmubench.scoring.record import RunRecord

_GROUPS = {"": "identity", "_association": "association", "_all": None}


def compare_attacks(
    first: Path, second: Path, records: tuple[RunRecord, RunRecord], *, bootstraps: int, seed: int
) -> dict[str, Mapping[str, Difference]]:
    """Attack → number → difference of what comes back; empty where one of the two wasn't attacked.

    The better model is the one whose recovery is nearer to 0. Both must have gone through the same attack between the
    same references; else there is a reason and no difference.

    Raises:
        RecordError: rows of attacks are missing or damaged.
    """
    sections = records[0].attacks, records[1].attacks
    if sections[0] is None or sections[1] is None:
        return {}
    shared = [name for name in sections[0].scores if name in sections[1].scores]
    if not shared:
        return {}
    tables = [read_rows(path.with_name(path.stem + SUFFIX)) for path in (first, second)]
    same = sections[0].references == sections[1].references and sections[0].seeds == sections[1].seeds
    differences: dict[str, Mapping[str, Difference]] = {}
    for name in shared:
        scores = sections[0].scores[name], sections[1].scores[name]
        rows = [table.filter(pc.equal(table.column("attack"), name)).combine_chunks() for table in tables]
        reason = _why_not(scores, rows, same=same)
        parts = scores[0].numbers.keys() & scores[1].numbers.keys() if reason is None else [scores[0].info.headline]
        differences[name] = {
            part: _no_difference(scores, part, reason)
            if reason is not None
            else _difference(scores, part, rows, bootstraps, seed)
            for part in sorted(parts)
        }
    return differences


def _why_not(scores: tuple[AttackScore, AttackScore], rows: list[pa.Table], *, same: bool) -> str | None:
    """Why two attacks of one name can't be compared; `None` where they can."""
    for score in scores:
        if score.reason is not None:
            return score.reason
    if not same:
        return "attacked with other seeds or between other references"
    if (scores[0].info.sha256, scores[0].info.config) != (scores[1].info.sha256, scores[1].info.config):
        return "attacked with another version of the attack or other options"
    equal = rows[0].num_rows == rows[1].num_rows and all(
        rows[0].column(name).equals(rows[1].column(name)) for name in (*KEYS, *REFERENCES)
    )
    return None if equal else "judged on other pairs, or by other numbers of the references"


def _no_difference(scores: tuple[AttackScore, AttackScore], part: str, reason: str | None) -> Difference:
    values = [number.value if (number := score.numbers.get(part)) is not None else None for score in scores]
    return Difference(values[0], values[1], None, None, 0, reason)


def _difference(
    scores: tuple[AttackScore, AttackScore], part: str, rows: list[pa.Table], bootstraps: int, seed: int
) -> Difference:
    numbers: list[Recovery] = [score.numbers[part] for score in scores]
    reason = next((one.reason for one in numbers if one.value is None), None)
    suffix = next((suffix for suffix in ("_association", "_all") if part.endswith(suffix)), "")
    fits: list[Fitted] = []
    for score, table in zip(scores, rows, strict=True):
        fit = fitted(table, score.info, part.removesuffix(suffix), _GROUPS[suffix])
        if fit is not None:
            fits.append(fit)
    if reason is not None or len(fits) < 2:
        return _no_difference(scores, part, reason or "too few people")
    columns = np.concatenate([fit.columns[:, :2] for fit in fits], axis=1)  # (n, 4): tops and bottoms
    units = find_units(fits[0].identity)
    leaves = leaf_sums(columns, units)
    sums = resampled_sums(leaves[None], units, bootstraps=bootstraps, seed=seed)
    with np.errstate(divide="ignore", invalid="ignore"):
        samples = np.stack([sums[:, 0] / sums[:, 1], sums[:, 2] / sums[:, 3]], axis=1)  # (b, 2)
    samples = samples[np.isfinite(samples).all(axis=1)]
    values = [float(one.value or 0.0) for one in numbers]
    (interval,) = intervals([_linear(leaves)], units, bootstraps=bootstraps, seed=seed)
    row = Difference(values[0], values[1], values[0] - values[1], interval, len(columns), None)
    return answered(row, np.abs(samples[:, 0]) - np.abs(samples[:, 1]))


def _linear(leaves: Floats) -> Ratio:
    """The difference of two ratios of sums as a mean over leaves: what each adds to it, to first order.

    Args:
        leaves: (n, 4 or more) top and bottom of the first ratio, then of the second.
    """
    totals = leaves.sum(axis=0)
    first, second = totals[0] / totals[1], totals[2] / totals[3]
    moved = (leaves[:, 0] - first * leaves[:, 1]) / totals[1] - (leaves[:, 2] - second * leaves[:, 3]) / totals[3]
    return Ratio(len(leaves) * moved + first - second, np.ones(len(leaves)))
