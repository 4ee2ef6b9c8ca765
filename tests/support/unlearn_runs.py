"""What the tests of unlearning share: quick settings, and how to read a candidate."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import torch
from safetensors.torch import load_file

from salmubench.clip import models
from salmubench.unlearn import UnlearnConfig

FAST = UnlearnConfig(batch_size=8, lr=1e-3, probe_every=5, checkpoint_every=0)
"""lr 1e-3: at 1e-4 fifteen steps of this 1.6-million-weight model hardly show in its similarities."""

Runner = Callable[..., Path]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / models.WEIGHTS)


def curve(folder: Path, name: str) -> list[float]:
    table = pq.read_table(folder / "curves.parquet").to_pylist()
    return [row["value"] for row in table if row["name"] == name]


def record(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "manifest.json").read_text())


def kill_when(condition: object, process: subprocess.Popen[bytes], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
