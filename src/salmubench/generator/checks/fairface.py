"""All pictures of an identity look of the same age, gender and ethnicity, as in the paper's curation.

Three image classifiers judge each picture (in the paper those of FairFace: Kärkkäinen and Joo, FairFace: Face Attribute
Dataset for Balanced Race, Gender, and Age, WACV 2021, arXiv 1908.04913). What most pictures of an identity say counts;
a picture that says something else is drawn again. Ages are groups in order; neighbours of the middle one are let pass.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from salmubench.core.errors import ConfigError
from salmubench.generator.backends import Backend
from salmubench.generator.checks._models import classifier, decoded, fingerprint

BACKEND = Backend("All pictures of an identity look of one age, gender and ethnicity, judged by classifiers of yours.")

_TRAITS = ("age", "gender", "ethnicity")


@dataclass(frozen=True)
class Config:
    """Models of the user's: folders or Hub ids of image classifiers in the format of transformers, as safetensors."""

    age: str = ""
    """Classifier of age groups, whose labels begin with a number of years (`20-29`, `more than 70`)."""
    gender: str = ""
    """Classifier of gender."""
    ethnicity: str = ""
    """Classifier of ethnicity."""
    age_groups: int = 1
    """How many age groups a picture may lie away from the middle one of its identity."""
    least_share: float = 0.5
    """Share of an identity's pictures that must agree on gender and ethnicity; where fewer do, nobody can say which is
    right, and the check lets all pass."""
    batch: int = 16
    """Pictures that are judged at once."""
    device: str = "cpu"
    """Where the classifiers run."""

    def __post_init__(self) -> None:
        if not any(getattr(self, trait) for trait in _TRAITS):
            raise ConfigError("Expected a model for age, gender or ethnicity in dataset.curation.checks.fairface.")
        if self.age_groups < 0 or self.batch < 1 or not 0 <= self.least_share <= 1:
            raise ConfigError(
                "Expected age_groups of at least 0, batch of at least 1 and least_share from 0 to 1 in "
                f"dataset.curation.checks.fairface, got {self.age_groups}, {self.batch} and {self.least_share}."
            )


class Checker:
    """The check with its models.

    Raises:
        ConfigError: transformers is missing, or a model can't be loaded.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._models = {
            trait: classifier(getattr(config, trait), device=config.device)
            for trait in _TRAITS
            if getattr(config, trait)
        }
        self._ages = _in_order(self._models["age"].model.config.id2label.values()) if config.age else {}

    def fingerprint(self) -> str:
        """SHA-256 over the weights of all classifiers."""
        return fingerprint(*(getattr(self._config, trait) for trait in self._models))

    def see(self, images: Sequence[bytes], facts: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
        """The most probable label of each trait."""
        del facts
        pictures = decoded(images)
        predictions: list[dict[str, str]] = [{} for _ in pictures]
        for trait, model in self._models.items() if pictures else ():
            for labels, answer in zip(
                predictions, model(pictures, top_k=1, batch_size=self._config.batch), strict=True
            ):
                labels[trait] = str(answer[0]["label"])
        return predictions

    def faults(self, seen: Sequence[Mapping[str, str]], groups: Sequence[Hashable]) -> dict[int, tuple[str, str]]:
        """Pictures that differ from most others of their identity."""
        by_group: defaultdict[Hashable, list[int]] = defaultdict(list)
        for index, who in enumerate(groups):
            if who is not None:
                by_group[who].append(index)
        outliers: dict[int, tuple[str, str]] = {}
        for members in by_group.values():
            for trait in self._models:
                labels = {index: seen[index][trait] for index in members}
                differing = self._ages_apart(labels) if trait == "age" else self._minority(labels)
                for index, usual in differing.items():
                    outliers.setdefault(index, (trait, f"{labels[index]}, most others {usual}"))
        return outliers

    def _minority(self, labels: Mapping[int, str]) -> dict[int, str]:
        usual, count = max(Counter(labels.values()).items(), key=lambda item: (item[1], item[0]))
        if count < self._config.least_share * len(labels):
            return {}
        return {index: usual for index, label in labels.items() if label != usual}

    def _ages_apart(self, labels: Mapping[int, str]) -> dict[int, str]:
        order = sorted(self._ages[label] for label in labels.values())
        low, high = order[(len(order) - 1) // 2], order[len(order) // 2]  # both middle ones of an even number
        usual = next(label for label, place in self._ages.items() if place == high)
        least, most = low - self._config.age_groups, high + self._config.age_groups
        return {index: usual for index, label in labels.items() if not least <= self._ages[label] <= most}


connect = Checker


def _in_order(labels: Iterable[Any]) -> dict[str, int]:
    """Age labels → their place, by the first number in each."""
    years = {}
    for label in map(str, labels):
        number = re.search(r"\d+", label)
        if number is None:
            raise ConfigError(
                f"Expected age groups like '20-29' from dataset.curation.checks.fairface.age, got {label!r}."
            )
        years[label] = int(number[0])
    return {label: place for place, label in enumerate(sorted(years, key=lambda label: years[label]))}
