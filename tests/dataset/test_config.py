"""Recipes that make no sense are refused with the field's name."""

from __future__ import annotations

import pytest

from salmubench.dataset.config import DatasetConfig
from salmubench.errors import ConfigError


def test_defaults_are_mini():
    config = DatasetConfig()
    assert (config.identities, config.pictures_range, config.size) == (200, (12, 12), 64)
    assert config.aspects[1.0] / sum(config.aspects.values()) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("identities", 3),
        ("identities", True),
        ("pictures_per_identity", 1),
        ("pictures_per_identity", (5, 4)),
        ("pictures_per_identity", 1000),
        ("retain_joint", -1),
        ("retain_disjoint", -1),
        ("retain_real", -1),
        ("retain_real", 10),
        ("general_knowledge_per_class", -1),
        ("classes", 1),
        ("size", 8),
        ("samples", 0),
        ("rows_per_shard", 0),
        ("workers", -1),
        ("aspects", {}),
        ("aspects", {1.0: 0}),
        ("aspects", {9.0: 1}),
        ("aspects", {"wide": 1}),
        ("aspects", {1.0: float("nan")}),
        ("countries", {}),
        ("countries", {"fr": 1}),
        ("countries", {False: 1}),
        ("styles", ()),
        ("styles", ("formal", "formal")),
        ("styles", ("shouted",)),
    ],
)
def test_nonsense(field, value):
    with pytest.raises(ConfigError, match=rf"dataset\.{field}"):
        DatasetConfig(**{field: value})


def test_aspects_from_text_keys():
    assert DatasetConfig(aspects={"1.5": 2}).aspects == {1.5: 2.0}
