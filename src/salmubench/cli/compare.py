"""`salmubench compare`: paired differences of records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from salmubench.cli.arguments import UsageError
from salmubench.cli.output import print_json, print_table, say


def compare_(records: list[Path], *, json: bool = False) -> None:
    """Compare the first record with each of the others: paired differences, and which model is nearer to its target.

    Args:
        records: two or more records of one dataset, with their items beside them.
        json: print names, numbers, intervals, answers and reasons as JSON.
    """
    if len(records) < 2:
        raise UsageError("Expected two or more records to compare, got one.")
    from salmubench.scoring.compare import asked, compare_with_each

    comparisons = compare_with_each(records[0], records[1:])
    if json:
        print_json(comparisons)
        return
    for comparison in comparisons:
        say(f"A = {comparison.first}, B = {comparison.second}\n")
        rows = [
            [metric if part == "value" else f"{metric} {part}", *_cells(row)]
            for metric, parts in comparison.differences.items()
            for part, row in parts.items()
        ]
        _print("number", rows)
        attacked = [
            [f"{attack} {part}", *_cells(row)]
            for attack, parts in comparison.attacks.items()
            for part, row in parts.items()
        ]
        if attacked:
            _print("recovered by", attacked)
    count = asked(comparisons)
    say(
        "Better: nearer to Clean's value (facts: Retrained's, where there is one) in numbers of forgetting, less below"
        "\nCompromised's in numbers of utility, or less recovered (attacks): the 95 % interval of the paired difference"
        "\nof distances, which stands last, has to leave out 0. Resampled are identities."
    )
    if count:
        say(
            f"{count} numbers are compared at 95 % each: about {0.05 * count:.1f} answers are expected by chance.\n"
            "Those with * hold for all of them together (Holm's correction at 5 %)."
        )


def _print(head: str, rows: list[list[str]]) -> None:
    heads = [head, "A", "B", "A − B", "95 % interval", "distance, A − B", "A is"]
    print_table(heads, rows, numbers=["A", "B", "A − B"])
    say()


# A difference is `Any` here: the parser would import its module, and with it numpy, for every --help.
def _cells(row: Any) -> list[str]:
    numbers = ["–" if value is None else f"{value:.4f}" for value in (row.first, row.second, row.difference)]
    if row.reason is not None:
        return [*numbers, row.reason, "", ""]
    ends = ["–" if one is None else f"[{one[0]:+.4f}, {one[1]:+.4f}]" for one in (row.ci95, row.gap_ci95)]
    return [*numbers, *ends, row.answer + (" *" if row.certain else "")]
