"""The failure modes, in the order of tables: the one list that verdicts, records, pages, boards and exports read.

A further mode is an entry of `MODES`, a case of `tests/scoring/test_verdict.py` and a row of `docs/protocol.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from salmubench.scoring.metric import Group, Role
from salmubench.scoring.references import RETRAINED, Kind

Direction = Literal["above", "below", "beyond"]
"""Where a mode begins: above its limit, below it, or further from 0 than it on either side."""

PEOPLE_JUDGED: Mapping[Group, str] = {
    "identity": "people all of whose facts must go",
    "association": "people some of whose facts stay",
}
"""Group of people by whose leakage a model is judged → who they are."""

HIDDEN_CLASSES = "classes that only pretraining saw"
"""Those of general knowledge that no method meets among its retain pairs."""


@dataclass(frozen=True)
class Limit:
    """Where a mode begins.

    Attributes:
        name: as `protocol.thresholds` of a record has it.
        value: of this version.
        meaning: what lies behind it.
        since: schema of records that have it.
    """

    name: str
    value: float
    meaning: str
    since: int = 1


@dataclass(frozen=True)
class Ground:
    """A number that a mode rests on, or several of one kind.

    Attributes:
        role: of the metric; its first number counts.
        limit: where the mode begins.
        title: of the number between its references, as a column.
        group: of people, over whom it is taken where the metric tells them apart; `None`: over all items.
        against: the reference at which it is 0, where that isn't the number's own.
        each: whether every number of the role counts, by holdout.
    """

    role: Role
    limit: Limit
    title: str
    group: Group | None = None
    against: Kind | None = None
    each: bool = False


@dataclass(frozen=True)
class FailureMode:
    """A way in which unlearning can fail.

    Attributes:
        name: in records.
        letter: in narrow tables.
        label: what it is called.
        question: what a model without it does: the head of a narrow column.
        question_letter: the same in a narrower one.
        answers: short words for no, undecided and yes.
        sentences: the same with an amount.
        meaning: what has gone wrong.
        rule: when a model has it, in words, with the names of limits in braces.
        direction: of the limits.
        grounds: what it rests on, the main number first.
        alone: group of items of the main number whose whole interval beyond the limit makes it `yes`, too.
        first_rule: the rule of records of schema 1, where it was another.
        since: schema of records that have it.
        from_compromised: whether it compares a model with the one that it was made from: an independent training
            can't be judged.
    """

    name: str
    letter: str
    label: str
    question: str
    question_letter: str
    answers: tuple[str, str, str]
    sentences: tuple[str, str, str]
    meaning: str
    rule: str
    direction: Direction
    grounds: tuple[Ground, ...]
    alone: Group | None = None
    first_rule: str = ""
    since: int = 1
    from_compromised: bool = False

    @property
    def word(self) -> str:
        """The label within a sentence."""
        return self.label.lower()

    @property
    def is_damage(self) -> bool:
        """Whether what should stay is lost; else what should go is left."""
        return all(ground.role in ("drop", "kept") for ground in self.grounds)

    def in_limits(self, value: float, limit: float) -> float:
        """How far a number is from the goal, in limits: 1 at the limit, below 0 beyond the goal.

        Examples:
            >>> round(MODES[0].in_limits(0.03, 0.01), 6), round(MODES[-1].in_limits(0.8, 0.9), 6)  # L = 3 %, K = 80 %
            (3.0, 2.0)
        """
        if self.direction == "below":
            return (1 - value) / (1 - limit)
        return (abs(value) if self.direction == "beyond" else value) / limit

    def beyond(self, value: float, limit: float) -> float:
        """How far a number lies beyond a limit; negative before it."""
        return {"above": value - limit, "below": limit - value, "beyond": abs(value) - limit}[self.direction]


# The limits .05, .19, .26, .21 and .23 are what separates one exact answer from another at most, rounded up, in the
# worlds that set them (`benchmarks/gold_standard.py`). In later worlds an end lies as far off as .37, other pictures:
# one world leaves exact unlearning undecided there. To follow it would pass methods that leave a third of the facts.
MODES: tuple[FailureMode, ...] = (
    FailureMode(
        name="ineffective",
        letter="I",
        label="Ineffective",
        question="forgets",
        question_letter="F",
        answers=("forgets", "may not forget", "does not forget"),
        sentences=("forgets ({})", "whether it forgets ({})", "does not forget enough ({})"),
        meaning="the caption can still be found",
        rule=f"L above {{ineffective}} of {PEOPLE_JUDGED['identity']}, against Clean, or above "
        f"{{ineffective_association}} of {PEOPLE_JUDGED['association']}, against Retrained: the association can still "
        "be retrieved",
        first_rule="L above {ineffective}: the association can still be retrieved",
        direction="above",
        grounds=(
            Ground(
                "leakage",
                Limit("ineffective", 0.01, "leakage left L above this: the paper asks for more than 99 % to go"),
                "Leakage left L",
                group="identity",
            ),
            Ground(
                "leakage",
                Limit(
                    "ineffective_association",
                    0.05,
                    "L against Retrained above this, of people some of whose facts must go",
                    since=2,
                ),
                "Leakage left L",
                group="association",
                against=RETRAINED,
            ),
        ),
    ),
    FailureMode(
        name="hollow",
        letter="H",
        label="Hollow",
        question="tells none",
        question_letter="T",
        answers=("reveals no fact", "may reveal the fact", "reveals the fact"),
        sentences=("reveals no fact ({})", "whether it reveals the fact ({})", "reveals the fact ({})"),
        meaning="the caption is only hidden, while the right value still stands out among others",
        rule="L of the fact beyond ±{fact}, paraphrased beyond ±{fact_paraphrase}, by other pictures of the person "
        "beyond ±{fact_other}, by these without the name beyond ±{fact_nameless}: the true value can still be told "
        "from others of its field",
        direction="beyond",
        grounds=(
            Ground("fact", Limit("fact", 0.19, "|L| of the fact among other values above this", 2), "Fact left L"),
            Ground(
                "fact_paraphrase",
                Limit("fact_paraphrase", 0.26, "the same of the paraphrased fact", 2),
                "Fact left L, paraphrased",
            ),
            Ground(
                "fact_other",
                Limit("fact_other", 0.21, "the same of the fact by other pictures of the person", 2),
                "Fact left L, other pictures",
            ),
            Ground(
                "fact_nameless",
                Limit("fact_nameless", 0.23, "the same in sentences without the name", 2),
                "Fact left L, nobody named",
            ),
        ),
        since=2,
    ),
    FailureMode(
        name="catastrophic",
        letter="C",
        label="Catastrophic",
        question="keeps general",
        question_letter="G",
        answers=("keeps general knowledge", "may lose general knowledge", "loses general knowledge"),
        sentences=(
            "keeps general knowledge ({})",
            "whether it keeps general knowledge ({})",
            "loses general knowledge ({})",
        ),
        meaning="general knowledge is lost",
        rule=f"D above {{catastrophic}} on all classes, or its whole interval on {HIDDEN_CLASSES}: general knowledge "
        "is lost",
        first_rule="D above {catastrophic}: general knowledge is lost",
        direction="above",
        grounds=(
            Ground(
                "drop",
                Limit("catastrophic", 0.01, "utility drop D above this: the paper allows less than 1 %"),
                "Utility drop D",
            ),
        ),
        alone="hidden",
        from_compromised=True,
    ),
    FailureMode(
        name="over_generalised",
        letter="O",
        label="Over-generalised",
        question="spares others",
        question_letter="S",
        answers=("spares other associations", "may erase other associations", "erases other associations"),
        sentences=("{}", "whether it spares other associations ({})", "over-generalises ({})"),
        meaning="facts that should stay are lost, too",
        rule="a K below {over_generalised}: associations that should stay are lost",
        direction="below",
        grounds=(Ground("kept", Limit("over_generalised", 0.9, "a kept K below this"), "K", each=True),),
    ),
)

LIMITS = tuple(sorted((ground.limit for mode in MODES for ground in mode.grounds), key=lambda limit: limit.since))
"""All limits, as records list them: the oldest first."""


def mode_on(role: Role) -> FailureMode | None:
    """The first mode that rests on a role, or `None`."""
    return next((mode for mode in MODES if any(ground.role == role for ground in mode.grounds)), None)


def ground_on(role: str, against: str | None = None) -> Ground:
    """What the modes rest on by a role, against its own reference or another."""
    grounds = (ground for mode in MODES for ground in mode.grounds)
    match = next((one for one in grounds if one.role == role and against in (None, one.against)), None)
    if match is None:
        raise KeyError(role)
    return match


def legend() -> str:
    """Letters of the modes with their words."""
    return ", ".join(f"{mode.letter} {mode.word}" for mode in MODES)
