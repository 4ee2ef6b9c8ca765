"""Build the leaderboard: a static site from a folder of submissions, each checked; no network, no server."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from salmubench.core import interruption, manifest, provenance, writing
from salmubench.core.errors import RecordError, SalmubenchError
from salmubench.core.pools import processors, safe_path
from salmubench.leaderboard import board as boards
from salmubench.leaderboard import intake, peers
from salmubench.leaderboard import pages as board_pages
from salmubench.leaderboard.board import Entry
from salmubench.leaderboard.check import (
    check,
    content_sha256,
    file_findings,
    is_no_submission,
    name_findings,
    submissions_in,
)
from salmubench.leaderboard.check_items import Metrics
from salmubench.leaderboard.findings import Finding, Loaded
from salmubench.leaderboard.peers import Fingerprint
from salmubench.leaderboard.submission import FILES, INFO, MAX_BUDGET, RECORDS, Info, read_info
from salmubench.scoring.contest_record import ContestRecord
from salmubench.scoring.ranking import moved_by
from salmubench.scoring.record import BENCHMARK_VERSION, RunRecord
from salmubench.scoring.record_files import read_items, record_of
from salmubench.scoring.references import OPTIONAL
from salmubench.scoring.roles import with_package_first

FEED, CSV = "leaderboard.json", "leaderboard.csv"
RECEIPTS = "receipts"
_FEW = 24  # fewer checks than this are done before worker processes have started


@dataclass(frozen=True)
class Built:
    """What was built; folders that are left out and why, and names of those that hold nothing of a submission."""

    index: Path
    shown: int
    refused: Mapping[str, Sequence[Finding]]
    passed_over: Sequence[str]


@dataclass(frozen=True)
class _Outcome:
    """One folder's check: an entry and what tells it from others, or findings."""

    name: str
    findings: Sequence[Finding]
    entry: Entry | None = None
    fingerprint: Fingerprint | None = None


def build(
    results: Path,
    *,
    out: Path,
    metrics: Metrics,
    max_budget: float = MAX_BUDGET,
    titles: Mapping[str, str] | None = None,
    contest: ContestRecord | None = None,
) -> Built:
    """Check all submissions of a folder and write the site; those with findings are named, not shown.

    A receipt in `out` of the same content, made by the same version, is not made again.

    Args:
        results: a folder of submission folders, or one with a folder `submissions` of them; other files in it and
            folders that hold nothing of a submission are passed over, archives are refused.
        titles: method → its title; any other method is called by its name.
        contest: a contest's result, checked: a section of the first page.

    Raises:
        RecordError: no folder there.
        OutputMismatch: `out` holds files of somebody else.
    """
    if not results.is_dir():
        raise RecordError(f"Expected a folder of submissions at {results}, got none.")
    manifest.check_ours(out, page="index.html")
    folders, passed_over = _folders(submissions_in(results))
    outcomes = _check_all(folders, out / RECEIPTS, metrics, max_budget)
    refused = {outcome.name: list(outcome.findings) for outcome in outcomes if outcome.findings}
    fingerprints = [outcome.fingerprint for outcome in outcomes if outcome.fingerprint is not None]
    for name, findings in peers.conflicts(fingerprints).items():
        refused.setdefault(name, []).extend(findings)
    entries = [outcome.entry for outcome in outcomes if outcome.entry is not None and outcome.name not in refused]
    try:
        files = _files(entries, refused, titles or {}, contest)
    except Exception as error:  # noqa: BLE001 - one of them can't be shown: the others are published
        interruption.pass_on(error)
        hidden = {entry.name: unshowable(entry) for entry in entries}
        refused |= {name: [finding] for name, finding in hidden.items() if finding is not None}
        entries = [entry for entry in entries if hidden[entry.name] is None]
        files = _files(entries, refused, titles or {}, contest)
    receipts = {f"{RECEIPTS}/{entry.name}.json": entry.receipt for entry in entries}
    with manifest.page_folder(out, page="index.html"):
        for name, receipt in receipts.items():
            writing.write_json(out / name, receipt)
        for name, content in files.items():
            writing.write_bytes(out / name, content)
        _delete_stale(out, {*files, *receipts})
    return Built(out / "index.html", len(entries), refused, passed_over)


def _files(
    entries: Sequence[Entry],
    refused: Mapping[str, Sequence[Finding]],
    titles: Mapping[str, str],
    contest: ContestRecord | None,
) -> dict[str, bytes]:
    """Path within the site → content, UTF-8: both feeds and all pages."""
    all_boards = boards.boards(entries)
    pages = board_pages.pages(all_boards, refused, titles, contest)
    feed = writing.json_text(boards.feed(all_boards), where=FEED)
    files = {FEED: feed, CSV: boards.csv_feed(all_boards), **pages}
    return {name: content.encode() for name, content in files.items()}


def entry_of(name: str, loaded: Loaded, receipt: Mapping[str, Any]) -> Entry:
    """A checked submission as the boards take it."""
    return _entry(name, loaded.info, loaded.records, receipt, loaded.items["record"])


def _entry(
    name: str, info: Info, records: Mapping[str, RunRecord], receipt: Mapping[str, Any], items: pa.Table
) -> Entry:
    judged = records["record"], records["clean"], records["compromised"]
    others: dict[str, RunRecord] = {kind: records[kind] for kind in OPTIONAL if kind in records}
    return Entry(name, info, *judged, receipt, others, moved_by(records["record"], items))


def unshowable(entry: Entry) -> Finding | None:
    """Whether a submission can't be shown, alone on a board: what a check must find before a build does."""
    try:
        _files([entry], {}, {}, None)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is this submission's
        interruption.pass_on(error)
        text = f"Expected a record that the pages can show, got {type(error).__name__}: {error}"
        return Finding("format", RECORDS["record"], intake.plain_text(text, most=300))
    return None


def _folders(results: Path) -> tuple[list[Path], list[str]]:
    """What claims to be a submission: folders, and archives, which are refused; and names of folders that don't."""
    archives = (".zip", ".tar", ".gz", ".bz2", ".xz", ".zst", ".7z", ".rar", ".tgz")
    folders = sorted(
        path
        for path in results.iterdir()
        if not path.name.startswith(".") and (path.is_dir() or path.is_symlink() or path.name.endswith(archives))
    )
    others = [path for path in folders if not path.is_symlink() and is_no_submission(path)]
    return [path for path in folders if path not in others], [intake.plain_text(path.name) for path in others]


def _check_all(folders: Sequence[Path], receipts: Path, metrics: Metrics, max_budget: float) -> list[_Outcome]:
    # Finer than a second: of two that look the same, the one that an earlier build knew stays, however soon after.
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    workers = min(processors(), 8)
    if len(folders) < _FEW or workers < 2:
        return [_check(path, receipts, metrics, max_budget, now) for path in folders]
    import joblib

    with safe_path():
        outcomes: list[_Outcome] = joblib.Parallel(n_jobs=workers, batch_size=8)(
            joblib.delayed(_check)(path, receipts, metrics, max_budget, now) for path in folders
        )
    return outcomes


def _check(folder: Path, receipts: Path, metrics: Metrics, max_budget: float, now: str) -> _Outcome:
    """Check one folder; whatever is wrong with it, or with its receipt, is its finding and nobody else's.

    Args:
        receipts: of an earlier build, or of checks with `--rerun`.
        now: since when the board knows a submission that is new.
    """
    name, rerun = intake.plain_text(folder.name), None
    if badly_named := list(name_findings(folder)):
        return _Outcome(name, badly_named)
    with contextlib.suppress(Exception):  # a receipt is a note of an earlier build: a damaged one is made again
        receipt = intake.read_json(receipts / f"{folder.name}.json")
        plain = folder.is_dir() and not folder.is_symlink() and not any(file_findings(folder))
        if plain and content_sha256(folder) == receipt["content_sha256"]:
            rerun = receipt["rerun"] if receipt["passed"] else None
            now = str(receipt["print"]["known"])
            if _holds(receipt, max_budget):
                return _Outcome(name, [], _reopen(folder, receipt, metrics), Fingerprint(**receipt["print"]))
    try:
        checked = check(folder, metrics=metrics, max_budget=max_budget)
        if checked.findings or checked.loaded is None:
            return _Outcome(name, checked.findings)
        fingerprint = peers.fingerprint(name, checked.loaded, metrics, content=now)
        receipt = {**checked.receipt(), "rerun": rerun, "max_budget": max_budget, "print": writing.plain(fingerprint)}
        return _Outcome(name, [], entry_of(name, checked.loaded, receipt), fingerprint)
    except Exception as error:  # noqa: BLE001 - a stranger's file: the board goes on
        interruption.pass_on(error)
        foreign = f"Expected files that can be checked, got {type(error).__name__}: {error}"
        text = str(error) if isinstance(error, SalmubenchError) else foreign
        return _Outcome(name, [Finding("files", "", intake.plain_text(text, most=300))])


def _reopen(folder: Path, receipt: Mapping[str, Any], metrics: Metrics) -> Entry:
    """A submission whose content has passed before; of schema 1 it is checked again, its verdict must be computed."""
    info = read_info(folder / INFO)
    records = {
        role: with_package_first(record_of(intake.read_json(folder / name), where=name), metrics)
        for role, name in FILES.items()
        if role in RECORDS or (folder / name).is_file()
    }
    if records["record"].schema_version == 1:
        raise RecordError("Expected a record that states its four failure modes, got one of schema 1.")
    return _entry(folder.name, info, records, receipt, read_items(folder / FILES["record"]))


def _holds(receipt: Mapping[str, Any], max_budget: float) -> bool:
    """Whether a receipt still says what a check would, if its submission has not changed."""
    stated = receipt["version"], receipt["benchmark_version"], receipt["max_budget"]
    same = receipt["passed"] and stated == (provenance.version(), BENCHMARK_VERSION, max_budget)
    return bool(same) and isinstance(receipt["print"]["references"], dict)


def _delete_stale(out: Path, current: set[str]) -> None:
    """Delete pages and receipts of submissions that are gone, where their words say that we made them."""
    made = {".html": b"SALMUBench", ".json": b'"content_sha256"'}
    for folder in ("submissions", "methods", RECEIPTS):
        for path in (out / folder).glob("*"):
            words = made.get(path.suffix)
            if f"{folder}/{path.name}" not in current and words and manifest.says(path, words):
                path.unlink()
