"""What a check of a submission finds, and what it reads."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from salmubench.core import reading
from salmubench.leaderboard.submission import Info
from salmubench.scoring.record import RunRecord

BOOTSTRAPS = (100, 10_000)
"""Fewest and most resamples behind an interval."""
TOLERANCE = 1e-9
"""By which a recomputed number may differ: sums run in another order on another processor."""
WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
"""How metrics, attacks and their parts are called."""


@dataclass(frozen=True)
class Finding:
    """Something wrong.

    Attributes:
        code: a word for what it is about, as `files`, `hash` or `scores`.
        file: which file; empty for the folder.
        message: what was expected and what was found, on one line.
    """

    code: str
    file: str
    message: str


@dataclass(frozen=True, eq=False)
class Loaded:
    """What a readable submission holds, by role (`record`, `clean`, `compromised`); rows of attacks where there are."""

    info: Info
    records: Mapping[str, RunRecord]
    items: Mapping[str, pa.Table]
    gallery: pa.Table
    attacks: pa.Table | None = None

    @property
    def record(self) -> RunRecord:
        """The record of the model judged."""
        return self.records["record"]


def first_difference(claimed: Any, computed: Any, place: str = "") -> str | None:
    """Where two plain structures differ by more than rounding: "value 0.5, got 0.1"; `None` where they don't."""
    if isinstance(computed, dict) and isinstance(claimed, dict):
        for key in {**computed, **claimed}:
            deeper = first_difference(claimed.get(key), computed.get(key), f"{place}.{key}" if place else key)
            if deeper is not None:
                return deeper
        return None
    if isinstance(computed, list) and isinstance(claimed, list) and len(computed) == len(claimed):
        pairs = zip(claimed, computed, strict=True)
        return next((deeper for one, two in pairs if (deeper := first_difference(one, two, place)) is not None), None)
    same = claimed == computed
    if isinstance(computed, float) and isinstance(claimed, float):
        same = math.isclose(claimed, computed, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return None if same else f"{place} {_shown(computed)}, got {_shown(claimed)}".lstrip()


def _shown(value: Any) -> str:
    """A value for a message: numbers in full, anything else short."""
    if isinstance(value, float):
        return f"{value:.12g}"
    if isinstance(value, str):
        return reading.printable(value, 80)
    return "null" if value is None else reading.shown(value, 80)
