"""Options of unlearning: which methods, and the engine's settings they share."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from salmubench.core import plugins
from salmubench.core.errors import ConfigError

PACKAGE = "salmubench.unlearn.methods"
"""The methods: one module each."""


@functools.cache
def benchmark_methods() -> tuple[str, ...]:
    """Names of the methods of the benchmark, in the order of its table, without importing any."""
    rows: dict[str, int] = {}
    for name in plugins.names(PACKAGE, outside=False):
        row = plugins.description(PACKAGE, name, "METHOD").get("row")
        if row is not None:
            rows[name] = row
    return tuple(sorted(rows, key=rows.__getitem__))


@dataclass(frozen=True)
class UnlearnConfig:
    """Which methods run, and with what engine settings.

    Steps and batch size belong to the engine, so that every method spends the same budget. What a method's entry in
    `overrides` says about an engine setting counts for that method alone and is recorded with its checkpoint; so does
    what its file declares (`SETTINGS`).
    """

    methods: tuple[str, ...] = field(default_factory=benchmark_methods)
    """Names of methods, or paths of Python files."""

    overrides: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Method name (a file's stem) → options of its `Config` and engine settings of its own."""

    batch_size: int = 64
    """Pairs of each kind a step; not more than there are forget pairs are used."""

    retain_batch_size: int = 0
    """Retain pairs a step, not more than there are; 0: as many as pairs to forget, which alone the budget counts."""

    retain_order: Literal["shuffled", "file"] = "shuffled"
    """Retain pairs drawn at random, or one after the other as in the files, those of `retain_synth` first."""

    captions: Literal["as_given", "simplified"] = "as_given"
    """Captions as they are, or as BLIP's training takes them: lower case, without `.!"()*#:;~`, at most 50 words."""

    rewrites: bool = True
    """Each sight of a pair to forget shows one of its captions, drawn by the shares that pretraining draws by; without
    it always the official one, as in the paper. Datasets without rewrites have no other."""

    crop: float = 1.0
    """Smallest share of a picture that a random crop keeps, drawn whenever a picture is shown; 1: whole pictures."""

    accumulation: int = 1
    """Batches whose gradients are averaged for one optimiser step."""

    optimizer: Literal["adamw", "muon"] = "adamw"
    """AdamW, or Muon (timm's) for the matrices of the layers and AdamW for all other weights, tokens among them. Muon's
    steps are scaled to the size of AdamW's, so that a rate means the same."""

    lr: float = 1e-4
    """Peak learning rate. Released CLIP models take 1e-7 to 1e-5, small ones trained here about 1e-4."""

    warmup: float = 0.1
    """Share of the steps over which the rate rises linearly; then it falls along a cosine to 0."""

    schedule: Literal["step", "epoch"] = "step"
    """The cosine falls after every step, or after every pass over the pairs to forget."""

    weight_decay: float = 1e-3
    """Decoupled weight decay on matrices; gains, biases and the temperature have none."""

    grad_clip: float = 1.0
    """Largest gradient norm; 0 turns clipping off."""

    towers: Literal["both", "image", "text"] = "both"
    """Which encoders move. The temperature moves with both only."""

    lora_rank: int = 0
    """Rank of the low-rank updates that are trained instead of the weights (LoRA, Hu et al. 2021, arXiv 2106.09685) and
    merged into them at the end; 0 trains the weights themselves."""

    lora_alpha: float = 16.0
    """α of LoRA: an update counts α / rank times."""

    lora_layers: tuple[str, ...] = ()
    """Parts of the names of the matrices that LoRA updates, e.g. `attn`; none: all but the embeddings of tokens."""

    checkpoint_every: int = 500
    """Steps between two resumable checkpoints; 0 keeps none."""

    probe_every: int = 20
    """Steps between two looks at the mean pair similarity of a fixed sample; 0 takes none."""

    probe_pairs: int = 64
    """Pairs of `forget` and of retain in that sample."""

    picture_memory: float = 2.0
    """GiB of decoded pictures of one kind kept in memory; beyond it they lie in a temporary file."""

    threads: int = 0
    """Threads of a method's arithmetic; 0: as many as the process has. A number here gives the same bits however many
    candidates run side by side."""

    limit: float = 0.0
    """Processor seconds after which a candidate is given up, looked at between batches; 0: none. A method that passes
    its time without batches isn't stopped."""

    tuned: str = "auto"
    """Values found by `salmubench tune`: path of its `tuned.yaml`, `auto` (those that come with the recipe, where it
    has some) or `none`. They win over `overrides`."""

    def __post_init__(self) -> None:
        for name in ("methods", "lora_layers"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        for name, least, most in _RANGES:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise ConfigError(f"Expected a finite number for unlearn.{name}, got {value!r}.")
            if not least <= value <= most:
                raise ConfigError(f"Expected unlearn.{name} from {least} to {most}, got {value!r}.")
        for name in _WHOLE:
            if not isinstance(getattr(self, name), int):
                raise ConfigError(f"Expected a whole number for unlearn.{name}, got {getattr(self, name)!r}.")
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                expected = f"{', '.join(choices[:-1])} or {choices[-1]}"
                raise ConfigError(f"Expected unlearn.{name} {expected}, got {getattr(self, name)!r}.")
        if not isinstance(self.tuned, str):
            raise ConfigError(f"Expected a file, auto or none for unlearn.tuned, got {self.tuned!r}.")
        if not isinstance(self.rewrites, bool):
            raise ConfigError(f"Expected true or false for unlearn.rewrites, got {self.rewrites!r}.")
        for method, options in self.overrides.items():
            if not isinstance(options, dict):
                raise ConfigError(f"Expected options by name in unlearn.overrides.{method}, got {options!r}.")


def check_options(config: Any, least: Mapping[str, int], shares: Sequence[str]) -> None:
    """Check a method's own options.

    Args:
        config: has them.
        least: option → the least that it may be.
        shares: options from 0 to 1.

    Raises:
        ConfigError: one is less, or no share.
    """
    for name, few in least.items():
        if getattr(config, name) < few:
            raise ConfigError(f"Expected at least {few} {name}, got {getattr(config, name)}.")
    for name in shares:
        if not 0 <= getattr(config, name) <= 1:
            raise ConfigError(f"Expected a share from 0 to 1 as {name}, got {getattr(config, name)}.")


_RANGES: tuple[tuple[str, float, float], ...] = (
    ("batch_size", 2, 2**20),
    ("retain_batch_size", 0, 2**20),
    ("crop", 0.01, 1.0),
    ("accumulation", 1, 2**16),
    ("lr", 0.0, 10.0),
    ("warmup", 0.0, 1.0),
    ("weight_decay", 0.0, 1.0),
    ("grad_clip", 0.0, 1e6),
    ("lora_rank", 0, 2**16),
    ("lora_alpha", 0.0, 1e6),
    ("checkpoint_every", 0, 2**31),
    ("probe_every", 0, 2**31),
    ("probe_pairs", 2, 2**16),
    ("picture_memory", 0.0, 2**20),
    ("threads", 0, 2**12),
    ("limit", 0.0, 1e9),
)
_WHOLE = (
    "batch_size", "retain_batch_size", "accumulation", "lora_rank", "checkpoint_every", "probe_every", "probe_pairs",
    "threads",
)  # fmt: skip
_CHOICES: dict[str, tuple[str, ...]] = {
    "retain_order": ("shuffled", "file"),
    "captions": ("as_given", "simplified"),
    "schedule": ("step", "epoch"),
    "towers": ("both", "image", "text"),
    "optimizer": ("adamw", "muon"),
}

_OF_THE_RUN = ("methods", "overrides", "limit", "tuned")
ENGINE_OPTIONS = tuple(item.name for item in fields(UnlearnConfig) if item.name not in _OF_THE_RUN)
"""Settings that a method may have for itself."""

RELEASED: dict[str, Any] = {
    "batch_size": 16, "retain_batch_size": 128, "retain_order": "file", "warmup": 0.0, "schedule": "epoch",
    "grad_clip": 0.0, "weight_decay": 1e-3, "captions": "simplified", "crop": 0.9,
}  # fmt: skip
"""The engine as the benchmark's authors released it: what `variant: released` of a method sets. Its rate, 1e-7, is not
among these: it fits the released models alone, and a recipe says which model is changed."""
