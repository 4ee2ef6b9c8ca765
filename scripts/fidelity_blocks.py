"""Blocks of the docs about the study whether `mini` predicts the paper's table, `results/fidelity/fidelity.json`."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from page_blocks import ROOT

from salmubench import manifest
from salmubench.report.wording import number, percent

Content = Mapping[str, Any]


@functools.cache
def content() -> Content:
    """What `fidelity.py` wrote."""
    found: Content = manifest.read_json(ROOT / "results" / "fidelity" / "fidelity.json")
    return found


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
    columns: Sequence[str] = list(found[study]["answers"])
    lines = [f"| rate | {' | '.join(columns)} |", f"|:--|{'--:|' * len(columns)}"]
    for rate, judged in rates.items():
        cells = " | ".join(f"{_share(one)}<br>{_correlated(one)}" for one in judged["columns"])
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


def _share(one: Mapping[str, Any]) -> str:
    low, high = one["ci95"]
    return f"{number(one['concordance'], 2)} [{number(low, 2)}, {number(high, 2)}]"


def _correlated(one: Mapping[str, Any]) -> str:
    told = "–" if one["rho"] is None else number(one["rho"], 2)
    return f"ρ {told}, at most {number(one['attainable'], 2)}"


def _explained(small: str, larger: str) -> str:
    """What the larger retain base says, by the rule that the plan states."""
    if larger == "supported" != small:
        return "With ten times the retain base it is supported: the share of sensitive pairs explains it."
    if larger == "refuted" == small:
        return "With ten times the retain base it is refuted too: the share of sensitive pairs is not why."
    return f"With ten times the retain base: {larger}."
