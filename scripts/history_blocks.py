"""Earlier tables of all methods over several seeds in one world, for `update_docs.py`.

Each folder below `HISTORY` is what `collect_results.py` keeps of a run with `--repeats`; that of the other track holds
only the method which has tracks.
"""

from __future__ import annotations

import statistics
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from page_blocks import ROOT, processor

from salmubench.core import manifest
from salmubench.metrics import descriptions
from salmubench.official.agreement import Agreement, agreement
from salmubench.report.collect import failure, score_of
from salmubench.report.seeds import spread
from salmubench.report.wording import display_names, number, percent, percent_interval
from salmubench.scoring.failure_modes import MODES
from salmubench.scoring.record import RunRecord
from salmubench.scoring.record_files import read_record
from salmubench.scoring.references import reference_kind
from salmubench.scoring.roles import with_descriptions
from salmubench.scoring.verdict import answers
from salmubench.unlearn.registry import method_titles

HISTORY = ROOT / "results" / "history"
FOLDERS = {"untuned": ("untuned", "untuned-closed"), "tuned": ("tuned", "tuned-generator")}
"""Kind of settings → its folders: all other methods, and ours."""

TEN = {
    "ten-closed": "closed, `forgetting` 1", "ten-generator": "generator, `forgetting` 1.4",
    "ten-closed-first": "closed, `forgetting` 1.4, one seed", "ten-closed-known": "closed, known names alone",
    "ten-generator-known": "generator, known names alone",
}  # fmt: skip
"""Our method alone, at ten times the budget: folder → what sets it apart."""

CAPTIONS = {
    "forget": "pairs to forget", "holdout_association": "same people's other associations",
    "holdout_identity": "other people's associations", "name to forget": "captions of another name to forget",
    "crossed": "captions of a fictitious name, recombined from two",
    "spelled": "captions of a fictitious name, random syllables", "invented": "captions of an invented person",
}  # fmt: skip

TUNED = {
    "closed": ROOT / "results" / "mini-tuned" / "tuned.yaml",
    "generator": HISTORY / "tuned-generator" / "tuned.yaml",
}

COLUMNS = (
    ("RetFail", "mrr", "leakage left"), ("RetFailPara", "value", "leakage left, paraphrased"),
    ("GenKnow", "value", "utility drop"), ("InterIdSim", "value", "K inter-identity"),
    ("IntraIdSim", "value", "K intra-identity"),
)  # fmt: skip
HEAD = " | ".join(label for *_, label in COLUMNS)
_FORMER_NAMES = {
    "L in other words": "L paraphrased", "K, other people": "K inter-identity", "K, same people": "K intra-identity",
}  # fmt: skip
"""Column names in committed results → as they are called now."""
_FORMER_WORDS = {"names of nobody": "fictitious names", "crossed": "recombined", "spelled": "random syllables"}
"""Kinds of names in committed results → as they are called now."""


class Row(NamedTuple):
    """A method.

    Attributes:
        record: joint record of its seeds, or the only one.
        repeats: the records of its seeds.
    """

    record: RunRecord
    repeats: list[RunRecord]


def _read(path: Path) -> RunRecord:
    """A record, with what the package says about its metrics: older ones don't say it."""
    return with_descriptions(read_record(path), descriptions())


def rows(kind: str) -> list[Row]:
    """The methods of a contest in the order of its run, references first, then the other track."""
    first, *others = (_rows(HISTORY / folder) for folder in FOLDERS[kind])
    return first + [row for found in others for row in found if reference_kind(row.record) is None]


def _rows(folder: Path) -> list[Row]:
    models = manifest.read_json(folder / "run.json")["models"]
    groups: dict[str, list[RunRecord]] = {}
    for record in (_read(folder / "records" / f"{name}.json") for name in models):
        groups.setdefault(reference_kind(record) or str(record.model.method), []).append(record)
    found = []
    for group in groups.values():
        joint = folder / "pooled" / f"{group[0].model.name}.json"
        found.append(Row(_read(joint) if joint.is_file() else group[0], group))
    return found


def contest(kind: str) -> str:
    """All methods: mean over seeds, standard deviation over seeds, interval over people, failure modes."""
    found = [row for row in rows(kind) if reference_kind(row.record) is None]
    searched = None if kind == "untuned" else _tuned()["methods"]
    return "\n".join([*_table(found, searched), "", f"{_about(HISTORY / kind, found)} {_passed(found)}"])


def ten() -> str:
    """Our method at ten times the budget."""
    lines = [f"| track and setting | failure modes | {HEAD} |", f"|:--|:--|{'--:|' * len(COLUMNS)}"]
    found = [(label, row) for name, label in TEN.items() for row in _rows(HISTORY / name)]
    found = [(label, row) for label, row in found if reference_kind(row.record) is None]
    lines += [f"| {label} | {_modes(row.record)} | {_cells(row)} |" for label, row in found]
    return "\n".join([*lines, "", _about(HISTORY / "ten-closed", [row for _, row in found])])


def ten_trials(name: str) -> str:
    """What was tried for it on the selection world; `name` is of the file."""
    found = manifest.read_json(HISTORY / f"{name}.json")
    parts, options = list(found[0]["found"]), [entry["options"] for entry in found]
    usual = {
        name: statistics.mode(values[name] for values in options)
        for name in options[0]
        if name not in ("track", "budget", "names")
    }
    lines = [f"Unless a row says otherwise: {_values(usual)}.", ""]
    heads = [_FORMER_NAMES.get(part, part) for part in parts]
    named = "names" in options[0]
    head = "track, budget | names" if named else "track, budget"
    lines += [f"| {head} | {' | '.join(heads)} | values |", f"|:--|{':--|' * named}{'--:|' * len(parts)}:--|"]
    for entry in found:
        other = {name: entry["options"][name] for name in usual if entry["options"][name] != usual[name]}
        cells = [percent(score["value"]).replace(" ", "\u00a0") for score in entry["found"].values()]
        where = f"{entry['options']['track']}, {entry['options']['budget']}×"
        where += f" | {_plain(entry['options']['names'])}" if named else ""
        lines.append(f"| {where} | {' | '.join(cells)} | {_values(other)} |")
    return "\n".join(lines)


def _plain(text: str) -> str:
    """Words of committed results as they are called now."""
    for former, now in _FORMER_WORDS.items():
        text = text.replace(former, now)
    return text


def drift() -> str:
    """How far captions move, by kind of name."""
    found = manifest.read_json(HISTORY / "caption-drift.json")["models"]
    lines = [f"| captions | n | {' | '.join(map(_plain, found))} |", f"|:--|--:|{'--:|' * len(found)}"]
    for kind, first in next(iter(found.values())).items():
        cells = (f"{moved[kind]['value']:.2f} [{', '.join(f'{end:.2f}' for end in moved[kind]['ci95'])}]"
                 for moved in found.values())  # fmt: skip
        lines.append(f"| {CAPTIONS[kind]} | {first['n']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _table(found: Sequence[Row], searched: Container[str] | None = None) -> list[str]:
    """A line a method; `searched` are those that tuning found values for, where there was any."""
    names = display_names([row.record for row in found], method_titles())
    lines = [f"| method | failure modes | {HEAD} |", f"|:--|:--|{'--:|' * len(COLUMNS)}"]
    for row in found:
        record = row.record
        name = names[record.model.name] + _track(record)
        name += "" if searched is None or record.model.method in searched else " (nothing to tune)"
        if record.status != "complete":
            lines.append(f"| {name} | {failure(record)} |{' – |' * len(COLUMNS)}")
            continue
        lines.append(f"| {name} | {_modes(record)} | {_cells(row)} |")
    return lines


def released() -> str:
    """Four methods as their papers have them and as the authors' released code has them, untuned."""
    theirs = {row.record.model.method: row for row in _rows(ROOT / "results" / "released")}
    names = display_names([row.record for row in theirs.values()], method_titles())
    lines = [f"| method, variant | {HEAD} |", f"|:--|{'--:|' * len(COLUMNS)}"]
    for row in rows("untuned"):
        other = theirs.get(row.record.model.method)
        if other is None or reference_kind(row.record) is not None:
            continue
        for variant, made in (("paper", row), ("released", other)):
            lines.append(f"| {names[other.record.model.name]}, `{variant}` | {_cells(made)} |")
    return "\n".join(lines)


def ranks() -> str:
    """Rank correlation with the published table of both contests, and the orders."""
    found = {kind: agreement([row.record for row in rows(kind)], list(descriptions().values())) for kind in FOLDERS}
    lines = ["| column | methods | untuned: ρ (p) | tuned: ρ (p) |", "|:--|--:|--:|--:|"]
    orders = ["", "| column | published | untuned | tuned |", "|:--|:--|:--|:--|"]
    for untuned, tuned in zip(found["untuned"], found["tuned"], strict=True):
        lines.append(f"| {untuned.column} | {untuned.n}, {tuned.n} | {_rho(untuned)} | {_rho(tuned)} |")
        sides = (untuned.published, untuned.ours, tuned.ours)
        told = (", ".join(sorted(side, key=side.__getitem__)) for side in sides)
        orders.append(f"| {untuned.column} | {' | '.join(told)} |")
    return "\n".join(lines + orders)


def tuning() -> str:
    """What tuning found for each method."""
    content = _tuned()
    lines = ["| method | objective: default | chosen | trial | values |", "|:--|--:|--:|--:|:--|"]
    for name, entry in content["methods"].items():
        default = "failed" if entry["default"] is None else number(entry["default"])
        chosen = f"{number(entry['objective'])} | {entry['trial']} | {_values(entry['values'])}"
        lines.append(f"| `{name}` | {default} | {chosen} |")
    seconds = sum(entry["seconds"] for entry in content["methods"].values())
    trials = sum(len(entry["trials"]) for entry in content["methods"].values())
    return "\n".join([*lines, "", f"{trials} trials, {seconds / 60:.0f} minutes on one core."])


def trials(track: str) -> str:
    """All trials of `counterfactual_redirection` in a track."""
    found = _tuned(track)["methods"]["counterfactual_redirection"]["trials"]
    options = list(found[0]["values"])
    parts = {"leakage": "L", "paraphrased": "L paraphrased", "drop": "D", "kept": "K"}
    lines = [f"| trial | {' | '.join(f'`{name}`' for name in options)} | {' | '.join(parts.values())} | objective |"]
    lines.append(f"|--:|{'--:|' * (len(options) + len(parts) + 1)}")
    for entry in found:
        cells = [_value(entry["values"][name]) for name in options]
        cells += [number(entry.get(part)) for part in parts]
        lines.append(f"| {entry['number']} | {' | '.join(cells)} | {number(entry['objective'])} |")
    return "\n".join(lines)


def _tuned(track: str = "closed") -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(TUNED[track].read_text(encoding="utf-8"))
    return content


def _values(options: Mapping[str, Any]) -> str:
    return ", ".join(f"`{name}` {_value(value)}" for name, value in options.items())


def _value(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _track(record: RunRecord) -> str:
    track = ((record.model.config or {}).get("method") or {}).get("track")
    return "" if track is None else f", track `{track}`"


def _cells(row: Row) -> str:
    return " | ".join(_cell(row, metric, part) for metric, part, _ in COLUMNS)


def _cell(row: Row, metric: str, part: str) -> str:
    score = score_of(row.record, metric, part)
    if score is None or score.normalised.value is None:
        return "–"
    varied = spread(row.repeats, metric, part, view=True)
    beside = "" if varied is None else f" ± {percent(varied.deviation)}"
    lines = (f"{percent(score.normalised.value)}{beside}", percent_interval(score.normalised.ci95))
    return "<br>".join(line.replace(" ", "\u00a0") for line in lines if line)  # no break inside a number


def _modes(record: RunRecord) -> str:
    """As on the leaderboard: I, H, C, O, and a question mark where the interval leaves it open."""
    states = answers(record)
    letters = [
        mode.letter + ("" if states[mode.name] == "yes" else "?")
        for mode in MODES
        if states.get(mode.name, "no") != "no"
    ]
    return "\u00a0".join(letters) or "**none**"


def _rho(item: Agreement) -> str:
    return "–" if item.rho is None else f"{number(item.rho, 2)} ({number(item.p, 2)})"


def _passed(found: Sequence[Row]) -> str:
    known = [mode for mode in MODES if all(mode.name in answers(row.record) for row in found)]  # older: three
    passes = {mode: sum(answers(row.record)[mode.name] == "no" for row in found) for mode in known}
    told = ", ".join(f"{mode.answers[0]} {passes[mode]}" for mode in known)
    return f"Rows that pass of {len(found)}, by the whole interval: {told}."


def _about(folder: Path, found: Sequence[Row]) -> str:
    run = manifest.read_json(folder / "run.json")
    hardware, seeds = run["provenance"]["hardware"], max(len(row.repeats) for row in found)
    budget = found[0].record.model.budget
    encodings = {str(row.record.encoding.precision) for row in found if row.record.encoding is not None}
    return (
        "I ineffective, H hollow, C catastrophic, O over-generalised; ? where the interval leaves it open. "
        f"Budget {budget:g}×, {seeds} seeds in one world; mean ± standard deviation over seeds, "
        f"in brackets the 95 % interval over people. {processor(hardware)}, {' and '.join(sorted(encodings))}."
    )
