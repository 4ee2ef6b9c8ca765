"""A contest of three small worlds: done, killed and gone on with, with a world that fails, with what was changed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from contest_world import METHOD, SEEDS, begin, without_time, write_plan
from salmubench.cli.main import main
from salmubench.scoring.contest_record import NUMBERS, read_contest
from salmubench.scoring.record_files import read_record


def command(plan: Path, out: Path, *options: str) -> list[str]:
    return ["contest", str(plan), "--out", str(out), "--precision", "fp32", *options]


def test_every_candidate_of_every_world_is_in_the_table(done: tuple[Path, Path]) -> None:
    plan, out = done
    contest = read_contest(out / "contest.json")
    assert [(world.seed, world.status) for world in contest.worlds] == [(seed, "scored") for seed in SEEDS]
    assert len({world.fingerprint for world in contest.worlds}) == 3
    assert [row.name for row in contest.rows] == ["delete-1x", "apart-1x"]
    assert contest.retrained is not None
    for row in (*contest.rows, contest.retrained):
        assert list(row.worlds) == [str(seed) for seed in SEEDS]
        assert sum(row.outcomes.values()) == 3
        assert set(row.numbers) == set(NUMBERS)
        for seed, one in row.worlds.items():
            record = read_record(out / "worlds" / seed / "records" / f"{row.name}.json")
            assert record.provenance.plan == contest.plan.sha256
            assert one.numbers["leakage"] == record.scores["RetFail"]["mrr"].normalised.value
    assert "catastrophic" not in contest.retrained.worlds["101"].modes
    assert len(contest.differences) == len(NUMBERS) - 1
    assert contest.plan.sha256 == __import__("hashlib").sha256(plan.read_bytes()).hexdigest()
    assert not contest.plan.decisive
    assert any("needs 6 worlds" in note for note in contest.notes)
