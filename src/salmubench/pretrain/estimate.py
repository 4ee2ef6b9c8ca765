"""What a pretraining will cost: pairs, operations, hours here and on GPUs, memory, disk."""

from __future__ import annotations

import contextlib
import json
import logging
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from salmubench.clip import devices
from salmubench.core.errors import StageError
from salmubench.core.pools import processors
from salmubench.dataset import shards
from salmubench.dataset.layout import open_dataset
from salmubench.pretrain import architectures
from salmubench.pretrain.architectures import Architecture
from salmubench.pretrain.command import decide_loading, optimizer_settings
from salmubench.pretrain.config import PretrainConfig
from salmubench.pretrain.exposure import streamed_pairs
from salmubench.pretrain.retain_data import examine
from salmubench.pretrain.samples import paths_of
from salmubench.scoring.references import OF, Kind

H100 = 989e12
"""Operations a second of an H100 SXM in dense bf16. Source: NVIDIA's data sheet."""

UTILISATION = 0.13
"""Share of the peak that a training reaches. open_clip's published ViT-B/16 run (LAION-400M, 32 epochs, 10,700 hours of
A100, docs/PRETRAINED.md) reached 13 % of 312e12."""

WEB_PAIR = 25_000
"""Bytes of a pair of web data: LAION-400M at 256 pixels has 10 TB."""

_PROBE_SECONDS = 20.0
_JPEG = 0.35  # bytes a pixel of the generated pictures
_TAR = 2048  # bytes around a pair: two headers, two paddings
_EXTRA_START = 2.0  # seconds: rendezvous, the engine's set-up


@dataclass(frozen=True)
class Work:
    """What has to be computed, whatever the machine.

    Attributes:
        pair_operations: multiplications and additions of one pair, forward and backward.
        activations: bytes that one pair leaves for the backward pass, in bf16.
    """

    rows: int
    pairs: int
    parameters: int
    pair_operations: float
    activations: int

    @property
    def operations(self) -> float:
        """Of the whole training."""
        return self.pairs * self.pair_operations

    def hours(self, gpus: int, utilisation: float = UTILISATION) -> float:
        """Hours on H100s."""
        return self.operations / (gpus * H100 * utilisation) / 3600

    def gpu_memory(self, process_batch: int, world: int) -> int:
        """Bytes of one process: weights, gradients, two moments (fp32), activations, and similarities both ways."""
        similarities = 2 * 4 * 2 * process_batch * process_batch * world  # each with its gradient
        return 16 * self.parameters + process_batch * self.activations + similarities


@dataclass(frozen=True)
class Here:
    """What it takes on this machine.

    Attributes:
        processes: how many trained at once: the recipe's, or fewer where the machine has no room for them.
        startup: seconds before the first step: imports, and decoding where the pairs stay in memory.
        memory: bytes of one process.
    """

    pairs_per_second: float
    processes: int
    startup: float
    seconds: float
    memory: int
    batch: int


def of_recipe(
    config: PretrainConfig,
    *,
    kind: Kind,
    counts: Mapping[str, int],
    size: int,
    dataset: Path | None = None,
    device: str = "auto",
    precision: str = "auto",
    title: str = "",
    try_here: bool = True,
) -> str:
    """Estimate a pretraining and give the text.

    Args:
        counts: pairs of `retain`, `sensitive` and `holdouts` where there is no dataset yet.
        dataset: a dataset folder: its counts and its shards' pairs are taken then.
        device: `auto`, `cpu` or `cuda`.
        precision: `auto` (what the recipe says), `fp32` or `bf16`.
        title: first line; the kind and the model by default.
        try_here: train for 20 seconds on this machine.

    Raises:
        DatasetError: the dataset or its shards are broken.
        StageError: the trial failed.
    """
    beside = OF[kind].beside
    parts: list[shards.Part] = ["retain", *([beside] if beside else [])]
    unwritten, shard, on_disk = parts, None, 0
    if dataset is not None:
        opened = open_dataset(dataset)
        shard_set = shards.find_or_write(opened, opened.folder / shards.FOLDER)
        counts = {part: shards.rows_of(opened, part) for part in parts}
        shard = shard_set.folder / shards.shard_name("retain", 0)
        on_disk = sum(of["bytes"] for name, of in shard_set.files.items() if name.startswith(tuple(parts)))
        unwritten = [part for part in parts if not shard_set.shards(part)]
    on_disk += int(sum(counts[part] for part in unwritten) * (_TAR + _JPEG * size * size))
    rows = counts["retain"] + (counts[beside] * config.sensitive_repeats if beside else 0)
    if config.retain_data:
        limit = config.retain_broken  # as the training will count them
        more = config.retain_samples or examine(config.retain_data, check_shards=0, broken_limit=limit).pairs
        local = [Path(path) for path in paths_of(config.retain_data)]
        there = all(path.is_file() for path in local)
        on_disk += sum(path.stat().st_size for path in local) if there else more * WEB_PAIR
        rows += more
    needed, here = work(config, rows=rows), None
    if try_here:
        where = devices.resolve_device(device)
        chosen = devices.resolve_precision(config.precision if precision == "auto" else precision, where)
        here = probe(config, rows=rows, shard=shard, device=where, precision=chosen)
    return text(title or f"{kind}, {config.model}", config, needed, here=here, bytes_on_disk=on_disk)


def work(config: PretrainConfig, *, rows: int) -> Work:
    """Count pairs and operations; nothing is computed, the model lies on torch's meta device."""
    architecture = architectures.find(config.model)
    epoch = rows
    if decide_loading(config, rows=rows, image_size=architecture.image_size) == "stream":
        epoch = streamed_pairs(rows, config)
    parameters, operations, activations = _count(architecture)
    return Work(rows, epoch * config.epochs, parameters, 3 * operations, activations)


def towers(config: PretrainConfig) -> tuple[float, float]:
    """Operations of one picture and of one caption, forward; nothing is computed."""
    architecture = architectures.find(config.model)
    both, picture = (_count(architecture, texts=texts)[1] for texts in (True, False))
    return picture, both - picture


def probe(
    config: PretrainConfig,
    *,
    rows: int,
    shard: Path | None,
    device: str,
    precision: str,
    seconds: float = _PROBE_SECONDS,
) -> Here:
    """Train for some seconds on this machine, as many processes at once as the recipe has and the machine has room for.

    Args:
        shard: whose pairs to take; `None`: noise.
        device: `cpu` or `cuda`.
        precision: `fp32` or `bf16`.

    Raises:
        StageError: the probe failed.
    """
    architecture = architectures.find(config.model)
    processes = min(config.processes, _places(device))
    threads = min(config.threads or processors(), max(1, processors() // processes))
    words = [sys.executable, "-P", "-m", "salmubench.pretrain.probe"]
    options = {
        "model": architecture.name, "opt": config.optimizer, "lr": config.lr, "wd": config.weight_decay,
        "batch-size": config.process_batch, "threads": threads, "device": device, "seconds": seconds,
        "precision": "amp_bf16" if precision == "bf16" else "fp32", "shard": shard,
        "skip-padding": str(config.skip_padding).lower(), **optimizer_settings(config),
        "model-config": architecture.path if config.model.endswith(".json") else None,
    }  # fmt: skip
    for name, value in options.items():
        words += [] if value is None else [f"--{name}", str(value)]
    results = _together([words] * processes)
    speed = sum(one["pairs_per_second"] for one in results)
    decoding = sum(one["decoded_per_second"] for one in results)
    startup = max(one["import_torch"] + one["import_all"] for one in results) + _EXTRA_START
    needed = work(config, rows=rows)
    guess = needed.activations * (1 if precision == "bf16" else 2)  # where there was no time for two sizes of a batch
    memory = max(one["memory_fixed"] + config.process_batch * (one["memory_pair"] or guess) for one in results)
    if decide_loading(config, rows=rows, image_size=architecture.image_size) == "memory":
        # each process decodes everything, with all its threads
        startup += rows / (decoding / processes * threads)
        memory += rows * 3 * architecture.image_size**2
    else:
        loaders = decoding * max(1, config.workers)
        spare = processors() >= processes * (threads + config.workers) and config.workers > 0
        speed = min(speed, loaders) if spare else 1 / (1 / speed + 1 / loaders)
    return Here(speed, processes, startup, startup + needed.pairs / speed, int(memory), int(results[0]["batch"]))


def _places(device: str) -> int:
    """How many processes this machine has room for: one for each GPU, or for each core."""
    if device == "cuda":
        import torch

        return torch.cuda.device_count()
    return processors()


def text(title: str, config: PretrainConfig, needed: Work, *, here: Here | None, bytes_on_disk: int) -> str:
    """The estimate as lines for a terminal; `here` is what the probe measured, if it did."""
    batch, facts = config.process_batch, {}
    facts["pairs"] = f"{needed.pairs:,} = {config.epochs} epochs of {needed.rows:,}, {batch * config.world:,} a step"
    facts["operations"] = (
        f"{needed.operations:.3g} = {needed.pair_operations / 1e9:.4g} GFLOP a pair, forward and backward "
        f"({needed.parameters / 1e6:.4g} M parameters, captions at full length)"
    )
    if here is not None:
        facts["this machine"] = (
            f"{duration(here.seconds)}: {here.pairs_per_second:,.4g} pairs a second with {here.processes} "
            f"process(es), timed at batch {here.batch}; {here.startup:.0f} s before the first step"
        )
        facts["memory here"] = f"{here.memory / 2**30:.2f} GiB a process"
    hours = " · ".join(f"{gpus}: {duration(3600 * needed.hours(gpus))}" for gpus in (1, 8, 128))
    facts["H100"] = f"{hours} (at {UTILISATION:.0%} of {H100 / 1e12:.0f} TFLOPS; {needed.hours(1):,.4g} GPU hours)"
    facts["memory there"] = (
        f"{needed.gpu_memory(batch, config.world) / 2**30:.3g} GiB a process at batch {batch} in bf16"
    )
    unit, name = (1e12, "TB") if bytes_on_disk >= 1e12 else (1e9, "GB")
    facts["disk"] = f"{bytes_on_disk / unit:.3g} {name} of shards"
    return "\n".join([title, *(f"  {name:<14}{value}" for name, value in facts.items())])


def _count(architecture: Architecture, *, texts: bool = True) -> tuple[int, float, int]:
    """Parameters, forward operations of one pair, and bytes of what a pair leaves for the backward pass (bf16)."""
    import open_clip
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    if architecture.path is not None:
        open_clip.add_model_config(architecture.path)
    logging.disable(logging.WARNING)  # open_clip warns that the weights are random
    with contextlib.ExitStack() as stack:
        stack.callback(logging.disable, logging.NOTSET)
        stack.enter_context(torch.device("meta"))
        module = open_clip.create_model(architecture.name, device="meta", output_dict=True)
        images = torch.zeros(2, 3, architecture.image_size, architecture.image_size)
        tokens = torch.zeros(2, architecture.config["text_cfg"].get("context_length", 77), dtype=torch.int64)
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if not isinstance(tensor, torch.nn.Parameter):
            kept[storage._cdata] = storage.nbytes()
        alive.append(storage)  # a freed storage would give its place to another
        return tensor

    alive: list[torch.UntypedStorage] = []
    counter = FlopCounterMode(display=False)
    with devices.compute("cpu", "fp32"), counter, torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        module(images, tokens if texts else None)
    weights = {item.untyped_storage()._cdata for item in module.parameters()}
    activations = sum(size for place, size in kept.items() if place not in weights)
    parameters = sum(item.numel() for item in module.parameters())
    return parameters, counter.get_total_flops() / 2, activations // (2 * 2)  # of two pairs; half of fp32


def _together(commands: Sequence[Sequence[str]]) -> list[dict[str, float]]:
    running = [
        subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for words in commands
    ]
    results = []
    try:
        for process in running:
            output, errors = process.communicate()
            if process.returncode:
                last = (errors.strip().splitlines() or ["no message"])[-1]
                raise StageError(f"Expected the trial on this machine to run, got: {last}")
            results.append(json.loads(output))
    finally:
        for process in running:
            process.kill()
    return results


def duration(seconds: float) -> str:
    """A duration in its natural unit."""
    for name, unit, most in (("s", 1, 120), ("min", 60, 7200), ("h", 3600, 48 * 3600)):
        if seconds < most:
            return f"{seconds / unit:,.3g} {name}"
    return f"{seconds / 86400:,.3g} days"
