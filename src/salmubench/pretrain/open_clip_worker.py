"""What torchrun runs: registers the architecture, prepares the data path, and hands over to open_clip_train.

Options of its own: `--out` (handed on as `--logs`, a word that torchrun takes for one of its abbreviations),
`--model-config`, `--loading`, `--augment`, `--skip-padding`, `--skip-broken`, `--keep-epochs`, `--threads`. All others
are the engine's; a flag of the engine is given as `--flag true`. When the engine is done, the weights lie in `--out` in
open_clip's local-dir layout.
"""

from __future__ import annotations

import argparse
import contextlib
import glob
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from salmubench.core.pools import keep_freed_memory
from salmubench.pretrain.guard import die_with_parent

TRAINING = "training"
"""Folder inside `--out` for the engine's log, checkpoints and counts; the launcher deletes it when all is done."""

COUNTS = "exposures"

EPOCHS = "epochs"
"""Folder inside `--out` for the weights of the epochs that are kept, one folder each."""

ERROR_MARK = "salmubench-worker-error:"


@dataclass(frozen=True)
class Options:
    """The worker's own options; `name`, `model`, `device` and `precision` are the engine's too.

    Attributes:
        model_config: JSON file to register, or `None` for a name that is shipped or known to open_clip.
        skip_padding: compute the text tower without the captions' padding.
        skip_broken: leave out pairs that can't be decoded (memory loading; the engine's own loader does so always).
    """

    out: Path
    name: str
    model: str
    model_config: Path | None
    loading: str
    augment: str
    skip_padding: bool
    skip_broken: bool
    keep_epochs: frozenset[int]
    threads: int
    device: str
    precision: str
    engine: tuple[str, ...]


def parse(arguments: Sequence[str]) -> Options:
    """Split the command line into the worker's options and the engine's."""
    parser = argparse.ArgumentParser(allow_abbrev=False, prog="salmubench.pretrain.open_clip_worker")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--model-config", type=Path)
    parser.add_argument("--loading", choices=("memory", "stream"), default="stream")
    parser.add_argument("--augment", choices=("none", "engine"), default="none")
    parser.add_argument("--skip-padding", type="true".__eq__, default=False)
    parser.add_argument("--skip-broken", type="true".__eq__, default=False)
    parser.add_argument(
        "--keep-epochs", type=lambda words: frozenset(map(int, words.split(","))), default=frozenset[int]()
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--precision", default="amp")
    known, rest = parser.parse_known_args(arguments)
    flag_values = {index for index in range(1, len(rest)) if rest[index] == "true" and rest[index - 1].startswith("--")}
    engine = [word for index, word in enumerate(rest) if index not in flag_values]
    engine += ["--name", known.name, "--model", known.model, "--device", known.device, "--precision", known.precision]
    engine += ["--logs", str(known.out / TRAINING)]
    return Options(**vars(known), engine=tuple(engine))


def train(options: Options) -> None:
    """Run the engine from the last whole epoch to the end, then write the checkpoint."""
    import torch
    from open_clip_train import main as engine

    from salmubench.clip import muon
    from salmubench.clip.devices import compute

    torch.set_num_threads(options.threads)
    register(options.model, options.model_config)
    models: list[Any] = []
    torch.save = _saving(torch.save, models, options)  # type: ignore[assignment]
    muon.fuse_adamw()
    if options.precision == "fp32":
        muon.keep_in_fp32()
    engine.create_model_and_transforms = _recording(engine.create_model_and_transforms, models, options)
    engine.get_data = _data(engine.get_data, options)
    engine.get_latest_checkpoint = _literal(engine.get_latest_checkpoint)
    engine.train_one_epoch = _reseeding(engine.train_one_epoch)
    if options.device == "cpu":
        torch.nn.parallel.DistributedDataParallel = _cpu_ddp()  # type: ignore[misc]
    with compute(options.device, "fp32"):  # autocast is the engine's; this chooses the attention backend
        if engine.main(list(options.engine)) == -1:
            raise RuntimeError("the engine refused its options (see the log)")
    if _rank() == 0:
        export(models[0], options, options.out)
    if torch.distributed.is_initialized():
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()


def register(model: str, path: Path | None) -> None:
    """Check an architecture, by name or JSON file, and make it known to open_clip in this process.

    Raises:
        ConfigError: no such architecture, or one with fields that aren't allowed.
    """
    import open_clip

    from salmubench.core.errors import ConfigError
    from salmubench.pretrain import architectures

    architecture = architectures.find(str(path) if path is not None else model)
    if architecture.name != model:
        raise ConfigError(f"Expected --model {architecture.name}, the name of {architecture.path}, got {model!r}.")
    if architecture.path is not None:
        open_clip.add_model_config(architecture.path)


def _saving(save: Callable[..., None], models: list[Any], options: Options) -> Callable[[Any, str], None]:
    """The engine's `torch.save`, whole or not at all; it knows the epochs, so kept weights are written here too."""

    def wrapped(content: Any, path: str) -> None:
        from salmubench.core import writing

        if content["epoch"] in options.keep_epochs:
            export(models[0], options, options.out / EPOCHS / f"{content['epoch']:05d}")
        with writing.atomic_path(Path(path)) as temporary, temporary.open("wb") as stream:
            save(content, stream)

    return wrapped


def export(module: Any, options: Options, folder: Path) -> None:
    """Write weights and configuration in open_clip's local-dir layout.

    Raises:
        RuntimeError: a weight is NaN or infinite.
    """
    import open_clip
    import torch

    from salmubench.clip.models import save_model

    state = module.state_dict()
    for name, tensor in state.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise RuntimeError(f"expected finite weights, got NaN or infinity in {name!r}; lower the learning rate")
    config = {"model_cfg": open_clip.get_model_config(options.model), "preprocess_cfg": module.visual.preprocess_cfg}
    save_model(folder, state=state, config=config)


def _recording(create: Callable[..., Any], models: list[Any], options: Options) -> Callable[..., Any]:
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        import torch

        from salmubench.clip.padding import skip_padding

        created = create(*args, **kwargs)
        if options.skip_padding:
            skip_padding(created[0])
        created[0].to(memory_format=torch.channels_last)  # convolutions and batch norms run a third faster on CPUs
        models.append(created[0])
        return created

    return wrapped


def _literal(find_latest: Callable[..., Any]) -> Callable[..., Any]:
    """The engine's search for a checkpoint, in a folder whose name may have `[`, `*` or `?`: it looks by a pattern."""

    def wrapped(path: str, remote: bool) -> Any:
        return find_latest(glob.escape(path), remote=remote)

    return wrapped


def _reseeding(train_one_epoch: Callable[..., Any]) -> Callable[..., Any]:
    """Seed all generators at the start of each epoch: a resumed run draws what an uninterrupted one would have."""

    def wrapped(model: Any, data: Any, loss: Any, epoch: int, optimizer: Any, *rest: Any, **named: Any) -> Any:
        args = rest[3]  # scaler, scheduler, dist_model, args
        seed_everything(args.seed, epoch, args.rank)
        return train_one_epoch(model, data, loss, epoch, optimizer, *rest, **named)

    return wrapped


def seed_everything(seed: int, epoch: int, rank: int) -> None:
    """Seed torch, numpy and random from (seed, epoch, rank)."""
    import random

    import numpy as np
    import torch

    states = np.random.SeedSequence([seed, epoch, rank]).generate_state(3)
    torch.manual_seed(int(states[0]))
    np.random.seed(int(states[1]))  # the engine's transforms and loaders draw from the global generators
    random.seed(int(states[2]))


def _data(get_data: Callable[..., Any], options: Options) -> Callable[..., Any]:
    def wrapped(args: Any, preprocess_fns: tuple[Any, Any], epoch: int = 0, tokenizer: Any = None) -> Any:
        _, evaluation = preprocess_fns
        if options.loading == "memory":
            return {"train": _memory_data(args, evaluation, epoch, tokenizer, options)}
        transforms = preprocess_fns if options.augment == "engine" else (evaluation, evaluation)
        data = get_data(args, transforms, epoch=epoch, tokenizer=tokenizer)
        prepare_stream(data, seed=args.seed, rank=args.rank)
        return data

    return wrapped


def prepare_stream(data: Mapping[str, Any], *, seed: int, rank: int) -> None:
    """Change the engine's loaders (`DataInfo` of each part): only pairs are decoded, and the seed decides the order.

    Raises:
        RuntimeError: the engine's pipeline has another form.
    """
    from salmubench.pretrain.stream import Decoder, decode_pair, decode_pairs_only

    for part in {"train", "val"} & data.keys():
        decoder = Decoder(seed, data[part].shared_epoch.get_value) if part == "train" else decode_pair
        decode_pairs_only(data[part].dataloader, decoder)
    seed_shuffle(data["train"], seed=seed, rank=rank)


def _memory_data(args: Any, preprocess: Any, epoch: int, tokenizer: Any, options: Options) -> Any:
    from open_clip_train.data import DataInfo, SharedEpoch

    from salmubench.clip.pixels import split_transform
    from salmubench.pretrain.memory_loader import MemoryLoader, load_pairs

    preprocessor = split_transform(preprocess)
    pairs = load_pairs(
        args.train_data,
        preprocessor=preprocessor,
        tokenize=tokenizer,
        threads=options.threads,
        expected=args.train_num_samples,
        skip_broken=options.skip_broken,
    )
    shared = SharedEpoch(epoch=epoch)
    loader = MemoryLoader(
        pairs,
        preprocessor=preprocessor,
        batch_size=args.batch_size,
        seed=args.seed,
        rank=args.rank,
        processes=args.world_size,
        epoch=shared.get_value,
        counts=options.out / TRAINING / COUNTS,
    )
    return DataInfo(dataloader=loader, shared_epoch=shared)


def seed_shuffle(info: Any, *, seed: int, rank: int) -> None:
    """Replace the engine's sample shuffle, which is seeded by process id and clock, by its seeded one.

    Raises:
        RuntimeError: the engine's pipeline has no such stage.
    """
    import numpy as np
    from open_clip_train import data as engine
    from webdataset.filters import _shuffle

    stages = info.dataloader.pipeline[0].dataset.pipeline
    positions = [index for index, stage in enumerate(stages) if getattr(stage, "f", None) is _shuffle]
    if len(positions) != 1:
        raise RuntimeError("open_clip_train's data pipeline has another form than that of version 3.3")
    process_seed = int(np.random.SeedSequence([seed, rank]).generate_state(1)[0])
    stages[positions[0]] = engine.detshuffle2(
        bufsize=engine._SAMPLE_SHUFFLE_SIZE,
        initial=engine._SAMPLE_SHUFFLE_INITIAL,
        seed=process_seed,
        epoch=info.shared_epoch,
    )


def _cpu_ddp() -> Any:
    """DistributedDataParallel that takes the engine's `device_ids=[cpu]`, which torch refuses."""
    import torch

    class CpuDistributedDataParallel(torch.nn.parallel.DistributedDataParallel):
        def __init__(self, module: Any, device_ids: Any = None, **kwargs: Any) -> None:  # noqa: ARG002
            super().__init__(module, **kwargs)

    return CpuDistributedDataParallel


@contextlib.contextmanager
def hold_folder(out: Path) -> Iterator[None]:
    """Hold the folder's lock, unless the launcher that started this process holds it.

    Raises:
        OutputLocked: another training goes on in the folder.
    """
    import psutil

    from salmubench.core import manifest

    out.mkdir(parents=True, exist_ok=True)
    if manifest.lock_holder(out) in {str(parent.pid) for parent in psutil.Process().parents()}:
        yield
    else:
        with manifest.folder_lock(out):
            yield


def _rank() -> int:
    return int(os.environ.get("RANK", "0"))


def _live_parent() -> int:
    """Process id of torchrun; 0, which is nobody's parent, where torchrun has died and another took its child."""
    parent = os.getppid()
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return parent
    import psutil

    with contextlib.suppress(psutil.Error):
        if any("torchrun" in word or "torch.distributed" in word for word in psutil.Process(parent).cmdline()):
            return parent
    return 0


def main(arguments: Sequence[str]) -> int:
    """Run the worker.

    Returns:
        The exit status; a failure's one-line reason is the last line on stderr that starts with `ERROR_MARK`.
    """
    die_with_parent(_live_parent())
    keep_freed_memory()
    try:
        options = parse(arguments)
        with hold_folder(options.out) if _rank() == 0 else contextlib.nullcontext():
            train(options)
    except Exception as error:  # noqa: BLE001 - whatever it is, the launcher wants one line
        traceback.print_exc()
        reason = " ".join(str(error).split()) or "no message"
        sys.stderr.write(f"{ERROR_MARK} {type(error).__name__}: {reason}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
