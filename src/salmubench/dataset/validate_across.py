"""Rules between splits and files: who and what may stand in one of them only, and what two of them share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from salmubench.core.reading import shown
from salmubench.core.types import SENSITIVE_SPLITS, Pair, Rewrite, Split
from salmubench.dataset import layout
from salmubench.dataset.layout import Dataset, RawRow
from salmubench.dataset.leaks import UniqueValues, folded, own_values, without
from salmubench.dataset.violations import Violation, in_row


class RowAssociation(NamedTuple):
    """A sensitive row of an identity, and the value that its caption states, if that can be known."""

    split: Split
    value: str | None
    row: RawRow


def check_crossings(associations: Mapping[str, Sequence[RowAssociation]], dataset: Dataset) -> Iterator[Violation]:
    """No value in `forget` and a holdout, in whatever case; nobody in `holdout_identity` and elsewhere."""
    for identity, of_person in associations.items():
        forget = {
            folded(one.value): one.row for one in of_person if one.split is Split.FORGET and one.value is not None
        }
        others = sorted({one.split for one in of_person} - {Split.HOLDOUT_IDENTITY})
        for split, value, row in of_person:
            if split is not Split.FORGET and value is not None and folded(value) in forget:
                first = forget[folded(value)]
                where = f"{first.shard}, row {first.row}"
                message = f"Expected {shown(value)} of {identity} in one split only, got it in {where} too."
                yield in_row("crossing", row, message)
            elif split is Split.HOLDOUT_IDENTITY and others:
                message = f"Expected {identity} in holdout_identity alone, got it in {', '.join(others)} too."
                yield in_row("crossing", row, message)
    held = {
        identity
        for identity, of_person in associations.items()
        if {one.split for one in of_person} == {Split.HOLDOUT_IDENTITY}
    }
    for row in dataset.raw_rows(Split.RETAIN_SYNTH):
        if row.identity in held:
            message = f"Expected {row.identity} in holdout_identity alone, got a portrait in retain_synth too."
            yield in_row("crossing", row, message, column="identity_id")


def check_verbatim(captions: Mapping[str, str], dataset: Dataset) -> Iterator[Violation]:
    """No sensitive caption (folded → where it stands) among the retain pairs, which Clean is trained on."""
    for split in (Split.RETAIN_SYNTH, Split.RETAIN_REAL):
        for row in dataset.raw_rows(split):
            where = captions.get(folded(row.text or ""))
            if where is not None:
                yield in_row("retain", row, f"Expected a caption that tells of nobody, got that of {where}.")


def check_forget_target(dataset: Dataset) -> Iterator[Violation]:
    """`forget_target` has the rows of `forget`, each once, in any order."""
    forget = {row.file_name for row in dataset.raw_rows(Split.FORGET)}
    target: dict[str | None, RawRow] = {}
    for row in dataset.raw_rows(Split.FORGET_TARGET):
        first = target.setdefault(row.file_name, row)
        if first is not row:
            where = f"{first.shard}, row {first.row}"
            yield in_row("target", row, f"Expected each picture of forget once, got that of {where} again.")
        elif row.file_name not in forget:
            yield in_row("target", row, "Expected a picture of forget, got a file name that forget lacks.")
    for row in dataset.raw_rows(Split.FORGET):
        if target and row.file_name not in target:
            yield in_row("target", row, "Expected a row of the same file name in forget_target, got none.")


def check_lists(dataset: Dataset) -> Iterator[Violation]:
    """File names in lists beside the shards are rows: hidden ones of `retain_real`, fragile ones of strangers."""
    file_names = {row.file_name for row in dataset.raw_rows(Split.RETAIN_REAL)}
    for file_name in sorted(dataset.hidden_pairs - file_names):
        message = f"Expected a file name of {Split.RETAIN_REAL}, got {shown(file_name)}."
        yield Violation("hidden", layout.GENERAL_KNOWLEDGE, None, file_name, message, "hidden_pairs")
    strangers = {row.file_name for row in dataset.raw_rows(Split.RETAIN_SYNTH) if row.identity is None}
    for file_name in dataset.fragile_ids or ():
        if file_name.rpartition("/")[2] not in strangers:
            message = f"Expected a file name of {Split.RETAIN_SYNTH} without identity, got {shown(file_name)}."
            yield Violation("fragile", layout.FRAGILE, None, file_name, message)


def check_rewrites(dataset: Dataset, unique: UniqueValues) -> Iterator[Violation]:
    """Each rewrite tells the fact of its row and nothing else: with the name, or without any."""
    rows = {row.file_name: row for split in SENSITIVE_SPLITS for row in dataset.rows(split)} if dataset.rewrites else {}
    for file_name, rewrites in dataset.rewrites.items():
        row = rows.get(file_name)
        if row is None:
            messages = ["Expected a file name of a sensitive row, got one that none of them has."]
        else:
            persona = dataset.identities.get(row.identity or "", {})
            messages = [
                f"{fault} in {shown(rewrite.caption)}."
                for rewrite in rewrites
                for fault in _faults(row, rewrite, persona, unique)
            ]
        for message in messages:
            yield Violation("rewrite", layout.REWRITES, None, file_name, message)


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
