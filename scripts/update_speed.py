"""Write the speeds of leaderboard and command line into their pages from `results/speed/`; `--check` only compares.

The files come from `benchmarks/leaderboard.py` and `benchmarks/command_line.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from page_blocks import ROOT, update

from salmubench.core import manifest

RESULTS = ROOT / "results" / "speed"
PAGES = (ROOT / "docs" / "leaderboard.md", ROOT / "docs" / "command_line.md")


def read(name: str) -> Any:
    """A committed result."""
    return manifest.read_json(RESULTS / f"{name}.json")


def machine(found: Any) -> str:
    """Where it was measured."""
    hardware = found["hardware"]
    return f"{hardware['cores']} cores of {hardware['cpu']}, with nothing else running."


def board_speed() -> str:
    """Seconds of check, build and load by size."""
    checked, built = read("leaderboard-check"), read("leaderboard-build")
    lines = ["| | clock | processors |", "|:--|--:|--:|"]
    lines += [
        _row(f"check {row['pairs']:,} pairs, {row['items']:,} items", row["seconds"], row["processor"])
        for row in checked["check"]
    ]
    lines += [
        _row(f"build {row['submissions']} submissions", row["seconds"], row["processor"]) for row in built["build"]
    ]
    last = built["build"][-1]
    lines.append(f"| build {last['submissions']} again, nothing changed | {last['again']:.1f} s | |")
    loading = sorted(built["load"])[1]
    lines.append(f"| load the page of {last['submissions']} in Chromium, to the first frame | {loading:.1f} s | |")
    return "\n".join([*lines, "", machine(built)])


def _row(what: str, seconds: float, processor: float) -> str:
    return f"| {what} | {seconds:.1f} s | {processor:.1f} s |"


def command_line_speed() -> str:
    """Seconds of whole processes."""
    found = read("command-line")
    lines = ["| | clock | processors |", "|:--|--:|--:|"]
    for name, seconds in found["seconds"].items():
        lines.append(f"| {name} | {seconds['wall']:.2f} s | {seconds['processor']:.2f} s |")
    return "\n".join([*lines, "", f"Median of {found['runs']}; {machine(found)}"])


BLOCKS: dict[str, Callable[[], str]] = {"board-speed": board_speed, "command-line-speed": command_line_speed}


def main(arguments: Sequence[str]) -> int:
    """Write, or with `--check` compare; 1 if a page is not current."""
    return update(PAGES, BLOCKS, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
