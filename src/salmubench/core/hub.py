"""Repositories of the Hugging Face Hub: one revision of each, kept in the Hub's own cache.

A repository is named `org/name`, or `org/name@revision` (branch, tag or commit); without one it is `main`, and the
commit that was found is recorded. Downloads go on where they stopped; with `HF_HUB_OFFLINE=1`, or without a network,
what the cache holds is used.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from salmubench.core import places
from salmubench.core.errors import ConfigError, SalmubenchError

_NAME = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*/[\w.-]+)(@(?P<revision>[\w.][\w./-]*))?")
PREFIX = "hf-hub:"
_FOLDERS = ("checkpoints", "data", "dataset", "datasets", "embeddings", "models", "out", "records", "results", "runs")
_MODEL_FILES = ["*.json", "*.txt", "*.model", "*.jinja", "*.safetensors"]
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Snapshot:
    """One revision of a repository, on disk."""

    folder: Path
    name: str
    revision: str


def is_name(text: str) -> bool:
    """Whether a text has the form of a repository's name and isn't a path.

    `runs/mini` has that form too. It is taken for a path where the folder `runs` is there, or has a name that folders
    of this package have: a mistyped path asks no hub. `hf-hub:org/name` always names a repository.
    """
    if text.startswith(PREFIX):
        return _NAME.fullmatch(text.removeprefix(PREFIX)) is not None
    first = text.partition("/")[0]
    return _NAME.fullmatch(text) is not None and first not in _FOLDERS and not os.path.lexists(first)


def fetch(
    source: str,
    kind: Literal["model", "dataset"],
    *,
    error: type[SalmubenchError],
    patterns: list[str] | None = None,
) -> Snapshot:
    """Download a repository, or find it in the cache.

    Args:
        source: org/name or org/name@revision.
        patterns: files to fetch, e.g. `data/*.parquet`; all of them by default.

    Raises:
        SalmubenchError: `error`, where the name has another form, or the repository is neither reachable nor cached.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, HFValidationError

    match = _NAME.fullmatch(source.removeprefix(PREFIX))
    if match is None:
        raise error(f"Expected org/name or org/name@revision of a Hub {kind}, got {source!r}.")
    name, revision = match["name"], match["revision"]
    try:
        path = snapshot_download(name, repo_type=kind, revision=revision, allow_patterns=patterns)
    except HFValidationError as problem:  # stricter than our pattern: no `--`, no `..`, nothing but ASCII
        raise error(
            f"Expected org/name or org/name@revision of a Hub {kind}, got {source!r}: {one_line(problem)}. Check the "
            "name, or the path that it was meant to be."
        ) from problem
    except GatedRepoError as problem:
        raise error(
            f"Expected access to the Hub {kind} {name}, but it is gated. Accept its terms on its page, then log "
            "in with `hf auth login`."
        ) from problem
    except client_errors() as problem:
        raise error(
            f"Expected the Hub {kind} {source} to be reachable or cached, got: {one_line(problem)}. Check name, "
            "revision and network; what was downloaded is kept."
        ) from problem
    return Snapshot(Path(path), name, Path(path).name)


def model_folder(source: str) -> Path:
    """The folder of a model for transformers or diffusers: the folder itself, or a download of a Hub repository.

    Raises:
        ConfigError: neither.
    """
    if Path(source).is_dir():
        return Path(source)
    return fetch(source, "model", error=ConfigError, patterns=_MODEL_FILES).folder


def client_errors() -> tuple[type[Exception], ...]:
    """What the Hub's client raises: its own errors, and those of whichever HTTP library it is built on."""
    from huggingface_hub.errors import HfHubHTTPError

    return tuple(kind for kind in HfHubHTTPError.__mro__ if issubclass(kind, Exception) and kind is not Exception)


def one_line(problem: Exception) -> str:
    """What an error says, without line breaks and the full stop."""
    return " ".join(str(problem).split()).rstrip(".")


def check_bytes(path: Path, sha256: str, *, error: type[SalmubenchError]) -> None:
    """Compare a file's hash with the one under which the Hub's cache keeps large files; others pass.

    The Hub's client compares sizes only.

    Raises:
        SalmubenchError: `error`, where the bytes are others.
    """
    blob = places.real(path)
    if blob.parent.name == "blobs" and _SHA256.fullmatch(blob.name) and blob.name != sha256:
        raise error(
            f"Expected the bytes that the Hub lists for {path.name} (SHA-256 {blob.name}), got {sha256}. Delete "
            f"{blob} and run the same command again."
        )
