"""The torchrun command of a pretraining: every option stands in it."""

from __future__ import annotations

import logging
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from salmubench.clip.model_config import SHIPPED
from salmubench.core.errors import ConfigError
from salmubench.core.pools import processors
from salmubench.dataset.shards import ShardSet
from salmubench.pretrain.architectures import Architecture
from salmubench.pretrain.config import PretrainConfig
from salmubench.pretrain.exposure import streamed_pairs, unseen_share
from salmubench.pretrain.plan import plan_epoch
from salmubench.pretrain.retain_data import RetainData
from salmubench.scoring.references import OF, Kind

log = logging.getLogger(__name__)

WORKER = "salmubench.pretrain.open_clip_worker"

_UNSEEN = 0.0125  # share of the pairs that an epoch may leave out unsaid: never more with 20 shards a loader
_MEMORY_LIMIT = 1 << 30  # bytes of decoded pictures, over all processes of the machine
_ADAMW = {"beta1": 0.9, "beta2": 0.98, "eps": 1e-6}  # CLIP's; open_clip guesses them from the architecture's name
_TIMM = {"eps": 1e-8}  # the engine hands on None otherwise, which timm's Muon can't take


@dataclass(frozen=True)
class TrainingJob:
    """One pretraining, everything decided.

    Attributes:
        more: the user's retain shards, examined; `None` where there are none.
        device: `cpu` or `cuda`.
        precision: `fp32` or `bf16`.
        out: absolute folder of the checkpoint.
    """

    kind: Kind
    config: PretrainConfig
    architecture: Architecture
    shards: ShardSet
    more: RetainData | None
    loading: Literal["memory", "stream"]
    device: str
    precision: str
    seed: int
    out: Path

    @property
    def parts(self) -> dict[str, int]:
        """Rows of each part that is trained on, in the order of `--train-data`."""
        retain = self.shards.rows("retain") + (self.more.pairs if self.more else 0)
        beside = OF[self.kind].beside
        return {"retain": retain, **({beside: self.shards.rows(beside)} if beside else {})}

    @property
    def repeats(self) -> dict[str, int]:
        """How often an epoch passes through each part."""
        return {part: 1 if part == "retain" else self.config.sensitive_repeats for part in self.parts}

    @property
    def rows(self) -> int:
        """Rows that an epoch passes through, those of a part that is listed again counted again."""
        return sum(rows * self.repeats[part] for part, rows in self.parts.items())

    @property
    def step_pairs(self) -> list[int]:
        """Pairs seen up to and with each step of an epoch, over all processes."""
        config = self.config
        if self.loading == "memory":
            plan = plan_epoch(self.rows, batch_size=config.process_batch, processes=config.world)
            return [int(pairs) * config.world for pairs in np.cumsum(plan.sizes)]
        batch = config.process_batch * config.world
        return list(range(batch, streamed_pairs(self.rows, config) + 1, batch))

    @property
    def train_data(self) -> str:
        """`--train-data`: RETAIN, RETAIN::SENSITIVE or RETAIN::HOLDOUTS, what is beside RETAIN once for each repeat."""
        retain = self.shards.pattern("retain")
        if self.more:
            retain = f"{self.more.pattern}::{retain}"
        beside = OF[self.kind].beside
        return "::".join([retain, *([self.shards.pattern(beside)] * self.repeats[beside] if beside else [])])


def decide_loading(
    config: PretrainConfig, *, rows: int, image_size: int, local: bool = True
) -> Literal["memory", "stream"]:
    """Decide whether the decoded pictures stay in memory; the same for all kinds.

    Raises:
        ConfigError: memory is asked for, and shards aren't local.
    """
    if config.loading == "memory" and not local:
        raise ConfigError("Expected pretrain.loading: stream with shards that are no local files, got memory.")
    if config.loading != "auto":
        return config.loading
    fits = rows * 3 * image_size**2 * config.processes <= _MEMORY_LIMIT
    return "memory" if fits and local and config.augment == "none" and config.nodes == 1 else "stream"


def check(job: TrainingJob) -> None:
    """Check what would fail later, deep in the engine.

    Raises:
        ConfigError: names the field.
    """
    config, steps = job.config, len(job.step_pairs) * job.config.epochs
    if config.warmup >= steps:
        raise ConfigError(f"Expected pretrain.warmup below the {steps} steps of the training, got {config.warmup}.")
    reference = OF[job.kind]
    if reference.beside is not None and not job.shards.shards(reference.beside):
        raise ConfigError(reference.untrainable)
    if job.loading == "stream":
        _check_loaders(job)


def _check_loaders(job: TrainingJob) -> None:
    """Check that each loader has shards, and warn where they are dealt so unevenly that many pairs are left out."""
    loaders = job.config.world * max(1, job.config.workers)
    named = f"pretrain.nodes × pretrain.processes × pretrain.workers = {loaders}"
    shard_count = job.shards.shards("retain") + (len(job.more.shards) if job.more else 0)
    if shard_count < loaders:
        raise ConfigError(f"Expected at least as many retain shards as loaders ({named}), got {shard_count}.")
    beside = OF[job.kind].beside
    shard_count += job.shards.shards(beside) * job.repeats[beside] if beside else 0
    unseen = unseen_share(shard_count, loaders)
    if unseen > _UNSEEN:
        log.warning(
            "Expected equally many shards for each loader (%s), or 20 or more, got %d in all: an epoch of %s leaves "
            "out %.0f %% of the pairs and shows as many twice. Take loaders among which the shards divide evenly.",
            named, shard_count, job.kind, 100 * unseen,
        )  # fmt: skip


def command(job: TrainingJob) -> list[str]:
    """The command, word by word. The kinds differ in name, out, train-data and train-num-samples only."""
    return [torchrun(local=True), "--standalone", "--nproc_per_node", str(job.config.processes), *worker_words(job)]


def worker_words(job: TrainingJob) -> list[str]:
    """The part of the command that is the same on every machine: `-m WORKER` and all options."""
    words = ["-m", WORKER]
    for name, value in options(job).items():
        words += [f"--{name}", *(str(item) for item in (value if isinstance(value, list | tuple) else [value]))]
    return words


def options(job: TrainingJob) -> dict[str, Any]:
    """Every option of the worker and of the engine, by name."""
    config = job.config
    arguments: dict[str, Any] = {
        "name": job.kind,
        "out": job.out,
        "train-data": job.train_data,
        "train-num-samples": job.rows,
        "dataset-type": "webdataset",
        "loading": job.loading,
        "augment": config.augment,
        "workers": config.workers,
        "skip-padding": str(config.skip_padding).lower(),
        "model": job.architecture.name,
        "batch-size": config.process_batch,
        "epochs": config.epochs,
        "opt": config.optimizer,
        "lr": config.lr,
        "wd": config.weight_decay,
        "warmup": config.warmup,
        "lr-scheduler": config.lr_scheduler,
        "seed": job.seed,
        "device": job.device,
        "dist-backend": "nccl" if job.device == "cuda" else "gloo",
        "precision": "amp_bf16" if job.precision == "bf16" else "fp32",
        "threads": config.threads or max(1, processors() // config.processes),
        "log-every-n-steps": config.log_every,
        "save-frequency": 1,
        "delete-previous-checkpoint": "true",
        "resume": "latest",
    }
    if config.keep_epochs:
        arguments["keep-epochs"] = ",".join(str(epoch) for epoch in sorted(set(config.keep_epochs)))
    if config.retain_broken:
        arguments["skip-broken"] = "true"
    if job.architecture.path is not None and job.architecture.path.parent != SHIPPED:
        arguments["model-config"] = job.architecture.path
    arguments |= optimizer_settings(config)
    if config.world > 1:
        # the loss over all pairs of the global batch, with gradients through the gathered features
        arguments |= {"local-loss": "true", "gather-with-grad": "true"}
    for name, value in config.extra_args.items():
        if value is not False:
            arguments[name] = "true" if value is True else value
    return arguments


def optimizer_settings(config: PretrainConfig) -> dict[str, float]:
    """Betas and eps: the recipe's, else CLIP's for AdamW, the optimiser's own for others."""
    given = {name: getattr(config, name) for name in _ADAMW if getattr(config, name) is not None}
    return {**(_ADAMW if config.optimizer == "adamw" else _TIMM), **given}


def torchrun(*, local: bool = False) -> str:
    """`torchrun` where the shell finds that of this Python, else its path.

    Args:
        local: for one machine, heard by nobody outside it: `salmubench-torchrun` (`loopback`), where the package is
            installed with its programs.

    Raises:
        ConfigError: this Python has none.
    """
    for name in ("salmubench-torchrun", "torchrun") if local else ("torchrun",):
        beside, on_path = Path(sys.executable).parent / name, shutil.which(name)
        if on_path is not None and (not beside.is_file() or Path(on_path).samefile(beside)):
            return name
        if beside.is_file():
            return str(beside)
    raise ConfigError(f"Expected torchrun (it comes with torch) on the PATH or beside {sys.executable}, got none.")
