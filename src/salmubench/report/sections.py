"""What the page's drawings and lists show of a run: points, distributions, curves, provenance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup

from salmubench.core import writing
from salmubench.report import sentences, wording
from salmubench.report.collect import Curve, Metrics, Run, score_of
from salmubench.report.config import ReportConfig
from salmubench.report.drawings import panels
from salmubench.report.drawings.panels import DrawnLine
from salmubench.scoring import ranking
from salmubench.scoring.failure_modes import MODES
from salmubench.scoring.metric import Metric, Role
from salmubench.scoring.record import RunRecord, Thresholds
from salmubench.scoring.references import (
    KINDS,
    LABELS,
    is_judged_reference,
    is_pretrained,
    pretrained_kind,
    reference_kind,
)
from salmubench.scoring.roles import first as first_in
from salmubench.scoring.roles import score_in
from salmubench.scoring.verdict import answers

# First what is to be forgotten, then what is to be kept, nearest first.
_PANEL_ORDER = {"forget": 0, "holdout_association": 1, "holdout_identity": 2}


def shown_metrics(metrics: Metrics) -> list[Metric]:
    """Metrics whose items' similarities the page draws: those that describe a panel."""
    panels_ = [metric for metric in metrics.values() if metric.panel is not None]
    return sorted(panels_, key=lambda metric: (_PANEL_ORDER.get(metric.split or "", 3), metric.order))


_PROBES = {"probe_forget_similarity": "forget", "probe_retain_similarity": "retain"}
_DRAWN = tuple(reversed(KINDS))  # Clean last, above the others
_NOT_SHOWN = ("lr", "samples_per_second")


@dataclass(frozen=True)
class Panel:
    """A drawing with its title."""

    title: str
    picture: Markup


@dataclass(frozen=True)
class Panels:
    """The drawings of one model."""

    name: str
    panels: Sequence[Panel]
    more: Sequence[Panel] = ()


@dataclass(frozen=True)
class VerdictRow:
    """A method at a glance: the questions with their answers, and the sentence.

    Attributes:
        chips: state and answer of each question; none of a failed one.
        rank: that of its tie group; empty of a failed one.
    """

    name: str
    sentence: str
    chips: Sequence[tuple[str, str]] = ()
    rank: str = ""


def verdicts(
    records: Sequence[RunRecord],
    names: Mapping[str, str],
    thresholds: Thresholds,
    moved: Mapping[str, Mapping[str, float]] | None = None,
) -> list[VerdictRow]:
    """Methods at a glance, those with the fewest failure modes first (`ranking`, `seeds.moved`), failed ones last."""
    methods = {record.model.name: record for record in records if not is_pretrained(record)}
    complete = {name: record for name, record in methods.items() if record.status == "complete"}
    rows: list[VerdictRow] = []
    for tie in ranking.ranked(complete, moved or {}):
        start = len(rows) + 1
        rank = f"{start}–{start + len(tie) - 1}" if len(tie) > 1 else str(start)
        for name in tie:
            told = answers(methods[name])
            chips = [
                (state, mode.answers[("no", "undecided", "yes").index(state)])
                for mode in MODES
                if (state := told.get(mode.name)) is not None
            ]
            rows.append(VerdictRow(names[name], sentences.sentence(methods[name], thresholds), chips, rank=rank))
    return rows + [
        VerdictRow(names[name], sentences.sentence(record, thresholds))
        for name, record in methods.items()
        if name not in complete
    ]


def references(records: Sequence[RunRecord]) -> list[str]:
    """Facts about the reference models, in sentences."""
    by_kind = {reference_kind(record): record for record in records if record.status == "complete"}
    clean, compromised = by_kind.get("clean"), by_kind.get("compromised")
    if clean is None or compromised is None:
        return []

    def both(role: Role, part: str | None = None) -> list[float | None]:
        found = [(record, first_in(record, role)) for record in (compromised, clean)]
        scores = [score_of(record, held.metric, part or held.part) if held else None for record, held in found]
        return [score.value if score else None for score in scores]

    first, mrr, knowledge = both("leakage", "r1"), both("leakage"), both("drop")
    facts = []
    if None not in (*first, *mrr):
        facts.append(
            f"Compromised, trained on the private facts, puts the true caption first for {wording.percent(first[0])} "
            f"of the pictures (MRR {wording.number(mrr[0])}). Clean, trained without them, for "
            f"{wording.percent(first[1])} (MRR {wording.number(mrr[1])})."
        )
    if None not in knowledge:
        facts.append(
            f"On general knowledge Compromised scores {wording.number(knowledge[0])}, Clean "
            f"{wording.number(knowledge[1])}."
        )
    exact = next((record for record in records if is_judged_reference(record) and record.status == "complete"), None)
    left = None if exact is None else score_in(exact, "leakage")
    if left is not None and left.normalised.value is not None:
        facts.append(
            "Retrained, trained on everything but what must be forgotten, is the exact answer: "
            f"{wording.percent(left.normalised.value)} of the leakage is left in it against Clean, because it knows "
            "people’s names from their other facts."
        )
    return facts


def settings(records: Sequence[RunRecord], names: Mapping[str, str]) -> list[str]:
    """Which methods ran with tuned values and which with the recipe's own, in sentences; empty without any record."""
    listed: dict[str, list[str]] = {}
    untuned = []
    for record in records:
        tuned, name = record.model.tuned, names[record.model.name]
        if tuned is not None:
            trials = f"{wording.count(tuned.trials)} trials on another world (seed {tuned.selection_seed})"
            listed.setdefault(f"Settings chosen by tuning, {trials}", []).append(name)
        elif reference_kind(record) is None and record.model.method is not None:
            untuned.append(name)
    listed |= {"The recipe’s own settings, not tuned": untuned} if untuned else {}
    return [f"{which}: {', '.join(several)}." for which, several in listed.items()]


def distributions(run: Run, names: Mapping[str, str]) -> list[Panels]:
    """Similarity distributions of each method beside those of the references; empty without items."""
    shown = shown_metrics(run.metrics)
    similarities = {metric.name: _similarities(run, metric.name) for metric in shown}
    ranges = {metric: panels.common_range(list(samples.values())) for metric, samples in similarities.items()}
    rows = []
    for record in run.records:
        if is_pretrained(record):
            continue
        drawn = []
        for metric in shown:
            title, _ = metric.panel or ("", "")
            known = similarities[metric.name]
            if record.model.name not in known:
                continue
            samples = {"after": known[record.model.name]} | {kind: known[kind] for kind in _DRAWN if kind in known}
            called = {"after": f"{names[record.model.name]}, {title}: mean", **LABELS}
            label = ", ".join(
                f"{called[kind]} {wording.number(float(values.mean()), 2)}" for kind, values in samples.items()
            )
            low, high = ranges[metric.name]
            drawn.append(Panel(title, panels.density_panel(samples, low=low, high=high, label=label)))
        if drawn:
            rows.append(Panels(names[record.model.name], drawn))
    return rows


def _similarities(run: Run, metric: str) -> dict[str, panels.Array]:
    """Reference or model name → finite similarities of its items, where there are any."""
    found = {}
    for record in run.records:
        table = run.items(record.model.name, metric)
        values = np.zeros(0) if table is None else np.asarray(table.column("value").to_numpy(), dtype=np.float64)
        found[pretrained_kind(record) or record.model.name] = values[np.isfinite(values)]
    return {name: values for name, values in found.items() if len(values)}


def pretraining_curves(run: Run, config: ReportConfig) -> list[Panel]:
    """Loss of the pretrainings in one panel, and their further logged values."""
    curves = {kind: {curve.name: curve for curve in run.curves(kind)} for kind in _DRAWN}
    names = dict.fromkeys(name for logged in curves.values() for name in logged if name not in _NOT_SHOWN)
    lines = {
        name: [(logged[name], kind, LABELS[kind]) for kind, logged in curves.items() if name in logged]
        for name in names
    }
    return [_panel(name, several, "steps", "pretraining", config) for name, several in lines.items()]


def method_curves(run: Run, names: Mapping[str, str], config: ReportConfig) -> list[Panels]:
    """Loss and probes of each method, further logged values apart; a method without steps has no panels."""
    drawn = []
    for record in run.records:
        if is_pretrained(record):
            continue
        owner, curves = names[record.model.name], {curve.name: curve for curve in run.curves(record.model.name)}
        shown = {
            "loss": [(curves[key], "after", key) for key in ("loss",) if key in curves],
            "similarity of probes": [(curves[key], kind, kind) for key, kind in _PROBES.items() if key in curves],
        }
        others = [curve for name, curve in curves.items() if name not in ("loss", *_PROBES, *_NOT_SHOWN)]
        panels_ = [_panel(title, lines, "pairs", owner, config) for title, lines in shown.items() if lines]
        more = [_panel(curve.name, [(curve, "after", curve.name)], "pairs", owner, config) for curve in others]
        drawn.append(Panels(owner, panels_, more))
    return drawn if any(item.panels for item in drawn) else []


def _panel(title: str, curves: Sequence[tuple[Curve, str, str]], unit: str, owner: str, config: ReportConfig) -> Panel:
    """Curves, each with its kind and its label."""
    lines = [
        DrawnLine(
            kind, label, *panels.thin(one.pairs if unit == "pairs" else one.steps, one.values, config.curve_points)
        )
        for one, kind, label in curves
    ]
    ends = ", ".join(
        f"{line.label} from {wording.number(float(line.ys[0]), 2)} to {wording.number(float(line.ys[-1]), 2)}"
        for line in lines
    )
    return Panel(title, panels.curve_panel(lines, unit=unit, label=f"{owner}, {title}: {ends}"))


def provenance(run: Run, names: Mapping[str, str]) -> dict[str, Sequence[tuple[str, ...]]]:
    """Where the numbers come from: recipe, seed, dataset, models, stages, versions and hardware."""
    first = run.records[0]
    origin = writing.plain(run.info.provenance or first.provenance)
    encoding = next((record.encoding for record in run.records if record.encoding is not None), None)
    protocol = next((record.protocol for record in run.records if record.protocol is not None), None)
    facts = [
        ("Recipe", _text(run.info.recipe)),
        ("Seed", _text(run.info.seed)),
        ("Dataset", first.dataset.name),
        ("Dataset fingerprint", first.dataset.fingerprint),
        ("salmubench", _version(origin)),
        ("Python", _text(origin.get("python"))),
        ("Hardware", _hardware(origin.get("hardware") or {})),
        ("Encoded", f"{_text(encoding.device)}, {_text(encoding.precision)}" if encoding else ""),
        (
            "Intervals",
            f"{wording.count(protocol.bootstraps)} resamples, seed {protocol.bootstrap_seed}" if protocol else "",
        ),
        ("Name prompt", protocol.identity_prompt if protocol else ""),
        ("Scored", min(record.provenance.started for record in run.records)),
    ]
    facts += [("Note", note) for note in dict.fromkeys(note for record in run.records for note in record.notes)]
    counts = [(split, wording.count(rows)) for split, rows in first.dataset.counts.items()]
    if run.dataset is not None:
        counts.append(("identities", wording.count(len(run.dataset.identities))))
    return {
        "facts": [fact for fact in facts if fact[1]],
        "counts": counts,
        "models": [
            (names[one.name], one.name, _text(one.weights), _options(one.config_given))
            for one in (record.model for record in run.records)
        ],
        "stages": [
            (stage.name, wording.seconds(stage.seconds), wording.memory(stage.peak_memory)) for stage in run.info.stages
        ],
        "packages": [(str(name), str(version)) for name, version in (origin.get("packages") or {}).items()],
    }


def _options(given: Any) -> str:
    """A method's configuration as given."""
    return ", ".join(f"{key}={value}" for key, value in given.items()) if isinstance(given, Mapping) else _text(given)


def _version(origin: Mapping[str, Any]) -> str:
    commit = f", commit {origin['commit']}" if origin.get("commit") else ""
    return f"{_text(origin.get('version'))}{commit}{', with uncommitted changes' if origin.get('dirty') else ''}"


def _hardware(machine: Mapping[str, Any]) -> str:
    """What it says, as far as it is what we would have written: anything may stand there."""
    cores, memory, instructions = machine.get("cores"), machine.get("memory"), machine.get("instructions")
    parts = [
        _text(machine.get("cpu")),
        f"{cores} cores" if cores else "",
        f"{wording.memory(memory)} memory" if isinstance(memory, int | float) else "",
        _text(machine.get("gpu")),
        ", ".join(map(str, instructions)) if isinstance(instructions, list) else "",
    ]
    return " · ".join(part for part in parts if part)


def _text(value: Any) -> str:
    return "" if value is None else str(value)
