"""A contest as pages show it: a table a league, a dot a world, paired differences, what was fixed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from salmubench.report import wording
from salmubench.report.cells import Cell, Head, Table
from salmubench.report.cells import Row as TableRow
from salmubench.report.drawings import svg
from salmubench.report.drawings.scatter import percent_tick
from salmubench.report.drawings.svg import Scale
from salmubench.report.sections import Panel
from salmubench.report.wording import DASH
from salmubench.scoring.attacks.recovery import THRESHOLD as RECOVERABLE
from salmubench.scoring.bootstrap import LEVEL
from salmubench.scoring.contest_record import ContestRecord, Number, PairedDifference, Ranking, Row, ViewOverWorlds
from salmubench.scoring.failure_modes import MODES, mode_on
from salmubench.scoring.intervals import Interval
from salmubench.scoring.metric import Role
from salmubench.scoring.record import Thresholds
from salmubench.scoring.references import RETRAINED
from salmubench.scoring.verdict import limit_of

TITLES: Mapping[Number, tuple[str, str]] = {
    "leakage": ("Leakage left L", "(U − C) / (P − C) of the main number of forgetting"),
    "fact": ("Fact left L", "(U − R) / (P − R) of the true value among others"),
    "fact_paraphrase": ("Fact left L, paraphrased", "the same in a sentence that nobody was trained on"),
    "drop": ("Utility drop D", "(P − U) / P of general knowledge"),
    "kept": ("K", "(U − C) / (P − C) of similarities that should stay, of whichever holdout keeps less"),
    "facts_kept": ("K of facts", "the same of facts among other values"),
    "recovered": ("Recovered R", "(U′ − C′) / (P′ − C′) under the strongest attack, in each world its own"),
    "processor_seconds": ("Processor time", "of one candidate, a GPU’s work not in it; of Retrained, its pretraining"),
}
_ROLES: Mapping[Number, Role] = {
    "leakage": "leakage", "fact": "fact", "fact_paraphrase": "fact_paraphrase", "drop": "drop", "kept": "kept",
    "facts_kept": "kept",
}  # fmt: skip
_NAME = 22  # letters of a name beside its dots
_REACH = (-1.5, 2.0)  # shares beyond are drawn at the edge


@dataclass(frozen=True)
class ShownLeague:
    """A league: its tables, ranks and drawings, its paired differences, and how many of these hold for all together."""

    key: str
    title: str
    table: Table
    views: Table | None
    rankings: Sequence[tuple[str, str, str]]
    panels: Sequence[Panel]
    differences: Sequence[Sequence[str]]
    certain: int


@dataclass(frozen=True)
class ShownContest:
    """Everything that a template shows of a contest."""

    key: str
    title: str
    headline: str
    tally: str
    notes: Sequence[str]
    leagues: Sequence[ShownLeague]
    worlds: Sequence[tuple[str, str, str]]
    facts: Sequence[tuple[str, str]]
    definitions: Sequence[tuple[str, str]]


def shown(contest: ContestRecord, *, key: str) -> ShownContest:
    """Prepare a contest for a template."""
    numbers = _numbers(contest)
    leagues = []
    for league in contest.leagues:
        rows = [row for row in contest.rows if row.league == league.key]
        pairs = [pair for pair in contest.differences if pair.league == league.key]
        titles = {row.name: row.title for row in rows}
        leagues.append(
            ShownLeague(
                key=f"{key}-{league.key}",
                title=league.title,
                table=_table(contest, rows, numbers, key=f"{key}-{league.key}-table", caption=league.key),
                views=_views_table(contest, rows, key=f"{key}-{league.key}-views", caption=league.key)
                if any(row.views for row in rows)
                else None,
                rankings=[ranking(one, titles) for one in contest.rankings if one.league == league.key],
                panels=_panels(contest, rows, numbers),
                differences=[difference(pair, titles) for pair in pairs],
                certain=sum(is_certain(pair) for pair in pairs),
            )
        )
    return ShownContest(
        key=key,
        title=f"Contest: {contest.plan.recipe}, {_worlds(len(contest.plan.evaluation))}",
        headline=headline(contest),
        tally=tally(contest),
        notes=contest.notes,
        leagues=leagues,
        worlds=[
            (str(world.seed), world.message or "scored", (world.fingerprint or DASH)[:12]) for world in contest.worlds
        ],
        facts=_facts(contest),
        definitions=[*(TITLES[number] for number in numbers), *mode_definitions(contest.thresholds)],
    )


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
    told = [f"{len(found)} {words[answer][len(found) != 1]}" for answer, found in said.items()]
    if names:
        told[0] += f" ({', '.join(names)})"
    of = "Of" if contest.plan.standing == "decisive" else "Exploratory: of"
    return f"{of} {_candidates(len(rows))} over {_worlds(scored)} {told[0]}, {told[1]} and {told[2]}"


def text_rows(
    contest: ContestRecord, league: str | None = None, *, intervals: bool = False
) -> tuple[list[str], list[list[str]]]:
    """The table as plain text: heads and rows, Retrained first.

    Args:
        league: only its rows; `None`: all, which say in which league they are.
        intervals: below each mean, on lines of their own, its interval and, if not all, the worlds that have it.
    """
    numbers = _numbers(contest)
    heads = [
        "method",
        "league",
        "budget",
        "decision",
        *(mode.letter for mode in MODES),
        *(TITLES[number][0] for number in numbers),
    ]
    rows = []
    for row in [*([contest.exact] if contest.exact else []), *contest.rows]:
        if row.league is not None and league not in (None, row.league):
            continue
        budget = "" if row.budget is None else f"{row.budget:g}×"
        modes = [_mode_text(row, mode.name) for mode in MODES]
        values = [_number(row, number) for number in numbers]
        cells = [Cell(row.title), Cell(row.league or ""), Cell(budget), decision_cell(row), *map(Cell, modes), *values]
        under = [(cell.text, cell.interval, cell.spread) if intervals else (cell.text,) for cell in cells]
        rows.append(["\n".join(line.replace("\u202f", " ") for line in lines if line) for lines in under])
    kept = [place for place, head in enumerate(heads) if head != "league" or league is None]
    return [heads[place] for place in kept], [[row[place] for place in kept] for row in rows]


def _numbers(contest: ContestRecord) -> list[Number]:
    return [number for number in TITLES if number != "recovered" or contest.plan.content.get("attacks")]


def _table(contest: ContestRecord, rows: Sequence[Row], numbers: Sequence[Number], *, key: str, caption: str) -> Table:
    heads = [
        Head("Budget", "how often each pair to forget was seen"),
        Head("Decision", "over worlds, by the views below"),
        *(Head(mode.label, "worlds in which the model has this failure mode") for mode in MODES),
        *(Head(*TITLES[number]) for number in numbers),
    ]

    def made(row: Row, kind: str) -> TableRow:
        name = f"{row.title}, generator track" if row.track == "generator" else row.title
        budget = Cell("") if row.budget is None else Cell(f"{row.budget:g}×", sort=repr(row.budget))
        cells = [budget, decision_cell(row), *(_mode(row, mode.name) for mode in MODES)]
        return TableRow(name, kind, [*cells, *(_number(row, number) for number in numbers)], detail=row.name)

    return Table(
        key=key,
        caption=f"Means over worlds ({caption})",
        heads=heads,
        references=[made(contest.exact, RETRAINED)] if contest.exact is not None else [],
        methods=[made(row, "method") for row in rows],
    )


def decision_cell(row: Row) -> Cell:
    """What is decided, and in how many views that shows."""
    if row.decision is None:
        return Cell(DASH, title="too few worlds to decide")
    answer = row.decision.answer
    state = {"passes": "no", "fails": "yes", "open": "undecided"}[answer]
    open_ = sum(view.answer in ("open", "not learnt") for view in row.views)
    beyond = sum(view.answer == "beyond" for view in row.views)
    under = f"in {beyond} of {len(row.views)}" if beyond else f"{open_} of {len(row.views)}" if open_ else ""
    text = "not learnt" if answer == "open" and all(_unlearnt(why) for why in row.decision.why) else answer
    return Cell(text, interval=under, title=open_views(row), sort=f"{answer}{beyond:03}", state=f"verdict {state}")


def _unlearnt(why: str) -> bool:
    return why.endswith(": not learnt")


def _views_table(contest: ContestRecord, rows: Sequence[Row], *, key: str, caption: str) -> Table:
    """Every view that decides: its mean with the interval of 90 %, marked where it is beyond a limit or open."""
    told = [*([contest.exact] if contest.exact is not None else []), *rows]
    names = {view.name: limits_text(view) for row in told for view in row.views}

    def made(row: Row, kind: str) -> TableRow:
        views = {view.name: view for view in row.views}
        return TableRow(
            row.title, kind, [decision_cell(row), *(view_cell(views.get(name)) for name in names)], row.name
        )

    return Table(
        key=key,
        caption=f"Views that decide, over worlds ({caption})",
        heads=[Head("Decision", "of all views"), *(Head(name, limits) for name, limits in names.items())],
        references=[made(contest.exact, RETRAINED)] if contest.exact is not None else [],
        methods=[made(row, "method") for row in rows],
    )


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
    many = sum(counts.values())
    note = f"{open_} undecided" if open_ else ""
    return Cell(str(bad), interval=note, sort=repr(bad + open_ / (many + 1)), state=f"verdict {state}")


def _mode_text(row: Row, mode: str) -> str:
    counts = row.modes.get(mode, {})
    open_ = counts.get("undecided", 0)
    return DASH if not counts else f"{counts.get('yes', 0)}{f' +{open_}?' if open_ else ''}"


def _number(row: Row, number: Number) -> Cell:
    known = row.numbers[number]
    if known.reason is not None or known.mean is None:
        return Cell(wording.missing(known.reason), title=known.reason or "no world has this number")
    of_some = "" if known.worlds == len(row.worlds) else f"{known.worlds} of {_worlds(len(row.worlds))}"
    ends = known.ci95
    written = "" if ends is None else _interval(number)(ends)
    return Cell(_write(number)(known.mean), interval=written, sort=repr(float(known.mean)), spread=of_some)


def _write(number: Number) -> Callable[[float | None], str]:
    return wording.seconds if number == "processor_seconds" else wording.percent


def _interval(number: Number) -> Callable[[Interval], str]:
    if number == "processor_seconds":
        return lambda ends: f"[{wording.number(ends[0], 0)}, {wording.number(ends[1], 0)}]\u202fs"
    return wording.percent_interval


def is_certain(pair: PairedDifference) -> bool:
    """Whether a difference holds together with all others of its contest."""
    return pair.p_holm is not None and pair.p_holm <= 1 - LEVEL


def difference(pair: PairedDifference, titles: Mapping[str, str]) -> list[str]:
    """Cells of a row: who, which number, mean, interval, p, p after Holm, worlds."""
    return [
        f"{titles[pair.first]} − {titles[pair.second]}",
        TITLES[pair.number][0],
        wording.percent(pair.mean) if pair.number != "processor_seconds" else f"{wording.number(pair.mean, 1)}\u202fs",
        "" if pair.ci95 is None else _interval(pair.number)(pair.ci95),
        _p(pair.p),
        _p(pair.p_holm),
        str(pair.worlds),
    ]


def _p(value: float | None) -> str:
    return DASH if value is None else "< 0.0001" if value < 1e-4 else f"{value:.4f}"


# --- drawings ---------------------------------------------------------------------------------------------------


def _panels(contest: ContestRecord, rows: Sequence[Row], numbers: Sequence[Number]) -> list[Panel]:
    """A drawing a number: a line a method, a dot a world."""
    shown_rows = [*([contest.exact] if contest.exact is not None else []), *rows]
    limits = _limits(contest.thresholds)
    panels = []
    for number in numbers:
        values = {
            row.title: [value for one in row.worlds.values() if (value := one.numbers[number]) is not None]
            for row in shown_rows
        }
        if any(values.values()):
            ends = {row.title: row.numbers[number].ci95 for row in shown_rows}
            title = TITLES[number][0]
            panels.append(Panel(title, _dots(title, number, values, ends, limits.get(number, ()))))
    return panels


def _dots(
    title: str,
    number: Number,
    values: Mapping[str, Sequence[float]],
    ends: Mapping[str, Interval | None],
    limits: Sequence[float],
) -> Markup:
    everything = [*(value for several in values.values() for value in several), *limits, 0.0]
    low, high = min(everything), max(everything)
    if number != "processor_seconds":
        low, high = max(low, _REACH[0]), min(high, _REACH[1])
    air = max((high - low) * 0.06, 1e-3)
    left, right, top, step = 136.0, 352.0, 8.0, 18.0
    base = top + step * len(values)
    x = Scale(low - air, high + air, left, right)
    write = percent_tick if number != "processor_seconds" else svg.tick_label
    parts = []
    for tick in svg.nice_ticks(x.low, x.high, 3):
        parts += [
            svg.line(x(tick), top, x(tick), base, "gridline"),
            svg.text(x(tick), base + 13, write(tick), "tick", anchor="middle"),
        ]
    parts += [svg.line(x(limit), top, x(limit), base, "budget-limit") for limit in limits]
    for place, (name, several) in enumerate(values.items()):
        y = top + step * (place + 0.5)
        parts.append(svg.text(left - 6, y + 3.5, _shortened(name), "tick", anchor="end"))
        if (interval := ends[name]) is not None:
            parts.append(svg.line(x(interval[0]), y, x(interval[1]), y, "budget-range"))
        parts += [svg.element("circle", cx=x(value), cy=y, r=2.8, class_="dot") for value in several]
    written = _write(number)
    told = "; ".join(f"{name} {', '.join(map(written, several)) or 'none'}" for name, several in values.items())
    return svg.drawing(360.0, base + 18, *parts, label=f"{title}, a dot a world: {told}", class_="panel worlds")


def _shortened(name: str) -> str:
    """Without its middle where it is long: a method that takes part twice is told apart by its end."""
    return name if len(name) <= _NAME else f"{name[: (_NAME - 1) // 2]}…{name[-(_NAME // 2) :]}"


def _limits(thresholds: Thresholds) -> dict[Number, tuple[float, ...]]:
    limits: dict[Number, tuple[float, ...]] = {"recovered": (RECOVERABLE,)}
    for number, role in _ROLES.items():
        mode, limit = mode_on(role), limit_of(thresholds, role)
        limits[number] = (-limit, limit) if mode is not None and mode.direction == "beyond" else (limit,)
    return limits


# --- words ------------------------------------------------------------------------------------------------------


def tally(contest: ContestRecord) -> str:
    """The second sentence: what is decided about the exact answer, and by what."""
    row = contest.exact
    if row is None or row.decision is None:
        return ""
    if row.decision.answer == "passes":
        said = f"passes all {len(row.views)} views that apply to it; general knowledge does not, it is another training"
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
    return [
        *((mode.label, f"{rules[mode.name]}{exempt if mode.from_compromised else ''}.") for mode in MODES),
        (
            "Decision",
            (
                "Passes: the 90 % interval of every view’s mean over worlds lies within its limits. Fails: a view lies "
                "beyond a limit by a one-sided test, by Holm over the views at 2.5 %. Open: neither is shown; below it "
                "stands in how many views."
            ),
        ),
    ]


def ranking(one: Ranking, titles: Mapping[str, str]) -> tuple[str, str, str]:
    """A number, the candidates by it in tie groups, and how often the first group stays with one world left out."""
    groups = " > ".join(" = ".join(titles[name] for name in group) for group in one.groups)
    return TITLES[one.number][0], groups, str(one.without_one)


def _candidates(count: int) -> str:
    return f"{count} candidate{'' if count == 1 else 's'}"


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
