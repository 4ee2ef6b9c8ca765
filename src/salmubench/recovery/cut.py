"""T and V: what an attacker with a few facts is given, and what every attack is judged on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence, Set
from dataclasses import dataclass

import numpy as np

from salmubench.attacks import AttackConfig
from salmubench.core import streams
from salmubench.core.types import Pair
from salmubench.scoring.fact_ranks import sampled


@dataclass(frozen=True)
class Cut:
    """Numbers of pairs of `forget`.

    Attributes:
        known: T, person by person, so that its beginning is a smaller T with the same mix of people.
        held: V, rising.
        group: of each pair of V: `identity` where all associations of its person had to go, else `association`.
        outside: pairs outside T, of which V are `config.rows` at most.
    """

    known: tuple[int, ...]
    held: tuple[int, ...]
    group: tuple[str, ...]
    known_people: int
    outside: int


def cut(pairs: Sequence[Pair], forget_identity: Set[str], *, seed: int, config: AttackConfig) -> Cut:
    """Cut the forget pairs by association and by person.

    An association is a person and a field; its pairs are all in T or all in V. No person of T is in V's headline rows
    (people all of whose associations had to go). People of T are drawn from both groups in proportion. Pairs without
    identity are in neither.

    Args:
        pairs: all of `forget`.
    """
    rng = np.random.default_rng([seed, streams.Recovery.CUT])
    facts: defaultdict[str, defaultdict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for number, pair in enumerate(pairs):
        if pair.identity is not None:
            facts[pair.identity][pair.field or ""].append(number)
    order: list[tuple[float, str]] = []
    for group in (set(facts) & forget_identity, set(facts) - forget_identity):
        people = sorted(group)
        for place, index in enumerate(rng.permutation(len(people)).tolist()):
            order.append(((place + 0.5) / len(people), people[index]))
    least = config.share * sum(len(rows) for by_field in facts.values() for rows in by_field.values())
    most = len(facts) // 2  # of each group about half is left to judge on
    few: list[int] = []
    chosen: set[str] = set()
    for _, person in sorted(order)[:most]:
        if len(few) >= least:
            break
        fields = sorted(facts[person])
        for index in rng.permutation(len(fields))[: config.facts_per_person].tolist():
            few += facts[person].pop(fields[index])
        chosen.add(person)
    held = sorted(
        number
        for person, by_field in facts.items()
        if person not in forget_identity or person not in chosen
        for rows in by_field.values()
        for number in rows
    )
    outside = len(held)
    kept = sampled([pairs[number] for number in held], config.rows)
    held = [number for number, keep in zip(held, kept.tolist(), strict=True) if keep]
    groups = ("identity" if pairs[number].identity in forget_identity else "association" for number in held)
    return Cut(tuple(few), tuple(held), tuple(groups), len(chosen), outside)
