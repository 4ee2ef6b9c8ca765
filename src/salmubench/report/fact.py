"""One fact under every model: where its true value ranks among other values of the same field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc
from markupsafe import Markup

from salmubench.core import streams
from salmubench.core.types import SENSITIVE_SPLITS, Pair, Split
from salmubench.dataset.layout import Dataset
from salmubench.dataset.verbatim import whole_words
from salmubench.report import wording
from salmubench.report.collect import Run
from salmubench.report.config import ReportConfig
from salmubench.report.drawings import svg
from salmubench.report.portrait import portrait
from salmubench.scoring.fact_ranks import Values
from salmubench.scoring.references import CLEAN, COMPROMISED, RETRAINED, pretrained_kind

_Places = Mapping[tuple[str, str], tuple[float, int]]
"""Picture and caption → rank of the true value, and among how many others."""


@dataclass(frozen=True)
class FactLine:
    """Where one model ranks the true value."""

    name: str
    kind: str
    place: Markup
    words: str


@dataclass(frozen=True)
class ShownFact:
    """A picture as a data URI, its sentence in pieces (odd ones are the value), a line per model.

    Attributes:
        others: which, where the record says how many were drawn.
    """

    image: str
    alt: str
    pieces: Sequence[str]
    field: str
    among: int
    others: Sequence[str]
    lines: Sequence[FactLine]


def fact(run: Run, names: Mapping[str, str], config: ReportConfig) -> ShownFact | None:
    """Draw a pair that Compromised tells from the other values and no model that never learned it does.

    Returns:
        `None` where there is no dataset, no record has such items, or no pair is known to Compromised alone.
    """
    metric = next((one.name for one in run.metrics.values() if one.role == "fact"), "")
    if run.dataset is None:
        return None
    places = {record.model.name: _places(run, record.model.name, metric) for record in run.records}
    pair = _draw(run, run.dataset, places, config)
    if pair is None:
        return None
    image = portrait(run.dataset, Split.FORGET, pair.file_name, config.portrait_size)
    if image is None:
        return None
    lines, among = [], 0
    for record in run.records:
        rank, others = places[record.model.name].get((pair.file_name, pair.caption), (0.0, 0))
        if others:
            kind, among = pretrained_kind(record) or "after", among or others
            words = f"{rank:g} of {others + 1}"
            lines.append(FactLine(names[record.model.name], kind, place(rank, others, kind), words))
    persona = run.dataset.identities.get(pair.identity or "", {})
    return ShownFact(
        image=image,
        alt=f"Synthetic portrait of {persona.get('name', 'a person')}",
        pieces=whole_words(pair.value or "").split(pair.caption),
        field=wording.group(pair.field or "").replace("_", " "),
        among=among,
        others=_others(run, run.dataset, pair),
        lines=lines,
    )


def place(rank: float, others: int, kind: str) -> Markup:
    """A row of places, the first at the left, and the true value's among them; between two where it ties."""
    width, height = 132.0, 12.0
    step = min(20.0, width / (others + 1))
    boxes = [
        svg.element("rect", x=step * number + 1, y=1, width=step - 2, height=height - 2, rx=2, class_="slot")
        for number in range(others + 1)
    ]
    true = svg.element(
        "rect", x=step * (rank - 1) + 1, y=1, width=step - 2, height=height - 2, rx=2, class_=f"true {kind}"
    )
    return svg.drawing(width, height, *boxes, true, label=None, class_="strip places")


def _draw(run: Run, dataset: Dataset, places: Mapping[str, _Places], config: ReportConfig) -> Pair | None:
    """One of the pairs that Compromised ranks first and Retrained and Clean rank behind half of the others."""
    by_kind = {pretrained_kind(record): places[record.model.name] for record in run.records}
    without = [ranks for kind in (RETRAINED, CLEAN) if (ranks := by_kind.get(kind))]
    able = {
        key
        for key, (rank, others) in by_kind.get(COMPROMISED, {}).items()
        if rank == 1 and without and all(ranks.get(key, (0,))[0] > 1 + others / 2 for ranks in without)
    }
    pairs = [pair for pair in dataset.rows(Split.FORGET) if (pair.file_name, pair.caption) in able]
    rng = np.random.default_rng([config.gallery_seed, streams.REPORT_FACT])
    return pairs[int(rng.integers(len(pairs)))] if pairs else None


def _places(run: Run, model: str, metric: str) -> _Places:
    table = run.items(model, metric)
    if table is None:
        return {}
    table = table.filter(pc.is_valid(table.column("others")))
    rows = zip(*(table.column(name).to_pylist() for name in ("file_name", "caption", "value", "others")), strict=True)
    return {(file_name, caption): (rank, others) for file_name, caption, rank, others in rows}


def _others(run: Run, dataset: Dataset, pair: Pair) -> list[str]:
    """The values that the true one was ranked among."""
    protocol = next((record.protocol for record in run.records if record.protocol is not None), None)
    if protocol is None or protocol.fact_values is None:
        return []
    rows = (row for split in SENSITIVE_SPLITS for row in dataset.rows(split))
    return Values(rows, most=protocol.fact_values).others(pair)
