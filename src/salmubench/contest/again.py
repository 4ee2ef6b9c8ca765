"""A contest decided again from its committed records, by the rule of this version; nothing is computed anew.

Records that were packed beside others (`packed.tar.xz`) are read from there. What the plan was, what took part and how
it was called stands in the `contest.json` that is there, of this or an older schema.
"""

from __future__ import annotations

import lzma
import math
import shutil
import tarfile
import tempfile
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from salmubench.contest.checks import WORLDS
from salmubench.contest.deciding import rankings
from salmubench.contest.page import RESULT
from salmubench.contest.plan import read_plan
from salmubench.contest.table import DONE, Members, ReadWorld, Terms, differences, outcome_by, over, read_world, summary
from salmubench.core import manifest, places, reading
from salmubench.core.errors import ConfigError, RecordError
from salmubench.core.writing import plain
from salmubench.leaderboard.findings import first_difference
from salmubench.scoring.contest_record import ContestRecord, PlanFacts, Row, read_contest
from salmubench.scoring.record import NOT_LEARNT
from salmubench.scoring.references import RETRAINED
from salmubench.scoring.verdict import THRESHOLDS

PACKED = "packed.tar.xz"
NOT_RECOMPUTED = "Not recomputed: its worlds' records aren't beside the file, so views and decisions are as it states."
LATER = "The rule came after these worlds and their numbers: its answers here are exploratory."


def decide_again(path: Path, results: Path) -> ContestRecord:
    """Judge a contest anew.

    Args:
        results: its folder: `contest.json`, and `worlds/` with records.

    Raises:
        ConfigError: another plan than the one it ran by.
        RecordError: no contest, or a record is missing.
    """
    plan = read_plan(path)
    content = reading.read_json(results / RESULT, error=RecordError, what="a contest's result", missing="Run it first.")
    if not isinstance(content, dict) or not isinstance(content.get("plan"), dict):
        raise RecordError(f"Expected a contest's result in {results / RESULT}, got something else.")
    sha256 = manifest.sha256_file(path)
    if content["plan"].get("sha256") != sha256:
        raise ConfigError(
            f"Expected the plan that the contest in {results} ran by, of SHA-256 {content['plan'].get('sha256')}, got "
            f"another one in {path}. Give that one."
        )
    try:
        facts, rows, leagues = _facts(content["plan"]), content["rows"], content["leagues"]
        titles = {row["name"].rpartition("-")[0]: row["title"] for row in rows}
        members = [
            Members(one["key"], one["title"], {
                row["name"].rpartition("-")[0]: row["budget"] for row in rows if row["league"] == one["key"]
            })
            for one in leagues
        ]  # fmt: skip
        states = [(int(state["seed"]), state["message"]) for state in content["worlds"]]
        later = content["schema_version"] == 1 or LATER in content["notes"]
    except (KeyError, TypeError, AttributeError) as error:
        raise RecordError(f"Expected a contest's result in {results / RESULT}, got one without {error}.") from error
    spreads = None if plan.rule.spreads is None else path.parent / plan.rule.spreads
    terms = Terms(plan, facts, titles, spreads, (LATER,) if later else ())
    worlds = [_world(results / WORLDS / str(seed), seed, sha256, message) for seed, message in states]
    return summary(terms, worlds, members)


def checked(path: Path) -> ContestRecord:
    """Read a contest's result for others: what it says follows from the numbers that it gives of each world.

    Where the plan and the worlds with their records lie beside it, these are judged anew; else a note says that views
    and decisions weren't.

    Args:
        path: `contest.json`.

    Raises:
        RecordError: no result of a contest, or one that says what doesn't follow.
    """
    contest = read_contest(path)
    if contest.thresholds != THRESHOLDS:
        raise RecordError(f"Expected the thresholds of this version in {path}, got others. Decide the contest again.")
    _same(_from_worlds(contest), contest, path)
    for row in contest.judged:
        if (why := _contradicts(row)) is not None:
            raise RecordError(f"Expected {why} of {reading.shown(row.name)} in {path}, got another. Decide it again.")
    plan = path.parent / Path(contest.plan.file).name
    here = places.is_file(plan) and manifest.sha256_file(plan) == contest.plan.sha256
    if here and (path.parent / WORLDS).is_dir():
        _same(replace(decide_again(plan, path.parent), provenance=contest.provenance), contest, path)
        return contest
    return replace(contest, notes=(NOT_RECOMPUTED, *contest.notes))


def _from_worlds(contest: ContestRecord) -> ContestRecord:
    """What follows from the numbers of each world."""
    rows = [_from_its_worlds(row) for row in contest.rows]
    named = {(row.league, row.name): row for row in rows}
    asked = [
        (one.league, named[one.league, one.first], named[one.league, one.second], one.number)
        for one in contest.differences
    ]
    leagues = [(one.key, [row for row in rows if row.league == one.key]) for one in contest.leagues]
    found: dict[str, Any] = {
        "rows": tuple(rows),
        RETRAINED: contest.exact and _from_its_worlds(contest.exact),
        "differences": tuple(differences(asked)),
        "rankings": tuple(ranking for key, of_league in leagues for ranking in rankings(key, of_league)),
    }
    return replace(contest, **found)


def _from_its_worlds(row: Row) -> Row:
    """The row again; that a number was not learnt follows from its views, which are not computed here."""
    unlearnt = [number for number, told in row.numbers.items() if told.reason == NOT_LEARNT]
    return replace(row, **over(row.worlds, unlearnt))


def _same(computed: ContestRecord, claimed: ContestRecord, path: Path) -> None:
    found = first_difference(plain(claimed), plain(computed))
    if found is not None:
        raise RecordError(f"Expected {path} to say what its worlds give, {found.expected}, got {found.got}.")


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


def _facts(content: dict[str, Any]) -> PlanFacts:
    """What the contest says of its plan, without what older ones said."""
    known = {field.name for field in fields(PlanFacts)}
    kept = {name: value for name, value in content.items() if name in known}
    return reading.validated(
        PlanFacts, {"standing": "exploratory", **kept}, where="its plan", error=RecordError, advice="Run it again."
    )


def _world(folder: Path, seed: int, plan: str, message: str | None) -> ReadWorld:
    """Read a world from files beside each other and from packed ones."""
    archive = folder / "records" / PACKED
    if message is not None or not archive.is_file():
        return read_world(folder, seed, plan, message)
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place)
        (copy / "records").mkdir()
        shutil.copy(folder / DONE, copy)
        for path in (folder / "records").glob("*.json"):
            shutil.copy(path, copy / "records")
        with lzma.open(archive) as stream, tarfile.open(fileobj=stream, mode="r|") as packed:
            for member in packed:
                if member.isfile() and member.name == Path(member.name).name and member.name.endswith(".json"):
                    packed.extract(member, copy / "records", filter="data")
        return read_world(copy, seed, plan, message)
