"""What was measured of worlds (`benchmarks/worlds.py`): a table and a picture for the docs."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Mapping
from typing import Any

from markupsafe import Markup
from page_blocks import ROOT
from page_pictures import WIDTH, levels, sheet

from salmubench.core import manifest
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
_GROUPS = {"identity": "all facts to forget", "association": "some facts to forget"}
_LEFT, _RIGHT, _TOP, _BASE = 50.0, WIDTH - 24, 30.0, 250.0
_PANELS: Mapping[str, tuple[tuple[str, ...], Callable[[dict[str, Any]], float]]] = {
    "sights of a pair": (("few1", "few3"), lambda row: float(row["sights"]["of_a_sensitive_pair"])),
    "pictures of a fact": (("half",), lambda row: float(row["sights"]["pictures_a_fact"])),
    "share of sights without the name": (
        ("named", "quarter"), lambda row: float(row["changes"].get("dataset.nameless", 0.5))
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


def curve() -> str:
    """The gap against what a recipe is free to choose, one panel each, in one world."""
    rows = {row["variant"]: row for row in manifest.read_json(CURVE_ROWS)["rows"]}
    y, width, parts = svg.Scale(-0.05, 0.4, _BASE, _TOP), (WIDTH - 60) / len(_PANELS), list[Markup]()
    for place, (name, (variants, much)) in enumerate(_PANELS.items()):
        shown = sorted((rows[variant] for variant in (*variants, "recipe") if variant in rows), key=much)
        left = 50 + place * width
        x = svg.Scale(0.0, much(shown[-1]) * 1.1, left, left + width - 46)
        parts += [*levels(left, left + width - 46, y, number), svg.text(left, 18, f"gap by {name}", "title")]
        gaps = [(much(row), row["parts"]["known_unseen"]["all"]["gap"]) for row in shown]
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
