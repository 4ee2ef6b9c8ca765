"""What is written about a model before and after a deletion, as types that check themselves (see `scoring.record`)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import Field
from pydantic.dataclasses import dataclass

from salmubench.core import reading
from salmubench.core.errors import RecordError
from salmubench.scoring.attacks.record import Attacks
from salmubench.scoring.origin import (
    STRICT,
    Dataset,
    Encoding,
    FragileSet,
    Hash,
    Interval,
    Model,
    Name,
    Provenance,
    Real,
    Text,
    Whole,
)
from salmubench.scoring.record import Protocol

SCHEMA_VERSION = 1
"""Version of the layout."""

Answer = Literal["yes", "no", "can't tell"]
Question = Literal["new_photo", "knew", "weaker", "known", "value_known", "below", "damaged"]
"""`new_photo`: more than a tenth of what other photos of the people yielded is left, of their facts. `knew`: the model
before told the people from strangers. `weaker`: the associations are weaker than before. `known`: more than a tenth
of that is left in the model after. `value_known`: the same of how it tells true values from others. `below`: it
ranks the true captions below strangers', which is a trace, too. `damaged`: something that was to stay got worse."""
LevelName = Literal["new_photo", "chance", "strangers", "other_values", "retrained", "retrained_values"]


@dataclass(frozen=True, config=STRICT)
class Asked:
    """What was to be deleted, and what is there to see whether more went.

    Attributes:
        facts: different ones, as those to be kept.
        pictures: rows that state one.
        fields: field → facts.
        retain_pairs: pairs without a person.
    """

    people: Whole
    facts: Whole
    pictures: Whole
    fields: Mapping[Name, Whole]
    kept_facts: Whole
    kept_people: Whole
    retain_pairs: Whole


@dataclass(frozen=True, config=STRICT)
class Change:
    """One number before and after.

    Attributes:
        difference: after − before.
        ci95: of the difference, resampling people (or classes); null with fewer than two.
        n: items.
        units: people (or classes) that are resampled.
        reason: why there is no number.
    """

    before: Real | None
    after: Real | None
    difference: Real | None
    ci95: Interval | None
    n: Whole
    units: Whole
    reason: Text | None


@dataclass(frozen=True, config=STRICT)
class Level:
    """A number beside what it would be without knowledge of the people.

    Attributes:
        before: the number of the model before, over the rows that have the level.
        level_before: the level for the model before.
        above_before: before − its level.
        above_before_ci95: its interval, resampling people; null with fewer than two.
        left: above_after / above_before: the share of what was known that is left; null where nothing was known.
        n: rows.
        reason: why there are no numbers.
    """

    metric: Name
    part: Name
    before: Real | None = None
    after: Real | None = None
    level_before: Real | None = None
    level_after: Real | None = None
    above_before: Real | None = None
    above_before_ci95: Interval | None = None
    above_after: Real | None = None
    above_after_ci95: Interval | None = None
    left: Real | None = None
    left_ci95: Interval | None = None
    n: Whole = 0
    people: Whole = 0
    reason: Text | None = None


@dataclass(frozen=True, config=STRICT)
class PersonRow:
    """The main number of one person: mean of 1 / rank of the true captions, and of those of strangers.

    Attributes:
        identity: id, as in the dataset's metadata.
        pictures: rows.
        strangers: of strangers, for the model after; null where there is none.
    """

    identity: Name
    pictures: Whole
    before: Real
    after: Real
    strangers: Real | None


@dataclass(frozen=True, config=STRICT)
class DeletionRecord:
    """A model before and after a deletion, compared without a model that never saw the facts.

    Attributes:
        kind: tells the file from other records.
        encoding: how the model after was encoded.
        gallery_sha256: hash of the retrieval gallery's content; null where there is none.
        fragile_set: the fragile set, by the model before; null where there are none.
        changes: metric → part → the number before and after.
        levels: what the numbers would be without knowledge of the people.
        people_needed: about how many people would settle a question that can't be answered, if the numbers stay.
        no_verdict: why the verdict is always null.
        attacks: what attacks brought back; null where none were run.
        retrained: a model trained without what was to be deleted; null where none was given.
        inputs: what it was computed from → SHA-256.
    """

    schema_version: Annotated[int, Field(strict=True, le=SCHEMA_VERSION)]
    kind: Literal["before_after"]
    asked: Asked
    before: Model
    after: Model
    dataset: Dataset
    encoding: Encoding | None
    gallery_sha256: Hash | None
    fragile_set: FragileSet | None
    changes: Mapping[Name, Mapping[Name, Change]]
    levels: Mapping[LevelName, Level]
    people: tuple[PersonRow, ...]
    findings: Mapping[Question, Answer]
    people_needed: Mapping[Question, Whole]
    no_verdict: Text
    protocol: Protocol
    inputs: Mapping[Name, Hash]
    notes: tuple[Text, ...]
    provenance: Provenance
    verdict: None = None
    attacks: Attacks | None = None
    retrained: Model | None = None


def read_deletion(path: Path) -> DeletionRecord:
    """Read and check a record of a deletion.

    Raises:
        RecordError: missing, no JSON, or something else.
    """
    advice = "Run salmubench evaluate --before … --after … again."
    data = reading.read_json(path, error=RecordError, what="a record of a deletion", missing=advice, advice=advice)
    if not isinstance(data, dict) or data.get("kind") != "before_after":
        raise RecordError(f"Expected the record of a model before and after a deletion at {path}, got another file.")
    record: DeletionRecord = reading.validated(DeletionRecord, data, where=str(path), error=RecordError, advice=advice)
    unanswered = [question for question in get_args(Question) if question not in record.findings]
    if unanswered:
        raise RecordError(f"Expected every question answered in {path}, got no {', '.join(unanswered)}. {advice}")
    return record
