"""What is decided before anything is rendered."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from salmubench.core.types import FIELDS, SENSITIVE_SPLITS, Split
from salmubench.dataset.groups import Group
from salmubench.dataset.phrasings import STYLES
from salmubench.drawing.sizes import picture_size
from salmubench.generator.config import DatasetConfig
from salmubench.generator.plan import hidden_labels, integer, make_plan
from salmubench.workflow import recipe as recipes


@pytest.fixture(scope="module")
def paper():
    """The recipe `small` has the paper's counts."""
    return make_plan(recipes.load("small").recipe.dataset, 11)


def test_counts_of_the_paper(paper):
    """The release: 774 identities; forget 30,468; both holdouts about 15,000; retain_synth 16,741."""
    assert Counter(paper.groups) == {Group.FORGET: 193, Group.MIXED: 387, Group.HOLDOUT: 194}
    rows = {split: len(paper.rows(split)) for split in Split}
    assert sum(rows[split] for split in SENSITIVE_SPLITS) == 61_000
    assert rows[Split.FORGET] == pytest.approx(30_468, rel=0.02)
    assert rows[Split.HOLDOUT_ASSOCIATION] == pytest.approx(15_250, rel=0.03)
    assert rows[Split.HOLDOUT_IDENTITY] == pytest.approx(15_250, rel=0.03)
    assert rows[Split.FORGET_TARGET] == rows[Split.FORGET]
    assert rows[Split.RETAIN_SYNTH] == 16_741
    assert rows[Split.RETAIN_REAL] == 60_600
    assert rows[Split.GENERAL_KNOWLEDGE] == 20_200
    told = {(picture.sensitive.field, picture.sensitive.style) for block in paper.blocks for picture in block.pictures
            if picture.sensitive is not None}  # fmt: skip
    assert len(told) == 9 * 5


def test_pictures_of_an_identity(paper):
    """25 to 100, three quarters of that range on average: 61,000 in all."""
    numbers = Counter(picture.owner for block in paper.blocks for picture in block.pictures if picture.sensitive)
    assert len(numbers) == 774
    assert 25 <= min(numbers.values()) < 40
    assert max(numbers.values()) == 100
    assert len(set(numbers.values())) > 50


@pytest.mark.parametrize("total", [36, 37, 50, 79, 80])
def test_numbers_of_pictures_sum_up(total):
    config = DatasetConfig(identities=4, pictures_per_identity=(9, 20), sensitive_pairs=total, retain_joint=0,
                           retain_disjoint=0, retain_real=0, general_knowledge_per_class=0)  # fmt: skip
    plan = make_plan(config, 1)
    numbers = Counter(picture.owner for block in plan.blocks for picture in block.pictures)
    assert sum(numbers.values()) == total
    assert all(9 <= count <= 20 for count in numbers.values())


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
    assert len(labels) == 202
    assert set(labels.values()) == {300}


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


def test_captions_told_again_take_turns_in_style(paper):
    for block in paper.blocks:
        told = Counter(
            (picture.owner, picture.sensitive.field, picture.sensitive.style)
            for picture in block.pictures
            if picture.sensitive is not None
        )
        for owner, field, _ in told:
            counts = [told[owner, field, style] for style in STYLES]
            assert max(counts) - min(counts) <= 1


@pytest.mark.parametrize(
    ("aspect", "size"), [(1.0, (64, 64)), (1.33, (85, 64)), (0.75, (64, 85)), (1.78, (114, 64)), (0.67, (64, 96))]
)
def test_picture_size(aspect, size):
    assert picture_size(aspect, 64) == size


def test_hidden_classes_of_the_recipes():
    counts = {name: recipes.load(name).recipe.dataset for name in ("tiny", "mini", "medium", "small", "paper")}
    assert {name: config.hidden_count for name, config in counts.items()} == {
        "tiny": 1, "mini": 16, "medium": 50, "small": 50, "paper": 50,
    }  # fmt: skip
    assert DatasetConfig().hidden_count == 16
    assert [DatasetConfig(classes=classes).hidden_count for classes in (2, 3, 4, 100)] == [0, 0, 1, 25]


def test_hidden_labels_follow_the_seed():
    """Drawn from a stream of their own; one class more hides the same ones and another."""
    found = {seed: hidden_labels(DatasetConfig(), seed) for seed in range(20)}
    assert found == {seed: hidden_labels(DatasetConfig(), seed) for seed in range(20)}
    assert found[0] == [6, 8, 9, 19, 20, 28, 30, 33, 34, 45, 49, 50, 55, 56, 57, 62]
    assert len({tuple(labels) for labels in found.values()}) == 20
    assert len({label for labels in found.values() for label in labels}) > 55  # of 64: each seed leaves out 3 of 4
    for labels in found.values():
        assert len(set(labels)) == 16
    assert set(found[7]) < set(hidden_labels(DatasetConfig(hidden_classes=17), 7))
    assert hidden_labels(DatasetConfig(hidden_classes=0), 7) == []


def test_streams_of_numbers():
    assert integer(1, 2) == integer(1, 2) != integer(2, 1)
    assert 0 <= integer(0) < 2**63


def test_the_trials_recipe_keeps_its_bounds() -> None:
    """At most 22,000 pictures, 1,500 rows to forget, and 210,000 sights of the three references together."""
    recipe = recipes.load(Path(__file__).parents[2] / "benchmarks" / "worlds.yaml").recipe
    plan = make_plan(recipe.dataset, 1000)
    rows = {split: len(plan.rows(split)) for split in Split if split is not Split.FORGET_TARGET}
    assert sum(rows.values()) <= 22_000
    assert rows[Split.FORGET] <= 1_500
    holdouts = rows[Split.HOLDOUT_IDENTITY] + rows[Split.HOLDOUT_ASSOCIATION]
    sensitive = recipe.pretrain.sensitive_repeats * (rows[Split.FORGET] + 2 * holdouts)
    sights = recipe.pretrain.epochs * (3 * (rows[Split.RETAIN_SYNTH] + rows[Split.RETAIN_REAL]) + sensitive)
    assert sights <= 210_000
    fields = {picture.sensitive.field for block in plan.blocks for picture in block.pictures if picture.sensitive}
    assert fields == set(FIELDS)
