"""A picture of a committed contest: where each candidate of a budget stands between forgetting the fact and keeping."""

from __future__ import annotations

import math

from markupsafe import Markup
from page_blocks import ROOT
from page_pictures import WIDTH, levels, sheet

from salmubench.report.drawings import labels, svg
from salmubench.report.drawings.labels import Box, Label
from salmubench.report.wording import percent
from salmubench.scoring.contest_record import ContestRecord, OverWorlds, Row
from salmubench.scoring.record import Thresholds

PICTURE = ROOT / "docs" / "pictures" / "contest.svg"
_LEFT, _RIGHT, _TOP, _BASE = 50.0, WIDTH - 24, 12.0, 432.0
_FACT, _KEPT = (-1.0, 1.0), (-0.5, 1.05)
_LEAST = -0.3  # less is drawn here, with its number
_LETTER = 6.0
_WHOLE, _DAMAGED = "#1f5fa8", "#c0392b"
_STYLE = (
    ".goal{fill:#e3f2e6}.ends{stroke:#bbb}.leader{stroke:#999;stroke-width:.7}"
    f".whole{{fill:{_WHOLE}}}.damaged{{fill:{_DAMAGED}}}.exact{{fill:#111}}"
)


def picture(found: ContestRecord, league: str) -> str:
    """Means over worlds of what is left of the fact, and of the least that is kept, of every row of a league.

    Args:
        found: what came out.
        league: key of one of its leagues.
    """
    assert found.retrained is not None
    x, y = svg.Scale(*_FACT, _LEFT, _RIGHT), svg.Scale(*_KEPT, _BASE, _TOP)
    limit = found.thresholds.catastrophic
    rows = [found.retrained, *(row for row in found.rows if row.league == league)]
    told = [row for row in rows if row.numbers["fact"].mean is not None]
    parts = [_goal(x, y, found.thresholds), *levels(_LEFT, _RIGHT, y, percent)]
    for tick in (-1.0, -0.5, 0.0, 0.5, 1.0):
        parts += [
            svg.line(x(tick), _TOP, x(tick), _BASE, "grid"),
            svg.text(x(tick), _BASE + 15, percent(tick), "tick", anchor="middle"),
        ]
    marks = [_mark(row, x, y, limit, exact=row is found.retrained) for row in told]
    parts += [part for several, _ in marks for part in several]
    parts += _names([(at, _name(row)) for row, (_, at) in zip(told, marks, strict=True)])
    parts.append(svg.text(_LEFT + 4, _TOP + 28, "K or K of facts, whichever is less", "tick"))
    parts += _key(limit)
    parts.append(svg.text(_RIGHT, _BASE + 42, "fact left L: 0 % as Retrained →", "tick", anchor="end"))
    return sheet(_BASE + 54, f"Fact left against least kept, candidates of {league}", *parts, style=_STYLE)


def _key(limit: float) -> list[Markup]:
    whole = f"general knowledge kept (D up to {percent(limit)})"
    parts = []
    for place, (class_, words) in enumerate((("whole", whole), ("damaged", "lost"), ("exact", "Retrained"))):
        left, up = _LEFT + 6 + 250 * place, _BASE + 38
        parts.append(svg.element("circle", cx=left, cy=up, r=4.0, class_=class_))
        parts.append(svg.text(left + 10, up + 4, words, "tick"))
    return parts


def _kept(row: Row) -> OverWorlds:
    """Similarities or facts, whichever keeps less."""
    several = (row.numbers["kept"], row.numbers["facts_kept"])
    return min(several, key=lambda one: math.inf if one.mean is None else one.mean)


def _goal(x: svg.Scale, y: svg.Scale, limits: Thresholds) -> Markup:
    """Where neither hollow nor over-generalised is."""
    fact = limits.fact or 0.0
    top, base = y(_KEPT[1]), y(limits.over_generalised)
    return svg.element("rect", x=x(-fact), y=top, width=x(fact) - x(-fact), height=base - top, class_="goal")


def _mark(
    row: Row, x: svg.Scale, y: svg.Scale, limit: float, *, exact: bool
) -> tuple[list[Markup], tuple[float, float]]:
    """A row's dot with its intervals, and where it is; values beyond the panel are at its edge."""
    fact, kept = row.numbers["fact"], _kept(row)
    across, up = _within(x, fact.mean), _within(y, kept.mean)
    parts = []
    if fact.ci95 is not None and kept.ci95 is not None:
        parts.append(svg.line(_within(x, fact.ci95[0]), up, _within(x, fact.ci95[1]), up, "ends"))
        parts.append(svg.line(across, _within(y, kept.ci95[0]), across, _within(y, kept.ci95[1]), "ends"))
    drop = row.numbers["drop"].mean
    class_ = "exact" if exact else "whole" if drop is not None and drop <= limit else "damaged"
    parts.append(svg.element("circle", cx=across, cy=up, r=4.0, class_=class_))
    return parts, (across, up)


def _within(scale: svg.Scale, value: float | None) -> float:
    assert value is not None
    return scale(min(max(value, _LEAST if scale.low == _KEPT[0] else scale.low), scale.high))


def _name(row: Row) -> str:
    name, kept = row.title.rpartition(", ")[2], _kept(row).mean
    return name if kept is None or kept >= _LEAST else f"{name} ({percent(kept)})"


def _names(told: list[tuple[tuple[float, float], str]]) -> list[Markup]:
    """Names beside their dots."""
    to_place = [Label(*at, len(name) * _LETTER) for at, name in told]
    boxes = labels.place(to_place, inside=Box(_LEFT + 2, _TOP, _RIGHT - 2, _BASE - 2), obstacles=[], bars=[])
    parts = []
    for label, box, (_, name) in zip(to_place, boxes, told, strict=True):
        end = labels.leader(label, box)
        if end is not None:
            parts.append(svg.line(label.x, label.y, *end, "leader"))
        parts.append(svg.text((box.left + box.right) / 2, box.bottom - 3.5, name, "tick", anchor="middle"))
    return parts
