"""What run folders, checkpoints and embeddings say about themselves, as types that check themselves when they are read.

Only what somebody reads is listed: newer stages may say more. A file that says something else than it should is an
error that names it, wherever it is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from salmubench.core import manifest, reading
from salmubench.core.errors import OutputError, SalmubenchError
from salmubench.scoring.origin import Flag, Hash, Name, Real, Text, Tuned, Whole

RUN = "run.json"
"""What a run says about itself, in its folder."""

_OPEN = ConfigDict(extra="ignore", allow_inf_nan=False)
_AGAIN = "Run the stage again, or take the file away."


@dataclass(frozen=True, config=_OPEN)
class Counted:
    """How often a pair was really seen: on average, the rarest and the most frequent one."""

    mean: Real
    least: Whole
    most: Whole


@dataclass(frozen=True, config=_OPEN)
class Exposure:
    """Pairs of a part of the data, how often each was to be seen, and how often it was where that was counted."""

    rows: Whole
    expected: Real
    exact: Flag | None = None
    counted: Counted | None = None


@dataclass(frozen=True, config=_OPEN)
class Trained:
    """Steps of a pretraining, and pairs that it saw."""

    steps: Whole
    pairs: Whole


@dataclass(frozen=True, config=_OPEN)
class Outputs:
    """Outputs in the manifest of a checkpoint.

    Attributes:
        exposures: part of the data → how often its pairs were seen; as what follows, of a pretraining.
        imported: whether the people it was trained on were a user's own; `None` where nothing told.
        opened: files that only the evaluation may read, opened while a method ran.
    """

    sha256: Hash | None = None
    kind: Name | None = None
    method: Name | None = None
    budget: Real | None = None
    tuned: Tuned | None = None
    cost: Mapping[Name, Whole | Real | None] = field(default_factory=dict)
    exposures: Mapping[Name, Exposure] | None = None
    trained: Trained | None = None
    final_loss: Real | None = None
    imported: Flag | None = None
    opened: tuple[Name, ...] = ()


@dataclass(frozen=True, config=_OPEN)
class Origin:
    """Provenance: versions, commit, hardware."""

    version: Name = ""
    commit: Name | None = None
    dirty: Flag | None = None
    python: Name = ""
    packages: Mapping[Name, Name] = field(default_factory=dict)
    hardware: Mapping[Name, Any] = field(default_factory=dict)


@dataclass(frozen=True, config=_OPEN)
class Checkpoint:
    """The manifest of a stage that made a checkpoint: `pretrain` or `unlearn`; of another one, empty but for its name.

    Attributes:
        inputs: hashes and names of what it read.
        cost: seconds, steps, memory.
    """

    stage: Name = ""
    config: Mapping[Name, Any] = field(default_factory=dict)
    config_given: Any = None
    inputs: Mapping[Name, Any] = field(default_factory=dict)
    seed: Whole | None = None
    outputs: Outputs = field(default_factory=Outputs)
    cost: Mapping[Name, Whole | Real | None] = field(default_factory=dict)
    provenance: Origin = field(default_factory=Origin)

    @property
    def pretraining(self) -> Pretraining:
        """The configuration of a pretraining.

        Raises:
            OutputError: it lacks a setting, or has one of another type.
        """
        return reading.validated(Pretraining, self.config, where="config of the checkpoint", error=OutputError)


@dataclass(frozen=True, config=_OPEN)
class Pretraining:
    """The configuration of a pretraining, as far as it is shown."""

    model: Text
    epochs: Whole
    optimizer: Name
    lr: Real
    weight_decay: Real
    lr_scheduler: Name
    warmup: Whole


@dataclass(frozen=True, config=_OPEN)
class EncodedModel:
    """The model of embeddings; fields as in a record (`scoring.origin.Model`)."""

    name: Name
    sha256: Hash
    kind: Name | None = None
    method: Name | None = None
    config_given: Any = None
    config: Any = None
    budget: Real | None = None
    revision: Name | None = None
    seed: Whole | None = None
    tuned: Tuned | None = None
    weights_sha256: Hash | None = None
    method_sha256: Hash | None = None
    cost: Mapping[Name, Whole | Real | None] = field(default_factory=dict)
    opened: tuple[Name, ...] = ()


@dataclass(frozen=True, config=_OPEN)
class Encoding:
    """How embeddings were made; fields as in a record (`scoring.origin.Encoding`)."""

    precision: Name | None = None
    device: Name | None = None
    preprocessing: Any = None
    probe: Mapping[Name, Real] | None = None


@dataclass(frozen=True, config=_OPEN)
class Encoded:
    """Outputs in the manifest of embeddings."""

    model: EncodedModel
    encoding: Encoding
    cut_captions: Mapping[Name, Whole] = field(default_factory=dict)


@dataclass(frozen=True, config=_OPEN)
class Step:
    """One stage of a run and what it cost."""

    name: Name
    seconds: Real | None = None
    peak_memory: Whole | None = None


@dataclass(frozen=True, config=_OPEN)
class RunFile:
    """`run.json`.

    Attributes:
        status: `running`, `complete` or `failed`; empty where there is no such file, as in all that follows.
        probe: precision → seconds, where that decided about the precision.
        side_by_side: steps that were done at once, and how busy the workers were.
        stages: what each cost.
        metrics: names and paths of metrics that joined it, beside the recipe's.
        world: name and hash of the world that it took, where it made none.
    """

    status: Name = ""
    recipe: Name | None = None
    recipe_given: Any = None
    seed: Whole | None = None
    device: Name | None = None
    precision: Name | None = None
    probe: Mapping[Name, Real] | None = None
    side_by_side: Mapping[Name, Any] | None = None
    wall_seconds: Real = 0.0
    stages: tuple[Step, ...] = ()
    models: tuple[Name, ...] = ()
    metrics: tuple[Text, ...] = ()
    titles: Mapping[Name, Text] = field(default_factory=dict)
    world: Mapping[Name, Name] | None = None
    provenance: Origin | None = None


def read_checkpoint(folder: Path, *stages: str, error: type[SalmubenchError] = OutputError) -> Checkpoint:
    """Read what the manifest of a checkpoint says; empty where there is none, or one of other stages.

    Args:
        stages: whose manifests count; `pretrain` and `unlearn` by default.

    Raises:
        SalmubenchError: of that class: no manifest, or one with other types.
    """
    path = folder / manifest.MANIFEST
    if not path.is_file():
        return Checkpoint()
    content = reading.read_json(path, error=error, what="a manifest", mapping=True)
    if content.get("stage") not in (stages or ("pretrain", "unlearn")):
        return Checkpoint()
    stated = {name: value for name, value in content.items() if value is not None}
    return reading.validated(Checkpoint, stated, where=str(path), error=error, advice=_AGAIN)


def read_run_file(folder: Path, *, error: type[SalmubenchError] = OutputError) -> RunFile:
    """Read what a run says about itself; empty where it has no `run.json`.

    Raises:
        SalmubenchError: of that class: no JSON, or other types.
    """
    path = folder / RUN
    if not path.is_file():
        return RunFile()
    content = reading.read_json(path, error=error, what="the description of a run", mapping=True)
    return reading.validated(RunFile, content, where=str(path), error=error, advice=_AGAIN)
