"""A quick look: fewer rows, the same people, another fingerprint."""

from __future__ import annotations

from pathlib import Path

import pytest

from salmubench.core.errors import ConfigError
from salmubench.core.types import Split
from salmubench.dataset.layout import open_dataset
from salmubench.dataset.limited import Limited, limited


def test_rows_pictures_and_targets_belong_together(tiny_folder: Path) -> None:
    whole = open_dataset(tiny_folder)
    look = Limited(whole, 5)
    assert look.counts == {
        split: rows if split == Split.RETAIN_REAL else min(rows, 5) for split, rows in whole.counts.items()
    }
    for split in whole.counts:
        rows, pictures = whole.rows(split), list(whole.images(split))
        known = {(row.file_name, row.identity): picture for row, picture in zip(rows, pictures, strict=True)}
        seen = list(look.images(split))
        assert [known[row.file_name, row.identity] for row in look.rows(split)] == seen
        assert list(look.images(split, 1, 3)) == seen[1:3]
        assert [rows.index(row) for row in look.rows(split)] == sorted(rows.index(row) for row in look.rows(split))
    assert [row.file_name for row in look.rows(Split.FORGET_TARGET)] == [
        row.file_name for row in look.rows(Split.FORGET)
    ]
    assert len({row.identity for row in look.rows(Split.FORGET)}) > 2  # spread over the people, not the first ones
    assert look.forget_identity_ids() <= whole.forget_identity_ids()
    assert (look.genders, look.general_knowledge) == (whole.genders, whole.general_knowledge)


def test_it_is_another_dataset(tiny_folder: Path) -> None:
    whole = open_dataset(tiny_folder)
    prints = {whole.fingerprint, Limited(whole, 5).fingerprint, Limited(whole, 6).fingerprint}
    assert len(prints) == 3
    assert Limited(whole, 5).fingerprint in prints
    assert (limited(whole, None), whole.limit, Limited(whole, 5).limit) == (whole, None, 5)
    assert Limited(whole, 10**6).counts == whole.counts


@pytest.mark.parametrize("limit", [1, 0, -3])
def test_a_limit_leaves_something_to_compare(tiny_folder: Path, limit: int) -> None:
    with pytest.raises(ConfigError, match=f"--limit of 2 or more rows of each split, got {limit}"):
        Limited(open_dataset(tiny_folder), limit)
