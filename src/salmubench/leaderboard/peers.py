"""Submissions beside one another: duplicates, and numbers of one dataset that don't fit together."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from pydantic.dataclasses import dataclass

from salmubench.core import manifest, places, plugins
from salmubench.core.errors import RecordError
from salmubench.leaderboard import intake
from salmubench.leaderboard.check import content_sha256, file_findings, submissions_in
from salmubench.leaderboard.check_items import keys_digest
from salmubench.leaderboard.findings import Finding, Loaded
from salmubench.leaderboard.method_code import alike
from salmubench.leaderboard.submission import INFO, RECORDS, method_of, read_info
from salmubench.scoring.items import of_metric
from salmubench.scoring.metric import Metric, main_part
from salmubench.scoring.origin import STRICT
from salmubench.scoring.record import RunRecord
from salmubench.scoring.record_files import GALLERY
from salmubench.scoring.references import ENDS

TOLERANCE = 0.02
"""By which a reference's score may differ between submissions: precision and processor move embeddings."""
NOISE = 1e-5
"""By which means of items with drawn signs may differ between a model and a copy with noise."""
_ITEMS = "record.items.parquet"
_FRAME, _RESAMPLES = "gallery and items", "the resamples"
_SEED = 0


@dataclass(frozen=True, config=STRICT)
class Fingerprint:
    """What tells a submission from others; receipts hold it, and may be damaged.

    Attributes:
        known: since when the board knows this content; of one that is new, when it was built.
        values: metric → mean of its items' values with drawn signs: those of two models differ, those of a copy don't.
        frame: SHA-256 of gallery and item keys: the same for all submissions of a dataset.
        terms: resamples, and options of each attack of the package: the same for all of a dataset, too.
        references: SHA-256 of the weights → its scores: about the same for all submissions with these references.
    """

    name: str
    known: str
    submitted: str
    dataset: str
    checkpoint: str
    method: str
    values: Mapping[str, float]
    frame: str
    terms: Mapping[str, str]
    references: Mapping[str, Mapping[str, float]]


def fingerprint(name: str, loaded: Loaded, metrics: Mapping[str, Metric], *, content: str) -> Fingerprint:
    """What tells this submission from others."""
    references = [loaded.records[role] for role in ENDS]
    return Fingerprint(
        name=name,
        known=content,
        submitted=loaded.info.submitted,
        dataset=loaded.record.dataset.fingerprint,
        checkpoint=loaded.info.checkpoint_sha256,
        method=method_of(loaded.record),
        values=_values(loaded.items["record"]),
        frame=f"{loaded.record.gallery_sha256}/{keys_digest(loaded.items['record'], metrics)}",
        terms=_terms(loaded.record),
        references={str(record.model.weights): _scores(record, metrics) for record in references},
    )


def conflicts(fingerprints: Sequence[Fingerprint]) -> dict[str, list[Finding]]:
    """Submissions that can't stand beside the others: name → findings.

    Of duplicates, and of names that only upper case or `._-` tells apart, the earliest stays: the one that the board
    has known longest, since a copy can be dated back. Of one dataset, what most submissions say about gallery, items,
    terms and references counts (of equally many, what the earliest says).
    """
    ordered = sorted(fingerprints, key=lambda item: (item.known, item.submitted, item.name))
    findings: dict[str, list[Finding]] = {}
    for place, item in enumerate(ordered):
        copied = next((copy for other in ordered[:place] if (copy := _copied(other, item))), None)
        if copied is not None:
            findings.setdefault(item.name, []).append(copied)
    for name, finding in (*_odd_terms(ordered), *_odd_references(ordered)):
        findings.setdefault(name, []).append(finding)
    return findings


def _copied(first: Fingerprint, later: Fingerprint) -> Finding | None:
    """What a submission has of an earlier one: its model, its values but for noise, or names that look the same."""
    if first.name.casefold() == later.name.casefold():  # one page on a disk without upper case
        return Finding("name", "", f"Expected another folder than {first.name}, got {later.name}: rename it.")
    if first.method != later.method and alike(first.method) == alike(later.method):
        text = f"Expected a method's name that nobody takes for {first.method}, got {later.method}: rename it."
        return Finding("name", RECORDS["record"], text)
    if first.dataset != later.dataset:
        return None
    if first.checkpoint == later.checkpoint:
        return Finding("duplicate", INFO, f"Expected a new model, got the checkpoint of {first.name}.")
    one, two = first.values, later.values
    if one.keys() == two.keys() and all(abs(one[name] - two[name]) <= NOISE for name in one):
        return Finding("duplicate", INFO, f"Expected a new model, got the values of {first.name}, or nearly.")
    return None


def _odd_terms(ordered: Sequence[Fingerprint]) -> Iterator[tuple[str, Finding]]:
    """Submissions with another gallery or other items, resamples or options of attacks than most of their dataset."""
    usual: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    terms = [(item, term, value) for item in ordered for term, value in {_FRAME: item.frame, **item.terms}.items()]
    for item, term, value in terms:
        usual[item.dataset, term][value] += 1
    for item, term, value in terms:
        most = usual[item.dataset, term].most_common(1)[0][0]
        if value != most:
            expected = f"{most}, got {value}" if term == _RESAMPLES else "got others"
            text = f"Expected {term} of the other submissions of this dataset, {expected}."
            where = ("gallery", GALLERY) if term == _FRAME else ("protocol", RECORDS["record"])
            yield item.name, Finding(*where, text)


def _odd_references(ordered: Sequence[Fingerprint]) -> Iterator[tuple[str, Finding]]:
    """Submissions in which a reference scores otherwise than in most others: its items are not its own."""
    groups: dict[tuple[str, str], list[tuple[str, Mapping[str, float]]]] = {}
    for item in ordered:
        for checkpoint, scores in item.references.items():
            groups.setdefault((item.dataset, checkpoint), []).append((item.name, scores))
    for (_, checkpoint), members in groups.items():
        kinds: list[tuple[Mapping[str, float], list[str]]] = []
        for name, scores in members:
            same = next((names for first, names in kinds if _apart(first, scores) is None), None)
            if same is None:
                kinds.append((scores, [name]))
            else:
                same.append(name)
        most = max(len(names) for _, names in kinds)
        expected, usual = next((scores, names) for scores, names in kinds if len(names) == most)
        for scores, names in kinds:
            if names is not usual:
                text = f"Expected about the scores that other submissions give the reference {checkpoint[:12]}"
                odd = Finding("references", RECORDS["record"], f"{text}, {_apart(expected, scores)}.")
                yield from ((name, odd) for name in names)


def _apart(expected: Mapping[str, float], given: Mapping[str, float]) -> str | None:
    """The first number that differs by more than rounding, both times; `None` where none does."""
    for name in (*expected, *given):
        one, two = expected.get(name), given.get(name)
        if one is None or two is None or abs(one - two) > TOLERANCE:
            shown = ["null" if value is None else f"{value:.4f}" for value in (one, two)]
            return f"{name} {shown[0]}, got {shown[1]}"
    return None


def _scores(record: RunRecord, metrics: Mapping[str, Metric]) -> dict[str, float]:
    """Numbers that precision and processor move little."""
    steady = [(name, main_part(metric.items)) for name, metric in metrics.items() if metric.steady]
    scores = {f"{name} {part}": record.scores.get(name, {}).get(part) for name, part in steady}
    return {name: score.value for name, score in scores.items() if score and score.value is not None}


def duplicates_in(results: Path, submission: Path, loaded: Loaded) -> list[Finding]:
    """Look for the same checkpoint or content in a folder of submissions; broken ones there are passed over.

    Raises:
        RecordError: no such folder.
    """
    if not results.is_dir():
        raise RecordError(f"Expected a folder of submissions at {results}, got none.")
    findings = []
    digest = content_sha256(submission)
    for folder in sorted(submissions_in(results).iterdir()):
        itself = places.real(folder) == places.real(submission)
        if folder.is_symlink() or not folder.is_dir() or itself or any(file_findings(folder)):
            continue
        try:
            info = read_info(folder / INFO)
        except RecordError:
            continue
        name = intake.plain_text(folder.name)
        if info.checkpoint_sha256 == loaded.info.checkpoint_sha256:
            findings.append(Finding("duplicate", INFO, f"Expected a new model, got the checkpoint of {name}."))
        elif info.files.get(_ITEMS) == loaded.info.files.get(_ITEMS) or digest == content_sha256(folder):
            findings.append(Finding("duplicate", _ITEMS, f"Expected a new model, got the items of {name}."))
    return findings


def _values(items: pa.Table) -> dict[str, float]:
    by_item = {}
    for name in items.column("metric").unique().to_pylist():
        values = of_metric(items, name).column("value").to_numpy()
        signs = np.random.default_rng(_SEED).choice((-1.0, 1.0), len(values))
        by_item[str(name)] = float((values * signs).mean())
    return by_item


def _terms(record: RunRecord) -> dict[str, str]:
    terms = {_RESAMPLES: str(record.protocol.bootstraps)} if record.protocol is not None else {}
    for name, score in record.attacks.scores.items() if record.attacks is not None else ():
        if name in plugins.names("salmubench.attacks", outside=False):
            terms[f"the options of the attack {name}"] = manifest.sha256_json(score.info.config)
    return terms
