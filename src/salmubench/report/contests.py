"""A contest as pages show it: a table a league, a dot a world, paired differences, what was fixed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from salmubench.report import wording
from salmubench.report.cells import Cell, Head, Table
from salmubench.report.cells import Row as TableRow
from salmubench.report.contest_numbers import TITLES, exact_first, interval_of, panels, write
from salmubench.report.wording import DASH
from salmubench.scoring.bootstrap import LEVEL
from salmubench.scoring.contest_record import ContestRecord, League, Number, PairedDifference, Row, ViewOverWorlds
from salmubench.scoring.failure_modes import MODES
from salmubench.scoring.record import Thresholds
from salmubench.scoring.references import RETRAINED


def shown(contest: ContestRecord) -> dict[str, Any]:
    """What `contest_macros.html.j2` shows of a contest."""
    numbers = _numbers(contest)
    return {
        "title": f"Contest: {contest.plan.recipe}, {_worlds(len(contest.plan.evaluation))}",
        "headline": headline(contest),
        "tally": tally(contest),
        "notes": contest.notes,
        "leagues": [_league(contest, league, numbers) for league in contest.leagues],
        "worlds": [(one.seed, one.message or "scored", (one.fingerprint or DASH)[:12]) for one in contest.worlds],
        "facts": _facts(contest),
        "definitions": [*(TITLES[number] for number in numbers), *mode_definitions(contest.thresholds)],
    }


def _league(contest: ContestRecord, league: League, numbers: Sequence[Number]) -> dict[str, Any]:
    """Its tables, ranks and drawings, its paired differences, and how many of these hold for all together."""
    key = f"contest-{league.key}"
    rows = sorted((row for row in contest.rows if row.league == league.key), key=_by_decision)
    pairs = [pair for pair in contest.differences if pair.league == league.key]
    titles = {row.name: row.title for row in rows}
    return {
        "key": key,
        "title": league.title,
        "table": _table(contest, rows, numbers, key=f"{key}-table", caption=f"Means over worlds ({league.key})"),
        "views": _views_table(
            contest, rows, key=f"{key}-views", caption=f"Views that decide, over worlds ({league.key})"
        )
        if any(row.views for row in rows)
        else None,
        "rankings": [
            (
                TITLES[one.number][0],
                " > ".join(" = ".join(titles[name] for name in tie) for tie in one.groups),
                one.without_one,
            )
            for one in contest.rankings
            if one.league == league.key
        ],
        "panels": panels(contest, rows, numbers),
        "differences": [_difference(pair, titles) for pair in pairs],
        "certain": sum(pair.p_holm is not None and pair.p_holm <= 1 - LEVEL for pair in pairs),
    }


def _by_decision(row: Row) -> tuple[int, int, int]:
    """Who passes first, then who is open, then who fails in few views."""
    if row.decision is None:
        return 3, 0, 0
    answers = [view.answer for view in row.views]
    return ("passes", "open", "fails").index(row.decision.answer), answers.count("beyond"), -answers.count("inside")


def headline(contest: ContestRecord) -> str:
    """The first sentence: how many candidates pass, fail or are open, and who passes."""
    scored = sum(world.status == "scored" for world in contest.worlds)
    if not scored:
        return "No evaluation world could be scored"
    rows = list({row.name: row for row in contest.rows}.values())  # one may be in two leagues, being of one budget
    said: dict[str, list[Row]] = {answer: [] for answer in ("passes", "fails", "open")}
    for row in rows:
        if row.decision is not None:
            said[row.decision.answer].append(row)
    if not any(said.values()):
        return f"Nothing is decided: {_worlds(scored)}"
    several = len(contest.leagues) > 1
    names = [f"{row.title} {row.budget:g}×" if several else row.title for row in said["passes"] if row.budget]
    words = {"passes": ("passes", "pass"), "fails": ("fails", "fail"), "open": ("is open", "are open")}
    parts = [f"{len(several_rows)} {words[answer][len(several_rows) != 1]}" for answer, several_rows in said.items()]
    if names:
        parts[0] += f" ({', '.join(names)})"
    of = "Of" if contest.plan.standing == "decisive" else "Exploratory: of"
    return f"{of} {_methods(rows)} over {_worlds(scored)} {parts[0]}, {parts[1]} and {parts[2]}"


def text_rows(contest: ContestRecord) -> tuple[list[str], list[list[str]]]:
    """The table as plain text: heads and rows, Retrained first."""
    numbers = _numbers(contest)
    heads = ["method", "league", "budget", "decision", *(mode.letter for mode in MODES)]
    rows = []
    for row in exact_first(contest, contest.rows):
        budget = "" if row.budget is None else f"{row.budget:g}×"
        modes = [_mode(row, mode.name) for mode in MODES]
        texts = [
            decision_cell(row).text,
            *(f"{cell.text} +{cell.interval.split()[0]}?" if cell.interval else cell.text for cell in modes),
            *(_number(row, number).text.replace("\u202f", " ") for number in numbers),
        ]
        rows.append([row.title, row.league or "", budget, *texts])
    return [*heads, *(TITLES[number][0] for number in numbers)], rows


def _numbers(contest: ContestRecord) -> list[Number]:
    return [number for number in TITLES if number != "recovered" or contest.plan.content.get("attacks")]


def _table(contest: ContestRecord, rows: Sequence[Row], numbers: Sequence[Number], *, key: str, caption: str) -> Table:
    heads = [
        Head("Budget", "how often each pair to forget was seen"),
        Head("Decision", "over worlds, by the views below"),
        *(Head(mode.label, "worlds in which the model has this failure mode") for mode in MODES),
        *(Head(*TITLES[number]) for number in numbers),
    ]

    def cells(row: Row) -> list[Cell]:
        budget = Cell("") if row.budget is None else Cell(f"{row.budget:g}×", sort=repr(row.budget))
        modes = [_mode(row, mode.name) for mode in MODES]
        return [budget, decision_cell(row), *modes, *(_number(row, number) for number in numbers)]

    return _with_exact(contest, rows, cells, heads, key, caption)


def _views_table(contest: ContestRecord, rows: Sequence[Row], *, key: str, caption: str) -> Table:
    """Every view that decides: its mean with the interval of 90 %, marked where it is beyond a limit or open."""
    names = {view.name: limits_text(view) for row in exact_first(contest, rows) for view in row.views}
    heads = [Head("Decision", "of all views"), *(Head(name, limits) for name, limits in names.items())]

    def cells(row: Row) -> list[Cell]:
        views = {view.name: view for view in row.views}
        return [decision_cell(row), *(view_cell(views.get(name)) for name in names)]

    return _with_exact(contest, rows, cells, heads, key, caption)


def _with_exact(
    contest: ContestRecord,
    rows: Sequence[Row],
    cells: Callable[[Row], list[Cell]],
    heads: Sequence[Head],
    key: str,
    caption: str,
) -> Table:
    """A table of candidates below the exact answer."""
    references = [TableRow(row.title, RETRAINED, cells(row), row.name) for row in exact_first(contest, [])]
    methods = [
        TableRow(
            f"{row.title}{', generator track' if row.track == 'generator' else ''}", "method", cells(row), row.name
        )
        for row in rows
    ]
    return Table(key, caption, heads, references, methods)


def decision_cell(row: Row) -> Cell:
    """What is decided, and in how many views that shows."""
    if row.decision is None:
        return Cell(DASH, title="too few worlds to decide")
    answer = row.decision.answer
    state = {"passes": "no", "fails": "yes", "open": "undecided"}[answer]
    open_ = sum(view.answer in ("open", "not learnt") for view in row.views)
    beyond = sum(view.answer == "beyond" for view in row.views)
    under = f"in {beyond} of {len(row.views)}" if beyond else f"{open_} of {len(row.views)}" if open_ else ""
    unlearnt = answer == "open" and all(why.endswith(": not learnt") for why in row.decision.why)
    text = "not learnt" if unlearnt else answer
    return Cell(text, interval=under, title=open_views(row), sort=f"{answer}{beyond:03}", state=f"verdict {state}")


def view_cell(view: ViewOverWorlds | None) -> Cell:
    """A view's mean and 90 % interval."""
    if view is None:
        return Cell(DASH, title="not judged")
    if view.mean is None or view.ci90 is None:
        return Cell(view.answer, state="verdict undecided")
    state = {"inside": "no", "beyond": "yes"}.get(view.answer, "undecided")
    more = f"; {view.worlds_needed} worlds in all would decide" if view.worlds_needed is not None else ""
    return Cell(
        wording.percent(view.mean), interval=wording.percent_interval(view.ci90), title=f"{view.answer}{more}",
        sort=repr(float(view.mean)), state=f"verdict {state}",
    )  # fmt: skip


def limits_text(view: ViewOverWorlds) -> str:
    """A view's limits in words."""
    ends = [None if end is None else wording.percent(end) for end in (view.low, view.high)]
    if None not in ends:
        return f"{ends[0]} to {ends[1]}"
    return f"at most {ends[1]}" if ends[0] is None else f"at least {ends[0]}"


def _mode(row: Row, mode: str) -> Cell:
    counts = row.modes.get(mode, {})
    if not counts:
        return Cell(DASH, title="not judged")
    bad, open_ = counts.get("yes", 0), counts.get("undecided", 0)
    state = "yes" if bad else "undecided" if open_ else "no"
    sort = repr(bad + open_ / (sum(counts.values()) + 1))
    return Cell(str(bad), interval=f"{open_} undecided" if open_ else "", sort=sort, state=f"verdict {state}")


def _number(row: Row, number: Number) -> Cell:
    over = row.numbers[number]
    if over.reason is not None or over.mean is None:
        return Cell(wording.missing(over.reason), title=over.reason or "no world has this number")
    return Cell(
        write(number)(over.mean),
        interval="" if over.ci95 is None else interval_of(number)(over.ci95),
        sort=repr(float(over.mean)),
        spread="" if over.worlds == len(row.worlds) else f"{over.worlds} of {_worlds(len(row.worlds))}",
    )


def _difference(pair: PairedDifference, titles: Mapping[str, str]) -> list[str]:
    """Cells of a row: who, which number, mean, interval, p, p after Holm, worlds."""
    return [
        f"{titles[pair.first]} − {titles[pair.second]}",
        TITLES[pair.number][0],
        wording.percent(pair.mean) if pair.number != "processor_seconds" else f"{wording.number(pair.mean, 1)}\u202fs",
        "" if pair.ci95 is None else interval_of(pair.number)(pair.ci95),
        _p(pair.p),
        _p(pair.p_holm),
        str(pair.worlds),
    ]


def _p(value: float | None) -> str:
    return DASH if value is None else "< 0.0001" if value < 1e-4 else f"{value:.4f}"


def tally(contest: ContestRecord) -> str:
    """The second sentence: what is decided about the exact answer, and by what."""
    row = contest.exact
    if row is None or row.decision is None:
        return ""
    if row.decision.answer == "passes":
        said = f"passes all {len(row.views)} views that apply to it (general knowledge doesn't: it is another training)"
    else:
        said = f"{'fails' if row.decision.answer == 'fails' else 'is open'} in {', '.join(row.decision.why)}"
    decides = (
        "" if contest.plan.standing == "decisive" else " This contest decides nothing about methods: see the notes."
    )
    return f"Retrained, the exact answer, {said}.{decides}"


def open_views(row: Row) -> str:
    """Why a candidate isn't said to pass: the views that fail or are open, and how many more worlds would decide."""
    if row.decision is None:
        return ""
    worlds, needed = len(row.worlds), row.decision.worlds_needed
    more = f"; about {needed - worlds} more worlds would decide" if needed is not None else ""
    return ", ".join(row.decision.why) + more


def mode_definitions(thresholds: Thresholds) -> list[tuple[str, str]]:
    """What the failure modes are and what passes: term and text."""
    rules, exempt = wording.rules(thresholds), "; not judged of Retrained, another training"
    decision = (
        "Passes: the 90 % interval of every view’s mean over worlds lies within its limits. Fails: a view lies beyond "
        "a limit by a one-sided test, by Holm over the views at 2.5 %. Open: neither is shown; below it stands in how "
        "many views."
    )
    modes = [(mode.label, f"{rules[mode.name]}{exempt if mode.from_compromised else ''}.") for mode in MODES]
    return [*modes, ("Decision", decision)]


def _methods(rows: Sequence[Row]) -> str:
    """How many methods there are, and candidates where those are more: a method at each of its budgets."""
    count = len({row.title for row in rows})
    several = "" if count == len(rows) else f" ({len(rows)} candidates: each at its budgets)"
    return f"{count} method{'' if count == 1 else 's'}{several}"


def _facts(contest: ContestRecord) -> list[tuple[str, str]]:
    plan = contest.plan
    commits = sorted({commit for world in contest.worlds for commit in world.commits})
    seeds = {"Selection worlds": plan.selection, "Evaluation worlds": plan.evaluation}
    return [
        ("Plan", plan.file),
        ("Plan, SHA-256", plan.sha256),
        ("Plan, commit", plan.commit or "not committed as it is"),
        ("Records, commit", ", ".join(commits) or "made by an installed package"),
        ("Recipe", plan.recipe),
        *((term, ", ".join(map(str, several)) or "none") for term, several in seeds.items()),
        ("Trials of each method", f"{plan.trials} on each selection world" if plan.trials else "none"),
        ("Standing", plan.standing),
        *(("Earlier plan, SHA-256", one.sha256) for one in plan.earlier),
        *(("Changed after it", "; ".join(one.changed)) for one in plan.earlier),
        *((name[:1].upper() + name[1:], sha256) for name, sha256 in plan.identity.items() if name != "the plan"),
        ("Written", f"{contest.provenance.started}, salmubench {contest.provenance.version}"),
    ]


def _worlds(count: int) -> str:
    return f"{count} world{'' if count == 1 else 's'}"
