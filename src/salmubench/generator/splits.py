"""Who and what goes into which split.

Identities are divided first, into three groups in the paper's proportions 193 : 387 : 194. In a mixed identity the
*fields* are then divided between `forget` and `holdout_association`, so that no value crosses. Both divisions allocate
by deficit: each item goes where its kind is scarcest, so that all splits have the same mixture.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from salmubench.core import streams
from salmubench.core.types import FIELDS, Split
from salmubench.dataset.apportion import apportion
from salmubench.dataset.groups import Group, group_sizes
from salmubench.dataset.leaks import contains
from salmubench.generator.personas import Persona

SIDES: Mapping[Group, tuple[Split, ...]] = {
    Group.FORGET: (Split.FORGET,),
    Group.MIXED: (Split.FORGET, Split.HOLDOUT_ASSOCIATION),
    Group.HOLDOUT: (Split.HOLDOUT_IDENTITY,),
}
"""The splits that an identity's pictures go to."""


def divide_identities(people: Sequence[Persona], seed: int) -> list[Group]:
    """Divide identities so that country, gender, age and missing IBANs are mixed alike in the three groups.

    In random order, each goes to the group where people like it are scarcest (minimisation, after Pocock and Simon).
    """
    sizes = group_sizes(len(people))
    share = {group: size / len(people) for group, size in sizes.items()}
    seen: Counter[str] = Counter()
    placed: Counter[tuple[Group, str]] = Counter()
    free = dict(sizes)
    groups: dict[int, Group] = {}
    rng = np.random.default_rng([seed, streams.Plan.GROUPS])
    for index in rng.permutation(len(people)).tolist():
        traits = _traits(people[index])
        seen.update(traits)
        ties = dict(zip(Group, rng.random(len(Group)).tolist(), strict=True))
        open_groups = [group for group in Group if free[group]]

        def need(group: Group, traits: Sequence[str] = traits, ties: Mapping[Group, float] = ties) -> float:
            deficit = sum(share[group] * seen[trait] - placed[group, trait] for trait in traits)
            return deficit + 1e-6 * ties[group]

        chosen = max(open_groups, key=need)
        groups[index] = chosen
        free[chosen] -= 1
        placed.update((chosen, trait) for trait in traits)
    return [groups[index] for index in range(len(people))]


def _traits(person: Persona) -> list[str]:
    return [
        "anyone",
        person.country_code,
        person.gender,
        f"{person.gender} of {person.country_code}",
        f"age {person.age // 20}",
        f"iban {person.value('iban') is not None}",
    ]


@dataclass
class DeficitAllocator:
    """Allocates the fields of identities to pictures, one identity after the other, and keeps the totals even.

    Args:
        seed: decides about ties and about the order of an identity's pictures.
        most_fields: how many fields of an identity are stated; of those that it has, the ones that are scarcest.
    """

    seed: int
    most_fields: int = len(FIELDS)
    _known: Counter[tuple[Group, str]] = field(default_factory=Counter)  # identities by group and chosen field
    _field_counts: Counter[tuple[Split, str]] = field(default_factory=Counter)  # rows by split and field
    _fields: Counter[tuple[Split, str]] = field(default_factory=Counter)  # mixed identities by side and field
    _rows: Counter[Split] = field(default_factory=Counter)  # rows of mixed identities by side

    def allocate(self, index: int, person: Persona, group: Group, pictures: int) -> list[tuple[Split, str]]:
        """Give each picture of an identity its split and field.

        Every field that the persona has is stated at least once if there are as many pictures as fields; there are at
        least as many as the group has sides.
        """
        rng = np.random.default_rng([self.seed, streams.Plan.FIELDS, index])
        units = self._choose(index, linked_fields(person), group)
        sides = SIDES[group]
        if len(sides) == 1:
            divided = {sides[0]: [name for unit in units for name in unit]}
            quota = {sides[0]: pictures}
        else:
            quota = self._quota(pictures, rng)
            divided = self._divide(units, quota, rng)
        allocated = [
            (split, name)
            for split, fields in divided.items()
            for name in self._repeat(split, fields, quota[split], rng)
        ]
        return [allocated[position] for position in rng.permutation(len(allocated)).tolist()]

    def _choose(self, index: int, units: list[tuple[str, ...]], group: Group) -> list[tuple[str, ...]]:
        """Choose the fields to state: the scarcest in the group, one of each unit while there are units left."""
        if sum(map(len, units)) <= self.most_fields:
            return units
        rng = np.random.default_rng([self.seed, streams.Plan.KNOWN_FIELDS, index])
        ties = {name: rng.random() for unit in units for name in unit}
        ranked = [sorted(unit, key=lambda name: (self._known[group, name], ties[name])) for unit in units]
        order = sorted(
            (place, self._known[group, name], ties[name], name)
            for unit in ranked
            for place, name in enumerate(unit)
        )  # fmt: skip
        chosen = {name for *_, name in order[: self.most_fields]}
        self._known.update((group, name) for name in chosen)
        kept = (tuple(name for name in unit if name in chosen) for unit in units)
        return [unit for unit in kept if unit]

    def _quota(self, pictures: int, rng: np.random.Generator) -> dict[Split, int]:
        first, second = sorted(SIDES[Group.MIXED], key=lambda split: (self._rows[split], rng.random()))
        quota = {first: pictures - pictures // 2, second: pictures // 2}
        self._rows.update(quota)
        return quota

    def _divide(
        self, units: Sequence[tuple[str, ...]], quota: Mapping[Split, int], rng: np.random.Generator
    ) -> dict[Split, list[str]]:
        """Divide the fields between two splits, about in half, linked ones together."""
        forget, holdout = SIDES[Group.MIXED]
        count = sum(map(len, units))
        lead = sum(self._fields[forget, str(name)] - self._fields[holdout, str(name)] for name in FIELDS)
        target = count // 2 if lead > 0 else count - count // 2  # the odd field goes to the side that is behind
        if sum(quota.values()) >= count:  # then each field must find a picture
            target = min(max(target, count - quota[holdout]), quota[forget])
        divided: dict[Split, list[str]] = {forget: [], holdout: []}
        scarce = {
            unit: sum(self._fields[forget, name] - self._fields[holdout, name] for name in unit) / len(unit)
            for unit in units
        }
        order = sorted(units, key=lambda unit: (-len(unit), scarce[unit], rng.random()))
        for unit in order:
            here = forget if len(divided[forget]) + len(unit) <= target else holdout
            # A linked pair is allocated first: without this it would always lie in `forget`.
            if len(unit) > 1 and scarce[unit] > 0 and len(unit) <= count - target:
                here = holdout
            divided[here] += unit
        for split, names in divided.items():
            self._fields.update((split, name) for name in names)
        return divided

    def _repeat(self, split: Split, fields: Sequence[str], pictures: int, rng: np.random.Generator) -> list[str]:
        """Repeat each field equally often; the remainder goes to the fields that are rarest in the split."""
        whole, rest = divmod(pictures, len(fields))
        scarcest = sorted(fields, key=lambda name: (self._field_counts[split, name], rng.random()))
        repeated = [*fields] * whole + scarcest[:rest]
        self._field_counts.update((split, name) for name in repeated)
        return repeated


def linked_fields(person: Persona) -> list[tuple[str, ...]]:
    """Fields the persona has, in units that must stay on one side.

    Where one value contains another as whole words (Mexico City, Mexico), stating the one states the other.
    """
    values = {str(name): value for name in FIELDS if (value := person.value(name)) is not None}
    units: list[set[str]] = []
    for name, value in values.items():
        joined = {name}
        apart = []
        for unit in units:
            if any(contains(value, values[other]) or contains(values[other], value) for other in unit):
                joined |= unit
            else:
                apart.append(unit)
        units = [*apart, joined]
    order = list(values)
    return sorted((tuple(sorted(unit, key=order.index)) for unit in units), key=lambda unit: order.index(unit[0]))


def spread(weights: Mapping[float, float], count: int, seed: Sequence[int]) -> list[float]:
    """Repeat keys in proportion to their weights (largest remainder), in random order."""
    total = sum(weights.values())
    counts = apportion([count * weight / total for weight in weights.values()], count)
    rng = np.random.default_rng(list(seed))
    keys = [key for key, times in zip(weights, counts, strict=True) for _ in range(times)]
    return [keys[position] for position in rng.permutation(len(keys)).tolist()]
