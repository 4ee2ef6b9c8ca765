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
import numpy.typing as npt
from scipy import special

from salmubench.contest.statistics import paired
from salmubench.core.errors import ConfigError
from salmubench.scoring import intervals, ranking
from salmubench.scoring.contest_record import Decided, ViewAnswer
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

Floats = npt.NDArray[np.float64]
Ends = tuple[float, float]


@dataclass(frozen=True)
class View:
    """One number of a candidate, in each world.

    Attributes:
        low: least that passes; `None`: any.
        high: most that passes; `None`: any.
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


@dataclass(frozen=True)
class Judged:
    """What a view says over worlds.

    Attributes:
        ci95: the same of 95 %.
        p_holm: the same after Holm's correction over the candidate's views.
        p_inside: the larger p of the two one-sided tests of passing.
        answer: within its limits, beyond one, or neither.
        worlds_needed: worlds in all that would decide it at this mean and spread; `None` where it is decided, or more
            than a thousand.
    """

    name: str
    low: float | None
    high: float | None
    worlds: int
    mean: float | None = None
    sd: float | None = None
    ci90: Ends | None = None
    ci95: Ends | None = None
    ratio: float | None = None
    p: float | None = None
    p_holm: float | None = None
    p_inside: float | None = None
    answer: ViewAnswer = NOT_LEARNT
    worlds_needed: int | None = None


@dataclass(frozen=True)
class Decision:
    """What is decided about a candidate.

    Attributes:
        why: the views that fail, or are open or not learnt; none of what passes.
        worlds_needed: worlds in all that would decide, at these means and spreads; `None` where it is decided, or
            nothing can tell.
        p: of passing: the largest of its views.
        without_one: answer → how often it is given with one world left out; empty with fewer than four worlds.
    """

    decided: Decided
    why: tuple[str, ...]
    worlds_needed: int | None
    p: float | None
    without_one: Mapping[Decided, int]
    views: tuple[Judged, ...]


def decide(views: Sequence[View], *, failed: int = 0, leave_out: bool = True) -> Decision:
    """Decide about a candidate.

    Args:
        failed: worlds in which it came to nothing: it can't pass then.
        leave_out: whether to decide with each world left out, too.

    Raises:
        ConfigError: fewer than three worlds, or views over different numbers of worlds.

    Examples:
        >>> view = View("D", None, 0.01, (0.001, 0.002, 0.003), (1.0, 2.0, 3.0), (1e3, 1e3, 1e3))
        >>> decide([view]).decided
        'passes'
    """
    counts = {len(view.values) for view in views}
    if len(counts) != 1 or min(counts) < FEWEST:
        counted = ", ".join(map(str, sorted(counts))) or "none"
        raise ConfigError(
            f"Expected views over the same {FEWEST} worlds or more, got {counted}. Add evaluation worlds to the plan."
        )
    (count,) = counts
    whole, without = _decide(views, failed), list[Decided]()
    if leave_out and count > FEWEST:
        without = [_decide([_left_out(view, world) for view in views], failed).decided for world in range(count)]
    return replace(whole, without_one={answer: without.count(answer) for answer in dict.fromkeys(without)})


def _decide(views: Sequence[View], failed: int) -> Decision:
    views_judged = [_judge(view) for view in views]
    views_judged = [
        replace(one, p_holm=p) for one, p in zip(views_judged, holm([one.p for one in views_judged]), strict=True)
    ]
    judged = [_answered(one, len(views)) for one in views_judged]
    beyond = [one.name for one in judged if one.answer == "beyond"]
    if beyond:
        return Decision("fails", tuple(beyond), None, None, {}, tuple(judged))
    rest = [one for one in judged if one.answer != "inside"]
    p = max((one.p_inside for one in judged if one.p_inside is not None), default=None)
    if not rest and not failed:
        return Decision("passes", (), None, p, {}, tuple(judged))
    why = [one.name if one.answer == "open" else f"{one.name}: {NOT_LEARNT}" for one in rest]
    if failed:
        why.append(f"failed in {failed} world{'s' if failed > 1 else ''}")
    return Decision("open", tuple(why), None if failed else _needed(rest), p, {}, tuple(judged))


def _needed(rest: Sequence[Judged]) -> int | None:
    """Worlds that decide: as soon as one of the views beyond its limit fails; else when all others are within."""
    out = [one for one in rest if one.mean is not None and not _within(one.mean, one.low, one.high)]
    needed = [one.worlds_needed for one in out or rest]
    if out:
        return min((one for one in needed if one is not None), default=None)
    finite = [one for one in needed if one is not None]
    return max(finite) if finite and len(finite) == len(needed) else None


def _left_out(view: View, world: int) -> View:
    sides = (several[:world] + several[world + 1 :] for several in (view.values, view.tops, view.bottoms))
    values, tops, bottoms = sides
    return replace(view, values=values, tops=tops, bottoms=bottoms)


def _judge(view: View) -> Judged:
    """Everything but the answer, which needs the other views."""
    kept = [place for place, value in enumerate(view.values) if value is not None]
    nothing = Judged(view.name, view.low, view.high, len(kept))
    if len(kept) < max(FEWEST - 1, (1 - UNLEARNT) * len(view.values)):
        return nothing
    values, tops, bottoms = (_floats(several, kept) for several in (view.values, view.tops, view.bottoms))
    learnt = [place for place, bottom in enumerate(view.bottoms) if bottom is not None]
    if view.needs_learning and not is_learnt(_floats(view.bottoms, learnt)):
        return nothing
    mean, error = _mean(values)
    ratio, ratio_error = ratio_of_means(tops, bottoms)
    scales = [(mean, error, view.low, view.high), (ratio, ratio_error, view.low, view.high)]
    ends = {level: _interval(mean, error, len(kept), level) for level in (PASSING, FAILING)}
    logs = _logs(view, values)
    if logs is not None and view.epsilon is not None:
        moved = (*_mean(logs), _log(view.low, view.epsilon), _log(view.high, view.epsilon))
        scales.append(moved)
        for level, (low, high) in ends.items():
            other = _interval(moved[0], moved[1], len(kept), level)
            ends[level] = min(low, math.exp(other[0]) - view.epsilon), max(high, math.exp(other[1]) - view.epsilon)
    df = len(kept) - 1
    return replace(
        nothing,
        mean=mean,
        sd=error * math.sqrt(len(kept)),
        ci90=ends[PASSING],
        ci95=ends[FAILING],
        ratio=ratio,
        p=max(_p_beyond(*scale, df) for scale in scales),
        p_inside=max(_p_inside(*scale, df) for scale in scales),
    )


def _answered(one: Judged, views: int) -> Judged:
    if one.p is None or one.p_inside is None or one.p_holm is None:
        return one
    if one.p_inside <= PASSING:
        return replace(one, answer="inside")
    if one.p_holm <= FAILING:
        return replace(one, answer="beyond")
    return replace(one, answer="open", worlds_needed=worlds_needed(one, views))


def worlds_needed(one: Judged, views: int) -> int | None:
    """Worlds after which a view is decided, if its mean and spread stay: within, or beyond by Holm's strictest."""
    assert one.mean is not None
    assert one.sd is not None
    within = _within(one.mean, one.low, one.high)
    level = PASSING if within else FAILING / views
    far = min(abs(one.mean - end) for end in (one.low, one.high) if end is not None)
    counts = np.arange(max(one.worlds + 1, FEWEST), MOST_WORLDS + 1)
    enough = special.stdtrit(counts - 1, 1 - level) * one.sd / np.sqrt(counts) <= far
    return int(counts[enough.argmax()]) if enough.any() else None


def is_learnt(learnt: Floats) -> bool:
    """Whether what was learnt stands out over worlds: the half-width of its 95 % interval is at most half of it.

    Args:
        learnt: one number a world, e.g. what Compromised knows more than Retrained.
    """
    mean, error = _mean(learnt)
    return intervals.is_learnt(mean, _interval(mean, error, len(learnt), FAILING))


def ratio_of_means(tops: Floats, bottoms: Floats) -> tuple[float, float]:
    """Ratio of the means over worlds and its error, from leaving out one world at a time."""
    whole, count = float(tops.sum() / bottoms.sum()), len(tops)
    without = (tops.sum() - tops) / (bottoms.sum() - bottoms)
    return whole, float(np.sqrt((count - 1) / count * ((without - without.mean()) ** 2).sum()))


def tie_groups(numbers: Mapping[str, Mapping[int, float | None]], *, more: bool) -> list[list[str]]:
    """Candidates in order of their mean, in groups of those that can't be told apart from the first of the group.

    Two are told apart whose paired difference over worlds holds at 5 % by Holm over all pairs.

    Args:
        numbers: candidate → world → number; candidates without any are left out.
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


def _interval(mean: float, error: float, count: int, level: float) -> Ends:
    reach = float(special.stdtrit(count - 1, 1 - level)) * error
    return mean - reach, mean + reach


def _logs(view: View, values: Floats) -> Floats | None:
    """The values on the log scale; `None` where it isn't asked for, or a value lies below −ε."""
    if view.epsilon is None or not (values + view.epsilon > 0).all():
        return None
    logs: Floats = np.log(values + view.epsilon)
    return logs


def _log(limit: float | None, epsilon: float) -> float | None:
    """A limit on that scale; `None` where it lies below all that the scale has."""
    return None if limit is None or limit + epsilon <= 0 else math.log(limit + epsilon)


def _p_beyond(mean: float, error: float, low: float | None, high: float | None, df: int) -> float:
    """One-sided p of a mean that lies beyond neither limit."""
    out = [*(() if low is None else (low - mean,)), *(() if high is None else (mean - high,))]
    return min((_tail(far, error, df) for far in out), default=1.0)


def _p_inside(mean: float, error: float, low: float | None, high: float | None, df: int) -> float:
    """The larger one-sided p of a mean that lies beyond the one limit or the other."""
    inwards = [*(() if low is None else (mean - low,)), *(() if high is None else (high - mean,))]
    return max((0.0 if far == error == 0 else _tail(far, error, df) for far in inwards), default=0.0)


def _tail(far: float, error: float, df: int) -> float:
    """P(T ≥ far / error)."""
    return float(special.stdtr(df, -far / error)) if error else float(far <= 0)


def _within(mean: float, low: float | None, high: float | None) -> bool:
    return (low is None or mean >= low) and (high is None or mean <= high)
