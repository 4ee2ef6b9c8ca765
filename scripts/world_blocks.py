"""What was measured of worlds (`benchmarks/worlds.py`): a table and a picture for the docs."""

from __future__ import annotations

import functools
import itertools
import textwrap
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from markupsafe import Markup
from page_blocks import ROOT
from page_pictures import WIDTH, levels, sheet

from salmubench.contest.deciding import FACT, FACT_ROLES
from salmubench.core import manifest
from salmubench.metrics import descriptions
from salmubench.report.drawings import svg
from salmubench.report.wording import interval, number

PICTURE = ROOT / "docs" / "pictures" / "worlds.svg"
CURVE = ROOT / "docs" / "pictures" / "worlds_curve.svg"
CURVE_ROWS = ROOT / "results" / "worlds" / "curve.json"
NAMES = {
    "recipe": "mini: half of the sights without the name",
    "named": "control: the same, every caption with the name",
    "old": "mini as it was: 200 people, 9 fields, 4 sights, every caption with the name",
}
_SHORT = {"recipe": "mini", "named": "control, all named", "old": "mini as it was"}
_JUDGED = ("ineffective", "hollow", "over_generalised")
"""Failure modes that exact unlearning is judged by: its general knowledge is another training's."""
_GROUPS = {"identity": "all facts to forget", "association": "some facts to forget"}
_LEFT, _RIGHT, _TOP, _BASE = 50.0, WIDTH - 24, 30.0, 250.0
_PANELS: Mapping[str, tuple[tuple[str, ...], Callable[[dict[str, Any]], float]]] = {
    "sights of a pair": (("few1", "few3"), lambda row: float(row["sights"]["of_a_sensitive_pair"])),
    "pictures of a fact": (("half",), lambda row: float(row["sights"]["pictures_a_fact"])),
    "share of sights without the name": (
        ("quarter",), lambda row: float(row["changes"].get("dataset.nameless", 0.5))
    ),
}  # fmt: skip
"""What differs from `mini` → the variants of the curve in which nothing else does, and how much of it a row has."""
_STYLE = (
    ".compromised{fill:#c0392b;stroke:#c0392b}.retrained{fill:#111;stroke:#111}"
    ".gap{fill:#1f5fa8;stroke:#1f5fa8}.between{stroke:#9fbfe0}"
)


@functools.cache
def _rows() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = manifest.read_json(ROOT / "results" / "worlds" / "worlds.json")["rows"]
    return rows


def table() -> str:
    """Known of people by portraits that no model has seen, and the gap between Compromised and Retrained."""
    lines = [
        "| worlds | seed | people | Compromised | Retrained | gap | pictures of a fact | sights of a pair |",
        "|:--|--:|:--|--:|--:|--:|--:|--:|",
    ]
    for row in _rows():
        sights = row["sights"]
        for group, whose in _GROUPS.items():
            known = row["parts"]["known_unseen"][group]
            gap = f"{number(known['gap']['mean'])} {interval(tuple(known['gap']['ci95']))}"
            means = [number(known[kind]["mean"]) for kind in ("compromised", "retrained")]
            lines.append(
                f"| {NAMES[row['variant']]} | {row['world']} | {whose} | {means[0]} | {means[1]} | {gap} "
                f"| {sights['pictures_a_fact']:.1f} | {sights['of_a_sensitive_pair']} |"
            )
    return "\n".join(lines)


@functools.cache
def _gold() -> Mapping[str, Any]:
    content: Mapping[str, Any] = manifest.read_json(ROOT / "results" / "gold_standard" / "worlds.json")
    return content


def gold() -> str:
    """How often one exact answer is called a failure, or is left undecided, when judged against another."""
    judged = _gold()["judged"]
    answers = Counter((mode, row["verdict"][mode]) for row in judged for mode in _JUDGED)
    failing = sum(answers[mode, "yes"] for mode in _JUDGED)
    undecided = ", ".join(f"{answers[mode, 'undecided']} by *{mode.replace('_', '-')}*" for mode in _JUDGED)
    return textwrap.fill(
        f"In {len(_gold()['worlds'])} worlds of development {len(judged)} exact answers were judged so "
        f"(`results/gold_standard/worlds.json`). {failing or 'None'} of them is called a failure; left undecided are "
        f"{undecided}, since one world has few people: there ends lie beyond thresholds that earlier worlds set. Over "
        "worlds the [limits](contest.md#the-rule) are tighter.",
        120,
    )


def gaps() -> str:
    """The least and the largest gap in the worlds of the gold standard."""

    def ends(part: str) -> str:
        of = [world[f"FactRetOther known unseen{part}"] for world in _gold()["learnt"].values()]
        found = [known["compromised"] - known["retrained"] for known in of]
        return f"{number(min(found))} to {number(max(found))}"

    return textwrap.fill(
        f"In all {len(_gold()['worlds'])} worlds of development in which the gold standard was measured the gap is "
        f"{ends('')}: {ends(' identity')} of people all of whose facts go, {ends(' association')} of people some of "
        "whose facts go (`results/gold_standard/worlds.json`).",
        120,
    )


def gold_limits() -> str:
    """The smallest limits over ten worlds that the exact answer passes nine times of ten."""
    found, count = _gold()["over_worlds"], len(_gold()["worlds"])
    said = (
        "The smallest limit of each fact view that a second Retrained passes in nine contests of ten, if ten worlds "
        f"spread as {count} worlds of development do (`benchmarks/gold_standard.py`), in per cent:"
    )
    lines = [
        *textwrap.wrap(said, 120),
        "",
        "| L of | all people | all facts go | some facts go | limit of the rule |",
        "|:--|--:|--:|--:|--:|",
    ]
    for metric in descriptions().values():
        if metric.role in (*FACT_ROLES, "fact") and metric.view == "leakage":
            parts = [name for name in found if name.startswith(f"{metric.name} ")]
            needed = " | ".join(f"{100 * found[name]['limit']:.1f}" for name in parts)
            lines.append(f"| {parts[0]} | {needed} | {100 * FACT_ROLES.get(metric.role, FACT):.0f} |")
    return "\n".join(lines)


def picture() -> str:
    """Known of people in Compromised and Retrained, world by world, with intervals over people."""
    y, rows = svg.Scale(-0.1, 0.5, _BASE, _TOP), _rows()
    parts: list[Markup] = [*levels(_LEFT, _RIGHT, y, number)]
    step = (_RIGHT - _LEFT) / len(rows)
    for place, row in enumerate(rows):
        middle = _LEFT + step * (place + 0.5)
        for shift, kind in ((-14, "compromised"), (14, "retrained")):
            known = row["parts"]["known_unseen"]["all"][kind]
            low, high = known["ci95"]
            parts += [
                svg.line(middle + shift, y(low), middle + shift, y(high), kind),
                svg.element("circle", cx=middle + shift, cy=y(known["mean"]), r=4.0, class_=kind),
            ]
        words = (_SHORT[row["variant"]], f"world {row['world']}")
        parts += [svg.text(middle, _BASE + 18 + 14 * n, text, "tick", anchor="middle") for n, text in enumerate(words)]
    for place, kind in enumerate(("compromised", "retrained")):
        left = _LEFT + 8 + 130 * place
        parts += [svg.element("circle", cx=left, cy=16, r=4.0, class_=kind),
                  svg.text(left + 8, 20, kind.capitalize(), "tick")]  # fmt: skip
    parts.append(
        svg.text(_RIGHT, 20, "MRR by new portraits of the person less that by strangers’", "tick", anchor="end")
    )
    return sheet(_BASE + 46, "What new portraits of a person yield, world by world", *parts, style=_STYLE)


def _curve() -> dict[str, list[tuple[float, dict[str, Any]]]]:
    """What is varied → how much of it there is, and the gap there, in one world; the least first."""
    rows = {row["variant"]: row for row in manifest.read_json(CURVE_ROWS)["rows"]}
    return {
        name: sorted(
            ((much(rows[one]), rows[one]["parts"]["known_unseen"]["all"]["gap"]) for one in (*variants, "recipe")),
            key=lambda point: point[0],
        )
        for name, (variants, much) in _PANELS.items()
    }


def curve_told() -> str:
    """The curve in words."""
    told = "; ".join(
        f"with {' and '.join(f'{at:.3g}' for at, _ in points)} {name} "
        + " and ".join(f"{number(gap['mean'])} {interval(tuple(gap['ci95']))}" for _, gap in points)
        for name, points in _curve().items()
    )
    return textwrap.fill(
        f"The same gap in world 1000 where one thing differs from `mini`, which has the last of each: {told} "
        "(`results/worlds/curve.json`). The recipe takes what is enough for a gap of .10 with room, in the time of the "
        "demo.",
        120,
    )


def curve() -> str:
    """The gap against what a recipe is free to choose, one panel each, in one world."""
    y, width, parts = svg.Scale(-0.05, 0.4, _BASE, _TOP), (WIDTH - 60) / len(_PANELS), list[Markup]()
    for place, (name, gaps) in enumerate(_curve().items()):
        left = 50 + place * width
        x = svg.Scale(0.0, gaps[-1][0] * 1.1, left, left + width - 46)
        parts += [*levels(left, left + width - 46, y, number), svg.text(left, 18, f"gap by {name}", "title")]
        ways = [(x(at), y(gap["mean"])) for at, gap in gaps]
        parts += [svg.line(*one, *other, "between") for one, other in itertools.pairwise(ways)]
        for at, gap in gaps:
            low, high = gap["ci95"]
            parts += [
                svg.line(x(at), y(low), x(at), y(high), "gap"),
                svg.element("circle", cx=x(at), cy=y(gap["mean"]), r=4.0, class_="gap"),
                svg.text(x(at), _BASE + 18, f"{at:.3g}", "tick", anchor="middle"),
            ]
    return sheet(_BASE + 28, "The gap against sights, pictures and names", *parts, style=_STYLE)
