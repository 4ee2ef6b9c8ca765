"""What a metric says about itself and what it hands back."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from salmubench.scoring.references import Kind

Floats = npt.NDArray[np.float64]
Strings = npt.NDArray[np.object_]
Flags = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int32]

ItemKind = Literal["value", "rank", "reciprocal", "fact_rank", "fact_mean"]
Group = Literal["identity", "association", "shown", "hidden"]
"""Which items a part is about (`items.groups_of`): those of people all of whose associations are meant, or some; those
of classes that methods see in retain pairs, or not."""
PEOPLE: tuple[Group, ...] = ("identity", "association")
CLASSES: tuple[Group, ...] = ("shown", "hidden")
Pillar = Literal["efficacy", "utility"]
View = Literal["leakage", "kept", "drop"]
Role = Literal["leakage", "paraphrase", "fact", "fact_paraphrase", "fact_other", "fact_nameless", "kept", "drop"]
"""What a metric is to the verdict and to the pages' main columns; most have none."""


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """Description of a metric.

    Attributes:
        name: as it stands in records; its lower case is the module's name.
        pillar: what it tells about: forgetting efficacy or utility impact.
        goal: the reference whose value is the target; Clean stands for one that a dataset lacks.
        needs: splits, derived sets and texts it is computed from, for documentation and reasons.
        role: what the verdict and the main columns take it for; `None`: nothing.
        main: whether it is the pillar's main number.
        number: as the paper numbers it, e.g. `1.1`; `None` for extensions. Tables are in this order, what has no number
            last, by name.
        title: one line for tables.
        definition: part → one or two sentences for the column's head.
        split: the split or derived set that its items come from.
        every_row: whether each row of `split` is an item.
        range: lowest and highest value that an item can have; `None`: any.
        binary: whether an item is 0 or 1.
        view: how the number is normalised between the references; `None`: not defined.
        items: `value`: the score is the mean of the items; `rank`: the parts `mrr` and `r1` of the items' ranks;
            `reciprocal`: the same of reciprocal ranks; `fact_rank`: ranks among a number of others that each item
            states: `mrr`, `r1`, `percentile`; `fact_mean`: means over several pictures, each part of items of its own
            (`SOURCES`).
        groups: of items, over which each part is also computed.
        resample: what a bootstrap resamples: identities (rows without one are units of their own), or classes (the
            item's caption) and then pictures within them.
        panel: title of its panel among the distributions of similarities and what should happen there; `None`: no
            panel.
        steady: whether another precision or processor moves it by rounding alone: no fit, no choice of rows in it.
        official: part → section and key in the official evaluator's result file.
        official_items: section and key of its list of items there.
        official_gaps: whether that list may lack rows, so that nobody knows which item is which.
        official_skipped: what stands there for a number that was not computed.

    Examples:
        >>> METRIC = Metric("MySim", pillar="efficacy", goal="clean", needs=("forget",), title="Mine")
        >>> METRIC.items, METRIC.resample
        ('value', 'identity')
    """

    name: str
    pillar: Pillar
    goal: Kind
    needs: tuple[str, ...] = ()
    role: Role | None = None
    main: bool = False
    number: str | None = None
    title: str = ""
    definition: Mapping[str, str] = field(default_factory=dict)
    split: str | None = None
    every_row: bool = False
    range: tuple[float, float] | None = None
    binary: bool = False
    view: View | None = None
    items: ItemKind = "value"
    groups: tuple[Group, ...] = ()
    resample: Literal["identity", "class"] = "identity"
    panel: tuple[str, str] | None = None
    steady: bool = False
    official: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    official_items: tuple[str, str] | None = None
    official_gaps: bool = False
    official_skipped: float | None = None

    @property
    def order(self) -> tuple[bool, str, str]:
        """Sorts metrics as the paper's tables do, then by name."""
        return self.number is None, self.number or "", self.name


@dataclass(frozen=True, eq=False)
class Items:
    """Scored items of a metric: arrays of one length n.

    Attributes:
        split: the split on disk that they belong to; (n,) where they come from several.
        file_name: (n,) of the picture.
        caption: (n,) the text that was scored with it.
        identity: (n,) identity id or `None`.
        value: float64 (n,).
        others: int32 (n,) how many others a rank is among; `None` where that is no fact of the item.
        hidden: bool (n,) whether the item's class is hidden from methods; `None` where no class is, or it has none.
        part: (n,) the part that each item is of; `None` where every part is of all items.
        pictures: int32 (n,) how many pictures an item is the mean of; `None` where it is of one.
        same_country: bool (n,) whether the others are values of compatriots; `None` where nobody asks.
    """

    split: str | Strings
    file_name: Strings
    caption: Strings
    identity: Strings
    value: Floats
    others: Counts | None = None
    hidden: Flags | None = None
    part: Strings | None = None
    pictures: Counts | None = None
    same_country: Flags | None = None

    @property
    def splits(self) -> Strings:
        """Split of each item (n,)."""
        return self.split if isinstance(self.split, np.ndarray) else np.full(len(self), self.split, object)

    def __len__(self) -> int:
        return len(self.value)


@dataclass(frozen=True, eq=False)
class Outcome:
    """Result of a metric.

    Attributes:
        value: the number (of ranks: the mean reciprocal rank); `None` where it can't be computed.
        per_item: what it is the mean of; `None` with `value`.
        n: how many items.
        reason: why there is no number.
        left_out: rows that had to be left out of it.
    """

    value: float | None
    per_item: Items | None
    n: int
    reason: str | None = None
    left_out: int = 0


class Unavailable(Exception):
    """Raised by a metric that can't be computed on this dataset; its message is the reason in the record."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a score: the mean of a function of the items, over all of them or one group.

    Attributes:
        of: (values (n,), others (n,) or `None`) → float64 (n,).
        group: whose items; `None`: all.
        table: whether it is a column of the pages' tables; records and CSV have all parts.
        stored: the items it is the mean of, by their column `part`; `None`: all.
        viewed: whether it is normalised between the references as its metric says.
        grouped: whether it is also computed over each group of the metric.
    """

    of: Callable[[Floats, Floats | None], Floats]
    group: Group | None = None
    table: bool = True
    stored: str | None = None
    viewed: bool = True
    grouped: bool = True


def _as_it_is(value: Floats, _others: Floats | None) -> Floats:
    return value


def _reciprocal(rank: Floats, _others: Floats | None) -> Floats:
    return 1.0 / rank


def _first(rank: Floats, _others: Floats | None) -> Floats:
    return (rank <= 1.0).astype(np.float64)


def _whole(reciprocal: Floats, _others: Floats | None) -> Floats:
    return (reciprocal >= 1.0).astype(np.float64)


def _percentile(rank: Floats, others: Floats | None) -> Floats:
    """Share of the others that are ranked below, ties half: rank = 1 + #above + ½ #equal."""
    if others is None:
        raise ValueError("Expected the number of others of each rank, got none. Score the model again.")
    share: Floats = (others + 1.0 - rank) / others
    return share


SOURCES: Mapping[str, str] = {
    "unseen": "portraits that no model has seen (portraits_unseen)",
    "joint": "portraits that were only trained with what is visible (retain_joint)",
    "sensitive": "pictures that tell another fact of the person",
}
"""Where other pictures of a person come from → what they are; verdicts take the first that a dataset has."""


def known(source: str) -> str:
    """The part that says what is known of the person by pictures of a source: the MRR less that of strangers."""
    return f"known_{source}"


def by_other_pictures(part: str) -> bool:
    """Whether a part of a score is what is known of a person by other pictures."""
    return any(part.startswith(known(source)) for source in SOURCES)


def stranger(source: str) -> str:
    """The part that says what pictures of other people give: the MRR of the same values."""
    return f"mrr_{source}_stranger"


def _by_source() -> Mapping[str, Part]:
    """By groups only what a view may rest on and what it is made of; the items tell all the rest."""
    parts = {}
    for source in SOURCES:
        main, mrr = source != "sensitive", f"mrr_{source}"
        parts[known(source)] = Part(_as_it_is, table=main, stored=known(source), grouped=main)
        for name in (mrr, f"r1_{source}", f"percentile_{source}", stranger(source)):
            parts[name] = Part(_as_it_is, table=False, stored=name, viewed=False, grouped=main and name == mrr)
    return parts


_PARTS: Mapping[ItemKind, Mapping[str, Part]] = {
    "value": {"value": Part(_as_it_is)},
    "reciprocal": {"mrr": Part(_as_it_is), "r1": Part(_whole, table=False)},
    "rank": {"mrr": Part(_reciprocal), "r1": Part(_first)},
    "fact_rank": {
        "mrr": Part(_reciprocal),
        "r1": Part(_first, table=False),
        "percentile": Part(_percentile, table=False),
    },
    "fact_mean": _by_source(),
}
MOST_PARTS = max(map(len, _PARTS.values())) * (1 + len(get_args(Group)))
"""Parts of a score at most."""


@functools.lru_cache(maxsize=64)
def parts_of(items: ItemKind, groups: tuple[Group, ...] = ()) -> Mapping[str, Part]:
    """Parts of a score by name: each of all items, then of each group.

    Examples:
        >>> list(parts_of("rank", ("identity",)))
        ['mrr', 'r1', 'mrr_identity', 'r1_identity']
    """
    parts = dict(_PARTS[items])
    for group in groups:
        parts |= {
            part_of(name, group): replace(part, group=group, table=False)
            for name, part in _PARTS[items].items()
            if part.grouped
        }
    return parts


def of_forget(definition: Mapping[str, str]) -> dict[str, str]:
    """Definitions of the parts of a metric about `forget`, and of the same parts over each group of people.

    Examples:
        >>> of_forget({"r1": "Share of first ranks."})["r1_identity"]
        'Share of first ranks. Only people all of whose associations must go.'
    """
    whose = {"identity": "people all of whose associations must go", "association": "people some of whose must stay"}
    return dict(definition) | {
        part_of(part, group): f"{text} Only {whose[group]}." for group in PEOPLE for part, text in definition.items()
    }


def of_sources(of_person: str, of_group: Mapping[Group, str]) -> dict[str, str]:
    """Definitions of the parts of a metric whose items are means over other pictures of a person.

    Examples:
        >>> parts = of_sources("1/rank of the true value", {"identity": "Only people in forget."})
        >>> parts["mrr_joint_identity"][-22:]
        'Only people in forget.'
    """
    texts = {}
    for source, what in SOURCES.items():
        texts[known(source)] = f"Mean of {of_person} by {what}, less the same by pictures of other people."
        texts[f"mrr_{source}"] = f"Mean of {of_person} by {what}."
        texts[f"r1_{source}"] = f"Share of first ranks by {what}."
        texts[f"percentile_{source}"] = f"Mean share of the other values that rank below the true one by {what}."
        texts[stranger(source)] = f"Mean of {of_person} by such pictures of other people: what a face gives away."
    by_group = [name for name, part in _PARTS["fact_mean"].items() if part.grouped]
    return texts | {
        part_of(part, group): f"{texts[part]} {who}" for group, who in of_group.items() for part in by_group
    }


def part_of(part: str, group: Group) -> str:
    """Name of a part over one group of items; that of all classes has no name of its own."""
    return group if group in CLASSES else f"{part}_{group}"


_OF_RANKS = {"mrr": "MRR", "r1": "R@1", "percentile": "percentile"}
_ALL_NAMES = {
    "value": "",
    **_OF_RANKS,
    **{f"{part}_{source}": f"{name} {source}" for source in SOURCES for part, name in _OF_RANKS.items()},
    **{known(source): f"known {source}" for source in SOURCES},
    **{stranger(source): f"MRR {source} strangers" for source in SOURCES},
}
PART_NAMES: Mapping[str, str] = {
    **_ALL_NAMES,
    **{
        part_of(part, group): f"{name} {group}".strip()
        for part, name in _ALL_NAMES.items()
        for group in get_args(Group)
    },
}
"""Part of a score → how it is written behind the metric's name."""

STORED_PART: Mapping[str, str] = {"fact_rank": "rank", "reciprocal": "value"}
"""What the items are → what the table of items calls it, where that is another word."""


def main_part(items: ItemKind) -> str:
    """The part that stands for the metric: `mrr` of ranks, else `value`."""
    return next(iter(_PARTS[items]))


def is_cosine(metric: Metric) -> bool:
    """Whether the items of a metric are cosines."""
    return metric.range == (-1.0, 1.0)


def label(metric: str, part: str) -> str:
    """How a part of a metric is called: the name, and of ranks `MRR` or `R@1` behind it."""
    return f"{metric} {PART_NAMES.get(part, part)}".rstrip()


def mean(values: Floats) -> float:
    """Mean, exactly rounded, so that the order of the items can't matter."""
    return math.fsum(values.tolist()) / len(values)


def outcome(items: Items, *, ranks: bool = False, left_out: int = 0, empty: str = "no items") -> Outcome:
    """Outcome whose number is the mean of the items (of ranks: of their reciprocals).

    Args:
        empty: why there are no items, where there are none.

    Raises:
        Unavailable: no items.

    Examples:
        >>> texts = np.array(["a", "b"], dtype=object)
        >>> items = Items("forget", file_name=texts, caption=texts, identity=texts, value=np.array([1.0, 4.0]))
        >>> outcome(items).value
        2.5
        >>> outcome(items, ranks=True).value  # (1 / 1 + 1 / 4) / 2
        0.625
    """
    if not len(items):
        raise Unavailable(empty)
    value = mean(1.0 / items.value if ranks else items.value)
    return Outcome(value=value, per_item=items, n=len(items), left_out=left_out)
