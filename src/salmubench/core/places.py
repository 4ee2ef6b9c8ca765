"""Questions about paths that have an answer whatever the path: loops of links, names too long, null characters.

`pathlib` raises RuntimeError, OSError or ValueError of such a path, which a file may name as well as a person.
"""

from __future__ import annotations

import os
from pathlib import Path


def real(path: str | Path) -> Path:
    """The absolute path without links; what leads nowhere, as a loop of links does, stays as it is."""
    try:
        return Path(os.path.realpath(path))
    except ValueError:  # a null character
        return Path(os.path.abspath(path))  # noqa: PTH100 - pathlib's keeps `..`


def is_folder(path: str | Path) -> bool:
    """Whether a folder is there."""
    return os.path.isdir(path)  # noqa: PTH112


def is_file(path: str | Path) -> bool:
    """Whether a file is there."""
    return os.path.isfile(path)  # noqa: PTH113
