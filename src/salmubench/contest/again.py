"""A contest decided again from its committed records, by the rule of this version; nothing is computed anew.

Records that were packed beside others (`packed.tar.xz`) are read from there. What the plan was, what took part and how
it was called stands in the `contest.json` that is there.
"""

from __future__ import annotations

import io
import lzma
import math
import re
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from salmubench.contest.checks import WORLDS
from salmubench.contest.deciding import rankings
from salmubench.contest.page import RESULT
from salmubench.contest.plan import read_plan
from salmubench.contest.rows import differences, outcome_by, over
from salmubench.contest.table import DONE, WAITING, Members, ReadWorld, Terms, read_world, summary
from salmubench.core import manifest, places, reading
from salmubench.core.errors import ConfigError, RecordError
from salmubench.core.writing import plain
from salmubench.leaderboard.findings import first_difference
from salmubench.scoring.contest_record import ContestRecord, League, PlanFacts, Row, read_contest
from salmubench.scoring.origin import Name, Real, Text, Whole
from salmubench.scoring.record import NOT_LEARNT
from salmubench.scoring.references import RETRAINED
from salmubench.scoring.verdict import THRESHOLDS

PACKED = "packed.tar.xz"
UNPACKED = 2**27
"""Most bytes of a world's packed records when they are unpacked."""
NOT_RECOMPUTED = "Not recomputed: its worlds' records aren't beside the file, so views and decisions are as it states."
LATER = "The rule came after these worlds and their numbers: its answers here are exploratory."
_RECORD = re.compile(r"[A-Za-z0-9._-]{1,200}\.json")


_LENIENT = ConfigDict(extra="ignore", defer_build=True)


@dataclass(frozen=True, config=_LENIENT)
class _Row:
    """A candidate of an earlier result."""

    name: Name
    title: Name
    league: Name
    budget: Real

    @property
    def method(self) -> str:
        return self.name.rpartition("-")[0]


@dataclass(frozen=True, config=_LENIENT)
class _State:
    """A world of an earlier result."""

    seed: Whole
    message: Text | None


@dataclass(frozen=True, config=_LENIENT)
class _Earlier:
    """What a result is judged anew from; the rest of it follows."""

    plan: Mapping[str, Any]
    rows: tuple[_Row, ...]
    leagues: tuple[League, ...]
    worlds: tuple[_State, ...]
    notes: tuple[Text, ...]


def decide_again(path: Path, results: Path) -> ContestRecord:
    """Judge a contest anew, from `contest.json` in its folder and `worlds/` with records.

    Raises:
        ConfigError: another plan than the one it ran by.
        RecordError: no contest, or a record is missing.
    """
    plan = read_plan(path)
    content = reading.read_json(
        results / RESULT, error=RecordError, what="a contest's result", missing="Run it first.", mapping=True
    )
    earlier = reading.validated(
        _Earlier, content, where=str(results / RESULT), error=RecordError, advice="Run the contest again."
    )
    sha256 = manifest.sha256_file(path)
    if earlier.plan.get("sha256") != sha256:
        raise ConfigError(
            f"Expected the plan that the contest in {results} ran by, of SHA-256 {earlier.plan.get('sha256')}, got "
            f"another one in {path}. Give that one."
        )
    titles = {row.method: row.title for row in earlier.rows}
    if set(titles) != {entry.called for entry in plan.methods}:
        raise RecordError(
            f"Expected rows of the plan's {len(plan.methods)} methods in {results / RESULT}, got {len(titles)}."
        )
    members = [
        Members(one.key, one.title, {row.method: row.budget for row in earlier.rows if row.league == one.key})
        for one in earlier.leagues
    ]
    spreads = None if plan.rule.spreads is None else path.parent / plan.rule.spreads
    terms = Terms(plan, _facts(earlier.plan), titles, spreads, (LATER,) if LATER in earlier.notes else ())
    worlds = [_world(results / WORLDS / str(one.seed), one.seed, sha256, one.message) for one in earlier.worlds]
    return summary(terms, worlds, members)


def checked(path: Path) -> ContestRecord:
    """Read a contest's result for others: what it says follows from the numbers that it gives of each world.

    Where the plan and the worlds with their records lie beside it, these are judged anew; else a note says that views
    and decisions weren't.

    Raises:
        RecordError: no result of a contest, or one that says what doesn't follow.
    """
    contest = read_contest(path)
    if contest.thresholds != THRESHOLDS:
        raise RecordError(f"Expected the thresholds of this version in {path}, got others. Decide the contest again.")
    _check_same(_from_worlds(contest), contest, path)
    for row in contest.judged:
        if (why := _contradicts(row)) is not None:
            raise RecordError(f"Expected {why} of {reading.shown(row.name)} in {path}, got another. Decide it again.")
    plan = path.parent / Path(contest.plan.file).name
    here = places.is_file(plan) and manifest.sha256_file(plan) == contest.plan.sha256
    if here and (path.parent / WORLDS).is_dir():
        _check_same(replace(decide_again(plan, path.parent), provenance=contest.provenance), contest, path)
        return contest
    return replace(contest, notes=(NOT_RECOMPUTED, *contest.notes))


def _from_worlds(contest: ContestRecord) -> ContestRecord:
    """What follows from the numbers of each world."""
    rows = [_from_its_worlds(row) for row in contest.rows]
    named = {(row.league, row.name): row for row in rows}
    pairs = [
        (one.league, named[one.league, one.first], named[one.league, one.second], one.number)
        for one in contest.differences
    ]
    recomputed: dict[str, Any] = {
        "rows": tuple(rows),
        RETRAINED: contest.exact and _from_its_worlds(contest.exact),
        "differences": tuple(differences(pairs)),
        "rankings": tuple(rankings(rows, [one.key for one in contest.leagues])),
    }
    return replace(contest, **recomputed)


def _from_its_worlds(row: Row) -> Row:
    """The row again; that a number was not learnt follows from its views, which are not computed here."""
    unlearnt = [number for number, number_over_worlds in row.numbers.items() if number_over_worlds.reason == NOT_LEARNT]
    return replace(row, **over(row.worlds, unlearnt))


def _check_same(computed: ContestRecord, claimed: ContestRecord, path: Path) -> None:
    if difference := first_difference(plain(claimed), plain(computed)):
        raise RecordError(f"Expected {path} to say what its worlds give, {difference}.")


def _contradicts(row: Row) -> str | None:
    """What a row's own answers contradict; `None`: nothing."""
    for world in row.worlds.values():
        if world.outcome not in ("failed", given := outcome_by(world.modes)):
            return f"the outcome {given} that its failure modes give"
    for view in row.views:
        ends = view.ci90 or (-math.inf, math.inf)
        within = (view.low is None or view.low <= ends[0]) and (view.high is None or ends[1] <= view.high)
        if any(one is not None and one[0] > one[1] for one in (view.ci90, view.ci95)):
            return f"an interval of {view.name} whose low end is below the high one"
        if view.answer == "inside" and not within:
            return f"an answer of {view.name} that its interval gives"
    if row.decision is None:
        return None
    decided, said = row.decision.answer, {view.answer for view in row.views}
    unearned = decided == "passes" and (said != {"inside"} or "failed" in row.outcomes)
    return "the decision that its views give" if unearned or (decided == "fails") != ("beyond" in said) else None


def _facts(content: Mapping[str, Any]) -> PlanFacts:
    """What the contest says of its plan, without what older ones said."""
    names = {field.name for field in fields(PlanFacts)}
    kept = {name: value for name, value in content.items() if name in names}
    return reading.validated(
        PlanFacts, {"standing": "exploratory", **kept}, where="its plan", error=RecordError, advice="Run it again."
    )


def _world(folder: Path, seed: int, plan: str, message: str | None) -> ReadWorld:
    """Read a world from files beside each other and from packed ones."""
    archive = folder / "records" / PACKED
    if message == WAITING and (folder / DONE).is_file():
        message = None  # made since
    if message is not None or not archive.is_file():
        return read_world(folder, seed, plan, message)
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place)
        (copy / "records").mkdir()
        for path in (folder / DONE, *(folder / "records").glob("*.json")):
            content = reading.read_bytes(path, error=RecordError, what="a file of a contest's world")
            (copy / path.relative_to(folder)).write_bytes(content)
        for name, content in _unpacked(archive).items():
            (copy / "records" / name).write_bytes(content)
        return read_world(copy, seed, plan, message)


def _unpacked(archive: Path) -> dict[str, bytes]:
    """Name → content of the records in an archive; one that unpacks to more than records have is refused."""
    data = reading.read_bytes(archive, error=RecordError, what="packed records")
    try:
        decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=reading.LARGE)
        unpacked = decoder.decompress(data, UNPACKED + 1)
        if len(unpacked) > UNPACKED or not decoder.eof:
            raise tarfile.ReadError(f"more than {UNPACKED:,} bytes, or an end that is missing")
        with tarfile.open(fileobj=io.BytesIO(unpacked), mode="r:") as packed:
            members = {item.name: item for item in packed if item.type == tarfile.REGTYPE and not item.issparse()}
            streams = {name: packed.extractfile(item) for name, item in members.items() if _RECORD.fullmatch(name)}
            return {name: stream.read() for name, stream in streams.items() if stream is not None}
    except (lzma.LZMAError, tarfile.TarError) as error:
        raise RecordError(f"Expected packed records in {archive}, got: {error}. Pack them again.") from error
