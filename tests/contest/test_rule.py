"""The rule against a slow version written here, on hand-made worlds, and its rates by simulation."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from salmubench.contest.deciding import FACT, FACT_ROLES
from salmubench.contest.rule import View, decide, is_learnt, ratio_of_means, tie_groups, worlds_needed
from salmubench.core.errors import ConfigError
from salmubench.metrics import descriptions

TEN = [-1.2, 0.4, 0.3, -0.5, 1.1, 0.8, -0.9, 0.2, -0.4, 0.2]
"""Ten numbers of mean 0."""


def view(
    name: str,
    values: Sequence[float | None],
    low: float | None = None,
    high: float | None = None,
    learnt: Sequence[float] | None = None,
    epsilon: float | None = None,
) -> View:
    """A view of ratios over these bottoms, 1 in each world if none are given."""
    bottoms = [1.0] * len(values) if learnt is None else list(learnt)
    tops = [None if value is None else value * bottom for value, bottom in zip(values, bottoms, strict=True)]
    return View(name, low, high, tuple(values), tuple(tops), tuple(bottoms), epsilon)


def around(mean: float, spread: float = 0.001, count: int = 10) -> list[float]:
    return [mean + spread * one for one in TEN[:count]]


def slow(views: Sequence[View]) -> str:
    """The rule again: intervals and tests by scipy, in loops, Holm by its steps."""
    p_values, all_inside, learnt = [], True, True
    for one in views:
        kept = [w for w, value in enumerate(one.values) if value is not None]
        bottoms = [one.bottoms[w] for w in kept]
        if len(kept) < 0.8 * len(one.values):
            learnt = False
            continue
        known = [bottom for bottom in one.bottoms if bottom is not None]
        base = stats.ttest_1samp(known, 0.0).confidence_interval(0.95) if len(set(known)) > 1 else None
        if base is not None and (base.high - base.low) / 2 > np.mean(known) / 2:
            learnt = False
            continue
        scales = [([float(one.values[w] or 0.0) for w in kept], one.low, one.high)]
        pseudo = []
        whole = sum(one.tops[w] for w in kept) / sum(bottoms)  # type: ignore[misc,arg-type]
        for left in kept:
            others = [w for w in kept if w != left]
            pseudo.append(sum(one.tops[w] for w in others) / sum(one.bottoms[w] for w in others))  # type: ignore[misc]
        error = math.sqrt((len(kept) - 1) / len(kept) * sum((one - np.mean(pseudo)) ** 2 for one in pseudo))
        tests = [(whole, error, one.low, one.high)]
        if one.epsilon is not None and all(value + one.epsilon > 0 for value in scales[0][0]):
            low = None if one.low is None or one.low + one.epsilon <= 0 else math.log(one.low + one.epsilon)
            high = None if one.high is None else math.log(one.high + one.epsilon)
            scales.append(([math.log(value + one.epsilon) for value in scales[0][0]], low, high))
        for numbers, low, high in scales:
            tests.append((float(np.mean(numbers)), float(stats.sem(numbers)), low, high))
        beyond, inside = [], True
        for mean, error, low, high in tests:
            t = stats.t(len(kept) - 1, mean, error)
            beyond.append(
                min(
                    1.0 if low is None else 1 - t.cdf(low),
                    1.0 if high is None else t.cdf(high),
                )
            )
            inside &= (low is None or t.ppf(0.05) >= low) and (high is None or t.ppf(0.95) <= high)
        p_values.append(max(beyond))
        all_inside &= inside
    if p_values and min(p_values) * len(p_values) <= 0.025:
        return "fails"
    return "passes" if all_inside and learnt else "open"


INSIDE = (
    view("L", around(0.003), high=0.01),
    view("K", around(0.97, 0.02), low=0.9),
    view("F", around(0.0), -0.1, 0.1),
)
LEARNT = [0.4, 0.5, 0.45, 0.5, 0.4, 0.42, 0.47, 0.44, 0.5, 0.41]
HAND_MADE: dict[str, tuple[tuple[View, ...], str]] = {
    "all inside": (INSIDE, "passes"),
    "one at its limit": ((*INSIDE[:2], view("F", around(0.1), -0.1, 0.1)), "open"),
    "one beyond": ((view("L", around(0.02), high=0.01), *INSIDE[1:]), "fails"),
    "two-sided, far below": ((*INSIDE[:2], view("F", around(-0.3), -0.1, 0.1)), "fails"),
    "one-sided, far below": ((view("L", around(-0.3), high=0.01), *INSIDE[1:]), "passes"),
    "null in two of ten": ((view("L", [*around(0.003)[:8], None, None], high=0.01), *INSIDE[1:]), "passes"),
    "null in three of ten": ((view("L", [*around(0.003)[:7], None, None, None], high=0.01), *INSIDE[1:]), "open"),
    "nothing learnt over worlds": (
        (view("F", around(0.0), -0.1, 0.1, learnt=[*[0.01, 0.2, -0.15, 0.3, 0.02] * 2]), *INSIDE[:2]), "open"
    ),
    "not learnt, but another beyond": (
        (view("F", [None] * 10, -0.1, 0.1), view("L", around(0.02), high=0.01)), "fails"
    ),
    "skewed leakage": (
        (view("L", [0.0, 0.0, 0.0, 0.001, 0.0, 0.028, 0.0, 0.0, 0.0, 0.0], high=0.01, epsilon=0.01),), "passes"
    ),
    "ratio of means differs": (
        (view("F", [0.0, 0.3, 0.1, *[0.05] * 7], -0.15, 0.15, learnt=[0.1, 2.0, *[0.1] * 8]), INSIDE[0]), "open"
    ),
    "different bottoms": ((view("K", around(0.95, 0.02), 0.9, learnt=LEARNT),), "passes"),
}  # fmt: skip


@pytest.mark.parametrize("case", HAND_MADE)
def test_hand_made_worlds(case: str) -> None:
    views, answer = HAND_MADE[case]
    assert slow(views) == answer
    assert decide(views)[0].answer == answer


@pytest.mark.stage
def test_as_the_slow_version_on_random_worlds() -> None:
    rng, seen = np.random.default_rng(5), set()
    for _ in range(300):
        count = int(rng.integers(3, 13))
        views = []
        for place in range(int(rng.integers(1, 5))):
            values = [
                None if rng.random() < 0.05 else float(value)
                for value in rng.normal(rng.choice([0.0, 0.06, 0.1, 0.2]), rng.choice([0.01, 0.05]), count)
            ]
            learnt = rng.normal(0.3, rng.choice([0.02, 0.1, 0.4]), count).tolist()
            epsilon = 0.1 if rng.random() < 0.5 else None
            views.append(view(f"v{place}", values, None if rng.random() < 0.5 else -0.1, 0.1, learnt, epsilon))
        if all(sum(value is not None for value in one.values) > 2 for one in views):
            found = decide(views)[0].answer
            assert found == slow(views)
            seen.add(found)
    assert seen == {"passes", "fails", "open"}


def test_it_says_which_views_are_open_and_how_many_worlds_would_decide() -> None:
    wide = view("F", around(0.07, 0.08), -0.1, 0.1)
    found, judged = decide((*INSIDE[:2], wide))
    assert {one.name: one.answer for one in judged} == {"L": "inside", "K": "inside", "F": "open"}
    assert (found.answer, found.why) == ("open", ("F",))
    sd = np.std(wide.values, ddof=1)  # type: ignore[arg-type]
    by_hand = next(w for w in itertools.count(11) if stats.t.ppf(0.95, w - 1) * sd / math.sqrt(w) <= 0.03)
    assert found.worlds_needed == by_hand > 10
    beyond, _ = decide((*INSIDE[:2], view("F", around(0.12, 0.08), -0.1, 0.1)))
    by_hand = next(w for w in itertools.count(11) if stats.t.ppf(1 - 0.025 / 3, w - 1) * sd / math.sqrt(w) <= 0.02)
    assert beyond.worlds_needed == by_hand, "as many as show that it fails, by Holm's strictest step"
    at = replace(judged[2], mean=0.1)
    assert worlds_needed(at, 3) is None, "at its limit no number of worlds decides"


def test_holm_over_views_by_hand() -> None:
    def shifted(p: float) -> View:
        """A view whose test of lying beyond gives this p."""
        t = stats.t.isf(p, 9)
        return view("v", [0.1 + (one - np.mean(TEN)) + t * stats.sem(TEN) for one in TEN], high=0.1)

    assert named_answers([0.012, 0.012]) == ["beyond", "beyond"]
    assert named_answers([0.013, 0.02]) == ["open", "open"], ".013 × 2 lies above .025"
    assert named_answers([0.008, 0.012, 0.024]) == ["beyond", "beyond", "beyond"], ".024, .024, .024"
    assert named_answers([0.008, 0.013, 0.001]) == ["beyond", "beyond", "beyond"], ".003, .016, .016"
    assert named_answers([0.001, 0.02, 0.02]) == ["beyond", "open", "open"]
    assert decide([shifted(0.02)])[1][0].p_holm == pytest.approx(0.02)


def named_answers(wanted: Sequence[float]) -> list[str]:
    views = []
    for p in wanted:
        t = stats.t.isf(p, 9)
        views.append(view("v", [0.1 + (one - np.mean(TEN)) + t * stats.sem(TEN) for one in TEN], high=0.1))
    return [one.answer for one in decide(views)[1]]


def test_with_one_world_left_out() -> None:
    outlier = [*around(0.003, 0.001)[:9], 0.02]
    found, _ = decide((view("L", outlier, high=0.01), *INSIDE[1:]))
    assert found.without_one == {"passes": 10}
    near, _ = decide((view("L", [0.0, 0.0, 0.0, 0.016], high=0.01),))
    assert near.answer == "open"
    assert near.without_one == {"open": 3, "passes": 1}
    assert decide((view("L", [0.0, 0.0, 0.0], high=0.01),))[0].without_one == {}


def test_a_candidate_that_came_to_nothing_in_a_world_does_not_pass() -> None:
    found, _ = decide(INSIDE, failed=1)
    assert (found.answer, found.why, found.worlds_needed) == ("open", ("failed in 1 world",), None)


def test_few_worlds_are_refused() -> None:
    with pytest.raises(ConfigError, match="the same 3 worlds or more, got 2"):
        decide([view("L", [0.0, 0.0], high=0.01)])
    with pytest.raises(ConfigError, match="got 3, 4"):
        decide([view("L", [0.0] * 3, high=0.01), view("K", [1.0] * 4, low=0.9)])
    assert decide([view("L", [0.0] * 3, high=0.01)])[0].answer == "passes"


def test_what_is_learnt() -> None:
    assert is_learnt(np.array([1.0, 1.0, 1.0]))
    assert not is_learnt(np.array([0.0, 0.0, 0.0]))
    assert not is_learnt(np.array([-1.0, -1.0, -1.0]))
    numbers = np.array(TEN) * 0.1
    reach = stats.t.ppf(0.975, 9) * stats.sem(numbers)
    assert is_learnt(numbers - numbers.mean() + 2.01 * reach)
    assert not is_learnt(numbers - numbers.mean() + 1.99 * reach)


def test_the_ratio_of_means_by_hand() -> None:
    whole, error = ratio_of_means(np.array([1.0, 2.0, 6.0]), np.array([2.0, 4.0, 4.0]))
    without = np.array([8 / 8, 7 / 6, 3 / 6])
    assert whole == 0.9
    assert error == pytest.approx(math.sqrt(2 / 3 * ((without - without.mean()) ** 2).sum()))


def test_limits_of_facts_let_exact_unlearning_pass_ten_worlds() -> None:
    """As far as eight worlds of development tell, of both kinds of people."""
    path = Path(__file__).parents[2] / "results" / "gold_standard" / "worlds.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    assert len(content["worlds"]) >= 8
    roles = {name: metric.role for name, metric in descriptions().items()}
    for name, found in content["over_worlds"].items():
        role = roles[name.split()[0]]
        assert found["limit"] <= FACT_ROLES.get(role, FACT), name


def test_tie_groups() -> None:
    def worlds(mean: float) -> dict[int, float | None]:
        return dict(enumerate(around(mean, 0.01)))

    near: dict[int, float | None] = {
        world: (value or 0) + 0.02 * one for (world, value), one in zip(worlds(0.9).items(), TEN[::-1], strict=True)
    }
    numbers: dict[str, dict[int, float | None]] = {
        "low": worlds(0.5),
        "best": worlds(0.901),
        "near": near,
        "none": {0: None},
    }
    assert tie_groups(numbers, more=True) == [["best", "near"], ["low"]]
    assert tie_groups(numbers, more=False) == [["low"], ["near", "best"]]
    assert tie_groups({}, more=True) == []


def drawn(rng: np.random.Generator, means: Sequence[float]) -> list[View]:
    limits = [(None, 0.01, 0.0017), (-0.05, 0.05, 0.016), (-0.1, 0.1, 0.038), (-0.15, 0.15, 0.062), (0.9, None, 0.03)]
    return [
        view(str(place), rng.normal(mean, sd, 10).tolist(), low, high)
        for place, ((low, high, sd), mean) in enumerate(zip(limits, means, strict=True))
    ]


@pytest.mark.stage
def test_rates_by_simulation() -> None:
    rng, exact = np.random.default_rng(7), (0.004, 0.004, 0.014, 0.0, 0.98)
    answers = [decide(drawn(rng, exact), leave_out=False)[0].answer for _ in range(300)]
    assert answers.count("passes") >= 0.97 * 300
    assert "fails" not in answers
    at_limit = [decide(drawn(rng, (0.01, *exact[1:])), leave_out=False)[0].answer for _ in range(600)]
    assert at_limit.count("passes") <= (0.05 + 3 * math.sqrt(0.05 * 0.95 / 600)) * 600, "5 % at a limit"
    assert at_limit.count("fails") <= (0.025 + 3 * math.sqrt(0.025 * 0.975 / 600)) * 600
    beyond = [decide(drawn(rng, (*exact[:4], 0.85)), leave_out=False)[0].answer for _ in range(300)]
    assert beyond.count("fails") >= 0.95 * 300
    assert "passes" not in beyond
