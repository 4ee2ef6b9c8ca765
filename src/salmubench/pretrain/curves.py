"""The engine's log, read: progress while it trains, curves afterwards."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from salmubench.core import writing

CURVES = "curves.parquet"
SCHEMA = pa.schema([("step", pa.int64()), ("pairs", pa.int64()), ("name", pa.string()), ("value", pa.float64())])

_EPOCH = re.compile(r"Start epoch (?P<epoch>\d+)\s*$")
_ENTRY = re.compile(
    r"Train Epoch: (?P<epoch>\d+) \[.*?, (?P<speed>[0-9.e+-]+|inf)/s, .* LR: (?P<lr>\S+) Logit Scale: (?P<scale>\S+)"
    r".*? Loss: (?P<loss>\S+) \("
)
_STAMP = re.compile(r"\d{4}-\d\d-\d\d,\d\d:\d\d:\d\d")
_STARTED = "latest resume checkpoint"  # the engine's first line: whether it found one


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the training log.

    Attributes:
        epoch: from 0.
        step: optimiser steps done before this one, over all epochs.
        values: `loss`, `lr`, `samples_per_second`, `logit_scale`.
    """

    epoch: int
    step: int
    values: dict[str, float]


class LogReader:
    """Turns log lines into entries; the log doesn't state the step, but entries come at known ones.

    Args:
        every: steps between two entries; the epoch's last step has one too.
    """

    def __init__(self, *, steps: int, every: int) -> None:
        self.steps, self.every, self._seen = steps, every, 0

    def read(self, line: str) -> Entry | None:
        """Read a line; `None` for lines that are no entry."""
        if _EPOCH.search(line):
            self._seen = 0
        match = _ENTRY.search(line)
        if match is None:
            return None
        within = min(self._seen * self.every, self.steps - 1)
        self._seen += 1
        epoch = int(match["epoch"])
        names = {"loss": "loss", "lr": "lr", "samples_per_second": "speed", "logit_scale": "scale"}
        values = {name: float(match[group]) for name, group in names.items()}
        return Entry(epoch, epoch * self.steps + within, values)


def entries(lines: Iterable[str], *, steps: int, every: int) -> list[Entry]:
    """Entries of a whole log in order of steps; what an interrupted run did twice counts the second time."""
    reader = LogReader(steps=steps, every=every)
    by_step: dict[int, Entry] = {}
    for line in lines:
        if begun := _EPOCH.search(line):
            by_step = {step: entry for step, entry in by_step.items() if step < int(begun["epoch"]) * steps}
        entry = reader.read(line)
        if entry is not None:
            by_step[entry.step] = entry
    return [by_step[step] for step in sorted(by_step)]


def logged_seconds(lines: Iterable[str]) -> float:
    """Seconds of the engine, by its log; what lies between a failure and the next start is left out."""
    total, before = 0.0, None
    for line in lines:
        stamp = _STAMP.match(line)
        if stamp is None:
            continue
        now = datetime.strptime(stamp[0], "%Y-%m-%d,%H:%M:%S").replace(tzinfo=UTC)
        if before is not None and _STARTED not in line:
            total += (now - before).total_seconds()
        before = now
    return total


def write_curves(folder: Path, log_entries: Sequence[Entry], *, pairs: Sequence[int], batch: int) -> Path:
    """Write `curves.parquet`: step, pairs, name, value.

    Args:
        pairs: pairs seen up to and with each step of an epoch.
        batch: pairs of a step for the engine, which takes each batch for a full one when it computes its speed.
    """
    per_epoch, steps = pairs[-1], len(pairs)
    rows = []
    for entry in log_entries:
        index = entry.step % steps
        size = pairs[index] - (pairs[index - 1] if index else 0)
        for name, value in entry.values.items():
            true = value * size / batch if name == "samples_per_second" else value
            rows.append((entry.step, entry.epoch * per_epoch + pairs[index], name, true))
    columns = [list(column) for column in zip(*rows, strict=True)] if rows else [[], [], [], []]
    with writing.atomic_path(folder / CURVES) as temporary:
        pq.write_table(pa.table(columns, schema=SCHEMA), temporary)
    return folder / CURVES
