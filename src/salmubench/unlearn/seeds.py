"""Seeds of what a run draws, and torch's global generators, which are put back after use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def mix(*numbers: int) -> int:
    """One 63-bit seed from several numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))


@contextmanager
def seeded(device: torch.device, *numbers: int) -> Iterator[None]:
    """Seed the global generators for a block, and put them back afterwards."""
    with forked(device):
        torch.manual_seed(mix(*numbers))
        yield


@contextmanager
def forked(device: torch.device) -> Iterator[None]:
    """Put the global generators back afterwards: a method that draws from them repeats, and disturbs nobody."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        yield
