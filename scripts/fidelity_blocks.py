"""Blocks of the docs about the study whether `mini` predicts the paper's table, `results/fidelity/fidelity.json`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from markupsafe import Markup
from page_blocks import ROOT
from page_pictures import levels, sheet

from salmubench.contest.fidelity import Numbers, between, dropped
from salmubench.core import manifest
from salmubench.official.result_file import published
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
    """How many pairs each column orders alike, what the plan's rule says, and what a larger retain base changes."""
    lines = []
    for columns in _alike(found):
        one, told = columns[0], found["study"]["answers"][columns[0]["column"]]
        test = " One order, so one test and not two." if len(columns) > 1 else ""
        lines.append(
            f"- **{_names(columns)}: {_counted(one)} are ordered alike.**{test} p {one['p']:.3f}, after Holm "
            f"{one['p_holm']:.3f}; the share is {_share(one)}. By the plan's rule: {told}. "
            f"{_explained(told, found['share']['answers'][one['column']])}"
        )
    return "\n".join(lines)


def short(found: Content) -> str:
    """The counts in a sentence."""
    told = "; ".join(f"{_names(columns)} {_counted(columns[0], short=True)}" for columns in _alike(found))
    methods = _deciding(found)["columns"][0]["methods"]
    return (
        f"Pairs of methods that mini orders as the published table does: {told}. These are pairs of {methods} methods, "
        "too few to decide."
    )


def _alike(found: Content) -> list[list[Any]]:
    """Columns at the deciding rate, those of one order of methods and one count together."""
    groups: dict[tuple[Any, ...], list[Any]] = {}
    for one in _deciding(found)["columns"]:
        order = tuple(sorted(one["ours"], key=one["ours"].get))
        groups.setdefault((order, one["pairs"], one["concordance"]), []).append(one)
    return list(groups.values())


def _names(columns: Sequence[Any]) -> str:
    return " and ".join(one["column"] for one in columns)


def _counted(one: Mapping[str, Any], *, short: bool = False) -> str:
    alike = f"{round(one['concordance'] * one['pairs'])} of {one['pairs']}"
    return alike if short else f"{alike} pairs of {one['methods']} methods"


def chosen(found: Content) -> str:
    """How the rate was chosen."""
    anchor = found["anchor"]
    kept = ", ".join(f"{rate} {percent(value)}" for rate, value in anchor["kept"].items())
    edge = (
        ", the highest that was tried: a higher one may come nearer"
        if anchor["chosen"] == [*anchor["kept"]][-1]
        else ""
    )
    return (
        f"`{anchor['method']}` keeps K {percent(anchor['published'])} in the paper; here, by rate: {kept}. Taken: "
        f"{anchor['chosen']}{edge}."
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
    judged = _deciding(found)["classes"]
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
    tables = {rate: judged["means"] for rate, judged in found["study"]["rates"].items()} | {"paper": published()}
    panels: list[tuple[str, Callable[[Mapping[str, Numbers], str, str], float], str, tuple[float, float]]] = [
        ("Leakage left L", between, "RetFail_MRR", (-0.1, 1.0)),
        ("Utility drop D", dropped, "GenKnow", (-0.1, 1.0)),
        ("K, other people", between, "InterIdSim", (-3.0, 1.0)),
    ]
    parts = []
    for place, (title, of, column, ends) in enumerate(panels):
        lines = {method: [of(table, method, column) for table in tables.values()] for method in _COLOURS}
        parts += _panel(place, title, lines, ends, list(tables))
    for place, (method, colour) in enumerate(_COLOURS.items()):
        parts.append(svg.element("text", method, x=40.0 + 225 * (place % 4), y=278.0 + 18 * (place // 4), fill=colour))
    label = "Leakage, utility drop and K of seven methods at five rates of learning, beside the published ones"
    return sheet(310, label, *parts)


def _panel(
    place: int, title: str, lines: Mapping[str, Sequence[float]], ends: tuple[float, float], names: Sequence[str]
) -> list[Markup]:
    """One number of all methods, by rate, then the published one."""
    left, right, top, base = 50.0 + 300 * place, 300.0 + 300 * place, 34.0, 234.0
    y, step = svg.Scale(*ends, base, top), (right - left - 30) / (len(names) - 1)
    xs = [left + 12 + step * index for index in range(len(names) - 1)] + [right - 12]
    parts = [svg.text((left + right) / 2, 20, title, "title", anchor="middle"), *levels(left, right, y, percent)]
    parts += [svg.text(x, base + 16, name, "tick", anchor="middle") for x, name in zip(xs, names, strict=True)]
    for method, values in lines.items():
        ys, colour = [y(value) for value in values], _COLOURS[method]
        rates, paper = svg.polyline(xs[:-1], ys[:-1]), svg.polyline(xs[-2:], ys[-2:])
        parts += [
            svg.element("path", d=rates, fill="none", stroke=colour, stroke_width=1.6),
            svg.element("path", d=paper, fill="none", stroke=colour, stroke_dasharray="2 3"),
            svg.element("circle", cx=xs[-1], cy=ys[-1], r=4.0, fill=colour),
        ]
    return parts


def _deciding(found: Content) -> Any:
    """What the study found at the rate that the anchor chose."""
    return found["study"]["rates"][found["anchor"]["chosen"]]


def _share(one: Mapping[str, Any]) -> str:
    low, high = one["ci95"]
    return f"{number(one['concordance'], 2)} [{number(low, 2)}, {number(high, 2)}]"


def _correlated(one: Mapping[str, Any]) -> str:
    return "–" if one["rho"] is None else number(one["rho"], 2)


def _explained(small: str, larger: str) -> str:
    """What the larger retain base says, by the rule that the plan states."""
    if larger == "supported" != small:
        return "With ten times the retain base it is supported, which the plan's rule takes as the explanation."
    if larger == "refuted" == small:
        return "With ten times the retain base it is refuted too: the share of sensitive pairs is not why."
    return f"With ten times the retain base: {larger}."
