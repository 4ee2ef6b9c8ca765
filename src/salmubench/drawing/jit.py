"""Typed fronts of `numba.njit` and a cache key that covers every source file behind an entry kernel."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numba.core.config

_settings: dict[str, Any] = vars(numba.core.config)
_settings["_config_fname"] = os.devnull
"""Else numba reads `.numba_config.yaml` of the working folder, which can name a folder of cached kernels: pickles."""
_settings["reload_config"]()

Function = TypeVar("Function", bound=Callable[..., Any])


def device(function: Function) -> Function:
    """Compile a helper that other kernels call; it is compiled into its caller and not cached by itself."""
    return cast(Function, numba.njit(nogil=True, fastmath=True, error_model="numpy")(function))


def inlined(function: Function) -> Function:
    """Like `device`, for one-line primitives that LLVM must inline everywhere."""
    return cast(Function, numba.njit(nogil=True, fastmath=True, error_model="numpy", forceinline=True)(function))


def entry(function: Function) -> Function:
    """Compile a kernel called from Python and cache it on disk.

    Numba's cache key holds the signature, the byte code and the closure cells of the kernel itself, not of the
    helpers it calls. Define the kernel inside a function that takes `fingerprint(...)` and mention that value in the
    kernel: as a closure cell it becomes part of the key, so a change in any helper leads to a new compilation.
    """
    return cast(Function, numba.njit(nogil=True, fastmath=True, error_model="numpy", cache=True)(function))


def fingerprint(*folders: Path) -> int:
    """Return a 62-bit hash of all Python sources in the folders (names and contents, not sub-folders)."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.glob("*.py")):
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return int.from_bytes(digest.digest()[:8], "big") >> 2
