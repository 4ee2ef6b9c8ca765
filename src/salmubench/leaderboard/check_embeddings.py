"""Score the embeddings of a submission again, without a model, and compare."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from salmubench.core import interruption
from salmubench.core.errors import SalmubenchError
from salmubench.leaderboard import intake, limits
from salmubench.leaderboard.check_items import Metrics
from salmubench.leaderboard.findings import Finding, Loaded
from salmubench.leaderboard.rerun import compare_embeddings
from salmubench.leaderboard.vectors import SHARED, files_of
from salmubench.scoring.config import ScoreConfig
from salmubench.scoring.record import RunRecord
from salmubench.scoring.record_files import read_items, read_record

_TOLERANCE = 1e-4
"""By which a similarity may differ: the same vectors, multiplied by another library."""
_FEWEST = 100  # resamples: the intervals follow from the items


def embedding_findings(folder: Path, loaded: Loaded, metrics: Metrics) -> Iterator[Finding]:
    """Score the embeddings of a submission again, where it has some, and compare.

    Args:
        loaded: its content, without a finding so far.
        metrics: name → description of the package's metrics.
    """
    if not any((folder / name).is_file() for name in SHARED):
        return
    try:
        with limits.limited(), tempfile.TemporaryDirectory() as place:
            yield from _compared(folder, loaded, metrics, Path(place))
    except Exception as error:  # noqa: BLE001 - a stranger's arrays: whatever it is, it is theirs
        interruption.pass_on(error)
        foreign = f"Expected embeddings that can be scored, got {type(error).__name__}: {error}"
        yield _finding(str(error) if isinstance(error, SalmubenchError) else foreign)


def _compared(folder: Path, loaded: Loaded, metrics: Metrics, place: Path) -> Iterator[Finding]:
    from salmubench.metrics import score

    for role in loaded.records:
        (place / role).mkdir()
        for name, (_, file) in files_of([role]).items():
            _put(folder / name, place / role / file)
    out = score(
        **{"embeddings" if role == "record" else role: place / role for role in loaded.records},
        out=place / "again" / "record.json",
        config=stated_config(loaded.record),
    )
    yield from compare_embeddings(loaded, read_record(out), read_items(out), metrics=metrics, tolerance=_TOLERANCE)


def stated_config(record: RunRecord) -> ScoreConfig:
    """The options that the record was scored with, with as few resamples as can be: only numbers are compared."""
    return ScoreConfig() if record.protocol is None else ScoreConfig.of(record.protocol, bootstraps=_FEWEST)


def _put(source: Path, target: Path) -> None:
    """The same file under another name; a copy where the place is on another disk."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _finding(text: str) -> Finding:
    return Finding("embeddings", "", intake.plain_text(text, most=300))
