"""Curves over the budget: what more unlearning buys, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from salmubench.report import wording
from salmubench.report.collect import score_of
from salmubench.report.drawings import svg
from salmubench.report.drawings.scatter import percent_tick
from salmubench.report.drawings.svg import Scale
from salmubench.report.main_views import main_views
from salmubench.report.sections import Panel, Panels
from salmubench.scoring.record import RunRecord, Score, Thresholds
from salmubench.scoring.references import reference_kind


def budget_curves(records: Sequence[RunRecord], thresholds: Thresholds, titles: Mapping[str, str]) -> list[Panels]:
    """Panels of each method that ran with several budgets; empty where none did.

    Args:
        titles: method → its title.
    """
    methods: dict[str, list[RunRecord]] = {}
    for record in records:
        if reference_kind(record) is None and record.status == "complete" and record.model.budget is not None:
            methods.setdefault(wording.method_name(record, titles), []).append(record)
    curves = []
    for name, runs in methods.items():
        ordered = sorted(runs, key=lambda record: record.model.budget or 0.0)
        if len(ordered) < 2:
            continue
        drawn = []
        for view in (view for view in main_views(ordered) if view.beside is None):
            start = 0.0 if view.role == "drop" else 1.0  # without any unlearning
            title = view.title if view.role == "kept" else view.title[:1].lower() + view.title[1:]
            known = [
                (float(record.model.budget or 0.0), score)
                for record in ordered
                if (score := score_of(record, view.metric, view.part)) is not None
                and score.normalised.value is not None
            ]
            if known:
                drawn.append(Panel(title, _panel(known, start, view.limit(thresholds), label=f"{name}, {title}")))
        if drawn:
            curves.append(Panels(name, drawn))
    return curves


def _panel(known: Sequence[tuple[float, Score]], start: float, limit: float, *, label: str) -> Markup:
    """One view over the budget with intervals, from Compromised at budget 0; the threshold is dashed."""
    width, height = 230.0, 116.0
    left, right, top, base = 42.0, width - 8.0, 8.0, 88.0
    values = [float(score.normalised.value or 0.0) for _, score in known]
    ends = [end for _, score in known for end in score.normalised.ci95 or ()]
    low, high = min([*values, *ends, start, limit]), max([*values, *ends, start, limit])
    low, high = max(low, -1.5), min(high, 2.0)
    air = max((high - low) * 0.08, 1e-3)
    last = max(budget for budget, _ in known)
    x, y = Scale(0.0, last, left, right), Scale(low - air, high + air, base, top)
    parts = svg.axes(left, right, base, y, percent_tick)
    for budget in (0.0, *(budget for budget, _ in known)):
        parts.append(svg.text(x(budget), base + 13, f"{budget:g}×", "tick", anchor="middle"))
    parts.append(svg.text((left + right) / 2, height - 1, "budget", "tick", anchor="middle"))
    parts.append(svg.line(left, y(limit), right, y(limit), "budget-limit"))
    xs, ys = [x(0.0), *(x(budget) for budget, _ in known)], [y(start), *(y(value) for value in values)]
    parts.append(svg.element("path", d=svg.polyline(xs, ys), class_="curve after"))
    for budget, score in known:
        if score.normalised.ci95 is not None:
            bottom, upper = score.normalised.ci95
            parts.append(svg.line(x(budget), y(bottom), x(budget), y(upper), "budget-range"))
    parts.append(svg.element("circle", cx=xs[0], cy=ys[0], r=3.2, class_="dot compromised"))
    parts += [
        svg.element("circle", cx=at, cy=height_, r=3.2, class_="dot")
        for at, height_ in zip(xs[1:], ys[1:], strict=True)
    ]
    description = ", ".join(
        f"{budget:g}× {wording.percent(value)}" for (budget, _), value in zip(known, values, strict=True)
    )
    return svg.drawing(width, height, *parts, label=f"{label}: {description}", class_="panel budget")
