"""A few pictures with their captions and what each model thinks of the pair."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from PIL import Image

from salmubench.core import streams
from salmubench.core.pictures import open_picture
from salmubench.report import wording
from salmubench.report.collect import Run
from salmubench.report.config import ReportConfig
from salmubench.report.drawings import panels
from salmubench.report.sections import shown_metrics
from salmubench.scoring.references import reference_kind

PURPOSES: Mapping[str, tuple[str, int]] = {
    "forget": ("to forget", 2),
    "holdout_association": ("to keep · of a person with others to forget", 1),
    "holdout_identity": ("to keep · of another person", 1),
}
"""Split that pairs are drawn from → its label on a card, and its share of the cards."""


@dataclass(frozen=True)
class GalleryLine:
    """One model's view of a pair."""

    name: str
    kind: str
    similarity: str
    dot: Markup
    rank: str


@dataclass(frozen=True)
class Card:
    """A picture as a data URI, its caption, and a line per model."""

    image: str
    alt: str
    caption: str
    purpose: str
    forget: bool
    lines: Sequence[GalleryLine]


@dataclass(frozen=True, slots=True)
class _Pick:
    metric: str
    split: str
    purpose: str
    file_name: str
    caption: str
    identity: str | None


def cards(run: Run, names: Mapping[str, str], config: ReportConfig) -> list[Card]:
    """Draw the pairs and put their cards together; empty where there is no dataset or there are no items."""
    if run.dataset is None or config.personas == 0:
        return []
    picks = _draw(run, config)
    views = {record.model.name: _views(run, record.model.name, picks) for record in run.records}
    seen = [value for view in views.values() for value, _ in view.values()]
    low, high = min([*seen, 0.0]) - 0.05, max([*seen, 0.0]) + 0.05
    entries = []
    for pick in picks:
        picture = portrait(run, pick.split, pick.file_name, config.portrait_size)
        if picture is None:
            continue
        lines = []
        for record in run.records:
            value, rank = views[record.model.name].get(pick, (None, None))
            if value is not None:
                kind = reference_kind(record) or "after"
                dot = panels.dot(value, kind, low=low, high=high)
                lines.append(
                    GalleryLine(names[record.model.name], kind, wording.number(value, 2), dot, rank_text(rank))
                )
        persona = run.dataset.identities.get(pick.identity or "", {})
        alt = f"Synthetic portrait of {persona.get('name', 'a person')}"
        entries.append(Card(picture, alt, pick.caption, pick.purpose, pick.split == "forget", lines))
    return entries


def rule(config: ReportConfig) -> str:
    """How the pictures were chosen, in words."""
    return (
        f"Drawn with seed\u00a0{config.gallery_seed} from the scored pairs, each of another person, about half of "
        "them to forget; no score was looked at."
    )


def _draw(run: Run, config: ReportConfig) -> list[_Pick]:
    """Draw pairs of different identities: half from forget, the rest from the two holdouts."""
    by_split = {metric.split: metric.name for metric in shown_metrics(run.metrics)}
    drawn_from = [(by_split[split], split, *purpose) for split, purpose in PURPOSES.items() if split in by_split]
    first = drawn_from[0][0] if drawn_from else ""
    source = next((record.model.name for record in run.records if run.items(record.model.name, first)), None)
    shares = sum(share for *_, share in drawn_from)
    picks: list[_Pick] = []
    used: set[str] = set()
    for index, (metric, split, purpose, share) in enumerate(drawn_from):
        table = run.items(source, metric) if source else None
        if table is None:
            continue
        rows = sorted(
            (str(row["identity_id"] or row["file_name"]), row["file_name"], row["caption"], row["identity_id"])
            for row in table.select(["identity_id", "file_name", "caption"]).to_pylist()
        )
        rng = np.random.default_rng([config.gallery_seed, index, streams.REPORT_PAIRS])
        quota = min(-(-config.personas * share // shares), config.personas - len(picks))
        for position in rng.permutation(len(rows)):
            if quota == 0:
                break
            owner, file_name, caption, identity = rows[position]
            if owner not in used:
                used.add(owner)
                picks.append(_Pick(metric, split, purpose, file_name, caption, identity))
                quota -= 1
    return picks


def _views(run: Run, model: str, picks: Sequence[_Pick]) -> dict[_Pick, tuple[float, float | None]]:
    """Similarity and, for forget, rank of each picked pair under one model."""
    views: dict[_Pick, tuple[float, float | None]] = {}
    ranked = next((metric.name for metric in run.metrics.values() if metric.role == "leakage"), "")
    ranks = _values(run, model, ranked, [pick for pick in picks if pick.split == "forget"])
    for metric in dict.fromkeys(pick.metric for pick in picks):
        chosen = [pick for pick in picks if pick.metric == metric]
        for pick, value in _values(run, model, metric, chosen).items():
            views[pick] = (value, ranks.get(pick))
    return views


def _values(run: Run, model: str, metric: str, picks: Sequence[_Pick]) -> dict[_Pick, float]:
    table = run.items(model, metric) if picks else None
    if table is None:
        return {}
    requested = {(pick.file_name, pick.caption): pick for pick in picks}
    columns = (table.column(name).to_pylist() for name in ("file_name", "caption", "value"))
    return {
        requested[file_name, caption]: float(value)
        for file_name, caption, value in zip(*columns, strict=True)
        if (file_name, caption) in requested and value is not None
    }


def rank_text(rank: float | None) -> str:
    """A rank, in halves where ties are; nothing where there is none."""
    return "" if rank is None else f"{rank:,.0f}" if rank == int(rank) else f"{rank:,.1f}"


def portrait(run: Run, split: str, file_name: str, size: int) -> str | None:
    """A picture as a JPEG data URI, its short side at most `size` pixels; `None` where the run doesn't have it."""
    if run.dataset is None:
        return None
    rows = run.dataset.rows(split)
    position = next((index for index, row in enumerate(rows) if row.file_name == file_name), None)
    if position is None:
        return None
    data = next(iter(run.dataset.images(split, position, position + 1)))
    with open_picture(data, where=f"{split}, {file_name}") as picture:
        if min(picture.size) > size or picture.format != "JPEG":
            scale = min(size / min(picture.size), 1.0)
            smaller = picture.convert("RGB").resize(
                (round(picture.width * scale), round(picture.height * scale)), Image.Resampling.LANCZOS
            )
            stream = io.BytesIO()
            smaller.save(stream, "JPEG", quality=85)
            data = stream.getvalue()
    return "data:image/jpeg;base64," + base64.b64encode(data).decode()
