"""What a check of a submission finds, and what it reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from salmubench.leaderboard.submission import Info
from salmubench.scoring.record import RunRecord

BOOTSTRAPS = (100, 10_000)
"""Fewest and most resamples behind an interval."""


@dataclass(frozen=True)
class Finding:
    """Something wrong.

    Attributes:
        code: short word: `files`, `format`, `info`, `hash`, `checkpoint`, `dataset`, `name`, `budget`, `protocol`,
            `gallery`, `items`, `scores`, `verdict`, `references`, `cost`, `rerun`, `duplicate`, `work`.
        file: which file; empty for the folder.
        message: what was expected and what was found, on one line.
    """

    code: str
    file: str
    message: str


@dataclass(frozen=True, eq=False)
class Loaded:
    """What a readable submission holds, by role (`record`, `clean`, `compromised`)."""

    info: Info
    records: Mapping[str, RunRecord]
    items: Mapping[str, pa.Table]
    gallery: pa.Table
    own_method: bool

    @property
    def record(self) -> RunRecord:
        """The record of the model judged."""
        return self.records["record"]
