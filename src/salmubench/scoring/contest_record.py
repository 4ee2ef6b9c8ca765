"""What `contest.json` says, as types that check themselves (see `scoring.record`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from salmubench.core import reading
from salmubench.core.errors import RecordError
from salmubench.scoring.origin import STRICT, Hash, Interval, Name, Provenance, Real, Text, Whole
from salmubench.scoring.record import Answer, Thresholds

SCHEMA_VERSION = 2
"""Version of the layout of `contest.json`; 1 counted the worlds in which a candidate passed."""

Number = Literal["leakage", "fact", "fact_paraphrase", "drop", "kept", "facts_kept", "recovered", "processor_seconds"]
"""What a row says, by the roles of the metrics: leakage left L, that of the fact and of the paraphrased fact, utility
drop D, the smaller K of similarities and of facts, the strongest attack's R, cost."""
NUMBERS: tuple[Number, ...] = get_args(Number)
Track = Literal["closed", "generator"]
Outcome = Literal["passes", "fails", "undecided", "failed"]
"""What became of a candidate in a world: `failed` has no numbers."""
ViewAnswer = Literal["inside", "beyond", "open", "not learnt"]
Decided = Literal["passes", "fails", "open"]
Standing = Literal["decisive", "exploratory", "refused"]
"""What may rest on a contest: a statement about methods, a direction for the next one, or nothing (too few worlds)."""


T = TypeVar("T")
Count = Annotated[int, Field(strict=True, ge=0)]
Bounded = Annotated[float, Field(strict=True, ge=-1e12, le=1e12)]
"""A number whose square is finite, too."""


def _complete(numbers: Mapping[Number, T]) -> Mapping[Number, T]:
    if missing := [number for number in NUMBERS if number not in numbers]:
        raise ValueError(f"Numbers should have {', '.join(missing)} too")
    return numbers


@dataclass(frozen=True, config=STRICT)
class OverWorlds:
    """A number over worlds.

    Attributes:
        mean: null without worlds that have the number.
        ci95: t interval; null with fewer than two.
        worlds: how many have the number.
        reason: why nothing may be read from it, though worlds have it: not learnt over worlds.
    """

    mean: Real | None
    ci95: Interval | None
    worlds: Count
    reason: Text | None = None


@dataclass(frozen=True, config=STRICT)
class ViewOverWorlds:
    """A number that decides about a candidate, over worlds.

    Attributes:
        name: metric and part.
        low: least that passes; null: any. `high` alike.
        worlds: how many have the number.
        values: in each world, in order; null where a world hasn't the number.
        mean: null where too few worlds have the number, or nothing was learnt that it could measure; as what follows.
        sd: between worlds.
        ci90: interval that must lie within the limits.
        ci95: the same of 95 %.
        ratio: ratio of means over worlds.
        p_holm: one-sided, of lying beyond no limit, after Holm's correction over the candidate's views.
        answer: within its limits, beyond one, neither, or not learnt.
        worlds_needed: worlds in all that would decide it at this mean and spread; null where it is decided, or nothing
            tells.
    """

    name: Name
    low: Real | None
    high: Real | None
    worlds: Count
    values: tuple[Bounded | None, ...]
    mean: Real | None
    sd: Real | None
    ci90: Interval | None
    ci95: Interval | None
    ratio: Real | None
    p_holm: Real | None
    answer: ViewAnswer
    worlds_needed: Count | None


@dataclass(frozen=True, config=STRICT)
class Decision:
    """What is decided about a candidate.

    Attributes:
        answer: whether it passes or fails, or neither is shown.
        why: views beyond their limits, or those that leave it open.
        worlds_needed: worlds in all that would decide at these means and spreads; null where it is decided, or nothing
            tells.
        p_holm: of what passes: p of passing after Holm's correction over all that are said to pass; null of others.
        without_one: answer → how often it is given with one world left out.
    """

    answer: Decided
    why: tuple[Text, ...]
    worlds_needed: Count | None
    p_holm: Real | None
    without_one: Mapping[Decided, Count]


@dataclass(frozen=True, config=STRICT)
class Ranking:
    """Candidates of a league by a number, in groups that can't be told apart from their first.

    Attributes:
        groups: names of candidates, the best group first.
        without_one: how often the first group stays the same with one world left out.
    """

    league: Name
    number: Number
    groups: tuple[tuple[Name, ...], ...]
    without_one: Count


@dataclass(frozen=True, config=STRICT)
class InWorld:
    """A candidate in one world.

    Attributes:
        modes: failure mode → answer; empty where it failed.
        numbers: each number; null where its record has none.
        record: SHA-256 of its record.
    """

    outcome: Outcome
    modes: Mapping[Name, Answer]
    numbers: Annotated[Mapping[Number, Bounded | None], AfterValidator(_complete)]
    record: Hash
    message: Text | None = None


@dataclass(frozen=True, config=STRICT)
class Row:
    """A candidate over worlds.

    Attributes:
        name: of the candidate, e.g. `<method>-5x`; of the exact answer its reference.
        league: which of the leagues it is in; null for Retrained.
        track: what its method may use; null for Retrained.
        budget: how often each forget pair is seen; null for Retrained.
        decision: over worlds; null where these are too few.
        views: what it rests on.
        modes: failure mode → answer → worlds.
        worlds: seed → what it is there.
    """

    name: Name
    title: Name
    league: Name | None
    track: Track | None
    budget: Real | None
    decision: Decision | None
    views: tuple[ViewOverWorlds, ...]
    outcomes: Mapping[Outcome, Count]
    modes: Mapping[Name, Mapping[Answer, Count]]
    numbers: Annotated[Mapping[Number, OverWorlds], AfterValidator(_complete)]
    worlds: Mapping[Name, InWorld]


@dataclass(frozen=True, config=STRICT)
class PairedDifference:
    """A number of two candidates of one league, compared in the worlds that have both.

    Attributes:
        mean: of first − second.
        ci95: t interval of that.
        p: of no difference, two-sided.
        p_holm: the same after Holm's correction over all differences of the contest.
        worlds: how many have both.
    """

    league: Name
    first: Name
    second: Name
    number: Number
    mean: Real | None
    ci95: Interval | None
    p: Real | None
    p_holm: Real | None
    worlds: Count


@dataclass(frozen=True, config=STRICT)
class WorldState:
    """An evaluation world.

    Attributes:
        seed: of the dataset and of everything made from it.
        status: `scored`; one that is `failed` or `waiting` to be made counts nowhere.
        fingerprint: of its dataset; null where it isn't scored.
        message: why it isn't scored.
        commits: of the package, as its records state them.
    """

    seed: Whole
    status: Literal["scored", "failed", "waiting"]
    fingerprint: Hash | None
    message: Text | None
    commits: tuple[Name, ...] = ()


@dataclass(frozen=True, config=STRICT)
class League:
    """Terms on which candidates are compared: a short name, and in words."""

    key: Name
    title: Text


@dataclass(frozen=True, config=STRICT)
class EarlierPlan:
    """A plan that was changed before its first dataset was made.

    Attributes:
        sha256: of its file.
        changed: what is other in the plan that followed.
    """

    sha256: Hash
    changed: tuple[Text, ...]


@dataclass(frozen=True, config=STRICT)
class PlanFacts:
    """What a contest was to do.

    Attributes:
        sha256: of the bytes of its file.
        commit: the commit that last changed it; null where it isn't committed as it is.
        selection: seeds of the worlds on which options were chosen.
        evaluation: seeds of the worlds that decide.
        trials: settings tried for each method on each selection world.
        identity: what was fixed → SHA-256.
        content: the plan as its file has it.
        standing: what may rest on it.
        earlier: plans that stood in this folder before its first dataset was made.
    """

    file: Name
    sha256: Hash
    commit: Name | None
    recipe: Name
    selection: tuple[Whole, ...]
    evaluation: tuple[Whole, ...]
    trials: Count
    identity: Mapping[Name, Hash]
    content: Mapping[Name, Any]
    standing: Standing
    earlier: tuple[EarlierPlan, ...] = ()


@dataclass(frozen=True, config=STRICT)
class ContestRecord:
    """What came out of a contest.

    Attributes:
        notes: what a reader should know first.
        worlds: the evaluation worlds, in the plan's order, as the leagues are.
        retrained: the exact answer; null where no world was scored.
        rows: candidates, league by league.
    """

    schema_version: Whole
    plan: PlanFacts
    thresholds: Thresholds
    notes: tuple[Text, ...]
    worlds: tuple[WorldState, ...]
    leagues: tuple[League, ...]
    retrained: Row | None
    rows: tuple[Row, ...]
    differences: tuple[PairedDifference, ...]
    rankings: tuple[Ranking, ...]
    provenance: Provenance = field(kw_only=True)

    @property
    def exact(self) -> Row | None:
        """Retrained's row, where there is one."""
        return self.retrained

    @property
    def judged(self) -> tuple[Row, ...]:
        """All rows, that of the exact answer last."""
        return self.rows if self.retrained is None else (*self.rows, self.retrained)

    def __post_init__(self) -> None:
        """Raise `ValueError` where a row or a difference speaks of something that isn't there."""
        seeds, leagues = {str(world.seed) for world in self.worlds}, {league.key for league in self.leagues}
        members = {(row.league, row.name) for row in self.rows}
        for row in self.rows:
            if row.league not in leagues:
                raise ValueError(f"Rows should be of leagues that there are, not {reading.shown(row.league)}")
        for row in self.judged:
            if strange := sorted(set(row.worlds) - seeds):
                raise ValueError(f"Rows should speak of worlds that there are, not {reading.shown(strange[0])}")
        for pair in self.differences:
            for name in (pair.first, pair.second):
                if (pair.league, name) not in members:
                    raise ValueError(f"Differences should be of rows of one league, not {reading.shown(name)}")
        for ranking in self.rankings:
            for name in (name for group in ranking.groups for name in group):
                if (ranking.league, name) not in members:
                    raise ValueError(f"Ranks should be of rows of their league, not {reading.shown(name)}")


def read_contest(path: Path) -> ContestRecord:
    """Read and check `contest.json`.

    Raises:
        RecordError: missing, not JSON, of another schema, or not what a contest writes.
    """
    data = reading.read_json(path, error=RecordError, what="a contest's result", missing="Run the contest first.")
    version = data.get("schema_version") if isinstance(data, dict) else None
    if type(version) is not int or version != SCHEMA_VERSION:
        raise RecordError(
            f"Expected a contest's result of schema_version {SCHEMA_VERSION} in {path}, got {reading.shown(version)}. "
            "Of an older one: `salmubench contest PLAN --out FOLDER --decide-again`; of a newer one: install a newer "
            "salmubench."
        )
    return reading.validated(ContestRecord, data, where=str(path), error=RecordError, advice="Run the contest again.")
