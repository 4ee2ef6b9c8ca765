"""The leaderboard's pages: boards, one page per method and per submission."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from salmubench.leaderboard import intake
from salmubench.leaderboard.board import Board, Entry
from salmubench.leaderboard.findings import Finding
from salmubench.leaderboard.method_code import is_built_in
from salmubench.report import cells, contests, damage, rendering, sections, tables, wording
from salmubench.report.cells import Cell
from salmubench.report.drawings import scatter
from salmubench.report.recovery import heat
from salmubench.scoring.contest_record import ContestRecord
from salmubench.scoring.failure_modes import MODES, legend
from salmubench.scoring.record import BENCHMARK_VERSION, RunRecord, Thresholds
from salmubench.scoring.references import LABELS
from salmubench.scoring.verdict import OLD_THRESHOLDS, THRESHOLDS, answers, worst

SCALE_NAMES = {"tiny": "Tiny", "mini": "Mini", "part": "Part of the paper’s counts", "paper": "The paper’s counts"}
TRACK_NAMES = {"closed": "closed track", "generator": "generator track"}
TRACK_NOTES = {
    "closed": "Methods saw the pairs of forget, forget_target and retain, and names, values and fields of these, only.",
    "generator": "Methods may also use the generator’s grammar and invented people, never the reserved paraphrases.",
}
HEADS = (
    ("Rank", "place in the default order; below it the ranks of those that can’t be told apart from the best of them"),
    (
        "Distance",
        "|L| + |L of the fact| + |1 − K| + |D|: the ways to the goal in caption, fact, what is kept and utility",
    ),
    ("Leakage left L", "(U − C) / (P − C) of the main number of forgetting"),
    ("Fact left L", "(U − R) / (P − R) of the true value among others, plain or paraphrased: the larger"),
    ("K inter-identity", "(U − C) / (P − C) of held-out pairs of other people"),
    ("K intra-identity", "(U − C) / (P − C) of held-out pairs of the same people"),
    ("Utility drop D", "(P − U) / P of general knowledge"),
    ("Failure modes", f"{legend()}; ? where the interval leaves it open"),
    ("Data seen", "how often each forget pair was seen, and how many pairs that were in all"),
    ("Submitted", "date"),
)
_MOST_NOTES = 12
_ROOM = "salmubench.leaderboard"


def pages(
    boards: Sequence[Board],
    refused: Mapping[str, Sequence[Finding]],
    titles: Mapping[str, str],
    contest: ContestRecord | None = None,
) -> dict[str, str]:
    """All pages: path within the site → content."""
    index = rendering.page(
        "board.html.j2",
        room=_ROOM,
        title="SALMUBench leaderboard",
        root="",
        boards=[_shown(board) for board in boards],
        contest=None if contest is None else contests.shown(contest),
        refused=refused,
        heads=HEADS,
        marker=rendering.marker,
        rules={mode.label: wording.rules(THRESHOLDS)[mode.name] for mode in MODES},
    )
    content = {"index.html": index}
    methods: dict[str, list[tuple[Board, Entry]]] = {}
    for board in boards:
        for entry in board.entries:
            methods.setdefault(entry.method_page, []).append((board, entry))
    for page, members in methods.items():
        content[f"methods/{page}.html"] = _method(members, titles)
        siblings = [entry for _, entry in members]
        for board, entry in members:
            content[f"submissions/{entry.name}.html"] = _submission(board, entry, siblings, titles)
    return content


def _shown(board: Board) -> dict[str, Any]:
    """A board as the template takes it."""
    first = board.entries[0]
    protocol = first.record.protocol
    budgets = sorted({f"{entry.record.model.budget:g}×" for entry in board.entries}, key=lambda text: float(text[:-1]))
    names = {entry.record.model.name: entry.info.model for entry in board.entries}
    names |= {record.model.name: LABELS[kind] for kind, record in first.others.items()}
    records = [*(entry.record for entry in board.entries), *first.others.values()]
    drawn = damage.damage(records, names, _thresholds(board))
    points = [replace(point, index=place + 1) for point, place in zip(drawn.points, drawn.places, strict=True)]
    shown = [board.entries[place] for place in drawn.places]
    return {
        "board": board,
        "title": _title(board),
        "note": TRACK_NOTES[board.track]
        + ("" if board.schema > 1 else _OLD_NOTE)
        + ("" if board.others or board.schema == 1 else _WITHOUT_NOTE)
        + (f" Intervals are of {protocol.bootstraps:,} resamples each." if protocol is not None else ""),
        "lines": [_line(board, entry, "submissions/") for entry in board.entries],
        "budgets": budgets,
        "plots": [
            scatter.board_plot(
                points,
                drawn.references,
                front={index for index, entry in enumerate(shown) if entry.name in board.front},
                links=[f"submissions/{entry.name}.html" for entry in shown],
                narrow=narrow,
                passes=damage.passing(drawn),
            )
            for narrow in (False, True)
        ]
        if points
        else [],
        "unjudged": drawn.unjudged,
        "references": sections.references([first.clean, first.compromised, *first.others.values()]),
        "recovery": heat.heat_table([(_called(entry, board), entry.record) for entry in board.entries], key=board.key),
        "attacks": heat.legend([entry.record for entry in board.entries]),
    }


def _called(entry: Entry, board: Board) -> str:
    """The model's name, with that of its folder where several have it."""
    double = sum(other.info.model == entry.info.model for other in board.entries) > 1
    return f"{entry.info.model} ({entry.name})" if double else entry.info.model


def _title(board: Board) -> str:
    old = "" if board.benchmark else ", before benchmark versions"
    if board.benchmark not in (0, BENCHMARK_VERSION):
        old = f", benchmark version {board.benchmark}"
    if board.schema == 1:
        old = ", records of schema 1"
    elif not board.others:
        old += ", judged without Retrained"
    return f"{SCALE_NAMES[board.scale]}, {TRACK_NAMES[board.track]}{old}"


_WITHOUT_NOTE = (
    " Without Retrained, people of whom some facts had to go aren't judged by retrieval, and what is left of a fact is "
    "measured from Clean."
)
_NOT_RERUN = "that this code made the model is the submitter’s word"
_OLD_NOTE = (
    f" These records lack {', '.join(f'the failure mode {mode.word}' for mode in MODES if mode.since > 1)}, are judged "
    "by L of all rows against Clean and by D of all classes, and are not ranked with newer ones."
)


def _thresholds(board: Board) -> Thresholds:
    return THRESHOLDS if board.schema > 1 else OLD_THRESHOLDS


def _line(board: Board, entry: Entry, folder: str) -> dict[str, Any]:
    """A row as the template takes it: rank, distance, the five views, failure modes, budget, date."""
    record, distance = entry.record, entry.distance
    budget = f"{record.model.budget:g}×"
    rank, start, end = board.ranks[entry.name]
    front = entry.name in board.front
    shown = [
        Cell(str(rank), interval="" if start == end else f"tie {start}–{end}", sort=str(rank)),
        Cell(wording.number(distance), sort=_sort(distance), title="a number is missing" if distance is None else ""),
    ]
    for view in entry.views.values():
        ends = wording.percent_interval(view.ci95)
        shown.append(Cell(wording.share(view), interval=ends, sort=_sort(view.value), title=view.reason or ""))
    states = answers(record)
    letters = " ".join(
        mode.letter + ("?" if states[mode.name] == "undecided" else "")
        for mode in MODES
        if states.get(mode.name, "no") != "no"
    )
    badness = 3 * list(states.values()).count("yes") + list(states.values()).count("undecided")
    shown += [
        Cell(letters or "none", sort=str(badness), state=f"verdict {worst(states.values())}"),
        Cell(budget, interval=_pairs(record), sort=repr(float(record.model.budget or 0))),
        Cell(entry.info.submitted[:10], sort=entry.info.submitted[:10].replace("-", "")),
    ]
    return {
        "name": entry.name,
        "model": entry.info.model,
        "author": entry.info.author or "",
        "links": _links(entry),
        "page": f"{folder}{entry.name}.html",
        "front": front,
        "own_references": entry.references != board.references,
        "passes": entry.passes,
        "modes": " ".join(["passes"] if entry.passes else entry.modes) + " front" * front,
        "budget": budget,
        "cells": shown,
    }


def _sort(value: float | None) -> str:
    return "" if value is None else repr(float(value))


def _pairs(record: RunRecord) -> str:
    return "pairs not stated" if record.cost.pairs is None else f"{wording.count(record.cost.pairs)} pairs"


def _links(entry: Entry) -> list[tuple[str, str]]:
    info = entry.info
    links = [] if info.link is None else [(info.link.removeprefix("https://").partition("/")[0], info.link)]
    return links + ([] if info.hub_id is None else [("checkpoint", f"https://huggingface.co/{info.hub_id}")])


def _method(members: Sequence[tuple[Board, Entry]], titles: Mapping[str, str]) -> str:
    """A method's page: its submissions on each board, newest first."""
    first = members[0][1]
    heading = titles.get(first.method, first.method)
    code = f"Its code is the submitters’ own; of models that were not re-run, {_NOT_RERUN}."
    if first.unstated:
        heading, code = f"{heading}, code not stated", "Their records are too old to say whose code made the models."
    elif is_built_in(first.method):
        code = "The method is built in; every model here was made by the package’s own file."
    groups: dict[str, list[dict[str, Any]]] = {}
    for board, entry in sorted(members, key=lambda item: item[1].info.submitted, reverse=True):
        group = groups.setdefault(f"{_title(board)} · dataset {board.fingerprint[:12]}", [])
        group.append(_line(board, entry, "../submissions/"))
    return rendering.page(
        "method.html.j2",
        room=_ROOM,
        title=f"{heading} · SALMUBench leaderboard",
        root="../",
        heading=heading,
        code=code,
        method=first.method,
        groups=groups,
        heads=HEADS,
        count=len(members),
    )


def _submission(board: Board, entry: Entry, siblings: Sequence[Entry], titles: Mapping[str, str]) -> str:
    """A submission's page: verdict, all numbers, provenance, history."""
    records = [entry.clean, *entry.others.values(), entry.compromised, entry.record]
    names = {record.model.name: wording.method_name(record, titles) for record in records}
    model, thresholds = names[entry.record.model.name], _thresholds(board)
    history = sorted(siblings, key=lambda item: item.info.submitted, reverse=True)
    return rendering.page(
        "submission.html.j2",
        room=_ROOM,
        title=f"{entry.info.model} · SALMUBench leaderboard",
        root="../",
        entry=entry,
        board_title=_title(board),
        board=board,
        line=_line(board, entry, ""),
        total=len(board.entries),
        verdict=next(iter(sections.verdicts([entry.record], {entry.record.model.name: model}, thresholds))),
        tables=[
            cells.mode_table(records, names, key="run", thresholds=thresholds),
            cells.view_table(records, names, key="run", thresholds=thresholds),
            cells.number_table(records, names, goal="clean", key="run"),
            cells.number_table(records, names, goal="compromised", key="run"),
            cells.cost_table(records, names, key="run"),
        ],
        recovery=heat.heat_table([(model, entry.record)], key="run"),
        attacks=heat.legend([entry.record]),
        recovery_downloads=heat.downloads([entry.record], names),
        facts=_facts(entry),
        options=_options(entry.record),
        history=[(item, wording.number(item.distance), item.name == entry.name) for item in history],
        downloads=tables.downloads(records, titles),
    )


def _facts(entry: Entry) -> list[tuple[str, str]]:
    record, info = entry.record, entry.info
    provenance = record.provenance
    commit = f", commit {provenance.commit}" if provenance.commit else ""
    facts = [
        ("Checkpoint (SHA-256)", info.checkpoint_sha256),
        ("Code of the method (SHA-256)", record.model.method_sha256 or ""),
        ("Re-run", "yes, with the numbers of the submission" if entry.rerun else f"no: {_NOT_RERUN}"),
        ("Content (SHA-256)", str(entry.receipt.get("content_sha256") or "")),
        ("Dataset", record.dataset.name),
        ("Dataset fingerprint", record.dataset.fingerprint),
        ("Rows", ", ".join(f"{split} {wording.count(rows)}" for split, rows in record.dataset.counts.items())),
        ("Clean (SHA-256)", str(entry.clean.model.weights)),
        ("Compromised (SHA-256)", str(entry.compromised.model.weights)),
        ("Benchmark version", str(record.benchmark_version or "")),
        ("Data seen", _pairs(record)),
        ("Encoded", f"{record.encoding.device}, {record.encoding.precision}" if record.encoding else ""),
        ("Scored", f"{provenance.started}, salmubench {provenance.version}{commit}"),
        ("Submitted", info.submitted),
        ("Checked", f"{entry.receipt.get('checked')}, salmubench {entry.receipt.get('version')}"),
    ]
    facts += [("Note", note) for note in record.notes[:_MOST_NOTES]]
    return [(term, intake.plain_text(text, most=400)) for term, text in facts if text]


def _options(record: RunRecord) -> list[tuple[str, str]]:
    """Options as they took effect, flat: `engine.lr` → 0.001."""
    flat: list[tuple[str, str]] = []

    def walk(value: object, place: str) -> None:
        if isinstance(value, Mapping) and value:
            for key, inner in value.items():
                walk(inner, f"{place}.{key}" if place else str(key))
        elif place:
            flat.append((place[:80], str(value)[:200]))

    walk(record.model.config, "")
    return flat[:80]
