"""Trials of methods in development, from `results/trials/trials.jsonl`: a table and a picture."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from markupsafe import Markup
from page_blocks import ROOT
from page_pictures import levels, sheet

from salmubench.report.drawings import svg
from salmubench.report.wording import number, percent
from salmubench.scoring.verdict import THRESHOLDS

Trial = Mapping[str, Any]

PICTURE = ROOT / "docs" / "pictures" / "trials.svg"
_COLUMNS = {
    "L": ("RetFail", "mrr_identity"), "L, some of whose facts go": ("RetFail", "mrr_association"),
    "fact": ("FactRet", "mrr"), "paraphrased": ("FactRetPara", "mrr"), "D": ("GenKnow", "value"),
    "K inter": ("InterIdSim", "value"), "K intra": ("IntraIdSim", "value"),
    "facts intra": ("FactHold", "mrr_association"), "facts inter": ("FactHold", "mrr_identity"),
}  # fmt: skip
"""Head → metric and part."""
_STYLE = ".limit{stroke:#c0392b;stroke-dasharray:4 3}"
_COLOURS = {"counterfactual_redirection": "#c0392b", "level_redirection": "#1f77b4"}


def trials() -> list[Trial]:
    """All of them, in the order in which they ran."""
    path = ROOT / "results" / "trials" / "trials.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def view(trial: Trial, head: str) -> float:
    """What a trial has in a column: 0 as exact unlearning (or for D and K: as it was), 1 as before."""
    metric, part = _COLUMNS[head]
    return float(trial["views"][metric][part]["view"])


def table() -> str:
    """A line a trial."""
    lines = [
        f"| | asked | settings | {' | '.join(_COLUMNS)} | processor time |",
        f"|--:|:--|:--|{'--:|' * (len(_COLUMNS) + 1)}",
    ]
    for place, trial in enumerate(trials(), start=1):
        options = ", ".join(f"`{option.replace('=', ' ')}`" for option in trial["options"]) or "its own"
        budget = f"{trial['budget']:g}×" + ("" if trial["method"] == "level_redirection" else f", `{trial['method']}`")
        cells = [percent(view(trial, head)).replace("\u202f", "\u00a0") for head in _COLUMNS]
        seconds = f"{number(trial['cost']['processor_seconds'], 0)}\u00a0s"
        lines.append(f"| {place} | {trial['why']} | {budget}; {options} | {' | '.join([*cells, seconds])} |")
    return "\n".join(lines)


def totals() -> str:
    """How many trials, on which worlds, for how long."""
    found = trials()
    hours = sum(trial["cost"]["processor_seconds"] for trial in found) / 3600
    worlds = ", ".join(map(str, sorted({trial["world"] for trial in found})))
    return f"{len(found)} trials on the development world {worlds}, {number(hours, 1)} processor hours of unlearning."


def picture() -> str:
    """What is left of the fact, against other facts kept, similarities kept, drop and time: a dot a trial."""

    def least(*heads: str) -> Callable[[Trial], float]:
        return lambda trial: min(view(trial, head) for head in heads)

    kept, drop = THRESHOLDS.over_generalised, THRESHOLDS.catastrophic
    parts = [
        *_panel(0, "K of facts", least("facts intra", "facts inter"), (0.6, 1.0), kept),
        *_panel(1, "K", least("K inter", "K intra"), (0.6, 1.0), kept),
        *_panel(2, "utility drop D", least("D"), (-0.01, 0.06), drop),
        *_panel(3, "processor seconds", lambda trial: float(trial["cost"]["processor_seconds"]), (0.0, 400.0), None),
        svg.text(890, 250, "fact left; 0 % as Retrained", "tick", anchor="end"),
    ]
    for place, (name, colour) in enumerate(_COLOURS.items()):
        parts.append(svg.element("text", name, x=40.0 + 225 * place, y=268.0, fill=colour))
    label = "What each trial leaves of the fact, against other facts kept, similarities kept, utility drop and time"
    return sheet(280, label, *parts, style=_STYLE)


def _panel(
    place: int, title: str, of: Callable[[Trial], float], ends: tuple[float, float], limit: float | None
) -> list[Markup]:
    """A drawing of several side by side, with the limits of the failure modes; without one, of a plain number."""
    left, right, top, base = 40.0 + 225 * place, 215.0 + 225 * place, 34.0, 214.0
    x, y = svg.Scale(-0.6, 1.0, left, right), svg.Scale(*ends, base, top)
    parts = [svg.text((left + right) / 2, 20, title, "title", anchor="middle")]
    parts += levels(left, right, y, "{:g}".format if limit is None else percent)
    for tick in (-0.5, 0.0, 0.5, 1.0):
        parts += [
            svg.line(x(tick), top, x(tick), base, "grid"),
            svg.text(x(tick), base + 15, percent(tick), "tick", anchor="middle"),
        ]
    hollow = THRESHOLDS.fact or 0.0
    parts += [svg.line(x(edge), top, x(edge), base, "limit") for edge in (-hollow, hollow)]
    parts += [] if limit is None else [svg.line(left, y(limit), right, y(limit), "limit")]
    for trial in trials():
        across, up, colour = x(view(trial, "fact")), y(of(trial)), _COLOURS[trial["method"]]
        parts.append(svg.element("circle", cx=across, cy=up, r=3.2, fill=colour, fill_opacity=0.75))
    return parts
