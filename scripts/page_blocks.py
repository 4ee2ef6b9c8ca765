"""Pages with blocks that a script writes, between `<!-- begin:NAME -->` and `<!-- end:NAME -->`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def update(
    pages: Sequence[Path], blocks: Mapping[str, Callable[[], str]], arguments: Sequence[str],
    pictures: Mapping[Path, Callable[[], str]] | None = None,
) -> int:  # fmt: skip
    """Write the blocks of pages, and pictures; or with `--check` compare.

    Args:
        pages: files below the repository.
        blocks: name → what gives its text.
        arguments: of the command line.
        pictures: file → what gives all of it.

    Returns:
        1 if a file was compared and isn't current, else 0.
    """

    def fill(match: re.Match[str]) -> str:
        return f"<!-- begin:{match[1]} -->\n{blocks[match[1]]()}\n<!-- end:{match[1]} -->"

    check, stale, drawn = "--check" in arguments, 0, pictures or {}
    for page in (*pages, *drawn):
        before = page.read_text(encoding="utf-8") if page in pages or page.is_file() else ""
        block = r"<!-- begin:([\w-]+) -->.*?<!-- end:\1 -->"
        after = drawn[page]() if page in drawn else re.sub(block, fill, before, flags=re.DOTALL)
        if after == before:
            continue
        stale += 1
        if not check:
            page.write_text(after, encoding="utf-8")
        print(page.name, "is stale: call the script without --check" if check else "written")
    return 1 if stale and check else 0


def processor(hardware: Mapping[str, Any]) -> str:
    """A processor and its instructions, as a manifest tells them."""
    return f"{hardware['cpu']} ({', '.join(hardware['instructions'])})"


def computer(hardware: Mapping[str, Any]) -> str:
    """A computer: its cores and their processor."""
    return f"{hardware['cores']} cores of {processor(hardware)}"


def stage_lines(stages: Iterable[Mapping[str, Any]]) -> list[str]:
    """Seconds and peak memory of stages as a table's lines, those of a kind but pretrainings added up."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for stage in stages:
        kind = stage["name"].split()[0]
        groups.setdefault(stage["name"] if kind == "pretrain" else kind, []).append(stage)
    lines = ["| stage | seconds | peak memory |", "|:--|--:|--:|"]
    for name, members in groups.items():
        count = f" ({len(members)} models)" if len(members) > 1 else ""
        peak = max(stage["peak_memory"] for stage in members) / 2**30
        lines.append(f"| {name}{count} | {sum(stage['seconds'] for stage in members):.0f} | {peak:.2f} GiB |")
    return lines
