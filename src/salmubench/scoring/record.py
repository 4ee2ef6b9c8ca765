"""The run record, as types that check themselves; its JSON Schema is generated from them.

Each is a frozen pydantic dataclass: a value of a wrong type, a number that isn't finite, an unknown key or a text of
book length is refused, whether a record is read or made. `dataclasses.replace` checks again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from salmubench import manifest
from salmubench.scoring import schema
from salmubench.scoring.metric import Goal, ItemKind, Metric, Pillar, Role, View

SCHEMA_VERSION = 1
"""Version of the record's layout; readers refuse a newer one."""

Answer = Literal["yes", "no", "undecided"]

TEXT = 20_000
"""Most letters of a text in a record."""

# Nothing is converted but whole numbers to floats: "1" is no number and 1 no truth.
_Real = Annotated[float, Field(strict=True)]
_Whole = Annotated[int, Field(strict=True)]
_Flag = Annotated[bool, Field(strict=True)]
_Name = Annotated[str, Field(max_length=4_096)]
_Text = Annotated[str, Field(max_length=TEXT)]
_Hash = Annotated[str, Field(max_length=128)]
_Interval = tuple[_Real, _Real]

_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True, config=_STRICT)
class Normalised:
    """A score between its references.

    Attributes:
        view: leakage left L, kept K or utility drop D; null where none is defined.
        value: the number, or null.
        ci95: its 95 % interval, or null.
        reason: why there is no number.
    """

    view: View | None
    value: _Real | None
    ci95: _Interval | None
    reason: _Text | None


@dataclass(frozen=True, config=_STRICT)
class Score:
    """One number with what it needs to be read.

    Attributes:
        value: the number, or null.
        reason: why there is no number.
        n: items it is the mean of.
        units: identities (or pictures without one) that the bootstrap draws.
        left_out: rows that had to be left out.
        ci95: 95 % interval from a bootstrap over identities; null where there are fewer than two units.
        goal: the reference whose value is the target.
        clean: Clean's number, null in the references' own records.
        compromised: Compromised's number, null in the references' own records.
        normalised: the number between its references.
    """

    value: _Real | None
    reason: _Text | None
    n: _Whole
    units: _Whole
    left_out: _Whole
    ci95: _Interval | None
    goal: Goal
    clean: _Real | None
    compromised: _Real | None
    normalised: Normalised


@dataclass(frozen=True, config=_STRICT)
class Verdict:
    """Which of the three failure modes the model has.

    Attributes:
        ineffective: more than a hundredth of the leakage is left.
        catastrophic: more than a hundredth of the general knowledge is lost.
        over_generalised: less than nine tenths of what should stay is kept.
    """

    ineffective: Answer
    catastrophic: Answer
    over_generalised: Answer


@dataclass(frozen=True, config=_STRICT)
class Thresholds:
    """Where the failure modes begin.

    Attributes:
        ineffective: leakage left L above this.
        catastrophic: utility drop D above this.
        over_generalised: a kept K below this.
    """

    ineffective: _Real
    catastrophic: _Real
    over_generalised: _Real


@dataclass(frozen=True, config=_STRICT)
class Tuned:
    """How a method's options were found.

    Attributes:
        selection_seed: seed of the world they were chosen on.
        trials: how many settings were tried.
        objective: mean of leakage left and damage of the chosen one, on that world.
        default: the same of the recipe's own settings; null where they failed.
        sha256: of the file with the trials.
    """

    selection_seed: _Whole
    trials: _Whole
    objective: _Real
    default: _Real | None
    sha256: _Hash


@dataclass(frozen=True, config=_STRICT)
class Model:
    """The model judged.

    Attributes:
        name: `clean`, `compromised`, `<method>-<budget>x`, or the checkpoint folder's name.
        sha256: hash of its weights and configuration; of the weights file alone in older records, which lack
            `weights_sha256`; null where it never came to be.
        kind: `clean`, `compromised` or `retrained` for models that were pretrained, else null.
        method: the unlearning method, where known.
        config_given: the method's options as the user gave them.
        config: the method's options as they took effect.
        budget: size of the unlearning set in multiples of the forget set.
        revision: commit on the Hub, where the weights come from there.
        seed: of the method's batches and noise; null where unknown.
        tuned: how its options were found, null where they are the recipe's.
        weights_sha256: hash of its weights file alone; null in older records.
    """

    name: _Name
    sha256: _Hash | None
    kind: _Name | None
    method: _Name | None
    config_given: Any
    config: Any
    budget: _Real | None
    revision: _Name | None = None
    seed: _Whole | None = None
    tuned: Tuned | None = None
    weights_sha256: _Hash | None = None

    @property
    def weights(self) -> str | None:
        """Hash of the weights file alone, in records of any age."""
        return self.weights_sha256 or self.sha256


@dataclass(frozen=True, config=_STRICT)
class Dataset:
    """The dataset.

    Attributes:
        name: its folder or Hub id.
        fingerprint: SHA-256 of its content.
        counts: rows of each split.
        revision: commit on the Hub, where it comes from there.
        imagenet: SHA-256 of the ImageNet pictures of general knowledge; null where those are the dataset's own.
    """

    name: _Name
    fingerprint: _Hash
    counts: Mapping[_Name, _Whole] = field(default_factory=dict)
    revision: _Name | None = None
    imagenet: _Hash | None = None


@dataclass(frozen=True, config=_STRICT)
class Cost:
    """What unlearning (or pretraining) cost.

    Attributes:
        steps: optimiser steps.
        pairs: pairs of the forget set that were shown, with repetitions.
        seconds: wall-clock time.
        peak_memory: bytes.
    """

    steps: _Whole | None = None
    pairs: _Whole | None = None
    seconds: _Real | None = None
    peak_memory: _Whole | None = None


@dataclass(frozen=True, config=_STRICT)
class Encoding:
    """How the embeddings were made.

    Attributes:
        precision: of the forward passes.
        device: of the forward passes.
        preprocessing: the model's own preprocessing.
        cut_captions: split → captions longer than the model's context.
        probe: precision → seconds of the same matrix product, where the precision was chosen by this.
    """

    precision: _Name | None
    device: _Name | None
    preprocessing: Any
    cut_captions: Mapping[_Name, _Whole]
    probe: Mapping[_Name, _Real] | None = None


@dataclass(frozen=True, config=_STRICT)
class FragileSet:
    """Which pairs the fragile set holds.

    Attributes:
        source: `dataset` (its own list) or `compromised` (the lowest tenth under the Compromised model).
        n: how many.
        sha256: of the sorted list of file names.
    """

    source: Literal["dataset", "compromised"]
    n: _Whole
    sha256: _Hash


@dataclass(frozen=True, config=_STRICT)
class MetricInfo:
    """Description of a metric.

    Attributes:
        number: as the paper numbers it; null for extensions.
        pillar: efficacy or utility.
        main: whether it is the pillar's main number.
        view: how it is normalised.
        items: what its items are.
        resample: what its bootstrap draws.
        role: what the verdict takes it for; null: nothing.
        split: the split or derived set that its items come from; null where an older record doesn't say.
        title: one line for tables.
        definition: part → what it is.
    """

    number: _Name | None
    pillar: Pillar
    main: _Flag
    view: View | None
    items: ItemKind
    resample: Literal["identity", "class"]
    role: Role | None = None
    split: _Name | None = None
    title: _Name = ""
    definition: Mapping[_Name, _Text] = field(default_factory=dict)

    @classmethod
    def of(cls, metric: Metric) -> MetricInfo:
        """What a record says about a metric."""
        return cls(
            number=metric.number,
            pillar=metric.pillar,
            main=metric.main,
            view=metric.view,
            items=metric.items,
            resample=metric.resample,
            role=metric.role,
            split=metric.split,
            title=metric.title,
            definition=metric.definition,
        )

    def agrees(self, other: MetricInfo) -> bool:
        """Whether both make the same number of the same items; older records call reciprocal ranks values."""
        same = all(
            getattr(self, name) == getattr(other, name) for name in ("number", "pillar", "main", "view", "resample")
        )
        kinds = [item.items if item.items in ("rank", "fact_rank") else "value" for item in (self, other)]
        return same and kinds[0] == kinds[1] and self.role in (None, other.role)


@dataclass(frozen=True, config=_STRICT)
class Protocol:
    """Constants and options behind the numbers.

    Attributes:
        bootstraps: resamples behind an interval.
        bootstrap_seed: of the resamples.
        level: coverage of the intervals.
        identity_prompt: prompt that names a person.
        thresholds: where the failure modes begin.
        metrics: what each metric is.
        fact_values: values of each field among which facts are ranked; null in older records.
        fact_rows: pairs of forget whose facts are ranked, half as many of each holdout; 0: all; null in older records.
    """

    bootstraps: _Whole
    bootstrap_seed: _Whole
    level: _Real
    identity_prompt: _Text
    thresholds: Thresholds
    metrics: Mapping[_Name, MetricInfo]
    fact_values: _Whole | None = None
    fact_rows: _Whole | None = None


@dataclass(frozen=True, config=_STRICT)
class Failure:
    """Why there are no scores.

    Attributes:
        method: the method (or stage) that failed.
        step: optimiser step, 0-based; null outside the loop.
        message: what went wrong.
    """

    method: _Name
    step: _Whole | None
    message: _Text


@dataclass(frozen=True, config=_STRICT)
class Provenance:
    """Where the record comes from.

    Attributes:
        version: of the package.
        commit: of the checkout, null where installed.
        dirty: whether the checkout had changes.
        python: version.
        packages: versions of the packages that matter.
        hardware: processor, cores, memory.
        started: UTC, ISO 8601.
        seconds: how long scoring took.
    """

    version: _Name
    commit: _Name | None
    dirty: _Flag | None
    python: _Name
    packages: Mapping[_Name, _Name]
    hardware: Mapping[_Name, Any]
    started: _Name
    seconds: _Real


@dataclass(frozen=True, config=_STRICT)
class RunRecord:
    """Scores of one model between its two references.

    Attributes:
        schema_version: version of this layout.
        status: `complete`, or `failed` with an error and no scores.
        error: why it failed.
        model: the model judged.
        dataset: the dataset.
        encoding: how the embeddings were made.
        gallery_sha256: hash of the retrieval gallery's content; null where there is none.
        fragile_set: the fragile set; null where there are none.
        scores: metric → part → score.
        verdict: which failure modes the model has; null when failed.
        protocol: constants and options behind the numbers.
        cost: what unlearning cost.
        references: `clean` and `compromised` → SHA-256 of the weights.
        inputs: what was scored → SHA-256; a record of other inputs is out of date.
        notes: remarks on the data that a reader should know.
        provenance: where the record comes from.
        breakdowns: grouping → metric → group → part → score, where they were asked for.
    """

    schema_version: _Whole
    status: Literal["complete", "failed"]
    error: Failure | None
    model: Model
    dataset: Dataset
    encoding: Encoding | None
    gallery_sha256: _Hash | None
    fragile_set: FragileSet | None
    scores: Mapping[_Name, Mapping[_Name, Score]]
    verdict: Verdict | None
    protocol: Protocol | None
    cost: Cost
    references: Mapping[_Name, _Hash | None]
    inputs: Mapping[_Name, _Hash]
    notes: tuple[_Text, ...]
    provenance: Provenance
    breakdowns: Mapping[_Name, Mapping[_Name, Mapping[_Name, Mapping[_Name, Score]]]] = field(default_factory=dict)


def record_schema() -> dict[str, Any]:
    """JSON Schema of `record.json`."""
    return schema.json_schema(RunRecord, title="SALMUBench run record", identifier="record.schema.json")


def write_schema(path: Path) -> None:
    """Write the JSON Schema, as it is published in `docs/record.schema.json`."""
    manifest.write_json(path, record_schema())
