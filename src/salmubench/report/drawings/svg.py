"""SVG elements as escaped markup, scales, and paths."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape


def element(name: str, *children: Markup | str, **attributes: str | float | None) -> Markup:
    """One element. Text and attribute values are escaped; numbers are rounded to two digits.

    Args:
        *children: markup, or text to escape.
        **attributes: a trailing `_` is dropped, other `_` become `-`; `None` leaves the attribute out.
    """
    written = ""
    for key, value in attributes.items():
        if value is not None:
            content = value if isinstance(value, str) else coordinate(value)
            written += f' {key.rstrip("_").replace("_", "-")}="{escape(content)}"'
    inner = Markup("").join(escape(child) for child in children)
    return Markup(f"<{name}{written}>") + inner + Markup(f"</{name}>")  # noqa: S704 - names are ours, values escaped


def drawing(
    width: float, height: float, *children: Markup, label: str | None, class_: str, role: str = "img"
) -> Markup:
    """A picture of `width × height` units; with a label it is an image for screen readers, without it is hidden.

    One with links in it is no image to them but a `group`.
    """
    attributes = {"role": role, "aria_label": label} if label else {"aria_hidden": "true"}
    box = f"0 0 {coordinate(width)} {coordinate(height)}"
    return element("svg", *children, viewBox=box, class_=class_, **attributes)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """A straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def text(x: float, y: float, content: str, class_: str, *, anchor: str | None = None) -> Markup:
    """A line of text; `anchor` is `middle` or `end`."""
    return element("text", content, x=x, y=y, class_=class_, text_anchor=anchor)


def coordinate(value: float) -> str:
    """A number with at most two digits after the point."""
    written = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if written == "-0" else written


def polyline(xs: Sequence[float], ys: Sequence[float]) -> str:
    """Path data through the points; a point that is not finite breaks the line."""
    parts, pen_down = [], False
    for x, y in zip(xs, ys, strict=True):
        if not (math.isfinite(x) and math.isfinite(y)):
            pen_down = False
            continue
        parts.append(f"{'L' if pen_down else 'M'}{coordinate(x)} {coordinate(y)}")
        pen_down = True
    return "".join(parts)


@dataclass(frozen=True)
class Scale:
    """A mapping of values to units, clipped at both ends.

    Attributes:
        low: value at `start`.
        high: value at `stop`.
        bend: what is applied to values before the linear mapping.
    """

    low: float
    high: float
    start: float
    stop: float
    bend: Callable[[float], float] = float

    def __call__(self, value: float) -> float:
        """Units of a value."""
        inside = min(max(value, self.low), self.high)
        low, high = self.bend(self.low), self.bend(self.high)
        return self.start + (self.bend(inside) - low) / (high - low) * (self.stop - self.start)

    def holds(self, value: float) -> bool:
        """Tell whether the value lies inside."""
        return self.low <= value <= self.high


def nice_ticks(low: float, high: float, count: int) -> list[float]:
    """About `count` round values from `low` to `high`."""
    if not high > low:
        return [low]
    raw = (high - low) / max(count, 1)
    size = 10 ** math.floor(math.log10(raw))
    step = next(size * factor for factor in (1, 2, 5, 10) if size * factor >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(index * step, 10) for index in range(first, last + 1)]


def tick_label(value: float) -> str:
    """A short label of a tick."""
    if abs(value) >= 10_000:
        return f"{value / 1000:g}k".replace("-", "−")
    return (f"{value:,.0f}" if abs(value) >= 1000 else f"{value:g}").replace("-", "−")


def percent_tick(value: float) -> str:
    """A tick of a share, in percent."""
    return f"{value * 100:g}".replace("-", "−") + "\u202f%"
