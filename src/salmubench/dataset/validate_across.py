"""Rules between splits: who and what may stand in one of them only, and what two of them share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from salmubench.core.reading import shown
from salmubench.core.types import Split
from salmubench.dataset import layout
from salmubench.dataset.layout import Dataset, RawRow
from salmubench.dataset.leaks import folded
from salmubench.dataset.violations import Violation, in_row


class RowAssociation(NamedTuple):
    """A sensitive row of an identity.

    Attributes:
        value: that its caption states; `None` where it can't be known.
    """

    split: Split
    value: str | None
    row: RawRow


def check_crossings(associations: Mapping[str, Sequence[RowAssociation]], dataset: Dataset) -> Iterator[Violation]:
    """No value in `forget` and a holdout, in whatever case; nobody in `holdout_identity` and elsewhere.

    Args:
        associations: of each identity, all splits together.
    """
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
    """No sensitive caption among the retain pairs, which Clean is trained on.

    Args:
        captions: sensitive captions, folded → where they stand.
    """
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
