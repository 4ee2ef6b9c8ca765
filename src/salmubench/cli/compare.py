"""`salmubench compare`: paired differences of two records."""

from __future__ import annotations

from pathlib import Path


def compare_(a: Path, b: Path) -> None:
    """Print A − B for every number with the interval of the paired bootstrap over identities.

    Args:
        a: a record.
        b: another record of the same dataset.
    """
    from salmubench.results.compare import compare

    found = compare(a, b)
    print(f"A = {found.first}, B = {found.second}\n")
    print(f"{'number':<22} {'A':>9} {'B':>9} {'A − B':>9}   95 % interval")
    for metric, parts in found.differences.items():
        for part, row in parts.items():
            name = metric if part == "value" else f"{metric} {part}"
            numbers = " ".join(_cell(value) for value in (row.first, row.second, row.difference))
            interval = "–" if row.ci95 is None else f"[{row.ci95[0]:+.4f}, {row.ci95[1]:+.4f}]"
            print(f"{name:<22} {numbers}   {row.reason or interval}")


def _cell(value: float | None) -> str:
    return f"{'–':>9}" if value is None else f"{value:>9.4f}"
