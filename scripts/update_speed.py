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
    """Seconds of check, build and load at the largest size that was tried."""
    checked, built = read("leaderboard-check")["check"][-1], read("leaderboard-build")
    last, loading = built["build"][-1], sorted(built["load"])[1]
    return (
        f"`check` of a submission with {checked['pairs']:,} pairs takes {checked['seconds']:.1f} s. `build` of "
        f"{last['submissions']} submissions takes {last['seconds']:.0f} s, {last['again']:.0f} s again where nothing "
        f"changed; Chromium shows its page after {loading:.1f} s. {machine(built)}"
    )


def command_line_speed() -> str:
    """Seconds of whole processes."""
    found = read("command-line")
    told = ", ".join(
        f"`{name}` {seconds['wall']:.2f} s"
        for name, seconds in found["seconds"].items()
        if name.startswith("salmubench")
    )
    return f"{told}. Median of {found['runs']}; {machine(found)}"


BLOCKS: dict[str, Callable[[], str]] = {"board-speed": board_speed, "command-line-speed": command_line_speed}


def main(arguments: Sequence[str]) -> int:
    """Write, or with `--check` compare; 1 if a page is not current."""
    return update(PAGES, BLOCKS, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
