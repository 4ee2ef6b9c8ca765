"""`pretrain`: one reference model from scratch, by open_clip_train under torchrun."""

from __future__ import annotations

import logging
import math
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from salmubench.clip import devices, models
from salmubench.core import cost, manifest, options, places, progress, provenance, writing
from salmubench.core.errors import ConfigError, StageError
from salmubench.dataset import shards
from salmubench.dataset.layout import open_dataset
from salmubench.dataset.origin import is_imported
from salmubench.pretrain import architectures, exposure
from salmubench.pretrain.cluster import Launcher, script
from salmubench.pretrain.command import WORKER, TrainingJob, check, command, decide_loading
from salmubench.pretrain.config import PretrainConfig
from salmubench.pretrain.curves import CURVES, LogReader, entries, logged_seconds, write_curves
from salmubench.pretrain.open_clip_worker import COUNTS, ERROR_MARK, TRAINING
from salmubench.pretrain.retain_data import RetainData, examine
from salmubench.scoring.references import KINDS, Kind, listed

STAGE = "pretrain"
LOG = "training.log"

log = logging.getLogger(__name__)

_OLD_WORKER_PATIENCE = 60.0  # seconds
_STOP_PATIENCE = 10.0  # seconds
_SIGNAL = re.compile(r"Signal (\d+) \(SIG\w+\) received by PID")
_TERMINATED = "15"


def pretrain(
    config: PretrainConfig,
    *,
    dataset: Path,
    kind: Kind,
    out: Path,
    seed: int,
    device: str = "auto",
    precision: str = "auto",
    print_command: bool = False,
) -> str:
    """Train a reference model; go on where an earlier call stopped.

    Clean sees the retain pairs, Compromised the sensitive pairs too (forget and both holdouts), Retrained the retain
    pairs and both holdouts: what exact unlearning would give.

    Args:
        device: `auto`, `cpu` or `cuda`.
        precision: `auto` (what the recipe says), `fp32` or `bf16`.

    Returns:
        The checkpoint's folder, or with `print_command` the shell command.

    Raises:
        ConfigError: a setting makes no sense.
        DatasetError: the dataset or its shards are broken.
        OutputError: the folder can't be used.
        StageError: the training failed.
    """
    job = plan_job(config, dataset=dataset, kind=kind, out=out, seed=seed, device=device, precision=precision)
    if print_command:
        return shlex.join(command(job))
    inputs = {
        "dataset": job.shards.dataset,
        "architecture": manifest.sha256_json(job.architecture.config),
        "device": job.device,
        "precision": job.precision,
        "retain_data": job.more and manifest.sha256_json([(shard.path, shard.bytes) for shard in job.more.shards]),
    }
    settings = {"kind": kind, **config.training}
    with manifest.stage_folder(
        out, STAGE, config=settings, inputs=inputs, seed=seed, also=_of_scripts(out, kind)
    ) as stage:
        if not stage.complete:
            imported = is_imported(open_dataset(dataset))
            outputs, spent = _train(job)
            stage.finish(outputs={**outputs, "imported": imported}, cost={**outputs["trained"], **spent})
        shutil.rmtree(out / TRAINING, ignore_errors=True)  # also where a call died between the manifest and this
    return str(out)


def _train(job: TrainingJob) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run what is left of a training; give the manifest's outputs and the cost."""
    wait_for_old_workers(job.out)
    trained = (job.out / models.WEIGHTS).is_file()  # by scripts, or by a call that died before it had finished
    with cost.measure() as spent:
        if not trained:
            check_one_machine(job.config)
            run(job)
    outputs, log_lines = finish(job)
    return outputs, {"seconds": logged_seconds(log_lines), "peak_memory": None} if trained else asdict(spent)


def cluster_script(
    config: PretrainConfig,
    *,
    dataset: Path,
    kind: Kind,
    recipe: str,
    out: Path,
    seed: int,
    launcher: Launcher,
    device: str = "auto",
    precision: str = "auto",
) -> str:
    """Give the script that trains on `pretrain.nodes` machines, and on the first one finishes by `salmubench pretrain`.

    Args:
        recipe: name or path of the recipe, for the call that finishes.
        device: `auto` and `cuda`: the machines have GPUs; `cpu`: they have none. This machine doesn't matter.

    Raises:
        ConfigError: a setting makes no sense.
        DatasetError: the dataset or its shards are broken.
    """
    there = "cpu" if device == "cpu" else "cuda"
    job = plan_job(
        config, dataset=dataset, kind=kind, out=out, seed=seed, device=there, precision=precision, elsewhere=True
    )  # fmt: skip
    named = str(places.real(recipe)) if recipe.endswith((".yaml", ".yml")) else recipe
    again = [sys.executable, "-P", "-m", "salmubench.cli.main", "pretrain"]
    for name, value in {
        "dataset": places.real(dataset), "kind": kind, "recipe": named, "out": job.out, "seed": seed, "device": there,
        "precision": job.precision,
    }.items():  # fmt: skip
        again += [f"--{name}", str(value)]
    return script(job, launcher=launcher, again=again)


def plan_job(
    config: PretrainConfig,
    *,
    dataset: Path,
    kind: Kind,
    out: Path,
    seed: int,
    device: str,
    precision: str,
    elsewhere: bool = False,
) -> TrainingJob:
    """Decide and check everything that stands in the command; write the shards where there are none.

    Args:
        elsewhere: other machines will train: whether this one has a GPU doesn't matter.

    Raises:
        ConfigError: a setting makes no sense.
        DatasetError: the dataset or its shards are broken.
    """
    options.check_seed(seed)
    if kind not in KINDS:
        raise ConfigError(f"Expected kind {listed()}, got {kind!r}.")
    architecture = architectures.find(config.model)
    source = open_dataset(dataset)
    where = device if elsewhere else devices.resolve_device(device)
    requested = config.precision if precision == "auto" else precision
    if elsewhere and requested == "auto":  # what is faster there can't be measured here
        requested = "bf16" if where == "cuda" else "fp32"
    shard_set = shards.find_or_write(source, places.real(out).parent / shards.FOLDER)
    more = _examine(config)
    rows = shard_set.rows("retain") + (more.pairs if more else 0) + shard_set.rows("sensitive")
    local = more is None or more.local
    loading = decide_loading(config, rows=rows, image_size=architecture.image_size, local=local)
    if more and loading == "memory" and more.read < len(more.shards):
        more = _examine(config, everything=True)
    job = TrainingJob(
        kind=kind, config=config, architecture=architecture, shards=shard_set, more=more, loading=loading, device=where,
        precision=devices.resolve_precision(requested, where), seed=seed, out=places.real(out),
    )  # fmt: skip
    check(job)
    return job


def _examine(config: PretrainConfig, *, everything: bool = False) -> RetainData | None:
    if not config.retain_data:
        return None
    return examine(
        config.retain_data,
        samples=config.retain_samples,
        check_shards=None if everything else config.retain_check_shards,
        broken_limit=config.retain_broken,
    )


def _of_scripts(out: Path, kind: Kind) -> list[str]:
    """What a training that was started by scripts, or by the printed command, has left in the folder."""
    return [path.name for path in out.iterdir()] if (out / TRAINING / kind).is_dir() else []


def check_config(config: PretrainConfig) -> None:
    """Check all of a training that needs no dataset: its model, the machine, retain data of the user's.

    Raises:
        ConfigError: no such model, several machines, or no retain data.
        DatasetError: retain data that can't be read.
    """
    architectures.find(config.model)
    check_one_machine(config)
    _examine(config)


def check_one_machine(config: PretrainConfig) -> None:
    """Raise `ConfigError` for a recipe that asks for several machines: it can't start from here."""
    if config.nodes > 1:
        raise ConfigError(
            f"Expected pretrain.nodes 1 to train on this machine, got {config.nodes}. Write the scripts for the "
            "cluster with --emit slurm or --emit torchrun; when they are done, this command writes the manifest."
        )


def run(job: TrainingJob) -> None:
    """Run the command to its end and show the progress.

    Raises:
        StageError: it failed (with the worker's last error line), or the loss is no number.
    """
    steps, pairs = len(job.step_pairs), job.step_pairs
    reader, done = LogReader(steps=steps, every=job.config.log_every), 0
    (job.out / TRAINING).mkdir(parents=True, exist_ok=True)
    with progress.bar(total=job.config.epochs * pairs[-1], description=f"pretrain {job.kind}") as advance:
        for line in _output(command(job), job.out / TRAINING / "console.log"):
            entry = reader.read(line)
            if entry is None:
                continue
            if not math.isfinite(entry.values["loss"]):
                raise StageError(
                    f"Pretraining {job.kind} failed: expected a finite loss, got {entry.values['loss']} in epoch "
                    f"{entry.epoch}, step {entry.step}. Lower pretrain.lr (now {job.config.lr:g}) or raise "
                    "pretrain.warmup."
                )
            seen = entry.epoch * pairs[-1] + pairs[entry.step % steps]
            advance(seen - done)
            done = seen


def finish(job: TrainingJob) -> tuple[dict[str, Any], list[str]]:
    """Write curves and log; give the manifest's outputs and the lines of the log.

    Raises:
        StageError: the engine ended without a checkpoint or without having trained all epochs.
    """
    if not (job.out / models.WEIGHTS).is_file():
        raise StageError(f"Expected {models.WEIGHTS} in {job.out} after the training, got none.")
    engine_log = job.out / TRAINING / job.kind / "out.log"
    lines = engine_log.read_text(encoding="utf-8", errors="replace").splitlines()
    log_entries = entries(lines, steps=len(job.step_pairs), every=job.config.log_every)
    steps = len(job.step_pairs) * job.config.epochs
    if not log_entries or log_entries[-1].step != steps - 1:
        raise StageError(
            f"Expected {steps} steps in {engine_log}, got {log_entries[-1].step + 1 if log_entries else 0}."
        )
    write_curves(job.out, log_entries, pairs=job.step_pairs, batch=job.config.process_batch * job.config.world)
    writing.write_text(job.out / LOG, provenance.portable("\n".join(lines)) + "\n")
    outputs = {
        "kind": job.kind,
        "sha256": models.checkpoint_sha256(job.out),
        "exposures": _exposures(job),
        "shards": job.shards.files,
        "retain_data": job.more,
        "kept_epochs": sorted(set(job.config.keep_epochs)),
        "trained": {"steps": steps, "pairs": job.config.epochs * job.step_pairs[-1]},
        "final_loss": log_entries[-1].values["loss"],
        "curves": CURVES,
        "log": LOG,
        "command": shlex.join(command(job)),
    }
    return outputs, lines


def wait_for_old_workers(out: Path, patience: float = _OLD_WORKER_PATIENCE) -> None:
    """Wait until no process of an earlier, killed run writes into the folder any more.

    Raises:
        StageError: one is still alive after the patience, in seconds.
    """
    deadline = time.monotonic() + patience
    while alive := old_workers(out):
        if time.monotonic() > deadline:
            raise StageError(
                f"Expected the earlier training in {out} to have ended, got its process {alive[0]} alive. End it and "
                "run the same command again."
            )
        log.info("waiting for process %d of an earlier training", alive[0])
        time.sleep(0.2)


def old_workers(out: Path) -> list[int]:
    """Process ids of torchrun and workers that train into the folder."""
    import psutil

    return [
        int(process.info["pid"])
        for process in psutil.process_iter(["pid", "cmdline"])
        if {WORKER, str(out)} <= set(process.info["cmdline"] or ())
    ]


def failure(lines: Sequence[str]) -> str:
    """The reason of a failed run in one line, from its last output."""
    signals = [match[1] for line in lines if (match := _SIGNAL.search(line))]
    killed = [number for number in signals if number != _TERMINATED]  # torchrun ends the other workers with that one
    if killed:  # what these say then is that they have lost it
        return f"the worker was killed by signal {killed[-1]} (9 often means that memory ran out)"
    marked = [line.partition(ERROR_MARK)[2].strip() for line in lines if ERROR_MARK in line]
    if marked:
        return marked[-1]
    said = [line.partition("error:")[2].strip() for line in lines if "error:" in line]
    ended = [line.strip() for line in lines if line.strip()]
    return said[-1] if said else ended[-1] if ended else "no output"


def _exposures(job: TrainingJob) -> dict[str, exposure.Exposure]:
    epochs, per_epoch, repeats = job.config.epochs, job.step_pairs[-1], job.repeats
    exact, counted = per_epoch == job.rows and job.loading == "memory", dict[str, exposure.Counted]()
    if job.loading == "memory":
        folder = job.out / TRAINING / COUNTS
        counted = exposure.count(folder, parts=job.parts, repeats=repeats, epochs=epochs, processes=job.config.world)
    expected = epochs * per_epoch / job.rows  # of a pair that is listed once; streaming rounds up to whole batches
    return {
        name: exposure.Exposure(rows, expected * repeats[name], exact, counted.get(name))
        for name, rows in job.parts.items()
    }


def _output(words: list[str], log_file: Path) -> Iterator[str]:
    """Run a command that dies with this process; give its output line by line and keep it in a file."""
    local = [sys.executable, "-P", "-m", "salmubench.pretrain.loopback", *words]
    guarded = [sys.executable, "-P", "-m", "salmubench.pretrain.guard", str(os.getpid()), *local]
    environment = {**os.environ, "PET_LOG_DIR": str(log_file.parent / "torchrun")}  # else folders in the user's TMPDIR
    process = subprocess.Popen(
        guarded, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace", env=environment,
    )  # fmt: skip
    last: list[str] = []
    try:
        with log_file.open("a", encoding="utf-8") as stream:
            for line in process.stdout or ():
                stream.write(line)
                stream.flush()
                last = [*last[-200:], line]
                yield line
        status = process.wait()
    finally:
        _stop(process)
    if status != 0:
        raise StageError(f"Pretraining failed: {failure(last)}. The whole output is in {log_file}.")


def _stop(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_STOP_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()  # its workers die with it
            process.wait()
    if process.stdout is not None:
        process.stdout.close()
