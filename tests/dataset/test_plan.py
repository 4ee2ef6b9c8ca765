"""What is decided before anything is rendered."""

from __future__ import annotations

from collections import Counter

import pytest

from salmubench.dataset.config import DatasetConfig
from salmubench.dataset.plan import integer, make_plan, picture_size
from salmubench.dataset.splits import Group
from salmubench.types import SENSITIVE_SPLITS, Split


@pytest.fixture(scope="module")
def paper():
    """The paper's identities, with fewer pictures each."""
    config = DatasetConfig(
        identities=774, pictures_per_identity=(9, 15), retain_joint=1000, retain_disjoint=500, retain_real=640
    )
    return make_plan(config, 11)


def test_counts_of_the_paper(paper):
    assert Counter(paper.groups) == {Group.FORGET: 193, Group.MIXED: 387, Group.HOLDOUT: 194}
    rows = {split: len(paper.rows(split)) for split in Split}
    total = sum(rows[split] for split in SENSITIVE_SPLITS)
    assert rows[Split.FORGET] / total == pytest.approx(0.5, abs=0.02)
    assert rows[Split.HOLDOUT_ASSOCIATION] / total == pytest.approx(0.25, abs=0.02)
    assert rows[Split.FORGET_TARGET] == rows[Split.FORGET]
    assert rows[Split.RETAIN_SYNTH] == 1500
    assert rows[Split.RETAIN_REAL] == 640
    assert rows[Split.GENERAL_KNOWLEDGE] == 6400


def test_every_picture_has_one_row_name_and_seed(paper):
    pictures = [picture for block in paper.blocks for picture in block.pictures]
    assert len({picture.file_name for picture in pictures}) == len(pictures)
    assert len({picture.seed for picture in pictures}) == len(pictures)
    assert len({block.name for block in paper.blocks}) == len(paper.blocks)
    rows = [row for split in Split if split is not Split.FORGET_TARGET for row in paper.rows(split)]
    assert len(rows) == len(set(rows)) == len(pictures)


def test_identities_are_never_cut(paper):
    owners = [{picture.owner for picture in block.pictures} - {None} for block in paper.blocks]
    assert sum(map(len, owners)) == 774
    assert max(len(block.pictures) for block in paper.blocks) <= 192


def test_countries_and_classes(paper):
    assert len({persona.country_code for persona in paper.personas}) >= 60
    labels = Counter(picture.label for block in paper.blocks for picture in block.pictures
                     if picture.split is Split.RETAIN_REAL)  # fmt: skip
    assert set(labels.values()) == {10}


def test_mixtures_agree_between_splits(paper):
    pictures = [picture for block in paper.blocks for picture in block.pictures]
    for trait in (
        lambda picture: picture.sensitive.style,
        lambda picture: picture.sensitive.field,
        lambda picture: picture.aspect,
        lambda picture: paper.personas[picture.owner].gender,
    ):
        shares = []
        for split in SENSITIVE_SPLITS:
            counts = Counter(trait(picture) for picture in pictures if picture.split is split)
            shares.append({level: count / counts.total() for level, count in counts.items()})
        for level in shares[0]:
            values = [share[level] for share in shares]
            assert max(values) - min(values) < 0.02, level


def test_joint_portraits_show_identities_of_forget(paper):
    groups = [
        paper.groups[picture.owner]
        for block in paper.blocks
        for picture in block.pictures
        if picture.split is Split.RETAIN_SYNTH and picture.owner is not None
    ]
    assert len(groups) == 1000
    assert Group.HOLDOUT not in groups


def test_captions_twice_told_differ_in_style(paper):
    for block in paper.blocks:
        told = Counter(
            (picture.owner, picture.sensitive.field, picture.sensitive.style)
            for picture in block.pictures
            if picture.sensitive is not None
        )
        assert not told or max(told.values()) == 1


@pytest.mark.parametrize(
    ("aspect", "size"), [(1.0, (64, 64)), (1.33, (85, 64)), (0.75, (64, 85)), (1.78, (114, 64)), (0.67, (64, 96))]
)
def test_picture_size(aspect, size):
    assert picture_size(aspect, 64) == size


def test_streams_of_numbers():
    assert integer(1, 2) == integer(1, 2) != integer(2, 1)
    assert 0 <= integer(0) < 2**63
