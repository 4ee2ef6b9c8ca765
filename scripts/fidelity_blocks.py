"""Blocks of the docs about the study whether `mini` predicts the paper's table, `results/fidelity/fidelity.json`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from markupsafe import Markup
from page_blocks import ROOT

from salmubench import manifest
from salmubench.contest.fidelity import Numbers, between
from salmubench.official.result_file import published
from salmubench.planning import REFERENCES
from salmubench.report.drawings import svg
from salmubench.report.wording import number, percent

Content = Mapping[str, Any]

PICTURE = ROOT / "docs" / "pictures" / "fidelity.svg"
_COLOURS = {
    "finetuning": "#1f77b4", "shuffled_captions": "#8c564b", "direct_similarity_minimisation": "#e377c2",
    "negative_gradient": "#c0392b", "vlunlearn": "#e08214", "cliperase": "#2c8c3c", "delete": "#7b4ea3",
}  # fmt: skip


@functools.cache
def _content() -> Content:
    """What `fidelity.py` wrote."""
    found: Content = manifest.read_json(ROOT / "results" / "fidelity" / "fidelity.json")
    return found


def committed(block: Callable[[Content], str]) -> str:
    """A block of what is committed."""
    return block(_content())


def answer(found: Content) -> str:
    """Column by column: does the small world predict the order, and does the share of sensitive pairs explain it?"""
    lines = []
    for place, (column, told) in enumerate(found["study"]["answers"].items()):
        one = found["study"]["rates"][found["anchor"]["chosen"]]["columns"][place]
        over = f"{one['pairs']} pairs of {one['methods']} methods"
        lines.append(
            f"- **{column}: {told}.** Concordance {_share(one)} over {over}, p {one['p_holm']:.3f} after Holm. "
            f"{_explained(told, found['share']['answers'][column])}"
        )
    return "\n".join(lines)


def short(found: Content) -> str:
    """The answers in a sentence."""
    rate = found["study"]["rates"][found["anchor"]["chosen"]]
    told = [f"{one['column']} {_share(one)}" for one in rate["columns"]]
    kinds: dict[str, list[str]] = {kind: [] for kind in ("supported", "refuted", "open")}
    for place, kind in enumerate(found["study"]["answers"].values()):
        kinds[kind].append(told[place])
    answers = "; ".join(f"**{kind}** for {', '.join(columns)}" for kind, columns in kinds.items() if columns)
    return f"By the share of pairs of methods in the published order: {answers}."


def chosen(found: Content) -> str:
    """How the rate was chosen."""
    anchor = found["anchor"]
    kept = ", ".join(f"{rate} {percent(value)}" for rate, value in anchor["kept"].items())
    return (
        f"`{anchor['method']}` keeps K {percent(anchor['published'])} in the paper; here, by rate: {kept}. Taken: "
        f"{anchor['chosen']}."
    )


def concordance(study: str, found: Content) -> str:
    """The share of pairs ordered alike, at each rate.

    Args:
        study: `study`, or `share`: with the larger retain base.
        found: what `fidelity.py` wrote.
    """
    rates = found[study]["rates"]
    first = next(iter(rates.values()))["columns"]
    heads = [f"{one['column']}, {one['pairs']} pairs<br>ρ ≤ {number(one['attainable'], 2)}" for one in first]
    lines = [f"| rate | {' | '.join(heads)} |", f"|:--|{'--:|' * len(heads)}"]
    for rate, judged in rates.items():
        cells = " | ".join(f"{_share(one)}<br>ρ {_correlated(one)}" for one in judged["columns"])
        lines.append(f"| {'**' + rate + '**' if rate == found['anchor']['chosen'] else rate} | {cells} |")
    return "\n".join(lines)


def classes(found: Content) -> str:
    """How many methods have the class that the published table gives them."""
    judged = found["study"]["rates"][found["anchor"]["chosen"]]["classes"]
    lines = [
        "| failure mode | agree | if all had the commoner class | only here | only there |",
        "|:--|--:|--:|:--|:--|",
    ]
    for mode, one in judged.items():
        sides = [
            ", ".join(f"`{method}`" for method, fails in one[own].items() if fails and not one[other][method]) or "–"
            for own, other in (("ours", "published"), ("published", "ours"))
        ]
        agree = f"{one['agree']} of {len(one['ours'])}"
        lines.append(f"| {' | '.join([mode.replace('_', '-'), agree, str(one['majority']), *sides])} |")
    return "\n".join(lines)


def picture(found: Content) -> str:
    """Each method's L, D and K at each rate, and at the right of each panel the published one."""
    rates = {rate: judged["means"] for rate, judged in found["study"]["rates"].items()}
    panels = [
        ("Leakage left L", lambda table, method: between(table, method, "RetFail_MRR"), (-0.1, 1.0)),
        ("Utility drop D", _drop, (-0.1, 1.0)),
        ("K, other people", lambda table, method: between(table, method, "InterIdSim"), (-3.0, 1.0)),
    ]
    parts = [
        svg.element(
            "style", Markup("text{font:11px sans-serif}.title{font-weight:bold}.tick{fill:#333}.grid{stroke:#ddd}")
        ),
        svg.element("rect", width=920.0, height=310.0, fill="#fff"),
    ]
    for place, (title, of, ends) in enumerate(panels):
        parts += _panel(place, title, of, ends, rates)
    for place, (method, colour) in enumerate(_COLOURS.items()):
        parts.append(svg.element("text", method, x=40.0 + 225 * (place % 4), y=278.0 + 18 * (place // 4), fill=colour))
    label = "Leakage, utility drop and K of seven methods at five rates of learning, beside the published ones"
    named = {"class_": "figure", "role": "img", "aria_label": label, "xmlns": "http://www.w3.org/2000/svg"}
    return svg.element("svg", *parts, viewBox="0 0 920 310", **named) + "\n"


def _drop(table: Mapping[str, Numbers], method: str) -> float:
    """Share of general knowledge lost."""
    return 1 - table[method]["GenKnow"] / table[REFERENCES[1]]["GenKnow"]


def _panel(
    place: int, title: str, of: Callable[[Mapping[str, Numbers], str], float], ends: tuple[float, float],
    rates: Mapping[str, Mapping[str, Numbers]],
) -> list[Markup]:  # fmt: skip
    """One number of all methods, by rate, then the published one."""
    left, right, top, base = 50.0 + 300 * place, 300.0 + 300 * place, 34.0, 234.0
    y, step = svg.Scale(*ends, base, top), (right - left - 30) / len(rates)
    xs = [left + 12 + step * index for index in range(len(rates))] + [right - 12]
    parts = [svg.text((left + right) / 2, 20, title, "title", anchor="middle")]
    for tick in svg.nice_ticks(*ends, 4):
        parts += [
            svg.line(left, y(tick), right, y(tick), "grid"),
            svg.text(left - 4, y(tick) + 4, percent(tick), "tick", anchor="end"),
        ]
    parts += [
        svg.text(x, base + 16, name, "tick", anchor="middle") for x, name in zip(xs, [*rates, "paper"], strict=True)
    ]
    for method, colour in _COLOURS.items():
        ys = [y(of(table, method)) for table in (*rates.values(), published())]
        parts.append(
            svg.element("path", d=svg.polyline(xs[:-1], ys[:-1]), fill="none", stroke=colour, stroke_width=1.6)
        )
        last = svg.polyline(xs[-2:], ys[-2:])
        parts.append(svg.element("path", d=last, fill="none", stroke=colour, stroke_dasharray="2 3"))
        parts.append(svg.element("circle", cx=xs[-1], cy=ys[-1], r=4.0, fill=colour))
    return parts


def _share(one: Mapping[str, Any]) -> str:
    low, high = one["ci95"]
    return f"{number(one['concordance'], 2)} [{number(low, 2)}, {number(high, 2)}]"


def _correlated(one: Mapping[str, Any]) -> str:
    return "–" if one["rho"] is None else number(one["rho"], 2)


def _explained(small: str, larger: str) -> str:
    """What the larger retain base says, by the rule that the plan states."""
    if larger == "supported" != small:
        return "With ten times the retain base it is supported: the share of sensitive pairs explains it."
    if larger == "refuted" == small:
        return "With ten times the retain base it is refuted too: the share of sensitive pairs is not why."
    return f"With ten times the retain base: {larger}."
