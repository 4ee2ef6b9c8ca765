"""Write the tables of docs/methods.md from the methods' own files; `--check` only tells whether they are current."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Any

from page_blocks import ROOT, update

from salmubench.unlearn.config import benchmark_methods
from salmubench.unlearn.registry import LoadedMethod, Option, load_method, method_names, options

PAGE = ROOT / "docs" / "methods.md"
_NAMES = {"forget": "forget", "forget_target": "generic captions", "retain": "retain", "fresh": "invented people"}


def names() -> list[str]:
    """The nine of the benchmark in the order of its table, then the others."""
    nine = benchmark_methods()
    return [*nine, *(name for name in method_names() if name not in nine)]


def overview() -> str:
    """One line a method: what it is, where it comes from, what it needs."""
    lines = ["| method | what it does | paper | needs | moves | cost |", "|:--|:--|:--|:--|:--|:--|"]
    for name in names():
        method = load_method(name)
        first = " ".join(method.doc.partition("\n\n")[0].split()).rstrip(".")
        what = first.partition(": ")[2] or first
        what = what[0].lower() + what[1:]
        cells = [f"[`{name}`](#{name})", what, _paper(method), _needs(method), _moves(method), method.cost]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def details() -> str:
    """A section a method: its definition as it stands in its file, its options with defaults and search space."""
    parts = []
    for name in names():
        method = load_method(name)
        found = options(method.config)
        lines = [f"### {name}", "", "```text", method.doc.rstrip(), "```"]
        if found:
            lines += ["", "| option | default | tried by `tune` | |", "|:--|:--|:--|:--|"]
            lines += [_row(option) for option in found]
        for setting, values in method.search.items():
            lines += ["", f"`tune` also tries the engine's `{setting}`: {_search(values)}."]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


BLOCKS = {"overview": overview, "details": details}


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


def _row(option: Option) -> str:
    text = " ".join(option.doc.split()).replace("|", "\\|")
    return f"| `{option.name}` | {_text(option.default)} | {_search(option.search)} | {text} |"


def _search(search: Any) -> str:
    if search is None:
        return ""
    if isinstance(search, list):
        return ", ".join(_text(item) for item in search)
    low, high, scale = search
    return f"{low:g} to {high:g}, {scale}"


def _text(value: Any) -> str:
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
