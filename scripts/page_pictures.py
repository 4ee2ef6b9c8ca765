"""The frame of pictures of the docs: white paper, panels side by side with levels, and the whole as an image."""

from __future__ import annotations

from collections.abc import Callable

from markupsafe import Markup

from salmubench.report.drawings import svg

WIDTH = 920.0
_STYLE = "text{font:11px sans-serif}.title{font-weight:bold}.tick{fill:#333}.grid{stroke:#ddd}"


def sheet(height: float, label: str, *parts: Markup, style: str = "") -> str:
    """A picture's file.

    Args:
        height: in units, of which it is 920 wide.
        label: for screen readers.
        *parts: what is drawn.
        style: CSS of more classes.
    """
    named = {"class_": "figure", "role": "img", "aria_label": label, "xmlns": "http://www.w3.org/2000/svg"}
    paper = svg.element("rect", width=WIDTH, height=height, fill="#fff")
    drawn = (svg.element("style", Markup(_STYLE + style)), paper, *parts)
    return svg.element("svg", *drawn, viewBox=f"0 0 {WIDTH:g} {height:g}", **named) + "\n"


def levels(left: float, right: float, y: svg.Scale, write: Callable[[float], str]) -> list[Markup]:
    """Lines at round values of a panel, with their labels."""
    parts = []
    for tick in svg.nice_ticks(y.low, y.high, 4):
        parts += [
            svg.line(left, y(tick), right, y(tick), "grid"),
            svg.text(left - 4, y(tick) + 4, write(tick), "tick", anchor="end"),
        ]
    return parts
