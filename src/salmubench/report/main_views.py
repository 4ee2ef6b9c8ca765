"""Which normalised numbers the pages show first: those that the verdict rests on, by the roles of their metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from salmubench.report.collect import reference_kind
from salmubench.scoring.metric import PEOPLE, Role, label
from salmubench.scoring.record import RunRecord
from salmubench.scoring.roles import Held, by_holdout, of_group, with_role


@dataclass(frozen=True)
class MainView:
    """One of the normalised views that the verdict is judged by.

    Attributes:
        metric: its name.
        part: of the score.
        role: of the metric.
        title: of the column.
        formula: how it is computed, in words.
        split: the split it is about, or `None`.
        retrained: whether it is the view against Retrained beside that against Clean.
    """

    metric: str
    part: str
    role: str
    title: str
    formula: str
    split: str | None
    retrained: bool = False


KEPT_ON = {"holdout_identity": "inter-identity", "holdout_association": "intra-identity"}
"""Holdout split → what its K is called: of other people, of the same people."""


def main_views(records: Sequence[RunRecord]) -> list[MainView]:
    """What the verdict rests on, as the metrics of the records declare their roles, in the order of the modes."""
    views: dict[tuple[str, str, bool], MainView] = {}
    judged_first = sorted(records, key=lambda record: reference_kind(record) is not None)  # these have a zero
    for role, title in _VIEW_TITLES.items():
        for record in judged_first:
            for held in with_role(record, role):
                for one in _pieces(held, record, role, title):
                    views.setdefault((one.metric, one.part, one.retrained), one)
    return list(views.values())


_VIEW_TITLES: Mapping[Role, str] = {
    "leakage": "Leakage left L", "fact": "Fact left L", "fact_paraphrase": "Fact left L, paraphrased", "kept": "K",
    "drop": "Utility drop D",
}  # fmt: skip


def _pieces(held: Held, record: RunRecord, role: Role, title: str) -> list[MainView]:
    """The views of one number: a leakage also by who must be forgotten whole, what is kept by holdout."""

    def view(one: Held, words: str, formula: str, *, retrained: bool = False) -> MainView:
        about = f"{formula} of {label(one.metric, one.part)}"
        return MainView(one.metric, one.part, role, words, about, one.split, retrained)

    if role == "drop":
        return [view(held, title, "(P − U) / P")]
    zero = "R" if held.score.normalised.against == "retrained" else "C"
    formula = f"(U − {zero}) / (P − {zero})"
    if role == "kept":
        return [view(one, f"{title} {_whose(one)}", formula) for one in by_holdout(held, record.scores)]
    views = [view(held, title, formula)]
    if role == "leakage":
        identity, association = (of_group(held, record.scores, group) for group in PEOPLE)
        views += [] if identity is None else [view(identity, f"{title}, all facts to forget", formula)]
        if association is not None and association.score.against_retrained is not None:
            words = f"{title}, some facts to forget, against Retrained"
            views.append(view(association, words, "(U − R) / (P − R)", retrained=True))
    return views


def _whose(held: Held) -> str:
    for group, split in zip(PEOPLE, KEPT_ON, strict=True):
        if held.part.endswith(f"_{group}"):
            return f"{KEPT_ON[split]}, facts"
    return KEPT_ON.get(held.split or "", held.metric)
