"""Whose picture is it? People ranked by captions: each by those that tell other facts than the picture.

A person's similarity to a picture is the mean cosine of the picture with the person's captions, those left out that
tell of a field that the picture's own captions tell: of everybody, so that people compete with the same fields.
Source: ours; see docs/protocol.md.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from salmubench.core.types import FIELDS, SENSITIVE_SPLITS
from salmubench.scoring.fact_ranks import FEWEST
from salmubench.scoring.inputs import EvalInputs, Rows
from salmubench.scoring.metric import Floats, Items
from salmubench.scoring.products import BLOCK, rank, unit

NOBODY_TOLD = "no picture's person has captions that tell other facts, beside three other people"


@dataclass(frozen=True, eq=False)
class Told:
    """What is told of people.

    Attributes:
        people: (p,) identity ids, sorted.
        sums: float64 (p, f, d) sums of the captions' unit vectors.
        counts: int64 (p, f) captions.
    """

    people: list[str]
    fields: list[str]
    sums: Floats
    counts: npt.NDArray[np.int64]

    def without(self, fields: frozenset[str]) -> tuple[Floats, npt.NDArray[np.int64]]:
        """Mean vector of each person's captions of other fields, float64 (p, d), and their number, int64 (p,)."""
        kept = np.array([field not in fields for field in self.fields], np.bool_)
        counts = self.counts[:, kept].sum(axis=1)
        means: Floats = self.sums[:, kept].sum(axis=1) / np.maximum(counts, 1)[:, None]
        return means, counts


def person_items(inputs: EvalInputs, rows: Rows) -> tuple[Items, int]:
    """Rank the person of each picture among all people of the sensitive splits.

    Args:
        rows: whose pictures; of a picture in several rows the first stands.

    Returns:
        The items, and how many pictures were left out: nobody's, without a fact, of a person of whom no other fact is
        told, or with fewer than three other people.
    """
    told, fields_of = _told(inputs), _fields_of(rows)
    numbers = {identity: number for number, identity in enumerate(told.people)}
    first: dict[tuple[str | None, str], int] = {}
    for row, place in enumerate(zip(rows.identity, rows.file_name, strict=True)):
        first.setdefault(place, row)
    by_fields: defaultdict[frozenset[str], list[int]] = defaultdict(list)
    for place, row in first.items():
        if fields_of.get(place):
            by_fields[fields_of[place]].append(row)
    kept, ranks, others = list[int](), list[Floats](), list[npt.NDArray[np.int32]]()
    for fields, places in sorted(by_fields.items(), key=lambda item: sorted(item[0])):
        means, counts = told.without(fields)
        able = counts > 0
        if able.sum() <= FEWEST:
            continue
        which = np.array([row for row in places if able[numbers[rows.identity[row]]]], np.int64)
        kept += which.tolist()
        who = np.array([numbers[rows.identity[row]] for row in which], np.int64)
        for start in range(0, len(which), BLOCK):
            block = slice(start, start + BLOCK)
            similarity = unit(inputs.embeddings.images, rows.image_row[which[block]]) @ means.T  # (b, p)
            margin = similarity - np.take_along_axis(similarity, who[block, None], axis=1)
            margin[:, ~able] = -np.inf
            np.put_along_axis(margin, who[block, None], -np.inf, axis=1)
            ranks.append(rank(margin))
            others.append(np.full(len(similarity), able.sum() - 1, np.int32))
    order = np.argsort(np.array(kept, np.int64), kind="stable")
    chosen = rows.take(np.array(kept, np.int64)[order])
    value = np.concatenate([*ranks, np.zeros(0)])[order]
    among = np.concatenate([*others, np.zeros(0, np.int32)])[order]
    return chosen.items(value, others=among), len(first) - len(kept)


def _fields_of(rows: Rows) -> dict[tuple[str | None, str], frozenset[str]]:
    """(Identity, file name) → fields that the picture's captions tell."""
    by_picture: defaultdict[tuple[str | None, str], set[str]] = defaultdict(set)
    for identity, file_name, field in zip(rows.identity, rows.file_name, rows.field, strict=True):
        if identity is not None and field is not None:
            by_picture[identity, file_name].add(field)
    return {place: frozenset(fields) for place, fields in by_picture.items()}


def _told(inputs: EvalInputs) -> Told:
    tables = []
    for rows in map(inputs.rows, SENSITIVE_SPLITS):
        told = [one is not None and field is not None for one, field in zip(rows.identity, rows.field, strict=True)]
        tables.append(rows.take(np.array(told, np.bool_)))
    people = sorted({identity for rows in tables for identity in rows.identity})
    named = {field for rows in tables for field in rows.field}
    fields = [*(str(field) for field in FIELDS), *sorted(named - set(FIELDS))]
    person, place = ({name: n for n, name in enumerate(names)} for names in (people, fields))
    width = inputs.embeddings.texts.shape[1]
    sums, counts = np.zeros((len(people), len(fields), width)), np.zeros((len(people), len(fields)), np.int64)
    for rows in tables:
        who = np.array([person[identity] for identity in rows.identity], np.int64)
        what = np.array([place[field] for field in rows.field], np.int64)
        for start in range(0, len(rows), BLOCK):
            block = slice(start, start + BLOCK)
            np.add.at(sums, (who[block], what[block]), unit(inputs.embeddings.texts, rows.text_row[block]))
        np.add.at(counts, (who, what), 1)
    return Told(people, fields, sums, counts)
