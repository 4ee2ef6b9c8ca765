"""The references of a run: each trained alone, or beside other steps where the recipe leaves room for that.

A small model gains little from a second processor, which waits for the first at every layer: two trainings with one
each end sooner. The weights are the same either way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from salmubench.core import manifest
from salmubench.dataset.layout import open_dataset
from salmubench.pretrain.config import PretrainConfig
from salmubench.scoring.references import COMPROMISED, Kind
from salmubench.workflow.candidates import Stages


@dataclass(frozen=True)
class Training:
    """What the trainings of a run share.

    Attributes:
        config: the recipe's section `pretrain`.
        checkpoints: kind → folder of its checkpoint.
        device: `auto`, `cpu` or `cuda`.
        precision: `auto`, `fp32` or `bf16`.
    """

    config: PretrainConfig
    dataset: Path
    checkpoints: Mapping[Kind, Path]
    seed: int
    device: str
    precision: str


def missing(training: Training) -> list[Kind]:
    """The references that aren't there, Compromised first: methods wait for it alone."""
    kinds = [kind for kind, out in training.checkpoints.items() if not (out / manifest.MANIFEST).is_file()]
    return sorted(kinds, key=lambda kind: kind != COMPROMISED)


def joins(training: Training) -> bool:
    """Whether trainings run beside other steps: on a processor, with threads of their own, on one machine."""
    from salmubench.clip.devices import resolve_device

    return bool(training.config.threads) and training.config.nodes == 1 and resolve_device(training.device) == "cpu"


def write_shards(training: Training) -> None:
    """Write the dataset's shards, where none are: trainings side by side would do it at the same time."""
    from salmubench.core import places
    from salmubench.dataset import shards

    beside = places.real(next(iter(training.checkpoints.values()))).parent / shards.FOLDER
    shards.find_or_write(open_dataset(training.dataset), beside)


def train(training: Training, kind: Kind) -> list[dict[str, Any]]:
    """Train one reference; name, seconds and peak memory (bytes) of the stage.

    Raises:
        SalmubenchError: the training failed.
    """
    from salmubench.pretrain.launch import pretrain

    stages = Stages()
    work = partial(
        pretrain, training.config, dataset=training.dataset, kind=kind, out=training.checkpoints[kind],
        seed=training.seed, device=training.device, precision=training.precision,
    )  # fmt: skip
    stages.measured(f"pretrain {kind}", work)
    return stages.done
