"""Points of the plot of forgetting against damage: each model by the numbers that its verdict goes by, in limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from salmubench.report.drawings import scatter
from salmubench.report.main_views import share_of_reference
from salmubench.report.sentences import judged
from salmubench.scoring.failure_modes import MODES, FailureMode
from salmubench.scoring.record import RunRecord, Thresholds
from salmubench.scoring.references import ENDS, LABELS, pretrained_kind, reference_kind
from salmubench.scoring.verdict import View, answers, applying, worst


@dataclass(frozen=True)
class Damage:
    """What the plot shows.

    Attributes:
        places: place of each point's record among those given.
        references: Clean and Compromised where they lie by definition, then those that are judged.
        missing: a line for each method that can't be drawn.
        unjudged: failure modes of which nothing is known of some model that is drawn.
    """

    points: Sequence[scatter.Point]
    places: Sequence[int]
    references: Sequence[scatter.Point]
    missing: Sequence[str]
    unjudged: Sequence[FailureMode]


def damage(
    records: Sequence[RunRecord],
    names: Mapping[str, str],
    thresholds: Thresholds,
    repeats: Mapping[str, Sequence[RunRecord]] | None = None,
) -> Damage:
    """Collect the points."""
    points: list[scatter.Point] = []
    places: list[int] = []
    references: list[scatter.Point] = []
    missing: list[str] = []
    unjudged: set[str] = set()
    for place, record in enumerate(records):
        if reference_kind(record) is not None:
            continue
        name, kind = names[record.model.name], pretrained_kind(record)
        seeds = (repeats or {}).get(record.model.name, ())
        sides = _sides(record)
        left, lost = (_reach([record, *seeds], modes, thresholds) for modes in sides)
        if record.status != "complete" or left is None or lost is None:
            missing.append(f"{name} ({'failed' if record.status != 'complete' else 'nothing to judge it by'})")
            continue
        point = scatter.Point(
            index=len(points) + 1,
            label=name,
            left=left[1],
            left_low=left[0],
            lost=lost[1],
            lost_low=lost[0],
            outcome=worst(applying(record).values()),
            method=record.model.method or record.model.name,
            budget=record.model.budget or 0.0,
            kind=kind or "",
        )
        (points if kind is None else references).append(point)
        places += [place] if kind is None else []
        unjudged |= {mode.name for modes in sides for mode in modes if not _known(record, mode, thresholds)}
    ends = [_end(records, one, thresholds) for one in ENDS] if points else []
    return Damage(points, places, [*ends, *references], missing, [mode for mode in MODES if mode.name in unjudged])


def plots(shown: Damage) -> list[Markup]:
    """The plot for a screen and for a phone; none without a point."""
    if not shown.points:
        return []
    return [
        scatter.damage_plot(shown.points, shown.references, narrow=narrow, passes=passing(shown))
        for narrow in (False, True)
    ]


def passing(shown: Damage) -> str:
    """What the field is called in which no failure mode is: all are only asked where all can be."""
    return "passes" if not shown.unjudged else "passes what is judged"


def _sides(record: RunRecord) -> tuple[list[FailureMode], list[FailureMode]]:
    """Failure modes of what is left and of what is lost, as far as the model can be judged by them."""
    modes = [mode for mode in MODES if mode.name in applying(record)]
    return [mode for mode in modes if not mode.is_damage], [mode for mode in modes if mode.is_damage]


def _known(record: RunRecord, mode: FailureMode, thresholds: Thresholds) -> list[View]:
    return [one for one in judged(record, mode, thresholds) if one.view.ci95 is not None]


def _reach(
    records: Sequence[RunRecord], modes: Sequence[FailureMode], thresholds: Thresholds
) -> tuple[float, float] | None:
    """How far a model is from the goal, in limits, at the better and the worse ends of the intervals it is judged by.

    The worse end is below 1 where none of the modes is there, the better one above 1 where one certainly is: of all
    numbers the one that lies furthest out counts. Where a verdict is undecided, for seeds say the opposite of each
    other, the seeds' own ends, which follow the model's, count too.
    """
    ends = [[_ends(mode, one) for mode in modes for one in _known(record, mode, thresholds)] for record in records]
    found = [(max(low for low, _ in each), max(high for _, high in each)) for each in ends if each]
    if not found:
        return None
    told = answers(records[0])
    disagree = any(told[mode.name] == "undecided" for mode in modes) and not found[0][0] <= 1 < found[0][1]
    counted = found if disagree else found[:1]
    return max(min(low for low, _ in counted), 0.0), max(max(high for _, high in counted), 0.0)


def _ends(mode: FailureMode, one: View) -> tuple[float, float]:
    """Both ends of a number's interval in limits, the better one first."""
    low, high = one.view.ci95 or (0.0, 0.0)
    ends = sorted(mode.in_limits(end, one.limit) for end in (low, high))
    return (0.0 if mode.direction == "beyond" and low < 0 < high else ends[0]), ends[1]


def _end(records: Sequence[RunRecord], kind: str, thresholds: Thresholds) -> scatter.Point:
    """Where Clean or Compromised lies; neither is judged by general knowledge."""
    judged_records = [record for record in records if reference_kind(record) is None and record.status == "complete"]
    first = next((record for record in judged_records if pretrained_kind(record) is None), judged_records[0])
    sides = []
    for modes in _sides(first):
        shares = [0.0]
        for mode in (mode for mode in modes if not mode.from_compromised):
            for one in _known(first, mode, thresholds):
                beside = None if one.view is one.held.score.normalised else one.view.against
                share, _ = share_of_reference(judged_records, kind, one.held.metric, one.held.part, beside=beside)
                shares.append(0.0 if share is None else mode.in_limits(share, one.limit))
        sides.append(max(shares))
    left, lost = sides
    return scatter.Point(0, LABELS[kind], left, left, lost, lost, "", kind=kind)
