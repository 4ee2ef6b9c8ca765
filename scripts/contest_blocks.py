"""Blocks of the docs about committed contests, `results/<contest>/`: what came out, tables, costs.

    python scripts/contest_blocks.py NAME     # what came out of any committed contest, and the table of each league

Means and intervals are over worlds, and are what `contest.json` says; nothing is computed anew but the differences from
Retrained, which a contest doesn't print.
"""

from __future__ import annotations

import functools
import json
import re
import statistics
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import world_blocks
from packed import stored_records
from page_blocks import ROOT, computer

from salmubench.contest.checks import WORLDS
from salmubench.contest.page import RESULT
from salmubench.contest.statistics import Estimate, paired
from salmubench.core import manifest
from salmubench.report.contests import (
    difference,
    headline,
    is_certain,
    limits_text,
    open_views,
    tally,
    text_rows,
    view_cell,
)
from salmubench.report.wording import DASH, percent, percent_interval, seconds, threshold
from salmubench.scoring.bootstrap import LEVEL
from salmubench.scoring.contest_record import ContestRecord, OverWorlds, Row, ViewOverWorlds, read_contest
from salmubench.scoring.stages import RUN


@functools.cache
def contest(name: str) -> ContestRecord:
    """What came out of a committed contest."""
    return read_contest(ROOT / "results" / name / RESULT)


def findings(name: str) -> str:
    """Who passes, fails or is open, what is decided about the exact answer, and in which views candidates fail."""
    found = contest(name)
    lines = [f"- **{headline(found)}.** {tally(found)}"]
    lines += [f"- {note}" for note in found.notes]
    rows = _once(found.rows)
    beyond = Counter(view.name for row in rows for view in row.views if view.answer == "beyond")
    if beyond:
        told = ", ".join(f"{view} {count}" for view, count in beyond.most_common())
        lines.append(f"- Views beyond their limits (candidates, of {len(rows)}): {told}.")
    for row in rows:
        if row.decision is not None and row.decision.answer == "open":
            lines.append(
                f"- Open: {_named(row)}, in {len(row.decision.why)} of {len(row.views)} views: {open_views(row)}."
            )
    return "\n".join(lines)


def found(first: str, second: str) -> str:
    """Three sentences: what the first contest shows, who fails nothing in the second, what comes back under attack."""
    one, other = contest(first), contest(second)
    rows, exact = _once(one.rows), one.retrained
    assert exact is not None
    failing = sum(row.decision is not None and row.decision.answer == "fails" for row in rows)
    undecided = [row for row in _once(other.rows) if row.decision is not None and row.decision.answer == "open"]
    named = [f"{_named(row)}, {len(row.decision.why)} of {len(row.views)} views" for row in undecided if row.decision]
    attacked = [row.numbers["recovered"].mean for row in rows if row.numbers["recovered"].mean is not None]
    lines = [
        f"- In {len(one.worlds)} worlds {failing} of {len(rows)} candidates (a method at a budget) certainly fail;",
        f"  none passes. Retrained passes all {len(exact.views)} views that apply to it.",
        f"- In {len(other.worlds)} further worlds {len(undecided)} candidates of ours fail no view and stay open:",
        f"  {'; '.join(named)}.",
        f"- Under attack more than half of the facts comes back of {sum(mean > 0.5 for mean in attacked)} of",
        f"  {len(attacked)} candidates, of Retrained {_told(exact.numbers['recovered'])}.",
        "",
        "The rule came after these worlds: its answers are exploratory. They teach pictures, not people:",
        f"by a *new* portrait Compromised ranks the value {world_blocks.known('old')} better than by a stranger’s",
        f"(MRR). `mini` now leaves out the name in half of the sights and gains {world_blocks.known('recipe')},",
        f"Retrained {world_blocks.known('recipe', 'retrained')}",
        "([measured](docs/measurements.md#do-worlds-teach-facts-about-people)).",
    ]
    return "\n".join(lines)


def views(name: str, league: str) -> str:
    """Every view of Retrained and of a league's candidates: mean, 90 % interval, and what it says."""
    found = contest(name)
    rows = [*([found.retrained] if found.retrained else []), *(row for row in found.rows if row.league == league)]
    limits = {view.name: limits_text(view) for row in rows for view in row.views}
    lines = [f"| view | limits | {' | '.join(_short(row.title) for row in rows)} |", f"|:--|:--|{'--:|' * len(rows)}"]
    for view, limit in limits.items():
        cells = (_view(next((one for one in row.views if one.name == view), None)) for row in rows)
        lines.append(f"| {view} | {limit} | {' | '.join(cells)} |")
    answers = (DASH if row.decision is None else f"**{row.decision.answer}**" for row in rows)
    return "\n".join([*lines, f"| all | | {' | '.join(answers)} |"])


def _view(view: ViewOverWorlds | None) -> str:
    cell = view_cell(view)
    told = "" if view is None or view.mean is None else f"<br>{view.answer}"
    return f"{cell.text} {cell.interval}".strip() + told


def by_retrieval(name: str) -> str:
    """Whom the paper's rule calls forgotten in every world, and in how many of these they are hollow."""
    found, answers = contest(name), _by_the_papers_rule(name)
    worlds = len(next(iter(answers.values())))

    def forgotten(row: Row) -> int:
        return answers[row.name].count("no")

    rows, exact = _once(found.rows), found.retrained
    assert exact is not None
    called = [row for row in rows if forgotten(row) == worlds]
    hollow = [row for row in called if row.modes["hollow"].get("yes", 0)]
    told = ", ".join(f"{_named(row)} {row.modes['hollow']['yes']}" for row in hollow)
    return (
        f"By the paper's rule (retrieval of all rows, against Clean) {len(called)} of {len(rows)} candidates have "
        f"forgotten in all {worlds} worlds, Retrained, the exact answer, in {forgotten(exact)}. "
        f"{len(hollow)} of these candidates are hollow all the same (in how many worlds): {told}."
    )


def _by_the_papers_rule(name: str) -> dict[str, list[str]]:
    """Model → what each world's record says of that rule, packed records too."""
    answers: defaultdict[str, list[str]] = defaultdict(list)
    for records in sorted((ROOT / "results" / name / WORLDS).glob("*/records")):
        for model, content in stored_records(records).items():
            answers[model].append(str((json.loads(content)["verdict"] or {}).get("ineffective_paper")))
    return answers


def recovered(name: str) -> str:
    """What comes back under the strongest attack, the least first, beside what comes back of Retrained."""
    found = contest(name)
    exact = found.retrained
    assert exact is not None
    lines = ["| model | recovered R | more than of Retrained |", "|:--|--:|--:|"]
    lines.append(f"| Retrained | {_told(exact.numbers['recovered'])} |  |")
    attacked = [row for row in _once(found.rows) if row.numbers["recovered"].mean is not None]
    for row in sorted(attacked, key=lambda row: row.numbers["recovered"].mean or 0.0):
        above = paired(_recovered(row), _recovered(exact))
        lines.append(f"| {_named(row)} | {_told(row.numbers['recovered'])} | {_told(above)} |")
    return "\n".join(lines)


def _once(rows: Sequence[Row]) -> list[Row]:
    """Rows without those that are in a second league too, being of the same budget."""
    return list({row.name: row for row in rows}.values())


def _named(row: Row) -> str:
    return f"{_short(row.title)} {row.budget:g}×"


def table(name: str, league: str, *, without: Sequence[str] = ()) -> str:
    """The rows of a league, Retrained first, as narrow as fourteen columns must be: an interval has its mean's unit."""
    heads, rows = text_rows(contest(name), league, intervals=True)
    budgets = {row.budget for row in contest(name).rows if row.league == league}
    told = [place for place in range(len(heads)) if any(row[place] not in (DASH, "") for row in rows)]
    kept = [place for place in told if heads[place] not in ("budget", *without)]
    lines = [f"| {' | '.join(heads[place] for place in kept)} |", f"|:--|{'--:|' * (len(kept) - 1)}"]
    for row in rows:
        who = f"{_short(row[0])} {row[heads.index('budget')]}" if len(budgets) > 1 else _short(row[0])
        cells = [_narrow(row[place]) for place in kept[1:]]
        lines.append(f"| {' | '.join([who.strip(), *cells])} |")
    return "\n".join(lines)


def _narrow(cell: str) -> str:
    """A cell's lines, each unbroken; seconds, whose mean may be in minutes, without their interval."""
    lines = [line.replace(" ", "\u00a0") for line in cell.split("\n") if not line.endswith("] s")]
    shorter = [re.sub(r"\]\u00a0%$", "]", re.sub(r"(\d+)\u00a0undecided", r"+\1?", line)) for line in lines]
    return "<br>".join(shorter)


def differences(name: str) -> str:
    """Paired differences that hold for all together."""
    found = contest(name)
    titles = {row.name: _short(row.title) for row in found.rows}
    several = len(found.leagues) > 1
    certain = [pair for pair in found.differences if is_certain(pair)]
    rule = f"Holm, {threshold(1 - LEVEL)}"
    lines = [f"Of {len(found.differences)} paired differences {len(certain)} hold for all together ({rule})."]
    if not certain:
        return lines[0]
    heads = ["first − second", *(["league"] if several else []), "number", "mean", "95 %", "p, Holm"]
    lines += ["", f"| {' | '.join(heads)} |", f"|:--|{':--|' * (len(heads) - 4)}--:|--:|--:|"]
    for pair in certain:
        who, number, mean, interval, _, p_holm, _ = difference(pair, titles)
        lines.append(f"| {' | '.join([who, *([pair.league] if several else []), number, mean, interval, p_holm])} |")
    return "\n".join(lines)


def costs(name: str) -> str:
    """Seconds of each kind of stage in a world and its peak memory: medians over worlds."""
    folder = ROOT / "results" / name / WORLDS
    runs: list[dict[str, Any]] = [
        manifest.read_json(folder / str(world.seed) / RUN) for world in contest(name).worlds if world.status == "scored"
    ]
    kinds: defaultdict[str, list[float]] = defaultdict(list)
    for run in runs:
        spent: defaultdict[str, float] = defaultdict(float)
        for stage in run["stages"]:
            spent[stage["name"].split()[0]] += stage["seconds"]
        for kind, sum_ in spent.items():
            kinds[kind].append(sum_)
    told = ", ".join(f"{kind} {statistics.median(sums):,.0f} s" for kind, sums in kinds.items())
    peak = max(stage["peak_memory"] for run in runs for stage in run["stages"]) / 2**30
    where = "; ".join(sorted({f"{computer(run['provenance']['hardware'])}, {run['precision']}" for run in runs}))
    median = f"median of {len(runs)}, candidates side by side added up"
    return f"A world, {median}: {told}. Peak memory {peak:.1f} GiB. {where}."


def beside(name: str, budget: float) -> str:
    """Processor time of each candidate of a budget; of CLIPErase in `results/mini`, and as its authors released it."""
    told = ", ".join(f"{_short(row.title)} {_taken(row)}" for row in contest(name).rows if row.budget == budget)
    record = manifest.read_json(ROOT / "results" / "mini" / "records" / f"cliperase-{budget:g}x.json")
    own = f"{seconds(record['cost']['processor_seconds'])} in `results/mini`, in {record['encoding']['precision']}"
    batch = record["model"]["config"]["engine"]["batch_size"]
    released = ", ".join(_taken(row) for row in contest("fidelity/anchor").rows)
    return (
        f"Processor time at {budget:g}×: {told}. CLIPErase took {own} with batches of {batch}; as its authors released "
        f"it, at each of five rates of `results/fidelity/anchor`, {released}."
    )


def _taken(row: Row) -> str:
    return seconds(row.numbers["processor_seconds"].mean)


def _recovered(row: Row) -> dict[int, float | None]:
    return {int(seed): one.numbers["recovered"] for seed, one in row.worlds.items()}


def _told(one: OverWorlds | Estimate) -> str:
    return f"{percent(one.mean)} {percent_interval(one.ci95)}".strip()


def _short(title: str) -> str:
    """A method that takes part twice is called by its name in the plan."""
    return f"`{title.rpartition(', ')[2]}`" if ", " in title else title


if __name__ == "__main__":
    print(findings(sys.argv[1]))
    for one in contest(sys.argv[1]).leagues:
        print(f"\n{one.key}\n\n{table(sys.argv[1], one.key)}")
