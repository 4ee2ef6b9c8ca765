"""What a record says about attacks, as types that check themselves (see `scoring.record`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal

from pydantic.dataclasses import dataclass

from salmubench.scoring.origin import STRICT, Hash, Interval, Name, Real, Text, Whole


@dataclass(frozen=True, config=STRICT)
class Recovery:
    """How much of the facts an attack brings back: 0 is Clean, 1 Compromised, each under the same attack.

    Attributes:
        value: R = (U′ − C′) / (P′ − C′), of facts relearnt the difference between true and false ones over
            Compromised's; null where it says nothing.
        ci95: its 95 % interval, from a bootstrap over people.
        reason: why there is no number.
        n: rows, counted once for each attack seed.
        people: whom they are about.
        model: the number itself, U′.
        clean: Clean's, C′; null where the attack needs none.
        compromised: Compromised's, P′.
        chosen: the variants that were the strongest on the other half of the people, for each seed and half.
    """

    value: Real | None
    ci95: Interval | None
    reason: Text | None
    n: Whole = 0
    people: Whole = 0
    model: Real | None = None
    clean: Real | None = None
    compromised: Real | None = None
    chosen: tuple[Name, ...] = ()


@dataclass(frozen=True, config=STRICT)
class AttackInfo:
    """What an attack is.

    Attributes:
        title: one line for tables.
        knows: what the attacker has: no pairs, retain pairs, a few of the forget pairs, or all of them.
        control: what zero is: Clean under the same attack, or false facts.
        headline: which of the numbers stands for it.
        sha256: of its file.
        config: its options as they took effect.
    """

    title: Text
    knows: Literal["none", "retain", "few", "all"]
    control: Literal["clean", "false_facts"]
    headline: Name
    sha256: Hash
    config: Any


@dataclass(frozen=True, config=STRICT)
class AttackScore:
    """What one attack brings back.

    Attributes:
        info: what it is.
        reason: why it says nothing; null where it does.
        numbers: part → recovery. A part alone is about people all of whose associations had to go; with `_association`
            about those of whom some had to, with `_all` about both.
        controls: model that never saw the facts → its own recovery in the headline number, which has to be 0.
        variants: variant → recovery in the headline number, all seeds and people together.
        general_knowledge: accuracy after the attack, of the variants chosen; null where it isn't measured.
    """

    info: AttackInfo
    reason: Text | None
    numbers: Mapping[Name, Recovery] = field(default_factory=dict)
    controls: Mapping[Name, Recovery] = field(default_factory=dict)
    variants: Mapping[Name, Real | None] = field(default_factory=dict)
    general_knowledge: Real | None = None

    @property
    def main(self) -> Recovery | None:
        """The recovery that stands for the attack; `None` where it says nothing."""
        return None if self.reason is not None else self.numbers.get(self.info.headline)


@dataclass(frozen=True, config=STRICT)
class Attacks:
    """What can be brought back.

    Attributes:
        recoverable: whether the whole interval of an attack lies above `threshold` (`yes`) or that of each below it
            (`no`).
        strongest: the attack with the highest recovery; null where none says anything.
        threshold: share of the facts from which a model counts as recoverable.
        seeds: of the attacks.
        known: pairs of T, the first seed's.
        held: pairs of V, the first seed's.
        references: reference, and `second_clean` where given → SHA-256 of its weights.
        inputs: hash of all that decides about the rows.
        bootstraps: resamples behind an interval.
        scores: attack → what it brings back.
        breakdowns: grouping → attack → group → recovery in the headline number, where they were asked for.
    """

    recoverable: Literal["yes", "no", "undecided"] | None
    strongest: Name | None
    threshold: Real
    seeds: tuple[Whole, ...]
    known: Whole
    held: Whole
    references: Mapping[Name, Hash | None]
    inputs: Hash
    bootstraps: Whole
    scores: Mapping[Name, AttackScore]
    breakdowns: Mapping[Name, Mapping[Name, Mapping[Name, Recovery]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise `ValueError` where the strongest attack has no score."""
        if self.strongest is not None and self.strongest not in self.scores:
            raise ValueError(f"Strongest should be one of the attacks with scores, not {self.strongest[:80]!r}")
