"""Which normalised numbers the pages show first: those that the verdict rests on, by the roles of their metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from salmubench.report.collect import reference_kind, score_of
from salmubench.report.wording import VIEW_MEANINGS
from salmubench.scoring.metric import PEOPLE, Role, label
from salmubench.scoring.record import Normalised, RunRecord, Score, Thresholds
from salmubench.scoring.roles import Held, by_holdout, of_group, with_role
from salmubench.scoring.verdict import complete


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

    @property
    def strip(self) -> bool:
        """Whether its cells hold a strip with a mark at the limit."""
        return self.role in ("leakage", "kept")

    @property
    def meaning(self) -> str:
        """What its ends mean, and its formula."""
        kind = self.role if self.role in ("kept", "drop") else "leakage"
        zero = ", Retrained R" if "− R" in self.formula else ", Clean C" if "− C" in self.formula else ""
        return f"{VIEW_MEANINGS[kind]} {self.formula}; U the method{zero}, P Compromised."

    def limit(self, thresholds: Thresholds) -> float:
        """Where its failure mode begins; of the leakage of all rows, by the paper's own rule."""
        known = complete(thresholds)
        limits = {
            "leakage": known.ineffective_association if self.retrained else known.ineffective,
            "fact": known.fact, "fact_paraphrase": known.fact_paraphrase, "kept": known.over_generalised,
            "drop": known.catastrophic,
        }  # fmt: skip
        limit = limits[self.role]
        assert limit is not None  # for the type checker
        return limit


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


def known_view(score: Score | None, *, retrained: bool) -> Normalised | None:
    """A score between its references: the view against Retrained beside that against Clean, or its own."""
    return None if score is None else score.against_retrained if retrained else score.normalised


def share_of_reference(
    records: Sequence[RunRecord], kind: str, metric: str, part: str, *, retrained: bool = False
) -> tuple[float | None, str]:
    """L or K of Clean or Compromised, and why there is none: 0 or 1 by definition.

    Where the zero is Retrained, Clean's own isn't 0: how far it lies beside is told by the numbers of all three, which
    the judged records hold.

    Args:
        records: in which judged ones tell what a view's zero is.
        kind: `clean` or `compromised`.
        metric: its name.
        part: of the score.
        retrained: whether it is the view against Retrained beside that against Clean.
    """
    if kind == "compromised":
        return 1.0, ""
    reason = ""
    for record in records:
        score = score_of(record, metric, part) if reference_kind(record) is None else None
        view = known_view(score, retrained=retrained)
        if score is None or view is None or view.against != "retrained":
            continue
        zero, one = score.retrained, score.compromised
        if view.value is not None and score.clean is not None and zero is not None and one is not None and one != zero:
            return (score.clean - zero) / (one - zero), ""
        reason = reason or view.reason or score.reason or "no such number of all references"
    return (None, reason) if reason else (0.0, "")


def drop_of_clean(records: Sequence[RunRecord], clean: RunRecord, metric: str) -> float | None:
    """How far the two references are apart in what a method should keep, or `None` where one has no such number."""
    other = next((score_of(item, metric) for item in records if reference_kind(item) == "compromised"), None)
    score = score_of(clean, metric)
    if score is None or score.value is None or other is None or not other.value:
        return None
    return (other.value - score.value) / other.value


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
