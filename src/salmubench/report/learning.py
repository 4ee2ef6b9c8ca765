"""What the references knew after some of their epochs: memorisation over pretraining."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from salmubench.core.errors import RecordError
from salmubench.report import wording
from salmubench.report.collect import Run, score_of
from salmubench.report.drawings import svg
from salmubench.report.drawings.svg import Scale
from salmubench.report.sections import Panel
from salmubench.scoring.metric import label, main_part
from salmubench.scoring.record import Score
from salmubench.scoring.record_files import read_record
from salmubench.scoring.references import ENDS, LABELS, reference_kind
from salmubench.scoring.stages import read_checkpoint

FOLDER = "learning"
"""Folder of a run with the records of kept epochs: `records/<clean or compromised>-<epoch>.json`."""

Points = Sequence[tuple[int, Score]]


def epoch_curves(run: Run) -> list[Panel]:
    """One panel for each of the numbers, with both references; empty where no epochs were kept.

    Raises:
        RecordError: a record can't be read.
    """
    panels = []
    for metric, part, title in _shown(run):
        lines: dict[str, Sequence[tuple[int, Score]]] = {
            kind: points(run, kind, metric, part) for kind in reversed(ENDS)
        }
        if any(len(line) > 1 for line in lines.values()):
            panels.append(Panel(f"{title} after epochs", _panel(lines, title)))
    return panels


def _shown(run: Run) -> list[tuple[str, str, str]]:
    """Metric, part and title of the numbers drawn: the main ones, and the similarity of pairs to forget."""
    chosen = [
        metric
        for metric in run.metrics.values()
        if metric.main or (metric.panel is not None and metric.split == "forget")
    ]
    parts = [(metric.name, main_part(metric.items)) for metric in sorted(chosen, key=lambda metric: metric.order)]
    return [(name, part, label(name, part)) for name, part in parts]


def points(run: Run, kind: str, metric: str, part: str) -> Points:
    """Epoch and score of each kept epoch of a reference, its end last.

    Raises:
        RecordError: a record can't be read.
    """
    folder = run.folder / FOLDER / "records"
    scores = {}
    for path in sorted(folder.glob(f"{kind}-*.json")):
        score = score_of(read_record(path), metric, part)
        if score is not None:
            scores[int(path.stem.removeprefix(f"{kind}-"))] = score
    last = next((score_of(record, metric, part) for record in run.records if reference_kind(record) == kind), None)
    epochs = read_checkpoint(run.folder / "checkpoints" / kind, error=RecordError).config.get("epochs")
    if scores and last is not None and isinstance(epochs, int):
        scores[epochs] = last
    return sorted((epoch, score) for epoch, score in scores.items() if score.value is not None)


def _panel(lines: Mapping[str, Points], title: str) -> Markup:
    """Values with intervals over epochs, each twice as far from the start as half of it."""
    width, height = 230.0, 116.0
    left, right, top, base = 42.0, width - 8.0, 8.0, 88.0
    scores = [score for line in lines.values() for _, score in line]
    ends = [end for score in scores for end in score.ci95 or (score.value or 0.0,)]
    epochs = sorted({epoch for line in lines.values() for epoch, _ in line})
    air = max((max(ends) - min(ends)) * 0.08, 1e-3)
    low, high = min(ends) - air, max(ends) + air
    x, y = Scale(math.log2(epochs[0]), math.log2(epochs[-1]), left + 6, right - 6), Scale(low, high, base, top)
    parts = svg.axes(left, right, base, y)
    parts += [svg.text(x(math.log2(epoch)), base + 13, str(epoch), "tick", anchor="middle") for epoch in epochs]
    parts.append(svg.text((left + right) / 2, height - 1, "epochs = exposures of each pair", "tick", anchor="middle"))
    descriptions = []
    for kind, line in lines.items():
        xs, ys = [x(math.log2(epoch)) for epoch, _ in line], [y(score.value or 0.0) for _, score in line]
        parts.append(svg.element("path", d=svg.polyline(xs, ys), class_=f"curve {kind}"))
        for at, height_, (_, score) in zip(xs, ys, line, strict=True):
            if score.ci95 is not None:
                parts.append(svg.line(at, y(score.ci95[0]), at, y(score.ci95[1]), f"range {kind}"))
            parts.append(svg.element("circle", cx=at, cy=height_, r=2.6, class_=f"dot {kind}"))
        said = ", ".join(f"{epoch}: {wording.number(score.value)}" for epoch, score in line)
        descriptions.append(f"{LABELS[kind]} {said}")
    return svg.drawing(
        width, height, *parts, label=f"{title} by epoch: {'; '.join(descriptions)}", class_="panel learning"
    )
