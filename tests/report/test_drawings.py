"""Drawings: geometry by hand, escaping, robustness."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from salmubench.report.drawings import labels, panels, scatter, svg
from salmubench.report.drawings.panels import DrawnLine


def point(index: int, left: float, lost: float, *, label: str = "A method", kind: str = "") -> scatter.Point:
    return scatter.Point(index, label, left, left * 0.8, lost, lost * 0.8, "no", kind=kind)


ENDS = [point(0, 0.0, 10.0, label="Clean", kind="clean"), point(0, 100.0, 0.0, label="Compromised", kind="compromised")]


def draw(points: list[scatter.Point], *, narrow: bool = False) -> ElementTree.Element:
    return ElementTree.fromstring(str(scatter.damage_plot(points, ENDS, narrow=narrow)))


def test_scale_maps_and_clips() -> None:
    scale = svg.Scale(0.0, 10.0, 100.0, 0.0)
    assert [scale(0.0), scale(5.0), scale(10.0), scale(12.0), scale(-3.0)] == [100.0, 50.0, 0.0, 0.0, 100.0]


@pytest.mark.parametrize(
    ("low", "high", "count", "ticks"),
    [(0.0, 1.0, 5, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]), (-1.1, 1.1, 4, [-1.0, 0.0, 1.0]), (0, 4800, 3, [0, 2000, 4000]),
     (3.0, 3.0, 4, [3.0])],
)  # fmt: skip
def test_nice_ticks(low: float, high: float, count: int, ticks: list[float]) -> None:
    assert svg.nice_ticks(low, high, count) == ticks


def test_polyline_breaks_at_missing_values() -> None:
    assert svg.polyline([0, 1, 2, 3], [0, np.nan, 5, 6.126]) == "M0 0M2 5L3 6.13"


def test_element_escapes() -> None:
    made = str(svg.text(1, 2, "<b>&", 'x"y'))
    assert "<b>" not in made
    assert ElementTree.fromstring(made).text == "<b>&"
    assert ElementTree.fromstring(made).get("class") == 'x"y'


def test_the_field_at_the_goal_ends_at_the_limits() -> None:
    drawing = draw([point(1, 0.99, 0.99), point(2, 1.01, 0.2), point(3, 0.2, 1.01), point(4, 60.0, 30.0)])
    box = next(item for item in drawing.iter("rect") if item.get("class") == "passes")
    right, top = float(box.get("x", 0)) + float(box.get("width", 0)), float(box.get("y", 0))
    circles = [item for item in drawing.iter("circle") if item.get("class") == "mark good"]
    inside = [float(item.get("cx", 0)) <= right and float(item.get("cy", 0)) >= top for item in circles]
    assert inside == [True, False, False, False]


@pytest.mark.parametrize("narrow", [False, True])
def test_labels_stay_inside_and_apart(narrow: bool) -> None:
    rng = np.random.default_rng(3)
    crowd = [
        point(index, float(rng.uniform(50, 100)), float(rng.uniform(0, 1.5)), label=f"Method {index}")
        for index in range(9)
    ]
    drawing = draw(crowd, narrow=narrow)
    width = float((drawing.get("viewBox") or "").split()[2])
    boxes = []
    for item in drawing.iter("text"):
        if item.get("class") == "label":
            reach = len(item.text or "") * 6.3
            left = float(item.get("x", 0)) - {"middle": reach / 2, "end": reach}.get(item.get("text-anchor") or "", 0)
            boxes.append((left, float(item.get("y", 0))))
            assert left >= 0
            assert left + reach <= width
    assert len(boxes) == 9
    assert len(set(boxes)) == 9


@pytest.mark.parametrize("seed", range(12))
def test_no_label_lies_across_a_line_that_leads_to_another(seed: int) -> None:
    """In a crowd at the upper edge and near the goal, with long names."""
    rng = np.random.default_rng(seed)
    crowd = [
        point(index, float(rng.uniform(0, 2)), float(rng.choice([90.0, rng.uniform(0, 20)])), label="A longer name")
        for index in range(10)
    ]
    drawing = draw(crowd)
    leaders = [
        tuple(float(item.get(key, 0)) for key in ("x1", "y1", "x2", "y2"))
        for item in drawing.iter("line")
        if item.get("class") == "leader"
    ]
    boxes = []
    for item in drawing.iter("text"):
        if (item.get("class") or "").startswith(("label", "reference")):
            reach = len(item.text or "") * 6.0
            left = float(item.get("x", 0)) - {"middle": reach / 2, "end": reach}.get(item.get("text-anchor") or "", 0)
            base = float(item.get("y", 0))
            boxes.append((left, base - 10, left + reach, base + 2))
    assert len(boxes) == 12
    for x1, y1, x2, y2 in leaders:
        for share in np.linspace(0.05, 0.9, 80):  # the line ends at its own label
            x, y = x1 + (x2 - x1) * share, y1 + (y2 - y1) * share
            assert not [box for box in boxes if box[0] < x < box[2] and box[1] < y < box[3]]


@pytest.mark.parametrize(
    ("line", "through"),
    [(((0, 0), (10, 10)), True), (((0, 0), (3, 3)), False), (((5, -5), (5, 20)), True), (((0, 20), (20, 20)), False),
     (((4, 4), (4, 4)), False), (((0, 12), (12, 0)), True), (((0, 4), (20, 4)), False)],
)  # fmt: skip
def test_lines_through_boxes(line: labels.Segment, through: bool) -> None:
    assert labels.crosses(line, labels.Box(4, 4, 8, 8)) is through


@pytest.mark.parametrize(("outcome", "tag"), [("no", "circle"), ("yes", "rect"), ("undecided", "path")])
def test_the_outcome_is_a_shape_and_not_only_a_colour(outcome: str, tag: str) -> None:
    assert str(scatter.marker(outcome, 5, 5)).startswith(f"<{tag} ")


def test_density_is_a_normal_curve() -> None:
    values = np.random.default_rng(0).normal(0.2, 0.1, 200_000)
    found = panels.density(values, -1.0, 1.0)
    grid = np.linspace(-1, 1, len(found))
    assert np.abs(found - np.exp(-0.5 * ((grid - 0.2) / 0.1) ** 2)).max() < 0.06
    assert found.max() == 1.0


@pytest.mark.parametrize("values", [[0.3], [0.3] * 50, [-1.0, 1.0]])
def test_density_of_few_or_equal_values(values: list[float]) -> None:
    found = panels.density(np.array(values), -1.0, 1.0)
    assert np.isfinite(found).all()
    assert found.max() == 1.0


def test_density_does_not_depend_on_the_order() -> None:
    values = np.random.default_rng(0).normal(size=1000)
    assert np.array_equal(panels.density(values, -3, 3), panels.density(values[::-1], -3, 3))


def test_density_panel_without_a_reference() -> None:
    samples = {"after": np.array([0.1, 0.2])}
    drawing = ElementTree.fromstring(str(panels.density_panel(samples, low=0.0, high=1.0, label="x")))
    assert {item.get("class") for item in drawing.iter("path")} == {"density-fill", "density after"}


def test_common_range() -> None:
    low, high = panels.common_range([np.linspace(0, 1, 1001), np.zeros(0), np.linspace(-1, 0, 1001)])
    assert -1.2 < low < -0.99
    assert 0.99 < high < 1.2
    assert panels.common_range([]) == (0.0, 1.0)


def test_thin_keeps_means_and_the_end() -> None:
    xs, ys = panels.thin(np.arange(1000.0), np.repeat([1.0, 3.0], 500), 10)
    assert len(xs) == 10
    assert xs[-1] == 999
    assert ys.tolist() == [1.0] * 5 + [3.0] * 5
    short = np.arange(4.0)
    assert panels.thin(short, short, 10)[0] is short


@pytest.mark.parametrize(
    "values", [[1.0, np.nan, 3.0], [2.0, 2.0, 2.0], [np.nan] * 3, [np.inf, 1.0, 0.5], [5.0]], ids=str
)
def test_curves_with_odd_values(values: list[float]) -> None:
    line = DrawnLine("after", "loss", np.arange(float(len(values))), np.array(values))
    drawing = str(panels.curve_panel([line], unit="pairs", label="x"))
    ElementTree.fromstring(drawing)
    assert not re.search(r"nan|inf", drawing)


def test_strip_marks_a_value_beyond() -> None:
    inside, beyond = panels.strip(0.5, (0.4, 0.6), threshold=0.9), panels.strip(-3.0, None, threshold=0.9)
    assert "<circle" in inside
    assert "<circle" not in beyond
    assert 'class="dot"' in beyond
