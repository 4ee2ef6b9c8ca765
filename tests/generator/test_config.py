"""Recipes that make no sense are refused with the field's name."""

from __future__ import annotations

import pytest

from salmubench.core.errors import ConfigError
from salmubench.generator.config import Curation, DatasetConfig


def test_defaults_are_mini():
    config = DatasetConfig()
    assert (config.identities, config.pictures_range, config.size) == (200, (12, 12), 64)
    assert config.aspects[1.0] / sum(config.aspects.values()) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("identities", 3),
        ("identities", True),
        ("pictures_per_identity", 8),  # fewer pictures than fields
        ("pictures_per_identity", (8, 20)),
        ("sensitive_pairs", 2399),
        ("sensitive_pairs", 2401),
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
        ("aspects", {1.0: 0.5, 1.5: 0.4}),  # shares that don't sum to 1
        ("countries", {"FR": 0.7, "DE": 0.7}),
        ("countries", {"FR": 0.5, "DE": 1}),
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


def test_weights_are_shares_or_whole_numbers():
    assert DatasetConfig(countries={"FR": 0.3, "DE": 0.7}).countries == {"FR": 0.3, "DE": 0.7}
    assert DatasetConfig(countries={"FR": 3, "DE": 7}).countries == {"FR": 3.0, "DE": 7.0}
    assert DatasetConfig(countries={"FR": 1 / 3, "DE": 1 / 3, "IT": 1 / 3}).countries is not None
    with pytest.raises(ConfigError, match=r"shares that sum to 1.*a sum of 1\.4"):
        DatasetConfig(countries={"FR": 0.7, "DE": 0.7})


@pytest.mark.parametrize(
    ("field", "value"), [("contrast", -1), ("distance", 256), ("face_inside", 1.1), ("redraws", -1)]
)
def test_limits_of_curation(field, value):
    with pytest.raises(ConfigError, match=rf"dataset\.curation\.{field}"):
        Curation(**{field: value})


def test_aspects_from_text_keys():
    assert DatasetConfig(aspects={"1.5": 2}).aspects == {1.5: 2.0}
