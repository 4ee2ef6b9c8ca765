"""Files that only the evaluation may read, noted where a method opens one while it runs.

A method is handed no holdout, but its file is Python and may open the dataset's folder. Python raises an audit event
for what `open` opens, and the package raises the same where it reads captions or pictures of a shard. What another
library opens by itself, such as pyarrow given a path, raises none: a note says that a file was opened, no note says
nothing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from salmubench.core.types import HOLDOUT_SPLITS, Split

_PREFIXES = tuple(f"{split}-" for split in (*HOLDOUT_SPLITS, Split.GENERAL_KNOWLEDGE, Split.PORTRAITS_UNSEEN))
_open: list[set[str]] = []  # names seen, of whoever watches now
_hooks: list[Any] = []  # the hook, once it is there: Python never takes one away


@contextmanager
def evaluation_files() -> Iterator[set[str]]:
    """Collect the names of the evaluation's files that are opened in this process meanwhile."""
    if not _hooks:
        _hooks.append(_note)
        sys.addaudithook(_note)
    seen: set[str] = set()
    _open.append(seen)
    try:
        yield seen
    finally:
        _open.pop()


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "open" or not _open or not isinstance(arguments[0], str | bytes | os.PathLike):
        return
    name = os.path.basename(os.fsdecode(arguments[0]))  # noqa: PTH119 - no object for each file that is opened
    if name.startswith(_PREFIXES) and name.endswith(".parquet"):
        _open[-1].add(name)
