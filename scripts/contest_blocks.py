"""Blocks of the docs about committed contests, `results/<contest>/`: what came out, tables, costs.

Means and intervals are over worlds, and are what `contest.json` says; nothing is computed anew but the differences from
Retrained, which a contest doesn't print.
"""

from __future__ import annotations

import functools
import statistics
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from page_blocks import ROOT, processor

from salmubench import manifest
from salmubench.contest.statistics import Estimate, paired
from salmubench.report.contests import difference, headline, tally, text_rows
from salmubench.report.wording import DASH, percent, percent_interval
from salmubench.scoring.bootstrap import LEVEL
from salmubench.scoring.contest_record import ContestRecord, Row, read_contest

_GROUPS = {"pretrain retrained-2": "second Retrained", "recover": "attacks"}
"""Stages as the docs call them, by their name or its first word."""


@functools.cache
def contest(name: str) -> ContestRecord:
    """What came out of a committed contest."""
    return read_contest(ROOT / "results" / name / "contest.json")


def findings(name: str) -> str:
    """Who passes, whether the exact answer does, and what comes back under attack beside what comes back of it."""
    found = contest(name)
    lines = [f"- **{headline(found)}.** {tally(found)}"]
    lines += [f"- {note}" for note in found.notes]
    back = [(row, pair) for row in found.rows if (pair := _above_retrained(found, row)).mean is not None]
    if back:
        exact = found.retrained
        assert exact is not None
        of_exact = exact.numbers["recovered"]
        lines.append(
            f"- Under the strongest attack R of Retrained is {_told(of_exact.mean, of_exact.ci95)}. By how much more "
            f"comes back, in the same worlds: {'; '.join(_more(found, row, pair) for row, pair in back)}."
        )
    return "\n".join(lines)


def table(name: str, league: str) -> str:
    """The rows of a league, Retrained first."""
    heads, rows = text_rows(contest(name), league, intervals=True)
    heads[0] = "method"
    kept = [place for place in range(len(heads)) if any(row[place] not in (DASH, "") for row in rows)]
    lines = [f"| {' | '.join(heads[place] for place in kept)} |", f"|:--|{'--:|' * (len(kept) - 1)}"]
    for row in rows:
        cells = [row[place].replace("\n", "<br>").replace(" ", "\u00a0") for place in kept[1:]]
        lines.append(f"| {' | '.join([_short(row[0]), *cells])} |")
    return "\n".join(lines)


def differences(name: str) -> str:
    """Paired differences that hold for all together."""
    found = contest(name)
    titles = {row.name: _short(row.title) for row in found.rows}
    several = len(found.leagues) > 1
    certain = [pair for pair in found.differences if pair.p_holm is not None and pair.p_holm <= 1 - LEVEL]
    rule = f"Holm, {percent(1 - LEVEL)}"
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
    """Seconds of each stage of a world and its peak memory: medians over worlds."""
    found = contest(name)
    runs = [_run(name, world.seed) for world in found.worlds if world.status == "scored"]
    seconds: defaultdict[str, list[float]] = defaultdict(list)
    for run in runs:
        spent: defaultdict[str, float] = defaultdict(float)
        for stage in run["stages"]:
            spent[_group(stage["name"])] += stage["seconds"]
        for group, sum_ in spent.items():
            seconds[group].append(sum_)
    told = ", ".join(f"{group} {statistics.median(sums):,.0f} s" for group, sums in seconds.items())
    peak = max(stage["peak_memory"] for run in runs for stage in run["stages"]) / 2**30
    processors = sorted({processor(run["provenance"]["hardware"]) for run in runs})
    precisions = sorted({run["precision"] for run in runs})
    return (
        f"A world, median of {len(runs)}, candidates side by side added up: {told}. Peak memory {peak:.1f} GiB. Two "
        f"cores of {'; '.join(processors)}; {', '.join(precisions)}."
    )


def _run(name: str, seed: int) -> dict[str, Any]:
    content: dict[str, Any] = manifest.read_json(ROOT / "results" / name / "worlds" / str(seed) / "run.json")
    return content


def _group(stage: str) -> str:
    first = stage.split()[0]
    return _GROUPS.get(stage, _GROUPS.get(first, first))


def _above_retrained(found: ContestRecord, row: Row) -> Estimate:
    """R of a candidate less that of Retrained, over the worlds that have both."""
    exact = found.retrained
    sides: Sequence[dict[int, float | None]] = [
        {int(seed): one.numbers["recovered"] for seed, one in side.worlds.items()} if side is not None else {}
        for side in (row, exact)
    ]
    return paired(*sides)


def _more(found: ContestRecord, row: Row, pair: Estimate) -> str:
    league = "" if len(found.leagues) == 1 else f" {row.budget:g}×"
    return f"{_short(row.title)}{league} {_told(pair.mean, pair.ci95)}"


def _told(mean: float | None, ends: tuple[float, float] | None) -> str:
    return f"{percent(mean)} {percent_interval(ends)}".strip()


def _short(title: str) -> str:
    """A method that takes part twice is called by its name in the plan."""
    return f"`{title.rpartition(', ')[2]}`" if ", " in title else title
