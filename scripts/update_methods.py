"""Write the table of docs/methods.md from the methods' own files; `--check` only tells whether they are current."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence

from page_blocks import ROOT, update

from salmubench.unlearn.config import benchmark_methods
from salmubench.unlearn.registry import LoadedMethod, load_method, method_names

PAGE = ROOT / "docs" / "methods.md"
_NAMES = {"forget": "forget", "forget_target": "generic captions", "retain": "retain", "fresh": "invented people"}


def names() -> list[str]:
    """The nine of the benchmark in the order of its table, then the others."""
    nine = benchmark_methods()
    return [*nine, *(name for name in method_names() if name not in nine)]


def overview() -> str:
    """One line a method: where it comes from, what it needs, moves and costs."""
    lines = ["| method | paper | needs | moves | cost |", "|:--|:--|:--|:--|:--|"]
    for name in names():
        method = load_method(name)
        cells = [f"[`{name}`](#{name})", _paper(method), _needs(method), _moves(method), method.cost]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


BLOCKS = {"overview": overview}


def main(arguments: Sequence[str]) -> int:
    """Write, or with `--check` compare; 1 if a page is not current."""
    return update([PAGE], BLOCKS, arguments)


def _paper(method: LoadedMethod) -> str:
    """The arXiv id as a link, with what stands after it: the equation."""
    found = re.search(r"(\d{4}\.\d{5})(.*)", method.paper)
    return f"[{found[1]}](https://arxiv.org/abs/{found[1]}){found[2]}" if found else method.paper


def _needs(method: LoadedMethod) -> str:
    needs = method.needs_of(method.config())
    return ", ".join(_NAMES[need] for need in needs) or "nothing"


def _moves(method: LoadedMethod) -> str:
    towers = method.settings.get("towers", "both")
    return "both towers" if towers == "both" else f"{towers} tower"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
