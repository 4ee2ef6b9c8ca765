"""`salmubench contest`: many worlds, equal terms, one decision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from salmubench.cli.arguments import Device, Precision
from salmubench.cli.output import complain, print_json, print_table, say
from salmubench.core.errors import ConfigError
from salmubench.core.executor import Executor


def contest_(
    plan: Path,
    *,
    out: Path | None = None,
    power: bool = False,
    decide_again: bool = False,
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
        power: only tell how often a contest of so many worlds would let Retrained pass, and a method well within its
            limits; nothing runs.
        decide_again: only judge what is in the folder anew, by the rule of this version; nothing is computed.
        executor: where candidates and trials are made side by side: processes of this machine, or a Ray cluster.
        workers: how many at once; the plan's, else what pays on this machine, by default.
        device: where to compute.
        precision: `auto` takes what is faster on this machine.
        json: print contest.json.
    """
    if power:
        return _power(plan)
    if out is None:
        raise ConfigError("Expected a folder for the contest, got none. Give --out FOLDER.")
    if decide_again:
        from salmubench.contest.again import decide_again as again
        from salmubench.contest.page import write

        found = again(plan, out)
        _show(found, json=json)
        write(out, found, page=False)
        return 0
    from salmubench.contest.worlds import contest

    result = contest(plan, out=out, executor=executor, workers=workers, device=device, precision=precision)
    _show(result.contest, json=json)
    if not json:
        if not result.did:
            say(f"\nNothing to do: {out} is complete.")
        say(f"\nThe page: {result.page}")
    for seed, message in result.failed.items():
        complain(f"salmubench: evaluation world {seed}: {message}")
    return 1 if result.failed else 0


# What came out is `Any` here: the parser would import its module for every --help.
def _show(contest: Any, *, json: bool) -> None:
    from salmubench.report.contests import headline, open_views, text_rows
    from salmubench.scoring.failure_modes import legend

    if json:
        print_json(contest)
        return
    heads, rows = text_rows(contest)
    print_table(heads, rows, numbers=heads[2:])
    say(f"{legend()}: in how many worlds; ? undecided")
    for row in contest.rows:
        if row.decision is not None and row.decision.answer == "open":
            say(f"{row.title} {row.budget:g}× is open: {open_views(row)}.")
    say(f"\n{headline(contest)}.")
    for note in contest.notes:
        say(note)


def _power(path: Path) -> int:
    from salmubench.contest.plan import load
    from salmubench.contest.power import LEAST, read_spreads
    from salmubench.contest.power import power as simulated
    from salmubench.contest.rule import DECISIVE

    loaded = load(path)
    power = simulated(len(loaded.plan.evaluation), read_spreads(loaded.spreads), loaded.plan.rule.limits)
    say(f"Over {power.worlds} worlds Retrained passes in {power.exact:.0%} of contests,")
    say(f"a method with K 96 %, D 0.2 % and nothing left of what it had to forget in {power.method:.0%}.")
    if not power.enough or power.worlds < DECISIVE:
        say(f"A contest that decides asks for {LEAST:.0%} each and {DECISIVE} worlds: this one is exploratory.")
    return 0
