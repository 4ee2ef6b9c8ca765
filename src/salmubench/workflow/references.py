"""The references of a run: trained one after the other, or side by side where the recipe leaves room for that.

A small model gains little from a second processor, which waits for the first at every layer: two trainings with one
each end sooner. The weights are the same either way.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salmubench.core import manifest
from salmubench.core.executor import Executor, cores, parallel
from salmubench.dataset.layout import open_dataset
from salmubench.pretrain.config import PretrainConfig
from salmubench.scoring.references import OF
from salmubench.workflow.candidates import Stages, notes_in_worker

if TYPE_CHECKING:
    from salmubench.scoring.references import Kind


@dataclass(frozen=True)
class Training:
    """What the trainings of a run share.

    Attributes:
        config: the recipe's section `pretrain`.
        dataset: the dataset folder.
        checkpoints: kind → folder of its checkpoint.
        seed: of weights and order.
        device: `auto`, `cpu` or `cuda`.
        precision: `auto`, `fp32` or `bf16`.
    """

    config: PretrainConfig
    dataset: Path
    checkpoints: Mapping[Kind, Path]
    seed: int
    device: str
    precision: str


def train(training: Training, *, executor: Executor, workers: int | None) -> Iterator[list[dict[str, Any]]]:
    """Train the references that aren't there.

    Args:
        training: which, and how.
        executor: of the run; on a cluster the trainings follow one another on this machine.
        workers: how many at once at most; `None`: as many as the processors allow.

    Yields:
        For each one that was trained: name, seconds, peak memory (bytes) of its stage.

    Raises:
        SalmubenchError: a training failed.
    """
    missing = [kind for kind, out in training.checkpoints.items() if not (out / manifest.MANIFEST).is_file()]
    count = at_once(training.config, len(missing), executor=executor, workers=workers, device=training.device)
    if count < 2:
        for kind in missing:
            yield _train(training, kind)
        return
    _write_shards(training)
    work = partial(_train_in_worker, training, level=logging.getLogger("salmubench").level)
    for _, stages in parallel(work, missing, workers=count, description="references"):
        yield stages


def at_once(config: PretrainConfig, trainings: int, *, executor: Executor, workers: int | None, device: str) -> int:
    """How many trainings to run at once: as many as the processors allow at `pretrain.threads` each.

    One where a training may use them all, on a GPU, or on a cluster.
    """
    from salmubench.clip.devices import resolve_device

    threads = config.threads * config.processes
    if not threads or config.nodes > 1 or executor != "joblib" or resolve_device(device) != "cpu":
        return 1
    return max(1, min(cores() // threads, trainings, trainings if workers is None else workers))


def _write_shards(training: Training) -> None:
    """Write the dataset's shards, where none are: the trainings would do it at the same time."""
    from salmubench.core import places
    from salmubench.dataset import shards

    beside = places.real(next(iter(training.checkpoints.values()))).parent / shards.FOLDER
    shards.find_or_write(
        open_dataset(training.dataset),
        beside,
        holdouts=any(OF[kind].beside == "holdouts" for kind in training.checkpoints),
    )


def _train_in_worker(training: Training, kind: Kind, *, level: int) -> list[dict[str, Any]]:
    notes_in_worker(level)
    return _train(training, kind)


def _train(training: Training, kind: Kind) -> list[dict[str, Any]]:
    from salmubench.pretrain.launch import pretrain

    stages = Stages()
    work = partial(
        pretrain, training.config, dataset=training.dataset, kind=kind, out=training.checkpoints[kind],
        seed=training.seed, device=training.device, precision=training.precision,
    )  # fmt: skip
    stages.measured(f"pretrain {kind}", work)
    return stages.done
