"""Small drawings: densities, learning curves and strips, as SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from salmubench.report.drawings import svg
from salmubench.report.drawings.svg import Scale

Array = npt.NDArray[np.float64]

_GRID = 120  # points of a density
_BINS = 480


@dataclass(frozen=True)
class DrawnLine:
    """A learning curve to draw; `kind` is a CSS class, `label` its name in the panel's description."""

    kind: str
    label: str
    xs: Array
    ys: Array


def density(values: Array, low: float, high: float) -> Array:
    """Gaussian density estimate on an even grid, scaled to a highest point of 1.

    The bandwidth is Silverman's, at least 0.6 % of the range. Values are binned first: cost doesn't grow with n.

    Args:
        values: float64 (N,), N ≥ 1.
    """
    spread = min(float(values.std()), float(np.subtract(*np.quantile(values, [0.75, 0.25]))) / 1.34)
    width = max(0.9 * spread * len(values) ** -0.2, (high - low) * 0.006)
    counts, edges = np.histogram(np.clip(values, low, high), bins=_BINS, range=(low, high))
    centres = (edges[:-1] + edges[1:]) / 2
    grid = np.linspace(low, high, _GRID)
    kernel = np.exp(-0.5 * ((grid[:, None] - centres[None, :]) / width) ** 2)  # (G, B)
    heights = kernel @ counts.astype(np.float64)
    return np.asarray(heights / heights.max(), dtype=np.float64)


def common_range(samples: Sequence[Array]) -> tuple[float, float]:
    """A range that holds nearly all values of all samples, with a little air."""
    joined = [np.quantile(values, [0.002, 0.998]) for values in samples if len(values)]
    if not joined:
        return 0.0, 1.0
    low, high = float(np.min(joined)), float(np.max(joined))
    air = max((high - low) * 0.06, 0.01)
    return low - air, high + air


def density_panel(samples: Mapping[str, Array], *, low: float, high: float, label: str) -> Markup:
    """Draw densities over each other with a tick at each mean; every curve has the same height.

    Args:
        samples: a reference's name, or `after` → similarities, float64 (N,), N ≥ 1.
    """
    width, height, base = 230.0, 78.0, 60.0
    x = Scale(low, high, 3.0, width - 3.0)
    parts = [svg.line(3, base, width - 3, base, "axis")]
    for value in svg.nice_ticks(low, high, 5):
        parts += [
            svg.line(x(value), base, x(value), base + 3, "axis"),
            svg.text(min(max(x(value), 12), width - 12), base + 14, svg.tick_label(value), "tick", anchor="middle"),
        ]
    grid = [x(value) for value in np.linspace(low, high, _GRID)]
    for kind, values in samples.items():
        heights = density(values, low, high)
        # No line along the axis where there is nothing: curves would colour it over each other.
        ys = [base - 50.0 * value if value > 0.004 else np.nan for value in heights]
        outline = svg.polyline(grid, ys)
        if kind == "after":
            top = svg.polyline(grid, [base - 50.0 * value for value in heights])
            closed = f"{top}L{svg.coordinate(grid[-1])} {base:g}L{svg.coordinate(grid[0])} {base:g}Z"
            parts.append(svg.element("path", d=closed, class_="density-fill"))
        parts.append(svg.element("path", d=outline, class_=f"density {kind}"))
        mean = x(float(values.mean()))
        parts.append(svg.line(mean, base - 5, mean, base, f"mean {kind}"))
    return svg.drawing(width, height, *parts, label=label, class_="panel")


def thin(xs: Array, ys: Array, points: int) -> tuple[Array, Array]:
    """Average a long curve in equal bins of entries; the last entry stays the last."""
    if len(xs) <= points:
        return xs, ys
    cuts = np.linspace(0, len(xs), points + 1).astype(np.int64)
    starts, sizes = cuts[:-1], np.diff(cuts)
    mean_x, mean_y = np.add.reduceat(xs, starts) / sizes, np.add.reduceat(ys, starts) / sizes
    mean_x[-1] = xs[-1]
    return mean_x, mean_y


def curve_panel(lines: Sequence[DrawnLine], *, unit: str, label: str) -> Markup:
    """Draw learning curves against steps or pairs; points that are not finite break them."""
    width, height = 230.0, 104.0
    left, right, top, base = 34.0, width - 6.0, 8.0, 80.0
    values = np.concatenate([line.ys[np.isfinite(line.ys)] for line in lines])
    last = max(float(line.xs[-1]) for line in lines)
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    air = (high - low) * 0.06
    x, y = Scale(0.0, max(last, 1e-9), left, right), Scale(low - air, high + air, base, top)
    parts = []
    for value in svg.nice_ticks(y.low, y.high, 4):
        parts += [
            svg.line(left, y(value), right, y(value), "gridline"),
            svg.text(left - 4, y(value) + 3.5, svg.tick_label(value), "tick", anchor="end"),
        ]
    parts.append(svg.line(left, base, right, base, "axis"))
    for value in svg.nice_ticks(0.0, last, 3):
        anchor = "start" if value == 0 else "middle"
        parts.append(svg.text(min(x(value), right - 10), base + 13, svg.tick_label(value), "tick", anchor=anchor))
    parts.append(svg.text((left + right) / 2, height - 1, unit, "tick", anchor="middle"))
    for curve in lines:
        path = svg.polyline([x(value) for value in curve.xs], [y(v) if np.isfinite(v) else np.nan for v in curve.ys])
        parts.append(svg.element("path", d=path, class_=f"curve {curve.kind}"))
    return svg.drawing(width, height, *parts, label=label, class_="panel")


def strip(value: float, spread: tuple[float, float] | None, *, threshold: float) -> Markup:
    """A value between Clean (0) and Compromised (1), its interval, the threshold; an arrow for a value beyond."""
    width, height, middle = 92.0, 12.0, 6.0
    x = Scale(-0.3, 1.2, 5.0, width - 5.0)
    parts = [
        svg.line(5, middle, width - 5, middle, "track"),
        svg.line(x(0), middle - 4, x(0), middle + 4, "zero clean"),
        svg.line(x(1), middle - 4, x(1), middle + 4, "zero compromised"),
        svg.line(x(threshold), middle - 6, x(threshold), middle + 6, "threshold"),
    ]
    if spread is not None:
        parts.append(svg.line(x(spread[0]), middle, x(spread[1]), middle, "range"))
    at = x(value)
    if x.holds(value):
        parts.append(svg.element("circle", cx=at, cy=middle, r=3.4, class_="dot"))
    else:
        side = 1 if value > x.high else -1
        points = svg.polyline([at - 5 * side, at + 2 * side, at - 5 * side], [middle - 4, middle, middle + 4]) + "Z"
        parts.append(svg.element("path", d=points, class_="dot"))
    return svg.drawing(width, height, *parts, label=None, class_="strip")
