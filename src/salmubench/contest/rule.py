"""The rule that decides over worlds: from one number a view and world to `passes`, `fails` or `open`.

A candidate passes whose every view lies within its limits by the 90 % interval of its mean over worlds (two one-sided
tests at 5 %; all must hold, so that nothing is corrected). It fails if one view lies beyond a limit by a one-sided
test, by Holm over the views at 2.5 %. Otherwise it is open, and so is what rests on something that nobody had learnt.

Beside the mean of each world's ratio stands the ratio of means over worlds, with one world left out for its error:
where the two answer differently, the view is open. A leakage is skewed; its interval is also made on the scale of
log(L + ε), and the outer end of both counts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from salmubench.contest.rows import paired
from salmubench.core.errors import ConfigError
from salmubench.scoring import intervals, ranking
from salmubench.scoring.contest_record import Decided, Decision, ViewAnswer, ViewOverWorlds
from salmubench.scoring.intervals import Interval
from salmubench.scoring.metric import Floats
from salmubench.scoring.ranking import holm
from salmubench.scoring.record import NOT_LEARNT

FEWEST = 3
"""Worlds below which nothing is decided."""
DECISIVE = 10
"""Worlds from which a contest can decide; with fewer what it says is exploratory."""
PASSING = 0.05
"""Level of each one-sided test of passing: 90 % intervals."""
FAILING = 0.025
"""Level of failing, for all views of a candidate together."""
UNLEARNT = 0.2
"""Share of worlds in which a view may be null; with more of them nothing was learnt that it could measure."""
MOST_WORLDS = 1000
"""A number of worlds that would decide is looked for up to here."""


@dataclass(frozen=True)
class View:
    """One number of a candidate, in each world.

    Attributes:
        low: least that passes; `None`: any. `high` alike.
        values: one a world; `None` where the world has none, as nothing was learnt there.
        tops: what stands above the fraction line of each value.
        epsilon: ε of the log scale, for a leakage.
        needs_learning: whether it measures something only where something was learnt.
    """

    name: str
    low: float | None
    high: float | None
    values: tuple[float | None, ...]
    tops: tuple[float | None, ...]
    bottoms: tuple[float | None, ...]
    epsilon: float | None = None
    needs_learning: bool = True


def decide(
    views: Sequence[View], *, failed: int = 0, leave_out: bool = True
) -> tuple[Decision, tuple[ViewOverWorlds, ...]]:
    """Decide about a candidate, and say what each view says over worlds.

    Args:
        failed: worlds in which it came to nothing: it can't pass then.
        leave_out: whether to decide with each world left out, too.

    Raises:
        ConfigError: fewer than three worlds, or views over different numbers of worlds.

    Examples:
        >>> view = View("D", None, 0.01, (0.001, 0.002, 0.003), (1.0, 2.0, 3.0), (1e3, 1e3, 1e3))
        >>> decide([view])[0].answer
        'passes'
    """
    counts = {len(view.values) for view in views}
    if len(counts) != 1 or min(counts) < FEWEST:
        counted = ", ".join(map(str, sorted(counts))) or "none"
        raise ConfigError(
            f"Expected views over the same {FEWEST} worlds or more, got {counted}. Add evaluation worlds to the plan."
        )
    (count,) = counts
    (decision, judged), without = _decide(views, failed), list[Decided]()
    if leave_out and count > FEWEST:
        without = [_decide([_left_out(view, world) for view in views], failed)[0].answer for world in range(count)]
    return replace(decision, without_one={answer: without.count(answer) for answer in dict.fromkeys(without)}), judged


def _decide(views: Sequence[View], failed: int) -> tuple[Decision, tuple[ViewOverWorlds, ...]]:
    tested = [_judge(view) for view in views]
    adjusted = holm([p for _, p, _ in tested])
    judged = tuple(
        _answered(one, p_holm, p_inside, len(views))
        for (one, _, p_inside), p_holm in zip(tested, adjusted, strict=True)
    )
    beyond = tuple(one.name for one in judged if one.answer == "beyond")
    if beyond:
        return Decision("fails", beyond, None, None, {}), judged
    rest = [one for one in judged if one.answer != "inside"]
    if not rest and not failed:
        return Decision("passes", (), None, max(p for _, _, p in tested if p is not None), {}), judged
    why = [one.name if one.answer == "open" else f"{one.name}: {NOT_LEARNT}" for one in rest]
    if failed:
        why.append(f"failed in {failed} world{'s' if failed > 1 else ''}")
    return Decision("open", tuple(why), None if failed else _needed(rest), None, {}), judged


def _needed(rest: Sequence[ViewOverWorlds]) -> int | None:
    """Worlds that decide: as soon as one of the views beyond its limit fails; else when all others are within."""
    out = [one for one in rest if one.mean is not None and not _within(one.mean, *_limits(one))]
    needed = [one.worlds_needed for one in out or rest]
    finite = [one for one in needed if one is not None]
    if out:
        return min(finite, default=None)
    return max(finite) if finite and len(finite) == len(needed) else None


def _left_out(view: View, world: int) -> View:
    values, tops, bottoms = (each[:world] + each[world + 1 :] for each in (view.values, view.tops, view.bottoms))
    return replace(view, values=values, tops=tops, bottoms=bottoms)


def _judge(view: View) -> tuple[ViewOverWorlds, float | None, float | None]:
    """All that needs no other view; p of lying beyond no limit; the larger p of the two one-sided tests of passing."""
    kept = [place for place, value in enumerate(view.values) if value is not None]
    nothing = ViewOverWorlds(
        view.name, view.low, view.high, len(kept), tuple(view.values), mean=None, sd=None, ci90=None, ci95=None,
        ratio=None, p_holm=None, answer=NOT_LEARNT, worlds_needed=None,
    )  # fmt: skip
    if len(kept) < max(FEWEST - 1, (1 - UNLEARNT) * len(view.values)):
        return nothing, None, None
    values, tops, bottoms = (_floats(several, kept) for several in (view.values, view.tops, view.bottoms))
    learnt = [place for place, bottom in enumerate(view.bottoms) if bottom is not None]
    if view.needs_learning and not is_learnt(_floats(view.bottoms, learnt)):
        return nothing, None, None
    limits = _limits(view)
    mean, error = _mean(values)
    ratio, ratio_error = ratio_of_means(tops, bottoms)
    scales = [(mean, error, *limits), (ratio, ratio_error, *limits)]
    ends = {level: _interval(mean, error, len(kept), level) for level in (PASSING, FAILING)}
    if view.epsilon is not None and (values + view.epsilon > 0).all():
        moved = _mean(np.log(values + view.epsilon))
        scales.append((*moved, _log(limits[0] + view.epsilon), _log(limits[1] + view.epsilon)))
        for level, (low, high) in ends.items():
            other = _interval(*moved, len(kept), level)
            ends[level] = min(low, math.exp(other[0]) - view.epsilon), max(high, math.exp(other[1]) - view.epsilon)
    df, sd = len(kept) - 1, error * math.sqrt(len(kept))
    judged = replace(nothing, mean=mean, sd=sd, ci90=ends[PASSING], ci95=ends[FAILING], ratio=ratio)
    return judged, max(_p_beyond(*scale, df) for scale in scales), max(_p_inside(*scale, df) for scale in scales)


def _answered(one: ViewOverWorlds, p_holm: float | None, p_inside: float | None, views: int) -> ViewOverWorlds:
    if p_holm is None or p_inside is None:
        return one
    answer: ViewAnswer = "inside" if p_inside <= PASSING else "beyond" if p_holm <= FAILING else "open"
    needed = worlds_needed(one, views) if answer == "open" else None
    return replace(one, p_holm=p_holm, answer=answer, worlds_needed=needed)


def worlds_needed(one: ViewOverWorlds, views: int) -> int | None:
    """Worlds after which a view is decided, if its mean and spread stay: within, or beyond by Holm's strictest."""
    assert one.mean is not None
    assert one.sd is not None
    level = PASSING if _within(one.mean, *_limits(one)) else FAILING / views
    far = min(abs(one.mean - end) for end in _limits(one))
    counts = np.arange(max(one.worlds + 1, FEWEST), MOST_WORLDS + 1)
    enough = special.stdtrit(counts - 1, 1 - level) * one.sd / np.sqrt(counts) <= far
    return int(counts[enough.argmax()]) if enough.any() else None


def is_learnt(learnt: Floats) -> bool:
    """Whether what was learnt in each world stands out: the half-width of its 95 % interval is at most half of it."""
    mean, error = _mean(learnt)
    return intervals.is_learnt(mean, _interval(mean, error, len(learnt), FAILING))


def ratio_of_means(tops: Floats, bottoms: Floats) -> tuple[float, float]:
    """Ratio of the means over worlds and its error, from leaving out one world at a time."""
    whole, count = float(tops.sum() / bottoms.sum()), len(tops)
    without = (tops.sum() - tops) / (bottoms.sum() - bottoms)
    return whole, float(np.sqrt((count - 1) / count * ((without - without.mean()) ** 2).sum()))


def tie_groups(numbers: Mapping[str, Mapping[int, float | None]], *, more: bool) -> list[list[str]]:
    """Candidates in order of their mean, in groups of those that can't be told apart from the first of the group.

    Two are told apart whose paired difference over worlds holds at 5 % by Holm over all pairs. Candidates without a
    number are left out.
    """
    present = {name: [value for value in worlds.values() if value is not None] for name, worlds in numbers.items()}
    means = {name: math.fsum(values) / len(values) for name, values in present.items() if values}
    order = sorted(means, key=lambda name: (-means[name] if more else means[name], name))
    pairs = [(first, second) for place, first in enumerate(order) for second in order[place + 1 :]]
    adjusted = holm([paired(numbers[first], numbers[second]).p for first, second in pairs])
    apart = {pair for pair, p in zip(pairs, adjusted, strict=True) if p is not None and p <= 2 * FAILING}
    return ranking.tie_groups(order, lambda first, second: (first, second) in apart)


def _floats(several: Sequence[float | None], kept: Sequence[int]) -> Floats:
    return np.array([several[place] for place in kept], np.float64)


def _mean(values: Floats) -> tuple[float, float]:
    """Mean and its standard error."""
    return float(values.mean()), float(values.std(ddof=1) / math.sqrt(len(values)))


def _interval(mean: float, error: float, count: int, level: float) -> Interval:
    reach = float(special.stdtrit(count - 1, 1 - level)) * error
    return mean - reach, mean + reach


def _limits(view: View | ViewOverWorlds) -> tuple[float, float]:
    return -math.inf if view.low is None else view.low, math.inf if view.high is None else view.high


def _log(limit: float) -> float:
    return math.log(limit) if limit > 0 else -math.inf


def _p_beyond(mean: float, error: float, low: float, high: float, df: int) -> float:
    """One-sided p of a mean that lies beyond neither limit."""
    return min(_tail(low - mean, error, df), _tail(mean - high, error, df))


def _p_inside(mean: float, error: float, low: float, high: float, df: int) -> float:
    """The larger one-sided p of a mean that lies beyond the one limit or the other."""
    return max(0.0 if far == error == 0 else _tail(far, error, df) for far in (mean - low, high - mean))


def _tail(far: float, error: float, df: int) -> float:
    """P(T ≥ far / error)."""
    return float(special.stdtr(df, -far / error)) if error else float(far <= 0)


def _within(mean: float, low: float, high: float) -> bool:
    return low <= mean <= high
