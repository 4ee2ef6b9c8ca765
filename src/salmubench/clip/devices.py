"""Where a model computes, in which precision, and with which attention."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Iterator, Mapping
from typing import Literal

from salmubench.core.errors import ConfigError

_PROBE = (512, 768, 768)
"""Rows, inner size and columns of the product that is timed: a transformer's."""


def resolve_device(device: str = "auto") -> str:
    """Turn `auto` into `cuda` where there is a GPU, else `cpu`.

    Raises:
        ConfigError: an unknown device, or `cuda` where there is none.
    """
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device not in ("cpu", "cuda"):
        raise ConfigError(f"Expected device auto, cpu or cuda, got {device!r}.")
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("Expected a GPU for device cuda, got none. Use --device cpu or auto.")
    return device


def resolve_precision(precision: str = "auto", device: str = "cpu") -> Literal["fp32", "bf16"]:
    """Turn `auto` into what is faster on this machine: bf16 on GPUs that compute in it and on CPUs it is faster on.

    On CPUs it is measured (`probe_precision`): without AMX bf16 products are slower than fp32 on one processor and
    faster on another.

    Raises:
        ConfigError: an unknown precision.
    """
    if precision == "auto":
        return _faster(device)
    if precision not in ("fp32", "bf16"):
        raise ConfigError(f"Expected precision auto, fp32 or bf16, got {precision!r}.")
    return "bf16" if precision == "bf16" else "fp32"


@functools.cache
def probe_precision() -> Mapping[str, float]:
    """Seconds that one matrix product of a transformer's size takes on this CPU, in `fp32` and in `bf16`."""
    import torch

    pairs = {
        name: (torch.ones(_PROBE[:2], dtype=dtype), torch.ones(_PROBE[1:], dtype=dtype))
        for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16))
    }
    seconds = dict.fromkeys(pairs, float("inf"))
    for _ in range(12):  # the first ones warm up; in turn, so that what else runs slows down both
        for name, (a, b) in pairs.items():
            start = time.perf_counter()
            torch.mm(a, b)
            seconds[name] = min(seconds[name], time.perf_counter() - start)
    return seconds


def _faster(device: str) -> Literal["fp32", "bf16"]:
    if device == "cuda":
        import torch

        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    probe = probe_precision()
    # AMX gives five times and more; AVX512-BF16 alone two to three times on AMD, a fifth of fp32's speed on Intel. The
    # bound lies where no processor does, for timings waver and processes of one machine must agree.
    return "bf16" if 1.3 * probe["bf16"] <= probe["fp32"] else "fp32"


@contextlib.contextmanager
def compute(device: str, precision: str) -> Iterator[None]:
    """Context for forward passes: autocast for bf16, and on CPUs the attention backend that is faster for small models.

    On GPUs fp32 is fp32 in convolutions, too, for which PyTorch takes TF32 (ten bits of precision) unless told not to.
    The math backend was up to twice as fast as the fused one on CPUs at sequences below a hundred tokens.
    """
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel

    with contextlib.ExitStack() as stack:
        if precision == "bf16":
            stack.enter_context(torch.autocast(device, dtype=torch.bfloat16))
        if device == "cpu":
            stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        if device == "cuda" and precision == "fp32":
            stack.enter_context(_without_tf32())
        yield


@contextlib.contextmanager
def _without_tf32() -> Iterator[None]:
    """Full precision in cuDNN's convolutions; the other flags stay as they are (`cudnn.flags` would reset them)."""
    from torch.backends import cudnn

    before = cudnn.allow_tf32
    cudnn.allow_tf32 = False
    try:
        yield
    finally:
        cudnn.allow_tf32 = before
