"""`salmubench contest`: many worlds, equal terms, one decision."""

from __future__ import annotations

from pathlib import Path

from salmubench.cli.arguments import Device, Precision
from salmubench.cli.output import complain, print_json, print_table, say
from salmubench.core.executor import Executor


def contest_(
    plan: Path,
    *,
    out: Path,
    executor: Executor = "joblib",
    workers: int | None = None,
    device: Device = "auto",
    precision: Precision = "auto",
    json: bool = False,
) -> int:
    """Run a plan: tune, make every world with its candidates, judge them over worlds. Call it again to go on.

    Args:
        plan: YAML file; docs/contest.md says what stands in it.
        out: the folder.
        executor: where candidates and trials are made side by side: processes of this machine, or a Ray cluster.
        workers: how many at once; the plan's, else what pays on this machine, by default.
        device: where to compute.
        precision: `auto` takes what is faster on this machine.
        json: print contest.json.
    """
    from salmubench.contest.worlds import contest
    from salmubench.report.contests import headline, text_rows
    from salmubench.scoring.failure_modes import legend

    result = contest(plan, out=out, executor=executor, workers=workers, device=device, precision=precision)
    if json:
        print_json(result.contest)
    else:
        heads, rows = text_rows(result.contest)
        print_table(heads, rows, numbers=heads[2:])
        say(f"{legend()}: in how many worlds; ? undecided")
        say(f"\n{headline(result.contest)}.")
        for note in result.contest.notes:
            say(note)
        if not result.did:
            say(f"\nNothing to do: {result.out} is complete.")
        say(f"\nThe page: {result.page}")
    for seed, message in result.failed.items():
        complain(f"salmubench: evaluation world {seed}: {message}")
    return 1 if result.failed else 0
