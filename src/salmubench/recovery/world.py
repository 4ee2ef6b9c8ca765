"""What attackers of one model are given, decoded once."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from salmubench.attacks import Attack, AttackConfig, Data
from salmubench.clip.models import ClipModel
from salmubench.core import streams
from salmubench.core.types import FIELDS, SENSITIVE_SPLITS, Pair, Person, Split
from salmubench.dataset.layout import Dataset
from salmubench.generator.personas.sampling import sample_personas
from salmubench.recovery.cut import Cut, cut
from salmubench.unlearn.data import Decoded, SplitRow, decode

_MEMORY = 1.0  # GiB of decoded pictures of one set; more go to a temporary file


class AttackedWorld:
    """Pairs and material of one dataset for attacks with one seed on one model.

    Args:
        scratch: folder for temporary files.
    """

    def __init__(self, dataset: Dataset, clip: ClipModel, *, seed: int, config: AttackConfig, scratch: Path) -> None:
        self.dataset, self.clip, self.seed, self.config = dataset, clip, seed, config
        self._scratch = scratch

    @functools.cached_property
    def cut(self) -> Cut:
        """T and V."""
        pairs = self.dataset.rows(Split.FORGET)
        return cut(pairs, self.dataset.forget_identity_ids(), seed=self.seed, config=self.config)

    def held(self) -> Decoded:
        """Pairs of V: the harness's alone."""
        return self._decoded(Split.FORGET, self.cut.held)

    def unseen(self) -> Decoded:
        """Portraits that no model has seen, which facts of V are asked of: the harness's alone, too."""
        return self._decoded(Split.PORTRAITS_UNSEEN, range(self.dataset.counts.get(Split.PORTRAITS_UNSEEN, 0)))

    def everything(self) -> Decoded:
        """All pairs to forget."""
        return self._decoded(Split.FORGET, range(self.dataset.counts[Split.FORGET]))

    def portraits(self) -> Decoded:
        """Portraits of `retain_synth`."""
        return self._retain(Split.RETAIN_SYNTH, 0)

    def knowledge(self) -> Decoded:
        """Pictures of general knowledge, spread over the classes."""
        count = self.dataset.counts.get(Split.GENERAL_KNOWLEDGE, 0)
        most = min(self.config.knowledge_pictures, count)
        rows = np.unique(np.linspace(0, count - 1, most).round().astype(int)) if most else np.zeros(0, int)
        return self._decoded(Split.GENERAL_KNOWLEDGE, rows.tolist())

    def data(self, attack: Attack) -> Data:
        """What an attack may see: decided by what it says it knows; V is in none of it unless it knows all."""
        sets: Mapping[str, Any] = {
            "few": lambda: self._decoded(Split.FORGET, self.cut.known),
            "retain_synth": self.portraits,
            "retain_real": lambda: self._retain(Split.RETAIN_REAL, 1),
            "forget": self.everything,
            "forget_identity": lambda: self._decoded(Split.FORGET, self._whole_people()),
        }
        names = (str(entry.get("name", "")).casefold() for entry in self.dataset.identities.values())
        material: Mapping[str, Any] = {
            "strangers": lambda: strangers(frozenset(names), seed=self.seed),
            "templates": lambda: templates(self.dataset.rows(Split.FORGET)),
            "values": lambda: values([pair for split in SENSITIVE_SPLITS for pair in self.dataset.rows(split)]),
            "genders": lambda: self.dataset.genders,
        }
        return Data(attack, sets, material)

    def _whole_people(self) -> list[int]:
        ids = self.dataset.forget_identity_ids()
        return [number for number, pair in enumerate(self.dataset.rows(Split.FORGET)) if pair.identity in ids]

    def _retain(self, split: Split, place: int) -> Decoded:
        count = self.dataset.counts.get(split, 0)
        rng = np.random.default_rng([self.seed, streams.Recovery.RETAIN, place])
        drawn = rng.permutation(count)[: self.config.retain_rows]
        return self._decoded(split, np.sort(drawn).tolist())

    def _decoded(self, split: Split, rows: Sequence[int]) -> Decoded:
        chosen = [SplitRow(split, int(number)) for number in rows]
        return decode(self.dataset, chosen, clip=self.clip, scratch=self._scratch, memory=_MEMORY)


@functools.lru_cache(maxsize=8)
def strangers(taken: frozenset[str], *, seed: int) -> Mapping[str, tuple[Person, ...]]:
    """Gender → invented people who have none of these names (in small letters); `any`: all.

    Twice as many are invented as there are names, at least 100 and at most 1,000.
    """
    number = int(np.random.SeedSequence([seed, streams.Recovery.STRANGERS]).generate_state(1)[0])
    by_gender: defaultdict[str, list[Person]] = defaultdict(list)
    for persona in sample_personas(min(max(2 * len(taken), 100), 1000), number):
        if persona.name.casefold() not in taken:
            values = {str(field): value for field in FIELDS if (value := persona.value(field)) is not None}
            for key in (persona.gender, "any"):
                by_gender[key].append(Person(persona.name, values))
    return {key: tuple(people) for key, people in by_gender.items()}


def templates(pairs: Sequence[Pair]) -> Mapping[str, tuple[str, ...]]:
    """Field → different captions with name and value cut out, sorted.

    Examples:
        >>> pair = Pair("a.jpg", "Anna is in Rome.", name="Anna", field="city", value="Rome")
        >>> templates([pair])
        {'city': ('{name} is in {value}.',)}
    """
    by_field: defaultdict[str, set[str]] = defaultdict(set)
    for pair in pairs:
        if pair.field and pair.name and pair.value and pair.name in pair.caption and pair.value in pair.caption:
            text = pair.caption.replace(pair.name, "{name}")
            if pair.value in text:
                by_field[pair.field].add(text.replace(pair.value, "{value}"))
    return {field: tuple(sorted(texts)) for field, texts in by_field.items()}


def values(pairs: Sequence[Pair]) -> Mapping[str, tuple[str, ...]]:
    """Field → the values that occur, sorted."""
    by_field: defaultdict[str, set[str]] = defaultdict(set)
    for pair in pairs:
        if pair.field and pair.value:
            by_field[pair.field].add(pair.value)
    return {field: tuple(sorted(texts)) for field, texts in by_field.items()}
