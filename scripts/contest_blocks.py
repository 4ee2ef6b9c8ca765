"""Blocks of the docs about committed contests, `results/<contest>/`: what came out, tables, costs.

    python scripts/contest_blocks.py NAME     # what came out of any committed contest, and the table of each league

Means are over worlds, and are what `contest.json` says; nothing is computed anew.
"""

from __future__ import annotations

import functools
import json
import re
import statistics
import sys
import textwrap
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from packed import stored_records
from page_blocks import ROOT, computer

from salmubench.contest.checks import WORLDS
from salmubench.contest.page import RESULT
from salmubench.contest.plan import read_plan
from salmubench.contest.power import DROP, KEPT, spreads_of
from salmubench.contest.power import power as simulated
from salmubench.core import manifest
from salmubench.report.contest_numbers import TITLES
from salmubench.report.contests import headline, limits_text, tally
from salmubench.report.wording import DASH, interval, number, percent, percent_interval, seconds
from salmubench.scoring.contest_record import ContestRecord, OverWorlds, Row, ViewOverWorlds, read_contest
from salmubench.scoring.failure_modes import MODES
from salmubench.scoring.record import Normalised, RunRecord
from salmubench.scoring.record_files import record_of
from salmubench.scoring.references import KINDS
from salmubench.scoring.stages import RUN
from salmubench.scoring.verdict import rests_on

_HEADS = {
    "RetFail mrr_identity": "L, all facts go",
    "RetFail mrr_association": "L, some go",
    "FactRet mrr": "L of fact",
    "FactRetPara mrr": "paraphrased",
    "FactRetOther known_unseen": "new picture",
    "FactRetNameless known_unseen": "new picture, no name",
    "GenKnow value": "D",
    "InterIdSim value": "K inter",
    "IntraIdSim value": "K intra",
    "FactHold mrr_identity": "K of facts, inter",
    "FactHold mrr_association": "K of facts, intra",
}
_ASKED = {
    "FactRet mrr": "trained picture and sentence, MRR",
    "FactRetPara mrr": "paraphrased, MRR",
    "FactRetOther known_unseen": "new picture, MRR above strangers'",
    "FactRetNameless known_unseen": "new picture, no name, MRR above strangers'",
}
_MARKS = {"inside": "✓", "beyond": "✕", "open": "?", "not learnt": "not learnt"}


@functools.cache
def contest(name: str) -> ContestRecord:
    """What came out of a committed contest."""
    return read_contest(ROOT / "results" / name / RESULT)


def findings(name: str, *, after: str | None = None) -> str:
    """Who passes, fails or is open, what is decided about the exact answer, and in which views candidates fail.

    Args:
        after: a contest whose findings stand before on the page: what holds of both is not said again.
    """
    found = contest(name)
    said = () if after is None else contest(after).notes
    lines = [f"- **{headline(found)}.** {tally(found)}"]
    lines += [f"- {note}" for note in found.notes if note not in said]
    rows = _once(found.rows)
    beyond = Counter(view.name for row in rows for view in row.views if view.answer == "beyond")
    if beyond:
        told = "; ".join(f"{_HEADS.get(view, view)} {count}" for view, count in beyond.most_common())
        lines.append(f"- Views beyond their limits (candidates, of {len(rows)}): {told}.")
    for row in rows:
        if row.decision is not None and row.decision.answer == "open":
            needed = row.decision.worlds_needed
            more = "" if needed is None else f"; about {needed - len(row.worlds)} more worlds would decide"
            lines.append(f"- Open: {_named(row)}, in {len(row.decision.why)} of {len(row.views)} views{more}.")
    return "\n".join(lines)


def found(name: str) -> str:
    """Three sentences of a contest: who passes, how many limits ours keeps at its largest budget, what comes back."""
    one = contest(name)
    rows, exact = _once(one.rows), one.retrained
    assert exact is not None
    answers = Counter(row.decision.answer for row in rows if row.decision is not None)
    largest = max(row.budget or 0 for row in rows)
    ours = {entry["name"] for entry in one.plan.content["methods"] if entry["method"] == "level_redirection"}
    within = [
        f"{_named(row)} is within {sum(view.answer == 'inside' for view in row.views)} of {len(row.views)} limits"
        for row in rows
        if row.title.rpartition(", ")[2] in ours and row.budget == largest
    ]
    attacked = [row for row in rows if row.numbers["recovered"].mean is not None]
    many = sum((row.numbers["recovered"].mean or 0) > 0.5 for row in attacked)
    (budget,) = {row.budget for row in attacked}
    terms = (
        "A candidate is a method at a budget: at 10× the method sees each pair to forget ten times. It fails if a "
        "number is certainly beyond its limit, passes if all are certainly within, and is open otherwise."
    )
    judged = (
        f"In {len(one.worlds)} worlds {answers['passes']} of {len(rows)} candidates pass, {answers['fails']} fail and "
        f"{answers['open']} are open. A second Retrained, the exact answer, is within all {len(exact.views)} limits "
        "that apply to it."
    )
    of_ours = f"Our method `level_redirection` takes part in both tracks: {', '.join(within)}."
    back = (
        f"The {len(attacked)} candidates at {budget:g}× were also attacked: {many} gave back more than half of the "
        f"facts, Retrained {_told(exact.numbers['recovered'])}."
    )
    told = [_wrapped(f"- {item}", indent="  ") for item in (judged, of_ours, back)]
    return "\n".join([_wrapped(terms), "", *told])


def _wrapped(text: str, *, indent: str = "") -> str:
    return textwrap.fill(text, 98, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def table(name: str, league: str) -> str:
    """What each view says of Retrained and of a league's candidates, its mean, what comes back, and the cost."""
    found = contest(name)
    rows = [*([found.retrained] if found.retrained else []), *(row for row in found.rows if row.league == league)]
    limits = {view.name: limits_text(view) for row in rows for view in row.views}
    attacked = any(row.numbers["recovered"].mean is not None for row in rows)
    heads = ["candidate", *(_HEADS.get(view, view) for view in limits), *(["R"] if attacked else []), "processor time"]
    lines = [f"| {' | '.join(heads)} |", f"|:--|{'--:|' * (len(heads) - 1)}"]
    short = [text.replace("at most", "≤").replace("at least", "≥") for text in limits.values()]
    lines.append(f"| *limits* | {' | '.join(map(_whole, short))} |{' |' * (attacked + 1)}")
    for row in rows:
        seen = {view.name: view for view in row.views}
        cells = [_answer(seen.get(view)) for view in limits]
        cells += [percent(row.numbers["recovered"].mean)] if attacked else []
        cells.append(seconds(row.numbers["processor_seconds"].mean))
        lines.append(f"| {' | '.join([_short(row.title), *map(_whole, cells)])} |")
    return "\n".join(lines)


def ties(name: str, league: str, groups: int = 3) -> str:
    """The best groups of a league by each number that has a best end; none by what is judged on two sides."""
    found = contest(name)
    titles = {row.name: _short(row.title) for row in found.rows}
    heads = ["best by", *("first", "second", "third", "fourth")[:groups]]
    lines = [f"| {' | '.join(heads)} |", "|:--" * len(heads) + "|"]
    for ranking in found.rankings:
        if ranking.league == league:
            cells = [", ".join(titles[one] for one in group) for group in ranking.groups[:groups]]
            lines.append(f"| {TITLES[ranking.number][0]} | {' | '.join(cells)} |")
    return "\n".join(lines)


def power(name: str) -> str:
    """What so many worlds could decide, by the spreads that the contest found."""
    found = contest(name)
    limits = found.plan.content["rule"]["limits"]
    can = simulated(len(found.worlds), spreads_of(found), limits)
    return _wrapped(
        f"**Power.** By how far the views of these {can.worlds} worlds spread, such a contest lets Retrained pass in "
        f"{can.exact:.0%} of cases, and a method with K {KEPT:.0%}, D {DROP:.1%} and nothing left of what it had to "
        f"forget in {can.method:.0%}."
    )


def one_world(name: str, seed: int) -> str:
    """What each view says of one world's candidates, ± half of its 95 % interval, and which failure modes they have."""
    heads = ["candidate", *_HEADS.values(), "modes", "processor time"]
    lines = [f"| {' | '.join(heads)} |", f"|:--|{'--:|' * len(_HEADS)}:--|--:|"]
    for record in records_of(name, seed):
        assert record.protocol is not None
        rests = rests_on(record.scores, record.protocol.metrics).values()
        seen = {f"{one.held.metric} {one.held.part}": one.view for views in rests for one in views}
        answers = {mode.letter: getattr(record.verdict, mode.name) for mode in MODES}
        modes = [letter if answer == "yes" else f"{letter}?" for letter, answer in answers.items() if answer != "no"]
        title = _short(record.model.name.rpartition("-")[0])
        cells = [*(_in_world(seen.get(view)) for view in _HEADS), " ".join(modes) or "none"]
        lines.append(f"| {' | '.join([f'`{title}`', *cells, seconds(record.cost.processor_seconds)])} |")
    return "\n".join(lines)


def learnt(name: str, seed: int) -> str:
    """What the references of one world know of the facts to forget, with 95 % over people."""
    stored = stored_records(ROOT / "results" / name / WORLDS / str(seed) / "records")
    references = {kind: record_of(json.loads(stored[kind]), where=kind) for kind in KINDS if kind in stored}
    lines = [f"| | {' | '.join(references)} |", f"|:--|{'--:|' * len(references)}"]
    for view in _ASKED:
        metric, part = view.split()
        scores = [record.scores[metric][part] for record in references.values()]
        told = [f"{number(score.value)} {interval(score.ci95)}" for score in scores]
        lines.append(f"| {_ASKED[view]} | {' | '.join(told)} |")
    return "\n".join(lines)


def records_of(name: str, seed: int) -> list[RunRecord]:
    """Records of a world's candidates that ended, in the order of the plan."""
    stored = stored_records(ROOT / "results" / name / WORLDS / str(seed) / "records")
    (plan,) = (read_plan(path) for path in (ROOT / "results" / name).glob("*.yaml"))
    records = {model.rpartition("-")[0]: record_of(json.loads(text), where=model) for model, text in stored.items()}
    planned = [records[entry.called] for entry in plan.methods if entry.called in records]
    return [record for record in planned if record.status == "complete"]


def _in_world(view: Normalised | None) -> str:
    if view is None or view.value is None:
        return DASH if view is None or view.reason is None else view.reason
    if view.ci95 is None:
        return _whole(percent(view.value))
    return _whole(f"{percent(view.value)} ± {percent((view.ci95[1] - view.ci95[0]) / 2)}")


def _answer(view: ViewOverWorlds | None) -> str:
    return DASH if view is None else f"{_MARKS[view.answer]} {percent(view.mean)}".strip()


def _whole(cell: str) -> str:
    """A cell in per cent, never broken over two lines."""
    return re.sub(r"[ \u202f]", "\u00a0", re.sub(r"[ \u202f]%", "", cell))


def plans(*names: str) -> str:
    """Which plan each contest followed, and the commit that holds it."""
    lines = ["| plan | seeds | SHA-256 | commit |", "|:--|:--|:--|:--|"]
    for name in names:
        plan = contest(name).plan
        seeds, commit = f"{plan.evaluation[0]} to {plan.evaluation[-1]}", (plan.commit or DASH)[:10]
        lines.append(f"| `results/{name}/{plan.file}` | {seeds} | `{plan.sha256[:16]}…` | `{commit}` |")
    return "\n".join(lines)


def by_retrieval(name: str) -> str:
    """Whom the paper's rule calls forgotten in every world, and whom of these hollow."""
    found, answers = contest(name), _by_the_papers_rule(name)
    worlds = len(next(iter(answers.values())))

    def forgotten(row: Row) -> int:
        return answers[row.name].count("no")

    rows, exact = _once(found.rows), found.retrained
    assert exact is not None
    called = [row for row in rows if forgotten(row) == worlds]
    hollow = [row for row in called if row.modes["hollow"].get("yes", 0)]
    methods = ", ".join(dict.fromkeys(_short(row.title) for row in hollow))
    return (
        f"By the paper's rule (retrieval of all rows, against Clean) {len(called)} of {len(rows)} candidates have "
        f"forgotten in all {worlds} worlds, Retrained, the exact answer, in {forgotten(exact)}. "
        f"{len(hollow)} of these candidates are hollow all the same, in some worlds or in all: budgets of {methods}."
    )


def _by_the_papers_rule(name: str) -> dict[str, list[str]]:
    """Model → what each world's record says of that rule, packed records too."""
    answers: defaultdict[str, list[str]] = defaultdict(list)
    for records in sorted((ROOT / "results" / name / WORLDS).glob("*/records")):
        for model, content in stored_records(records).items():
            answers[model].append(str((json.loads(content)["verdict"] or {}).get("ineffective_paper")))
    return answers


def _once(rows: Sequence[Row]) -> list[Row]:
    """Rows without those that are in a second league too, being of the same budget."""
    return list({row.name: row for row in rows}.values())


def _named(row: Row) -> str:
    return f"{_short(row.title)} {row.budget:g}×"


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


def _told(one: OverWorlds) -> str:
    return f"{percent(one.mean)} {percent_interval(one.ci95)}".strip()


def _short(title: str) -> str:
    """A method that takes part twice is called by its name in the plan."""
    return f"`{title.rpartition(', ')[2]}`" if ", " in title else title


if __name__ == "__main__":
    print(findings(sys.argv[1]))
    for one in contest(sys.argv[1]).leagues:
        print(f"\n{one.key}\n\n{table(sys.argv[1], one.key)}")
