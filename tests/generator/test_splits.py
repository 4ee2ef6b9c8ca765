"""The division of identities and fields."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest

from salmubench.core.errors import ConfigError
from salmubench.core.types import FIELDS, Split
from salmubench.generator.splits import (
    DeficitAllocator,
    Group,
    divide_identities,
    group_sizes,
    linked_fields,
    spread,
)


@dataclass(frozen=True)
class Someone:
    gender: str
    age: int
    country_code: str
    iban: bool = True
    city: str = "Lyon"

    def value(self, field):
        if field == "iban":
            return "XX1" if self.iban else None
        return {"country_code": f"Land {self.country_code}", "city": self.city}.get(field, f"{field} of {id(self)}")


def people(count, seed=0):
    rng = np.random.default_rng(seed)
    return [
        Someone(
            gender=str(rng.choice(["female", "male"])),
            age=int(rng.integers(21, 80)),
            country_code=(code := "ABCDEFGHIJ"[int(rng.integers(10))]),
            iban=code < "F",
            city=f"Land {code} City" if rng.random() < 0.1 else "Lyon",
        )
        for _ in range(count)
    ]


def test_the_papers_counts():
    assert group_sizes(774) == {Group.FORGET: 193, Group.MIXED: 387, Group.HOLDOUT: 194}


@pytest.mark.parametrize("count", [4, 5, 6, 7, 8, 13, 200, 1000])
def test_group_sizes(count):
    sizes = group_sizes(count)
    assert sum(sizes.values()) == count
    assert sizes[Group.FORGET] >= 1
    assert sizes[Group.HOLDOUT] >= 1
    assert sizes[Group.MIXED] >= 2
    if count >= 8:
        assert sizes[Group.MIXED] == pytest.approx(count / 2, abs=1)


def test_too_few_identities():
    with pytest.raises(ConfigError, match="at least 4 identities"):
        group_sizes(3)


def test_groups_are_alike():
    crowd = people(400)
    groups = divide_identities(crowd, 3)
    assert Counter(groups) == group_sizes(400)
    for trait in (
        lambda person: person.gender,
        lambda person: person.country_code,
        lambda person: person.age // 20,
        lambda person: person.iban,
    ):
        overall = Counter(map(trait, crowd))
        for group in Group:
            inside = Counter(trait(person) for person, own in zip(crowd, groups, strict=True) if own is group)
            total = sum(inside.values())
            for level, count in overall.items():
                # Dealing at random would miss by up to 0.1 for the larger levels.
                assert inside[level] / total == pytest.approx(count / len(crowd), abs=0.035)


def test_division_depends_on_the_seed():
    crowd = people(60)
    assert divide_identities(crowd, 1) == divide_identities(crowd, 1)
    assert divide_identities(crowd, 1) != divide_identities(crowd, 2)


def allocate_all(crowd, pictures, seed=0):
    groups = divide_identities(crowd, seed)
    allocator = DeficitAllocator(seed)
    return groups, [
        allocator.allocate(index, person, group, pictures)
        for index, (person, group) in enumerate(zip(crowd, groups, strict=True))
    ]


@pytest.mark.parametrize("pictures", [2, 5, 9, 12, 40])
def test_no_field_crosses(pictures):
    crowd = people(80)
    groups, allocated = allocate_all(crowd, pictures)
    for person, group, associations in zip(crowd, groups, allocated, strict=True):
        assert len(associations) == pictures
        sides = {split: {field for where, field in associations if where == split} for split in Split}
        used = {split for split, fields in sides.items() if fields}
        if group is Group.FORGET:
            assert used == {Split.FORGET}
        elif group is Group.HOLDOUT:
            assert used == {Split.HOLDOUT_IDENTITY}
        else:
            assert used == {Split.FORGET, Split.HOLDOUT_ASSOCIATION}
            assert not sides[Split.FORGET] & sides[Split.HOLDOUT_ASSOCIATION]
            rows = Counter(split for split, _ in associations)
            assert abs(rows[Split.FORGET] - rows[Split.HOLDOUT_ASSOCIATION]) <= pictures % 2
        present = {field for field in FIELDS if person.value(field) is not None}
        assert {field for _, field in associations} <= present
        if pictures >= len(FIELDS):
            assert {field for _, field in associations} == present


def test_linked_values_stay_together():
    person = Someone("female", 30, "MX", city="Land MX City")
    assert ("country_code", "city") in linked_fields(person)
    sides = []
    for seed in range(20):
        allocated = DeficitAllocator(seed).allocate(0, person, Group.MIXED, 12)
        where = {split for split, field in allocated if field in ("country_code", "city")}
        assert len(where) == 1
        sides += where
    crowd = [person] * 40
    allocator = DeficitAllocator(0)
    for index, someone in enumerate(crowd):
        allocated = allocator.allocate(index, someone, Group.MIXED, 12)
        sides += {split for split, field in allocated if field == "city"}
    assert set(sides) == {Split.FORGET, Split.HOLDOUT_ASSOCIATION}


def test_splits_have_the_same_fields():
    _groups, allocated = allocate_all(people(200), 12)
    shares = {}
    for split in (Split.FORGET, Split.HOLDOUT_ASSOCIATION, Split.HOLDOUT_IDENTITY):
        fields = Counter(field for associations in allocated for where, field in associations if where == split)
        shares[split] = {field: fields[field] / fields.total() for field in FIELDS}
    for field in FIELDS:
        values = [share[field] for share in shares.values()]
        assert max(values) - min(values) < 0.01
    rows = Counter(split for associations in allocated for split, _ in associations)
    assert rows[Split.FORGET] == 1200
    assert rows[Split.HOLDOUT_ASSOCIATION] == rows[Split.HOLDOUT_IDENTITY] == 600


def test_spread_is_exact():
    keys = spread({1.0: 5, 1.5: 2, 0.67: 3}, 100, [1])
    assert Counter(keys) == {1.0: 50, 1.5: 20, 0.67: 30}
    assert keys != sorted(keys)
    assert Counter(spread({1.0: 1, 2.0: 1, 0.5: 1}, 4, [0])).total() == 4
    assert spread({1.0: 1}, 0, [0]) == []
