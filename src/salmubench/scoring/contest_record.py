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
from salmubench.scoring.origin import STRICT, Flag, Hash, Interval, Name, Provenance, Real, Text, Whole
from salmubench.scoring.record import Answer, Thresholds

SCHEMA_VERSION = 1
"""Version of the layout of `contest.json`."""

FEWEST = 6
"""Worlds from which a statement about methods can be made."""

Number = Literal["leakage", "fact", "fact_paraphrase", "drop", "kept", "facts_kept", "recovered", "processor_seconds"]
"""What a row says, by the roles of the metrics: leakage left L, that of the fact and of the paraphrased fact, utility
drop D, the smaller K of similarities and of facts, the strongest attack's R, cost."""
NUMBERS: tuple[Number, ...] = get_args(Number)
Track = Literal["closed", "generator"]
Outcome = Literal["passes", "fails", "undecided", "failed"]
"""What became of a candidate in a world: `failed` has no numbers."""


T = TypeVar("T")
Count = Annotated[int, Field(strict=True, ge=0)]


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
    """

    mean: Real | None
    ci95: Interval | None
    worlds: Count


@dataclass(frozen=True, config=STRICT)
class InWorld:
    """A candidate in one world.

    Attributes:
        outcome: what became of it.
        modes: failure mode → answer; empty where it failed.
        numbers: each number; null where its record has none.
        record: SHA-256 of its record.
        message: why it failed.
    """

    outcome: Outcome
    modes: Mapping[Name, Answer]
    numbers: Annotated[Mapping[Number, Real | None], AfterValidator(_complete)]
    record: Hash
    message: Text | None = None


@dataclass(frozen=True, config=STRICT)
class Row:
    """A candidate over worlds.

    Attributes:
        name: of the candidate, e.g. `<method>-5x`; of the exact answer its reference.
        title: as shown.
        league: which of the leagues it is in; null for Retrained.
        track: what its method may use; null for Retrained.
        budget: how often each forget pair is seen; null for Retrained.
        passed: worlds in which it has none of the failure modes.
        passes: whether these are as many as the rule asks for.
        outcomes: what became of it → worlds.
        modes: failure mode → answer → worlds.
        numbers: each number over worlds.
        worlds: seed → what it is there.
    """

    name: Name
    title: Name
    league: Name | None
    track: Track | None
    budget: Real | None
    passed: Count
    passes: Flag
    outcomes: Mapping[Outcome, Count]
    modes: Mapping[Name, Mapping[Answer, Count]]
    numbers: Annotated[Mapping[Number, OverWorlds], AfterValidator(_complete)]
    worlds: Mapping[Name, InWorld]


@dataclass(frozen=True, config=STRICT)
class PairedDifference:
    """A number of two candidates of one league, compared in the worlds that have both.

    Attributes:
        league: the league.
        first: name of a candidate.
        second: of another.
        number: which.
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
        status: `scored`, or `failed`: then it counts nowhere.
        fingerprint: of its dataset; null where it failed.
        message: why it failed.
        commits: of the package, as its records state them.
    """

    seed: Whole
    status: Literal["scored", "failed"]
    fingerprint: Hash | None
    message: Text | None
    commits: tuple[Name, ...] = ()


@dataclass(frozen=True, config=STRICT)
class League:
    """Terms on which candidates are compared.

    Attributes:
        key: a short name.
        title: in words.
    """

    key: Name
    title: Text


@dataclass(frozen=True, config=STRICT)
class PlanFacts:
    """What a contest was to do.

    Attributes:
        file: name of the plan's file.
        sha256: of its bytes.
        commit: the commit that last changed it; null where it isn't committed as it is.
        recipe: of all worlds.
        selection: seeds of the worlds on which options were chosen.
        evaluation: seeds of the worlds that decide.
        trials: settings tried for each method on each selection world.
        identity: what was fixed → SHA-256.
        content: the plan as its file has it.
        needed: worlds in which a method must pass.
        decisive: whether a statement about methods may rest on it: worlds enough, of seeds that were kept for it.
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
    needed: Count
    decisive: Flag


@dataclass(frozen=True, config=STRICT)
class ContestRecord:
    """What came out of a contest.

    Attributes:
        schema_version: version of this layout.
        plan: what was to be done.
        thresholds: where the failure modes begin.
        notes: what a reader should know first.
        worlds: the evaluation worlds, in the plan's order.
        leagues: the leagues, in the plan's order.
        retrained: the exact answer; null where no world was scored.
        rows: candidates, league by league.
        differences: paired differences.
        provenance: of this file.
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
    provenance: Provenance = field(kw_only=True)

    @property
    def exact(self) -> Row | None:
        """Retrained's row, where there is one."""
        return self.retrained

    def __post_init__(self) -> None:
        """Raise `ValueError` where a row or a difference speaks of something that isn't there."""
        seeds, leagues = {str(world.seed) for world in self.worlds}, {league.key for league in self.leagues}
        members = {(row.league, row.name) for row in self.rows}
        for row in self.rows:
            if row.league not in leagues:
                raise ValueError(f"Rows should be of leagues that there are, not {reading.shown(row.league)}")
        for row in (*self.rows, *([self.retrained] if self.retrained else [])):
            if strange := sorted(set(row.worlds) - seeds):
                raise ValueError(f"Rows should speak of worlds that there are, not {reading.shown(strange[0])}")
        for pair in self.differences:
            for name in (pair.first, pair.second):
                if (pair.league, name) not in members:
                    raise ValueError(f"Differences should be of rows of one league, not {reading.shown(name)}")


def read_contest(path: Path) -> ContestRecord:
    """Read and check `contest.json`.

    Raises:
        RecordError: missing, not JSON, of a newer schema, or not what a contest writes.
    """
    data = reading.read_json(path, error=RecordError, what="a contest's result", missing="Run the contest first.")
    version = data.get("schema_version") if isinstance(data, dict) else None
    if type(version) is not int or not 1 <= version <= SCHEMA_VERSION:
        raise RecordError(
            f"Expected a contest's result of schema_version {SCHEMA_VERSION} or older in {path}, got "
            f"{reading.shown(version)}. Install a newer salmubench, or give contest.json."
        )
    return reading.validated(ContestRecord, data, where=str(path), error=RecordError, advice="Run the contest again.")
