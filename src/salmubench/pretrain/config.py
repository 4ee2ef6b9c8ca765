"""The recipe's section `pretrain`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from salmubench.core.errors import ConfigError, UnknownName
from salmubench.scoring.references import KINDS, OPTIONAL, Kind

RESERVED = (
    "train-data", "train-num-samples", "dataset-type", "name", "out", "logs", "resume", "model", "model-config",
    "batch-size", "epochs", "lr", "warmup", "wd", "opt", "beta1", "beta2", "eps", "lr-scheduler", "seed", "precision",
    "device", "dist-backend", "workers", "threads", "loading", "augment", "skip-padding", "save-frequency",
    "delete-previous-checkpoint", "save-most-recent", "log-every-n-steps", "report-to", "zeroshot-frequency",
    "keep-epochs", "skip-broken",
)  # fmt: skip
"""Options of the command that have a field of their own, or that the launcher decides."""

FORBIDDEN = (
    "pretrained", "pretrained-image", "dataset-resampled", "train-data-upsampling-factors", "force-image-size",
    "force-context-length", "force-custom-text", "force-quick-gelu", "image-mean", "image-std", "image-interpolation",
    "image-resize-mode", "distill-model", "distill-pretrained", "trace", "torchscript",
)  # fmt: skip
"""Options that would break the benchmark: weights from elsewhere, repeated rows, or another architecture than the
checkpoint's configuration says."""


ALLOWED = (
    "ddp-static-graph", "debug", "epochs-cooldown", "force-patch-dropout", "gather-with-grad",
    "grad-checkpointing", "grad-clip-norm", "local-loss", "loss-dist-impl", "lr-cooldown-end", "lr-cooldown-power",
    "momentum", "no-set-device-rank", "skip-scheduler", "torchcompile", "use-bn-sync",
)  # fmt: skip
"""Options of the engine that a recipe may add, by their whole names.

The engine takes a beginning for the whole, and has others that read weights and addresses or send files: a stranger's
recipe must not reach them.
"""


@dataclass(frozen=True)
class PretrainConfig:
    """How the references are trained: the same settings for all."""

    model: str = "salmu-mini"
    """Architecture: `salmu-tiny`, `salmu-mini`, `salmu-small`, a name that open_clip knows (`ViT-B-16`), or the path of
    a JSON file like those in `pretrain/model_configs/`."""

    epochs: int = 4
    """Passes over the data. Each retain pair is seen once an epoch, so this is the number of its exposures too."""

    sensitive_repeats: int = 1
    """How often an epoch shows each sensitive pair (of the holdouts in Retrained), by listing its shards as often; each
    time a caption of it is drawn anew. Retain pairs are seen once an epoch by all references."""

    batch_size: int = 256
    """Pairs in a batch of one process; `global_batch` replaces it."""

    global_batch: int = 0
    """Pairs of a step over all processes of all machines, divided among them; 0: `batch_size` for each process."""

    optimizer: str = "timm/muon"
    """`adamw`, or `timm/NAME` for any optimiser of timm."""

    lr: float = 3e-3
    """Peak learning rate."""

    weight_decay: float = 0.1
    """Decoupled weight decay, on matrices only."""

    beta1: float | None = None
    """First momentum; the optimiser's own default where left out (AdamW: 0.9)."""

    beta2: float | None = None
    """Second momentum; the optimiser's own default where left out (AdamW: 0.98)."""

    eps: float | None = None
    """Added to the denominator; 1e-6 for AdamW (as CLIP), 1e-8 for others, where left out."""

    warmup: int = 30
    """Steps of linear warm-up."""

    lr_scheduler: Literal["cosine", "const"] = "cosine"
    """What the learning rate does after the warm-up."""

    processes: int = 1
    """Processes of one machine (torchrun's `--nproc_per_node`): one for each GPU; on a CPU one is best."""

    nodes: int = 1
    """Machines. More than one train by scripts: `salmubench pretrain --emit slurm` (or `torchrun`)."""

    threads: int = 0
    """CPU threads of each process; 0 shares the cores among the processes."""

    loading: Literal["auto", "memory", "stream"] = "auto"
    """`memory` decodes everything once, and each epoch is an exact pass; `stream` decodes on the fly in shard order, as
    large data needs; `auto` takes memory where the decoded pictures fit into 1 GiB."""

    workers: int = 1
    """Loader processes of each process (when streaming)."""

    augment: Literal["none", "engine"] = "none"
    """`none` trains on the very pixels that evaluation sees; `engine` crops at random as open_clip does (streams)."""

    skip_padding: bool = True
    """Compute the text tower up to the end of the captions only; the features are the same, small models train up to
    twice as fast."""

    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """What `auto` on the command line stands for; `auto` here: what is faster on this machine."""

    retain_data: str = ""
    """Further retain pairs: WebDataset shards as open_clip's `--train-data` takes them (brace patterns, `::`)."""

    retain_samples: int = 0
    """How many pairs `retain_data` has; 0: as `sizes.json` or img2dataset's `NNNNN_stats.json` beside the shards say,
    and counted where they say nothing."""

    retain_check_shards: int = 2
    """How many shards of `retain_data`, spread evenly, are read and decoded before a training that streams; one that
    keeps its pairs in memory reads all."""

    retain_broken: float = 0.0
    """Share of the pairs of `retain_data` that may be broken (cut off, undecodable, without caption): they are named,
    counted and left out. Above it the training doesn't start."""

    keep_epochs: tuple[int, ...] = ()
    """Epochs after which a checkpoint is kept in `epochs/NNNNN/`, which `evaluate` takes like any model."""

    log_every: int = 10
    """Steps between two entries of the training log."""

    extra_args: dict[str, Any] = field(default_factory=dict)
    """Further options of open_clip_train by name without dashes, e.g. `grad-clip-norm: 1.0`; `true` for flags. Only
    those of `ALLOWED`."""

    retrained: bool = False
    """Whether `run` trains Retrained too: on retain pairs and both holdouts, never on `forget`."""

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The references that `run` trains, in this order."""
        return tuple(kind for kind in KINDS if kind not in OPTIONAL or getattr(self, kind))

    @property
    def training(self) -> dict[str, Any]:
        """The settings that decide about a checkpoint: all but which references are trained, which may change later."""
        return {name: value for name, value in asdict(self).items() if name not in OPTIONAL}

    @property
    def world(self) -> int:
        """Processes of all machines."""
        return self.nodes * self.processes

    @property
    def process_batch(self) -> int:
        """Pairs in a batch of one process."""
        return self.global_batch // self.world if self.global_batch else self.batch_size

    def __post_init__(self) -> None:
        for name in ("epochs", "sensitive_repeats", "batch_size", "processes", "nodes", "log_every"):
            _require(getattr(self, name) >= 1, name, "1 or more", getattr(self, name))
        for name in ("warmup", "threads", "workers", "retain_samples", "retain_check_shards", "global_batch"):
            _require(getattr(self, name) >= 0, name, "0 or more", getattr(self, name))
        _require(self.lr > 0, "lr", "a rate above 0", self.lr)
        _require(self.weight_decay >= 0, "weight_decay", "0 or more", self.weight_decay)
        _require((self.beta1 is None) == (self.beta2 is None), "beta1", "beta1 and beta2, or neither", self.beta1)
        is_known = self.optimizer == "adamw" or self.optimizer.startswith("timm/")
        _require(is_known, "optimizer", "adamw or timm/NAME", self.optimizer)
        memory_and_crops = self.augment == "engine" and self.loading == "memory"
        _require(not memory_and_crops, "loading", "stream (with augment: engine)", self.loading)
        _require(bool(self.retain_data) or not self.retain_samples, "retain_samples",
                 "0 where there is no retain_data", self.retain_samples)  # fmt: skip
        _require(0 <= self.retain_broken < 1, "retain_broken", "a share from 0 to below 1", self.retain_broken)
        _require(all(1 <= epoch <= self.epochs for epoch in self.keep_epochs), "keep_epochs",
                 f"epochs from 1 to {self.epochs}", list(self.keep_epochs))  # fmt: skip
        _require(self.global_batch % self.world == 0, "global_batch",
                 f"a multiple of the {self.world} processes (nodes × processes)", self.global_batch)  # fmt: skip
        for name, value in self.extra_args.items():
            _check_extra(name, value)


def _check_extra(name: str, value: Any) -> None:
    key = f"extra_args.{name}"
    _require(bool(name) and not name.startswith("-") and "_" not in name, key, "a name like grad-clip-norm", name)
    _require(name not in RESERVED, key, "an option that the recipe has no field for", name)
    _require(name not in FORBIDDEN, key, "an option that keeps the references comparable", name)
    if name == "accum-freq":  # the engine then leaves out batches of an epoch, and its log counts other steps
        raise ConfigError(
            "Expected each batch to be a step of its own, got pretrain.extra_args.accum-freq: warm-up, exposures and "
            "curves count so. Take it out; more pairs fit into a step with grad-checkpointing, or with more processes."
        )
    if name not in ALLOWED:
        raise UnknownName("option in pretrain.extra_args:", name, ALLOWED)
    items = value if isinstance(value, list | tuple) else [value]
    _require(all(isinstance(item, str | int | float | bool) for item in items), key, "plain values", value)
    words = [item for item in items if isinstance(item, str)]
    _require(not any(word.startswith("-") for word in words), key, "values that are no options", value)


def _require(good: bool, name: str, expected: str, value: object) -> None:
    if not good:
        raise ConfigError(f"Expected pretrain.{name} to be {expected}, got {value!r}.")
