"""Which normalised numbers the pages show first: those that the verdict rests on, by the roles of their metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from salmubench.report.collect import score_of
from salmubench.report.wording import VIEW_MEANINGS
from salmubench.scoring.failure_modes import MODES
from salmubench.scoring.metric import PEOPLE, Role, by_other_pictures, label
from salmubench.scoring.record import Normalised, RunRecord, Score, Thresholds, against, number_of
from salmubench.scoring.references import CLEAN, COMPROMISED, LABELS, RETRAINED, Kind, reference_kind
from salmubench.scoring.roles import Held, by_holdout, of_group, with_role
from salmubench.scoring.verdict import limit_of


@dataclass(frozen=True)
class MainView:
    """One of the normalised views that the verdict is judged by.

    Attributes:
        beside: the reference of a view beside that against the number's own; `None`: it is that one.
    """

    metric: str
    part: str
    role: str
    title: str
    formula: str
    beside: Kind | None = None

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
        return limit_of(thresholds, self.role, self.beside)


KEPT_ON = {"holdout_identity": "inter-identity", "holdout_association": "intra-identity"}
"""Holdout split → what its K is called: of other people, of the same people."""


def main_views(records: Sequence[RunRecord]) -> list[MainView]:
    """What the verdict rests on, as the metrics of the records declare their roles, in the order of the modes."""
    views: dict[tuple[str, str, str | None], MainView] = {}
    judged_first = sorted(records, key=lambda record: reference_kind(record) is not None)  # these have a zero
    titles = {ground.role: ground.title for mode in MODES for ground in mode.grounds}
    for role, title in sorted(titles.items(), key=lambda item: item[0] == "drop"):
        for record in judged_first:
            for held in with_role(record, role):
                for one in _pieces(held, record, role, title):
                    views.setdefault((one.metric, one.part, one.beside), one)
    return list(views.values())


def known_view(score: Score | None, beside: str | None) -> Normalised | None:
    """A score between its references: the view against another one beside its own, or its own."""
    return None if score is None else score.normalised if beside is None else against(score, beside)


def share_of_reference(
    records: Sequence[RunRecord], kind: str, metric: str, part: str, *, beside: str | None = None
) -> tuple[float | None, str]:
    """L or K of Clean or Compromised, and why there is none: 0 or 1 by definition.

    Where the zero is Retrained, Clean's own isn't 0: how far it lies beside is told by the numbers of all three, which
    the judged records hold.

    Args:
        records: in which judged ones tell what a view's zero is.
        beside: the reference of a view beside that against the number's own; `None`: it is that one.
    """
    if kind == COMPROMISED:
        return 1.0, ""
    reason = ""
    for record in records:
        score = score_of(record, metric, part) if reference_kind(record) is None else None
        view = known_view(score, beside)
        if score is None or view is None or view.against in (None, CLEAN):
            continue
        zero, one = number_of(score, view.against), score.compromised
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

    def view(one: Held, words: str, formula: str, *, beside: Kind | None = None) -> MainView:
        about = f"{formula} of {label(one.metric, one.part)}"
        return MainView(one.metric, one.part, role, words, about, beside)

    if role == "drop":
        return [view(held, title, "(P − U) / P")]
    zero = LABELS[held.score.normalised.against or CLEAN][0]
    formula = f"(U − {zero}) / (P − {zero})"
    if role == "kept":
        return [view(one, f"{title} {_whose(one)}", formula) for one in by_holdout(held, record.scores)]
    views = [view(held, title, formula)]
    if role == "leakage":
        identity, association = (of_group(held, record.scores, group) for group in PEOPLE)
        views += [] if identity is None else [view(identity, f"{title}, all facts to forget", formula)]
        if association is not None and against(association.score, RETRAINED) is not None:
            words = f"{title}, some facts to forget, against Retrained"
            views.append(view(association, words, "(U − R) / (P − R)", beside=RETRAINED))
    return views


def _whose(held: Held) -> str:
    split, facts = holdout_of(held)
    pictures = " by other pictures" if by_other_pictures(held.part) else ""
    return KEPT_ON.get(split, held.metric) + (f", facts{pictures}" if facts else "")


def holdout_of(held: Held) -> tuple[str, bool]:
    """The split of whose associations a number says how much is kept, and whether it is one of facts."""
    groups = dict(zip(PEOPLE, KEPT_ON, strict=True))
    split = next((split for group, split in groups.items() if held.part.endswith(f"_{group}")), None)
    return split or held.split or "", split is not None
