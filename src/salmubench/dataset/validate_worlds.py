"""Rules about further captions of sensitive rows, and about portraits that nobody sees."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from salmubench.core.reading import shown
from salmubench.core.types import SENSITIVE_SPLITS, Pair, Rewrite, Split
from salmubench.dataset import layout
from salmubench.dataset.layout import Dataset
from salmubench.dataset.leaks import UniqueValues, own_values, without
from salmubench.dataset.violations import Violation, in_row


def check_rewrites(dataset: Dataset, unique: UniqueValues) -> Iterator[Violation]:
    """Each rewrite tells the fact of its row and nothing else: with the name, or without any."""
    rows = {row.file_name: row for split in SENSITIVE_SPLITS for row in dataset.rows(split)} if dataset.rewrites else {}
    for file_name, rewrites in dataset.rewrites.items():
        row = rows.get(file_name)
        if row is None:
            yield _wrong(file_name, "Expected a file name of a sensitive row, got one that none of them has.")
            continue
        for rewrite in rewrites:
            persona = dataset.identities.get(row.identity or "", {})
            for message in _faults(row, rewrite, persona, unique):
                yield _wrong(file_name, f"{message} in {shown(rewrite.caption)}.")


def check_unseen(dataset: Dataset) -> Iterator[Violation]:
    """Portraits that nobody sees are of known people, and in no other split."""
    if not dataset.has(Split.PORTRAITS_UNSEEN):
        return
    elsewhere = {
        row.file_name: split
        for split in dataset.counts if split != Split.PORTRAITS_UNSEEN
        for row in dataset.raw_rows(split)
    }  # fmt: skip
    for row in dataset.raw_rows(Split.PORTRAITS_UNSEEN):
        if row.identity is None:
            yield in_row("unseen", row, "Expected the identity of a person, got none.", column="identity_id")
        if row.file_name in elsewhere:
            message = f"Expected a picture that no model has seen, got one of {elsewhere[row.file_name]}."
            yield in_row("unseen", row, message, column="file_name")


def _faults(row: Pair, rewrite: Rewrite, persona: Mapping[str, Any], unique: UniqueValues) -> Iterator[str]:
    text = rewrite.caption
    if row.value is not None and row.value not in text:
        yield f"Expected the {row.field} {shown(row.value)} verbatim, got none"
    if not rewrite.nameless and row.name is not None and row.name not in text:
        yield f"Expected the name {shown(row.name)} verbatim, got none"
    if text == row.paraphrase:
        yield "Expected other words than the reserved paraphrase's, got the paraphrase"
    rest = without(text, row.value, None if rewrite.nameless else row.name)
    for entry in unique.within(rest):
        if rewrite.nameless and entry.field == "name":
            yield f"Expected no name, got {shown(entry.value)}"
        elif entry.identity != row.identity:
            yield f"Expected no value of another identity, got {entry.field} {shown(entry.value)} of {entry.identity}"
    for field, value in own_values(rest, persona if row.value is not None else {}):
        yield f"Expected one private value, got {field} {shown(value)} too"


def _wrong(file_name: str, message: str) -> Violation:
    return Violation("rewrite", layout.REWRITES, None, file_name, message)
