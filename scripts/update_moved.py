"""Write the tables of docs/moved_names.md from `salmubench._moved`; `--check` only tells whether they are current."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import partial

from page_blocks import ROOT, update

from salmubench._moved import MODULES, NAMES

PAGE = ROOT / "docs" / "moved_names.md"


def table(moved: Mapping[str, str]) -> str:
    """A line for each name: former, present."""
    lines = [f"| `salmubench.{old}` | `salmubench.{new}` |" for old, new in sorted(moved.items())]
    return "\n".join(["| former | present |", "|:--|:--|", *lines])


def main(arguments: Sequence[str]) -> int:
    """Write, or with `--check` compare; 1 if a page is not current."""
    return update([PAGE], {"modules": partial(table, MODULES), "names": partial(table, NAMES)}, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
