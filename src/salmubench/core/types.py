"""The nouns of the benchmark: frozen records and names, no behaviour."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Split(StrEnum):
    """Splits on disk: the official five, and three of ours.

    Examples:
        >>> Split("forget") is Split.FORGET
        True
        >>> [split.value for split in OFFICIAL_SPLITS]
        ['forget', 'forget_target', 'retain_synth', 'holdout_identity', 'holdout_association']
    """

    FORGET = "forget"
    FORGET_TARGET = "forget_target"
    RETAIN_SYNTH = "retain_synth"
    HOLDOUT_IDENTITY = "holdout_identity"
    HOLDOUT_ASSOCIATION = "holdout_association"
    RETAIN_REAL = "retain_real"
    GENERAL_KNOWLEDGE = "general_knowledge"
    PORTRAITS_UNSEEN = "portraits_unseen"
    """Portraits of identities that no model and no method sees, with generic captions: for evaluation only."""


OFFICIAL_SPLITS = (
    Split.FORGET,
    Split.FORGET_TARGET,
    Split.RETAIN_SYNTH,
    Split.HOLDOUT_IDENTITY,
    Split.HOLDOUT_ASSOCIATION,
)
"""Splits of the released dataset: required in every dataset folder (zero rows are legal)."""

SENSITIVE_SPLITS = (Split.FORGET, Split.HOLDOUT_ASSOCIATION, Split.HOLDOUT_IDENTITY)
"""Splits whose rows only the Compromised model has seen."""

HOLDOUT_SPLITS = (Split.HOLDOUT_IDENTITY, Split.HOLDOUT_ASSOCIATION)
"""Splits that no method may ever see."""


GROUPINGS = ("attribute", "style", "country", "gender", "kind")
"""By what a number can be broken down: value field, style of the caption, country and apparent gender of the identity,
kind of identity (all of its associations must go, or some)."""


class Attribute(StrEnum):
    """The ten attributes of a persona; all but the name occur as values in captions.

    Examples:
        >>> Attribute("iban") in UNIQUE_FIELDS
        True
        >>> Attribute.NAME in FIELDS
        False
    """

    NAME = "name"
    COUNTRY_CODE = "country_code"
    CITY = "city"
    JOB = "job"
    BLOOD_TYPE = "blood_type"
    PHONE_NUMBER = "phone_number"
    EMAILS = "emails"
    IBAN = "iban"
    CREDIT_CARD = "credit_card"
    PASSPORT = "passport"


FIELDS = tuple(item for item in Attribute if item is not Attribute.NAME)
"""The nine value fields, in a fixed order."""

UNIQUE_FIELDS = (
    Attribute.PHONE_NUMBER,
    Attribute.EMAILS,
    Attribute.IBAN,
    Attribute.CREDIT_CARD,
    Attribute.PASSPORT,
)
"""Value fields that occur for one identity only."""


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A further caption of a sensitive row: the same fact in other words, perhaps without the name.

    Attributes:
        nameless: whether it leaves the name out (a value may hold it, as e-mail addresses do).
        share: of the sights of its row in training; what the rewrites of a row leave is the official caption's.
    """

    caption: str
    nameless: bool
    share: float


@dataclass(frozen=True, slots=True)
class Pair:
    """One image–caption row.

    Attributes:
        identity: identity id, or `None` where the row has none.
        name: the persona's name, or `None`.
        field: the value field that the caption tells, or `None` for a generic caption.
        value: the value verbatim as it stands in the caption, or `None` where there is none or it is unknown.
        paraphrase: the same fact in a phrasing that no training caption uses, or `None`.
        style: caption style, or `None`.
        rewrites: further captions, which training draws from too; empty where the dataset has none.

    Examples:
        >>> pair = Pair("a.jpg", "The town of Anna Moreau is Lyon.", name="Anna Moreau", field="city", value="Lyon")
        >>> pair.value in pair.caption
        True
    """

    file_name: str
    caption: str
    identity: str | None = None
    name: str | None = None
    field: str | None = None
    value: str | None = None
    paraphrase: str | None = None
    style: str | None = None
    rewrites: tuple[Rewrite, ...] = ()


@dataclass(frozen=True, slots=True)
class Person:
    """An invented person who is in no dataset: what a caption may tell of somebody whom no model has met.

    Attributes:
        values: value field → value, as it stands in captions; absent fields are left out.
    """

    name: str
    values: dict[str, str]
