"""Breakdowns on the terminal: the main numbers by group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salmubench.cli.output import print_table, say

if TYPE_CHECKING:
    from salmubench.scoring.metric import Role
    from salmubench.scoring.record import RunRecord

_SHOWN: tuple[Role, ...] = ("leakage", "paraphrase", "fact", "fact_paraphrase", "kept")


def print_breakdowns(record: RunRecord) -> None:
    """Print the retrieval and similarity numbers of each group, the largest group first; the record holds them all."""
    from salmubench.scoring.roles import with_role

    for by, metrics in record.breakdowns.items():
        rows = []
        shown = [
            held
            for role in ("leakage", "paraphrase", "fact", "fact_paraphrase", "kept")
            for held in with_role(record, role)
        ]
        for metric, part in ((held.metric, held.part) for held in shown):
            for label, scores in metrics.get(metric, {}).items():
                one = scores[part]
                interval = "–" if one.ci95 is None else f"[{one.ci95[0]:.4f}, {one.ci95[1]:.4f}]"
                value = "–" if one.value is None else f"{one.value:.4f}"
                rows.append((metric, label, str(one.n), str(one.units), value, interval))
        say(f"\nby {by}")
        print_table(("number", "group", "n", "units", "value", "95 % interval"), rows, numbers=("n", "units", "value"))
