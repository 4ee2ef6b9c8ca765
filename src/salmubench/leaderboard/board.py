"""The leaderboard's rows: distances, order, Pareto front, feeds."""

from __future__ import annotations

import csv
import functools
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from salmubench.core import writing
from salmubench.leaderboard.method_code import is_built_in
from salmubench.leaderboard.submission import TRACKS, Info, method_of
from salmubench.report.tables import cells
from salmubench.scoring import ranking
from salmubench.scoring.failure_modes import MODES
from salmubench.scoring.ranking import FACT_ROLES
from salmubench.scoring.record import BENCHMARK_VERSION, Normalised, RunRecord
from salmubench.scoring.record import SCHEMA_VERSION as RECORDS
from salmubench.scoring.references import OPTIONAL
from salmubench.scoring.roles import kept_on, score_in
from salmubench.scoring.verdict import answers

SCHEMA_VERSION = 1
"""Version of `leaderboard.json`."""

SCALES = ((500, "tiny"), (10_000, "mini"), (49_999, "part"))
"""Largest number of sensitive pairs of a scale, and its name; what is larger is `paper`."""


@dataclass(frozen=True)
class Entry:
    """One submission that passed its check.

    Attributes:
        others: records of further references that the model was judged against.
        moved: by how much each person or class moves its distance (`ranking.moved_by`).
    """

    name: str
    info: Info
    record: RunRecord
    clean: RunRecord
    compromised: RunRecord
    receipt: Mapping[str, Any]
    others: Mapping[str, RunRecord] = field(default_factory=dict)
    moved: Mapping[str, float] = field(default_factory=dict)

    @property
    def references(self) -> tuple[str | None, ...]:
        """Weights of the references; that their scores are the same for all of a board is checked."""
        return tuple(one.model.weights for one in (self.clean, self.compromised, *self.others.values()))

    @property
    def method(self) -> str:
        """The method's name."""
        return method_of(self.record)

    @property
    def passes(self) -> bool:
        """Whether the model is shown to have none of the failure modes that its record tells."""
        return set(answers(self.record).values()) == {"no"}

    @property
    def modes(self) -> list[str]:
        """Failure modes the model has or may have."""
        return [mode for mode, state in answers(self.record).items() if state != "no"]

    @property
    def rerun(self) -> bool:
        """Whether the checkpoint was encoded and scored again by whoever keeps the board."""
        return self.receipt.get("rerun") is not None

    @property
    def unstated(self) -> bool:
        """Whether it bears a built-in's name and is too old to say whose code made it."""
        return self.record.model.method_sha256 is None and is_built_in(self.method)

    @property
    def method_page(self) -> str:
        """Name of its method's page; that of a built-in lists models that the built-in's own code made."""
        return f"{self.method}~unstated" if self.unstated else self.method

    @property
    def views(self) -> dict[str, Normalised]:
        """What its row says, by the feed's keys; of the fact the L that is further from 0, plain or paraphrased."""
        facts = [score for role in FACT_ROLES if (score := score_in(self.record, role)) is not None]
        scores = {
            "leakage_left": score_in(self.record, "leakage"),
            "fact_left": max(facts, key=lambda score: abs(score.normalised.value or 0.0), default=None),
            "kept_other_people": kept_on(self.record, "holdout_identity"),
            "kept_same_people": kept_on(self.record, "holdout_association"),
            "utility_drop": score_in(self.record, "drop"),
        }
        none = Normalised(None, None, None, "no such number")
        return {name: none if score is None else score.normalised for name, score in scores.items()}

    @functools.cached_property
    def distances(self) -> tuple[float | None, ...]:
        """How far from the goal: |L|, |L of the fact|, |1 − K|, |D|; `None` what has no number."""
        return ranking.distances(self.record)

    @property
    def distance(self) -> float | None:
        """The sum of the distances, where all are known."""
        return None if None in self.distances else sum(value for value in self.distances if value is not None)


@dataclass(frozen=True)
class Board:
    """What can be compared: one dataset, one track, one version of the rules and the same references, best first.

    Attributes:
        ranks: name of a submission → its rank, and the first and last of those that can't be told apart from the best
            of its tie group.
        front: names of the submissions that no other one beats in all distances.
        benchmark: version of the benchmark; 0 of records that are too old to state it.
        references: checkpoints of the references that most submissions use.
        others: names of those that a run may lack: without them some numbers aren't judged, and others from Clean.
    """

    key: str
    fingerprint: str
    scale: str
    track: str
    entries: Sequence[Entry]
    front: frozenset[str]
    references: tuple[str | None, ...]
    schema: int
    benchmark: int
    others: tuple[str, ...]
    ranks: Mapping[str, tuple[int, int, int]]


def boards(entries: Sequence[Entry]) -> list[Board]:
    """Group and order submissions: today's rules first, the largest scale, closed before generator."""
    groups: dict[tuple[str, str, int, int, tuple[str, ...]], list[Entry]] = {}
    for entry in entries:
        record = entry.record
        versions = record.schema_version, record.benchmark_version or 0
        key = record.dataset.fingerprint, entry.info.track, *versions, tuple(entry.others)
        groups.setdefault(key, []).append(entry)
    grouped = []
    for (fingerprint, track, schema, benchmark, others), members in groups.items():
        ordered, ranks = _ranked(members)
        name = f"{track}-{fingerprint[:12]}" if fingerprint.isalnum() else f"{track}-other"
        name += "" if schema == RECORDS else f"-schema{schema}"
        name += "" if benchmark == BENCHMARK_VERSION else f"-v{benchmark}"
        name += "".join(f"-{kind}" for kind in others)
        usual = Counter(entry.references for entry in ordered).most_common(1)[0][0]
        of_track = scale(ordered[0].record), track
        grouped.append(
            Board(name, fingerprint, *of_track, ordered, pareto(ordered), usual, schema, benchmark, others, ranks)
        )
    names = [name for _, name in SCALES] + ["paper"]

    def place(board: Board) -> tuple[int, int, int, str, int, int]:
        of_rules = -board.schema, -board.benchmark, -names.index(board.scale)
        return *of_rules, board.fingerprint, -len(board.others), TRACKS.index(board.track)

    return sorted(grouped, key=place)


def _ranked(members: Sequence[Entry]) -> tuple[list[Entry], dict[str, tuple[int, int, int]]]:
    """Submissions in order, and the rank of each with the first and last of its tie group."""
    by_name = {entry.name: entry for entry in members}
    moved = {entry.name: entry.moved for entry in members if entry.moved}
    ordered: list[Entry] = []
    ranks: dict[str, tuple[int, int, int]] = {}
    for tie in ranking.ranked({name: entry.record for name, entry in by_name.items()}, moved):
        first, last = len(ordered) + 1, len(ordered) + len(tie)
        ranks |= {name: (rank, first, last) for rank, name in enumerate(tie, start=first)}
        ordered += [by_name[name] for name in tie]
    return ordered, ranks


def scale(record: RunRecord) -> str:
    """The scale of a dataset, by its sensitive pairs: the recipes small and paper both have the paper's counts."""
    pairs = sum(record.dataset.counts.get(split, 0) for split in ("forget", "holdout_identity", "holdout_association"))
    return next((name for most, name in SCALES if pairs <= most), "paper")


def pareto(entries: Sequence[Entry]) -> frozenset[str]:
    """Submissions that no other one beats: none is at least as near in all distances and nearer in one.

    Where a distance is unknown, only submissions that lack the same one are compared.
    """
    patterns: dict[tuple[bool, ...], list[tuple[str, tuple[float, ...]]]] = {}
    for entry in entries:
        distances = tuple(value for value in entry.distances if value is not None)
        if distances:
            patterns.setdefault(tuple(value is None for value in entry.distances), []).append((entry.name, distances))
    return frozenset(
        name
        for members in patterns.values()
        for name, ours in members
        if not any(
            theirs != ours and all(one <= two for one, two in zip(theirs, ours, strict=True)) for _, theirs in members
        )
    )


def feed(all_boards: Sequence[Board]) -> dict[str, Any]:
    """Content of `leaderboard.json`."""
    return {
        "schema_version": SCHEMA_VERSION,
        "order": "fewest failure modes first, then fewest undecided, then by distance",
        "boards": [
            {**_facts(board), "submissions": [_feed_row(entry, board) for entry in board.entries]}
            for board in all_boards
        ],
    }


def _facts(board: Board) -> dict[str, Any]:
    return {
        "scale": board.scale,
        "track": board.track,
        "dataset_fingerprint": board.fingerprint,
        "record_schema": board.schema,
        "benchmark_version": board.benchmark or None,
        **{f"against_{kind}": kind in board.others for kind in OPTIONAL},
    }


def csv_feed(all_boards: Sequence[Board]) -> str:
    """Content of `leaderboard.csv`: the feed's rows without nested values."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    head = ("scale", "track", "dataset_fingerprint", "record_schema", "rank", "tied_from", "tied_to", "submission",
            "model", "method", "author", "budget", "passes", "pareto", "distance", "leakage_left", "fact_left",
            "kept_other_people", "kept_same_people", "utility_drop", *(mode.name for mode in MODES),
            "ineffective_paper", "checkpoint_sha256", "hub_id", "link", "submitted", "recoverable", "strongest_attack",
            "pairs_seen", "benchmark_version", "method_sha256",
            *(f"against_{kind}" for kind in OPTIONAL))  # fmt: skip
    writer.writerow(head)
    for board in all_boards:
        for entry in board.entries:
            row = _feed_row(entry, board) | _facts(board)
            row |= row.pop("verdict")
            writer.writerow(cells([row[name] for name in head]))
    return stream.getvalue()


def _feed_row(entry: Entry, board: Board) -> dict[str, Any]:
    info, record, attacks = entry.info, entry.record, entry.record.attacks
    scores = {} if attacks is None else attacks.scores
    rank, first, last = board.ranks[entry.name]
    return {
        "rank": rank,
        "tied_from": first,
        "tied_to": last,
        "submission": entry.name,
        "model": info.model,
        "method": entry.method,
        "author": info.author,
        "method_sha256": record.model.method_sha256,
        "budget": record.model.budget,
        "pairs_seen": record.cost.pairs,
        "passes": entry.passes,
        "pareto": entry.name in board.front,
        "distance": entry.distance,
        **{name: view.value for name, view in entry.views.items()},
        "verdict": writing.plain(record.verdict),
        "scores": {
            metric: {part: score.value for part, score in parts.items()} for metric, parts in record.scores.items()
        },
        "recoverable": None if attacks is None else attacks.recoverable,
        "strongest_attack": None if attacks is None else attacks.strongest,
        "recovered": {name: None if one.main is None else one.main.value for name, one in scores.items()},
        "checkpoint_sha256": info.checkpoint_sha256,
        "content_sha256": entry.receipt.get("content_sha256"),
        "rerun": entry.rerun,
        "hub_id": info.hub_id,
        "link": info.link,
        "submitted": info.submitted,
        "page": f"submissions/{entry.name}.html",
    }
