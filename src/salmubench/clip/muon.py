"""timm's Muon, as CPUs like it: the same steps but for rounding, in a part of the time. For the whole process."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from timm.optim import adamw, muon
from torch import Tensor
from torch.optim.adamw import adamw as fused

_ITS_OWN: Callable[..., None] = adamw.adamw
_FUSED: Callable[..., None] = functools.partial(fused, fused=True)


def fuse_adamw() -> None:
    """Let it move tokens, gains and biases by PyTorch's fused AdamW: one pass over memory instead of ten."""
    muon.adamw = _adamw  # type: ignore[attr-defined]


def keep_in_fp32() -> None:
    """Let it orthogonalise in fp32: it does so in bf16 always, which CPUs without fast bf16 emulate.

    There that alone took longer than forward and backward together.
    """
    muon.zeropower_via_newtonschulz = functools.partial(muon.zeropower_via_newtonschulz, dtype=torch.float32)


def _adamw(params: list[Tensor], *state: Any, **options: Any) -> None:
    """What Muon calls as timm's `adamw`; on GPUs it is that."""
    if params[0].device.type != "cpu" or options["caution"] or options["max_lr"] is not None:
        _ITS_OWN(params, *state, **options)
        return
    shared = ("amsgrad", "beta1", "beta2", "lr", "weight_decay", "eps", "maximize", "capturable")
    _FUSED(params, *state, **{name: options[name] for name in shared})
