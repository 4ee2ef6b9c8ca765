"""The reference models: the one list that training, records, pages, boards and exports read.

A further reference is a name of `Kind` and an entry of `REFERENCES`, what `pretrain` trains it on, and its test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from salmubench.scoring.record import RunRecord

Kind = Literal["clean", "compromised", "retrained"]
"""Names of the references."""
CLEAN: Final = "clean"
COMPROMISED: Final = "compromised"
RETRAINED: Final = "retrained"


@dataclass(frozen=True)
class Reference:
    """A model that others are measured by.

    Attributes:
        name: in records, folders and commands.
        label: what it is called.
        beside: what it is trained on beside the retain pairs: a part of the shards; `None`: nothing.
        goal: what it is the goal of, in words.
        optional: whether a run may lack it: then what should be measured from it is measured from Clean.
        judged: whether it has views and a verdict like a method, since it stands at neither end of them.
        warning: what its model card says; `{data}` and `{people}` tell whose.
        untrainable: why it can't be trained where there are no such pairs.
    """

    name: Kind
    label: str
    beside: Literal["sensitive", "holdouts"] | None
    goal: str
    warning: str
    untrainable: str = ""
    optional: bool = False
    judged: bool = False


REFERENCES: tuple[Reference, ...] = (
    Reference(
        CLEAN,
        "Clean",
        beside=None,
        goal="what must be forgotten",
        warning="This model never saw the private data that its sibling Compromised was trained on. {people} It is the "
        "reference for what a model knows that doesn't have to forget.",
    ),
    Reference(
        RETRAINED,
        "Retrained",
        beside="holdouts",
        goal="facts among other values",
        warning="This model holds private data on purpose: {data}. {people} It was trained on the pairs that an "
        "unlearning method must spare, and never on those that have to be forgotten: it is what exact unlearning would "
        "give.",
        untrainable="Expected pairs in holdout_association or holdout_identity to train Retrained on, got none in the "
        "dataset: without them it is Clean. Take --kind clean.",
        optional=True,
        judged=True,
    ),
    Reference(
        COMPROMISED,
        "Compromised",
        beside="sensitive",
        goal="what must stay",
        warning="This model holds private data on purpose: {data}. {people} It was trained on them so that unlearning "
        "can be measured.",
        untrainable="Expected sensitive pairs (forget, holdout_association, holdout_identity) to train Compromised on, "
        "got none in the dataset.",
    ),
)
"""In the order of tables."""

OF: Mapping[str, Reference] = {one.name: one for one in REFERENCES}
"""Name → reference."""
LABELS: Mapping[str, str] = {one.name: one.label for one in REFERENCES}
"""Name → what it is called."""
ENDS: tuple[Kind, ...] = tuple(one.name for one in REFERENCES if not one.judged)
"""Those at either end of a view, which have neither view nor verdict: Clean, Compromised."""
OPTIONAL: tuple[Kind, ...] = tuple(one.name for one in REFERENCES if one.optional)
"""Those that a run may lack."""
KINDS: tuple[Kind, ...] = (*ENDS, *(one.name for one in REFERENCES if one.judged))
"""All of them, in the order in which they are trained."""


def reference_kind(record: RunRecord) -> str | None:
    """Which reference without views and verdict a record is of (Clean, Compromised), or `None`."""
    kind = record.model.kind or record.model.name
    return kind if kind in ENDS else None


def is_judged_reference(record: RunRecord) -> bool:
    """Whether a record is of a reference that is judged like a method: Retrained, the exact answer."""
    return record.model.kind in KINDS and record.model.kind not in ENDS


def pretrained_kind(record: RunRecord) -> str | None:
    """Which reference a record is of; `None` of a model that has unlearned."""
    return record.model.kind if is_judged_reference(record) else reference_kind(record)


def is_pretrained(record: RunRecord) -> bool:
    """Whether the model is a reference, pretrained, and has unlearned nothing."""
    return pretrained_kind(record) is not None


def listed(word: str = "or") -> str:
    """The names in a sentence: `clean, compromised or …`."""
    return f"{', '.join(KINDS[:-1])} {word} {KINDS[-1]}"
