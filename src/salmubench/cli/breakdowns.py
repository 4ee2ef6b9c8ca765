"""Breakdowns on the terminal: the main numbers by group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salmubench.cli.output import percent, print_table, say

if TYPE_CHECKING:
    from salmubench.scoring.metric import Role
    from salmubench.scoring.record import RunRecord

_SHOWN: tuple[Role, ...] = ("leakage", "paraphrase", "fact", "fact_paraphrase", "kept")


def print_breakdowns(record: RunRecord) -> None:
    """Print the retrieval and similarity numbers of each group, the largest group first; the record holds them all."""
    from salmubench.scoring.roles import with_role

    for by, metrics in record.breakdowns.items():
        rows = []
        for held in (held for role in _SHOWN for held in with_role(record, role)):
            for label, scores in metrics.get(held.metric, {}).items():
                one = scores[held.part]
                interval = "–" if one.ci95 is None else f"[{one.ci95[0]:.4f}, {one.ci95[1]:.4f}]"
                value = "–" if one.value is None else f"{one.value:.4f}"
                rows.append((held.metric, label, str(one.n), str(one.units), value, interval))
        say(f"\nby {by}")
        print_table(("number", "group", "n", "units", "value", "95 % interval"), rows, numbers=("n", "units", "value"))
    for by, attacks in record.attacks.breakdowns.items() if record.attacks is not None else ():
        rows = [
            (name, label, str(found.n), str(found.people), percent(found.value), _interval(found.ci95))
            for name, groups in attacks.items()
            for label, found in groups.items()
        ]
        say(f"\nrecovered by attacks, in %, by {by}")
        heads = ("attack", "group", "n", "people", "recovered", "95 % interval")
        print_table(heads, rows, numbers=("n", "people", "recovered"))


def _interval(ends: tuple[float, float] | None) -> str:
    return "–" if ends is None else f"[{100 * ends[0]:.1f}, {100 * ends[1]:.1f}]"
