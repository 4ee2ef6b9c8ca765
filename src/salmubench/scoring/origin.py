"""What a record says about where its numbers come from: model, dataset, cost, software; and the types of fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

TEXT = 20_000
"""Most letters of a text in a record."""

# Nothing is converted but whole numbers to floats: "1" is no number and 1 no truth.
Real = Annotated[float, Field(strict=True)]
Whole = Annotated[int, Field(strict=True)]
Flag = Annotated[bool, Field(strict=True)]
Name = Annotated[str, Field(max_length=4_096)]
Text = Annotated[str, Field(max_length=TEXT)]
Hash = Annotated[str, Field(max_length=128)]
Interval = tuple[Real, Real]

# Checkers are built when a file is first read: a record needs one of its own, not one of each of its parts.
STRICT = ConfigDict(extra="forbid", allow_inf_nan=False, defer_build=True)


@dataclass(frozen=True, config=STRICT)
class Tuned:
    """How a method's options were found.

    Attributes:
        selection_seed: seed of the world they were chosen on.
        trials: how many settings were tried.
        objective: mean of leakage left and damage of the chosen one, on that world.
        default: the same of the recipe's own settings; null where they failed.
        sha256: of the file with the trials.
    """

    selection_seed: Whole
    trials: Whole
    objective: Real
    default: Real | None
    sha256: Hash


@dataclass(frozen=True, config=STRICT)
class Model:
    """The model judged.

    Attributes:
        name: `clean`, `compromised`, `<method>-<budget>x`, or the checkpoint folder's name.
        sha256: hash of its weights and configuration; of the weights file alone in older records, which lack
            `weights_sha256`; null where it never came to be.
        kind: which reference it is, for models that were pretrained, else null.
        method: the unlearning method, where known.
        config_given: the method's options as the user gave them.
        config: the method's options as they took effect.
        budget: size of the unlearning set in multiples of the forget set.
        revision: commit on the Hub, where the weights come from there.
        seed: of the method's batches and noise; null where unknown.
        tuned: how its options were found, null where they are the recipe's.
        weights_sha256: hash of its weights file alone; null in older records.
        method_sha256: hash of the file of its method; null where no method made it or none is stated, and in older
            records.
    """

    name: Name
    sha256: Hash | None
    kind: Name | None
    method: Name | None
    config_given: Any
    config: Any
    budget: Real | None
    revision: Name | None = None
    seed: Whole | None = None
    tuned: Tuned | None = None
    weights_sha256: Hash | None = None
    method_sha256: Hash | None = None

    @property
    def weights(self) -> str | None:
        """Hash of the weights file alone, in records of any age."""
        return self.weights_sha256 or self.sha256


@dataclass(frozen=True, config=STRICT)
class Dataset:
    """The dataset.

    Attributes:
        name: its folder or Hub id.
        fingerprint: SHA-256 of its content.
        counts: rows of each split.
        revision: commit on the Hub, where it comes from there.
        imagenet: SHA-256 of the ImageNet pictures of general knowledge; null where those are the dataset's own.
        limit: most rows of each split that were seen, in a quick look, which can't be submitted; null where all were.
        held: people of forget some of whose associations are held out, where the items don't tell them: in a quick look
            and of other evaluators; else null.
    """

    name: Name
    fingerprint: Hash
    counts: Mapping[Name, Whole] = field(default_factory=dict)
    revision: Name | None = None
    imagenet: Hash | None = None
    limit: Whole | None = None
    held: tuple[Name, ...] | None = None


@dataclass(frozen=True, config=STRICT)
class Cost:
    """What unlearning (or pretraining) cost.

    Attributes:
        steps: optimiser steps.
        pairs: pairs of the forget set that were shown, with repetitions.
        seconds: wall-clock time.
        peak_memory: bytes.
        pictures: encoded, with and without gradient, by the model and the frozen one; null in older records.
        captions: the same of captions.
        processor_seconds: of all threads and processes, a GPU's work not in it; null in older records.
    """

    steps: Whole | None = None
    pairs: Whole | None = None
    seconds: Real | None = None
    peak_memory: Whole | None = None
    pictures: Whole | None = None
    captions: Whole | None = None
    processor_seconds: Real | None = None


@dataclass(frozen=True, config=STRICT)
class Encoding:
    """How the embeddings were made.

    Attributes:
        precision: of the forward passes.
        device: of the forward passes.
        preprocessing: the model's own preprocessing.
        cut_captions: split → captions longer than the model's context.
        probe: precision → seconds of the same matrix product, where the precision was chosen by this.
    """

    precision: Name | None
    device: Name | None
    preprocessing: Any
    cut_captions: Mapping[Name, Whole]
    probe: Mapping[Name, Real] | None = None


@dataclass(frozen=True, config=STRICT)
class FragileSet:
    """Which pairs the fragile set holds.

    Attributes:
        source: `dataset` (its own list) or `compromised` (the lowest tenth under the Compromised model).
        n: how many.
        sha256: of the sorted list of file names.
    """

    source: Literal["dataset", "compromised"]
    n: Whole
    sha256: Hash


@dataclass(frozen=True, config=STRICT)
class Failure:
    """Why there are no scores.

    Attributes:
        method: the method (or stage) that failed.
        step: optimiser step, 0-based; null outside the loop.
        message: what went wrong.
    """

    method: Name
    step: Whole | None
    message: Text


@dataclass(frozen=True, config=STRICT)
class Provenance:
    """Where the record comes from.

    Attributes:
        version: of the package.
        commit: of the checkout, null where installed.
        dirty: whether the package's files differed from it.
        python: version.
        packages: versions of the packages that matter.
        hardware: processor, cores, memory.
        started: UTC, ISO 8601.
        seconds: how long scoring took.
        plan: SHA-256 of the plan of the contest that the record belongs to; null outside of one.
    """

    version: Name
    commit: Name | None
    dirty: Flag | None
    python: Name
    packages: Mapping[Name, Name]
    hardware: Mapping[Name, Any]
    started: Name
    seconds: Real
    plan: Hash | None = None
