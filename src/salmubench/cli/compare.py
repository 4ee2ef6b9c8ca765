"""`salmubench compare`: paired differences of records."""

from __future__ import annotations

import sys
from pathlib import Path


def compare_(records: list[Path]) -> int:
    """Compare the first record with each of the others: paired differences, and which model is nearer to its target.

    Args:
        records: two or more records of one dataset, with their items beside them.
    """
    if len(records) < 2:
        sys.stderr.write("salmubench: Expected two or more records to compare, found one.\n")
        return 2
    from salmubench.results.compare import Comparison, asked, compare_with_each

    def show(found: Comparison) -> None:
        print(f"A = {found.first}, B = {found.second}\n")
        print(f"{'number':<18} {'A':>9} {'B':>9} {'A − B':>9}   {'95 % interval':<20} A is")
        for metric, parts in found.differences.items():
            for part, row in parts.items():
                name = metric if part == "value" else f"{metric} {part}"
                numbers = " ".join(_cell(value) for value in (row.first, row.second, row.difference))
                interval = "–" if row.ci95 is None else f"[{row.ci95[0]:+.4f}, {row.ci95[1]:+.4f}]"
                answer = row.answer + (" *" if row.certain else "")
                print(f"{name:<18} {numbers}   {row.reason or f'{interval:<20} {answer}'}")
        print()

    comparisons = compare_with_each(records[0], records[1:])
    for found in comparisons:
        show(found)
    count = asked(comparisons)
    print(
        "Better: nearer to Clean's value (RetFail to CoreAssoc, RetFailPara), or less below Compromised's (the others),"
        "\nby an interval of the paired difference of distances that leaves out 0. Resampled are identities."
    )
    if count:
        print(
            f"{count} numbers are compared at 95 % each: about {0.05 * count:.1f} answers are expected by chance.\n"
            "Those with * hold for all of them together (Holm's correction at 5 %)."
        )
    return 0


def _cell(value: float | None) -> str:
    return f"{'–':>9}" if value is None else f"{value:>9.4f}"
