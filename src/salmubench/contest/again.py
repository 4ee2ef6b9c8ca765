"""A contest decided again from its committed records, by the rule of this version; nothing is computed anew.

Records that were packed beside others (`packed.tar.xz`) are read from there. What the plan was, what took part and how
it was called stands in the `contest.json` that is there, of this or an older schema.
"""

from __future__ import annotations

import lzma
import shutil
import tarfile
import tempfile
from dataclasses import fields
from pathlib import Path
from typing import Any

from salmubench.contest.checks import WORLDS
from salmubench.contest.page import RESULT
from salmubench.contest.plan import read_plan
from salmubench.contest.table import DONE, Members, ReadWorld, Terms, read_world, summary
from salmubench.core import manifest, reading
from salmubench.core.errors import ConfigError, RecordError
from salmubench.scoring.contest_record import ContestRecord, PlanFacts

PACKED = "packed.tar.xz"
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
