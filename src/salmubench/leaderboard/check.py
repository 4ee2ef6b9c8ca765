"""Check a submission: every score again from the items; hashes alone are not trusted, a cheat mends them."""

from __future__ import annotations

import dataclasses
import itertools
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from salmubench.core import manifest, places, provenance, writing
from salmubench.core.errors import RecordError
from salmubench.dataset import layout
from salmubench.leaderboard import check_attacks, check_items, check_record, intake, limits, rerun
from salmubench.leaderboard.check_items import Metrics
from salmubench.leaderboard.findings import BOOTSTRAPS, WORD, Finding, Loaded, first_difference
from salmubench.leaderboard.intake import LIMITS
from salmubench.leaderboard.method_code import METHOD
from salmubench.leaderboard.submission import (
    ATTACKS,
    FILES,
    INFO,
    MAX_BUDGET,
    RECORDS,
    REQUIRED,
    THIRD,
    files_of,
    read_info,
)
from salmubench.scoring.attacks.table import SCHEMA as ATTACK_SCHEMA
from salmubench.scoring.items import ITEM_SCHEMA
from salmubench.scoring.metric import MOST_PARTS
from salmubench.scoring.record import BENCHMARK_VERSION, SCHEMA_VERSION, RunRecord
from salmubench.scoring.record_files import GALLERY, GALLERY_SCHEMA, gallery_sha256, items_path, record_of
from salmubench.scoring.roles import Scores, lied_about, with_package_first
from salmubench.scoring.views import rescore

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, eq=False)
class Checked:
    """The answer, for this content only; with what `compare_rerun` was given, where that was asked."""

    folder: Path
    findings: Sequence[Finding]
    loaded: Loaded | None
    content_sha256: str | None
    rerun: Mapping[str, Any] | None = None

    def receipt(self) -> dict[str, Any]:
        """The answer as JSON, bound to the content that was checked."""
        loaded = self.loaded
        return {
            "schema_version": 1,
            "submission": intake.plain_text(places.real(self.folder).name),
            "passed": not self.findings,
            "findings": [dataclasses.asdict(finding) for finding in self.findings],
            "content_sha256": self.content_sha256,
            "model": loaded.info.model if loaded else None,
            "checkpoint_sha256": loaded.info.checkpoint_sha256 if loaded else None,
            "dataset_fingerprint": loaded.record.dataset.fingerprint if loaded else None,
            "items": loaded.items["record"].num_rows if loaded else None,
            "rerun": self.rerun,
            "checked": provenance.utc_now(),
            "version": provenance.version(),
            "benchmark_version": BENCHMARK_VERSION,
        }


def check(
    folder: Path, *, metrics: Metrics, max_budget: float = MAX_BUDGET, dataset: layout.Dataset | None = None
) -> Checked:
    """Check a submission; nothing of it is executed.

    Args:
        metrics: the package's own: what they are is never taken from a submission.
        dataset: the dataset that the board is about, where it is at hand.

    Raises:
        RecordError: no folder there (an archive is no submission: unpack it with limits of your own first).
    """
    if not folder.is_dir() or folder.is_symlink():
        raise RecordError(f"Expected the folder of a submission at {folder}, got none. Archives are not unpacked.")
    if is_no_submission(folder):
        raise RecordError(f"Expected a submission at {folder}, got a folder that holds none of its files.")
    findings = [*name_findings(places.real(folder)), *file_findings(folder)]
    if findings:  # nothing of a folder with strange or missing files is read
        return Checked(folder, findings, None, None)
    digest = content_sha256(folder)
    try:
        with limits.limited():
            loaded = _load(folder, findings, metrics)
            if loaded is None:
                return Checked(folder, findings, None, digest)
            findings += check_record.info_findings(folder, loaded)
            findings += check_record.record_findings(loaded, max_budget, metrics)
            if dataset is not None:
                findings += check_record.dataset_findings(loaded, dataset, metrics)
            findings += _content_findings(loaded, metrics)
        if not findings:  # scored again within limits of its own
            findings += rerun.embedding_findings(folder, loaded, metrics)
        with limits.limited():
            return Checked(folder, findings, loaded if findings else by_present_rules(loaded), digest)
    except RecordError as error:
        return Checked(folder, [*findings, Finding("work", "", str(error))], None, digest)


def content_sha256(folder: Path) -> str:
    """Hash of a submission's files and their names; of a folder in which `file_findings` finds nothing."""
    return manifest.sha256_json({path.name: manifest.sha256_file(path) for path in sorted(folder.iterdir())})


def submissions_in(results: Path) -> Path:
    """Where a board keeps its submissions: in its folder `submissions`, or in itself."""
    inner = results / "submissions"
    return inner if inner.is_dir() and not inner.is_symlink() and is_no_submission(inner) else results


def is_no_submission(folder: Path) -> bool:
    """Whether a folder claims nothing: it holds no file that a submission must have."""
    return folder.is_dir() and not any(os.path.lexists(folder / name) for name in (*REQUIRED, INFO))


# --- files ------------------------------------------------------------------------------------------------------


def name_findings(folder: Path) -> Iterator[Finding]:
    """Whether a folder's name can't be the submission's: it becomes a part of addresses."""
    if not _NAME.fullmatch(folder.name):
        text = "Expected a folder's name of at most 100 letters A–Z a–z, digits, . _ -, the first a letter or digit"
        yield Finding("files", "", f"{text}, got {intake.plain_text(folder.name)!r:.120}. Rename the folder.")


def file_findings(folder: Path) -> Iterator[Finding]:
    """What is wrong with the files of a submission's folder; nothing is opened, so links lead nowhere."""
    vectors = set(files_of(FILES))
    allowed = {*REQUIRED, *THIRD, ATTACKS, INFO, METHOD, *vectors}
    present = {path.name: path for path in itertools.islice(folder.iterdir(), LIMITS.files + 1)}
    if len(present) > LIMITS.files:
        yield Finding("files", "", f"Expected at most {LIMITS.files} files, got more.")
        return
    for name in sorted(set(present) - allowed):
        yield Finding("files", intake.plain_text(name), "Expected only the files of a submission, got another one.")
    third = THIRD if set(THIRD) & set(present) else ()
    listed = {*REQUIRED, *third, INFO}
    if vectors & set(present):
        listed |= set(files_of(role for role in FILES if role in RECORDS or third))
    for name in sorted(listed - set(present)):
        yield Finding("files", name, "Expected this file, got none.")
    for name in sorted(set(present) & allowed):
        try:
            intake.check_size(present[name], intake.most_bytes(name))
        except RecordError as error:
            yield Finding("files", name, str(error))


def _load(folder: Path, findings: list[Finding], metrics: Metrics) -> Loaded | None:
    def attempt(name: str, read: Any) -> Any:
        try:
            return read(folder / name)
        except (RecordError, RecursionError) as error:
            findings.append(Finding("format", name, intake.plain_text(str(error), most=400)))
            return None

    info = attempt(INFO, read_info)
    names = {role: name for role, name in FILES.items() if role in RECORDS or (folder / name).is_file()}
    records = {role: attempt(name, _read_record) for role, name in names.items()}
    items = {
        role: attempt(items_path(Path(name)).name, lambda path: intake.read_table(path, ITEM_SCHEMA))
        for role, name in names.items()
    }
    gallery = attempt(GALLERY, lambda path: intake.read_table(path, GALLERY_SCHEMA, limits=LIMITS.gallery))
    attacks = None
    if (folder / ATTACKS).is_file():
        attacks = attempt(ATTACKS, lambda path: intake.read_table(path, ATTACK_SCHEMA, limits=LIMITS.attack_rows))
    for role, record in records.items():
        for name in [] if record is None else lied_about(record, metrics)[:1]:
            text = f"Expected {name} described as it is, got another description."
            findings.append(Finding("protocol", FILES[role], text))
    if not findings:
        findings += [finding for role in records for finding in _work(records[role], items[role], FILES[role])]
    if findings:
        return None
    records = {role: with_package_first(record, metrics) for role, record in records.items()}
    return Loaded(info, records, items, gallery, attacks)


def _work(record: RunRecord, items: pa.Table, file: str) -> Iterator[Finding]:
    """More work than a check does, found before any is done."""
    resamples = record.protocol.bootstraps if record.protocol is not None else 0
    if items.num_rows * resamples > LIMITS.work:
        text = f"Expected at most {LIMITS.work:,} items × resamples, got {items.num_rows:,} × {resamples:,}."
        yield Finding("protocol", file, text)
    names = pc.count_distinct(items.column("metric")).as_py()
    if names > LIMITS.metrics:
        text = f"Expected items of at most {LIMITS.metrics} metrics, got {names:,}."
        yield Finding("items", items_path(Path(file)).name, text)


def _read_record(path: Path) -> RunRecord:
    data = intake.read_json(path)
    version = data.get("schema_version")
    if type(version) is not int or not 1 <= version <= SCHEMA_VERSION:
        raise RecordError(f"Expected schema_version 1 to {SCHEMA_VERSION} in {path.name}, got {version!r}.")
    record = record_of(data, where=path.name)
    if record.status != "complete":
        raise RecordError(f"Expected a complete record in {path.name}, got status {record.status!r}.")
    if not all(WORD.fullmatch(name) for metric, parts in record.scores.items() for name in (metric, *parts)):
        raise RecordError(f"Expected metrics and parts called by letters, digits and _ in {path.name}, got others.")
    if len(record.scores) > LIMITS.metrics or any(
        not 1 <= len(parts) <= MOST_PARTS for parts in record.scores.values()
    ):
        raise RecordError(
            f"Expected at most {LIMITS.metrics} metrics of 1 to {MOST_PARTS} parts in {path.name}, got more."
        )
    return record


# --- items, scores, verdict ---------------------------------------------------------------------------------------


def _content_findings(loaded: Loaded, metrics: Metrics) -> Iterator[Finding]:
    gallery = loaded.gallery
    claimed = loaded.record.gallery_sha256
    if (claimed is None) != (gallery.num_rows == 0) or (claimed is not None and gallery_sha256(gallery) != claimed):
        yield Finding("gallery", GALLERY, "Expected the gallery whose hash the record states, got another content.")
    for text in check_items.gallery_problems(gallery, loaded.items["record"], loaded.record, metrics):
        yield Finding("gallery", GALLERY, text)
    references = {role: items for role, items in loaded.items.items() if role != "record"}
    broken = False
    for role, items in loaded.items.items():
        beside = references if role == "record" else {}
        texts = check_items.item_problems(items, beside, loaded.records[role], metrics, gallery_rows=gallery.num_rows)
        for text in (*(check_items.own_problems(role, items) if role != "record" else ()), *texts):
            broken = True
            yield Finding("items", items_path(Path(FILES[role])).name, intake.plain_text(text, most=300))
    if not broken:  # numbers from items that can't be are no evidence
        for role, record in loaded.records.items():
            yield from _score_findings(record, loaded.items[role], FILES[role])
        yield from _null_findings(loaded)
        yield from check_attacks.attack_findings(loaded, metrics)


def _score_findings(record: RunRecord, items: pa.Table, file: str) -> Iterator[Finding]:
    if record.protocol is None or not BOOTSTRAPS[0] <= record.protocol.bootstraps <= BOOTSTRAPS[1]:
        return
    again = rescore(record, items)
    if record.schema_version == 1:  # its intervals were others: only the numbers are compared, the rest is never shown
        yield from _old_findings(record, again.scores, file)
        return
    for metric, parts in again.scores.items():
        claimed = record.scores[metric]
        # Older records lack parts of items that theirs don't tell: these have no number.
        needed = {part: score for part, score in parts.items() if part in claimed or score.value is not None}
        if set(needed) != set(claimed):
            yield Finding("scores", file, f"Expected the parts {', '.join(needed)} of {metric:.40}, got others.")
            continue
        for part, score in needed.items():
            difference = first_difference(writing.plain(claimed[part]), writing.plain(score))
            if difference is not None:
                yield Finding("scores", file, f"Expected {metric:.40} {part} as its items give it, {difference}.")
    difference = first_difference(writing.plain(record.verdict), writing.plain(again.verdict))
    if difference is not None:
        yield Finding("verdict", file, f"Expected the verdict of the intervals, {difference}.")


def _old_findings(record: RunRecord, scores: Scores, file: str) -> Iterator[Finding]:
    for metric, parts in record.scores.items():
        for (part, claimed), score in zip(parts.items(), scores[metric].values(), strict=False):
            for name in ("value", "n", "clean", "compromised"):
                difference = first_difference(getattr(claimed, name), getattr(score, name), name)
                if difference is not None:
                    yield Finding("scores", file, f"Expected {metric:.40} {part} as its items give it, {difference}.")


def by_present_rules(loaded: Loaded) -> Loaded:
    """A submission of schema 1 with intervals and verdicts computed anew: those claimed are not the protocol's."""
    if loaded.record.schema_version != 1:
        return loaded
    records = {}
    for role, record in loaded.records.items():
        again = rescore(record, loaded.items[role])
        records[role] = replace(record, scores=again.scores, verdict=again.verdict)
    return replace(loaded, records=records)


def _null_findings(loaded: Loaded) -> Iterator[Finding]:
    """A number that both references have can't be missing."""
    for metric, parts in loaded.record.scores.items():
        others = [loaded.records[role].scores.get(metric) for role in ("clean", "compromised")]
        for part, score in parts.items():
            both_have = all(other is not None and part in other and other[part].value is not None for other in others)
            if both_have and score.value is None:
                yield Finding("scores", RECORDS["record"], f"Expected a number for {metric:.40} {part}, got null.")
