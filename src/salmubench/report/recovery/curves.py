"""Recovery over the steps of attacks that train: one panel for each model, the strongest setting in front."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from salmubench.report import wording
from salmubench.report.drawings import svg
from salmubench.report.drawings.svg import Scale, percent_tick
from salmubench.report.sections import Panel, Panels
from salmubench.scoring.attacks.record import Attacks, AttackScore
from salmubench.scoring.record import RunRecord
from salmubench.scoring.roles import first, of_group

Curve = Sequence[tuple[int, float]]
"""Steps and recovery."""

_STEPS = re.compile(r"(?P<before>.*?)(?:, )?(?P<steps>\d+) steps(?P<after>.*)")


def steps_of(label: str) -> tuple[str, int] | None:
    """Setting and steps of a variant's label; `None` where it tells no steps.

    Examples:
        >>> steps_of("lr 0.0001, 20 steps")
        ('lr 0.0001', 20)
        >>> steps_of("portraits, 40 steps, calibrated")
        ('portraits, calibrated', 40)
        >>> steps_of("final, ridge 3")
    """
    match = _STEPS.fullmatch(label)
    return None if match is None else ((match["before"] + match["after"]).removeprefix(", "), int(match["steps"]))


def recovery_curves(attacked: Sequence[tuple[RunRecord, Attacks]], names: Mapping[str, str]) -> list[Panels]:
    """Panels of each attack that trains, one a model; empty where no variant tells its steps."""
    rows: dict[str, list[Panel]] = {}
    for record, section in attacked:
        for name, score in section.scores.items():
            curves = _curves(score)
            if curves:
                start = _before(record) if score.info.headline == "leakage" else None
                model, strongest = names[record.model.name], next(iter(curves))
                picture = _panel(curves, start, section.threshold, label=f"{model}, {name}")
                rows.setdefault(name, []).append(Panel(f"{model} · {strongest}" if strongest else model, picture))
    return [Panels(name, drawn) for name, drawn in rows.items()]


def _curves(score: AttackScore) -> dict[str, Curve]:
    """Setting → its curve, the one that reaches highest first; empty where no setting was read more than once."""
    by_setting: dict[str, list[tuple[int, float]]] = {}
    for label, value in score.variants.items():
        place = steps_of(label)
        if place is not None and value is not None and score.reason is None:
            by_setting.setdefault(place[0], []).append((place[1], value))
    if all(len(points) < 2 for points in by_setting.values()):
        return {}
    ordered = sorted(by_setting.items(), key=lambda item: max(value for _, value in item[1]), reverse=True)
    return {setting: sorted(points) for setting, points in ordered}


def _before(record: RunRecord) -> float | None:
    """What is left of the facts about people to be forgotten altogether, before any attack."""
    held = first(record, "leakage")
    group = None if held is None else of_group(held, record.scores, "identity")
    return None if group is None else group.score.normalised.value


def _panel(curves: Mapping[str, Curve], start: float | None, threshold: float, *, label: str) -> Markup:
    """All settings over the steps, from the model before the attack; the threshold is dashed."""
    width, height = 230.0, 116.0
    left, right, top, base = 42.0, width - 8.0, 8.0, 88.0
    values = [value for curve in curves.values() for _, value in curve]
    low, high = min([*values, 0.0, start or 0.0]), max([*values, 2 * threshold, start or 0.0])
    low, high = max(low, -1.0), min(high, 1.5)
    air, steps = max((high - low) * 0.08, 1e-3), sorted({step for curve in curves.values() for step, _ in curve})
    x, y = Scale(0.0, steps[-1], left, right), Scale(low - air, high + air, base, top)
    parts = svg.axes(left, right, base, y, percent_tick)
    for step in (0, *steps):
        parts.append(svg.text(min(x(step), right - 4), base + 13, str(step), "tick", anchor="middle"))
    parts.append(svg.text((left + right) / 2, height - 1, "steps of the attack", "tick", anchor="middle"))
    parts.append(svg.line(left, y(threshold), right, y(threshold), "recovery-limit"))
    strongest = next(iter(curves))
    for setting, curve in reversed(list(curves.items())):
        plain = not f", {setting}".endswith(", calibrated")  # such a reading begins elsewhere than the model as it is
        begin = [(0, start)] if start is not None and plain else []
        points = [*begin, *curve]
        path = svg.polyline([x(step) for step, _ in points], [y(value) for _, value in points])
        kind = "after" if setting == strongest else "weaker"
        parts.append(svg.element("path", svg.element("title", setting), d=path, class_=f"curve {kind}"))
        if kind == "after":
            parts += [svg.element("circle", cx=x(step), cy=y(value), r=3.0, class_="dot") for step, value in points]
    in_words = ", ".join(f"{wording.percent(value)} after {step} steps" for step, value in curves[strongest])
    before = "" if start is None else f"{wording.percent(start)} before, "
    others = f"; {len(curves) - 1} weaker settings" if len(curves) > 1 else ""
    words = f"{label}: {strongest or 'recovered'}: {before}{in_words}{others}"
    return svg.drawing(width, height, *parts, label=words, class_="panel recovery")
