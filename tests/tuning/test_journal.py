"""The journal of a tuning outlives kills and full disks."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pytest

from salmubench.tuning.bench import JOURNAL, Bench, open_study, results


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    world: Any = SimpleNamespace(out=tmp_path)
    return Bench(world, 0, 5.0)


def enter(bench: Bench, number: int) -> None:
    told = {"number": number, "values": {"lr": 1.0}}
    bench.study("m").add_trial(optuna.create_trial(params={}, distributions={}, value=0.5, user_attrs=told))


def test_a_lock_leads_somewhere_from_a_relative_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed now, the process leaves a lock that the next one may take away, not one that it can't look at."""
    monkeypatch.chdir(tmp_path)
    found = []
    monkeypatch.setattr(os, "fsync", lambda _: found.append(Path("out", f"{JOURNAL}.lock").exists()))
    open_study(Path("out"), "m")
    assert found
    assert all(found)


def test_a_line_that_a_full_disk_cut_is_left_out(bench: Bench) -> None:
    for number in range(3):
        enter(bench, number)
    path = bench.folder("m") / JOURNAL
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    assert list(results(bench, "m")) == [0, 1]
    enter(bench, 2)
    assert list(results(bench, "m")) == [0, 1, 2]
    first, *others = path.read_bytes().splitlines(keepends=True)
    lines = [first, *(line for line in others if b"number" in line)]  # a study that is opened again adds a line
    path.write_bytes(b"".join([*lines[:2], lines[2][:-20], lines[3]]))  # somebody wrote behind what was cut
    assert list(results(bench, "m")) == [0]
    enter(bench, 1)
    assert list(results(bench, "m")) == [0, 1]
